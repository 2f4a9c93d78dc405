"""Statistics of a shop, streamed over the buckets of its log: once for its dates, once to count.

In: an `EventLog` and a moment. Out: `ShopStatistics`. Memory: one bucket, a few numbers for each
item, and one number for each buyer. Knows nothing about models or pages.
"""

from collections import Counter

import polars as pl

from habitue.events.log import EventLog
from habitue.events.span import Span, span_of
from habitue.report.counters import (
    IS_MONEY,
    CohortCounter,
    FunnelCounter,
    RecentCounter,
    RhythmCounter,
    SalesCounter,
    TimelineCounter,
)
from habitue.report.figures import Bots, Measure, ShopStatistics
from habitue.report.periods import (
    COHORT_UNITS,
    TIMELINE_UNITS,
    choose_unit,
    local_time,
    to_local,
)
from habitue.report.rankings import RankingCounter
from habitue.schema import DAY

_COLUMNS = (
    "subject_id",
    "timestamp",
    "event_type",
    "item_number",
    "session_number",
    "order_id",
    "is_bot",
)


def shop_statistics(
    log: EventLog, *, as_of: int, time_zone: str = "UTC", top: int = 10
) -> ShopStatistics:
    """Return the shop's figures from all events before `as_of`.

    Days, weeks and hours are those of `time_zone`; rankings keep their first `top` rows.

    Events dated long before or long after all others are in none of them but `num_strays`; see
    `events.span`.

    Raises:
        NotReady: the log has no event before `as_of`.
    """
    span = span_of(log, as_of=as_of)
    count = _Count(log.items(as_of=as_of), span, time_zone)
    for bucket in range(log.num_buckets):
        count.add(log.read_bucket(bucket, as_of=as_of).select(*_COLUMNS, value=_money()))
    return count.result(as_of, top)


def _money() -> pl.Expr:
    """The money of a line: as given, else price times quantity; a refund counts negative."""
    line = pl.col("price") * pl.col("quantity").fill_null(1.0)
    signed = pl.when(pl.col("event_type") == "refund").then(-line).otherwise(line)
    return pl.coalesce("value", signed)


def _recent_days(span_days: float) -> int:
    """Return the length of 'lately': at most a third of the log, so that there is a before."""
    return next((days for days in (28, 7, 1) if span_days >= 3 * days), 0)


class _Count:
    """All counters, fed with one bucket after the other."""

    def __init__(self, items: pl.DataFrame, span: Span, time_zone: str) -> None:
        self._span, self._time_zone = span, time_zone
        length = span.end_at - span.start_at
        days = _recent_days(length / DAY)
        self._recent = RecentCounter(days, span.end_at) if days else None
        self._timeline = TimelineCounter(choose_unit(length, TIMELINE_UNITS, most=120))
        self._cohorts = CohortCounter(choose_unit(length, COHORT_UNITS, most=18))
        self._funnel = FunnelCounter()
        self._rhythm = RhythmCounter()
        self._sales = SalesCounter()
        self._rankings = RankingCounter(items, self._recent.starts if self._recent else None)
        self._types: Counter[str] = Counter()
        self._num_persons = 0
        self._bots = Bots(0, 0, 0.0)

    def add(self, frame: pl.DataFrame) -> None:
        at = pl.col("timestamp")
        frame = frame.filter(at >= self._span.start_at, at < self._span.end_at)
        self._add_bots(frame.filter(pl.col("is_bot").fill_null(False)))
        frame = frame.filter(~pl.col("is_bot").fill_null(False))
        if frame.is_empty():
            return
        frame = frame.with_columns(local=local_time("timestamp", self._time_zone))
        persons = frame.group_by("subject_id").agg(
            first_at=pl.col("timestamp").min(), first_local=pl.col("local").min()
        )
        self._num_persons += persons.height
        for kind, number in frame["event_type"].cast(pl.String).value_counts().iter_rows():
            self._types[kind] += number
        self._timeline.add(frame, persons)
        self._cohorts.add(frame, persons)
        self._funnel.add(frame)
        self._rhythm.add(frame)
        self._sales.add(frame)
        self._rankings.add(frame)
        if self._recent:
            self._recent.add(frame, persons)

    def _add_bots(self, frame: pl.DataFrame) -> None:
        self._bots = Bots(
            self._bots.persons + frame["subject_id"].n_unique(),
            self._bots.events + frame.height,
            self._bots.revenue + float(frame.filter(IS_MONEY)["value"].sum() or 0),
        )

    def result(self, as_of: int, top: int) -> ShopStatistics:
        span = self._span
        first = to_local(span.start_at, self._time_zone)
        last = to_local(span.end_at - 1, self._time_zone)
        sales = self._sales.result()
        is_empty = not self._num_persons
        measure: Measure = "persons"
        if sales is not None:
            measure = "purchases" if sales.revenue is None else "revenue"
        return ShopStatistics(
            as_of=as_of,
            start_at=span.start_at,
            end_at=span.end_at,
            num_strays=span.strays,
            time_zone=self._time_zone,
            num_events=self._types.total(),
            num_persons=self._num_persons,
            num_items=self._rankings.num_items,
            num_visits=self._funnel.num_visits,
            events_by_type=dict(self._types.most_common()),
            bots=self._bots,
            sales=sales,
            recent=self._recent.result(self._rankings.new_items) if self._recent else None,
            timeline=None if is_empty else self._timeline.result(first, last),
            funnel=self._funnel.result(self._types),
            cohorts=None if is_empty else self._cohorts.result(first, last),
            rhythm=self._rhythm.result((span.end_at - span.start_at) / DAY),
            categories=self._rankings.categories(measure, top),
            items=self._rankings.items(measure, top),
        )
