"""Tags: the few words that tell this person from the others.

A tag has to mean something: it needs a minimum of events, and a person who differs from the
shop's average by more than chance. In: a bucket's events, the catalogue, the shop's norms. Out:
one row a person and tag. Measured by `tag_precision`: how often a category tag comes true.
Knows nothing about models; the events behind a tag are found by `evidence`.

    category: outdoor/camping   cares more for it than others; the deepest level that explains it
    brand: Acme                 the same for a brand
    item: Tent X                comes back to one item
    search: camping stove       searches for it again
    loyal to brand: Acme        buys nearly only Acme in a category where others do not
    gives back brand: Acme      has returned half or more of what they bought of it
    price: premium, price: low  chooses dearer or cheaper items than others, category by category
    discount: hunter            buys below the usual price far more often than others
    time: weekend mornings      visits then far more often than others
    platform: app               comes nearly always that way, others do not
    customer: new               first seen within the last 30 days
"""

from collections.abc import Mapping
from typing import Final

import polars as pl

from habitue.config import ProfileSettings
from habitue.profiles.attention import item_names, touched_items
from habitue.profiles.facts import seen_before
from habitue.profiles.habit_tags import build_habit_tags
from habitue.profiles.interests import build_interests
from habitue.profiles.norms import ShopNorms

# kind -> the words before the name; the order is that of a person's tags.
TAG_WORDS: Final[dict[str, str]] = {
    "category": "category: ",
    "brand": "brand: ",
    "item": "item: ",
    "search": "search: ",
    "loyalty": "loyal to brand: ",
    "returned_category": "gives back category: ",
    "returned_brand": "gives back brand: ",
    "returned_item": "gives back item: ",
    "price": "price: ",
    "discount": "discount: ",
    "time": "time: ",
    "platform": "platform: ",
    "customer": "customer: ",
}
_KIND: Final = pl.Enum(list(TAG_WORDS))
_WORDS: Final = pl.Series(list(TAG_WORDS.values()))
TAG_COLUMNS: Final = (
    "subject_id", "kind", "name", "tag", "weight", "events", "first_seen", "last_seen", "trend",
)  # fmt: skip

MIN_LIFT: Final = 1.3
MIN_WEIGHT: Final = 0.01
MIN_EVENTS: Final = {"category": 2, "brand": 2, "item": 3, "search": 2}
MIN_BROAD_EVENTS: Final = 5  # of a category that none of its subcategories stands for
MOST_OF_ALL_TAGS: Final = {"category": 0.5, "brand": 0.2, "item": 0.1, "search": 0.1}  # of max_tags
EXPLAINED: Final = 0.5  # a category goes when tagged subcategories hold this part of its weight

MIN_RETURNS: Final = {"category": 2, "brand": 2, "item": 1}
RETURNED_SHARE: Final = 0.5  # of the person's purchases of that name
MOST_RETURNED: Final = 2  # of each kind


def build_tags(
    frame: pl.DataFrame,
    items: pl.DataFrame,
    *,
    as_of: int,
    norms: ShopNorms,
    settings: ProfileSettings,
    interests: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return `TAG_COLUMNS`, a person's tags in the order of `TAG_WORDS`, weightiest first.

    `name` is the bare name, `tag` the readable text, `weight` lies in 0 to 1. `events`,
    `first_seen` and `last_seen` are null for habits, which have no events of their own until
    `evidence` finds them; `trend` is null where too little tells. `interests` (of the same call)
    saves computing them again.

    Raises:
        Refused: the norms were taken after `as_of`.
    """
    norms.check(as_of)
    if interests is None:
        interests = build_interests(frame, items, as_of=as_of, norms=norms)
    events = seen_before(frame, as_of)
    touched = touched_items(events, items)
    habits = build_habit_tags(events, items, as_of=as_of, norms=norms)
    returned = _returned_tags(events, items, touched)
    unliked = returned.select("subject_id", pl.col("kind").str.strip_prefix("returned_"), "name")
    found = [
        _interest_tags(interests, items, touched, unliked, settings.max_tags),
        returned,
        habits.with_columns(shown=pl.col("name")),
    ]
    place = pl.col("kind").cast(_KIND).to_physical()
    tags = pl.concat(found, how="diagonal").with_columns(
        place=place, tag=pl.lit(_WORDS).gather(place) + pl.col("shown")
    )
    tags = tags.sort("subject_id", "place", "weight", "tag", descending=[False, False, True, False])
    return _fair_to_kinds(tags, settings.max_tags).select(TAG_COLUMNS)


def _fair_to_kinds(ordered: pl.DataFrame, max_tags: int) -> pl.DataFrame:
    """Keep `max_tags` a person, in their order: the best of each kind, then each kind's next.

    Weights of different kinds do not compare, and a sixth category says less than a first habit.
    """
    turn = pl.int_range(pl.len()).over("subject_id", "place")
    wanted = (
        ordered.with_row_index("row")
        .with_columns(turn=turn)
        .sort("subject_id", "turn", "place", maintain_order=True)
        .group_by("subject_id", maintain_order=True)
        .head(max_tags)
    )
    return wanted.sort("row")


def _interest_tags(
    interests: pl.DataFrame,
    items: pl.DataFrame,
    touched: pl.DataFrame,
    unliked: pl.DataFrame,
    max_tags: int,
) -> pl.DataFrame:
    """Return the columns of a tag but its text, and `shown`, the name to show."""
    most = {kind: max(1, round(part * max_tags)) for kind, part in MOST_OF_ALL_TAGS.items()}
    candidates = interests.filter(
        (pl.col("lift") >= MIN_LIFT)
        & (pl.col("weight") >= MIN_WEIGHT)
        & (pl.col("events") >= _by_kind(MIN_EVENTS))
        & (~_is_broad(items) | (pl.col("events") >= MIN_BROAD_EVENTS))
    )
    # What a person gives back they do not like, however often they looked at it before; nor may a
    # broader category stand in for it.
    liked = without_explained(candidates).join(
        unliked, on=["subject_id", "kind", "name"], how="anti", maintain_order="left"
    )
    strongest = liked.sort(
        "subject_id", "kind", "strength", "name", descending=[False, False, True, False]
    )
    place = pl.int_range(pl.len()).over("subject_id", "kind")
    chosen = strongest.filter(place < _by_kind(most))
    of_items = chosen.filter(pl.col("kind") == "item")
    names = touched.join(of_items, left_on="item_id", right_on="name", how="semi").select(
        kind=pl.lit("item"), name="item_id", shown="name"
    )
    return (
        chosen.drop("level", "share", "lift", "strength")
        .join(names, on=["kind", "name"], how="left", maintain_order="left")
        .with_columns(pl.coalesce("shown", "name").alias("shown"))
    )


def _is_broad(items: pl.DataFrame) -> pl.Expr:
    """Whether a category only has subcategories, and no item of its own."""
    leaves = items["category"].drop_nulls().unique().implode()
    return (pl.col("kind") == "category") & ~pl.col("name").is_in(leaves)


def _by_kind(amounts: Mapping[str, int]) -> pl.Expr:
    """The amount of a row's kind of interest."""
    found = pl.lit(None, dtype=pl.Int64)
    for kind, amount in amounts.items():
        found = pl.when(pl.col("kind") == kind).then(amount).otherwise(found)
    return found


def without_explained(candidates: pl.DataFrame) -> pl.DataFrame:
    """Leave out categories whose tagged subcategories hold half of their weight; keep the order."""
    candidates = candidates.with_row_index("row")
    categories = candidates.filter(pl.col("kind") == "category")
    deepest, *above = sorted(categories["level"].unique(), reverse=True) or [0]
    kept = [candidates.filter((pl.col("kind") != "category") | (pl.col("level") == deepest))]
    below = categories.filter(pl.col("level") == deepest).select("subject_id", "name", "weight")
    for level in above:
        here = categories.filter(pl.col("level") == level)
        ancestor = pl.col("name").str.split("/").list.head(level).list.join("/")
        explained = below.group_by("subject_id", ancestor).agg(explained=pl.col("weight").sum())
        here = (
            here.join(explained, on=["subject_id", "name"], how="left")
            .filter(pl.col("explained").fill_null(0.0) < EXPLAINED * pl.col("weight"))
            .drop("explained")
        )
        kept.append(here)
        below = pl.concat([below, here.select("subject_id", "name", "weight")])
    return pl.concat(kept).sort("row").drop("row")


def _returned_tags(
    events: pl.DataFrame, items: pl.DataFrame, touched: pl.DataFrame
) -> pl.DataFrame:
    """What a person was not content with; broad categories are left to their subcategories."""
    is_return = pl.col("event_type") == "refund"
    lines = events.filter(is_return | (pl.col("event_type") == "purchase"))
    unhappy = lines.filter(is_return).select("subject_id").unique()
    names = item_names(touched).filter(~_is_broad(items)).drop("level")
    labels = touched.select(kind=pl.lit("item"), name="item_id", shown="name")
    return (
        lines.join(unhappy, on="subject_id", how="semi")
        .join(names, on="item_number")
        .group_by("subject_id", "kind", "name")
        .agg(returned=is_return.sum(), bought=(~is_return).sum())
        .with_columns(weight=(pl.col("returned") / pl.col("bought").clip(1)).clip(0, 1))
        .filter(
            (pl.col("returned") >= _by_kind(MIN_RETURNS)) & (pl.col("weight") >= RETURNED_SHARE)
        )
        .sort("subject_id", "kind", "returned", "name", descending=[False, False, True, False])
        .group_by("subject_id", "kind", maintain_order=True)
        .head(MOST_RETURNED)
        .join(labels, on=["kind", "name"], how="left", maintain_order="left")
        .select(
            "subject_id",
            pl.format("returned_{}", "kind").alias("kind"),
            "name",
            "weight",
            shown=pl.coalesce("shown", "name"),
        )
    )
