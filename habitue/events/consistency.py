"""Events that make no sense without another one: a refund of what nobody bought.

In: a bucket's new events and a way to those that are stored. Out: how many of each kind stand
alone. They are kept as they are, for a log may begin late or know one shop window only; the
numbers are for people. Knows nothing about files.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import polars as pl

_PAIR: Final = ("subject_id", "item_number")
_LOOKED: Final = ("view_item", "select_item", "click")


@dataclass(frozen=True)
class _Needs:
    """An event that needs one of the others before it, of the same person and item."""

    event_type: str
    before: tuple[str, ...]


_KINDS: Final = {
    "purchase_without_view": _Needs("purchase", _LOOKED),
    "refund_without_purchase": _Needs("refund", ("purchase",)),
    "removal_without_cart": _Needs("remove_from_cart", ("add_to_cart",)),
}


class Inconsistencies:
    """Counts them over the buckets of one ingest."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._totals: Counter[str] = Counter()
        self._has_views = False

    def add(self, events: pl.DataFrame, stored: Callable[[pl.Series], pl.DataFrame]) -> None:
        """Take a bucket's new events; `stored` reads `subject_id, item_number, timestamp,
        event_type` of those that were there before, of some subjects.
        """
        if "item_number" not in events.columns:
            return
        rows = events.select(*_PAIR, "timestamp", "event_type").drop_nulls("item_number")
        found = set(rows["event_type"].unique().cast(pl.String))
        self._has_views = self._has_views or not found.isdisjoint(_LOOKED)
        of_kind = {
            kind: rows.filter(pl.col("event_type") == needs.event_type)
            for kind, needs in _KINDS.items()
            if needs.event_type in found
        }
        self._totals.update({kind: some.height for kind, some in of_kind.items()})
        late = {kind: _alone(some, rows, _KINDS[kind]) for kind, some in of_kind.items()}
        subjects = pl.concat(
            [pl.Series(dtype=pl.Int64), *(alone["subject_id"] for alone in late.values())]
        )
        if subjects.len():
            before = stored(subjects.unique())
            late = {kind: _alone(alone, before, _KINDS[kind]) for kind, alone in late.items()}
        self._counts.update({kind: alone.height for kind, alone in late.items()})

    def counts(self) -> dict[str, int]:
        """Return the numbers by kind; a log that has no views at all misses none."""
        return {
            kind: count
            for kind, count in self._counts.items()
            if count and (self._has_views or kind != "purchase_without_view")
        }

    def shares(self) -> dict[str, float]:
        """Return what part of all events of a kind those that stand alone are."""
        return {kind: count / self._totals[kind] for kind, count in self.counts().items()}


def _alone(late: pl.DataFrame, rows: pl.DataFrame, needs: _Needs) -> pl.DataFrame:
    """Return the rows of `late` before which `rows` have nothing of what they need."""
    is_needed = pl.any_horizontal(pl.col("event_type") == one for one in needs.before)
    needed = rows.filter(is_needed)
    needed = needed.join(late, on=_PAIR, how="semi")
    first = needed.group_by(_PAIR).agg(_first=pl.col("timestamp").min())
    met = late.join(first, on=_PAIR, how="left", maintain_order="left")
    is_met = (pl.col("_first") <= pl.col("timestamp")).fill_null(False)
    return met.filter(~is_met).drop("_first")
