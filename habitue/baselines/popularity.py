"""What sells now: how many different persons took an item in the last days.

Comes in: sequences in batches. Goes out: the same scores for everyone. A person counts once an
item however often they took it, and bots not at all, so no single account can lift an item. What
only few persons took or touched can be kept out of lists that others see. Knows nothing about the
person it is asked for.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from habitue.baselines.history import item_events, without_bots
from habitue.schema import DAY, POSITIVE_EVENT_TYPES
from habitue.sequences.sequences import Sequences

WINDOW_DAYS = 7.0
FALLBACK_HALF_LIFE_DAYS = 30.0
# What a person of the whole log weighs beside one of the window: enough to order the items that
# nobody took this week, too little to reorder those that were taken.
FALLBACK_WEIGHT = 0.01


@dataclass(frozen=True)
class Popularity:
    """Distinct persons an item in the last days before the cut."""

    recent_persons: npt.NDArray[np.float32]  # [num_items] in the window
    decayed_persons: npt.NDArray[np.float32]  # [num_items] whole log, a person's last time decayed
    window_days: float = WINDOW_DAYS
    takers: npt.NDArray[np.float32] | None = None  # [num_items] persons who ever took it
    touchers: npt.NDArray[np.float32] | None = None  # [num_items] who ever showed interest in it
    name: str = "popularity_7d"

    @classmethod
    def fit(
        cls,
        batches: Iterable[Sequences],
        *,
        num_items: int,
        as_of: int,
        target_types: Sequence[str] = ("purchase",),
        window_days: float = WINDOW_DAYS,
    ) -> "Popularity":
        """Count the persons of `batches` with an event of `target_types` before `as_of`."""
        count = PopularityCount(
            num_items, as_of=as_of, target_types=target_types, window_days=window_days
        )
        for batch in batches:
            count.add(batch)
        return count.popularity()

    @property
    def distribution(self) -> npt.NDArray[np.float32]:
        """The score of each item, [num_items]; sums to 1, or all 0 for an empty log."""
        counts = self.recent_persons + np.float32(FALLBACK_WEIGHT) * self.decayed_persons
        total = counts.sum(dtype=np.float64)
        return np.asarray(counts / total if total > 0 else counts, dtype=np.float32)

    def taken_by(self, persons: int) -> npt.NDArray[np.bool_]:
        """Return which items at least so many persons ever took, [num_items]."""
        return np.asarray((self.recent_persons if self.takers is None else self.takers) >= persons)

    def touched_by(self, persons: int) -> npt.NDArray[np.bool_]:
        """Return which items at least so many persons ever showed interest in, [num_items]."""
        known = self.recent_persons if self.touchers is None else self.touchers
        return np.asarray(known >= persons)

    def scores(self, sequences: Sequences, *, as_of: int) -> npt.NDArray[np.float32]:
        """Return the same row for each person, [N, num_items], as a read-only view."""
        row = self.distribution
        return np.broadcast_to(row, (len(sequences), len(row)))

    def save(self, folder: Path) -> None:
        """Write the counts into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {"recent": self.recent_persons, "decayed": self.decayed_persons}
        if self.takers is not None and self.touchers is not None:
            arrays |= {"takers": self.takers, "touchers": self.touchers}
        np.savez(folder / "popularity.npz", **arrays)  # type: ignore[arg-type]
        settings = {"window_days": self.window_days}
        (folder / "popularity.json").write_text(json.dumps(settings), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Popularity":
        """Read what `save` wrote."""
        settings = json.loads((folder / "popularity.json").read_text(encoding="utf-8"))
        with np.load(folder / "popularity.npz") as arrays:
            # Versions of earlier releases do not know who ever took an item.
            ever = [arrays.get(name) for name in ("takers", "touchers")]
            return cls(arrays["recent"], arrays["decayed"], settings["window_days"], *ever)


class PopularityCount:
    """Adds up the persons of one batch after the other, for a caller who streams them."""

    def __init__(
        self,
        num_items: int,
        *,
        as_of: int,
        target_types: Sequence[str],
        window_days: float = WINDOW_DAYS,
    ) -> None:
        self._as_of = as_of
        self._target_types = target_types
        self._window_days = window_days
        self._recent = np.zeros(num_items)
        self._decayed = np.zeros(num_items)
        self._takers = np.zeros(num_items)
        self._touchers = np.zeros(num_items)

    def add(self, batch: Sequences) -> None:
        """Count the persons of `batch`, none of whom was counted before."""
        num_items = len(self._recent)
        columns, last_at = _last_times(batch, num_items, self._as_of, self._target_types)
        age_days = (self._as_of - last_at) / DAY
        decay = 0.5 ** (age_days / FALLBACK_HALF_LIFE_DAYS)
        is_recent = age_days <= self._window_days
        self._recent += np.bincount(columns[is_recent], minlength=num_items)
        self._decayed += np.bincount(columns, weights=decay, minlength=num_items)
        self._takers += np.bincount(columns, minlength=num_items)
        touched, _ = _last_times(batch, num_items, self._as_of, POSITIVE_EVENT_TYPES)
        self._touchers += np.bincount(touched, minlength=num_items)

    def popularity(self) -> Popularity:
        """Return what was counted so far."""
        return Popularity(
            self._recent.astype(np.float32),
            self._decayed.astype(np.float32),
            self._window_days,
            self._takers.astype(np.float32),
            self._touchers.astype(np.float32),
        )


def _last_times(
    batch: Sequences, num_items: int, as_of: int, target_types: Sequence[str]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The item and the last moment of each pair of person and item."""
    events = item_events(
        without_bots(batch), num_items=num_items, as_of=as_of, event_types=target_types
    )
    pairs = events.persons * num_items + events.columns
    # Events are in time order within a person: the first of the reversed array is the latest.
    _, first = np.unique(pairs[::-1], return_index=True)
    last = len(pairs) - 1 - first
    return events.columns[last], events.timestamps[last]
