"""What the report shows, gathered from the log, a model version and a refresh.

In: the stages' own results. Out: `ReportData`. Each part that is not there yet is left out, and
the page says why. Knows nothing about HTML.
"""

import json
import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from habitue import __version__
from habitue.actions.audiences import select_audience
from habitue.actions.recommend import Adviser
from habitue.alerting import alerts_of, churn_model
from habitue.answering import Version
from habitue.config import Settings
from habitue.errors import HabitueError, NotReady
from habitue.events.log import EventLog
from habitue.events.store import EventStore
from habitue.files import Json
from habitue.profiles.evidence import event_texts
from habitue.profiles.profile import build_profiles, prediction_records
from habitue.profiles.segments import segment_summary
from habitue.profiles.task_model import TaskModel
from habitue.refreshing import Refresh
from habitue.report import shop_statistics
from habitue.report.data import (
    AdviceExample,
    AudienceSummary,
    ModelSummary,
    PersonEvent,
    PersonStory,
    ReportData,
    Role,
    SegmentSummary,
)
from habitue.report.documents import Advice, Alert, Evaluation, Profile
from habitue.schema import SECOND

COMMANDS = (
    "habitue ingest FILE…",
    "habitue train",
    "habitue evaluate",
    "habitue refresh",
    "habitue report",
)
STORY_EVENTS = 400
ALERTS_SHOWN = 12
EXAMPLES_SHOWN = 3
ADVICE_SHOWN = 6

# Whose story is told: segments to look in, and what to prefer among them.
STORIES: dict[Role, tuple[tuple[str, ...], str, bool]] = {
    "champion": (("champion", "regular"), "revenue", True),
    "slipping": (("slipping away", "needs attention", "lost"), "revenue", True),
    "newcomer": (("new", "promising", "visitor"), "first_seen", True),
}


@dataclass(frozen=True)
class Sources:
    """Everything a report is made from; None is what does not exist yet."""

    folder: Path
    log: EventLog
    store: EventStore
    settings: Settings
    version: Version | None
    evaluation: Mapping[str, Json] | None
    refresh: Refresh | None
    adviser: Adviser | None


def report_data(sources: Sources) -> ReportData:
    """Return everything on the page."""
    as_of = sources.refresh.as_of if sources.refresh else sources.log.end_at
    data = ReportData(
        shop_name=sources.settings.shop.name,
        currency=sources.settings.shop.currency,
        generated_at=int(time.time()) * SECOND,
        as_of=as_of,
        fingerprint=sources.store.fingerprint,
        habitue_version=__version__,
        statistics=shop_statistics(
            sources.log, as_of=as_of, time_zone=sources.settings.profiles.time_zone
        ),
        commands=[command + _where(sources.folder) for command in COMMANDS],
    )
    if sources.version is not None:
        data = replace(
            data,
            model=_model(sources.version),
            tasks=[model.task for model in sources.version.task_models.values()],
            evaluation=Evaluation.from_json(sources.evaluation) if sources.evaluation else None,
        )
    if sources.version and sources.refresh and sources.adviser:
        data = _with_customers(data, sources, sources.version, sources.refresh, sources.adviser)
    return data


def _where(folder: Path) -> str:
    """Return the option that names the workspace, empty where it is the default one."""
    return "" if folder == Path("shop") else f" -w {shlex.quote(str(folder))}"


def _model(version: Version) -> ModelSummary:
    card = version.card
    curve = [
        json.loads(line)
        for line in (version.folder / "network" / "training.jsonl").read_text().splitlines()
    ]
    best = max(curve, key=lambda row: row["valid_ndcg@10"], default={"epoch": None})
    return ModelSummary(
        version=card.version,
        architecture=f"{card.architecture}, {card.size}",
        parameters=card.parameters,
        trained_until=card.trained_until,
        seconds=card.seconds,
        learning=curve,
        best_epoch=best["epoch"],
        choices=list(card.notes),
    )


def _with_customers(
    data: ReportData, sources: Sources, version: Version, refresh: Refresh, adviser: Adviser
) -> ReportData:
    table = refresh.table
    churn = churn_model(version)
    alerts, num_alerts = _alerts(sources, version, refresh)
    examples = _examples(table, sources, version, refresh, adviser)
    return replace(
        data,
        segments=[
            SegmentSummary(row["segment"], row["persons"], row["revenue"], row["sentence"])
            for row in segment_summary(table).iter_rows(named=True)
            if row["persons"]
        ],
        stories=_stories(table, sources, version, refresh, adviser),
        churn_task=churn.task.name if churn else "",
        alerts=alerts,
        num_alerts=num_alerts,
        examples=examples,
        audiences=_audiences(table, refresh.as_of, churn, _where(sources.folder)),
    )


def _alerts(sources: Sources, version: Version, refresh: Refresh) -> tuple[list[Alert], int | None]:
    try:
        shown = sources.settings.alerts.model_copy(update={"limit": ALERTS_SHOWN})
        found = alerts_of(refresh, version, sources.store, sources.log, shown)
    except NotReady:
        return [], None
    warned = refresh.table.filter(
        pl.col(found.task) >= sources.settings.alerts.min_lift * found.base_rate
    )
    return [Alert.from_json(one.as_json()) for one in found.alerts], warned.height


def _stories(
    table: pl.DataFrame, sources: Sources, version: Version, refresh: Refresh, adviser: Adviser
) -> list[PersonStory]:
    stories = []
    told: set[int] = set()
    for role, (segments, by, descending) in STORIES.items():
        subject = _chosen(table, segments, by, descending, told)
        if subject is not None:
            told.add(subject)
            stories.append(_story(role, subject, sources, version, refresh, adviser))
    return stories


def _chosen(
    table: pl.DataFrame,
    segments: tuple[str, ...],
    by: str,
    descending: bool,
    told: set[int],
) -> int | None:
    """Return a telling person: of the first segment that has any, high but not the very first."""
    people = table.filter(~pl.col("subject_id").is_in(list(told)), pl.col("events") >= 2)
    for segment in segments:
        inside = people.filter(pl.col("segment") == segment)
        if inside.height:
            order = [by, "events", "subject_id"]
            ranked = inside.sort(order, descending=[descending, True, False], nulls_last=True)
            return int(ranked["subject_id"][ranked.height // 20])
    return None


def _story(
    role: Role,
    subject: int,
    sources: Sources,
    version: Version,
    refresh: Refresh,
    adviser: Adviser,
) -> PersonStory:
    as_of = refresh.as_of
    bucket = sources.store.bucket_of(subject)
    frame = sources.log.read_bucket(bucket, as_of=as_of, subject_id=subject)
    items = sources.log.items(as_of=as_of)
    scored = version.score(frame, items, as_of=as_of)
    records = prediction_records({n: one.to_frame() for n, one in scored.predictions.items()})
    answers = {name: one.record(0) for name, one in scored.next_answers.items()}
    profile = build_profiles(
        frame,
        items,
        as_of=as_of,
        norms=version.norms,
        settings=sources.settings.profiles,
        user_ids=sources.store.outside_ids,
        predictions={subject: {**records.get(subject, {}), **answers}},
        model_version=version.card.version,
    )[0]
    shown = frame.tail(STORY_EVENTS)
    texts = event_texts(shown, items)
    return PersonStory(
        role=role,
        profile=Profile.from_json(profile.as_json()),
        events=[
            PersonEvent(at, kind, text)
            for at, kind, text in zip(
                shown["timestamp"], shown["event_type"].cast(pl.String), texts, strict=True
            )
        ],
        recommendations=_advice(profile.user_id, subject, sources, version, refresh, adviser),
    )


def _advice(
    user_id: str,
    subject: int,
    sources: Sources,
    version: Version,
    refresh: Refresh,
    adviser: Adviser,
) -> list[Advice]:
    from habitue.sequences.encoder import encode

    bucket = sources.store.bucket_of(subject)
    frame = sources.log.read_bucket(bucket, as_of=refresh.as_of, subject_id=subject)
    sequences = encode(frame, sources.log.items(as_of=refresh.as_of), version.vocabulary)
    offers = adviser.recommend(sequences, [user_id], as_of=refresh.as_of, k=ADVICE_SHOWN)[0]
    names = dict(zip(adviser.catalogue.item_ids, adviser.catalogue.names, strict=True))
    return [
        Advice(item.item_id, names.get(item.item_id, item.item_id), item.source, item.reason)
        for item in offers.items
    ]


def _examples(
    table: pl.DataFrame, sources: Sources, version: Version, refresh: Refresh, adviser: Adviser
) -> list[AdviceExample]:
    """Return offers for a few persons who were here lately and have a history."""
    lately = table.filter(pl.col("events") >= pl.col("events").median())
    lately = lately.sort(["last_seen", "subject_id"], descending=[True, False])
    chosen = lately.head(EXAMPLES_SHOWN)
    examples = []
    for row in chosen.iter_rows(named=True):
        subject = row["subject_id"]
        bucket = sources.store.bucket_of(subject)
        frame = sources.log.read_bucket(bucket, as_of=refresh.as_of, subject_id=subject)
        texts = event_texts(frame.tail(2), sources.log.items(as_of=refresh.as_of))
        items = _advice(row["user_id"], subject, sources, version, refresh, adviser)
        examples.append(AdviceExample(row["user_id"], "; ".join(texts), items))
    return examples


def _audiences(
    table: pl.DataFrame, as_of: int, churn: TaskModel | None, where: str
) -> list[AudienceSummary]:
    """Return a few groups worth reaching that are not empty."""
    rules = {
        "best-customers": ("champions: your best customers", 'segment = "champion"'),
        "win-back": (
            "slipping away or late: a reminder may bring them back",
            'segment in ("slipping away", "needs attention")',
        ),
        "second-order": ("bought once: a second order makes a customer", "orders = 1"),
    }
    has_money = table["revenue"].is_not_null().any()
    if churn is not None and has_money:
        threshold = round(min(0.95, 1.5 * churn.base_rate), 2)
        middle = float(table.select(pl.col("revenue").median()).item())
        rules["valuable-at-risk"] = (
            "likely to leave and worth more than most",
            f"{churn.task.name} > {threshold} and revenue > {middle:.0f}",
        )
    found = []
    for name, (sentence, rule) in rules.items():
        try:
            audience = select_audience(table, rule, as_of=as_of, name=name)
        except HabitueError:  # a shop without orders has no such column to ask for
            continue
        if audience.persons:
            value = float(audience.table["revenue"].sum()) if has_money else None
            command = f"habitue audience '{rule}' --name {name} --out {name}.csv{where}"
            found.append(AudienceSummary(name, sentence, audience.persons, command, value))
    return found
