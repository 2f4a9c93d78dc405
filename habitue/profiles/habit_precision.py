"""How often tags of habits come true: what part of a person's next occasions speaks for the tag.

"Comes at weekends" comes true in a visit at a weekend. Chance is the same part of everybody's
occasions in the same days, each person counting once. In: tags, past events, the events that
followed. Out: one row a tag that had an occasion. Knows nothing about how tags are made.
"""

from typing import Final

import polars as pl

from habitue.profiles.facts import seen_before
from habitue.profiles.habits import habit_shares, money_occasions, visit_occasions
from habitue.profiles.norms import ShopNorms
from habitue.schema import DAY

HABIT_KINDS: Final = ("price", "discount", "time", "platform")
_PERSON_KIND: Final = ["subject_id", "kind"]


def habit_outcomes(
    tags: pl.DataFrame,
    frame: pl.DataFrame,
    items: pl.DataFrame,
    *,
    as_of: int,
    norms: ShopNorms,
    horizon_days: float = 30.0,
) -> pl.DataFrame:
    """Return `subject_id, kind, name, share, usual` of each tag in the days after `as_of`.

    `share` is the part of the person's occasions that spoke for the tag, `usual` the mean of that
    part over all persons seen before `as_of`. Tags of persons without an occasion are left out.
    """
    ends_at = as_of + round(horizon_days * DAY)
    future = frame.filter(pl.col("timestamp").is_between(as_of, ends_at, closed="left"))
    future = future.join(seen_before(frame, as_of), on="subject_id", how="semi")
    visits = visit_occasions(future, norms.traits)
    occasions = pl.concat([visits, money_occasions(future, norms.items_of(items))])
    shares = habit_shares(occasions, {}).select(*_PERSON_KIND, "name", "share")
    persons = occasions.select(_PERSON_KIND).unique()
    counts = persons.group_by("kind").agg(persons=pl.len())
    usual = (
        shares.group_by("kind", "name")
        .agg(pl.col("share").sum())
        .join(counts, on="kind")
        .select("kind", "name", usual=pl.col("share") / pl.col("persons"))
    )
    return (
        tags.filter(pl.col("kind").is_in(HABIT_KINDS))
        .select(*_PERSON_KIND, "name")
        .join(persons, on=_PERSON_KIND, how="semi")
        .join(shares, on=[*_PERSON_KIND, "name"], how="left", maintain_order="left")
        .join(usual, on=["kind", "name"], how="left", maintain_order="left")
        .with_columns(pl.col("share", "usual").fill_null(0.0))
    )
