"""How often tags come true, beside ways of tagging without thought.

A category tag comes true when the person acts in that category within the following days; a tag of
a brand or an item likewise. Every contender names as many categories of the same depth for the
same persons: the tags, the categories the person had most events in, those they came for in most
visits, and the shop's most popular ones. High precision alone
is cheap (everyone buys milk again), so it stands beside the base rate: how often any person of
the population acts in the categories that were named.

In: tags, past events, and the events that followed. Knows nothing about how tags are made.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import polars as pl

from habitue.profiles.attention import item_names, weight_of_event
from habitue.profiles.facts import seen_before
from habitue.schema import DAY


@dataclass(frozen=True)
class Hits:
    """How one contender's categories fared."""

    precision: float  # of the named categories, those acted in
    recall: float  # of the categories acted in (same persons, same depths), those named
    base_rate: float  # how often the population acts in the named categories
    tags: int

    @classmethod
    def of(cls, outcomes: pl.DataFrame) -> Self:
        """Add up outcomes by person: columns `named, hits, acted, expected`."""
        named, hits, acted, expected = outcomes.select(
            pl.col("named", "hits", "acted", "expected").sum()
        ).row(0)
        return cls(
            precision=hits / max(named, 1),
            recall=hits / max(acted, 1),
            base_rate=expected / max(named, 1),
            tags=named,
        )

    @property
    def lift(self) -> float:
        """Precision over base rate."""
        return self.precision / self.base_rate if self.base_rate else 0.0

    @property
    def gain(self) -> float:
        """Precision less base rate."""
        return self.precision - self.base_rate


@dataclass(frozen=True)
class TagPrecision:
    """The contenders on the same persons with the same number of tags.

    `outcomes` holds, of each contender, a row a person: `subject_id`, `named` (tags), `hits`,
    `acted` (the categories acted in) and `expected` (the sum of the named ones' base rates).
    """

    persons: int
    outcomes: Mapping[str, pl.DataFrame]

    @property
    def tagged(self) -> Hits:
        """The tags."""
        return Hits.of(self.outcomes["tags"])

    @property
    def most_frequent(self) -> Hits:
        """What the person had most events in."""
        return Hits.of(self.outcomes["most_frequent"])

    @property
    def popular(self) -> Hits:
        """What most persons had an event in."""
        return Hits.of(self.outcomes["popular"])


def tag_precision(
    tags: pl.DataFrame,
    frame: pl.DataFrame,
    items: pl.DataFrame,
    *,
    as_of: int,
    horizon_days: float = 30.0,
    event_types: tuple[str, ...] = ("purchase",),
    kind: str = "category",
) -> TagPrecision:
    """Return how the tags of a kind (category, brand, item) fared in the days after `as_of`.

    `tags` has `subject_id, kind, name`; `frame` holds events before and after `as_of`;
    `event_types` are those that count as acting. The population are all persons with an event
    before `as_of`, so that who never returns counts as a miss for every contender.
    """
    names = item_names(items).filter(pl.col("kind") == kind).drop("kind")
    past = seen_before(frame, as_of)
    ends_at = as_of + round(horizon_days * DAY)
    is_act = pl.col("event_type").cast(pl.String).is_in(event_types)
    future = frame.filter(pl.col("timestamp").is_between(as_of, ends_at, closed="left") & is_act)
    acted = future.join(names, on="item_number").select("subject_id", "name", "level").unique()
    touched = (
        past.filter(weight_of_event() > 0)
        .join(names, on="item_number")
        .group_by("subject_id", "name", "level")
        .agg(events=pl.len(), visits=pl.col("session_number").n_unique())
    )
    named = tags.filter(pl.col("kind") == kind).select(
        "subject_id", "name", level=_level(kind).cast(pl.Int32)
    )
    counts = named.group_by("subject_id", "level").agg(num=pl.len())
    population = past["subject_id"].n_unique()
    truth = _Truth(acted.join(past, on="subject_id", how="semi"), population, counts)
    contenders = {
        "tags": named,
        "most_frequent": most_by(touched, "events", counts),
        "most_visited": most_by(touched, "visits", counts),
        "popular": _popular(touched, counts),
    }
    return TagPrecision(
        persons=named["subject_id"].n_unique(),
        outcomes={name: truth.outcomes(chosen) for name, chosen in contenders.items()},
    )


def _level(kind: str) -> pl.Expr:
    deep = pl.col("name").str.count_matches("/", literal=True) + 1
    return deep if kind == "category" else pl.lit(1)


def most_by(rows: pl.DataFrame, strength: str, counts: pl.DataFrame) -> pl.DataFrame:
    """Return each person's strongest names of a level, as many as `counts` (column `num`) says."""
    ordered = rows.sort(
        "subject_id", "level", strength, "name", descending=[False] * 2 + [True, False]
    )
    place = pl.int_range(pl.len()).over("subject_id", "level")
    return (
        ordered.join(counts, on=["subject_id", "level"], maintain_order="left")
        .filter(place < pl.col("num"))
        .select("subject_id", "name", "level")
    )


def _popular(touched: pl.DataFrame, counts: pl.DataFrame) -> pl.DataFrame:
    persons = touched.group_by("level", "name").agg(persons=pl.len())
    ranked = persons.sort("level", "persons", "name", descending=[False, True, False])
    ranked = ranked.with_columns(place=pl.int_range(pl.len()).over("level")).filter(
        pl.col("place") < counts.select(pl.col("num").max().fill_null(0)).item()
    )
    return (
        counts.join(ranked, on="level")
        .filter(pl.col("place") < pl.col("num"))
        .select("subject_id", "name", "level")
    )


@dataclass(frozen=True)
class _Truth:
    acted: pl.DataFrame  # subject_id, name, level
    population: int
    counts: pl.DataFrame  # the persons and depths that are judged

    def outcomes(self, named: pl.DataFrame) -> pl.DataFrame:
        rates = self.acted.group_by("name").agg(base=pl.len() / max(self.population, 1))
        hits = self.acted.select("subject_id", "name", hit=pl.lit(1))
        judged = self.acted.join(self.counts, on=["subject_id", "level"], how="semi")
        fared = (
            named.join(rates, on="name", how="left")
            .join(hits, on=["subject_id", "name"], how="left")
            .group_by("subject_id")
            .agg(named=pl.len(), hits=pl.col("hit").sum(), expected=pl.col("base").sum())
        )
        persons = self.counts.select("subject_id").unique().sort("subject_id")
        acted = judged.group_by("subject_id").agg(acted=pl.len())
        return (
            persons.join(fared, on="subject_id", how="left")
            .join(acted, on="subject_id", how="left", maintain_order="left")
            .with_columns(pl.exclude("subject_id").fill_null(0))
        )
