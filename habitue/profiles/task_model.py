"""A fitted prediction: features and embedding in, honest numbers out, one JSON file on disk.

A probability is a calibrated score. An amount is a hurdle: the chance of any, and how much if any.
`value` is the median, what is typical of such a person (0 for one who will probably not buy);
`expected` is the mean, which may be added up. Knows nothing about how it was fitted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import TypeAdapter

from habitue.baselines.lifetime import Lifetime, LifetimeRival
from habitue.baselines.rfm import AmountBaselines, ChanceBaselines
from habitue.errors import NotReady
from habitue.files import write_bytes
from habitue.languages import retold, told
from habitue.profiles.calibration import (
    AmountSpread,
    Calibrator,
    ChanceSpread,
)
from habitue.profiles.carried import Extrapolation, carried_on
from habitue.profiles.feature_names import LIFETIME_FEATURES
from habitue.profiles.prediction_record import PredictionRecord
from habitue.profiles.samples import (
    FEATURE_COLUMNS,
    asked_days,
    chosen_columns,
    feature_matrix,
    lifetime_matrix,
    rfm_matrix,
    told_by,
)
from habitue.profiles.scorer import Scorer
from habitue.profiles.sufficiency import MIN_EVENTS, TEXTS, judge_events, length_text, limited_to
from habitue.schema import DAY, Task

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
Form = Literal["rfm", "features", "features+embedding"]

# Of the table of predictions, after the score itself.
REMARK_COLUMNS: Final[dict[str, pl.DataType]] = {
    "interval_low": pl.Float64(),
    "interval_high": pl.Float64(),
    "percentile": pl.Float64(),
    "base_rate": pl.Float64(),
    "calibrated": pl.Boolean(),
    "data_sufficiency": pl.String(),
    "reason": pl.String(),
    "extrapolated": pl.Boolean(),
}
# Which feature tells how long ago an event was that may define who is asked about.
_SINCE: Final = {
    "impression": "days_since_impression",
    "click": "days_since_click",
    "purchase": "days_since_purchase",
    "add_to_cart": "days_since_cart",
    "search": "days_since_search",
}
_EVENTS: Final = FEATURE_COLUMNS.index("events")
_RECENCY: Final = FEATURE_COLUMNS.index("days_since_event")
_ORDERS: Final = FEATURE_COLUMNS.index("orders")


@dataclass(frozen=True)
class Predictions:
    """One task's answers for N persons."""

    task: Task
    subject_ids: Ints
    score: Floats  # the probability, or the typical amount
    expected: Floats  # the same probability, or the mean amount
    low: Floats  # of the 90 % interval; NaN where too few persons were learnt from
    high: Floats
    percentile: Floats  # 0-100 among the persons of the task when it was fitted
    base_rate: float
    calibrated: npt.NDArray[np.bool_]
    data_sufficiency: npt.NDArray[np.str_]  # ok | limited | not_enough_data
    reason: npt.NDArray[np.str_]  # why not ok
    is_extrapolated: bool = False
    # Whether the question is about the person; None where only the log could tell who is not.
    is_asked: npt.NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.subject_ids)

    def to_frame(self) -> pl.DataFrame:
        """Return a row a person: `subject_id`, `probability` or `value` and `expected`, …."""
        score = {"probability": self.score}
        if not self.task.is_probability:
            score = {"value": self.score, "expected": self.expected}
        schema = {"subject_id": pl.Int64(), **dict.fromkeys(score, pl.Float64()), **REMARK_COLUMNS}
        return pl.DataFrame(
            {
                "subject_id": self.subject_ids,
                **score,
                "interval_low": pl.Series(self.low, dtype=pl.Float64).fill_nan(None),
                "interval_high": pl.Series(self.high, dtype=pl.Float64).fill_nan(None),
                "percentile": self.percentile,
                "base_rate": np.full(len(self), self.base_rate),
                "calibrated": self.calibrated,
                "data_sufficiency": self.data_sufficiency.tolist(),
                "reason": self.reason.tolist(),
                "extrapolated": np.full(len(self), self.is_extrapolated),
            },
            schema=schema,
        )

    def record(self, row: int) -> PredictionRecord:
        """Return one person's answer, as a profile shows it."""
        score, is_chance = float(self.score[row]), self.task.is_probability
        low, high = float(self.low[row]), float(self.high[row])
        return PredictionRecord(
            probability=score if is_chance else None,
            value=None if is_chance else score,
            expected=None if is_chance else float(self.expected[row]),
            interval=None if np.isnan(low) else (low, high),
            percentile=float(self.percentile[row]),
            base_rate=self.base_rate,
            calibrated=bool(self.calibrated[row]),
            data_sufficiency=str(self.data_sufficiency[row]),
            reason=str(self.reason[row]),
            extrapolated=self.is_extrapolated,
            asked=self.is_asked is None or bool(self.is_asked[row]),
        )


@dataclass(frozen=True)
class AmountShape:
    """How log amounts become money."""

    residuals: tuple[float, ...]  # 101 quantiles of true less predicted log amounts
    smear: float  # mean amount for each exp(log amount), so that totals agree

    def mean(self, chance_N: Floats, log_amount_N: Floats) -> Floats:
        """Return the mean amount of each person."""
        return np.asarray(chance_N * np.exp(log_amount_N) * self.smear)

    def median(self, chance_N: Floats, log_amount_N: Floats) -> Floats:
        """Return the amount that half of such persons stay below: 0 unless a purchase is likely."""
        share = np.clip((chance_N - 0.5) / np.maximum(chance_N, 0.5), 0, 1)
        residual = np.interp(share, np.linspace(0, 1, len(self.residuals)), self.residuals)
        return np.where(chance_N > 0.5, np.exp(log_amount_N + residual), 0.0)


@dataclass(frozen=True)
class TaskModel:
    """A fitted task. `chance` is missing where there was too little to learn from."""

    task: Task
    reason: str  # why there is nothing but the base rate; empty where there is more
    form: Form
    columns: tuple[str, ...]  # of the features; the embedding's numbers follow
    embedding_dim: int
    chance: Scorer | None
    amount: Scorer | None
    calibrator: Calibrator
    shape: AmountShape | None
    chance_spread: ChanceSpread
    amount_spread: AmountSpread | None
    base_rate: float
    thin_rate: float  # of persons with hardly any events
    calibrated: bool
    percentiles: tuple[float, ...]  # 101 quantiles of `expected` in the population
    chance_baselines: ChanceBaselines | None = None
    amount_baselines: AmountBaselines | None = None
    cuts: tuple[int, ...] = ()
    num_rows: int = 0
    validation: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    typical: float | None = None  # median amount; None: of a version that told the mean instead
    thin_typical: float | None = None  # that of persons with hardly any events
    lifetime_rival: LifetimeRival | None = None  # of a question about purchases
    lifetime: Lifetime | None = None  # what LIFETIME_FEATURES are told by
    season_drift: float = 0.0  # of the log odds, where the season ahead was never seen
    extrapolation: Extrapolation | None = None  # of an amount that nobody could learn
    no_head: str = ""  # why no head was compared; empty where one was

    def predict(self, features: pl.DataFrame, embeddings: Floats | None = None) -> Predictions:
        """Return the answers for the persons of `build_features`, in its order.

        `embeddings` is float32 [N, D], a row a person; only a model of the form
        "features+embedding" looks at it.

        Raises:
            NotReady: the model needs embeddings and none came, or of another width.
        """
        features_NF = feature_matrix(features)
        expected, score = self.score_matrix(features_NF, embeddings)
        low, high = self.interval(expected, score)
        sufficiency, reason = self._sufficiency(features_NF)
        asked = [is_asked for is_asked, _ in self._conditions(features_NF)]
        return Predictions(
            task=self.task,
            subject_ids=features["subject_id"].to_numpy(),
            score=score,
            expected=expected,
            low=low,
            high=high,
            percentile=self.percentile_of(expected),
            base_rate=self.base_rate,
            # The rate of all such persons is nobody's own score, so no curve has mended it.
            calibrated=(sufficiency != "not_enough_data") & self.calibrated,
            data_sufficiency=sufficiency,
            reason=reason,
            is_extrapolated=self.extrapolation is not None,
            is_asked=np.logical_and.reduce(asked) if asked else None,
        )

    def score_matrix(
        self, features_NF: Floats, embeddings_ND: Floats | None
    ) -> tuple[Floats, Floats]:
        """Return (expected, score) of each row: mean and median; equal for a probability."""
        if self.extrapolation is None or self.lifetime is None:
            return self._learnt(features_NF, embeddings_ND)
        expected, _ = self._learnt(features_NF, embeddings_ND)
        columns, to_days = lifetime_matrix(features_NF), self.task.horizon_days
        days = self.extrapolation.days
        longer = carried_on(expected, self.lifetime, columns, days=days, to_days=to_days)
        chance = np.nan_to_num(self.lifetime.return_chance(columns, days=to_days))
        return longer, np.where(chance > 0.5, longer, 0.0)

    def _learnt(self, features_NF: Floats, embeddings_ND: Floats | None) -> tuple[Floats, Floats]:
        """Return (expected, score) within the horizon that was learnt."""
        if self.chance is None:
            everyone = len(features_NF)
            return np.full(everyone, self.base_rate), np.full(everyone, self.base_score)
        columns_NC = self.matrix(features_NF, embeddings_ND)
        chance = self.calibrator.chance(self.chance.raw(columns_NC))
        thin = features_NF[:, _EVENTS] < MIN_EVENTS
        if self.amount is None or self.shape is None:
            chance = np.where(thin, self.thin_rate, chance)
            return chance, chance
        log_amount = self.amount.raw(columns_NC)
        excess = self.amount.log_excess(columns_NC)
        expected = self.shape.mean(chance, log_amount + excess)
        point = self.shape.median(chance, log_amount)
        thin_point = self.thin_rate if self.thin_typical is None else self.thin_typical
        return np.where(thin, self.thin_rate, expected), np.where(thin, thin_point, point)

    @property
    def base_score(self) -> float:
        """The score of somebody of whom nothing is known: the rate, or the median amount."""
        return self.base_rate if self.typical is None else self.typical

    def record_of_nobody(self) -> PredictionRecord:
        """Return what can be said of somebody nobody has seen: the base rate."""
        is_chance = self.task.is_probability
        return PredictionRecord(
            probability=self.base_rate if is_chance else None,
            value=None if is_chance else self.base_score,
            expected=None if is_chance else self.base_rate,
            base_rate=self.base_rate,
            data_sufficiency="not_enough_data",
            reason=told(TEXTS).nobody,
            extrapolated=self.extrapolation is not None,
        )

    def matrix(self, features_NF: Floats, embeddings_ND: Floats | None) -> Floats:
        """Return the columns the model looks at, float32 [N, C]."""
        chosen = self.chosen(self.columns, features_NF)
        if not self.embedding_dim:
            return chosen
        if embeddings_ND is None or embeddings_ND.shape[1] != self.embedding_dim:
            had = "none" if embeddings_ND is None else f"{embeddings_ND.shape[1]} numbers"
            raise NotReady(
                f"Task '{self.task.name}' needs embeddings of {self.embedding_dim} numbers, "
                f"got {had}.",
                fix="Use the network of the same model version.",
                code="embedding_mismatch",
            )
        return np.concatenate([chosen, embeddings_ND], axis=1, dtype=np.float32)

    def asked_days(self, features_NF: Floats) -> float | Floats:
        """Return how many days ahead each person is asked about."""
        return asked_days(self.task, self.lifetime, features_NF)

    def chosen(self, names: Sequence[str], features_NF: Floats) -> Floats:
        """Return these of `MODEL_COLUMNS`, float32 [N, len(names)]."""
        told = None
        if not LIFETIME_FEATURES.keys().isdisjoint(names):
            told = told_by(self.lifetime, features_NF, days=self.asked_days(features_NF))
        return chosen_columns(names, features_NF, told)

    def percentile_of(self, expected_N: Floats) -> Floats:
        """Return the share of the population below each value, 0-100; ties count half."""
        below = np.searchsorted(self.percentiles, expected_N, side="left")
        above = np.searchsorted(self.percentiles, expected_N, side="right")
        return np.clip((below + above) / 2 * 100 / len(self.percentiles), 0, 100)

    def baselines(self, features_NF: Floats) -> dict[str, tuple[Floats, Floats]]:
        """Return (expected, score) of each row by each simple rival, as `score_matrix` does."""
        horizon = self.task.horizon
        if self.extrapolation is not None:
            horizon = round(self.extrapolation.days * DAY)
        rivals = self._rfm_baselines(rfm_matrix(features_NF, horizon=horizon))
        rivals = {
            name: (expected * self.times, score * self.times)
            for name, (expected, score) in rivals.items()
        }
        if self.lifetime_rival is not None:
            days = self.asked_days(features_NF) if self.task.rhythm is not None else None
            rivals |= self.lifetime_rival.predict(lifetime_matrix(features_NF), days=days)
        return rivals

    @property
    def times(self) -> float:
        """How many times longer the horizon is than the one that was learnt."""
        if self.extrapolation is None:
            return 1.0
        return self.task.horizon_days / self.extrapolation.days

    def _rfm_baselines(self, rfm_NF: Floats) -> dict[str, tuple[Floats, Floats]]:
        if self.chance_baselines is not None:
            chances = self.chance_baselines.predict(rfm_NF)
            return {name: (one, one) for name, one in chances.items()}
        if self.amount_baselines is not None:
            typical = self.amount_baselines.predict(rfm_NF)
            expected = self.amount_baselines.expected(rfm_NF)
            return {name: (expected[name], typical[name]) for name in typical}
        constant = np.full(len(rfm_NF), self.base_rate)
        return {"base_rate": (constant, constant)}

    def save(self, path: Path) -> None:
        """Write the model as one JSON file; trees are LightGBM's own text inside it."""
        write_bytes(path, _adapter().dump_json(self, indent=1))

    def interval(self, expected: Floats, score: Floats) -> tuple[Floats, Floats]:
        """Return the bounds of the 90 % interval of each row of `score_matrix`."""
        if self.task.is_probability:
            return self.chance_spread.interval(score, drift=self.season_drift)
        if self.amount_spread is None:
            return np.full(len(score), np.nan), np.full(len(score), np.nan)
        learnt = self.amount_spread.interval(expected / self.times, drift=self.season_drift)
        low, high = (bound * self.times for bound in learnt)
        return np.minimum(low, score), np.maximum(high, score)

    def _sufficiency(
        self, features_NF: Floats
    ) -> tuple[npt.NDArray[np.str_], npt.NDArray[np.str_]]:
        """Return (level, reason) of each person."""
        events = features_NF[:, _EVENTS]
        texts = told(TEXTS)
        level, reason = self._judged(features_NF)
        if self.chance is None:
            return np.full_like(level, "not_enough_data"), np.full(len(level), retold(self.reason))
        thin = events < MIN_EVENTS
        reason = np.where(thin, texts.thin_rate, reason)
        if self.extrapolation is not None:
            reason = np.where(reason == "", retold(self.extrapolation.reason), reason)
            return np.where(level == "ok", "limited", level), reason
        if not self.season_drift:
            return level, reason
        return level, np.where(reason == "", texts.unseen_season, reason)

    def _judged(self, features_NF: Floats) -> tuple[npt.NDArray[np.str_], npt.NDArray[np.str_]]:
        """Return (level, reason) by the person's events, and by whom the question is about."""
        task, texts = self.task, told(TEXTS)
        recency, active = features_NF[:, _RECENCY], length_text(task.active_days)
        # Longer away than that without any event is without the one asked for, too.
        is_about_seen = task.absent_days is None and task.active_event not in _SINCE
        level, reason = judge_events(
            features_NF[:, _EVENTS],
            recency,
            # An absence that defines who is asked about makes nothing stale.
            fresh_days=task.active_days if is_about_seen else np.inf,
            stale_because=texts.learnt_from.format(length=active),
        )
        for is_asked, outside in self._conditions(features_NF):
            level, reason = limited_to(level, reason, is_asked, outside=outside)
        return level, reason

    def _conditions(self, features_NF: Floats) -> list[tuple[npt.NDArray[np.bool_], str]]:
        """Return whom the question is about, and what is said of others, where features tell."""
        task, texts, found = self.task, told(TEXTS), []
        if task.absent_days is not None:
            outside = texts.present.format(length=length_text(task.absent_days))
            found.append((features_NF[:, _RECENCY] > task.absent_days, outside))
            if task.event == "purchase":
                never = texts.never.format(event=retold("purchase"))
                found.append((features_NF[:, _ORDERS] > 0, never))
        elif task.active_event in _SINCE:
            since = features_NF[:, FEATURE_COLUMNS.index(_SINCE[task.active_event])]
            event = retold(task.active_event.replace("_", " "))
            outside = texts.without.format(event=event, length=length_text(task.active_days))
            found.append((since <= task.active_days, outside))
        return found


def load_task_model(path: Path) -> TaskModel:
    """Return a model that `TaskModel.save` wrote.

    Raises:
        NotReady: the file is missing or is no such model.
    """
    try:
        return _adapter().validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise NotReady(
            f"{path} holds no prediction model: {type(error).__name__}.",
            fix="Train again: habitue train.",
            code="no_task_model",
        ) from error


@cache
def _adapter() -> TypeAdapter[TaskModel]:
    return TypeAdapter(TaskModel)
