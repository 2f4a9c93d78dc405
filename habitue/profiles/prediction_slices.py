"""For whom predictions are less reliable: a task's measures, group of persons by group of persons.

In: what was predicted of persons at their cuts, what came, and who is in which group. Out: a
`TaskSlice` a group: how well it is told apart and at which level, beside everybody else. Intervals
are a bootstrap over persons, each drawn with all their cuts. Knows nothing about models.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from habitue import metrics
from habitue.errors import NotEnoughData
from habitue.files import Json
from habitue.metrics import MIN_RESAMPLED
from habitue.profiles.person_groups import Bools, Floats, Ints, Known
from habitue.profiles.samples import FEATURE_COLUMNS
from habitue.schema import PLATFORMS

Limits = tuple[float, float]
Verdict = Literal["worse", "better", "alike"]
Level = Literal["too_high", "too_low", "right"]

NUM_SAMPLES: Final = 300
MAX_ROWS: Final = 20_000  # resampled of a group; of more, as many persons are drawn


@dataclass(frozen=True)
class Predicted:
    """Predictions and what came: a row a person and cut."""

    persons: Ints  # [N]
    truth: Floats  # [N]
    score: Floats  # [N] a probability, or the typical amount
    expected: Floats  # [N] a probability, or the mean amount

    def only(self, rows: Bools | Ints) -> "Predicted":
        """Return these rows."""
        return Predicted(
            self.persons[rows], self.truth[rows], self.score[rows], self.expected[rows]
        )


@dataclass(frozen=True)
class Reliability:
    """How reliable the predictions of some persons are."""

    figures: Mapping[str, Json]  # n, persons and every measure by its name
    interval: Limits | None  # of what the verdict goes by; None of too few persons
    level: Limits | None  # of how far the mean prediction is from the mean outcome

    def as_json(self) -> dict[str, Json]:
        """Return the keys of the evaluation document."""
        return {
            **self.figures,
            "interval": None if self.interval is None else list(self.interval),
            "level_interval": None if self.level is None else list(self.level),
        }


@dataclass(frozen=True)
class TaskSlice:
    """A group of persons beside everybody else."""

    name: str  # one of `person_groups.GROUPS`
    inside: Reliability
    others: Reliability
    is_error: bool  # what the verdict goes by: of an error, less is better

    @property
    def verdict(self) -> Verdict | None:
        """How the group's interval lies to that of the others; None where one is not known."""
        inside, others = self.inside.interval, self.others.interval
        if inside is None or others is None:
            return None
        if inside[1] < others[0]:
            return "better" if self.is_error else "worse"
        if others[1] < inside[0]:
            return "worse" if self.is_error else "better"
        return "alike"

    @property
    def level(self) -> Level | None:
        """Whether the group is told too much or too little, beyond what chance explains."""
        if self.inside.level is None:
            return None
        low, high = self.inside.level
        return "too_high" if low > 0 else "too_low" if high < 0 else "right"

    def as_json(self) -> dict[str, Json]:
        """Return the keys of the evaluation document."""
        return {
            "slice": self.name,
            **self.inside.as_json(),
            "others": self.others.as_json(),
            "verdict": self.verdict,
            "level": self.level,
        }


def known_at(cut: int, features_NF: Floats) -> Known:
    """Return what features of `FEATURE_COLUMNS` tell of persons as they were at a cut."""

    def column(name: str) -> Floats:
        return np.asarray(features_NF[:, FEATURE_COLUMNS.index(name)])

    shares = np.nan_to_num(np.stack([column(f"{name}_share") for name in PLATFORMS], axis=1))
    return Known(
        cuts=np.full(len(features_NF), cut),
        days=column("tenure_days"),
        events=column("events"),
        platforms=np.where(shares.any(axis=1), shares.argmax(axis=1) + 1, 0),
    )


def task_slices(
    predicted: Predicted, groups: Mapping[str, Bools], *, is_probability: bool
) -> tuple[TaskSlice, ...]:
    """Return the groups that divide the rows; none of a few persons, who could be known by it."""
    measured = _of_chances if is_probability else _of_amounts
    return tuple(
        TaskSlice(
            name,
            inside=measured(predicted.only(chosen)),
            others=measured(predicted.only(~chosen)),
            is_error=not is_probability,
        )
        for name, chosen in groups.items()
        if min(_persons(predicted.only(one)) for one in (chosen, ~chosen)) >= MIN_RESAMPLED
    )


def _of_chances(rows: Predicted) -> Reliability:
    happened = rows.truth > 0
    told, came = float(rows.expected.mean()), float(happened.mean())
    figures: dict[str, Json] = {
        **_counts(rows),
        "base_rate": came,
        "predicted": told,
        "auc": _auc_or_none(happened, rows.score),
        "log_loss": metrics.log_loss(happened, rows.score),
        "brier": metrics.brier(happened, rows.score),
        "ece": metrics.ece(happened, rows.score),
        "level_error": told - came,
    }
    drawn = _thinned(rows)
    happened = drawn.truth > 0
    rank = np.unique(drawn.score, return_inverse=True)[1]
    orders, levels = [], []
    for weights in _draws(drawn.persons):
        orders.append(_weighted_auc(happened, rank, weights))
        levels.append(float(weights @ (drawn.expected - happened) / weights.sum()))
    rarer = min(len(np.unique(rows.persons[rows.truth > 0])), _persons(rows.only(rows.truth <= 0)))
    return Reliability(figures, _limits(orders, rarer), _limits(levels, _persons(rows)))


def _of_amounts(rows: Predicted) -> Reliability:
    true_sum = float(rows.truth.sum())
    mae = metrics.mae(rows.truth, rows.score)
    mean = true_sum / len(rows.truth)
    figures: dict[str, Json] = {
        **_counts(rows),
        "mean": mean,
        "predicted": float(rows.expected.mean()),
        "mae": mae,
        "relative_error": mae / mean if mean > 0 else None,
        "total_error": float(rows.expected.sum()) / true_sum - 1 if true_sum > 0 else None,
    }
    drawn = _thinned(rows)
    missed = np.abs(drawn.score - drawn.truth)
    errors, levels = [], []
    for weights in _draws(drawn.persons):
        spent = float(weights @ drawn.truth)
        errors.append(float(weights @ missed) / spent if spent > 0 else None)
        levels.append(float(weights @ drawn.expected) / spent - 1 if spent > 0 else None)
    spenders = _persons(rows.only(rows.truth > 0))
    return Reliability(figures, _limits(errors, spenders), _limits(levels, spenders))


def _counts(rows: Predicted) -> dict[str, Json]:
    return {"n": len(rows.truth), "persons": _persons(rows)}


def _persons(rows: Predicted) -> int:
    return len(np.unique(rows.persons))


def _auc_or_none(happened: Bools, score: Floats) -> float | None:
    try:
        return metrics.auc(happened, score)
    except NotEnoughData:
        return None


def _thinned(rows: Predicted) -> Predicted:
    """Return the rows, or those of as many persons as resampling can bear."""
    if len(rows.persons) <= MAX_ROWS:
        return rows
    distinct = np.unique(rows.persons)
    num = max(1, round(len(distinct) * MAX_ROWS / len(rows.persons)))
    chosen = np.random.default_rng(0).choice(distinct, num, replace=False)
    return rows.only(np.isin(rows.persons, chosen))


def _draws(persons: Ints) -> Iterator[npt.NDArray[np.float64]]:
    """Yield how often each row is drawn, persons being drawn with all their rows."""
    rng = np.random.default_rng(0)
    distinct, owner = np.unique(persons, return_inverse=True)
    for _ in range(NUM_SAMPLES):
        drawn = rng.integers(len(distinct), size=len(distinct))
        yield np.bincount(drawn, minlength=len(distinct)).astype(np.float64)[owner]


def _weighted_auc(happened: Bools, rank: Ints, weights: npt.NDArray[np.float64]) -> float | None:
    """Return the AUC of rows counted so often; None where the drawn had all the same outcome.

    The order is found once for all draws; sorting in each would cost most of the time.
    """
    did = np.bincount(rank, weights=weights * happened)
    did_not = np.bincount(rank, weights=weights * ~happened)
    pairs = did.sum() * did_not.sum()
    if not pairs:
        return None
    below = np.cumsum(did_not) - did_not / 2
    return float(did @ below / pairs)


def _limits(values: Sequence[float | None], persons: int) -> Limits | None:
    """Return the bounds of 95 % of what resampling so many persons told; None of too few."""
    found = [one for one in values if one is not None]
    if persons < MIN_RESAMPLED or not found:
        return None
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)
