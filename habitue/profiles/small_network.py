"""A small network of one hidden layer, learnt and asked in NumPy.

Columns are tamed as those of `baselines.linear` are; the outputs are the mean of three networks
that differ in their seed and in the persons held out to stop by, kept as one: their hidden units
side by side. The caller brings the loss. The same rows and seed give the same network. Knows
nothing about what columns or outputs mean.

Legend: N rows, C columns, H hidden units, K outputs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from habitue.baselines.linear import Taming, fit_taming

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
Numbers = tuple[float, ...]
# From outputs [N, K] and the numbers of their rows to the loss and its slope [N, K].
Loss = Callable[[Floats, Ints], tuple[float, Floats]]
# From outputs [N, K] to a score [N] and its slope [N, K].
Score = Callable[[Floats], tuple[Floats, Floats]]

_MEMBERS: Final = 3
_HIDDEN: Final = 12  # of each member
_HELD_OUT: Final = 5  # every fifth person says when to stop
_STEPS: Final = 1500
_STEPS_A_CHECK: Final = 25
_PATIENCE: Final = 6  # checks without a lower loss
_BATCH: Final = 1024
_LEARNING_RATE: Final = 0.004
_DECAY: Final = 0.002  # of weights, a step
_PATH_POINTS: Final = 8


@dataclass(frozen=True)
class SmallNetwork:
    """Weights of tamed columns, tanh, weights of hidden units."""

    taming: Taming
    inner: tuple[Numbers, ...]  # [C, H]
    inner_level: Numbers  # [H]
    outer: tuple[Numbers, ...]  # [H, K]
    outer_level: Numbers  # [K]

    @cached_property
    def _arrays(self) -> tuple[Floats, Floats, Floats, Floats]:
        level, outer = np.array(self.inner_level), np.array(self.outer)
        inner = np.array(self.inner).reshape(-1, len(level))
        return inner, level, outer, np.array(self.outer_level)

    def outputs(self, columns_NC: Floats) -> Floats:
        """Return the outputs of each row, float64 [N, K]."""
        return _outputs(self._arrays, self.taming.tamed(columns_NC))[0]

    def contributions(self, columns_NC: Floats, score: Score) -> Floats:
        """Return what each column adds to the score, float64 [N, C + 1], the last the mean's.

        Integrated gradients (Sundararajan et al. 2017) from a row of means to each row; what the
        few points of the path miss is dealt out in proportion, so that the parts add up.
        """
        inner, _, outer, _ = self._arrays
        tamed = self.taming.tamed(columns_NC)
        slope_NC = np.zeros_like(tamed)
        for point in (np.arange(_PATH_POINTS) + 0.5) / _PATH_POINTS:
            outputs_NK, hidden_NH = _outputs(self._arrays, tamed * point)
            _, slope_NK = score(outputs_NK)
            slope_NC += (slope_NK @ outer.T * (1 - hidden_NH**2)) @ inner.T / _PATH_POINTS
        parts = tamed * slope_NC
        middle = float(score(_outputs(self._arrays, np.zeros((1, tamed.shape[1])))[0])[0][0])
        missing = score(_outputs(self._arrays, tamed)[0])[0] - middle - parts.sum(axis=1)
        size = np.abs(parts)
        share = size / np.maximum(size.sum(axis=1, keepdims=True), 1e-12)
        return np.column_stack([parts + share * missing[:, None], np.full(len(parts), middle)])


def fit_small_network(
    columns_NC: Floats, subject_N: Ints, loss: Loss, *, start_K: Floats, seed: int
) -> SmallNetwork:
    """Fit and return the network; `start_K` are the outputs to begin with."""
    taming = fit_taming(columns_NC)
    tamed = taming.tamed(columns_NC)
    members = [
        _fit_member(tamed, subject_N % _HELD_OUT == member, loss, start_K, seed + member)
        for member in range(_MEMBERS)
    ]
    inner, inner_level, outer, outer_level = zip(*members, strict=True)
    return SmallNetwork(
        taming,
        _rows(np.concatenate(inner, axis=1)),
        tuple(np.concatenate(inner_level).tolist()),
        _rows(np.concatenate(outer) / _MEMBERS),
        tuple(np.mean(outer_level, axis=0).tolist()),
    )


def _rows(matrix: Floats) -> tuple[Numbers, ...]:
    return tuple(tuple(row) for row in matrix.tolist())


def _outputs(weights: tuple[Floats, ...], tamed_NC: Floats) -> tuple[Floats, Floats]:
    """Return the outputs [N, K] and the hidden units [N, H]."""
    inner, inner_level, outer, outer_level = weights
    hidden_NH = np.tanh(tamed_NC @ inner + inner_level)
    return hidden_NH @ outer + outer_level, hidden_NH


def _fit_member(
    tamed_NC: Floats, is_held_N: npt.NDArray[np.bool_], loss: Loss, start_K: Floats, seed: int
) -> tuple[Floats, ...]:
    """Fit by Adam (Kingma and Ba 2015); return the weights of least loss on the held-out rows."""
    rng = np.random.default_rng(seed)
    held, taught = np.flatnonzero(is_held_N), np.flatnonzero(~is_held_N)
    if not len(held) or not len(taught):
        held = taught = np.arange(len(tamed_NC))
    width = tamed_NC.shape[1]
    weights = (
        rng.normal(0, 0.5 / np.sqrt(max(width, 1)), (width, _HIDDEN)),
        np.zeros(_HIDDEN),
        rng.normal(0, 0.01, (_HIDDEN, len(start_K))),
        np.array(start_K, dtype=np.float64),
    )
    first = [np.zeros_like(one) for one in weights]
    second = [np.zeros_like(one) for one in weights]
    best, least, since = tuple(one.copy() for one in weights), np.inf, 0
    for step in range(_STEPS + 1):
        if step % _STEPS_A_CHECK == 0:
            now, _ = loss(_outputs(weights, tamed_NC[held])[0], held)
            since += 1
            if now < least:
                best, least, since = tuple(one.copy() for one in weights), now, 0
            if since == _PATIENCE:
                break
        batch = taught if len(taught) <= _BATCH else rng.choice(taught, _BATCH)
        for number, slope in enumerate(_slopes(weights, tamed_NC[batch], batch, loss)):
            first[number] += 0.1 * (slope - first[number])
            second[number] += 0.01 * (slope**2 - second[number])
            mean = first[number] / (1 - 0.9 ** (step + 1))
            size = np.sqrt(second[number] / (1 - 0.99 ** (step + 1)))
            weights[number][...] -= _LEARNING_RATE * mean / (size + 1e-8)
            if weights[number].ndim == 2:
                weights[number][...] *= 1 - _DECAY
    return best


def _slopes(
    weights: tuple[Floats, ...], tamed_NC: Floats, rows: Ints, loss: Loss
) -> tuple[Floats, ...]:
    outer = weights[2]
    outputs_NK, hidden_NH = _outputs(weights, tamed_NC)
    _, slope_NK = loss(outputs_NK, rows)
    slope_NH = slope_NK @ outer.T * (1 - hidden_NH**2)
    return (
        tamed_NC.T @ slope_NH,
        slope_NH.sum(axis=0),
        hidden_NH.T @ slope_NK,
        slope_NK.sum(axis=0),
    )
