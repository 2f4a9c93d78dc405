"""Habits: when and where each person visits, how dear their items are, how often they get bargains.

In: a bucket's events and, for money, what each item usually costs. Out: one row a person (and
name). A habit is a share of occasions: of visits, of different items, of purchases. Occasions halve
in weight with age, by kind. Knows nothing about what is usual in the shop; `norms` averages these
same tables.
"""

from collections.abc import Mapping
from typing import Final

import polars as pl

from habitue.profiles.attention import weight_of_event
from habitue.profiles.facts import LogTraits, visits_of

DISCOUNT: Final = 0.9  # a purchase below this part of the item's usual price is a bargain
MIN_PRICES_SEEN: Final = 5  # an item's usual price is known from so many events
DAYPARTS: Final = ("nights", "mornings", "afternoons", "evenings")  # six hours each, from midnight
_DAYPARTS: Final = pl.Series(DAYPARTS)
FIRST_DAY_OF_WEEKEND: Final = 6
DEAR_RANK: Final = 0.7  # an item of this rank speaks for "premium"; of 1 less this, for "low"
_DIGITS: Final = 12  # threads add up in any order: what is ordered by must not tell
_OCCASION: Final = ("subject_id", "kind", "at", "names")


def time_names(weekday: pl.Expr, hour: pl.Expr, *, has_clock: bool) -> list[pl.Expr]:
    """The names a visit's moment goes by: "weekends", and with a clock "weekend mornings" …"""
    is_weekend = weekday >= FIRST_DAY_OF_WEEKEND
    week = pl.when(is_weekend).then(pl.lit("weekend")).otherwise(pl.lit("weekday"))
    names = [pl.format("{}s", week)]
    if has_clock:
        part = pl.lit(_DAYPARTS).gather(hour // 6)
        names += [part, pl.format("{} {}", week, part)]
    return names


def visit_occasions(events: pl.DataFrame, traits: LogTraits) -> pl.DataFrame:
    """Return `subject_id, kind, at, names`, a row a visit, for kinds "time" and "platform".

    `at` is the moment, `names` what the occasion speaks for.
    """
    visits = visits_of(events, traits.time_zone)
    names = time_names(pl.col("weekday"), pl.col("hour"), has_clock=traits.has_clock)
    times = visits.select("subject_id", "at", kind=pl.lit("time"), names=pl.concat_list(names))
    platform = pl.col("platform").cast(pl.String)
    platforms = (
        events.drop_nulls("platform")
        .group_by("subject_id", "session_number")
        .agg(at=pl.col("timestamp").min(), names=platform.unique())
        .with_columns(kind=pl.lit("platform"))
    )
    return pl.concat([times.select(_OCCASION), platforms.select(_OCCASION)])


def money_occasions(events: pl.DataFrame, known_items: pl.DataFrame) -> pl.DataFrame:
    """Return the same columns, a row a different item ("price") or purchase ("discount")."""
    rank = pl.col("price_rank")
    is_dear, is_cheap = rank >= DEAR_RANK, rank <= 1 - DEAR_RANK
    level = pl.when(is_dear).then(pl.lit("premium")).when(is_cheap).then(pl.lit("low"))
    hunter = pl.when("is_bargain").then(pl.lit("hunter"))
    priced = _chosen_items(events, known_items).with_columns(kind=pl.lit("price"), name=level)
    bought = _priced_purchases(events, known_items)
    bought = bought.with_columns(kind=pl.lit("discount"), name=hunter)
    names = pl.concat_list("name").list.drop_nulls().alias("names")
    return pl.concat([rows.with_columns(names).select(_OCCASION) for rows in (priced, bought)])


def habit_shares(occasions: pl.DataFrame, half_lives: Mapping[str, int]) -> pl.DataFrame:
    """Return `subject_id, kind, name, count, visits, share, evidence`, a row a name.

    `visits` are the person's occasions of the kind, `count` those of this name; `share` is their
    ratio after decay (`half_lives` in µs, by kind; a kind that is missing does not fade), and
    `evidence` the number of equally weighty occasions behind it (Kish's effective sample size).
    """
    person_kind = ["subject_id", "kind"]
    half_life = pl.col("kind").replace_strict(dict(half_lives), default=None, return_dtype=pl.Int64)
    weighted = occasions.with_columns(weight=_faded(half_life, person_kind))
    totals = weighted.group_by(person_kind).agg(
        visits=pl.len().cast(pl.Int64), total=pl.col("weight").sum(), evidence=_effective()
    )
    return (
        weighted.explode("names")
        .drop_nulls("names")
        .group_by("subject_id", "kind", name="names")
        .agg(count=pl.len().cast(pl.Int64), part=pl.col("weight").sum())
        .join(totals, on=person_kind)
        .with_columns(
            pl.col("evidence").round(_DIGITS),
            share=(pl.col("part") / pl.col("total")).clip(0, 1).round(_DIGITS),
        )
        .drop("part", "total")
    )


def habit_spans(occasions: pl.DataFrame, *, as_of: int, period: int) -> pl.DataFrame:
    """Return the undecayed shares of the last `period` (µs) and of the time before.

    Columns: `subject_id, kind, name, first_seen, last_seen, recent_share, earlier_share, recent,
    earlier`; the latter two are the person's occasions of the kind, and a share is null where
    there is none.
    """
    is_recent = pl.col("at") >= as_of - period
    person_kind = ["subject_id", "kind"]
    totals = occasions.group_by(person_kind).agg(
        recent=is_recent.sum().cast(pl.Int64), earlier=(~is_recent).sum().cast(pl.Int64)
    )
    return (
        occasions.explode("names")
        .drop_nulls("names")
        .group_by("subject_id", "kind", name="names")
        .agg(
            first_seen=pl.col("at").min(),
            last_seen=pl.col("at").max(),
            recent_share=is_recent.sum(),
            earlier_share=(~is_recent).sum(),
        )
        .join(totals, on=person_kind)
        .with_columns(
            pl.when(pl.col(side) > 0)
            .then(pl.col(f"{side}_share") / pl.col(side))
            .alias(f"{side}_share")
            for side in ("recent", "earlier")
        )
    )


def _faded(half_life: pl.Expr, group: list[str]) -> pl.Expr:
    """What an occasion weighs: half with each half-life before the last one of its group."""
    age = pl.col("at").max().over(group) - pl.col("at")
    return (0.5 ** (age / half_life)).fill_null(1.0)


def _effective() -> pl.Expr:
    return pl.col("weight").sum() ** 2 / (pl.col("weight") ** 2).sum()


def _chosen_items(events: pl.DataFrame, known_items: pl.DataFrame) -> pl.DataFrame:
    """Repeated events about one item are one choice, as of the last of them."""
    return (
        events.filter(weight_of_event() > 0)
        .group_by("subject_id", "item_number")
        .agg(at=pl.col("timestamp").max())
        .join(known_items.drop_nulls("price_rank"), on="item_number")
    )


def price_ranks(
    events: pl.DataFrame, known_items: pl.DataFrame, *, half_life: int | None = None
) -> pl.DataFrame:
    """Return `subject_id, mean_rank, squared_rank, items, evidence` over different items touched.

    `known_items` has `item_number` and `price_rank` (0 cheapest to 1 dearest of its category).
    Means are after decay (`half_life` in µs; None: none), `evidence` as in `habit_shares`.
    """
    weight, rank = pl.col("weight"), pl.col("price_rank")
    fading = pl.lit(half_life, dtype=pl.Int64)
    return (
        _chosen_items(events, known_items)
        .with_columns(weight=_faded(fading, ["subject_id"]))
        .group_by("subject_id")
        .agg(
            mean_rank=((weight * rank).sum() / weight.sum()).round(_DIGITS),
            squared_rank=(weight * rank**2).sum() / weight.sum(),
            items=pl.len().cast(pl.Int64),
            evidence=_effective().round(_DIGITS),
        )
    )


def is_bargain() -> pl.Expr:
    """Whether a purchase joined with `usual_price` and `prices_seen` was a bargain; else null."""
    is_known = (pl.col("prices_seen") >= MIN_PRICES_SEEN) & pl.col("price").is_not_null()
    return pl.when(is_known).then(pl.col("price") < DISCOUNT * pl.col("usual_price"))


def _priced_purchases(events: pl.DataFrame, known_items: pl.DataFrame) -> pl.DataFrame:
    """Purchases whose usual price is known."""
    return (
        events.filter(pl.col("event_type") == "purchase")
        .select("subject_id", "item_number", "price", at="timestamp")
        .join(known_items, on="item_number")
        .with_columns(is_bargain=is_bargain())
        .drop_nulls("is_bargain")
    )


def bargains(
    events: pl.DataFrame, known_items: pl.DataFrame, *, half_life: int | None = None
) -> pl.DataFrame:
    """Return `subject_id, bargains, purchases`: decayed sums of purchases of known usual price."""
    fading = pl.lit(half_life, dtype=pl.Int64)
    return (
        _priced_purchases(events, known_items)
        .with_columns(weight=_faded(fading, ["subject_id"]))
        .group_by("subject_id")
        .agg(bargains=pl.col("weight").filter("is_bargain").sum(), purchases=pl.col("weight").sum())
    )
