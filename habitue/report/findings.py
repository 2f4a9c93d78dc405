"""What a chart says, in one sentence above it.

In: figures. Out: sentences; names from the shop are escaped and set apart in `<bdi>`, because a
name may be written from right to left. A sentence that the figures do not support is empty.
"""

import re

from markupsafe import Markup

from habitue.display import shorten
from habitue.report import formats
from habitue.report.data import SegmentSummary
from habitue.report.figures import (
    Cohorts,
    FunnelStep,
    RankedRow,
    Ranking,
    ShopStatistics,
)
from habitue.report.texts import Texts

MIN_PERSONS = 20  # behind a share that a sentence speaks of
MIN_PURCHASES = 20  # of a row whose rise or fall a sentence speaks of
MIN_CHANGE_SHARE = 0.01  # of the whole; a smaller row's rise or fall is chance
EMPTY = Markup()
DATE, WHOLE_DATE = re.compile(r"\b\d{4}-\d\d-\d\d\b"), r'<span class="whole">\g<0></span>'


def isolated(name: str, most: int = 120) -> Markup:
    """Return a text from the shop, escaped, shortened and set apart; a date in it stays whole."""
    text = str(Markup.escape(shorten(name, most)))
    return Markup(f"<bdi>{DATE.sub(WHOLE_DATE, text)}</bdi>")


def headline(stats: ShopStatistics, texts: Texts, money: formats.Currency) -> Markup:
    """Return the shop in a sentence or two."""
    key, sales = "lede.visits", stats.sales
    if sales is not None:
        key = "lede.orders" if sales.revenue is None else "lede.sales"
    words = texts(
        key,
        span=formats.span(stats.span_days),
        persons=texts.count(stats.num_persons, "person"),
        times=texts.count(stats.num_visits, "time"),
        events=texts.count(stats.num_events, "event"),
        orders=texts.count(sales.orders, "order") if sales else "",
        revenue=money.short(sales.revenue) if sales and sales.revenue is not None else "",
    )
    return words + _trend(stats, texts)


def _trend(stats: ShopStatistics, texts: Texts) -> Markup:
    if stats.recent is None:
        return EMPTY
    now, before = stats.recent.recent, stats.recent.previous
    key, pair = "lede.trend.events", (float(now.events), float(before.events))
    if stats.sales is not None:
        key, pair = "lede.trend.orders", (float(now.orders), float(before.orders))
        if stats.sales.revenue is not None:
            key, pair = "lede.trend.revenue", (now.revenue, before.revenue)
    if pair[1] <= 0:
        return EMPTY
    share = pair[0] / pair[1] - 1
    way = "same" if abs(share) < 0.01 else "higher" if share > 0 else "lower"
    change = texts(f"lede.{way}", share=formats.percent(abs(share), 0))
    return texts("blank") + texts(key, days=texts.days(stats.recent.days), change=change)


def funnel_finding(steps: list[FunnelStep], texts: Texts) -> Markup:
    """Return how many of the visits that look end in a purchase."""
    first, last = steps[0], steps[-1]
    if first.event_type != "view_item" or not first.visits:
        return EMPTY
    share = formats.number(100 * last.visits / first.visits)
    if last.event_type != "purchase":
        return texts("funnel.finding.cart", share=share)
    return texts(
        "funnel.finding", share=share, persons=formats.percent(last.persons / first.persons)
    )


def cohort_finding(cohorts: Cohorts, texts: Texts) -> Markup:
    """Return the share that comes back after one period, and after a few, over all cohorts."""
    one = _returning(cohorts, 1)
    if one is None:
        return EMPTY
    number = next((n for n in (6, 3) if _returning(cohorts, n) is not None), 0)
    later = EMPTY
    if number:
        share = formats.percent(_returning(cohorts, number), 0)
        later = texts(
            "cohort.later", later=share, number=str(number), unit=texts.period(cohorts.unit)
        )
    return texts(
        "cohort.finding", unit=texts.period(cohorts.unit), one=formats.percent(one, 0), later=later
    )


def _returning(cohorts: Cohorts, number: int) -> float | None:
    """Return the share active `number` periods after the first, of cohorts old enough."""
    old_enough = [cohort for cohort in cohorts.cohorts if len(cohort.active) > number]
    persons = sum(cohort.persons for cohort in old_enough)
    if persons < MIN_PERSONS:
        return None
    return sum(cohort.active[number] for cohort in old_enough) / persons


def rhythm_finding(rhythm: list[list[int]], texts: Texts) -> Markup:
    """Return the busiest hour, and the strongest and the quietest day."""
    peak = max(
        (count, day, hour) for day, row in enumerate(rhythm) for hour, count in enumerate(row)
    )
    by_day = [sum(row) for row in rhythm]
    return texts(
        "rhythm.finding",
        day=texts(f"weekday.{peak[1]}"),
        hour=str(peak[2]),
        until=str((peak[2] + 1) % 24),
        best=texts(f"weekday.{by_day.index(max(by_day))}"),
        worst=texts(f"weekday.{by_day.index(min(by_day))}"),
    )


def ranking_finding(ranking: Ranking, texts: Texts, days: int) -> Markup:
    """Return how much the first three carry, and what rises and falls most."""
    top = min(3, len(ranking.rows))
    amount = sum(measured(row, ranking) for row in ranking.rows[:top])
    words = EMPTY
    if ranking.num_all > top and ranking.total and ranking.measure != "persons":
        words = texts(
            "rank.finding",
            n=str(top),
            all=formats.number(ranking.num_all),
            share=formats.percent(amount / ranking.total),
            measure=texts(f"rank.by.{ranking.measure}"),
        )
    return words + _movement(ranking, texts, days)


def _movement(ranking: Ranking, texts: Texts, days: int) -> Markup:
    """Return what rises and falls most among the rows large enough for it to be no chance."""
    floor = MIN_CHANGE_SHARE * sum(row.previous for row in ranking.rows)
    moved = [
        row
        for row in ranking.rows
        if row.purchases >= MIN_PURCHASES and row.previous > floor and row.recent >= 0
    ]
    words = EMPTY
    if len(moved) < 2:
        return words
    moved.sort(key=lambda row: row.recent / row.previous)
    for key, row, is_worth_saying in (
        ("rank.growing", moved[-1], moved[-1].recent > 1.05 * moved[-1].previous),
        ("rank.falling", moved[0], moved[0].recent < 0.95 * moved[0].previous),
    ):
        if is_worth_saying:
            words += texts("blank") + texts(
                key,
                name=row_name(row, ranking, texts),
                change=formats.change(row.recent, row.previous),
                days=texts.days(days),
            )
    if not words:
        return words
    share = formats.percent(MIN_CHANGE_SHARE, 0)
    return words + texts("blank") + texts("rank.least", purchases=str(MIN_PURCHASES), share=share)


def row_name(row: RankedRow, ranking: Ranking, texts: Texts) -> Markup:
    """Return a row's name, with its id where another row has the same name."""
    name = isolated(row.name, 60)
    if sum(other.name == row.name for other in ranking.rows) < 2:
        return name
    number = texts("rank.id", id=isolated(row.key, 40))
    return Markup('{} <span class="kind">{}</span>').format(name, number)


def measured(row: RankedRow, ranking: Ranking) -> float:
    """Return the figure that a ranking sorts its rows by."""
    if ranking.measure == "revenue":
        return row.revenue
    return float(row.purchases if ranking.measure == "purchases" else row.persons)


def segment_finding(segments: list[SegmentSummary], texts: Texts) -> Markup:
    """Return which segment brings most for its size; without money, the largest."""
    persons = sum(segment.persons for segment in segments) or 1
    revenue = sum(segment.revenue or 0.0 for segment in segments)
    if revenue > 0:
        best = max(segments, key=lambda segment: segment.revenue or 0.0)
        return texts(
            "segments.finding",
            name=isolated(best.name, 60),
            people=formats.percent(best.persons / persons),
            revenue=formats.percent((best.revenue or 0.0) / revenue),
        )
    largest = max(segments, key=lambda segment: segment.persons)
    return texts(
        "segments.finding.people",
        name=isolated(largest.name, 60),
        people=formats.percent(largest.persons / persons),
    )
