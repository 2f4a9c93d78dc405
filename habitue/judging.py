"""How good a model version is on the future it has not seen: every task and the recommendations.

In: a version, the log with its held-out end, the moment of the cut. Out: `Evaluation`, the
document that `evaluate` prints and the report draws. Knows nothing about workspaces.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from habitue.actions.reasons import Catalogue
from habitue.actions.targets import Window
from habitue.answering import Embedder, Version
from habitue.compute import Progress
from habitue.errors import NotEnoughData
from habitue.evaluate import RecommendationEvaluation, evaluate_recommendation
from habitue.events.log import EventLog
from habitue.files import Json
from habitue.metrics import Interval
from habitue.profiles.next_evaluation import collect_next, evaluate_next
from habitue.profiles.task_evaluation import TaskEvaluation, evaluate_tasks
from habitue.profiles.tasks import describe_task
from habitue.schema import DAY, EVENT_TYPES, Task, format_date, format_time
from habitue.sequences.encoder import encode
from habitue.sequences.sequences import Sequences

MAX_CUTS = 3
LONGEST_WINDOW = 28 * DAY
MAX_SHARE = 0.995  # of one answer; above it a task of kind next is no question


@dataclass(frozen=True)
class Evaluation:
    """A version on its held-out future."""

    model_version: str
    as_of: int
    until: int
    tasks: Mapping[str, Mapping[str, Json]]
    skipped: Mapping[str, str]  # task -> why it could not be judged
    recommendation: RecommendationEvaluation | None

    def as_json(self) -> dict[str, Json]:
        """Return the document of the contract."""
        advice = self.recommendation.as_json() if self.recommendation else {}
        return {
            "model_version": self.model_version,
            "as_of": format_time(self.as_of),
            "until": format_time(self.until),
            "tasks": dict(self.tasks),
            "skipped": dict(self.skipped),
            "recommendation": advice,  # type: ignore[dict-item]
        }


def judge_version(version: Version, log: EventLog, *, as_of: int, progress: Progress) -> Evaluation:
    """Judge everything a version answers on the events from `as_of` on.

    Raises:
        NotEnoughData: the log has nothing after `as_of`.
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
    embed = Embedder(log, version.vocabulary, version.network, until=cuts[-1])
    judged = evaluate_tasks(log, version.task_models, cuts=cuts, embed=embed, progress=progress)
    for name, result in judged.items():
        task = version.task_models[name].task
        if result.status == "ok":
            tasks[name] = {"description": describe_task(task), **_task_json(result)}
        else:
            skipped[name] = result.reason
    for name, task in version.next_tasks.items():
        found = _judge_next(version, log, task, as_of)
        if isinstance(found, str):
            skipped[name] = found
        else:
            tasks[name] = {"description": describe_task(task), **found}
    return Evaluation(
        model_version=version.card.version,
        as_of=as_of,
        until=log.end_at,
        tasks=tasks,
        skipped=skipped,
        recommendation=_judge_advice(version, log, as_of, progress),
    )


def _cuts(as_of: int, end_at: int, horizon: int) -> list[int]:
    """Return up to three moments from `as_of` on, a horizon (of 28 days at least) apart."""
    step = max(horizon, min(LONGEST_WINDOW, (end_at - as_of) // MAX_CUTS), 1)
    last = end_at - horizon
    return list(range(as_of, max(last, as_of) + 1, step))[:MAX_CUTS]


def _task_json(result: TaskEvaluation) -> dict[str, Json]:
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
        "n": result.n,
        "base_rate": result.base_rate,
        "best_baseline": result.best_baseline,
        "difference": _interval(result.gain),
        "cuts": [format_date(cut) for cut in result.cuts],
        "reliability": [
            {"predicted": predicted, "observed": observed, "n": int(count)}
            for predicted, observed, count in bins
        ],
        "deciles": [
            {"decile": n, "predicted": one.predicted, "observed": one.observed, "n": one.count}
            for n, one in enumerate(result.deciles, start=1)
        ],
    }


def _interval(gain: Interval | None) -> Json:
    return None if gain is None else {"mean": gain.mean, "interval": [gain.low, gain.high]}


def _judge_next(version: Version, log: EventLog, task: Task, as_of: int) -> dict[str, Json] | str:
    """Return the task's part of the document, or why there is nothing to judge."""
    until = min(as_of + LONGEST_WINDOW, log.end_at)
    labels = version.network.category_labels if task.target == "category" else EVENT_TYPES
    truth = collect_next(log, task, as_of=as_of, until=until, classes=labels)
    if not len(truth.labels):
        return "nobody did anything in the time after the cut"
    kinds, counts = np.unique(truth.labels, return_counts=True)
    if counts.max() > MAX_SHARE * counts.sum():
        only = labels[kinds[counts.argmax()]]
        return f"nearly every next answer is '{only}', so there is nothing to tell apart"
    answers = np.zeros((len(truth.labels), len(labels)), dtype=np.float32)
    ask = (
        version.network.next_category
        if task.target == "category"
        else version.network.next_event_type
    )
    items = log.items(as_of=as_of)
    for bucket in np.unique(truth.buckets):
        rows = np.flatnonzero(truth.buckets == bucket)
        sequences = encode(log.read_bucket(int(bucket), as_of=as_of), items, version.vocabulary)
        persons = np.searchsorted(sequences.subject_ids, truth.subject_ids[rows])
        answers[rows] = ask(sequences.take(persons), as_of=as_of).values
    result = evaluate_next(truth, answers)
    return {
        "metrics": dict(result.metrics),
        "baselines": {name: dict(rival) for name, rival in result.baselines.items()},
        "n": result.n,
        "base_rate": result.base_rate,
    }


def _judge_advice(
    version: Version, log: EventLog, as_of: int, progress: Progress
) -> RecommendationEvaluation | None:
    window = Window(as_of, min(as_of + LONGEST_WINDOW, log.end_at))
    offered = Catalogue.of(version.vocabulary.item_ids, log.items(as_of=as_of)).offered
    progress.start("Recommendations", log.num_buckets, "buckets")
    try:
        return evaluate_recommendation(
            version.blend,
            _encoded(version, log, window.end_at, progress),
            window,
            offered=offered,
            seed=version.card.seed,
        )
    except NotEnoughData:
        return None
    finally:
        progress.finish()


def _encoded(
    version: Version, log: EventLog, until: int, progress: Progress
) -> Iterator[Sequences]:
    """Yield everyone's events up to the end of the window; callers cut at its beginning."""
    items = log.items(as_of=until)
    for bucket in range(log.num_buckets):
        yield encode(log.read_bucket(bucket, as_of=until), items, version.vocabulary)
        progress.advance()
