"""One raw score a person, from trees and a linear model together, and a head where it helps.

Neither wins everywhere: trees catch interactions, the ridge holds where rows are few, and the
mean of their raw scores is often better than both. How many trees, and how much of each, is
chosen by the loss on later windows (`cuts.folds_by_time`); then all rows are fitted once more.
Whether a head (`heads`) is mixed in, or stands alone, is chosen in `fusion`.
Because raw scores add up, so do the contributions of columns. Knows nothing about what the
columns mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from habitue.baselines.boosting import ROUNDS, Trees, fit_trees
from habitue.baselines.linear import LinearModel, fit_linear
from habitue.profiles.calibration import window_gaps
from habitue.profiles.cuts import Fold
from habitue.profiles.heads import AmountHead, Head

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
ScorerObjective = Literal["binary", "regression"]

_ROUNDS_TRIED: Final = (20, 40, 80, 120, ROUNDS)
_TREE_SHARES: Final = (0.0, 0.5, 1.0)


@dataclass(frozen=True)
class Scorer:
    """Trees and a linear model, mixed in raw scores, and a head's raw score mixed with that."""

    objective: ScorerObjective
    tree_share: float
    rounds: int
    trees: Trees | None
    linear: LinearModel | None
    head: Head | None = None
    head_share: float = 0.0

    def raw(self, columns_NF: Floats) -> Floats:
        """Return the raw score of each row, float64 [N]: log odds, or the number itself."""
        total = self._plain(columns_NF)
        if self.head is None or not len(columns_NF):
            return total
        return (1 - self.head_share) * total + self.head_share * self.head.raw(columns_NF)

    def log_excess(self, columns_NF: Floats) -> Floats:
        """Return what each row's own spread adds to the log of its mean amount, [N]."""
        if not isinstance(self.head, AmountHead) or not len(columns_NF):
            return np.zeros(len(columns_NF))
        return self.head_share * self.head.log_excess(columns_NF)

    def _plain(self, columns_NF: Floats) -> Floats:
        total = np.zeros(len(columns_NF))
        if len(columns_NF) and self.trees is not None:
            total += self.tree_share * self.trees.raw(columns_NF)
        if len(columns_NF) and self.linear is not None:
            total += (1 - self.tree_share) * self.linear.raw(columns_NF)
        return total

    def contributions(self, columns_NF: Floats) -> Floats:
        """Return what each column adds to the raw score, float64 [N, F + 1], the last the mean."""
        total = np.zeros((len(columns_NF), columns_NF.shape[1] + 1))
        if self.trees is not None:
            total += self.tree_share * self.trees.contributions(columns_NF)
        if self.linear is not None:
            total += (1 - self.tree_share) * self.linear.contributions(columns_NF)
        if self.head is not None and len(columns_NF):
            total *= 1 - self.head_share
            total += self.head_share * self.head.contributions(columns_NF)
        return total


@dataclass(frozen=True)
class Mixture:
    """What was chosen on later windows, and how rows of those windows were scored there."""

    tree_share: float
    rounds: int
    rows: Ints  # [V] row numbers, of all folds in turn
    raw: Floats  # [V] scores by models that had not seen the row's window
    levelled: Floats  # [V] the same with each window's level taken out


def choose_mixture(
    columns_NF: Floats,
    label_N: Floats,
    folds: Sequence[Fold],
    *,
    objective: ScorerObjective,
    seed: int,
) -> Mixture:
    """Return the share and number of trees of least loss on the folds.

    The loss is taken with each window's level taken out: a model is chosen for telling persons
    apart, not for the luck of having met a season like the next. Rows whose label is NaN teach
    nothing but are scored like the others. Folds in which a side is missing (all labels equal)
    are passed over; where none is left, the mixture is half and half and nothing is judged.
    """
    usable = usable_folds(label_N, folds, objective)
    if not usable:
        return Mixture(0.5, 80, np.empty(0, np.int64), np.empty(0), np.empty(0))
    rows = np.concatenate([fold.judge for fold in usable])
    window = np.repeat(np.arange(len(usable)), [len(fold.judge) for fold in usable])
    line, by_trees = _scores_of_folds(columns_NF, label_N, usable, objective, seed)
    best, least = None, np.inf
    for rounds, tree in by_trees.items():
        for share in _TREE_SHARES:
            raw = share * tree + (1 - share) * line
            levelled = raw + level_of(label_N[rows], raw, window, objective)
            loss = float(np.nanmean(loss_of(label_N[rows], levelled, objective)))
            if loss < least:
                best, least = Mixture(share, rounds, rows, raw, levelled), loss
    assert best is not None, "a loss is not a number"
    return best


def fit_scorer(
    columns_NF: Floats,
    label_N: Floats,
    mixture: Mixture,
    *,
    objective: ScorerObjective,
    seed: int,
) -> Scorer:
    """Fit the chosen mixture on all rows with a label."""
    known = ~np.isnan(label_N)
    columns, label = columns_NF[known], label_N[known]
    share, rounds = mixture.tree_share, mixture.rounds
    trees = line = None
    if share > 0:
        trees = fit_trees(columns, label, objective=objective, seed=seed, rounds=rounds)
    if share < 1:
        line = fit_linear(columns, label, objective=objective)
    return Scorer(objective, share, rounds, trees, line)


def loss_of(label: Floats, raw: Floats, objective: ScorerObjective) -> Floats:
    """Return the log loss of log odds, or the squared error of numbers, of each row."""
    if objective == "binary":
        return np.asarray(np.logaddexp(0, raw) - label * raw)
    return np.asarray((raw - label) ** 2)


def usable_folds(label_N: Floats, folds: Sequence[Fold], objective: ScorerObjective) -> list[Fold]:
    """Return the folds that can be judged, without rows whose label is NaN to fit on."""
    known = ~np.isnan(label_N)
    taught = [Fold(fold.fit[known[fold.fit]], fold.judge) for fold in folds]
    return [fold for fold in taught if _is_usable(label_N, fold, objective)]


def _is_usable(label_N: Floats, fold: Fold, objective: ScorerObjective) -> bool:
    enough = len(fold.fit) >= 20 and bool((~np.isnan(label_N[fold.judge])).any())
    return enough and (objective == "regression" or len(np.unique(label_N[fold.fit])) > 1)


def _scores_of_folds(
    columns_NF: Floats,
    label_N: Floats,
    folds: Sequence[Fold],
    objective: ScorerObjective,
    seed: int,
) -> tuple[Floats, dict[int, Floats]]:
    """Return the line's scores of the judged rows, and the trees' after each number of rounds."""
    by_trees: dict[int, list[Floats]] = {rounds: [] for rounds in _ROUNDS_TRIED}
    by_line: list[Floats] = []
    for fold in folds:
        fit_x, fit_y, judge_x = columns_NF[fold.fit], label_N[fold.fit], columns_NF[fold.judge]
        trees = fit_trees(fit_x, fit_y, objective=objective, seed=seed, rounds=ROUNDS)
        for rounds in _ROUNDS_TRIED:
            by_trees[rounds].append(trees.raw(judge_x, rounds=rounds))
        by_line.append(fit_linear(fit_x, fit_y, objective=objective).raw(judge_x))
    pooled = {rounds: np.concatenate(parts) for rounds, parts in by_trees.items()}
    return np.concatenate(by_line), pooled


def level_of(label: Floats, raw: Floats, window: Ints, objective: ScorerObjective) -> Floats:
    """Return how far each row's whole window lay above its scores."""
    if objective == "binary":
        return window_gaps(raw, label, window)
    level = np.zeros(len(raw))
    for one in np.unique(window):
        rows = window == one
        gap = (label - raw)[rows]
        level[rows] = np.nanmean(gap) if not np.isnan(gap).all() else 0.0
    return level
