"""Ridge regression from items to items, in closed form where it fits, by descent where not.

Comes in: what was seen before and what came after it, a sparse row an example. Goes out: the
matrix that predicts the one from the other. Up to `MAX_DENSE_ITEMS` items it is exact and dense
(by a Cholesky factor, in place: one matrix of 4 bytes an entry is in memory); beyond, gradient
steps from the diagonal's solution that keep the strongest entries of each row. Knows nothing about
histories.
"""

import numpy as np
import numpy.typing as npt
from scipy import linalg, sparse

from habitue.baselines.next_item import strongest, strongest_of_product

Floats = npt.NDArray[np.float32]

MAX_DENSE_ITEMS = 20_000
ROW_ENTRIES = 200
_GRAM_ENTRIES = 1000  # of a row of what is solved, beyond the dense size
_STEPS = 20
_POWER_STEPS = 30
_BLOCK_ROWS = 500


def solve_ridge(
    before: sparse.csr_array,
    after: sparse.csr_array,
    penalty: float,
    *,
    max_dense_items: int = MAX_DENSE_ITEMS,
) -> sparse.csr_array | Floats:
    """Return B that minimises |XB - Y|² + penalty |B|², for X `before` and Y `after`, [P, I]."""
    backwards = before.T.tocsr()
    if before.shape[1] > max_dense_items:
        gram = strongest_of_product(backwards, before, _GRAM_ENTRIES)
        target = strongest_of_product(backwards, after, _GRAM_ENTRIES)
        return _descended(gram, target, penalty, zero_diagonal=False)
    solved, target = _inverse(backwards, before, penalty), (backwards @ after).tocsr()
    for start in range(0, len(solved), _BLOCK_ROWS):
        rows = slice(start, start + _BLOCK_ROWS)
        # The inverse times what came after: half the work of solving for each column, and each
        # row takes the place of the row it is made of.
        solved[rows] = solved[rows] @ target
    return solved


def solve_ease(
    taken: sparse.csr_array, penalty: float, *, max_dense_items: int = MAX_DENSE_ITEMS
) -> sparse.csr_array | Floats:
    """Return B that minimises |XB - X|² + penalty |B|² with a diagonal of zeros, X being `taken`.

    The closed form is of Steck, Embarrassingly Shallow Autoencoders for Sparse Data (2019).
    """
    backwards = taken.T.tocsr()
    if taken.shape[1] > max_dense_items:
        gram = strongest_of_product(backwards, taken, _GRAM_ENTRIES)
        return _descended(gram, gram, penalty, zero_diagonal=True)
    weights = _inverse(backwards, taken, penalty)
    weights /= -weights.diagonal().copy()
    np.fill_diagonal(weights, 0)
    return weights


def _inverse(left: sparse.csr_array, right: sparse.csr_array, penalty: float) -> Floats:
    """The inverse of the product with the penalty on its diagonal; one dense matrix in memory."""
    gram = _dense_product(left, right)
    gram[np.diag_indices(len(gram))] += np.float32(penalty)
    factor, _ = linalg.cho_factor(gram, lower=True, overwrite_a=True, check_finite=False)
    inverse, problem = linalg.lapack.spotri(factor, lower=1, overwrite_c=1)
    assert problem == 0  # positive definite, or the factor would have failed
    return _mirrored(inverse)


def _dense_product(left: sparse.csr_array, right: sparse.csr_array) -> Floats:
    """Dense, in the column order that LAPACK overwrites instead of copying, in blocks of rows.

    Of few items that many took, the sparse product would be larger than the dense one.
    """
    found = np.zeros((left.shape[0], right.shape[1]), dtype=np.float32, order="F")
    for start in range(0, len(found), _BLOCK_ROWS):
        rows = slice(start, start + _BLOCK_ROWS)
        found[rows] = (left[rows] @ right).toarray()
    return found


def _mirrored(lower: Floats) -> Floats:
    """The symmetric matrix whose lower triangle is given, in place, block by block."""
    size = len(lower)
    for start in range(0, size, _BLOCK_ROWS):
        stop = min(start + _BLOCK_ROWS, size)
        corner = np.tril(lower[start:stop, start:stop])
        lower[start:stop, start:stop] = corner + np.tril(corner, -1).T
        lower[start:stop, stop:] = lower[stop:, start:stop].T
    return np.ascontiguousarray(lower.T)  # symmetric: the transpose is a view in row order


def _descended(
    gram: sparse.csr_array, target: sparse.csr_array, penalty: float, *, zero_diagonal: bool
) -> sparse.csr_array:
    """Gradient steps scaled by the diagonal, the weakest entries dropped after each.

    Memory holds the Gram matrix, two sparse solutions and one block of rows.
    """
    size = gram.shape[0]
    ridge = sparse.diags_array(np.full(size, penalty, dtype=np.float32), format="csr")
    system = (gram.astype(np.float32) + ridge).tocsr()
    inverse = (1 / system.diagonal()).astype(np.float32)
    pace = np.float32(1 / _largest_eigenvalue(system, inverse))
    scale = sparse.diags_array(inverse * pace, format="csr")
    scaled, goal = (scale @ system).tocsr(), (scale @ target.astype(np.float32)).tocsr()
    found = _settled(goal, 0, zero_diagonal=zero_diagonal)
    for _ in range(_STEPS):
        blocks = []
        for start in range(0, size, _BLOCK_ROWS):
            rows = slice(start, start + _BLOCK_ROWS)
            moved = (found[rows] + goal[rows] - scaled[rows] @ found).tocsr()
            blocks.append(_settled(moved, start, zero_diagonal=zero_diagonal))
        found = sparse.vstack(blocks, format="csr")
    return found


def _settled(moved: sparse.csr_array, start: int, *, zero_diagonal: bool) -> sparse.csr_array:
    if zero_diagonal:
        rows = np.repeat(np.arange(moved.shape[0]), np.diff(moved.indptr))
        moved.data[moved.indices == rows + start] = 0
        moved.eliminate_zeros()
    return strongest(moved, ROW_ENTRIES)


def _largest_eigenvalue(system: sparse.csr_array, inverse: Floats) -> float:
    """Of the system scaled by its diagonal, by the power method, with a margin."""
    vector = np.ones(system.shape[0], dtype=np.float32)
    size = 1.0
    for _ in range(_POWER_STEPS):
        vector = inverse * (system @ vector)
        size = float(np.linalg.norm(vector))
        vector /= np.float32(size)
    return 1.05 * size
