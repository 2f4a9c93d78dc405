"""The item events of a block of persons as flat arrays: what every counting recommender reads.

Comes in: sequences. Goes out: one entry an event that names a known item, cut at `as_of`. Knows
nothing about how the events are counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from habitue.schema import EVENT_TYPES, POSITIVE_EVENT_TYPES
from habitue.sequences.sequences import Sequences

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
FloatsNI = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ItemEvents:
    """Events on known items, ordered by person, then time."""

    persons: Ints  # row of the person in the block
    columns: Ints  # column of the item: its vocabulary index less one
    timestamps: Ints
    type_codes: Ints  # position in EVENT_TYPES + 1
    moments: Ints  # place of the moment in the person's history, 0 for the first
    moments_back: Ints  # the same, counted from the last moment: 0 for the last

    def __len__(self) -> int:
        return len(self.persons)

    def where(self, kept: npt.NDArray[np.bool_]) -> "ItemEvents":
        """Return the events marked in `kept`, their moments counted as before."""
        return ItemEvents(
            persons=self.persons[kept],
            columns=self.columns[kept],
            timestamps=self.timestamps[kept],
            type_codes=self.type_codes[kept],
            moments=self.moments[kept],
            moments_back=self.moments_back[kept],
        )


def type_codes_of(event_types: Sequence[str]) -> Ints:
    """Return the integers that stand for these event types in `Sequences`."""
    return np.array([EVENT_TYPES.index(name) + 1 for name in event_types], dtype=np.int64)


def item_events(
    sequences: Sequences,
    *,
    num_items: int,
    as_of: int,
    event_types: Sequence[str] = POSITIVE_EVENT_TYPES,
) -> ItemEvents:
    """Return the events of `event_types` on known items, before `as_of`.

    Events of one timestamp (a basket), and neighbours on one item (viewed, then bought), are one
    moment.
    """
    persons = np.repeat(np.arange(len(sequences)), np.diff(sequences.offsets))
    items = np.asarray(sequences.items, dtype=np.int64)
    codes = np.asarray(sequences.event_types, dtype=np.int64)
    counted = np.zeros(len(EVENT_TYPES) + 1, dtype=bool)
    counted[type_codes_of(event_types)] = True
    kept = counted[codes] & (items >= 1) & (items <= num_items)
    kept &= np.asarray(sequences.timestamps) < as_of
    persons, items = persons[kept], items[kept]
    timestamps = np.asarray(sequences.timestamps, dtype=np.int64)[kept]
    moments = _moments(persons, items, timestamps)
    last = np.zeros(len(sequences), dtype=np.int64)
    np.maximum.at(last, persons, moments)
    return ItemEvents(persons, items - 1, timestamps, codes[kept], moments, last[persons] - moments)


def _moments(persons: Ints, items: Ints, timestamps: Ints) -> Ints:
    if len(persons) == 0:
        return np.zeros(0, dtype=np.int64)
    new_person = np.diff(persons, prepend=-1) != 0
    new_moment = (np.diff(timestamps, prepend=-1) != 0) & (np.diff(items, prepend=-1) != 0)
    running = np.cumsum(new_moment | new_person)
    return np.asarray(running - running[new_person][np.cumsum(new_person) - 1])


def without_bots(sequences: Sequences) -> Sequences:
    """Return the block without persons flagged as bots."""
    if not np.any(sequences.is_bot):
        return sequences
    return sequences.take(np.flatnonzero(~np.asarray(sequences.is_bot)))


def rows_summing_to_one(scores: FloatsNI) -> FloatsNI:
    """Scale each row of non-negative scores in place to sum 1; a row of zeros stays."""
    totals = scores.sum(axis=1, keepdims=True, dtype=np.float64)
    np.divide(scores, totals, out=scores, where=totals > 0, casting="same_kind")
    return scores


def sparse_rows(pairs: Ints, values: FloatsNI, shape: tuple[int, int]) -> sparse.csr_array:
    """Return the matrix of these values; `pairs` are rising `row * columns + column`."""
    rows, columns = np.divmod(pairs, shape[1])
    ends = np.cumsum(np.bincount(rows, minlength=shape[0]))
    return sparse.csr_array((values, columns, np.concatenate([[0], ends])), shape=shape)


def sparse_rows_summing_to_one(scores: sparse.csr_array) -> sparse.csr_array:
    """Scale each row of non-negative scores in place to sum 1; no zero is left among them."""
    rows = np.repeat(np.arange(scores.shape[0]), np.diff(scores.indptr))
    totals = np.bincount(rows, weights=scores.data, minlength=scores.shape[0])[rows]
    np.divide(scores.data, totals, out=scores.data, where=totals > 0, casting="same_kind")
    scores.eliminate_zeros()
    return scores


def entries_at(matrix: sparse.csr_array, rows: Ints, columns: Ints) -> FloatsNI:
    """Return the entries [M] at these places, 0 where none is stored."""
    if len(rows) == 0:  # SciPy would return a sparse array
        return np.zeros(0, dtype=np.float32)
    return np.asarray(matrix[rows, columns], dtype=np.float32)
