"""How persons moved: what was known of them at earlier refreshes, as far as it changed.

In: the profile table, tags and predictions of one bucket at one moment, and the entries kept so
far. Out: the entries with those of this moment, a row a person and moment; and one person's
entries as moves, each beside the one before it. An entry says everything of its moment, so that
entries can be taken out or put in between, and the moves between the others stay true. Knows
nothing about where entries are kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from habitue.config import ProfileSettings
from habitue.files import Json
from habitue.schema import DAY, format_time

HISTORY_SHOWN: Final = 10  # entries in a profile
LEAST_POINTS: Final = 0.01  # a probability that moved by so much has moved
LEAST_PART: Final = 0.05  # and an amount by this part of what it was
DIGITS: Final = 4
_ROUNDING: Final = 1e-9
_PREDICTION: Final = pl.Struct(
    {"task": pl.String(), "value": pl.Float64(), "is_amount": pl.Boolean()}
)
COLUMNS: Final[dict[str, pl.DataType]] = {
    "subject_id": pl.Int64(),
    "user_id": pl.String(),  # subjects are numbered anew when a store is made anew
    "as_of": pl.Int64(),
    "known_at": pl.Int64(),  # what arrived up to then was counted; `as_of` or later
    "model_version": pl.String(),
    "segment": pl.String(),
    "tags": pl.List(pl.Struct({"tag": pl.String(), "weight": pl.Float64()})),
    "predictions": pl.List(_PREDICTION),
}


@dataclass(frozen=True)
class Moved:
    """What was known of a person at one moment, and which tags came and went since the one before.

    A prediction is a probability, or the expected amount; tags are names with their weights.
    """

    as_of: int
    model_version: str
    segment: str
    predictions: Mapping[str, float]
    tags: Mapping[str, float]
    tags_gained: tuple[str, ...]
    tags_lost: tuple[str, ...]

    def as_json(self) -> dict[str, Json]:
        """Return an entry of `history` in the document of `profile`."""
        return {
            "as_of": format_time(self.as_of),
            "model_version": self.model_version,
            "segment": self.segment,
            "predictions": dict(self.predictions),
            "tags_gained": list(self.tags_gained),
            "tags_lost": list(self.tags_lost),
            "tags": [{"name": name, "weight": weight} for name, weight in self.tags.items()],
        }


def no_entries() -> pl.DataFrame:
    """Return entries of nobody."""
    return pl.DataFrame(schema=COLUMNS)


def entries_of(
    table: pl.DataFrame,
    tags: pl.DataFrame,
    predictions: Mapping[str, pl.DataFrame],
    *,
    as_of: int,
    known_at: int,
    model_version: str,
) -> pl.DataFrame:
    """Return what is known at one moment, one entry a person of `table`, `COLUMNS`.

    `tags` as `build_tags` returns them; `predictions` as `profile_table` takes them.
    """
    tagged = tags.group_by("subject_id", maintain_order=True).agg(
        pl.struct("tag", pl.col("weight").round(DIGITS)).alias("tags")
    )
    found = table.select(
        "subject_id",
        "user_id",
        pl.lit(as_of, dtype=pl.Int64).alias("as_of"),
        pl.lit(known_at, dtype=pl.Int64).alias("known_at"),
        pl.lit(model_version).alias("model_version"),
        "segment",
    )
    for listed in (tagged, _predicted(predictions)):
        found = found.join(listed, on="subject_id", how="left", maintain_order="left")
    empty = [pl.col(name).fill_null(pl.lit([], COLUMNS[name])) for name in ("tags", "predictions")]
    return found.with_columns(empty).select(
        pl.col(name).cast(kind) for name, kind in COLUMNS.items()
    )


def _predicted(predictions: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Return `subject_id, predictions`: probabilities; of amounts the mean where it is known."""
    rows = [pl.DataFrame(schema={"subject_id": pl.Int64, "predictions": _PREDICTION})]
    for task, frame in predictions.items():
        is_amount = "probability" not in frame.columns
        amount = "expected" if "expected" in frame.columns else "value"
        value = pl.col(amount if is_amount else "probability").cast(pl.Float64).round(DIGITS)
        one = pl.struct(
            pl.lit(task).alias("task"), value.alias("value"), pl.lit(is_amount).alias("is_amount")
        )
        rows.append(frame.filter(value.is_finite()).select("subject_id", one.alias("predictions")))
    return pl.concat(rows).group_by("subject_id", maintain_order=True).agg("predictions")


def continued(
    kept: pl.DataFrame,
    entries: pl.DataFrame,
    *,
    as_of: int,
    known_at: int,
    settings: ProfileSettings,
) -> pl.DataFrame:
    """Return the kept entries with those of the moment `as_of` that say something new.

    New beside what could be told then; entries of this very moment are replaced. What is older
    than `profiles.history_days` goes; of more than `profiles.history_entries` of a person the
    older ones are thinned.
    """
    others = kept.filter(
        pl.col("as_of") != as_of, pl.col("as_of") > as_of - settings.history_days * DAY
    )
    before = others.filter(pl.col("as_of") < as_of, pl.col("known_at") <= known_at)
    last = before.sort("subject_id", "as_of")
    last = last.group_by("subject_id", maintain_order=True).last()
    found = pl.concat([others, entries.filter(_news(entries, last))])
    return _thinned(found.sort("subject_id", "as_of"), settings.history_entries)


def _news(entries: pl.DataFrame, last: pl.DataFrame) -> pl.Series:
    """Return which entries differ from the person's last one by more than a little."""
    before = last.select("subject_id", pl.exclude("subject_id").name.suffix("_before"))
    both = entries.join(before, on="subject_id", how="left", maintain_order="left")
    moved = both.join(_moved_predictions(entries, last), on="subject_id", how="semi")["subject_id"]
    names = [
        pl.col(column).list.eval(pl.element().struct.field("tag")).list.sort()
        for column in ("tags", "tags_before")
    ]
    is_new = (
        pl.col("as_of_before").is_null()
        | pl.col("segment").ne_missing(pl.col("segment_before"))
        | names[0].ne_missing(names[1])
        | pl.col("subject_id").is_in(moved.implode())
    )
    return both.select(is_new.alias("is_new"))["is_new"]


def _moved_predictions(entries: pl.DataFrame, last: pl.DataFrame) -> pl.DataFrame:
    """Return the predictions that came, went, or moved, with their `subject_id`."""
    now, then = _by_task(entries), _by_task(last)
    both = now.join(then, on=["subject_id", "task"], how="full", suffix="_before", coalesce=True)
    step = (pl.col("value") - pl.col("value_before")).abs()
    amount = LEAST_PART * pl.col("value_before").abs()
    least = pl.when(pl.col("is_amount")).then(amount).otherwise(LEAST_POINTS)
    has_moved = (step > 0) & (step >= least - _ROUNDING)
    return both.filter(has_moved.fill_null(value=True))


def _by_task(entries: pl.DataFrame) -> pl.DataFrame:
    rows = entries.select("subject_id", "predictions").explode("predictions")
    return rows.drop_nulls("predictions").unnest("predictions")


def _thinned(entries: pl.DataFrame, most: int) -> pl.DataFrame:
    """Return at most so many entries of each person; every second of the older half goes first."""
    age = pl.int_range(pl.len(), 0, -1).over("subject_id") - 1  # 0: the newest
    is_crowded = pl.len().over("subject_id") > most
    recent = (most + 1) // 2
    stays = ~is_crowded | (age < recent) | ((age - recent) % 2 == 1)
    found = entries.filter(stays)
    return found.group_by("subject_id", maintain_order=True).tail(most)


def moves_of(entries: pl.DataFrame, *, as_of: int, known_at: int) -> tuple[Moved, ...]:
    """Return one person's latest moves as they could be told at `as_of`, the newest first.

    What was said later, or counted what arrived later than `known_at`, is left out.
    """
    told = entries.filter(pl.col("as_of") <= as_of, pl.col("known_at") <= known_at).sort("as_of")
    rows = told.rows(named=True)
    moves = [_moved(row, rows[place - 1 : place]) for place, row in enumerate(rows)]
    return tuple(moves[::-1][:HISTORY_SHOWN])


def _moved(row: Mapping[str, Any], before: Sequence[Mapping[str, Any]]) -> Moved:
    tags = {tag["tag"]: tag["weight"] for tag in row["tags"]}
    had = [tag["tag"] for tag in before[0]["tags"]] if before else list(tags)
    return Moved(
        as_of=row["as_of"],
        model_version=row["model_version"],
        segment=row["segment"],
        predictions={one["task"]: one["value"] for one in row["predictions"]},
        tags=tags,
        tags_gained=tuple(tag for tag in tags if tag not in had),
        tags_lost=tuple(tag for tag in had if tag not in tags),
    )
