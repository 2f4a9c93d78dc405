"""What sells now, counted from the log alone: for a shop that has no model yet.

In: an event log. Out: each item's persons, counted as `Popularity` counts them. One pass over the
buckets. Knows nothing about vocabularies or models.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from habitue.baselines.popularity import (
    FALLBACK_HALF_LIFE_DAYS,
    FALLBACK_WEIGHT,
    WINDOW_DAYS,
)
from habitue.events.log import EventLog
from habitue.schema import DAY, POSITIVE_EVENT_TYPES, item_label


@dataclass(frozen=True)
class Taken:
    """What most persons took, best first: `item_id, name, recent` (persons in the last days)."""

    items: pl.DataFrame
    event_types: tuple[str, ...]  # what counts as taking


def most_taken(log: EventLog, *, as_of: int, least: int, k: int, setting: str = "auto") -> Taken:
    """Return the `k` items that most persons took, of those that at least `least` ever took.

    `setting` names what counts, or is "auto": purchases where there are any, else every interest.
    """
    counts = {}
    for types in [("purchase",), POSITIVE_EVENT_TYPES] if setting == "auto" else [(setting,)]:
        counts = {types: _counted(log, types, as_of=as_of)}
        if counts[types].height:
            break
    ((types, counted),) = counts.items()
    items = log.items(as_of=as_of).filter("available", "is_product")
    fit = counted.filter(pl.col("ever") >= least).join(items, on="item_number")
    best = fit.sort("score", "item_number", descending=[True, False]).head(k)
    return Taken(best.select("item_id", item_label().alias("name"), "recent"), types)


def _counted(log: EventLog, types: Sequence[str], *, as_of: int) -> pl.DataFrame:
    """Return `item_number, recent, ever, score`: a person counts once an item, bots do not."""
    pieces = []
    age_days = (as_of - pl.col("last")) / DAY
    for bucket in range(log.num_buckets):
        events = log.read_bucket(bucket, as_of=as_of)
        is_taken = pl.col("event_type").is_in(types) & ~pl.col("is_bot")
        taken = events.filter(is_taken & pl.col("item_number").is_not_null())
        pairs = taken.group_by("subject_id", "item_number").agg(last=pl.col("timestamp").max())
        pieces.append(
            pairs.group_by("item_number").agg(
                recent=(age_days <= WINDOW_DAYS).sum(),
                ever=pl.len(),
                decayed=(0.5 ** (age_days / FALLBACK_HALF_LIFE_DAYS)).sum(),
            )
        )
    summed = (
        pl.concat(pieces).group_by("item_number").agg(pl.col("recent", "ever", "decayed").sum())
    )
    return summed.with_columns(score=pl.col("recent") + FALLBACK_WEIGHT * pl.col("decayed"))
