"""How good a model version is on the future it has not seen: every task and the recommendations.

In: a version, the log with its held-out end, the moment of the cut. Out: `Evaluation`, the
document that `evaluate` prints and the report draws. Knows nothing about workspaces.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from habitue.actions.reasons import Catalogue
from habitue.actions.targets import Window
from habitue.answering import (
    Embedder,
    Version,
    recounted,
)
from habitue.compute import Progress
from habitue.errors import NotEnoughData
from habitue.evaluate import RecommendationEvaluation, evaluate_recommendation
from habitue.events.log import EventLog
from habitue.files import Json
from habitue.metrics import limits_of
from habitue.profiles.labels import OTHER_CLASS
from habitue.profiles.next_evaluation import collect_next, evaluate_next
from habitue.profiles.next_model import NETWORK, UNKNOWN_CLASS
from habitue.profiles.task_evaluation import TaskEvaluation, evaluate_tasks, headline_metric
from habitue.profiles.tasks import describe_task
from habitue.profiles.when import HEAD
from habitue.profiles.when_evaluation import collect_wait_truth, judge_when
from habitue.schema import DAY, EVENT_TYPES, Task, format_date, format_time
from habitue.sequences.encoder import encode
from habitue.sequences.timelines import timelines

MAX_CUTS = 3
LONGEST_WINDOW = 28 * DAY
RECOMMENDATION = "recommendation"
MAX_SHARE = 0.995  # of one answer; above it a task of kind next is no question


@dataclass(frozen=True)
class Evaluation:
    """A version on its held-out future."""

    model_version: str
    architecture: str
    size: str
    as_of: int
    until: int
    tasks: Mapping[str, Mapping[str, Json]]
    skipped: Mapping[str, str]  # task, or "recommendation" -> why it could not be judged
    recommendation: RecommendationEvaluation | None
    when: Mapping[str, Json] = field(default_factory=dict)  # the days until the next event

    def as_json(self) -> dict[str, Json]:
        """Return the document of the contract."""
        advice = self.recommendation.as_json() if self.recommendation else {}
        return {
            "model_version": self.model_version,
            "architecture": self.architecture,
            "size": self.size,
            "as_of": format_time(self.as_of),
            "until": format_time(self.until),
            "tasks": dict(self.tasks),
            "skipped": dict(self.skipped),
            "when": dict(self.when),
            "recommendation": advice,  # type: ignore[dict-item]
        }


def judge_version(version: Version, log: EventLog, *, as_of: int, progress: Progress) -> Evaluation:
    """Judge everything a version answers on the events from `as_of` on.

    Raises:
        NotEnoughData: the log has nothing after `as_of`, or nothing that could be judged by.
    """
    if as_of >= log.end_at:
        raise NotEnoughData(
            f"There are no events after {format_date(as_of)} to judge by.",
            fix="Train with a held-out end (habitue train), or ingest newer events.",
            code="no_held_out_future",
        )
    tasks: dict[str, Mapping[str, Json]] = {}
    skipped = dict(version.unanswered)
    horizons = [model.task.horizon for model in version.task_models.values()]
    cuts = _cuts(as_of, log.end_at, min(horizons, default=0))
    embed = Embedder(log, version.vocabulary, version.network)
    judged = evaluate_tasks(log, version.task_models, cuts=cuts, embed=embed, progress=progress)
    for name, result in judged.items():
        task = version.task_models[name].task
        if result.status == "ok":
            tasks[name] = {"description": describe_task(task), **_task_json(result, task)}
        else:
            skipped[name] = result.reason
    for name, task in version.next_tasks.items():
        found = _judge_next(version, log, task, as_of)
        if isinstance(found, str):
            skipped[name] = found
        else:
            tasks[name] = {"description": describe_task(task), **found}
    advice = _judge_advice(version, log, as_of, progress)
    if isinstance(advice, str):
        skipped[RECOMMENDATION] = advice
    if not tasks and isinstance(advice, str):
        raise _nothing_judged(skipped, as_of, log.end_at)
    return Evaluation(
        model_version=version.card.version,
        architecture=version.card.architecture,
        size=version.card.size,
        as_of=as_of,
        until=log.end_at,
        tasks=tasks,
        skipped=skipped,
        recommendation=None if isinstance(advice, str) else advice,
        when=_judge_when(version, log, as_of),
    )


def _nothing_judged(skipped: Mapping[str, str], as_of: int, until: int) -> NotEnoughData:
    names: dict[str, list[str]] = {}
    for name, reason in skipped.items():
        names.setdefault(reason, []).append(name)
    reasons = "; ".join(f"{', '.join(which)}: {reason}" for reason, which in names.items())
    return NotEnoughData(
        f"Nothing could be judged on {format_date(as_of)} to {format_date(until)}. {reasons}.",
        fix="Hold out more of the log (training.holdout_days in habitue.toml), then: habitue train",
        code="nothing_to_judge",
    )


def _cuts(as_of: int, end_at: int, horizon: int) -> list[int]:
    """Return up to three moments from `as_of` on, a horizon (of 28 days at least) apart."""
    step = max(horizon, min(LONGEST_WINDOW, (end_at - as_of) // MAX_CUTS), 1)
    last = end_at - horizon
    return list(range(as_of, max(last, as_of) + 1, step))[:MAX_CUTS]


def _task_json(result: TaskEvaluation, task: Task) -> dict[str, Json]:
    reliability = result.reliability
    bins = zip(
        reliability.get("predicted", ()),
        reliability.get("observed", ()),
        reliability.get("count", ()),
        strict=True,
    )
    return {
        "metrics": dict(result.metrics),
        "baselines": {name: dict(rival) for name, rival in result.baselines.items()},
        "reason": result.reason,
        "n": result.n,
        "persons": result.persons,
        "base_rate": result.base_rate,
        "best_baseline": result.best_baseline,
        "difference": _difference(result, headline_metric(task)),
        "cuts": [format_date(cut) for cut in result.cuts],
        "reliability": [
            {"predicted": predicted, "observed": observed, "n": int(count)}
            for predicted, observed, count in bins
        ],
        "deciles": [
            {"decile": n, "predicted": one.predicted, "observed": one.observed, "n": one.count}
            for n, one in enumerate(result.deciles, start=1)
        ],
        "slices": [one.as_json() for one in result.slices],
    }


def _difference(result: TaskEvaluation, metric: str) -> Json:
    if result.gain is None:
        return None
    limits = limits_of(result.gain, result.persons)
    return {"metric": metric, "mean": result.gain.mean, "interval": limits}


def _alike(kind: int, labels: Sequence[str]) -> str:
    """Return why there is nothing to judge where nearly every answer is of one kind."""
    if kind == UNKNOWN_CLASS:
        return "nearly every next answer is new since training, so there is nothing to tell apart"
    only = labels[kind]
    if only == OTHER_CLASS:
        return "nearly every next answer is too rare for a name, so there is nothing to tell apart"
    # An event type has words in every language; a category is the shop's own.
    told = only.replace("_", " ") if only in EVENT_TYPES else f"'{only}'"
    return f"nearly every next answer is {told}, so there is nothing to tell apart"


def _judge_next(version: Version, log: EventLog, task: Task, as_of: int) -> dict[str, Json] | str:
    """Return the task's part of the document, or why there is nothing to judge."""
    until = min(as_of + LONGEST_WINDOW, log.end_at)
    labels = version.next_models[task.name].classes
    truth = collect_next(log, task, as_of=as_of, until=until, classes=labels)
    if not len(truth.labels):
        return "nobody did anything in the time after the cut"
    kinds, counts = np.unique(truth.labels, return_counts=True)
    if counts.max() > MAX_SHARE * counts.sum():
        return _alike(int(kinds[counts.argmax()]), labels)
    answers = np.zeros((len(truth.labels), len(labels)), dtype=np.float32)
    alone = np.zeros_like(answers)
    items = log.items(as_of=as_of)
    for bucket in np.unique(truth.buckets):
        rows = np.flatnonzero(truth.buckets == bucket)
        frame = log.read_bucket(int(bucket), as_of=as_of)
        sequences = encode(frame, items, version.vocabulary)
        persons = sequences.take(np.searchsorted(sequences.subject_ids, truth.subject_ids[rows]))
        answers[rows] = version.next_chances(task.name, frame, items, persons, as_of=as_of)
        expected = version.network_chances(task.name, persons, as_of=as_of)
        alone[rows] = 0.0 if expected is None else expected
    if version.next_models[task.name].asks_network:
        truth = replace(truth, baselines={NETWORK: alone, **truth.baselines})
    result = evaluate_next(truth, answers)
    return {
        "metrics": dict(result.metrics),
        "baselines": {name: dict(rival) for name, rival in result.baselines.items()},
        "reason": "",
        "n": result.n,
        "persons": result.n,
        "base_rate": result.base_rate,
    }


def _judge_when(version: Version, log: EventLog, as_of: int) -> dict[str, Json]:
    """Return how good the days until the next event are; nothing where nobody is told them."""
    for name, model in version.next_models.items():
        truth = None if model.when is None else collect_wait_truth(log, model.task, as_of=as_of)
        if model.when is None or truth is None or not len(truth.waits):
            continue
        tables = {one: table.risks_of(truth.features) for one, table in model.when.tables.items()}
        judged = judge_when(
            {HEAD: model.when.risks(truth.features), **tables},
            truth,
            reach_days=model.when.reach_days,
        )
        return {
            "task": name,
            "answers": model.when.chosen,
            "days": round(min(truth.days, model.when.reach_days), 2),
            "persons": len(truth.waits),
            "metrics": dict(judged[HEAD]),
            "baselines": {one: dict(judged[one]) for one in tables},
        }
    return {}


def _judge_advice(
    version: Version, log: EventLog, as_of: int, progress: Progress
) -> RecommendationEvaluation | str:
    """Return how good the recommendations are, or why there is nothing to judge."""
    window = Window(as_of, min(as_of + LONGEST_WINDOW, log.end_at))
    offered = Catalogue.of(version.vocabulary.item_ids, log.items(as_of=as_of)).offered
    blend = version.blend
    if as_of > version.card.trained_until:
        blend = recounted(version, log, as_of=as_of, progress=progress)
    progress.start("Recommendations", log.num_buckets, "buckets")
    try:
        return evaluate_recommendation(
            blend,
            timelines(log, version.vocabulary, as_of=as_of, progress=progress),
            window,
            offered=offered,
            seed=version.card.seed,
        )
    except NotEnoughData as error:
        return error.message.rstrip(".")
    finally:
        progress.finish()
