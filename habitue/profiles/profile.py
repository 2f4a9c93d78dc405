"""Profiles: everything known of a person as one record, and of everyone as one table.

In: a bucket's events (or one person's), the catalogue, the shop's norms, predictions made
elsewhere. Out: `Profile` records with the keys of the product, or a flat table that audiences and
alerts query. Both come from the same builders, so one person reads as within their bucket. Knows
nothing about how predictions are made or where profiles are kept.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import polars as pl

from habitue.config import ProfileSettings
from habitue.errors import Refused
from habitue.files import Json
from habitue.languages import told
from habitue.profiles.attention import touched_items
from habitue.profiles.evidence import add_evidence
from habitue.profiles.facts import FACTS, LogTraits, build_facts, facts_of_nobody
from habitue.profiles.group_texts import group_reason
from habitue.profiles.history import Moved
from habitue.profiles.interests import DORMANT_HALF_LIVES, build_interests
from habitue.profiles.norms import ShopNorms
from habitue.profiles.prediction_record import PredictionRecord
from habitue.profiles.segments import add_segments
from habitue.profiles.sufficiency import TEXTS as SUFFICIENCY_TEXTS
from habitue.profiles.sufficiency import judge_events, length_text
from habitue.profiles.tags import build_tags
from habitue.schema import DAY, format_time

INTERESTS_SHOWN: Final = 10  # of each kind in a profile
TOP_NAMES: Final = 3  # categories and brands in the table
INTEREST_KEYS: Final = {
    "category": "categories",
    "brand": "brands",
    "item": "items",
    "search": "searches",
}
MOMENTS: Final = ("first_seen", "last_seen", "first_order_at", "last_order_at")

# What a profile says of the person's group; `reason` says why there is none.
NO_GROUP: Final[Mapping[str, Json]] = {"name": None, "share": None, "sentence": "", "reason": ""}

OutsideIds = Callable[[pl.Series], pl.Series]  # as EventStore.outside_ids
Fallback = Literal["base_rates"]  # nobody has seen this person


@dataclass(frozen=True)
class Profile:
    """Who one person is, as of one moment."""

    user_id: str
    person_id: str
    as_of: int
    model_version: str
    facts: Mapping[str, Json]
    tags: tuple[Mapping[str, Json], ...]
    interests: Mapping[str, tuple[Mapping[str, Json], ...]]
    predictions: Mapping[str, PredictionRecord]
    segment: str
    fallback: Fallback | None
    data_sufficiency: str  # ok | limited | not_enough_data
    reason: str  # why not ok
    group: Mapping[str, Json] = field(default_factory=dict)  # whose behaviour is alike
    history: tuple[Moved, ...] = ()  # how the person moved from refresh to refresh, newest first

    def as_json(self) -> dict[str, Json]:
        """Return the document that `profile --json` prints; times as ISO 8601."""
        return {
            "user_id": self.user_id,
            "person_id": self.person_id,
            "as_of": format_time(self.as_of),
            "model_version": self.model_version,
            "facts": dict(self.facts),
            "tags": [dict(tag) for tag in self.tags],
            "interests": {kind: list(rows) for kind, rows in self.interests.items()},
            "predictions": {task: record.as_json() for task, record in self.predictions.items()},
            "segment": self.segment,
            "group": {**NO_GROUP, **self.group},
            "fallback": self.fallback,
            "data_sufficiency": self.data_sufficiency,
            "reason": self.reason,
            "history": [moved.as_json() for moved in self.history],
        }


def unknown_profile(
    user_id: str,
    *,
    as_of: int,
    traits: LogTraits,
    predictions: Mapping[str, PredictionRecord],
    model_version: str,
) -> Profile:
    """Return the labelled fallback for somebody nobody has seen before `as_of`.

    `predictions` are what is said of anybody: base rates.
    """
    return Profile(
        user_id=user_id,
        person_id=user_id,
        as_of=as_of,
        model_version=model_version,
        facts=facts_of_nobody(traits),
        tags=(),
        interests=dict.fromkeys(INTEREST_KEYS.values(), ()),
        predictions=predictions,
        segment="unknown",
        group={"reason": group_reason("nobody")},
        fallback="base_rates",
        data_sufficiency="not_enough_data",
        reason=told(SUFFICIENCY_TEXTS).nobody_profile,
    )


def build_profiles(
    frame: pl.DataFrame,
    items: pl.DataFrame,
    *,
    as_of: int,
    norms: ShopNorms,
    settings: ProfileSettings,
    user_ids: OutsideIds,
    predictions: Mapping[int, Mapping[str, PredictionRecord]] | None = None,
    model_version: str = "",
) -> list[Profile]:
    """Return a profile for each person with an event before `as_of`, by subject.

    `predictions` maps subject, then task, to the record to show.

    Raises:
        Refused: the norms were taken after `as_of`.
    """
    touched = touched_items(frame, items)
    people = _people(frame, touched, as_of=as_of, norms=norms)
    interests = build_interests(frame, touched, as_of=as_of, norms=norms)
    tags = build_tags(
        frame, items, as_of=as_of, norms=norms, settings=settings, interests=interests
    )
    tags = add_evidence(tags, frame, touched, as_of=as_of, norms=norms)
    tags_of = _tags_by_subject(tags, norms)
    interests_of = _interests_by_subject(interests, touched, norms)
    outside = user_ids(people["subject_id"])
    profiles = []
    for user_id, row in zip(outside, people.iter_rows(named=True), strict=True):
        subject = row["subject_id"]
        shown = interests_of.get(subject, {})
        profiles.append(
            Profile(
                user_id=user_id,
                person_id=user_id,
                as_of=as_of,
                model_version=model_version,
                facts={name: _shown(name, row[name]) for name in FACTS},
                tags=tuple(tags_of.get(subject, ())),
                interests={key: tuple(shown.get(key, ())) for key in INTEREST_KEYS.values()},
                predictions=(predictions or {}).get(subject, {}),
                segment=row["segment"],
                fallback=None,
                data_sufficiency=row["data_sufficiency"],
                reason=row["reason"],
            )
        )
    return profiles


def profile_table(
    frame: pl.DataFrame,
    items: pl.DataFrame,
    *,
    as_of: int,
    norms: ShopNorms,
    settings: ProfileSettings,
    user_ids: OutsideIds,
    predictions: Mapping[str, pl.DataFrame] | None = None,
    groups: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return one row a person with an event before `as_of`, sorted by subject.

    Columns: `subject_id, user_id`, those of `FACTS`, `patience_days, segment, data_sufficiency,
    group, tags, top_categories, top_brands` (lists of texts), and for each task its name (the
    probability or the typical amount; null for who is not of the task's population) and, for
    amounts, `<task>_expected` (the mean amount). `predictions` maps a task to a table with
    `subject_id` and `probability`, or `value` and `expected`; `groups` has `subject_id` and
    `group`, a name or null.

    Raises:
        Refused: the norms were taken after `as_of`, or a task has the name of another column.
    """
    return table_and_tags(
        frame,
        items,
        as_of=as_of,
        norms=norms,
        settings=settings,
        user_ids=user_ids,
        predictions=predictions,
        groups=groups,
    )[0]


def table_and_tags(
    frame: pl.DataFrame,
    items: pl.DataFrame,
    *,
    as_of: int,
    norms: ShopNorms,
    settings: ProfileSettings,
    user_ids: OutsideIds,
    predictions: Mapping[str, pl.DataFrame] | None = None,
    groups: pl.DataFrame | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the `profile_table` and the tags in it, as `build_tags` returns them."""
    people = _people(frame, items, as_of=as_of, norms=norms)
    interests = build_interests(frame, items, as_of=as_of, norms=norms)
    tags = build_tags(
        frame, items, as_of=as_of, norms=norms, settings=settings, interests=interests
    )
    lists = {
        "tags": tags.select("subject_id", name="tag"),
        "top_categories": _top_names(interests, "category"),
        "top_brands": _top_names(interests, "brand"),
    }
    if groups is None:
        groups = people.select("subject_id", group=pl.lit(None, dtype=pl.String))
    table = people.drop("reason").join(groups, on="subject_id", how="left", maintain_order="left")
    for column, rows in lists.items():
        listed = rows.group_by("subject_id", maintain_order=True).agg(pl.col("name").alias(column))
        empty = pl.lit([], dtype=pl.List(pl.String))
        table = table.join(listed, on="subject_id", how="left", maintain_order="left")
        table = table.with_columns(pl.col(column).fill_null(empty))
    for task, rows in (predictions or {}).items():
        table = table.join(
            _task_columns(task, rows, table.columns),
            on="subject_id",
            how="left",
            maintain_order="left",
        )
    user_id = user_ids(table["subject_id"]).alias("user_id")
    return table.select("subject_id", user_id, pl.exclude("subject_id")), tags


def _people(
    frame: pl.DataFrame, items: pl.DataFrame, *, as_of: int, norms: ShopNorms
) -> pl.DataFrame:
    """Facts, segment and sufficiency with its reason, one row a person."""
    norms.check(as_of)
    facts = build_facts(frame, items, as_of=as_of, traits=norms.traits)
    fresh_days = DORMANT_HALF_LIVES * norms.half_life / DAY  # at most half of the log
    level, reason = judge_events(
        facts["events"].to_numpy(),
        facts["recency_days"].to_numpy(),
        fresh_days=fresh_days,
        stale_because=told(SUFFICIENCY_TEXTS).fading.format(length=length_text(fresh_days)),
    )
    return add_segments(facts, edges=norms.edges).with_columns(
        data_sufficiency=pl.Series(level.tolist(), dtype=pl.String),
        reason=pl.Series(reason.tolist(), dtype=pl.String),
    )


def _top_names(interests: pl.DataFrame, kind: str) -> pl.DataFrame:
    special = interests.filter((pl.col("kind") == kind) & (pl.col("weight") > 0))
    return special.group_by("subject_id", maintain_order=True).head(TOP_NAMES)


def _task_columns(task: str, rows: pl.DataFrame, taken: list[str]) -> pl.DataFrame:
    if task in taken:
        raise Refused(
            f"A task is called '{task}', as is a column of the profile table.",
            fix="Give the task another name in the settings.",
            code="name_taken",
        )
    if "probability" in rows.columns:
        return rows.select("subject_id", pl.col("probability").alias(task))
    amounts = [pl.col("value").alias(task)]
    if "expected" in rows.columns:
        amounts.append(pl.col("expected").alias(f"{task}_expected"))
    return rows.select("subject_id", *amounts)


def _shown(name: str, value: Json) -> Json:
    if name in MOMENTS and isinstance(value, int):
        return format_time(value)
    return round(value, 4) if isinstance(value, float) else value


def _tags_by_subject(tags: pl.DataFrame, norms: ShopNorms) -> dict[int, list[Mapping[str, Json]]]:
    by_subject: dict[int, list[Mapping[str, Json]]] = defaultdict(list)
    for row in tags.iter_rows(named=True):
        by_subject[row["subject_id"]].append(
            {
                "name": row["tag"],
                "kind": row["kind"],
                "weight": round(row["weight"], 4),
                "events": row["events"],
                "evidence": [
                    one | {"timestamp": format_time(one["timestamp"])}
                    for one in row["evidence"] or ()
                ],
                "first_seen": _shown("first_seen", row["first_seen"]),
                "last_seen": _shown("last_seen", row["last_seen"]),
                "trend": row["trend"],
                "half_life_days": _half_life_days(row["kind"], norms),
            }
        )
    return by_subject


def _half_life_days(kind: str, norms: ShopNorms) -> float | None:
    """In how many days a kind of tag or interest halves; None: it never fades."""
    half_life = norms.fading.get(kind)
    return None if half_life is None else round(half_life / DAY, 2)


def _interests_by_subject(
    interests: pl.DataFrame, items: pl.DataFrame, norms: ShopNorms
) -> dict[int, dict[str, list[Mapping[str, Json]]]]:
    names = items.select(kind=pl.lit("item"), name="item_id", item_name="name")
    shown = interests.group_by("subject_id", "kind", maintain_order=True).head(INTERESTS_SHOWN)
    shown = shown.join(names, on=["kind", "name"], how="left", maintain_order="left")
    by_subject: dict[int, dict[str, list[Mapping[str, Json]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for row in shown.iter_rows(named=True):
        entry: dict[str, Json] = {
            "name": row["item_name"] or row["name"],
            "weight": round(row["weight"], 4),
            "share": round(row["share"], 4),
            "lift": round(row["lift"], 3),
            "events": row["events"],
            "first_seen": format_time(row["first_seen"]),
            "last_seen": format_time(row["last_seen"]),
            "trend": row["trend"],
            "half_life_days": _half_life_days(row["kind"], norms),
        }
        if row["kind"] == "item":
            entry["item_id"] = row["name"]
        by_subject[row["subject_id"]][INTEREST_KEYS[row["kind"]]].append(entry)
    return by_subject
