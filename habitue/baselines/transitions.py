"""Linear next-item models: histories in, one solved matrix out.

`LinearTransitions` is a ridge regression from what came before, decayed, to what comes next;
`Ease` predicts each item from the others of the same person, whatever their order. Knows nothing
about how the regressions are solved.
"""

from dataclasses import dataclass
from math import ceil, log

import numpy as np
import numpy.typing as npt
from scipy import sparse

from habitue.baselines.item_histories import LEAST_WEIGHT, ItemHistories
from habitue.baselines.next_item import ItemToItem
from habitue.baselines.ridge import MAX_DENSE_ITEMS, solve_ease, solve_ridge

_STEPS_AHEAD = 4
_AHEAD_DECAY = 0.5
_MAX_PREFIXES = 3_000_000  # of some 20 entries each, all in memory


@dataclass(frozen=True)
class LinearTransitions:
    """A ridge regression from each decayed prefix to the next items.

    The next item counts 1, each of the three after it half of the one before.
    """

    decay: float = 0.7
    penalty: float = 20.0
    max_dense_items: int = MAX_DENSE_ITEMS
    name: str = "linear_transition"

    def fit(self, histories: ItemHistories, *, num_items: int) -> ItemToItem:
        """Solve for the matrix from what came before to what came next."""
        before, after = prefix_pairs(histories, self.decay, num_items)
        matrix = solve_ridge(before, after, self.penalty, max_dense_items=self.max_dense_items)
        return ItemToItem(matrix, self.decay)


@dataclass(frozen=True)
class Ease:
    """Each item from the other items of the same person (EASE), asked with a decayed history."""

    penalty: float = 50.0
    query_decay: float = 0.8
    max_dense_items: int = MAX_DENSE_ITEMS
    name: str = "ease"

    def fit(self, histories: ItemHistories, *, num_items: int) -> ItemToItem:
        """Solve for the matrix from item to item."""
        taken = histories.weights(1.0, num_items)
        taken.data[:] = 1
        matrix = solve_ease(taken, self.penalty, max_dense_items=self.max_dense_items)
        return ItemToItem(matrix, self.query_decay)


def prefix_pairs(
    histories: ItemHistories, decay: float, num_items: int
) -> tuple[sparse.csr_array, sparse.csr_array]:
    """Return what came before, decayed, and what came after, for each event that has a next one.

    Both float32 [P, num_items]. Of more than `_MAX_PREFIXES` such events every n-th is taken.
    """
    place = np.arange(len(histories.items))
    first = histories.offsets[:-1][histories.persons]
    last = histories.offsets[1:][histories.persons] - 1
    ends = place[place < last]
    ends = ends[:: 1 + len(ends) // _MAX_PREFIXES]
    steps_back = ceil(log(LEAST_WEIGHT) / log(decay))
    back = [(ends - step, decay**step) for step in range(steps_back)]
    ahead = [(ends + step + 1, _AHEAD_DECAY**step) for step in range(_STEPS_AHEAD)]
    before = _weighted(histories, back, first[ends], last[ends], num_items)
    return before, _weighted(histories, ahead, first[ends], last[ends], num_items)


def _weighted(
    histories: ItemHistories,
    steps: list[tuple[npt.NDArray[np.int64], float]],
    first: npt.NDArray[np.int64],
    last: npt.NDArray[np.int64],
    num_items: int,
) -> sparse.csr_array:
    """The items at these places of each prefix, where they are the same person's."""
    rows, columns, values = [], [], []
    for places, weight in steps:
        row = np.flatnonzero((places >= first) & (places <= last))
        rows.append(row)
        columns.append(histories.items[places[row]])
        values.append(np.full(len(row), weight, dtype=np.float32))
    coordinates = (np.concatenate(rows), np.concatenate(columns))
    shape = (len(first), num_items)
    return sparse.csr_array((np.concatenate(values), coordinates), shape=shape)
