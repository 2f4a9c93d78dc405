"""What a reader must know before believing the page: what was left out, and what cannot be told.

In: `ReportData`. Out: sentences, empty where there is nothing to warn of. Knows nothing about
where they stand on the page.
"""

from collections.abc import Iterator

from markupsafe import Markup

from habitue.languages import retold
from habitue.report import findings, formats
from habitue.report.data import ReportData
from habitue.report.figures import ShopStatistics
from habitue.report.periods import COHORT_UNITS, choose_unit
from habitue.report.texts import Texts

YEAR_DAYS = 365
SHORT_DAYS = 90  # too short for slow customers, let alone for seasons
MIN_RHYTHM_DAYS, MIN_COHORT_DAYS = 2, 24  # below, there is no rhythm and there are no cohorts


def remarks(data: ReportData, texts: Texts, money: formats.Currency) -> list[Markup]:
    """Return what holds for this report, the gravest kinds first."""
    stats = data.statistics
    return [
        *_currencies(data, texts),
        *_left_out(stats, texts, money),
        *_length(stats, texts),
        *_untold(stats, texts),
        *_unpredicted(data, texts),
    ]


def _currencies(data: ReportData, texts: Texts) -> Iterator[Markup]:
    if data.other_currencies:
        others = texts("list").join(data.other_currencies)
        yield texts("remark.currencies", currency=data.currency, others=others)


def _left_out(stats: ShopStatistics, texts: Texts, money: formats.Currency) -> Iterator[Markup]:
    if stats.num_strays:
        yield texts("remark.strays", events=texts.count(stats.num_strays, "event"))
    bots = stats.bots
    if bots.persons:
        revenue = texts("bots.money", revenue=money.short(bots.revenue)) if bots.revenue else ""
        yield texts(
            "bots",
            persons=texts.count(bots.persons, "person"),
            events=texts.count(bots.events, "event"),
            money=revenue,
        )


def _length(stats: ShopStatistics, texts: Texts) -> Iterator[Markup]:
    span = formats.span(stats.span_days)
    if stats.span_days < SHORT_DAYS:
        yield texts("remark.short", span=span)
    elif stats.span_days < YEAR_DAYS - 1:
        yield texts("remark.year", span=span)
    if stats.cohorts is None and stats.span_days < MIN_COHORT_DAYS:
        yield texts("cohort.none", span=span)
    elif stats.cohorts is None:
        unit = choose_unit(stats.end_at - stats.start_at, COHORT_UNITS, most=18)
        yield texts("cohort.flat", unit=texts.period(unit))


def _untold(stats: ShopStatistics, texts: Texts) -> Iterator[Markup]:
    """What this kind of log cannot say."""
    if stats.sales is None:
        yield texts("remark.no_purchases")
    elif stats.sales.revenue is None:
        yield texts("remark.no_money")
    if not stats.funnel:
        kinds = [texts.named("type", kind).lower() for kind in stats.events_by_type]
        yield texts("funnel.none", types=texts("list").join(kinds))
    if stats.rhythm is None and stats.span_days <= MIN_RHYTHM_DAYS:
        yield texts("rhythm.none.short", span=formats.span(stats.span_days))
    elif stats.rhythm is None:
        yield texts("rhythm.none.dates")
    elif stats.time_zone == "UTC":
        yield texts("remark.utc")
    if stats.items is None:
        yield texts("items.none")
    elif stats.categories is None:
        yield texts("categories.none")


def _unpredicted(data: ReportData, texts: Texts) -> Iterator[Markup]:
    if data.is_behind:
        yield texts("remark.behind")
    tasks = {task.name: task for task in data.tasks}
    judged = data.evaluation.tasks if data.evaluation else []
    unchecked = dict(data.evaluation.skipped) if data.evaluation else {}
    unchecked |= {one.task: texts("task.trivial") for one in judged if one.is_trivial}
    reasons = {name: ("remark.unchecked", why) for name, why in unchecked.items()}
    reasons |= {name: ("remark.unanswered", why) for name, why in data.unanswered.items()}
    for name, (key, why) in reasons.items():
        words = findings.isolated(retold(why.rstrip(".")), 400)
        yield texts(key, task=texts.task(name, tasks), why=words)
