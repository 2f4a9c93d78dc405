"""What sets groups of persons apart from everyone: the traits that name them.

A trait is a number a person: the part of their attention that goes to a category or brand, of
their visits that fall on a time or a platform, or a measure of how they buy. In: a bucket's events
with the group of each person. Out: sums that add up over buckets, and from them each group's traits
by effect: how many standard deviations of persons the group's mean lies from everyone's. Knows
nothing about how persons were grouped.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from habitue.profiles.attention import build_attention
from habitue.profiles.facts import build_facts, seen_before
from habitue.profiles.habits import bargains, habit_shares, price_ranks, visit_occasions
from habitue.profiles.norms import ShopNorms

# Parts of a whole, of which only more than usual is worth a word.
SHARES: Final = ("category", "brand", "time", "platform")
LOGARITHMS: Final = ("items_an_order", "order_value", "orders_a_month", "visits_a_month")
# Traits of one theme say much the same: a name holds one of each.
THEMES: Final[dict[str, str]] = {
    "category": "category",
    "brand": "brand",
    "time": "time",
    "platform": "platform",
    "price": "price",
    "discount": "discount",
    "items_an_order": "order",
    "order_value": "order",
    "orders_a_month": "rhythm",
    "visits_a_month": "rhythm",
    "orders_a_visit": "decision",
    "one_category": "breadth",
    "returned": "returns",
}
MIN_EFFECT: Final = 0.25
MIN_LIFT: Final = 1.3
MIN_DIFFERENCE: Final = 0.02  # of shares
CLEARLY: Final = 4.0  # standard errors of the group's mean
USUAL_WORDS, MOST_WORDS = 2, 4
SHORTEST_DAYS: Final = 30.0  # of a history by whose length rates are counted
_NO_SPREAD: Final = 1e-9


@dataclass(frozen=True)
class Trait:
    """One thing a group does more or less than everyone."""

    kind: str  # of `THEMES`
    name: str  # of a share: the category, brand, time or platform; else "high" or "low"
    value: float  # the group's mean
    usual: float  # everyone's mean
    effect: float  # (value - usual) in standard deviations of persons


WordOf = Callable[[Trait], str]


@dataclass(frozen=True)
class TraitSums:
    """What the persons of a bucket add to the means of their groups."""

    counted: pl.DataFrame  # group, kind, name, total, squares
    known: pl.DataFrame  # group, kind, persons the kind is known of, with the name or without


def trait_sums(
    frame: pl.DataFrame,
    items: pl.DataFrame,
    groups: pl.DataFrame,
    *,
    as_of: int,
    norms: ShopNorms,
) -> TraitSums:
    """Sum up a bucket's persons; `groups` has `subject_id` and `group`, and says who counts."""
    events = seen_before(frame, as_of).join(groups, on="subject_id", how="semi")
    values = pl.concat(
        [_shares(events, items, as_of, norms), _measures(events, items, as_of, norms)]
    ).join(groups, on="subject_id")
    return TraitSums(
        counted=values.group_by("group", "kind", "name").agg(
            total=pl.col("value").sum(), squares=(pl.col("value") ** 2).sum()
        ),
        known=values.group_by("group", "kind").agg(persons=pl.col("subject_id").n_unique()),
    )


def _shares(
    events: pl.DataFrame, items: pl.DataFrame, as_of: int, norms: ShopNorms
) -> pl.DataFrame:
    """Return `subject_id, kind, name, value` of the parts of attention and of visits."""
    attention = build_attention(
        events, items, as_of=as_of, half_lives=norms.fading, period=norms.half_life
    )
    tastes = attention.filter(pl.col("kind").is_in(["category", "brand"]))
    breadth = (
        tastes.filter((pl.col("kind") == "category") & (pl.col("level") == 1))
        .group_by("subject_id")
        .agg(value=pl.col("share").max())
        .select("subject_id", kind=pl.lit("one_category"), name=pl.lit(""), value="value")
    )
    columns = ("subject_id", "kind", "name")
    habits = habit_shares(visit_occasions(events, norms.traits), norms.fading)
    return pl.concat(
        [
            tastes.select(*columns, value="share"),
            habits.select(*columns, value="share"),
            breadth,
        ]
    )


def _measures(
    events: pl.DataFrame, items: pl.DataFrame, as_of: int, norms: ShopNorms
) -> pl.DataFrame:
    """Return `subject_id, kind, name, value` of how persons buy; rates and money as logarithms."""
    facts = build_facts(events, items, as_of=as_of, traits=norms.traits)
    months = pl.col("tenure_days").clip(lower_bound=SHORTEST_DAYS) / 30
    has_orders = pl.col("orders") > 0
    known = norms.items_of(items)
    bought = facts.select(
        "subject_id",
        items_an_order=pl.when(has_orders).then(pl.col("average_items_per_order").log1p()),
        order_value=pl.when(pl.col("monetary") > 0).then(pl.col("monetary").log1p()),
        orders_a_month=(pl.col("orders") / months).log1p(),
        visits_a_month=(pl.col("sessions") / months).log1p(),
    )
    prices = price_ranks(events, known).select("subject_id", price="mean_rank")
    cheap = bargains(events, known).select(
        "subject_id", discount=pl.col("bargains") / pl.col("purchases")
    )
    return (
        bought.join(prices, on="subject_id", how="left")
        .join(_decisions(events), on="subject_id", how="left")
        .join(cheap, on="subject_id", how="left")
        .unpivot(index="subject_id", variable_name="kind", value_name="value")
        .drop_nulls("value")
        .select("subject_id", "kind", pl.lit("").alias("name"), pl.col("value").cast(pl.Float64))
    )


def _decisions(events: pl.DataFrame) -> pl.DataFrame:
    """Return `subject_id, orders_a_visit, returned`; the first where visits can go without one."""
    is_bought, is_returned = (pl.col("event_type") == kind for kind in ("purchase", "refund"))
    visits = events.group_by("subject_id", "session_number").agg(
        has_order=is_bought.any(),
        is_open=(~is_bought & ~is_returned).any(),
        bought=is_bought.sum(),
        returned=is_returned.sum(),
    )
    return visits.group_by("subject_id").agg(
        orders_a_visit=pl.when(pl.col("is_open").any()).then(pl.col("has_order").mean()),
        returned=pl.when(pl.col("bought").sum() > 0).then(
            (pl.col("returned").sum() / pl.col("bought").sum()).clip(0, 1)
        ),
    )


def traits_of(sums: Sequence[TraitSums], *, num_groups: int) -> list[list[Trait]]:
    """Return the traits of each group that are worth a word, the greatest effect first."""
    group, name = ["group", "kind"], ["kind", "name"]
    counted = pl.concat([one.counted for one in sums])
    counted = counted.group_by(*group, "name").agg(pl.col("total", "squares").sum())
    known = pl.concat([one.known for one in sums]).group_by(group).agg(pl.col("persons").sum())
    everyone = counted.group_by(name).agg(
        all_total=pl.col("total").sum(), all_squares=pl.col("squares").sum()
    )
    all_persons = known.group_by("kind").agg(all_persons=pl.col("persons").sum())
    usual = pl.col("all_total") / pl.col("all_persons")
    spread = (pl.col("all_squares") / pl.col("all_persons") - usual**2).clip(lower_bound=0).sqrt()
    table = (
        counted.join(known, on=group)
        .join(everyone, on=name)
        .join(all_persons, on="kind")
        .with_columns(value=pl.col("total") / pl.col("persons"), usual=usual, spread=spread)
        .filter(pl.col("spread") > _NO_SPREAD)
        .with_columns(effect=((pl.col("value") - pl.col("usual")) / pl.col("spread")).round(9))
        .filter(_is_worth_a_word())
        .sort(pl.col("effect").abs(), *name, descending=[True, False, False])
    )
    found: list[list[Trait]] = [[] for _ in range(num_groups)]
    for row in table.iter_rows(named=True):
        own = row["name"] or ("high" if row["effect"] > 0 else "low")
        trait = Trait(
            row["kind"], own, *(round(row[key], 6) for key in ("value", "usual", "effect"))
        )
        found[row["group"]].append(trait)
    return found


def _is_worth_a_word() -> pl.Expr:
    """Whether a trait is strong and no chance, and a part is more than usual by a lift."""
    is_strong = pl.col("effect").abs() >= MIN_EFFECT
    is_clear = pl.col("effect").abs() * pl.col("persons").sqrt() >= CLEARLY
    more = pl.col("value") - pl.col("usual")
    is_more = (more >= MIN_DIFFERENCE) & (pl.col("value") >= MIN_LIFT * pl.col("usual"))
    is_share = pl.col("kind").is_in(SHARES)
    return is_strong & is_clear & (~is_share | is_more)


def named_traits(traits: Sequence[Sequence[Trait]], word_of: WordOf) -> list[tuple[Trait, ...]]:
    """Return the traits that name each group: two, or more where another has the same words.

    A name holds one trait of each theme. `word_of` says what a trait is called.
    """
    chosen: list[tuple[Trait, ...]] = []
    taken: set[tuple[str, ...]] = set()
    for own in traits:
        candidates = _one_a_theme(own)
        count = min(USUAL_WORDS, len(candidates))
        while (
            count < min(MOST_WORDS, len(candidates))
            and _words(candidates[:count], word_of) in taken
        ):
            count += 1
        chosen.append(tuple(candidates[:count]))
        taken.add(_words(candidates[:count], word_of))
    return chosen


def _words(traits: Sequence[Trait], word_of: WordOf) -> tuple[str, ...]:
    return tuple(sorted(word_of(one) for one in traits))


def _one_a_theme(traits: Sequence[Trait]) -> list[Trait]:
    found: dict[str, Trait] = {}
    for one in traits:
        found.setdefault(THEMES[one.kind], one)
    return list(found.values())
