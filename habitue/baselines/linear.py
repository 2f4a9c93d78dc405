"""Ridge regression, logistic or plain, on skewed columns: arrays in, raw scores out.

Each column is made tame (signed logarithm, missing to the median, mean 0, deviation 1, cut at
five deviations); the weights are found by Newton's method, so the same rows give the same model.
A raw score is log odds for "binary" and a number for "regression". Knows nothing about what the
columns mean.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
LinearObjective = Literal["binary", "regression"]

_CUT = 5.0
_MAX_STEPS = 30
_TOLERANCE = 1e-7


@dataclass(frozen=True)
class LinearModel:
    """Weights of tamed columns."""

    fill: tuple[float, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weight: tuple[float, ...]
    intercept: float

    def raw(self, columns_NF: Floats) -> Floats:
        """Return the raw score of each row, float64 [N]."""
        return np.asarray(self._tamed(columns_NF) @ np.array(self.weight) + self.intercept)

    def contributions(self, columns_NF: Floats) -> Floats:
        """Return what each column adds to the raw score, float64 [N, F + 1], the last the mean."""
        parts = self._tamed(columns_NF) * np.array(self.weight)
        return np.column_stack([parts, np.full(len(parts), self.intercept)])

    def _tamed(self, columns_NF: Floats) -> Floats:
        return _tame(columns_NF, np.array(self.fill), np.array(self.mean), np.array(self.scale))


@dataclass(frozen=True)
class Taming:
    """How columns are made tame."""

    fill: tuple[float, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]

    def tamed(self, columns_NF: Floats) -> Floats:
        """Return the columns tamed, float64 [N, F]."""
        return _tame(columns_NF, np.array(self.fill), np.array(self.mean), np.array(self.scale))


def fit_taming(columns_NF: Floats) -> Taming:
    """Return what `fit_linear` would tame these columns by."""
    return _tame_in_place(np.array(columns_NF, dtype=np.float64))


def fit_linear(
    columns_NF: Floats, label_N: Floats, *, objective: LinearObjective, penalty: float = 30.0
) -> LinearModel:
    """Fit and return the model; `penalty` is half the weight of the squared length of weights."""
    # The rows of a task are the largest thing in memory: they are tamed where they stand.
    design = np.ones((len(columns_NF), columns_NF.shape[1] + 1))
    tamed = design[:, :-1]
    tamed[:] = columns_NF
    taming = _tame_in_place(tamed)
    ridge = np.full(design.shape[1], penalty)
    ridge[-1] = 1e-6  # the level is free; the trace of ridge keeps one-class data finite
    label = np.asarray(label_N, dtype=np.float64)
    solve = _solve_logistic if objective == "binary" else _solve_least_squares
    weight = solve(design, label, ridge)
    return LinearModel(
        taming.fill,
        taming.mean,
        taming.scale,
        tuple(weight[:-1].tolist()),
        float(weight[-1]),
    )


def _tame_in_place(columns: Floats) -> Taming:
    """Tame the columns where they stand, and return how it was done."""
    _log_signed(columns)
    fill = np.array([_median(column) for column in columns.T])
    np.copyto(columns, fill, where=np.isnan(columns))
    mean, deviation = columns.mean(axis=0), columns.std(axis=0)
    scale = np.where(deviation > 1e-9, deviation, 1.0)
    _scale(columns, mean, scale)
    return Taming(tuple(fill.tolist()), tuple(mean.tolist()), tuple(scale.tolist()))


def _log_signed(columns: Floats) -> None:
    """Replace each number by its signed logarithm, in place."""
    negative = columns < 0
    np.abs(columns, out=columns)
    np.log1p(columns, out=columns)
    np.negative(columns, out=columns, where=negative)


def _median(column: Floats) -> float:
    known = column[~np.isnan(column)]
    return float(np.median(known)) if len(known) else 0.0


def _scale(columns: Floats, mean: Floats, scale: Floats) -> None:
    """Bring each column to mean 0 and deviation 1, cut at five deviations, in place."""
    columns -= mean
    columns /= scale
    np.clip(columns, -_CUT, _CUT, out=columns)


def _tame(columns: Floats, fill: Floats, mean: Floats, scale: Floats) -> Floats:
    tamed = np.array(columns, dtype=np.float64)
    _log_signed(tamed)
    np.copyto(tamed, fill, where=np.isnan(tamed))
    _scale(tamed, mean, scale)
    return tamed


def _solve_least_squares(design: Floats, label: Floats, ridge: Floats) -> Floats:
    return np.linalg.solve(design.T @ design + np.diag(ridge), design.T @ label)


def _solve_logistic(design: Floats, label: Floats, ridge: Floats) -> Floats:
    weight = np.zeros(design.shape[1])
    loss = _logistic_loss(design, label, ridge, weight)
    for _ in range(_MAX_STEPS):
        chance = 1 / (1 + np.exp(-design @ weight))
        slope = design.T @ (chance - label) + ridge * weight
        # A matrix times its own transpose costs half of a general product.
        weighted = design * np.sqrt(chance * (1 - chance))[:, None]
        bend = weighted.T @ weighted + np.diag(ridge)
        step = np.linalg.solve(bend, slope)
        # A full Newton step may overshoot where classes are nearly apart.
        for halving in range(20):
            tried = weight - step * 0.5**halving
            tried_loss = _logistic_loss(design, label, ridge, tried)
            if tried_loss <= loss:
                break
        gain = loss - tried_loss
        weight, loss = tried, tried_loss
        if gain <= _TOLERANCE * max(loss, 1.0):
            break
    return weight


def _logistic_loss(design: Floats, label: Floats, ridge: Floats, weight: Floats) -> float:
    raw = design @ weight
    return float((np.logaddexp(0, raw) - label * raw).sum() + 0.5 * (ridge * weight**2).sum())
