"""Habits: when and where each person visits, how dear their items are, how often they get bargains.

In: a bucket's events and, for money, what each item usually costs. Out: one row a person (and
name). Knows nothing about what is usual in the shop; `norms` averages these same tables.
"""

from typing import Final

import polars as pl

from habitue.profiles.attention import weight_of_event
from habitue.profiles.facts import LogTraits, visits_of

DISCOUNT: Final = 0.9  # a purchase below this part of the item's usual price is a bargain
MIN_PRICES_SEEN: Final = 5  # an item's usual price is known from so many events
DAYPARTS: Final = ("nights", "mornings", "afternoons", "evenings")  # six hours each, from midnight
_DAYPARTS: Final = pl.Series(DAYPARTS)
FIRST_DAY_OF_WEEKEND: Final = 6


def time_names(weekday: pl.Expr, hour: pl.Expr, *, has_clock: bool) -> list[pl.Expr]:
    """The names a visit's moment goes by: "weekends", and with a clock "weekend mornings" …"""
    is_weekend = weekday >= FIRST_DAY_OF_WEEKEND
    week = pl.when(is_weekend).then(pl.lit("weekend")).otherwise(pl.lit("weekday"))
    names = [pl.format("{}s", week)]
    if has_clock:
        part = pl.lit(_DAYPARTS).gather(hour // 6)
        names += [part, pl.format("{} {}", week, part)]
    return names


def visit_shares(events: pl.DataFrame, traits: LogTraits) -> pl.DataFrame:
    """Return `subject_id, kind, name, count, visits, share` for kinds "time" and "platform".

    `visits` are the person's visits of which the kind is known, `count` those of this name.
    """
    visits = visits_of(events, traits.time_zone)
    names = time_names(pl.col("weekday"), pl.col("hour"), has_clock=traits.has_clock)
    times = visits.select(
        "subject_id",
        kind=pl.lit("time"),
        visits=pl.len().over("subject_id").cast(pl.Int64),
        name=pl.concat_list(names),
    ).explode("name")
    on_platform = (
        events.drop_nulls("platform")
        .select("subject_id", "session_number", name=pl.col("platform").cast(pl.String))
        .unique()
        .select(
            "subject_id",
            kind=pl.lit("platform"),
            visits=pl.col("session_number").n_unique().over("subject_id").cast(pl.Int64),
            name="name",
        )
    )
    return (
        pl.concat([times, on_platform])
        .group_by("subject_id", "kind", "name")
        .agg(count=pl.len().cast(pl.Int64), visits=pl.col("visits").first())
        .with_columns(share=pl.col("count") / pl.col("visits"))
    )


def price_ranks(events: pl.DataFrame, known_items: pl.DataFrame) -> pl.DataFrame:
    """Return `subject_id, mean_rank, squared_rank, items` over the different items touched.

    `known_items` has `item_number` and `price_rank` (0 cheapest to 1 dearest of its category).
    Repeated events about one item are one choice, so items count once.
    """
    return (
        events.filter(weight_of_event() > 0)
        .select("subject_id", "item_number")
        .unique()
        .join(known_items.drop_nulls("price_rank"), on="item_number")
        .group_by("subject_id")
        .agg(
            mean_rank=pl.col("price_rank").mean(),
            squared_rank=(pl.col("price_rank") ** 2).mean(),
            items=pl.len().cast(pl.Int64),
        )
    )


def is_bargain() -> pl.Expr:
    """Whether a purchase joined with `usual_price` and `prices_seen` was a bargain; else null."""
    is_known = (pl.col("prices_seen") >= MIN_PRICES_SEEN) & pl.col("price").is_not_null()
    return pl.when(is_known).then(pl.col("price") < DISCOUNT * pl.col("usual_price"))


def bargains(events: pl.DataFrame, known_items: pl.DataFrame) -> pl.DataFrame:
    """Return `subject_id, bargains, purchases`, counting purchases whose usual price is known."""
    return (
        events.filter(pl.col("event_type") == "purchase")
        .select("subject_id", "item_number", "price")
        .join(known_items, on="item_number")
        .with_columns(is_bargain=is_bargain())
        .drop_nulls("is_bargain")
        .group_by("subject_id")
        .agg(bargains=pl.col("is_bargain").sum().cast(pl.Int64), purchases=pl.len().cast(pl.Int64))
    )
