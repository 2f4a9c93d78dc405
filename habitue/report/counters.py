"""Counters of the shop's figures: each adds up one bucket at a time and keeps only sums.

In: the events of a bucket without bots, with a `local` date-time column, and its persons with
`first_at` and `first_local`. A person's events lie in one bucket, so distinct persons of buckets
add up. Knows nothing about how buckets are read or figures shown.
"""

import numpy as np
import polars as pl

from habitue.profiles.orders import order_key
from habitue.report.figures import (
    Cohort,
    Cohorts,
    FunnelStep,
    PeriodUnit,
    RecentChange,
    Sales,
    Timeline,
    Window,
)
from habitue.report.periods import EVERY, period_starts
from habitue.schema import DAY, HOUR, MONEY_EVENT_TYPES

# What brings a visit how far; a later step counts as having passed the earlier ones, because
# many shops log a purchase without its cart.
FUNNEL_STEPS: dict[str, tuple[str, ...]] = {
    "view_item": ("view_item", "select_item", "click"),
    "add_to_cart": ("add_to_cart",),
    "begin_checkout": ("begin_checkout",),
    "purchase": ("purchase",),
}
MOST_GAP_DAYS = 3650
IS_MONEY = pl.col("event_type").is_in(MONEY_EVENT_TYPES)


def is_covered(missing: int, length: int) -> bool:
    """Whether a period of `length` lacks so little of its time that it counts as whole."""
    return missing <= max(length // 20, min(6 * HOUR, length // 4))


class TimelineCounter:
    """Events by type, active and new persons, and revenue, by period."""

    def __init__(self, unit: PeriodUnit) -> None:
        self._unit = unit
        self._by_type: list[pl.DataFrame] = []
        self._by_period: list[pl.DataFrame] = []
        self._new: list[pl.DataFrame] = []

    def add(self, frame: pl.DataFrame, persons: pl.DataFrame) -> None:
        """Count one bucket."""
        period = pl.col("local").dt.truncate(EVERY[self._unit]).dt.epoch("us")
        dated = frame.with_columns(period=period)
        self._by_type.append(dated.group_by("period", "event_type").len())
        self._by_period.append(
            dated.group_by("period").agg(
                persons=pl.col("subject_id").n_unique(),
                revenue=pl.col("value").filter(IS_MONEY).sum(),
            )
        )
        first = pl.col("first_local").dt.truncate(EVERY[self._unit]).dt.epoch("us")
        self._new.append(persons.group_by(period=first).len())

    def result(self, first: int, last: int) -> Timeline:
        """Return all periods from local moment `first` to `last`, the empty ones too."""
        *starts, beyond = period_starts(first, last, self._unit)
        frame = pl.DataFrame({"period": starts}, schema={"period": pl.Int64})

        def column(parts: list[pl.DataFrame], name: str) -> pl.Series:
            sums = pl.concat(parts).group_by("period").agg(pl.col(name).sum())
            return frame.join(sums, on="period", how="left")[name].fill_null(0)

        by_type = pl.concat(self._by_type)
        counts = {
            kind: column([by_type.filter(pl.col("event_type") == kind)], "len").to_list()
            for kind in by_type["event_type"].cast(pl.String).unique().sort().to_list()
        }
        second = starts[1] if len(starts) > 1 else beyond
        return Timeline(
            unit=self._unit,
            starts=starts,
            counts=counts,
            persons=column(self._by_period, "persons").to_list(),
            new_persons=column(self._new, "len").to_list(),
            revenue=column(self._by_period, "revenue").to_list(),
            is_first_partial=not is_covered(first - starts[0], second - starts[0]),
            is_last_partial=not is_covered(beyond - last, beyond - starts[-1]),
        )


class FunnelCounter:
    """How far visits and persons came on the way to a purchase."""

    def __init__(self) -> None:
        self._visits = np.zeros(len(FUNNEL_STEPS) + 1, dtype=np.int64)
        self._persons = np.zeros(len(FUNNEL_STEPS) + 1, dtype=np.int64)
        self.num_visits = 0

    def add(self, frame: pl.DataFrame) -> None:
        """Count one bucket."""
        depth = pl.lit(0)
        for number, kinds in enumerate(FUNNEL_STEPS.values(), start=1):
            depth = pl.when(pl.col("event_type").is_in(kinds)).then(number).otherwise(depth)
        visits = frame.group_by("subject_id", "session_number").agg(depth=depth.max())
        persons = visits.group_by("subject_id").agg(pl.col("depth").max())
        self.num_visits += visits.height
        size = len(self._visits)
        self._visits += np.bincount(visits["depth"].to_numpy(), minlength=size)
        self._persons += np.bincount(persons["depth"].to_numpy(), minlength=size)

    def result(self, events_by_type: dict[str, int]) -> list[FunnelStep]:
        """Return the steps the log has events of; none where it has but one."""
        visits = self._visits[::-1].cumsum()[::-1]
        persons = self._persons[::-1].cumsum()[::-1]
        steps = [
            FunnelStep(name, visits=int(visits[number]), persons=int(persons[number]))
            for number, (name, kinds) in enumerate(FUNNEL_STEPS.items(), start=1)
            if any(events_by_type.get(kind) for kind in kinds)
        ]
        return steps if len(steps) > 1 else []


class CohortCounter:
    """Who came back, by the period of the first event."""

    def __init__(self, unit: PeriodUnit) -> None:
        self._unit = unit
        self._parts: list[pl.DataFrame] = []

    def add(self, frame: pl.DataFrame, persons: pl.DataFrame) -> None:
        """Count one bucket."""
        every = EVERY[self._unit]
        joined = frame.select("subject_id", period=pl.col("local").dt.truncate(every)).unique()
        first = persons.select("subject_id", cohort=pl.col("first_local").dt.truncate(every))
        self._parts.append(joined.join(first, on="subject_id").group_by("cohort", "period").len())

    def result(self, first: int, last: int) -> Cohorts | None:
        """Return cohorts that had time to come back; None with fewer than two of them."""
        starts = period_starts(first, last, self._unit)
        if not is_covered(starts[-1] - last, starts[-1] - starts[-2]):
            starts = starts[:-1]
        whole = starts[:-1]
        sums = pl.concat(self._parts).group_by("cohort", "period").agg(pl.col("len").sum())
        active = {
            (cohort, period): count
            for cohort, period, count in sums.select(
                pl.col("cohort").dt.epoch("us"), pl.col("period").dt.epoch("us"), "len"
            ).iter_rows()
        }
        cohorts = [
            Cohort(start, active[start, start], [active.get((start, at), 0) for at in whole[n:]])
            for n, start in enumerate(whole[:-1])  # the last one has no period after it
            if (start, start) in active
        ]
        return Cohorts(self._unit, cohorts) if len(cohorts) >= 2 else None


class RhythmCounter:
    """Events by weekday and hour."""

    def __init__(self) -> None:
        self._counts = np.zeros(7 * 24, dtype=np.int64)

    def add(self, frame: pl.DataFrame) -> None:
        """Count one bucket."""
        local = pl.col("local").dt
        slot = frame.select((local.weekday().cast(pl.Int32) - 1) * 24 + local.hour())
        self._counts += np.bincount(slot.to_series().to_numpy(), minlength=7 * 24)

    def result(self, span_days: float) -> list[list[int]] | None:
        """Return 7 x 24 counts; None for two days or less, or where all times are one hour."""
        table = self._counts.reshape(7, 24)
        if span_days <= 2 or np.count_nonzero(table.sum(axis=0)) <= 1:
            return None
        return [[int(count) for count in row] for row in table]


class SalesCounter:
    """Orders, buyers and money."""

    def __init__(self) -> None:
        self._orders = self._repeat_buyers = 0
        self._refunds = 0.0
        self._has_money = False
        self._spent: list[np.ndarray] = []  # one number a buyer
        self._gaps = np.zeros(MOST_GAP_DAYS + 1, dtype=np.int64)

    def add(self, frame: pl.DataFrame) -> None:
        """Count one bucket."""
        money = frame.filter(IS_MONEY)
        if money.is_empty():
            return
        is_purchase = pl.col("event_type") == "purchase"
        self._has_money |= bool(money.select((is_purchase & (pl.col("value") > 0)).any()).item())
        self._refunds -= float(money.filter(~is_purchase)["value"].sum() or 0)
        orders = orders_of(money)
        buyers = orders.group_by("subject_id").agg(orders=pl.len())
        spent = money.group_by("subject_id").agg(pl.col("value").sum())
        self._orders += orders.height
        self._repeat_buyers += buyers.filter(pl.col("orders") > 1).height
        self._spent.append(buyers.join(spent, on="subject_id")["value"].to_numpy())
        gaps = orders.sort("subject_id", "at").select(
            (pl.col("at").diff().over("subject_id") // DAY).clip(0, MOST_GAP_DAYS)
        )
        self._gaps += np.bincount(
            gaps.to_series().drop_nulls().to_numpy(), minlength=len(self._gaps)
        )

    def result(self) -> Sales | None:
        """Return the sums; None where nobody bought."""
        spent = np.sort(np.concatenate(self._spent))[::-1] if self._spent else np.zeros(0)
        if not len(spent):
            return None
        positive = spent.clip(min=0)
        tenth = len(spent) // 10
        has_share = self._has_money and tenth > 0 and positive.sum() > 0
        num_gaps = int(self._gaps.sum())
        median = int(np.searchsorted(self._gaps.cumsum(), (num_gaps + 1) // 2))
        return Sales(
            orders=self._orders,
            buyers=len(spent),
            repeat_buyers=self._repeat_buyers,
            revenue=float(spent.sum()) if self._has_money else None,
            refunds=self._refunds,
            top_decile_share=float(positive[:tenth].sum() / positive.sum()) if has_share else None,
            typical_gap_days=float(median) if num_gaps >= 30 else None,
        )


class RecentCounter:
    """The last days beside as many days before."""

    def __init__(self, days: int, end_at: int) -> None:
        self._days = days
        self._starts = (end_at - days * DAY, end_at - 2 * days * DAY)
        self._sums = [np.zeros(5), np.zeros(5)]

    @property
    def starts(self) -> tuple[int, int]:
        """The first moments of the recent and of the previous window."""
        return self._starts

    def add(self, frame: pl.DataFrame, persons: pl.DataFrame) -> None:
        """Count one bucket."""
        ends = (self._starts[0] + self._days * DAY, self._starts[0])
        for sums, start, end in zip(self._sums, self._starts, ends, strict=True):
            inside = frame.filter(pl.col("timestamp").is_between(start, end, closed="left"))
            new = persons.filter(pl.col("first_at").is_between(start, end, closed="left"))
            revenue = float(inside.filter(IS_MONEY)["value"].sum() or 0)
            orders = orders_of(inside).height
            sums += (inside.height, inside["subject_id"].n_unique(), new.height, orders, revenue)

    def result(self, new_items: tuple[int, int]) -> RecentChange:
        """Return both windows."""
        recent, previous = (
            Window(
                events=int(sums[0]),
                persons=int(sums[1]),
                new_persons=int(sums[2]),
                new_items=items,
                orders=int(sums[3]),
                revenue=float(sums[4]),
            )
            for sums, items in zip(self._sums, new_items, strict=True)
        )
        return RecentChange(self._days, recent, previous)


def orders_of(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a row an order, with `subject_id` and `at`."""
    purchases = frame.filter(pl.col("event_type") == "purchase")
    return purchases.group_by("subject_id", *order_key()).agg(at=pl.col("timestamp").min())
