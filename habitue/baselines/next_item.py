"""Next-item models that count or solve: one way to fit them, one way to ask them.

Comes in: bare histories. Goes out: a score of every item as the next one, for any histories. All
but popularity come down to one matrix, item to item, and a history weighted by recency, so one
fitted form serves them all. Networks have the same face (`FittedNextItem`), so that rankings,
blends and fallbacks need not know what they hold.
"""

from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
from scipy import sparse

from habitue.baselines.cooccurrence import CoOccurrence, CoOccurrenceSettings
from habitue.baselines.item_histories import ItemHistories

Floats = npt.NDArray[np.float32]
# How scores become probabilities: "share", they are parts of a whole once negative ones are 0;
# "logit", their exponentials are.
ScoreKind = Literal["share", "logit"]


class FittedNextItem(Protocol):
    """A fitted next-item model."""

    @property
    def kind(self) -> ScoreKind:
        """How its scores become probabilities."""

    def scores(self, histories: ItemHistories) -> Floats:
        """Return a score of each item, float32 [N, num_items], in an array of the caller's own."""


class NextItemModel(Protocol):
    """A next-item model with its settings, not fitted."""

    @property
    def name(self) -> str:
        """A word for tables."""

    def fit(self, histories: ItemHistories, *, num_items: int) -> FittedNextItem:
        """Learn from what each person touched, in its order."""


@dataclass(frozen=True)
class ItemToItem:
    """A history weighted by recency, times a matrix from item to item."""

    matrix: sparse.csr_array | Floats  # [num_items, num_items]
    query_decay: float  # of an event's weight with each event that came after it
    fallback: Floats | None = None  # [num_items] added to every row: decides between equals
    kind: ScoreKind = "share"

    def scores(self, histories: ItemHistories) -> Floats:
        """Return the scores, [N, num_items]; without a fallback zeros where nothing is known."""
        weights = histories.weights(self.query_decay, self.matrix.shape[0])
        found = weights @ self.matrix
        scores = np.asarray(found.toarray() if sparse.issparse(found) else found, np.float32)
        return scores if self.fallback is None else scores + self.fallback


class ItemToItemModel(Protocol):
    """A model whose fitted form is a matrix from item to item."""

    @property
    def name(self) -> str:
        """A word for tables."""

    def fit(self, histories: ItemHistories, *, num_items: int) -> ItemToItem:
        """Learn from what each person touched, in its order."""


@dataclass(frozen=True)
class SameForAll:
    """One row of scores for everyone."""

    row: Floats  # [num_items]
    kind: ScoreKind = "share"

    def scores(self, histories: ItemHistories) -> Floats:
        """Return the row for each history, [N, num_items]."""
        return np.tile(self.row, (len(histories), 1))


@dataclass(frozen=True)
class MostTaken:
    """How often each item was taken."""

    name: str = "popularity"

    def fit(self, histories: ItemHistories, *, num_items: int) -> SameForAll:
        """Count the events of each item."""
        return SameForAll(np.bincount(histories.items, minlength=num_items).astype(np.float32))


@dataclass(frozen=True)
class Markov:
    """What came directly after the last item, by count; the more popular first where equal."""

    name: str = "markov"

    def fit(self, histories: ItemHistories, *, num_items: int) -> ItemToItem:
        """Count each pair of neighbours."""
        has_next = histories.steps_back > 0
        before = histories.items[has_next]
        after = histories.items[1:][has_next[:-1]]
        pairs = (np.ones(len(before), dtype=np.float32), (before, after))
        matrix = sparse.csr_array(pairs, shape=(num_items, num_items))
        popular = np.bincount(histories.items, minlength=num_items).astype(np.float32)
        # Below 1, the least difference of two counts.
        return ItemToItem(matrix, query_decay=0.0, fallback=popular / (1 + popular.max(initial=0)))


@dataclass(frozen=True)
class TakenTogether:
    """The product's decayed co-occurrence, asked with a decayed history."""

    query_decay: float = 0.7
    settings: CoOccurrenceSettings = field(default_factory=CoOccurrenceSettings)
    name: str = "cooccurrence"

    def fit(self, histories: ItemHistories, *, num_items: int) -> ItemToItem:
        """Count what was taken after what."""
        matrix = CoOccurrence.transitions(histories, num_items=num_items, settings=self.settings)
        return ItemToItem(matrix, self.query_decay)


@dataclass(frozen=True)
class ItemKnn:
    """The cosine of two items' persons, the nearest `neighbours` of each item."""

    query_decay: float = 0.8
    neighbours: int = 500
    name: str = "item_knn"

    def fit(self, histories: ItemHistories, *, num_items: int) -> ItemToItem:
        """Compare the persons of every two items."""
        taken = histories.weights(1.0, num_items)
        taken.data[:] = 1
        scale = 1 / np.sqrt(np.maximum(taken.sum(axis=0), 1))
        unit = (taken @ sparse.diags_array(scale.astype(np.float32), format="csr")).tocsr()
        cosine = strongest_of_product(unit.T.tocsr(), unit, self.neighbours, diagonal=False)
        return ItemToItem(cosine, self.query_decay)


def strongest_of_product(
    left: sparse.csr_array, right: sparse.csr_array, entries: int, *, diagonal: bool = True
) -> sparse.csr_array:
    """Return `left @ right` with the largest `entries` of each row, made in blocks of rows.

    Without the `diagonal` an item's entry with itself is left out. Memory holds one block.
    """
    blocks = []
    for start in range(0, left.shape[0], _BLOCK_ROWS):
        block = (left[start : start + _BLOCK_ROWS] @ right).tocsr()
        if not diagonal:
            rows = np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
            block.data[block.indices == rows + start] = 0
            block.eliminate_zeros()
        blocks.append(strongest(block, entries))
    return sparse.vstack(blocks, format="csr")


def strongest(matrix: sparse.csr_array, entries: int) -> sparse.csr_array:
    """Return the matrix with the `entries` of each row that are farthest from 0."""
    long = np.flatnonzero(np.diff(matrix.indptr) > entries)
    if len(long) == 0:
        return matrix
    kept = np.ones(matrix.nnz, dtype=bool)
    for row in long:
        part = slice(matrix.indptr[row], matrix.indptr[row + 1])
        sizes = np.abs(matrix.data[part])
        kept[part] = False
        kept[part.start + np.argpartition(sizes, -entries)[-entries:]] = True
    lengths = np.add.reduceat(kept, matrix.indptr[:-1][np.diff(matrix.indptr) > 0])
    rows = np.zeros(matrix.shape[0], dtype=np.int64)
    rows[np.diff(matrix.indptr) > 0] = lengths
    # As wide as the other numbers of places, or SciPy would make all of them wide.
    indptr = np.concatenate([[0], np.cumsum(rows)]).astype(matrix.indptr.dtype)
    return sparse.csr_array((matrix.data[kept], matrix.indices[kept], indptr), shape=matrix.shape)


def strongest_of_rows(matrix: sparse.csr_array | Floats, entries: int) -> sparse.csr_array:
    """Return the `entries` of each row that are farthest from 0; of a dense one by blocks."""
    if sparse.issparse(matrix):
        return strongest(matrix, entries)
    blocks = [
        strongest(sparse.csr_array(matrix[start : start + _DENSE_ROWS]), entries)
        for start in range(0, matrix.shape[0], _DENSE_ROWS)
    ]
    return sparse.vstack(blocks, format="csr")


_BLOCK_ROWS = 1000
_DENSE_ROWS = 250
