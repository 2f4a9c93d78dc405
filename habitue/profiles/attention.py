"""Attention: how much of a person's visits went to each item, category level, brand and search.

An event weighs by its type (a purchase more than a view, a refund less than nothing), a view by
how long it was looked at. What a visit gives to a name is the square root of these weights: ten
jars in one basket are less of an interest than one jar in each of ten. It halves with age, by kind.
In: a bucket's events and the catalogue. Out: one row a person and name. Knows nothing about what
other persons do.
"""

from collections.abc import Mapping
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
# A log shorter than this many half-lives gets a shorter one: of trends, and of what fades.
HALF_LIVES_IN_LOG: Final = 4
FADING_IN_LOG: Final = 2
LONGEST_SEARCH: Final = 80  # of a search's letters, the first ones
KINDS: Final = ("category", "brand", "item", "search")
# Of `profiles.tag_half_life_days`: a wish for one thing passes sooner than a taste, a habit later.
HALF_LIFE_PARTS: Final[dict[str, float]] = {
    "category": 1.0,
    "brand": 1.0,
    "item": 0.5,
    "search": 0.25,
    "price": 2.0,
    "discount": 2.0,
    "time": 2.0,
    "platform": 2.0,
}


def half_life_of(start_at: int, as_of: int, half_life: int) -> int:
    """Return the span of trends in µs: the half-life, or a quarter of the log where it is less."""
    return max(MINUTE, min(half_life, (as_of - start_at) // HALF_LIVES_IN_LOG))


def half_lives_of(start_at: int, as_of: int, half_life: int) -> dict[str, int]:
    """Return each kind's half-life in µs: its part of the wished one, at most half of the log.

    The kinds are those of interests (`KINDS`) and of habits.
    """
    most = (as_of - start_at) // FADING_IN_LOG
    return {
        kind: max(MINUTE, min(round(half_life * part), most))
        for kind, part in HALF_LIFE_PARTS.items()
    }


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
    frame: pl.DataFrame,
    items: pl.DataFrame,
    *,
    as_of: int,
    half_lives: Mapping[str, int],
    period: int,
) -> pl.DataFrame:
    """Return one row a person and name that anything was done about.

    Columns: `subject_id, kind, name, level, name_number, share, events, first_seen, last_seen,
    recent_share, earlier_share, evidence`. `name_number` numbers kinds and names in their order,
    and means nothing outside of this table. `share` is the part, 0 to 1, of the decayed attention
    of the person's visits (for searches: of visits with a search); `recent_share` and
    `earlier_share` are the parts of the undecayed attention within the last `period` (µs) and
    before (null where there was none); `evidence` is the number of equally weighty visits that the
    person's attention amounts to (Kish's effective sample size).
    """
    # Only the ratio of weights matters: counted from the person's own last event, the weights of
    # someone long gone do not vanish in rounding.
    last = pl.col("timestamp").max().over("subject_id")
    events = seen_before(frame, as_of).with_columns(age=last - pl.col("timestamp"))
    touched = _touches(events, items)
    asked = _searches(events)
    instances, names = _numbered_names(
        items.join(touched, on="item_number", how="semi"), asked, half_lives
    )
    searches = names.filter(pl.col("kind") == "search").select("name", "name_number")
    by_visit = pl.concat(
        [
            touched.join(instances, on="item_number").drop("item_number"),
            asked.join(searches, on="name").drop("name").select(*_OF_A_VISIT, "name_number"),
        ],
        how="vertical",
    )
    by_name = _by_name(by_visit, names, as_of=as_of, period=period)
    kinds = {kind: half_lives[kind] for kind in KINDS}
    persons = [
        _totals(
            asked if kind == "search" else touched, half_life, as_of=as_of, period=period
        ).with_columns(kind=pl.lit(kind))
        for kind, half_life in kinds.items()
    ]
    return (
        by_name.join(pl.concat(persons), on=["subject_id", "kind"])
        # A visit that gave one thing back and took another must not lose what it took.
        .with_columns(total=pl.max_horizontal("total", pl.col("weight").max().over(_PERSON_KIND)))
        .filter(pl.col("total") > 0)
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


_PERSON_KIND: Final = ("subject_id", "kind")
_OF_A_VISIT: Final = (
    "subject_id",
    "session_number",
    "plain",
    "events",
    "first_seen",
    "last_seen",
    "age",
)


def _touches(events: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    """One row a visit and product; fewer than events, so that names are cheap to join."""
    products = items.filter(pl.col("is_product").fill_null(True)).select("item_number")
    return (
        events.drop_nulls("item_number")
        .join(products, on="item_number", how="semi")
        .with_columns(plain=weight_of_event())
        .filter(pl.col("plain") != 0)
        .group_by("subject_id", "session_number", "item_number")
        .agg(*_summed(pl.col("plain").sum()))
        .select(*_OF_A_VISIT, "item_number")
    )


def _searches(events: pl.DataFrame) -> pl.DataFrame:
    """One row a visit and search; searching twice in one visit is one wish."""
    return (
        events.filter(pl.col("event_type") == "search")
        .select("subject_id", "session_number", "timestamp", "age", name=search_name())
        .filter(pl.col("name") != "")
        .group_by("subject_id", "session_number", "name")
        .agg(*_summed(pl.lit(1.0)))
        .select(*_OF_A_VISIT, "name")
    )


def search_name() -> pl.Expr:
    """What was searched, as the name of an interest: small letters, single blanks."""
    words = pl.col("search_query").str.to_lowercase().str.replace_all(r"\s+", " ")
    return words.str.strip_chars().str.slice(0, LONGEST_SEARCH)


def _summed(plain: pl.Expr) -> list[pl.Expr]:
    return [
        plain.alias("plain"),
        pl.len().cast(pl.Int64).alias("events"),
        pl.col("timestamp").min().alias("first_seen"),
        pl.col("timestamp").max().alias("last_seen"),
        pl.col("age").min(),
    ]


def _numbered_names(
    items: pl.DataFrame, searches: pl.DataFrame, half_lives: Mapping[str, int]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return `item_number, name_number` and what each number means, in order of kind and name.

    Persons times names is the longest table of all: it is grouped, joined and sorted by numbers.
    """
    instances = item_names(items)
    one = pl.lit(1, dtype=pl.Int32)
    asked = searches.select(kind=pl.lit("search"), name="name", level=one)
    names = pl.concat([instances.select("kind", "name", "level"), asked]).unique()
    names = names.sort("kind", "name").with_row_index("name_number")
    names = names.with_columns(
        half_life=pl.col("kind").replace_strict(half_lives, return_dtype=pl.Int64)
    )
    numbered = instances.join(names.drop("level"), on=["kind", "name"])
    return numbered.select("item_number", "name_number"), names


def _ratio(part: str, whole: str) -> pl.Expr:
    # A category may outweigh the person's sum by a rounding error; a share may not.
    return pl.when(pl.col(whole) > 0).then((pl.col(part) / pl.col(whole)).clip(0, 1))


def _root() -> pl.Expr:
    """The attention that a visit's weights amount to; what was given back takes it away."""
    return pl.col("plain").sign() * pl.col("plain").abs().sqrt()


def _decayed(half_life: pl.Expr | int) -> pl.Expr:
    return _root() * 0.5 ** (pl.col("age") / half_life)


def _by_name(
    by_visit: pl.DataFrame, names: pl.DataFrame, *, as_of: int, period: int
) -> pl.DataFrame:
    """Sums a person and name."""
    is_recent = pl.col("last_seen") >= as_of - period
    return (
        by_visit.group_by("subject_id", "name_number", "session_number")
        .agg(
            pl.col("plain", "events").sum(),
            pl.col("first_seen", "age").min(),
            pl.col("last_seen").max(),
        )
        .join(names.select("name_number", "half_life"), on="name_number")
        .group_by("subject_id", "name_number")
        .agg(
            weight=_decayed(pl.col("half_life")).sum().clip(0),
            recent=_root().filter(is_recent).sum().clip(0),
            earlier=_root().filter(~is_recent).sum().clip(0),
            events=pl.col("events").sum(),
            first_seen=pl.col("first_seen").min(),
            last_seen=pl.col("last_seen").max(),
        )
        .join(names.drop("half_life"), on="name_number")
    )


def _totals(rows: pl.DataFrame, half_life: int, *, as_of: int, period: int) -> pl.DataFrame:
    """What all visits of a person amount to."""
    is_recent = pl.col("last_seen") >= as_of - period
    decayed = _decayed(half_life)
    return (
        rows.group_by("subject_id", "session_number")
        .agg(pl.col("plain").sum(), pl.col("last_seen").max(), pl.col("age").min())
        .group_by("subject_id")
        .agg(
            total=decayed.sum(),
            recent_total=_root().filter(is_recent).sum(),
            earlier_total=_root().filter(~is_recent).sum(),
            evidence=decayed.abs().sum() ** 2 / (decayed**2).sum(),
        )
    )
