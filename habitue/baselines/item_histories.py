"""Bare histories: which items each person touched, in time order, and nothing else.

Comes in: lists of item columns. Goes out: the same in two flat arrays, cut, weighted by recency,
or as the examples a next-item model learns from. This is what published benchmarks hold, and all
that the item-to-item models of this folder read. Knows nothing about times, types or ids.

Lengths: N persons, E events in all, P prefixes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import sparse

# A decayed weight below this changes no list; looking further back only costs memory.
LEAST_WEIGHT = 1e-3


@dataclass(frozen=True)
class ItemHistories:
    """The items of N persons, oldest first."""

    items: npt.NDArray[np.int32]  # [E] columns, from 0
    offsets: npt.NDArray[np.int64]  # [N+1]

    @classmethod
    def of(cls, rows: Iterable[Sequence[int]]) -> "ItemHistories":
        """Return the histories of one sequence of items a person.

        >>> ItemHistories.of([[3, 1], [], [2]]).lengths.tolist()
        [2, 0, 1]
        """
        held = list(rows)
        lengths = np.fromiter((len(row) for row in held), dtype=np.int64, count=len(held))
        flat = (item for row in held for item in row)
        items = np.fromiter(flat, dtype=np.int32, count=int(lengths.sum()))
        return cls(items, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))

    @classmethod
    def joined(cls, parts: Sequence["ItemHistories"]) -> "ItemHistories":
        """Return the persons of all parts, one part after the other."""
        none = np.zeros(0, dtype=np.int32)
        lengths = np.concatenate([none.astype(np.int64), *(part.lengths for part in parts)])
        items = np.concatenate([none, *(part.items for part in parts)])
        return cls(items, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """The number of events of each person, [N]."""
        return np.diff(self.offsets)

    @cached_property
    def persons(self) -> npt.NDArray[np.int64]:
        """The row of the person of each event, [E]."""
        return np.repeat(np.arange(len(self)), self.lengths)

    @property
    def steps_back(self) -> npt.NDArray[np.int64]:
        """How many events of the same person come after each event, [E]."""
        return np.asarray(self.offsets[1:][self.persons] - 1 - np.arange(len(self.items)))

    def rows(self, start: int, stop: int) -> "ItemHistories":
        """Return the persons at positions `start` to `stop` (exclusive)."""
        first, last = int(self.offsets[start]), int(self.offsets[stop])
        return ItemHistories(self.items[first:last], self.offsets[start : stop + 1] - first)

    def take(self, persons: npt.NDArray[np.int64]) -> "ItemHistories":
        """Return the persons at these positions, in this order."""
        lengths = self.lengths[persons]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        shift = np.repeat(self.offsets[persons] - offsets[:-1], lengths)
        return ItemHistories(self.items[np.arange(offsets[-1]) + shift], offsets)

    def kept(self, events: npt.NDArray[np.bool_]) -> "ItemHistories":
        """Return the same persons with only the marked events, bool [E]."""
        lengths = np.bincount(self.persons[events], minlength=len(self))
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return ItemHistories(self.items[events], offsets)

    def newest(self, most: int) -> "ItemHistories":
        """Return the last `most` events of each person."""
        return self if (self.lengths <= most).all() else self.kept(self.steps_back < most)

    def without_newest(self, dropped: int) -> "ItemHistories":
        """Return each person without the last `dropped` events."""
        return self.kept(self.steps_back >= dropped)

    def newest_item(self) -> npt.NDArray[np.int64]:
        """Return the last item of each person, int64 [N]; nobody's history may be empty."""
        return self.items[self.offsets[1:] - 1].astype(np.int64)

    def repeat_share(self) -> float:
        """Return how many of the events are of an item that the person had before; 0 of none."""
        width = int(self.items.max(initial=0)) + 1
        distinct = len(np.unique(self.persons * width + self.items))
        return 1 - distinct / len(self.items) if len(self.items) else 0.0

    def weights(self, decay: float, num_items: int) -> sparse.csr_array:
        """Return what each item of a history counts, float32 [N, num_items].

        The last event counts 1, each earlier one `decay` times the one after it; an item that
        comes twice counts its two weights together.
        """
        recent = self.kept(decay**self.steps_back >= LEAST_WEIGHT) if decay < 1 else self
        values = (decay**recent.steps_back).astype(np.float32)
        # Summing duplicates works in place: columns and offsets must be copies.
        found = sparse.csr_array(
            (values, recent.items.copy(), recent.offsets.copy()), shape=(len(self), num_items)
        )
        found.sum_duplicates()
        return found
