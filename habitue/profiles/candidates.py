"""Candidates for a prediction: sets of columns, judged on later windows, the winner finished.

In: the labelled rows of one task and folds of them. Out: a `Candidate` for each set of columns
with its loss on windows it had not seen, and, for the one chosen, the `Finished` parts of a
`TaskModel`. Knows nothing about the log or about files.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from habitue import metrics
from habitue.profiles.calibration import Calibrator, chance_of, fit_calibrator
from habitue.profiles.cuts import Fold, distinct_windows
from habitue.profiles.feature_names import CALENDAR_FEATURES, LIFETIME_FEATURES
from habitue.profiles.heads import Head
from habitue.profiles.samples import MODEL_COLUMNS, TaskRows, rfm_columns
from habitue.profiles.scorer import (
    Mixture,
    Scorer,
    ScorerObjective,
    choose_mixture,
    fit_scorer,
    loss_of,
)
from habitue.profiles.task_model import AmountShape, Form
from habitue.schema import DAY, Task

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
Heads = tuple[Head, Head | None]  # of the chance, and of the log amount

_YEAR_DAYS: Final = 365


@dataclass(frozen=True)
class Candidate:
    """A set of columns, the mixtures chosen for it, and how it fared on later windows."""

    form: Form
    columns: tuple[str, ...]
    matrix: Floats  # float32 [N, C]
    chance: Mixture
    amount: Mixture | None
    shape: AmountShape | None  # its smear is not known yet
    loss: Floats  # [V] log loss, or absolute error; each window's level taken out
    heads: Heads | None = None  # fitted on everything; only where they were chosen
    head_share: float = 0.0


@dataclass(frozen=True)
class Finished:
    """The parts of a model, and what it said of rows whose windows it had not seen."""

    chance: Scorer
    amount: Scorer | None
    calibrator: Calibrator
    shape: AmountShape | None
    rows: Ints  # [V]
    probability: Floats  # [V] of anything happening
    expected: Floats  # [V]
    score: Floats  # [V]


def judge_candidate(
    task: Task, rows: TaskRows, folds: Sequence[Fold], form: Form, *, seed: int
) -> Candidate:
    """Choose the mixtures for one set of columns."""
    columns = _columns(task, rows, form)
    matrix = rows.columns(columns)
    if form == "features+embedding" and rows.embeddings is not None:
        matrix = np.concatenate([matrix, rows.embeddings], axis=1)
    happened = happened_in(rows)
    chance = choose_mixture(matrix, happened, folds, objective="binary", seed=seed)
    if task.is_probability:
        loss = loss_of(happened[chance.rows], chance.levelled, "binary")
        return Candidate(form, columns, matrix, chance, None, None, loss)
    log_amounts = logged(rows)
    amount = choose_mixture(matrix, log_amounts, folds, objective="regression", seed=seed)
    if not np.array_equal(amount.rows, chance.rows):
        # A fold without any purchase: what the other stage learnt there cannot be joined.
        nothing = Mixture(0.5, 80, np.empty(0, np.int64), np.empty(0), np.empty(0))
        shape = AmountShape((0.0,), 1.0)
        return Candidate(form, columns, matrix, nothing, nothing, shape, np.empty(0))
    shape = AmountShape(residuals_of(log_amounts[amount.rows] - amount.levelled), 1.0)
    score = shape.median(chance_of(chance.levelled), amount.levelled)
    loss = np.abs(score - rows.labels[chance.rows])
    return Candidate(form, columns, matrix, chance, amount, shape, loss)


def gain_of(richer: Candidate, plain: Candidate, rows: TaskRows) -> metrics.Interval:
    """Return how much lower the richer candidate's loss is, resampling persons in pairs."""
    if not len(plain.loss) or len(plain.loss) != len(richer.loss):
        return metrics.Interval(0.0, 0.0, 0.0)
    _, person = np.unique(rows.subject_ids[plain.chance.rows], return_inverse=True)
    gain = np.bincount(person, weights=plain.loss - richer.loss) / np.bincount(person)
    return metrics.bootstrap_interval(gain, num_samples=400)


def finish_candidate(task: Task, rows: TaskRows, chosen: Candidate, *, seed: int) -> Finished:
    """Fit the candidate on all rows and calibrate it.

    The calibration curve is learnt on windows the judged models had not seen; its level, and that
    of amounts, is that of all windows together, because the model is now fitted on all of them.
    """
    happened, judged = happened_in(rows), chosen.chance.rows
    chance = _scorer(chosen, happened, chosen.chance, "binary", seed)
    curve = fit_calibrator(
        chosen.chance.levelled,
        happened[judged],
        rows.subject_ids[judged],
        num_windows=distinct_windows(rows.cuts[judged], horizon=task.horizon),
    )
    raw = chance.raw(chosen.matrix)
    calibrator = curve.at_level(raw, float(happened.mean()))
    probability = calibrator.chance(chosen.chance.raw)
    if chosen.amount is None or chosen.shape is None:
        return Finished(
            chance, None, calibrator, None, judged, probability, probability, probability
        )
    amount = _scorer(chosen, logged(rows), chosen.amount, "regression", seed)
    excess = amount.log_excess(chosen.matrix)
    unit = chosen.shape.mean(calibrator.chance(raw), amount.raw(chosen.matrix) + excess)
    shape = AmountShape(chosen.shape.residuals, float(rows.labels.sum() / unit.sum()))
    return Finished(
        chance,
        amount,
        calibrator,
        shape,
        judged,
        probability,
        shape.mean(probability, chosen.amount.raw + excess[judged]),
        shape.median(probability, chosen.amount.raw),
    )


def _scorer(
    chosen: Candidate, label: Floats, mixture: Mixture, objective: ScorerObjective, seed: int
) -> Scorer:
    """Fit trees and line, unless a head stands alone, and add the head where it was chosen."""
    if chosen.heads is None:
        return fit_scorer(chosen.matrix, label, mixture, objective=objective, seed=seed)
    head = chosen.heads[0 if objective == "binary" else 1]
    if chosen.head_share == 1:
        return Scorer(objective, 0.0, 0, None, None, head, 1.0)
    plain = fit_scorer(chosen.matrix, label, mixture, objective=objective, seed=seed)
    return replace(plain, head=head, head_share=chosen.head_share)


def _columns(task: Task, rows: TaskRows, form: Form) -> tuple[str, ...]:
    """Return the features that differ between rows; the season only once a year was seen.

    What the lifetime-value models tell is for probabilities: amounts were told worse with it.
    """
    knows_seasons = rows.cuts.max() - rows.cuts.min() >= _YEAR_DAYS * DAY
    wanted = rfm_columns(task.horizon) if form == "rfm" else MODEL_COLUMNS
    if not task.is_probability:
        wanted = tuple(name for name in wanted if name not in LIFETIME_FEATURES)
    useful = []
    for name in MODEL_COLUMNS:
        if name not in wanted or (name in CALENDAR_FEATURES and not knows_seasons):
            continue
        values = rows.columns([name])
        known = values[~np.isnan(values)]
        if len(known) and (known.min() < known.max() or len(known) < len(values)):
            useful.append(name)
    return tuple(useful)


def happened_in(rows: TaskRows) -> Floats:
    """Return 1 where the label is above 0, else 0."""
    return (rows.labels > 0).astype(np.float64)


def logged(rows: TaskRows) -> Floats:
    """Return log amounts, NaN where there was none."""
    return np.log(np.where(rows.labels > 0, rows.labels, np.nan))


def residuals_of(residual: Floats) -> tuple[float, ...]:
    """Return the 101 quantiles of the residuals that are known."""
    known = residual[~np.isnan(residual)]
    return quantiles(known) if len(known) else (0.0,)


def quantiles(values: Floats) -> tuple[float, ...]:
    """Return the 101 quantiles from the least value to the greatest."""
    return tuple(float(one) for one in np.quantile(values, np.linspace(0, 1, 101)))
