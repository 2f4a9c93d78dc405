"""Events of one person that say the same, as one: the same deed, item and day.

In: a person's events, the catalogue, the shop's time zone. Out: a group a line of an explanation,
oldest first, with its sentence and which events it holds. Knows nothing about effects.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from habitue.explanations.texts import Words
from habitue.profiles.evidence import event_ids
from habitue.schema import item_label

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class EventGroup:
    """Events of one kind on one item on one day."""

    event_ids: tuple[str, ...]  # oldest first
    timestamp: int  # of the last one
    text: str
    day: int  # on the shop's clock, counted from 1970

    @property
    def count(self) -> int:
        """How many events it holds."""
        return len(self.event_ids)


@dataclass(frozen=True)
class Grouped:
    """A person's events in groups, ordered by the time of their last event."""

    groups: tuple[EventGroup, ...]
    group_of_event: Ints  # [E]

    @property
    def sizes(self) -> Ints:
        """The number of events of each group."""
        return np.bincount(self.group_of_event, minlength=len(self.groups)).astype(np.int64)


def group_events(
    events: pl.DataFrame, items: pl.DataFrame, words: Words, *, time_zone: str = "UTC"
) -> Grouped:
    """Return the groups of one person's events, which are in order of time."""
    local = pl.from_epoch("timestamp", time_unit="us").dt.replace_time_zone("UTC")
    named = items.select("item_number", shown=item_label())
    rows = (
        events.select("event_type", "timestamp", "item_number", event_id=event_ids(events))
        .join(named, on="item_number", how="left", maintain_order="left")
        .with_columns(
            pl.col("event_type").cast(pl.String),
            day=local.dt.convert_time_zone(time_zone).dt.date().cast(pl.Int32),
        )
        .with_row_index("row")
    )
    found = (
        rows.group_by("event_type", "item_number", "day")
        .agg(pl.col("shown").first(), pl.col("event_id"), pl.col("timestamp").max(), pl.col("row"))
        .sort("timestamp", pl.col("row").list.last())
    )
    group_of_event = np.zeros(events.height, dtype=np.int64)
    groups = []
    for number, one in enumerate(found.iter_rows(named=True)):
        group_of_event[one["row"]] = number
        text = words.deed(one["event_type"], one["shown"], len(one["event_id"]), one["day"])
        groups.append(EventGroup(tuple(one["event_id"]), one["timestamp"], text, one["day"]))
    return Grouped(tuple(groups), group_of_event)
