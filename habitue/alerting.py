"""Churn alerts of a refresh, each with what moved its probability.

In: a refresh, the version that made it, the log. Out: the alert list of the contract. Knows
nothing about how it is shown.
"""

import re
from collections import defaultdict
from collections.abc import Sequence

import polars as pl

from habitue.actions.alerts import churn_alerts
from habitue.answering import Version
from habitue.config import AlertSettings
from habitue.errors import NotReady
from habitue.events.log import EventLog
from habitue.events.store import EventStore
from habitue.profiles.prediction_reasons import explain_predictions
from habitue.profiles.task_model import TaskModel
from habitue.profiles.tasks import describe_task
from habitue.refreshing import Refresh
from habitue.results import AlertList

REASONS_SHOWN = 2
# What a person does lately tells why they may leave; what they always were does not.
LATELY = re.compile(r"trend|overdue|days_since|last_gap|open_cart|refund_share|_\d+[hd]$")


def alerts_of(
    refresh: Refresh,
    version: Version,
    store: EventStore,
    log: EventLog,
    settings: AlertSettings,
) -> AlertList:
    """Return the alerts of the version's churn task.

    Raises:
        NotReady: the version has no churn task.
    """
    model = churn_model(version)
    if model is None:
        why = "; ".join(f"{name}: {reason}" for name, reason in version.unanswered.items())
        raise NotReady(
            f"This log gave no churn prediction ({why or 'no such task'}).",
            fix="Ingest a longer log, or define a task of kind no_event in habitue.toml; then: "
            "habitue train, habitue refresh",
            code="no_churn_task",
        )

    def reasons(subjects: Sequence[int]) -> list[list[str]]:
        return _sentences(subjects, model, version, store, log, refresh.as_of)

    alerts = churn_alerts(
        refresh.table,
        base_rate=model.base_rate,
        settings=settings,
        task=model.task.name,
        value=value_column(version),
        reasons=reasons,
    )
    return AlertList(
        alerts=alerts,
        task=model.task.name,
        definition=describe_task(model.task),
        base_rate=model.base_rate,
        reason=model.reason,
        as_of=refresh.as_of,
        model_version=version.card.version,
    )


def churn_model(version: Version) -> TaskModel | None:
    """Return the version's churn task: `churn_90d`, else the longest of its kind."""
    found = [model for model in version.task_models.values() if model.task.kind == "no_event"]
    named = [model for model in found if model.task.name == "churn_90d"]
    return max(named or found, key=lambda model: model.task.horizon, default=None)


def value_column(version: Version) -> str:
    """Return the column of what a person may bring: of the longest horizon that was learnt."""
    values = [
        model.task
        for model in version.task_models.values()
        if model.task.kind == "sum" and model.extrapolation is None
    ]
    longest = max(values, key=lambda task: task.horizon, default=None)
    return f"{longest.name}_expected" if longest else ""


def _sentences(
    subjects: Sequence[int],
    model: TaskModel,
    version: Version,
    store: EventStore,
    log: EventLog,
    as_of: int,
) -> list[list[str]]:
    """Return what raises each subject's probability most, bucket by bucket."""
    by_bucket: dict[int, list[int]] = defaultdict(list)
    for subject in subjects:
        by_bucket[store.bucket_of(subject)].append(subject)
    items = log.items(as_of=as_of)
    found: dict[int, list[str]] = {}
    for bucket, members in by_bucket.items():
        frame = log.read_bucket(bucket, as_of=as_of).filter(pl.col("subject_id").is_in(members))
        scored = version.score(frame, items, as_of=as_of, tasks=(model.task.name,))
        explained = explain_predictions(model, scored.features, scored.embeddings, limit=8)
        for subject, reasons in zip(scored.subject_ids.tolist(), explained, strict=True):
            raising = [
                reason.text
                for reason in reasons
                if reason.effect > 0 and LATELY.search(reason.feature)
            ]
            found[subject] = raising[:REASONS_SHOWN]
    return [found.get(subject, []) for subject in subjects]
