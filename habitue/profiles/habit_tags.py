"""Tags of habits: price level, discounts, time of visits, platform, loyalty, being new.

A habit is told where the person's share differs from the shop's average by more than chance. In: a
bucket's events before the moment, the catalogue, the shop's norms. Out: one row a person and tag.
What each means is told in `tags`. Knows nothing about how tags are shown or cut.
"""

from typing import Final

import numpy as np
import polars as pl
from scipy.special import betainc

from habitue.profiles.attention import touched_items
from habitue.profiles.habits import (
    habit_shares,
    habit_spans,
    money_occasions,
    price_ranks,
    visit_occasions,
)
from habitue.profiles.interests import trend_of
from habitue.profiles.norms import ShopNorms
from habitue.schema import DAY

MIN_LIFT: Final = 1.3
# How seldom chance may bring about as much, by the exact tail: in five visits three standard
# errors come about by chance too often. Of a person's time that is each name's: the best of several
# is taken, so that chance gives some name to a few of a thousand persons.
MOST_CHANCE: Final = {"time": 0.001, "discount": 0.001, "platform": 0.01}
CLEARLY_PRICED: Final = 2.5  # standard errors from the shop's average
MIN_PRICED_ITEMS: Final = 5
MIN_RANK_DISTANCE: Final = 0.1
MIN_LOYAL_PURCHASES: Final = 5
MOST_LOYALTIES: Final = 2
LOYAL_SHARE, COMMON_SHARE = 0.8, 0.6  # of the person's purchases; of all persons'
MIN_VISITS: Final = 5
MIN_SHARE: Final = 0.4
PLATFORM_SHARE: Final = 0.8
NEW_DAYS: Final = 30
# Of a habit's occasions on either side of a trend, and standard errors that are no chance.
MIN_TREND_VISITS: Final = 5
CLEARLY_CHANGED: Final = 2.0
_DIGITS: Final = 9


def build_habit_tags(
    events: pl.DataFrame, items: pl.DataFrame, *, as_of: int, norms: ShopNorms
) -> pl.DataFrame:
    """Return `subject_id, kind, name, weight, trend`; `events` are those before `as_of`."""
    known = norms.items_of(touched_items(events, items))
    visits, money = visit_occasions(events, norms.traits), money_occasions(events, known)
    habits = pl.concat(
        [
            _price_tags(events, known, norms),
            _discount_tags(money, norms),
            _visit_tags(visits, norms),
        ]
    )
    trends = _trends(pl.concat([visits, money]), habits, as_of=as_of, period=norms.half_life)
    return pl.concat(
        [
            _loyalty_tags(events, items, norms),
            habits.join(
                trends, on=["subject_id", "kind", "name"], how="left", maintain_order="left"
            ),
            _customer_tags(events, norms, as_of),
        ],
        how="diagonal",
    ).with_columns(pl.col("weight").clip(0, 1))


def _trends(
    occasions: pl.DataFrame, habits: pl.DataFrame, *, as_of: int, period: int
) -> pl.DataFrame:
    """The rule of interests, where enough occasions tell and the change is more than chance."""
    of_habits = occasions.join(habits, on=["subject_id", "kind"], how="semi")
    spans = habit_spans(of_habits, as_of=as_of, period=period)
    recent, earlier = pl.col("recent"), pl.col("earlier")
    share = (pl.col("recent_share") * recent + pl.col("earlier_share") * earlier) / (
        recent + earlier
    )
    error = (pl.col("share") * (1 - pl.col("share")) * (1 / recent + 1 / earlier)).sqrt()
    change = (pl.col("recent_share") - pl.col("earlier_share")).abs()
    told = trend_of(as_of, period)
    is_chance = told.is_in(["rising", "falling"]) & (change < CLEARLY_CHANGED * error)
    enough = pl.min_horizontal("recent", "earlier") >= MIN_TREND_VISITS
    trend = (
        pl.when((told == "dormant") | (enough & ~is_chance))
        .then(told)
        .when(enough)
        .then(pl.lit("steady"))
    )
    return spans.with_columns(share=share).select("subject_id", "kind", "name", trend=trend)


def _habit(rows: pl.DataFrame, kind: str) -> pl.DataFrame:
    return rows.select("subject_id", pl.lit(kind).alias("kind"), "name", "weight")


def _loyalty_tags(events: pl.DataFrame, items: pl.DataFrame, norms: ShopNorms) -> pl.DataFrame:
    group = ["category", "name"]
    lines = events.filter(pl.col("event_type") == "purchase").select("subject_id", "item_number")
    bought = (
        lines.join(_branded(touched_items(lines, items)), on="item_number")
        .group_by("subject_id", *group)
        .agg(bought=pl.len())
        .with_columns(all=pl.col("bought").sum().over("subject_id", "category"))
        .with_columns(share=pl.col("bought") / pl.col("all"))
        .filter((pl.col("all") >= MIN_LOYAL_PURCHASES) & (pl.col("share") >= LOYAL_SHARE))
    )
    if bought.is_empty():  # for most persons; what everyone buys is dear to count
        return _habit(bought.with_columns(weight=pl.lit(0.0)), "loyalty")
    peers = items.filter(pl.col("category").fill_null("").is_in(bought["category"].implode()))
    sold = (
        _branded(peers)
        .join(norms.items_of(peers).select("item_number", "purchases"), on="item_number")
        .group_by(group)
        .agg(sold=pl.col("purchases").sum())
        .with_columns(usual=pl.col("sold") / pl.col("sold").sum().over("category"))
    )
    loyal = (
        bought.join(sold, on=group)
        .filter(pl.col("usual") <= COMMON_SHARE)
        .group_by("subject_id", "name")
        .agg(pl.col("bought").sum(), weight=(pl.col("share") - pl.col("usual")).max())
        .sort("subject_id", "bought", "name", descending=[False, True, False])
        .group_by("subject_id", maintain_order=True)
        .head(MOST_LOYALTIES)
    )
    return _habit(loyal, "loyalty")


def _branded(items: pl.DataFrame) -> pl.DataFrame:
    return items.drop_nulls("brand").select(
        "item_number", pl.col("category").fill_null(""), name="brand"
    )


def _price_tags(events: pl.DataFrame, known: pl.DataFrame, norms: ShopNorms) -> pl.DataFrame:
    distance = pl.col("mean_rank") - norms.mean_price_rank
    error = max(norms.sd_price_rank, 1e-9) / pl.col("evidence").sqrt()
    ranked = (
        price_ranks(events, known, half_life=norms.fading.get("price"))
        .with_columns(distance=distance, clear=distance.abs() / error)
        .filter(
            (pl.col("items") >= MIN_PRICED_ITEMS)
            & (pl.col("distance").abs() >= MIN_RANK_DISTANCE)
            & (pl.col("clear") >= CLEARLY_PRICED)
        )
    )
    name = pl.when(pl.col("distance") > 0).then(pl.lit("premium")).otherwise(pl.lit("low"))
    # The farthest from the average that a person can be is 1 (all dearest) less the average.
    dear, low = 1 - norms.mean_price_rank, norms.mean_price_rank
    room = pl.when(pl.col("distance") > 0).then(dear).otherwise(low)
    return _habit(ranked.with_columns(name=name, weight=pl.col("distance").abs() / room), "price")


def _discount_tags(money: pl.DataFrame, norms: ShopNorms) -> pl.DataFrame:
    of_purchases = money.filter(pl.col("kind") == "discount")
    found = habit_shares(of_purchases, norms.fading)
    return _habit(_clearly_more(found, pl.lit(norms.bargain_share)), "discount")


def _visit_tags(visits: pl.DataFrame, norms: ShopNorms) -> pl.DataFrame:
    shares = habit_shares(visits, norms.fading).join(
        norms.shares.rename({"share": "usual"}), on=["kind", "name"]
    )
    special = _clearly_more(shares, pl.col("usual"))
    time = (
        special.filter(pl.col("kind") == "time")
        .sort("subject_id", "chance", "name")
        .group_by("subject_id", maintain_order=True)
        .head(1)
    )
    # Nearly everyone on the app is no news: the app must be special for this person.
    platform = special.filter((pl.col("kind") == "platform") & (pl.col("share") >= PLATFORM_SHARE))
    return pl.concat([_habit(time, "time"), _habit(platform, "platform")])


def _clearly_more(rows: pl.DataFrame, usual: pl.Expr) -> pl.DataFrame:
    """Keep rows whose `share` is above the usual one by more than chance; add weight and chance."""
    rows = rows.with_columns(usual=usual.clip(1e-9, 1)).filter(
        (pl.col("visits") >= MIN_VISITS)
        & (pl.col("count") >= 3)
        & (pl.col("share") >= MIN_SHARE)
        & (pl.col("share") >= MIN_LIFT * pl.col("usual"))
    )
    most = pl.col("kind").replace_strict(MOST_CHANCE, return_dtype=pl.Float64)
    return (
        rows.with_columns(chance=_chance(rows))
        .filter(pl.col("chance") <= most)
        .with_columns(weight=pl.col("share") - pl.col("usual"))
    )


def _chance(rows: pl.DataFrame) -> pl.Series:
    """How likely the usual share brings about as many of as many visits; the binomial tail.

    The incomplete beta function is that tail, and takes the fractions of visits that fading leaves.
    """
    visits, share = rows["evidence"].to_numpy(), rows["share"].to_numpy()
    hits = share * visits
    tail = betainc(hits, np.maximum(visits - hits, 0.0) + 1, rows["usual"].to_numpy())
    return pl.Series(tail, dtype=pl.Float64).round_sig_figs(_DIGITS)


def _customer_tags(events: pl.DataFrame, norms: ShopNorms, as_of: int) -> pl.DataFrame:
    newest = as_of - NEW_DAYS * DAY
    # In a log that has just begun everyone looks new.
    if norms.start_at > newest - NEW_DAYS * DAY:
        newest = as_of
    people = events.group_by("subject_id").agg(first_seen=pl.col("timestamp").min())
    people = people.filter(pl.col("first_seen") >= newest)
    return _habit(people.with_columns(name=pl.lit("new"), weight=pl.lit(1.0)), "customer")
