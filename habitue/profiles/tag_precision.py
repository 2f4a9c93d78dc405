"""How often category tags come true, beside two ways of tagging without thought.

A category tag comes true when the person acts in that category within the following days. Every
contender names as many categories of the same depth for the same persons: the tags, the
categories the person had most events in, and the shop's most popular ones. High precision alone
is cheap (everyone buys milk again), so it stands beside the base rate: how often any person of
the population acts in the categories that were named.

In: tags, past events, and the events that followed. Knows nothing about how tags are made.
"""

from dataclasses import dataclass

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

    @property
    def lift(self) -> float:
        """Precision over base rate."""
        return self.precision / self.base_rate if self.base_rate else 0.0

    @property
    def gain(self) -> float:
        """Precision less base rate: what was chosen by."""
        return self.precision - self.base_rate


@dataclass(frozen=True)
class TagPrecision:
    """The contenders on the same persons with the same number of tags."""

    persons: int
    tagged: Hits
    most_frequent: Hits
    popular: Hits


def tag_precision(
    tags: pl.DataFrame,
    frame: pl.DataFrame,
    items: pl.DataFrame,
    *,
    as_of: int,
    horizon_days: float = 30.0,
    event_types: tuple[str, ...] = ("purchase",),
) -> TagPrecision:
    """Return how the category tags made at `as_of` fared in the following days.

    `tags` has `subject_id, kind, name`; `frame` holds events before and after `as_of`;
    `event_types` are those that count as acting. The population are all persons with an event
    before `as_of`, so that who never returns counts as a miss for every contender.
    """
    names = item_names(items).filter(pl.col("kind") == "category").drop("kind")
    past = seen_before(frame, as_of)
    ends_at = as_of + round(horizon_days * DAY)
    is_act = pl.col("event_type").cast(pl.String).is_in(event_types)
    future = frame.filter(pl.col("timestamp").is_between(as_of, ends_at, closed="left") & is_act)
    acted = future.join(names, on="item_number").select("subject_id", "name", "level").unique()
    touched = (
        past.filter(weight_of_event() > 0)
        .join(names, on="item_number")
        .group_by("subject_id", "name", "level")
        .agg(events=pl.len())
    )
    named = tags.filter(pl.col("kind") == "category").select(
        "subject_id", "name", level=pl.col("name").str.count_matches("/", literal=True) + 1
    )
    named = named.with_columns(pl.col("level").cast(pl.Int32))
    counts = named.group_by("subject_id", "level").agg(num=pl.len())
    population = past["subject_id"].n_unique()
    truth = _Truth(acted.join(past, on="subject_id", how="semi"), population, counts)
    return TagPrecision(
        persons=named["subject_id"].n_unique(),
        tagged=truth.hits(named),
        most_frequent=truth.hits(most_by(touched, "events", counts)),
        popular=truth.hits(_popular(touched, counts)),
    )


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

    def hits(self, named: pl.DataFrame) -> Hits:
        rates = self.acted.group_by("name").agg(base=pl.len() / max(self.population, 1))
        key = ["subject_id", "name"]
        num_hits = named.join(self.acted, on=key, how="semi").height
        judged = self.acted.join(self.counts, on=["subject_id", "level"], how="semi").height
        base = named.join(rates, on="name", how="left")["base"].fill_null(0.0).mean()
        return Hits(
            precision=num_hits / max(named.height, 1),
            recall=num_hits / max(judged, 1),
            base_rate=float(base) if isinstance(base, int | float) else 0.0,
            tags=named.height,
        )
