"""How good the predictions are, on a future they had not seen, beside their rivals.

In: the event log with its held-out end, fitted tasks, and the cuts to judge at. Out: for each
task its measures, those of every baseline on the same persons, the reliability curve and the
deciles. Knows nothing about how the models were fitted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from habitue import metrics
from habitue.compute import Progress, Silent
from habitue.errors import NotEnoughData
from habitue.events.log import EventLog
from habitue.metrics import Interval
from habitue.profiles.features import build_features, item_codes
from habitue.profiles.labels import build_labels, build_waits
from habitue.profiles.person_groups import Known, groups_of
from habitue.profiles.prediction_slices import Predicted, TaskSlice, known_at, task_slices
from habitue.profiles.samples import Embed, feature_matrix
from habitue.profiles.task_model import TaskModel
from habitue.schema import Task

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]

CHANCE_METRICS: Final = ("auc", "pr_auc", "log_loss", "brier", "ece", "lift@10%")
AMOUNT_METRICS: Final = ("mae", "rmse", "spearman", "gini", "top_decile_share", "total_error")
_DECILES: Final = 10
_BOOTSTRAP_ROWS: Final = 20_000
_BOOTSTRAP_SAMPLES: Final = 200


@dataclass(frozen=True)
class Decile:
    """A tenth of the persons, by prediction, highest first."""

    predicted: float
    observed: float
    count: int


@dataclass(frozen=True)
class TaskEvaluation:
    """One task's result.

    Where nothing can be judged, `metrics` is empty and `reason` says why; with metrics, `reason`
    says why the model knows nothing but the base rate.
    """

    status: str  # ok | not_enough_data
    reason: str
    metrics: Mapping[str, float]
    baselines: Mapping[str, Mapping[str, float]]
    n: int  # outcomes: a person counts once a cut
    persons: int
    base_rate: float
    reliability: Mapping[str, Sequence[float]]  # predicted, observed, count; of probabilities
    deciles: Sequence[Decile]
    best_baseline: str
    gain: Interval | None  # of `headline_metric`, over the best baseline; 95 %
    cuts: Sequence[int]
    slices: Sequence[TaskSlice] = ()


@dataclass(frozen=True)
class Judged:
    """Persons of one task over all cuts: a row a person and cut."""

    persons: Ints
    truth: Floats
    score: Floats
    expected: Floats
    baselines: Mapping[str, tuple[Floats, Floats]]  # (expected, score)
    cuts: Sequence[int]
    known: Known


def evaluate_tasks(
    log: EventLog,
    models: Mapping[str, TaskModel],
    *,
    cuts: Sequence[int],
    embed: Embed | None = None,
    progress: Progress | None = None,
) -> dict[str, TaskEvaluation]:
    """Return each task's result over the cuts whose window lies wholly within the log.

    Each cut must lie at or after the `train_until` the models were fitted with.
    """
    judged = judge_tasks(log, models, cuts=cuts, embed=embed, progress=progress)
    return {name: _result(models[name], found) for name, found in judged.items()}


def judge_tasks(
    log: EventLog,
    models: Mapping[str, TaskModel],
    *,
    cuts: Sequence[int],
    embed: Embed | None = None,
    progress: Progress | None = None,
) -> dict[str, Judged]:
    """Return what each model and its rivals said of every person, and what came."""
    progress = progress or Silent()
    parts: dict[str, list[Judged]] = {name: [] for name in models}
    progress.start("Evaluation", log.num_buckets * len(cuts), "parts")
    catalogues = {cut: item_codes(log.items(as_of=cut)) for cut in cuts}
    for bucket in range(log.num_buckets):
        later = log.read_bucket(bucket)
        for cut in cuts:
            fitting = {
                name: model
                for name, model in models.items()
                if cut + model.task.horizon <= log.end_at
            }
            known = log.read_bucket(bucket, as_of=cut)
            features = build_features(known, catalogues[cut], as_of=cut)
            vectors = _vectors(embed, features, cut, bucket)
            for name, model in fitting.items():
                labels = _labels(model, known, later, features, cut)
                parts[name].append(_judge(model, labels, features, vectors, cut))
            progress.advance()
    progress.finish()
    return {name: _joined(parts[name]) for name in models}


def _labels(
    model: TaskModel, known: pl.DataFrame, later: pl.DataFrame, features: pl.DataFrame, cut: int
) -> pl.DataFrame:
    """Return what came, of each person within the days they were asked about."""
    if model.task.rhythm is None:
        return build_labels(known, later, model.task, as_of=cut)
    days = np.asarray(model.asked_days(feature_matrix(features)))
    asked = features.select("subject_id", days=pl.Series(days))
    waits = build_waits(known, later, model.task, as_of=cut)
    stays_away = pl.col("wait").is_null() | (pl.col("wait") >= pl.col("days"))
    return waits.join(asked, on="subject_id", maintain_order="left").select(
        "subject_id", label=stays_away.cast(pl.Float64)
    )


def _vectors(embed: Embed | None, features: pl.DataFrame, cut: int, bucket: int) -> Floats | None:
    if embed is None or not len(features):
        return None
    return embed(features["subject_id"].to_numpy(), as_of=cut, bucket=bucket)


def _judge(
    model: TaskModel, labels: pl.DataFrame, features: pl.DataFrame, vectors: Floats | None, cut: int
) -> Judged:
    joined = features.select("subject_id").join(
        labels, on="subject_id", how="left", maintain_order="left"
    )
    rows = joined["label"].is_not_null().to_numpy()
    features_NF = feature_matrix(features)[rows]
    vectors = None if vectors is None else vectors[rows]
    expected, score = model.score_matrix(features_NF, vectors)
    asked = joined.drop_nulls("label")
    return Judged(
        persons=asked["subject_id"].to_numpy(),
        truth=asked["label"].to_numpy(),
        score=score,
        expected=expected,
        baselines=model.baselines(features_NF),
        cuts=[cut],
        known=known_at(cut, features_NF),
    )


def _joined(parts: Sequence[Judged]) -> Judged:
    if not parts:
        none = np.empty(0)
        return Judged(np.empty(0, np.int64), none, none, none, {}, [], Known.joined([]))
    return Judged(
        persons=np.concatenate([part.persons for part in parts]),
        truth=np.concatenate([part.truth for part in parts]),
        score=np.concatenate([part.score for part in parts]),
        expected=np.concatenate([part.expected for part in parts]),
        baselines={
            name: (
                np.concatenate([part.baselines[name][0] for part in parts]),
                np.concatenate([part.baselines[name][1] for part in parts]),
            )
            for name in parts[0].baselines
        },
        cuts=sorted({cut for part in parts for cut in part.cuts}),
        known=Known.joined([part.known for part in parts]),
    )


def _result(model: TaskModel, judged: Judged) -> TaskEvaluation:
    reason = _obstacle(model, judged)
    base_rate = float(judged.truth.mean()) if len(judged.truth) else 0.0
    persons = len(np.unique(judged.persons))
    if reason:
        return TaskEvaluation(
            "not_enough_data", reason, {}, {}, len(judged.truth), persons, base_rate, {}, (), "",
            None, judged.cuts,
        )  # fmt: skip
    measure = chance_measures if model.task.is_probability else amount_measures
    rivals = {
        name: measure(judged.truth, score, expected)
        for name, (expected, score) in judged.baselines.items()
    }
    best = _best_baseline(model, rivals)
    return TaskEvaluation(
        status="ok",
        reason=model.reason,
        metrics=measure(judged.truth, judged.score, judged.expected),
        baselines=rivals,
        n=len(judged.truth),
        persons=persons,
        base_rate=base_rate,
        reliability=_reliability(judged) if model.task.is_probability else {},
        deciles=_deciles(judged.truth, judged.expected),
        best_baseline=best,
        gain=_gain(model, judged, best),
        cuts=judged.cuts,
        slices=task_slices(
            Predicted(judged.persons, judged.truth, judged.score, judged.expected),
            groups_of(judged.known),
            is_probability=model.task.is_probability,
        ),
    )


def _obstacle(model: TaskModel, judged: Judged) -> str:
    if not judged.cuts:
        return (
            f"the log ends less than {model.task.horizon_days:.4g} days after the cut; "
            "the outcome is not known yet"
        )
    if len(np.unique(judged.truth)) < 2:
        return f"all {len(judged.truth)} outcomes are alike"
    return ""


def headline_metric(task: Task) -> str:
    """Return the metric by which the task is compared with its best baseline."""
    return "auc" if task.is_probability else "mae"


def chance_measures(truth: Floats, score: Floats, expected: Floats) -> dict[str, float]:
    """Return `CHANCE_METRICS` of probabilities; `expected` is the same as `score`."""
    del expected
    happened = truth > 0
    values = (
        metrics.auc(happened, score),
        metrics.pr_auc(happened, score),
        metrics.log_loss(happened, score),
        metrics.brier(happened, score),
        metrics.ece(happened, score),
        metrics.lift_at(happened, score, 0.1),
    )
    return dict(zip(CHANCE_METRICS, values, strict=True))


def amount_measures(truth: Floats, score: Floats, expected: Floats) -> dict[str, float]:
    """Return `AMOUNT_METRICS`: mae and spearman of the typical amount, the others of the expected.

    `total_error` is the sum of expected amounts over the true sum, less 1.
    """
    try:
        order = metrics.gini(truth, expected)
    except NotEnoughData:
        order = 0.0
    values = (
        metrics.mae(truth, score),
        metrics.rmse(truth, expected),
        metrics.spearman(truth, score),
        order,
        metrics.top_decile_share(truth, expected),
        float(expected.sum() / truth.sum() - 1),
    )
    return dict(zip(AMOUNT_METRICS, values, strict=True))


def _best_baseline(model: TaskModel, rivals: Mapping[str, Mapping[str, float]]) -> str:
    metric = headline_metric(model.task)
    if model.task.is_probability:
        return max(rivals, key=lambda name: rivals[name][metric])
    return min(rivals, key=lambda name: rivals[name][metric])


def _gain(model: TaskModel, judged: Judged, best: str) -> Interval:
    """Return the gain over the best baseline; its interval is a paired bootstrap over persons."""
    measure = _rank_order if model.task.is_probability else _closeness
    rows = _bootstrap_rows(judged.persons)
    truth, score, rival = judged.truth, judged.score, judged.baselines[best][1]
    found = metrics.bootstrap_difference(
        measure,
        truth[rows],
        score[rows],
        rival[rows],
        persons=judged.persons[rows],
        num_samples=_BOOTSTRAP_SAMPLES,
    )
    return replace(found, mean=measure(truth, score) - measure(truth, rival))


def _rank_order(truth: Floats, score: Floats) -> float:
    return metrics.auc(truth > 0, score)


def _closeness(truth: Floats, score: Floats) -> float:
    return -metrics.mae(truth, score)


def _bootstrap_rows(persons: Ints) -> Ints:
    """Return all rows, or those of as many persons as resampling can bear."""
    if len(persons) <= _BOOTSTRAP_ROWS:
        return np.arange(len(persons))
    distinct = np.unique(persons)
    num = max(1, round(len(distinct) * _BOOTSTRAP_ROWS / len(persons)))
    drawn = np.random.default_rng(0).choice(distinct, num, replace=False)
    return np.flatnonzero(np.isin(persons, drawn))


def _reliability(judged: Judged) -> dict[str, list[float]]:
    bins = metrics.reliability_bins(judged.truth > 0, judged.score)
    return {
        "predicted": [float(one) for one in bins.predicted],
        "observed": [float(one) for one in bins.observed],
        "count": [float(one) for one in bins.count],
    }


def _deciles(truth: Floats, expected: Floats) -> tuple[Decile, ...]:
    """Return tenths by prediction; persons predicted alike share what came among them evenly."""
    _, group = np.unique(expected, return_inverse=True)
    shared = (np.bincount(group, weights=truth) / np.bincount(group))[group]
    order = np.argsort(-expected, kind="stable")
    return tuple(
        Decile(float(expected[part].mean()), float(shared[part].mean()), len(part))
        for part in np.array_split(order, _DECILES)
        if len(part)
    )
