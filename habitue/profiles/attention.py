"""Attention: how much of a person's doing went to each item, category level and brand.

An event weighs by its type (a purchase more than a view, a refund less than nothing), a view by
how long it was looked at, and every weight halves with age. In: a bucket's events and the
catalogue. Out: one row a person and name. Knows nothing about what other persons do.
"""

from typing import Final

import polars as pl

from habitue.profiles.facts import seen_before
from habitue.schema import EVENT_TYPE, EVENT_TYPES, MINUTE

# What an event says of liking its item. Types that are missing say nothing.
EVENT_WEIGHTS: Final[dict[str, float]] = {
    "view_item": 1.0,
    "select_item": 1.0,
    "click": 1.0,
    "add_to_wishlist": 3.0,
    "add_to_cart": 3.0,
    "begin_checkout": 3.0,
    "remove_from_cart": -2.0,
    "purchase": 5.0,
    "refund": -5.0,
}
_WEIGHTS: Final = pl.Series([EVENT_WEIGHTS.get(name, 0.0) for name in EVENT_TYPES])
# A view's weight by the seconds looked: a glance counts half, a long look half as much again.
GLANCE_SECONDS: Final = 5.0
LONG_LOOK_SECONDS: Final = 60.0
# A log shorter than this many half-lives gets a shorter half-life.
HALF_LIVES_IN_LOG: Final = 4
KINDS: Final = ("category", "brand", "item")


def half_life_of(start_at: int, as_of: int, half_life: int) -> int:
    """Return the half-life in µs: the wished one, or a quarter of the log where that is less."""
    return max(MINUTE, min(half_life, (as_of - start_at) // HALF_LIVES_IN_LOG))


def weight_of_event() -> pl.Expr:
    """The weight of an event before decay; 0 for types that say nothing."""
    # Looked up by the type's number: many times faster than by its word.
    by_type = pl.lit(_WEIGHTS).gather(pl.col("event_type").cast(EVENT_TYPE).to_physical())
    dwell = pl.col("dwell_seconds")
    look = (
        pl.when(dwell < GLANCE_SECONDS)
        .then(0.5)
        .when(dwell >= LONG_LOOK_SECONDS)
        .then(1.5)
        .otherwise(1.0)  # also where nobody knows how long
    )
    is_view = pl.col("event_type") == "view_item"
    return by_type * pl.when(is_view).then(look).otherwise(1.0)


def touched_items(frame: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    """Return the items of `items` with an event in `frame`, in their order.

    One person touches few items of a large catalogue, and most of what is said of them is about
    these alone.
    """
    return items.join(frame, on="item_number", how="semi", maintain_order="left")


def item_names(items: pl.DataFrame) -> pl.DataFrame:
    """Return `item_number, kind, name, level`: what each product is an instance of.

    A category path "a/b" gives the names "a" (level 1) and "a/b" (level 2).
    """
    products = items.filter(pl.col("is_product").fill_null(True))
    parts = products.drop_nulls("category").select(
        "item_number", part=pl.col("category").str.split("/")
    )
    levels = (
        parts.with_columns(level=pl.int_ranges(1, pl.col("part").list.len() + 1))
        .explode("level")
        .select(
            "item_number",
            kind=pl.lit("category"),
            name=pl.col("part").list.head(pl.col("level")).list.join("/"),
            level=pl.col("level").cast(pl.Int32),
        )
    )
    one = pl.lit(1, dtype=pl.Int32)
    brands = products.drop_nulls("brand").select(
        "item_number", kind=pl.lit("brand"), name=pl.col("brand"), level=one
    )
    own = products.select("item_number", kind=pl.lit("item"), name=pl.col("item_id"), level=one)
    return pl.concat([levels, brands, own])


def build_attention(
    frame: pl.DataFrame, items: pl.DataFrame, *, as_of: int, half_life: int
) -> pl.DataFrame:
    """Return one row a person and name that anything was done about.

    Columns: `subject_id, kind, name, level, name_number, share, events, first_seen, last_seen,
    recent_share, earlier_share, evidence`. `name_number` numbers kinds and names in their order,
    and means nothing outside of this table. `share` is the part, 0 to 1, of the person's decayed
    weight; `recent_share` and `earlier_share` are the parts of the undecayed weight within the last
    half-life and before (null where there was none); `evidence` is the number of equally
    weighty events the person's weights amount to (Kish's effective sample size).
    """
    by_item = _by_item(frame, items, as_of=as_of, half_life=half_life)
    persons = by_item.group_by("subject_id").agg(
        total=pl.col("weight").clip(0).sum(),
        recent_total=pl.col("recent").clip(0).sum(),
        earlier_total=pl.col("earlier").clip(0).sum(),
        evidence=pl.col("absolute").sum() ** 2 / pl.col("squared").sum(),
    )
    instances, names = _numbered_names(items.join(by_item, on="item_number", how="semi"))
    return (
        by_item.join(instances, on="item_number")
        .group_by("subject_id", "name_number")
        .agg(
            pl.col("weight", "recent", "earlier").sum().clip(0),
            pl.col("events").sum(),
            pl.col("first_seen").min(),
            pl.col("last_seen").max(),
        )
        .join(persons.filter(pl.col("total") > 0), on="subject_id")
        .join(names, on="name_number")
        .select(
            "subject_id",
            "kind",
            "name",
            "level",
            "name_number",
            _ratio("weight", "total").fill_null(0.0).alias("share"),
            "events",
            "first_seen",
            "last_seen",
            _ratio("recent", "recent_total").alias("recent_share"),
            _ratio("earlier", "earlier_total").alias("earlier_share"),
            "evidence",
        )
    )


def _numbered_names(items: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return `item_number, name_number` and what each number means, in order of kind and name.

    Persons times names is the longest table of all: it is grouped, joined and sorted by numbers.
    """
    instances = item_names(items)
    names = instances.select("kind", "name", "level").unique().sort("kind", "name")
    names = names.with_row_index("name_number")
    numbered = instances.join(names.drop("level"), on=["kind", "name"])
    return numbered.select("item_number", "name_number"), names


def _ratio(part: str, whole: str) -> pl.Expr:
    # A category may outweigh the person's sum by a rounding error; a share may not.
    return pl.when(pl.col(whole) > 0).then((pl.col(part) / pl.col(whole)).clip(0, 1))


def _by_item(
    frame: pl.DataFrame, items: pl.DataFrame, *, as_of: int, half_life: int
) -> pl.DataFrame:
    """Sums a person and product; far fewer rows than events, so that names are cheap to join."""
    products = items.filter(pl.col("is_product").fill_null(True)).select("item_number")
    is_recent = pl.col("timestamp") >= as_of - half_life
    plain = pl.col("plain")
    decayed = pl.col("decayed")
    return (
        seen_before(frame, as_of)
        .drop_nulls("item_number")
        .join(products, on="item_number", how="semi")
        .with_columns(plain=weight_of_event())
        .filter(plain != 0)
        # Only the ratio of weights matters: counted from the person's own last event, the
        # weights of someone long gone do not vanish in rounding.
        .with_columns(age=pl.col("timestamp").max().over("subject_id") - pl.col("timestamp"))
        .with_columns(decayed=plain * 0.5 ** (pl.col("age") / half_life))
        .group_by("subject_id", "item_number")
        .agg(
            weight=decayed.sum(),
            absolute=decayed.abs().sum(),
            squared=(decayed**2).sum(),
            recent=plain.filter(is_recent).sum(),
            earlier=plain.filter(~is_recent).sum(),
            events=pl.len().cast(pl.Int64),
            first_seen=pl.col("timestamp").min(),
            last_seen=pl.col("timestamp").max(),
        )
    )
