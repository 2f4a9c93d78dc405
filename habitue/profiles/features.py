"""Numbers about persons, computed from their events before a moment.

In: one bucket's events (`EventLog.read_bucket`), the catalogue, and `as_of`. Out: one row a
person with an event before `as_of`: `subject_id` and the columns of `FEATURES`, Float64; null
where a number has no meaning (no orders, no prices). Whole columns at a time, in Polars; events
at or after `as_of`, or not yet received then, are dropped before anything is counted.

Days with an order less one, days between the first order and the last, and days since the first
are the sufficient statistics x, t_x and T of BG/NBD (Fader, Hardie and Lee 2005).
"""

import math
from collections.abc import Iterable

import polars as pl

from habitue.profiles.feature_names import (
    AD_WINDOWS,
    FEATURES,
    SHORT_WINDOWS,
    TREND_WINDOWS,
    WINDOWS,
)
from habitue.profiles.labels import ANY_EVENT, matches
from habitue.profiles.orders import order_key
from habitue.schema import DAY, HOUR, PLATFORMS, SECOND

__all__ = ["FEATURES", "build_features", "item_codes"]

_VIEWS = ("view_item", "select_item", "click")
_OPEN_CART_DAYS = 14
_OPEN_CAMPAIGN_DAYS = 60
_YEAR = 365.2425


def build_features(frame: pl.DataFrame, items: pl.DataFrame, *, as_of: int) -> pl.DataFrame:
    """Return `subject_id` and `FEATURES` of every person with an event before `as_of`.

    Rows are sorted by subject_id. `frame` has the columns of `EventLog.read_bucket` and may hold
    later events: they are not looked at. `items` are `EventLog.items` or their `item_codes`.
    """
    past = _past_events(frame, items, as_of)
    orders = _orders(past)
    lines = past.filter(_is("purchase"))
    people = _event_counts(past)
    # One step after the other: planning the whole takes longer than computing one person.
    for part in (
        _order_counts(orders),
        _order_gaps(orders),
        _line_habits(lines),
        _category_spread(past),
        _open_carts(past),
        _campaigns(past),
    ):
        people = people.join(part, on="subject_id", how="left", maintain_order="left")
    derived = people.with_columns(_never_null()).with_columns(_ratios())
    return (
        derived.with_columns(*_overdue(), *_calendar(as_of))
        .select("subject_id", _numbers(list(FEATURES)))
        .sort("subject_id")
    )


def count_events(frame: pl.DataFrame, *, as_of: int) -> pl.DataFrame:
    """Return `subject_id`, `events` and `days_since_event` as `build_features` tells them.

    They are all that a task of kind "next" looks at.
    """
    return (
        frame.lazy()
        .filter(_is_known_at(as_of))
        .group_by("subject_id")
        .agg(events=pl.len(), days_since_event=_last_seen(as_of - pl.col("timestamp")) / DAY)
        .select("subject_id", _numbers(["events", "days_since_event"]))
        .sort("subject_id")
        .collect()
    )


def item_codes(items: pl.DataFrame) -> pl.DataFrame:
    """Return what `build_features` needs of a catalogue, as small numbers.

    Whoever builds features of many buckets with one catalogue does this once and passes the
    result in its place.
    """
    category = pl.col("category").str.split("/").list.first()
    return items.select(
        "item_number",
        category=category.rank("dense").cast(pl.Int32),
        brand=pl.col("brand").rank("dense").cast(pl.Int32),
        list_price=pl.when(pl.col("price") > 0).then("price"),
    )


def _numbers(names: list[str]) -> pl.Expr:
    # Threads add up in any order, which moves the last of sixteen digits; nine are kept.
    rounded = pl.col(names).cast(pl.Float64).round_sig_figs(9)
    return pl.when(rounded.is_not_nan()).then(rounded)


def _past_events(frame: pl.DataFrame, items: pl.DataFrame, as_of: int) -> pl.DataFrame:
    """Return the events known at `as_of` with `age` (µs) and the item's attributes."""
    catalogue = items if "list_price" in items.columns else item_codes(items)
    needed = (
        "subject_id", "timestamp", "event_type", "item_number", "price", "value", "platform",
        "order_id", "session_number", "dwell_seconds", "campaign",
    )  # fmt: skip
    # A visit's dwell ends at its next event; where that one lies in the future it is not known.
    left_at = pl.col("timestamp") + (pl.col("dwell_seconds").cast(pl.Float64) * SECOND)
    return (
        frame.lazy()
        .filter(_is_known_at(as_of))
        .select(needed)
        .with_columns(
            age=as_of - pl.col("timestamp"),
            dwell_seconds=pl.when(left_at < as_of).then("dwell_seconds"),
        )
        .join(catalogue.lazy(), on="item_number", how="left", maintain_order="left")
        .collect()
    )


def _is_known_at(as_of: int) -> pl.Expr:
    return (pl.col("timestamp") < as_of) & (pl.col("received_at") <= as_of)


def _is(*event_types: str) -> pl.Expr:
    if len(event_types) == 1:
        return pl.col("event_type") == event_types[0]
    return pl.any_horizontal(*(pl.col("event_type") == one for one in event_types))


def _days_since_last(*event_types: str) -> pl.Expr:
    return pl.when(_is(*event_types)).then("age").min() / DAY


def _last_seen(age: pl.Expr) -> pl.Expr:
    """Return how long ago a person's own last event was; if they have none, any that was shown."""
    return pl.coalesce(pl.when(matches(ANY_EVENT)).then(age).min(), age.min())


def _within(window: int) -> pl.Expr:
    return pl.col("age") <= window


def _event_counts(past: pl.DataFrame) -> pl.DataFrame:
    """Count what each person did, when and where."""
    hour_angle = (pl.col("timestamp") % DAY) * (2 * math.pi / DAY)
    weekday = (pl.col("timestamp") // DAY + 3) % 7  # 1970-01-01 was a Thursday; Monday is 0
    known_platform = pl.col("platform").count()
    counts = [
        (_last_seen(pl.col("age")) / DAY).alias("days_since_event"),
        (pl.col("age").max() / DAY).alias("tenure_days"),
        _days_since_last(*_VIEWS).alias("days_since_view"),
        _days_since_last("add_to_cart").alias("days_since_cart"),
        _days_since_last("search").alias("days_since_search"),
        _days_since_last("impression").alias("days_since_impression"),
        _days_since_last("click").alias("days_since_click"),
        _is("impression").sum().alias("impressions"),
        _is("click").sum().alias("clicks"),
        pl.len().alias("events"),
        (pl.col("timestamp") // DAY).n_unique().alias("active_days"),
        pl.col("session_number").n_unique().alias("sessions"),
        pl.col("item_number").drop_nulls().n_unique().alias("distinct_items"),
        pl.col("category").drop_nulls().n_unique().alias("distinct_categories"),
        pl.col("brand").drop_nulls().n_unique().alias("distinct_brands"),
        _is(*_VIEWS).sum().alias("views"),
        _is("add_to_cart").sum().alias("carts"),
        _is("purchase").sum().alias("order_lines"),
        _is("refund").sum().alias("refunds"),
        pl.when(_is("refund")).then(pl.col("value").abs()).sum().alias("refunded"),
        _is("add_to_wishlist").sum().alias("wishlist_items"),
        _is("begin_checkout").sum().alias("checkouts"),
        _is("remove_from_cart").sum().alias("removals"),
        _is("search").sum().alias("searches"),
        (_is("search") & _within(WINDOWS["7d"])).sum().alias("searches_7d"),
        (weekday >= 5).mean().alias("weekend_share"),
        hour_angle.sin().mean().alias("hour_sin"),
        hour_angle.cos().mean().alias("hour_cos"),
        pl.col("dwell_seconds").mean().alias("mean_dwell_seconds"),
        (pl.when(_within(WINDOWS["7d"])).then("dwell_seconds").sum() / 60).alias(
            "dwell_minutes_7d"
        ),
    ]
    counts += [_within(WINDOWS[w]).sum().alias(f"events_{w}") for w in WINDOWS]
    counts += [
        (_is(*_VIEWS) & _within(WINDOWS[w])).sum().alias(f"views_{w}") for w in SHORT_WINDOWS
    ]
    counts += [
        (_is("add_to_cart") & _within(WINDOWS[w])).sum().alias(f"carts_{w}") for w in SHORT_WINDOWS
    ]
    counts += [
        (_is(kind) & _within(WINDOWS[w])).sum().alias(f"{kind}s_{w}")
        for kind in ("impression", "click")
        for w in AD_WINDOWS
    ]
    counts += [
        ((pl.col("platform") == one).sum() / known_platform).alias(f"{one}_share")
        for one in PLATFORMS
    ]
    return past.group_by("subject_id", maintain_order=True).agg(counts)


def _orders(past: pl.DataFrame) -> pl.DataFrame:
    """Return one row an order, oldest first."""
    return (
        past.lazy()
        .filter(_is("purchase"))
        .group_by("subject_id", *order_key())
        .agg(
            age=pl.col("age").max(),
            day=pl.col("timestamp").min() // DAY,
            order_value=pl.col("value").sum(),
            order_lines=pl.len(),
        )
        .sort("subject_id", pl.col("age"), "order_value", descending=[False, True, False])
        .collect()
    )


def _order_counts(orders: pl.DataFrame) -> pl.DataFrame:
    counts = [
        (pl.col("age").min() / DAY).alias("days_since_purchase"),
        (pl.col("age").max() / DAY).alias("customer_days"),
        ((pl.col("age").max() - pl.col("age").min()) / DAY).alias("last_repeat_days"),
        pl.len().alias("orders"),
        pl.col("day").n_unique().alias("order_days"),
        pl.col("order_value").sum().alias("spend"),
        pl.col("order_value").mean().alias("mean_order_value"),
        pl.col("order_value").max().alias("max_order_value"),
        pl.col("order_value").last().alias("last_order_value"),
        pl.col("order_lines").mean().alias("mean_order_lines"),
    ]
    counts += [_within(WINDOWS[w]).sum().alias(f"orders_{w}") for w in WINDOWS]
    counts += [
        (pl.col("order_value") * _within(WINDOWS[w])).sum().alias(f"spend_{w}") for w in WINDOWS
    ]
    return orders.group_by("subject_id", maintain_order=True).agg(counts)


def _order_gaps(orders: pl.DataFrame) -> pl.DataFrame:
    gap = (pl.col("age").shift(1).over("subject_id") - pl.col("age")) / DAY
    return (
        orders.with_columns(gap=gap)
        .group_by("subject_id", maintain_order=True)
        .agg(
            gap_mean_days=pl.col("gap").mean(),
            gap_sd_days=pl.col("gap").std(),
            last_gap_days=pl.col("gap").last(),
        )
    )


def _line_habits(lines: pl.DataFrame) -> pl.DataFrame:
    """Say how persons buy: again, at what prices, below the usual price."""
    discount = 1 - pl.col("price") / pl.col("list_price")
    return lines.group_by("subject_id", maintain_order=True).agg(
        rebought_share=1 - pl.col("item_number").n_unique() / pl.len(),
        mean_price=pl.col("price").mean(),
        below_list_share=(discount > 0.05).mean(),
        mean_discount=discount.clip(0, 1).mean(),
    )


def _category_spread(past: pl.DataFrame) -> pl.DataFrame:
    """Return the effective number of categories (the exponential of entropy) and the top share."""
    share = pl.col("count") / pl.col("count").sum()
    return (
        past.filter(pl.col("category").is_not_null())
        .group_by("subject_id", "category")
        .agg(count=pl.len())
        .group_by("subject_id")
        .agg(
            # Sorted, or the sum's last digit depends on the order in which threads finish.
            category_breadth=(-(share * share.log()).sort().sum()).exp(),
            favourite_share=share.max(),
        )
    )


def _open_carts(past: pl.DataFrame) -> pl.DataFrame:
    """Count items carted in the last days and neither bought nor taken out since."""
    carted_age = pl.when(_is("add_to_cart")).then("age").min()
    settled_age = pl.when(_is("purchase", "remove_from_cart")).then("age").min()
    is_open = carted_age.is_not_null() & (settled_age.is_null() | (settled_age > carted_age))
    return (
        past.filter(
            _within(_OPEN_CART_DAYS * DAY),
            _is("add_to_cart", "purchase", "remove_from_cart"),
            pl.col("item_number").is_not_null(),
        )
        .group_by("subject_id", "item_number")
        .agg(is_open=is_open)
        .group_by("subject_id")
        .agg(open_cart_items=pl.col("is_open").sum())
    )


def _campaigns(past: pl.DataFrame) -> pl.DataFrame:
    """Say to how many of the campaigns shown to them persons answered, and how many are open.

    A click answers a campaign where it carries its name and comes after; a campaign is open for two
    months.
    """
    shown = pl.when(_is("impression")).then("age")
    clicked = pl.when(_is("click")).then("age")
    is_answered = (pl.col("clicked") <= pl.col("shown_first")).fill_null(False)
    is_open = (pl.col("shown") <= _OPEN_CAMPAIGN_DAYS * DAY) & ~is_answered
    return (
        past.filter(pl.col("campaign").is_not_null(), _is("impression", "click"))
        .group_by("subject_id", "campaign")
        .agg(shown=shown.min(), shown_first=shown.max(), clicked=clicked.min())
        .filter(pl.col("shown").is_not_null())
        .group_by("subject_id")
        .agg(
            campaigns=pl.len(),
            answered_campaigns=is_answered.sum(),
            open_campaigns=is_open.sum(),
        )
    )


def _never_null() -> list[pl.Expr]:
    """Turn the counts of persons without orders or carts into zeros."""
    counted = ["orders", "spend", "open_cart_items"]
    counted += ["campaigns", "answered_campaigns", "open_campaigns"]
    counted += [f"{kind}_{name}" for kind in ("orders", "spend") for name in WINDOWS]
    return [pl.col(name).fill_null(0) for name in counted]


def _ratios() -> list[pl.Expr]:
    ratios: Iterable[pl.Expr] = (
        pl.when(pl.col("orders") > 0).then(pl.col("orders") - 1).alias("repeat_orders"),
        _per("spend", pl.col("customer_days").clip(1), "spend_per_day"),
        _per("refunded", pl.col("spend"), "refund_share"),
        _per("carts", pl.col("views"), "cart_per_view"),
        _per("order_lines", pl.col("views"), "purchase_per_view"),
        _per("order_lines", pl.col("carts"), "purchase_per_cart"),
        _per("clicks", pl.col("impressions"), "click_per_impression"),
        _per("answered_campaigns", pl.col("campaigns"), "answered_share"),
        pl.when(pl.col("active_days") > 1)
        .then((pl.col("tenure_days") - pl.col("days_since_event")) / (pl.col("active_days") - 1))
        .alias("visit_gap_days"),
    )
    trends = [
        _trend(kind, recent, both).alias(f"{kind}_trend_{recent}")
        for kind in ("events", "orders", "spend")
        for recent, both in TREND_WINDOWS
    ]
    return [*ratios, *trends]


def _per(amount: str, whole: pl.Expr, name: str) -> pl.Expr:
    return pl.when(whole > 0).then(pl.col(amount) / whole).alias(name)


def _trend(kind: str, recent: str, both: str) -> pl.Expr:
    """Return how often the amount doubled from the window before to the last one."""
    now = pl.col(f"{kind}_{recent}").clip(lower_bound=0).cast(pl.Float64)
    before = (pl.col(f"{kind}_{both}") - pl.col(f"{kind}_{recent}").cast(pl.Float64)).clip(0)
    return ((now + 1) / (before + 1)).log(2)


def _overdue() -> list[pl.Expr]:
    # An hour at least, or one pair of orders a second apart makes everyone overdue by millions.
    shortest = HOUR / DAY
    return [
        (pl.col("days_since_purchase") / pl.col("gap_mean_days").clip(shortest)).alias(
            "purchase_overdue"
        ),
        (pl.col("days_since_event") / pl.col("visit_gap_days").clip(shortest)).alias(
            "visit_overdue"
        ),
    ]


def _calendar(as_of: int) -> list[pl.Expr]:
    moment = pl.lit(as_of).cast(pl.Datetime("us"))
    angle = moment.dt.ordinal_day() * (2 * math.pi / _YEAR)
    return [
        moment.dt.month().alias("month"),
        angle.sin().alias("day_of_year_sin"),
        angle.cos().alias("day_of_year_cos"),
        moment.dt.weekday().alias("weekday"),
    ]
