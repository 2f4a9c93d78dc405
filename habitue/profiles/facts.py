"""Facts: what the log says of each person, without any guess.

In: a bucket's events and the catalogue. Out: one row a person, null where the log has no such
thing (no revenue in a log of views). Money is in the shop's currency, times are µs, `_days` are
days. Knows nothing about interests, models or outside ids.
"""

from dataclasses import dataclass
from typing import Final

import polars as pl

from habitue.files import Json
from habitue.profiles.orders import order_key
from habitue.schema import DAY

SPEND_WINDOW_DAYS: Final = 90
MIN_VISITS_FOR_HABIT: Final = 5
WEEKDAYS: Final = (
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
)  # fmt: skip
_WEEKDAYS: Final = pl.Series(WEEKDAYS)

# name -> what it says; the order is that of the table.
FACTS: Final[dict[str, str]] = {
    "first_seen": "moment of the first event",
    "last_seen": "moment of the last event",
    "events": "number of events",
    "sessions": "number of visits",
    "active_days": "number of days with an event",
    "tenure_days": "days since the first event",
    "recency_days": "days since the last event",
    "usual_gap_days": "typical (median) days between two active days",
    "orders": "number of orders",
    "first_order_at": "moment of the first purchase",
    "last_order_at": "moment of the last purchase",
    "order_days": "number of days with a purchase",
    "last_order_days": "days since the last purchase",
    "order_gap_days": "mean days between two order days",
    "longest_order_gap_days": "longest pause between two order days",
    "revenue": "money of all purchases, before refunds",
    "refunds": "money given back, as a positive amount",
    "spend_90d": "money of purchases less refunds in the last 90 days",
    "frequency": "number of orders, as in recency-frequency-money",
    "monetary": "mean money of an order",
    "average_items_per_order": "lines of a mean order",
    "distinct_items": "number of different items touched",
    "platforms": "where the person visits, most used first",
    "favourite_weekday": "day of the week with most visits",
    "favourite_hour": "hour of the day with most visits, 0 to 23",
    "is_bot": "whether the person behaves like a machine",
}


@dataclass(frozen=True)
class LogTraits:
    """What the log as a whole can tell, so that one person reads as all persons do."""

    has_orders: bool
    has_money: bool
    has_clock: bool  # False where times are bare dates: then no hour is anyone's favourite
    time_zone: str = "UTC"


def traits_of(frame: pl.DataFrame, *, time_zone: str = "UTC") -> LogTraits:
    """Return the traits of the events in `frame` alone."""
    is_money = pl.col("event_type").cast(pl.String).is_in(["purchase", "refund"])
    found = frame.select(
        orders=(pl.col("event_type") == "purchase").any(),
        money=(is_money & _money().is_not_null()).any(),
        clock=(pl.col("timestamp") % DAY != 0).any(),
    ).row(0)
    orders, money, clock = (bool(value) for value in found)
    return LogTraits(has_orders=orders, has_money=money, has_clock=clock, time_zone=time_zone)


def build_facts(
    frame: pl.DataFrame, items: pl.DataFrame, *, as_of: int, traits: LogTraits | None = None
) -> pl.DataFrame:
    """Return `subject_id` and the columns of `FACTS`, one row a person with an event before as_of.

    `items` is taken for the sake of one signature with the other builders; facts need none of it.
    `traits` are the whole log's; without them, those of `frame`.
    """
    events = seen_before(frame, as_of)
    traits = traits or traits_of(events)
    facts = (
        _activity(events, as_of)
        .join(_usual_gaps(events), on="subject_id", how="left")
        .join(_orders(events, as_of), on="subject_id", how="left")
        .join(_spend(events, as_of), on="subject_id", how="left")
        .join(_platforms(events), on="subject_id", how="left")
        .join(_favourite_times(events, traits), on="subject_id", how="left")
    )
    counted = pl.col("orders", "order_days", "frequency").fill_null(0)
    if not traits.has_orders:
        counted = pl.lit(None, dtype=pl.Int64)
        facts = facts.with_columns(orders=counted, order_days=counted, frequency=counted)
    else:
        facts = facts.with_columns(counted)
    if traits.has_money:
        facts = facts.with_columns(pl.col("revenue", "refunds", "spend_90d").fill_null(0.0))
    else:
        none = pl.lit(None, dtype=pl.Float64)
        facts = facts.with_columns(revenue=none, refunds=none, spend_90d=none, monetary=none)
    return facts.select("subject_id", *FACTS).sort("subject_id")


def facts_of_nobody(traits: LogTraits) -> dict[str, Json]:
    """Return the facts of somebody without any event: counts are 0, all else is not known."""
    counted = ["events", "sessions", "active_days", "distinct_items"]
    counted += ["orders", "order_days", "frequency"] if traits.has_orders else []
    money = ["revenue", "refunds", "spend_90d"] if traits.has_money else []
    known: dict[str, Json] = {"platforms": [], "is_bot": False}
    return (
        dict.fromkeys(FACTS, None) | dict.fromkeys(counted, 0) | dict.fromkeys(money, 0.0) | known
    )


def seen_before(frame: pl.DataFrame, as_of: int) -> pl.DataFrame:
    """Return the events that had happened and had arrived by `as_of`."""
    return frame.filter((pl.col("timestamp") < as_of) & (pl.col("received_at") <= as_of))


def _money() -> pl.Expr:
    """The money of a line: as given, else price times quantity."""
    line = pl.col("price") * pl.col("quantity").fill_null(1.0)
    signed = pl.when(pl.col("event_type") == "refund").then(-line).otherwise(line)
    return pl.coalesce("value", signed)


def _days_before(as_of: int, moment: pl.Expr) -> pl.Expr:
    return (as_of - moment) / DAY


def _activity(events: pl.DataFrame, as_of: int) -> pl.DataFrame:
    return (
        events.group_by("subject_id")
        .agg(
            first_seen=pl.col("timestamp").min(),
            last_seen=pl.col("timestamp").max(),
            events=pl.len().cast(pl.Int64),
            sessions=pl.col("session_number").n_unique().cast(pl.Int64),
            active_days=(pl.col("timestamp") // DAY).n_unique().cast(pl.Int64),
            distinct_items=pl.col("item_number").drop_nulls().n_unique().cast(pl.Int64),
            is_bot=pl.col("is_bot").any(),
        )
        .with_columns(
            tenure_days=_days_before(as_of, pl.col("first_seen")),
            recency_days=_days_before(as_of, pl.col("last_seen")),
        )
    )


def _usual_gaps(events: pl.DataFrame) -> pl.DataFrame:
    days = events.select("subject_id", day=pl.col("timestamp") // DAY).unique()
    days = days.sort("subject_id", "day")
    gap = pl.col("day").diff().over("subject_id")
    return (
        days.with_columns(gap=gap).group_by("subject_id").agg(usual_gap_days=pl.col("gap").median())
    )


def _orders(events: pl.DataFrame, as_of: int) -> pl.DataFrame:
    lines = events.filter(pl.col("event_type") == "purchase").with_columns(
        order=pl.struct(*order_key())
    )
    counts = lines.group_by("subject_id").agg(
        orders=pl.col("order").n_unique().cast(pl.Int64),
        lines=pl.len(),
        first_order_at=pl.col("timestamp").min(),
        last_order_at=pl.col("timestamp").max(),
        revenue=_sum_or_null(_money()),
    )
    days = lines.select("subject_id", day=pl.col("timestamp") // DAY).unique()
    days = days.sort("subject_id", "day").with_columns(gap=pl.col("day").diff().over("subject_id"))
    gaps = days.group_by("subject_id").agg(
        order_days=pl.len().cast(pl.Int64),
        order_gap_days=pl.col("gap").mean(),
        longest_order_gap_days=pl.col("gap").max().cast(pl.Float64),
    )
    return counts.join(gaps, on="subject_id").select(
        pl.exclude("lines"),
        frequency=pl.col("orders"),
        monetary=pl.col("revenue") / pl.col("orders"),
        average_items_per_order=pl.col("lines") / pl.col("orders"),
        last_order_days=_days_before(as_of, pl.col("last_order_at")),
    )


def _sum_or_null(amount: pl.Expr) -> pl.Expr:
    """The sum of what is known; null, not 0, where nothing is."""
    return pl.when(amount.is_not_null().any()).then(_exact_sum(amount))


def _exact_sum(amount: pl.Expr) -> pl.Expr:
    """The sum of money, free of what the order of adding leaves in its last digits."""
    return amount.sum().round(6)


def _spend(events: pl.DataFrame, as_of: int) -> pl.DataFrame:
    money = events.filter(pl.col("event_type").cast(pl.String).is_in(["purchase", "refund"]))
    is_recent = pl.col("timestamp") >= as_of - SPEND_WINDOW_DAYS * DAY
    is_refund = pl.col("event_type") == "refund"
    return (
        money.with_columns(money=_money())
        .group_by("subject_id")
        .agg(
            refunds=_exact_sum(pl.col("money").filter(is_refund)).abs(),
            spend_90d=_exact_sum(pl.col("money").filter(is_recent)),
        )
    )


def _platforms(events: pl.DataFrame) -> pl.DataFrame:
    counts = events.drop_nulls("platform").group_by("subject_id", "platform").len()
    name = pl.col("platform").cast(pl.String)
    # Equal counts are ordered by name: the answer must not depend on the order of rows.
    ordered = counts.with_columns(name).sort(
        "subject_id", "len", "platform", descending=[False, True, False]
    )
    return ordered.group_by("subject_id", maintain_order=True).agg(platforms=pl.col("platform"))


def visits_of(events: pl.DataFrame, time_zone: str) -> pl.DataFrame:
    """Return each visit's first moment with its local weekday (1 = Monday) and hour."""
    visits = events.group_by("subject_id", "session_number").agg(at=pl.col("timestamp").min())
    local = pl.from_epoch("at", time_unit="us").dt.replace_time_zone("UTC")
    local = local.dt.convert_time_zone(time_zone)
    return visits.with_columns(
        weekday=local.dt.weekday().cast(pl.Int32), hour=local.dt.hour().cast(pl.Int32)
    )


def _favourite_times(events: pl.DataFrame, traits: LogTraits) -> pl.DataFrame:
    visits = visits_of(events, traits.time_zone)
    enough = pl.len() >= MIN_VISITS_FOR_HABIT
    favourites = visits.group_by("subject_id").agg(
        weekday=pl.when(enough).then(pl.col("weekday").mode().min()),
        favourite_hour=pl.when(enough & pl.lit(traits.has_clock)).then(pl.col("hour").mode().min()),
    )
    return favourites.select(
        "subject_id",
        "favourite_hour",
        favourite_weekday=pl.lit(_WEEKDAYS).gather(pl.col("weekday") - 1),
    )
