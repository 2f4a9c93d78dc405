"""Audiences: the persons who fit a rule, as a list to send and a file to keep.

In: the profile table and a rule. Out: an `Audience` with its make-up against everyone, and
`<folder>/<name>.json` beside `<folder>/<name>.csv`. Knows nothing about how profiles are made or
where the list is sent.
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

import polars as pl
import polars.selectors as cs

from habitue.actions.rule_parser import parse_rule
from habitue.actions.rules import columns_of, describe, members
from habitue.actions.spreadsheets import escape_formulas
from habitue.errors import Refused, UnknownName, nearest
from habitue.files import Json, write_bytes, write_json
from habitue.schema import format_time

DEFAULT_COLUMNS: Final = ("user_id", "segment", "orders", "revenue", "last_seen")
COMPARED: Final = ("orders", "revenue", "monetary", "recency_days")  # means beside everyone's
LIST_SEPARATOR: Final = "; "
_NAME: Final = re.compile(r"[\w][\w .-]{0,79}")


@dataclass(frozen=True)
class Share:
    """A segment within the audience and within everyone, 0 to 1."""

    audience: float
    everyone: float


@dataclass(frozen=True)
class Mean:
    """A mean over the audience and over everyone; None where unknown."""

    audience: float | None
    everyone: float | None


@dataclass(frozen=True)
class Audience:
    """A saved set of persons."""

    name: str
    rule: str
    sentence: str
    as_of: int
    persons: int
    everyone: int
    segments: Mapping[str, Share]
    means: Mapping[str, Mean]
    table: pl.DataFrame = field(compare=False, repr=False)  # the members, rows of the profile table

    @property
    def share(self) -> float:
        """The audience's part of everyone."""
        return self.persons / self.everyone if self.everyone else 0.0

    def as_json(self) -> dict[str, Json]:
        """Return the record without its members."""
        return {
            "name": self.name,
            "rule": self.rule,
            "sentence": self.sentence,
            "as_of": format_time(self.as_of),
            "persons": self.persons,
            "everyone": self.everyone,
            "share": self.share,
            "segments": {name: asdict(share) for name, share in self.segments.items()},
            "means": {name: asdict(mean) for name, mean in self.means.items()},
        }


@dataclass(frozen=True)
class SavedAudience:
    """Where an audience lies on disk."""

    path: Path  # the list, CSV
    record: Path  # the rule and the make-up, JSON
    persons: int
    escaped: int  # cells that got a leading '


def select_audience(
    table: pl.DataFrame, rule: str, *, as_of: int, name: str | None = None
) -> Audience:
    """Return the persons of the profile table who fit `rule`.

    Without a `name`, the audience is called by its rule's words.

    Raises:
        Refused: the text is no rule (see `parse_rule`), or the name is no file name.
        UnknownName: the rule speaks of a column, segment or tag nobody has heard of.
    """
    table = table.with_columns(cs.float().fill_nan(None))
    parsed = parse_rule(rule, columns_of(table))
    chosen = table.filter(members(parsed))
    return Audience(
        name=_checked(name) if name is not None else _name_of(rule),
        rule=rule,
        sentence=describe(parsed),
        as_of=as_of,
        persons=chosen.height,
        everyone=table.height,
        segments=_segments(chosen, table),
        means={
            column: Mean(_mean(chosen, column), _mean(table, column))
            for column in COMPARED
            if column in table.columns
        },
        table=chosen,
    )


def write_audience(
    audience: Audience,
    folder: Path,
    *,
    columns: Sequence[str] = (),
    out: Path | None = None,
    for_spreadsheet: bool = True,
) -> SavedAudience:
    """Write `<folder>/<name>.json` and the list, `<folder>/<name>.csv` or `out`.

    The list has `user_id` and `columns` (default: segment, orders, revenue, last_seen).

    Raises:
        UnknownName: a column is not in the profile table.
    """
    known = [column for column in audience.table.columns if column != "subject_id"]
    for column in columns:
        if column not in known:
            raise UnknownName(
                f"The profile table has no column '{column}'.{nearest(column, known)}",
                fix=f"Columns are: {', '.join(known)}.",
            )
    wanted = columns or [column for column in DEFAULT_COLUMNS if column in known]
    names = list(dict.fromkeys(["user_id", *wanted]))
    texts = audience.table.select(_as_cell(name, audience.table.schema[name]) for name in names)
    escaped = 0
    if for_spreadsheet:
        texts, escaped = escape_formulas(texts)
    path = out or folder / f"{audience.name}.csv"
    record = folder / f"{audience.name}.json"
    write_bytes(path, texts.write_csv().encode())
    write_json(record, audience.as_json() | {"path": str(path), "columns": names})
    return SavedAudience(path, record, audience.persons, escaped)


def saved_audiences(folder: Path) -> list[str]:
    """Return the names of the audiences kept in `folder`, sorted."""
    return sorted(path.stem for path in folder.glob("*.json"))


def erase_from_audiences(folder: Path, user_ids: Collection[str]) -> list[str]:
    """Take persons out of every saved list in `folder`; return the names of those changed.

    Lists written elsewhere (`out`) are out of reach; the record names their path.
    """
    changed = []
    # An id may have been escaped when it was written.
    ids = {*user_ids, *(f"'{user_id}" for user_id in user_ids)}
    for name in saved_audiences(folder):
        path, record = folder / f"{name}.csv", folder / f"{name}.json"
        if not path.is_file():
            continue
        listed = pl.read_csv(path, infer_schema=False)
        kept = listed.filter(~pl.col("user_id").is_in(ids))
        if kept.height < listed.height:
            write_bytes(path, kept.write_csv().encode())
            document = json.loads(record.read_text(encoding="utf-8"))
            write_json(record, document | {"persons": kept.height})
            changed.append(name)
    return changed


def _as_cell(name: str, dtype: pl.DataType) -> pl.Expr:
    """A column as it stands in a CSV file: lists joined, moments in ISO 8601."""
    if dtype == pl.List(pl.String):
        return pl.col(name).list.join(LIST_SEPARATOR)
    if name.endswith(("_seen", "_at")) and dtype.is_integer():
        return pl.from_epoch(name, time_unit="us").dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    return pl.col(name)


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name) or name != name.strip(" ."):
        raise Refused(
            f"'{name[:80]}' cannot be the name of an audience.",
            fix="Use up to 80 letters, digits, blanks, dots, hyphens and underscores.",
            code="bad_name",
        )
    return name


def _name_of(rule: str) -> str:
    """Return a file name made of the rule's words and, as those may agree, of its hash."""
    words = "-".join(re.findall(r"\w+", rule))[:50].strip("-_")
    return f"{words}-{sha256(rule.encode()).hexdigest()[:8]}"


def _segments(chosen: pl.DataFrame, table: pl.DataFrame) -> dict[str, Share]:
    if "segment" not in table.columns:
        return {}
    inside, overall = (dict(part.group_by("segment").len().iter_rows()) for part in (chosen, table))
    return {
        name: Share(
            inside.get(name, 0) / max(chosen.height, 1), overall[name] / max(table.height, 1)
        )
        for name in sorted(overall, key=lambda name: (-overall[name], name))
    }


def _mean(table: pl.DataFrame, column: str) -> float | None:
    mean = table[column].mean()
    return float(mean) if isinstance(mean, int | float) else None
