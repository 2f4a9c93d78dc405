"""Interests: what a person cares for more than the shop's average person does.

"How much" is the share of the person's attention, shrunk towards the shop's average where it rests
on few visits; "how special" is the lift, that share over the average. The weight is the part of the
share beyond the average. So milk, which everyone buys, is nobody's interest, and a rare brand seen
once is not either. Tags are chosen by the strength: the geometric mean of the share, counted twice,
and of the weight. `benchmarks/tags.py` compares it with others by how often its categories come
true.

In: a bucket's events, the catalogue and the shop's norms. Out: one row a person, kind and name.
"""

from typing import Final

import polars as pl

from habitue.profiles.attention import KINDS, build_attention
from habitue.profiles.norms import ShopNorms

# So many equally weighty visits halve the distance between the shop's average and the person.
PRIOR_VISITS: Final = 3.0
DIGITS: Final = 12
DORMANT_HALF_LIVES: Final = 2
RISING, FALLING = 1.5, 1 / 1.5
TRENDS: Final = ("new", "rising", "steady", "falling", "dormant")


def build_interests(
    frame: pl.DataFrame, items: pl.DataFrame, *, as_of: int, norms: ShopNorms
) -> pl.DataFrame:
    """Return every interest of every person, the weightiest of each kind first.

    Columns: `subject_id, kind (of `attention.KINDS`), name, level, weight, strength, share,
    lift, events, first_seen, last_seen, trend`. An item's name is its id. A category's level is the
    depth of its path, from 1.

    Raises:
        Refused: the norms were taken after `as_of`.
    """
    norms.check(as_of)
    attention = build_attention(
        frame, items, as_of=as_of, half_lives=norms.fading, period=norms.half_life
    )
    # A name nobody had touched when the norms were taken is rarer than one person's whole share.
    rarest = 0.5 / (norms.persons + 1)
    names = attention.select("name_number", "kind", "name").unique("name_number")
    # The shop knows far more names than one person: those that matter are picked out first.
    shares = norms.shares.join(names, on=["kind", "name"], how="semi")
    usual = names.join(shares, on=["kind", "name"], how="left").select(
        "name_number", usual=pl.col("share").fill_null(rarest).clip(lower_bound=1e-9)
    )
    trust = pl.col("evidence") / (pl.col("evidence") + PRIOR_VISITS)
    shrunk = pl.col("usual") + trust * (pl.col("share") - pl.col("usual"))
    beyond = (shrunk - pl.col("usual")).clip(0, 1)
    return (
        attention.join(usual, on="name_number")
        .select(
            "name_number",
            pl.col("kind").cast(pl.Enum(sorted(KINDS))).to_physical().alias("place"),
            "subject_id",
            "kind",
            "name",
            "level",
            # Rounded: equal interests must not be ordered by what adding up left in last digits.
            weight=beyond.round(DIGITS),
            strength=(shrunk**2 * beyond).cbrt().round(DIGITS),
            share=pl.col("share").round(DIGITS),
            lift=shrunk / pl.col("usual"),
            events="events",
            first_seen="first_seen",
            last_seen="last_seen",
            trend=trend_of(as_of, norms.half_life),
        )
        .sort(
            "subject_id",
            "place",
            "weight",
            "share",
            "name_number",
            descending=[False, False, True, True, False],
        )
        .drop("place", "name_number")
    )


def trend_of(as_of: int, half_life: int) -> pl.Expr:
    """One of `TRENDS`: whether the person moved towards a name lately.

    Reads `share, recent_share, earlier_share, first_seen, last_seen`; lately is the last
    `half_life`.
    """
    # One imagined event of the usual share on either side keeps single events from being trends.
    before, now = pl.col("earlier_share"), pl.col("recent_share")
    change = (now + pl.col("share") / 2) / (before + pl.col("share") / 2)
    return (
        pl.when(pl.col("last_seen") < as_of - DORMANT_HALF_LIVES * half_life)
        .then(pl.lit("dormant"))
        .when(pl.col("first_seen") >= as_of - half_life)
        .then(pl.lit("new"))
        .when(change > RISING)
        .then(pl.lit("rising"))
        .when(change < FALLING)
        .then(pl.lit("falling"))
        .otherwise(pl.lit("steady"))
    )
