"""Statistics of a shop, streamed over the buckets of its log: once for its dates, once to count.

In: an `EventLog` and a moment. Out: `ShopStatistics`. Memory: one bucket, a few numbers for each
item, and one number for each buyer. Knows nothing about models or pages.
"""

from collections import Counter
from dataclasses import dataclass

import polars as pl

from habitue.errors import NotEnoughData
from habitue.events.log import EventLog
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
from habitue.schema import DAY, format_time

STRAY_SHARE = 0.001
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

    Raises:
        NotEnoughData: the log has no event before `as_of`.
    """
    window = _window(log, as_of)
    count = _Count(log.items(as_of=as_of), window, time_zone)
    for bucket in range(log.num_buckets):
        count.add(log.read_bucket(bucket, as_of=as_of).select(*_COLUMNS, value=_money()))
    return count.result(as_of, top)


def _money() -> pl.Expr:
    """The money of a line: as given, else price times quantity; a refund counts negative."""
    line = pl.col("price") * pl.col("quantity").fill_null(1.0)
    signed = pl.when(pl.col("event_type") == "refund").then(-line).otherwise(line)
    return pl.coalesce("value", signed)


@dataclass(frozen=True)
class _Window:
    """The stretch of time that the log covers, and how many events lie before it."""

    start_at: int
    end_at: int
    num_strays: int


def _window(log: EventLog, as_of: int) -> _Window:
    """Return the log's window before `as_of`, from the events alone.

    The log's own `start_at` and `end_at` know of later events, and a handful of events with a
    wrong date would stretch all charts to many times the length of the log: where less than
    one in a thousand makes the log more than twice as long, it begins after them.
    """
    day = pl.col("timestamp") // DAY
    parts = [
        log.read_bucket(bucket, as_of=as_of)
        .group_by(day=day)
        .agg(pl.len(), first=pl.col("timestamp").min(), last=pl.col("timestamp").max())
        for bucket in range(log.num_buckets)
    ]
    days = (
        pl.concat(parts)
        .group_by("day")
        .agg(pl.col("len").sum(), pl.col("first").min(), pl.col("last").max())
    )
    if days.is_empty():
        raise NotEnoughData(
            f"The log has no event before {format_time(as_of)}.",
            fix="Ingest events with `habitue ingest FILE`, or name a later --as-of.",
        )
    days = days.sort("day").with_columns(before=pl.col("len").cum_sum() - pl.col("len"))
    end_at = int(days["last"][-1]) + 1
    whole = int(days["first"][0])
    most = days.filter(pl.col("before") <= STRAY_SHARE * pl.col("len").sum())
    start_at, strays = int(most["first"][-1]), int(most["before"][-1])
    if end_at - whole <= 2 * (end_at - start_at):
        return _Window(whole, end_at, 0)
    return _Window(start_at, end_at, strays)


def _recent_days(span_days: float) -> int:
    """Return the length of 'lately': at most a third of the log, so that there is a before."""
    return next((days for days in (28, 7, 1) if span_days >= 3 * days), 0)


class _Count:
    """All counters, fed with one bucket after the other."""

    def __init__(self, items: pl.DataFrame, window: _Window, time_zone: str) -> None:
        self._window, self._time_zone = window, time_zone
        span = window.end_at - window.start_at
        days = _recent_days(span / DAY)
        self._recent = RecentCounter(days, window.end_at) if days else None
        self._timeline = TimelineCounter(choose_unit(span, TIMELINE_UNITS, most=120))
        self._cohorts = CohortCounter(choose_unit(span, COHORT_UNITS, most=18))
        self._funnel = FunnelCounter()
        self._rhythm = RhythmCounter()
        self._sales = SalesCounter()
        self._rankings = RankingCounter(items, self._recent.starts if self._recent else None)
        self._types: Counter[str] = Counter()
        self._num_persons = 0
        self._bots = Bots(0, 0, 0.0)

    def add(self, frame: pl.DataFrame) -> None:
        frame = frame.filter(pl.col("timestamp") >= self._window.start_at)
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
        window = self._window
        first = to_local(window.start_at, self._time_zone)
        last = to_local(window.end_at - 1, self._time_zone)
        sales = self._sales.result()
        is_empty = not self._num_persons
        measure: Measure = "persons"
        if sales is not None:
            measure = "purchases" if sales.revenue is None else "revenue"
        return ShopStatistics(
            as_of=as_of,
            start_at=window.start_at,
            end_at=window.end_at,
            num_strays=window.num_strays,
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
            rhythm=self._rhythm.result((window.end_at - window.start_at) / DAY),
            categories=self._rankings.categories(measure, top),
            items=self._rankings.items(measure, top),
        )
