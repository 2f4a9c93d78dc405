"""What the report shows, gathered from the log, a model version and a refresh.

In: the stages' own results. Out: `ReportData`. Each part that is not there yet is left out, and
the page says why. Knows nothing about HTML.
"""

import json
import shlex
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
from markupsafe import Markup

from habitue import __version__
from habitue.actions.audiences import select_audience
from habitue.actions.recommend import Adviser
from habitue.alerting import alerts_of, churn_model
from habitue.answering import Version
from habitue.config import Settings
from habitue.errors import HabitueError, NotReady
from habitue.events.one_currency import OneCurrencyLog
from habitue.events.span import SpannedLog
from habitue.events.store import EventStore
from habitue.files import Json
from habitue.languages import retold, told
from habitue.model_card import model_card
from habitue.profiles.evidence import event_texts
from habitue.profiles.group_texts import group_label, group_sentence, group_summary
from habitue.profiles.segment_texts import segment_label, segment_summary
from habitue.profiles.task_model import Form, TaskModel
from habitue.profiles.tasks import SHIPPED_TASKS
from habitue.refreshing import Refresh
from habitue.report import ShopStatistics, formats, shop_statistics
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
from habitue.report.periods import to_local
from habitue.report.texts import Texts
from habitue.schema import SECOND, Task

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
    log: SpannedLog
    store: EventStore
    settings: Settings
    version: Version | None
    evaluation: Mapping[str, Json] | None
    refresh: Refresh | None
    adviser: Adviser | None


def report_data(sources: Sources) -> ReportData:
    """Return everything on the page."""
    refresh = sources.refresh
    as_of = refresh.as_of if refresh else sources.log.end_at
    where = _where(sources.folder)
    money = OneCurrencyLog(sources.store, sources.settings.shop.currency)
    currency = money.currency(as_of)
    data = ReportData(
        shop_name=sources.settings.shop.name,
        currency=currency,
        other_currencies=tuple(sorted({*sources.store.currencies(as_of=as_of)} - {currency})),
        generated_at=int(time.time()) * SECOND,
        as_of=as_of,
        fingerprint=sources.store.fingerprint,
        habitue_version=__version__,
        statistics=_statistics(sources, as_of),
        is_behind=refresh is not None and refresh.data_fingerprint != sources.store.fingerprint,
        commands=[command + where for command in COMMANDS],
        workspace=where,
    )
    if sources.version is not None:
        data = replace(
            data,
            model=_model(sources.version, sources.settings.profiles.time_zone),
            tasks=list(_tasks(sources.version).values()),
            unanswered=sources.version.unanswered,
        )
        if sources.evaluation:
            data = replace(
                data,
                evaluation=Evaluation.from_json(sources.evaluation),
                card=model_card(sources.version.card, sources.evaluation)[1:],
            )
    if sources.version and sources.refresh and sources.adviser:
        data = _with_customers(data, sources, sources.version, sources.refresh, sources.adviser)
    return data


def _where(folder: Path) -> str:
    """Return the option that names the workspace, empty where it is the default one."""
    return "" if folder == Path("shop") else f" -w {shlex.quote(str(folder))}"


def _statistics(sources: Sources, as_of: int) -> ShopStatistics:
    log = sources.log
    stats = shop_statistics(log, as_of=as_of, time_zone=sources.settings.profiles.time_zone)
    if as_of < log.end_at:
        return stats
    # Events dated long after all others lie behind `as_of` too, but are no future.
    return replace(stats, num_strays=log.span.strays)


def _tasks(version: Version) -> dict[str, Task]:
    """Return the tasks that names stand for; of those unanswered, the shipped ones."""
    fitted = {name: model.task for name, model in version.task_models.items()}
    return {task.name: task for task in SHIPPED_TASKS} | version.next_tasks | fitted


def _model(version: Version, time_zone: str) -> ModelSummary:
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
        choices=_choices(version, time_zone),
        records=[retold(note) for note in card.notes],
    )


def _choices(version: Version, time_zone: str) -> list[str]:
    """Return what was chosen and why, in sentences for somebody who runs the shop."""
    texts, blend = Texts(), version.blend
    until = formats.date(to_local(version.card.trained_until, time_zone))
    told = [texts("chosen.until", date=until)]
    if blend.report.num_persons:
        share = formats.percent(blend.report.repeat_share, 0)
        told.append(texts(f"chosen.repeats.{blend.seen_items}", share=share))
    weights = {
        part.name: weight for part, weight in zip(blend.components, blend.weights, strict=True)
    }
    parts = [
        texts("chosen.part", name=texts.named("mix", name), share=formats.percent(weight, 0))
        for name, weight in sorted(weights.items(), key=lambda pair: -pair[1])
        if weight > 0
    ]
    told.append(texts("chosen.mix", parts=_listed(parts, texts)))
    names: dict[Form, list[Markup]] = defaultdict(list)
    for name, model in version.task_models.items():
        if model.chance is not None:
            task = texts.task(name, {name: model.task})
            names[model.form].append(Markup("“{}”").format(task))
    told += [
        texts(f"chosen.form.{form}", tasks=_listed(tasks, texts)) for form, tasks in names.items()
    ]
    return [one.unescape() for one in told]


def _listed(words: Sequence[Markup], texts: Texts) -> Markup:
    """Return `a, b and c`."""
    *first, last = words
    return texts("chosen.and").join([texts("list").join(first), last]) if first else last


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
            SegmentSummary(
                segment_label(row["segment"]), row["persons"], row["revenue"], row["sentence"]
            )
            for row in segment_summary(table).iter_rows(named=True)
            if row["persons"]
        ],
        groups=_groups(table, version),
        no_groups=str(version.groups.record_of(None)["reason"])
        if not version.groups.groups
        else "",
        stories=_stories(table, sources, version, refresh, adviser),
        churn_task=churn.task.name if churn else "",
        alerts=alerts,
        num_alerts=num_alerts,
        examples=examples,
        audiences=_audiences(table, refresh.as_of, churn, data),
    )


def _groups(table: pl.DataFrame, version: Version) -> list[SegmentSummary]:
    """Return the groups that have anybody, the largest first."""
    if "group" not in table.columns:  # of a refresh of before
        return []
    sentences = {one.name: group_sentence(one.traits) for one in version.groups.groups}
    return [
        SegmentSummary(group_label(row["group"]), row["persons"], row["revenue"], sentence)
        for row in group_summary(table).iter_rows(named=True)
        if (sentence := sentences.get(row["group"])) is not None
    ]


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
    profile = version.profiles(
        frame,
        items,
        as_of=as_of,
        settings=sources.settings.profiles,
        user_ids=sources.store.outside_ids,
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
        examples.append(
            AdviceExample(row["user_id"], told({"en": "; ", "zh": "；"}).join(texts), items)
        )
    return examples


def _audiences(
    table: pl.DataFrame, as_of: int, churn: TaskModel | None, data: ReportData
) -> list[AudienceSummary]:
    """Return a few groups worth reaching that are not empty."""
    texts, money = Texts(), formats.Currency.of(data.currency)
    rules = {
        "best-customers": 'segment = "champion"',
        "win-back": 'segment in ("slipping away", "needs attention")',
        "second-order": "orders = 1",
    }
    words: dict[str, str] = {}
    has_money = table["revenue"].is_not_null().any()
    if churn is not None and has_money:
        threshold = round(min(0.95, 1.5 * churn.base_rate), 2)
        middle = float(table.select(pl.col("revenue").median()).item())
        rules["valuable-at-risk"] = f"{churn.task.name} > {threshold} and revenue > {middle:.0f}"
        words = {
            "task": texts.task(churn.task.name, {churn.task.name: churn.task}),
            "share": formats.percent(threshold, 0),
            "money": money.money(round(middle)),
        }
    found = []
    for name, rule in rules.items():
        try:
            audience = select_audience(table, rule, as_of=as_of, name=name)
        except HabitueError:  # a shop without orders has no such column to ask for
            continue
        if audience.persons:
            value = float(audience.table["revenue"].sum()) if has_money else None
            command = f"habitue audience '{rule}' --name {name} --out {name}.csv{data.workspace}"
            title = texts(f"audience.{name}").unescape()
            sentence = texts(f"audience.{name}.rule", **words).unescape()
            found.append(AudienceSummary(title, sentence, audience.persons, command, value))
    return found
