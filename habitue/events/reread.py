"""Rows of the quarantine as records again, read as their source says now.

In: rows that were set aside, all of one file as one ingest read it, and the source's settings. Out:
a `RecordChunk` as the file's reader would have made, but with the row's place in the quarantine as
its `_line`; or why the rows cannot be read again. Knows nothing about cleaning or the store.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from habitue.config import SourceSettings
from habitue.errors import HabitueError
from habitue.events.adapters.layout import Head
from habitue.events.adapters.registry import settled_again
from habitue.events.delimited import read_lines
from habitue.events.json_lines import parse_line
from habitue.events.json_values import parse_json
from habitue.events.object_rows import ObjectRows
from habitue.events.personal import REDACTED
from habitue.events.records import POSITION_COLUMNS, RecordChunk, rejected_frame
from habitue.events.sources import id_columns, mapped_columns, unrolls, wanted_columns

_PLACE: Final = {"_record": "record", "_line": "_index", "_offset": "offset"}
_DATETIME: Final = re.compile(r"Datetime\(time_unit='(\w+)', time_zone=(?:None|'([^']+)')\)")
_DECIMAL: Final = re.compile(r"Decimal\(precision=(\d+), scale=(\d+)\)")
_PLAIN: Final[dict[str, pl.DataType]] = {
    str(kind): kind
    for kind in (
        pl.String(), pl.Boolean(), pl.Null(), pl.Date(), pl.Time(), pl.Float32(), pl.Float64(),
        pl.Int8(), pl.Int16(), pl.Int32(), pl.Int64(),
        pl.UInt8(), pl.UInt16(), pl.UInt32(), pl.UInt64(),
    )
}  # fmt: skip
# What JSON has as a number with a point, a truth value, a list or an object, and is no id.
_NO_ID: Final = r"^(?:-?\d+\.\d+(?:[eE][+-]?\d+)?|true|false|\[.*\]|\{.*\})$"

Kinds = dict[str, pl.DataType]


@dataclass(frozen=True)
class CannotReread(Exception):
    """Why rows cannot be read again: `why` is a word, `what` completes it."""

    why: str
    what: str = ""


def source_now(
    name: str, file: str, columns: str, sources: Sequence[SourceSettings]
) -> SourceSettings:
    """Return how rows of a file with these columns are read by today's settings.

    Raises:
        CannotReread: there is no such source any more, or it maps a column that was not kept.
    """
    source = next((one for one in sources if one.name == name), None)
    if source is None:
        raise CannotReread("no_source", name)
    kinds = _kinds(columns)
    is_text = all(kind == pl.String for kind in kinds.values())
    head = Head(Path(file), source.format if is_text else "parquet", tuple(kinds))
    try:
        source = settled_again(source, head)
    except HabitueError as error:
        raise CannotReread("no_source", name) from error
    # A JSON object lacks what it does not say; a row of anything else was not kept whole.
    is_open = source.format == "jsonl" and is_text and not unrolls(source)
    names = _names_now(source, list(kinds))
    missing = [name for name in mapped_columns(source) if name not in names]
    if missing and not is_open:
        raise CannotReread("column_not_kept", missing[0])
    return source


def reread(rows: pl.DataFrame, source: SourceSettings) -> RecordChunk:
    """Return the rows as records, in the order in which the file had them."""
    pieces = []
    for (form, columns), group in rows.group_by("form", "columns", maintain_order=True):
        kinds = _kinds(str(columns))
        if form == "cells":
            pieces.append(_of_cells(group, kinds, source))
        elif form == "line":
            pieces.append(_of_lines(group, list(kinds), source))
        else:
            pieces.append(_of_objects(group, source))
    frame = pl.concat([piece.frame for piece in pieces], how="diagonal_relaxed")
    rejected = pl.concat([piece.rejected for piece in pieces])
    chunk = RecordChunk(frame.sort("_record", "_line"), rejected.sort("_record", "_line"))
    return _without_lost_ids(chunk, id_columns(source))


def _of_cells(rows: pl.DataFrame, kinds: Kinds, source: SourceSettings) -> RecordChunk:
    as_texts = {
        name: pl.String() if _is_told_as_text(kind) else kind for name, kind in kinds.items()
    }
    cells = rows.select(
        pl.col("raw").str.json_decode(pl.Struct(as_texts)).alias("cells"),
        *(pl.col(name).alias(place) for place, name in _PLACE.items()),
    ).unnest("cells")
    frame = cells.with_columns(_read_as(name, kind) for name, kind in kinds.items())
    frame = frame.cast(pl.Schema(POSITION_COLUMNS))
    names = _names_now(source, list(kinds))
    frame = frame.rename(dict(zip(kinds, names, strict=True)))
    if source.format == "jsonl" and not unrolls(source):
        return _as_json_has_it(frame, source)
    return RecordChunk(frame, rejected_frame([]))


def _of_lines(rows: pl.DataFrame, names: list[str], source: SourceSettings) -> RecordChunk:
    lines = [
        text.encode() if held is None else _decoded(held, source.encoding)
        for text, held in rows.select("raw", "bytes").iter_rows()
    ]
    return read_lines(
        lines,
        rows.select(**{place: pl.col(name) for place, name in _PLACE.items()}),
        delimiter=source.delimiter,
        names=_names_now(source, names),
        quoting=source.quoting,
    )


def _of_objects(rows: pl.DataFrame, source: SourceSettings) -> RecordChunk:
    objects = ObjectRows(wanted_columns(source))
    for record, index, text, held in rows.select("record", "_index", "raw", "bytes").iter_rows():
        line = text.encode() if held is None else _decoded(held, source.encoding)
        objects.add(record, index, None, parse_line(line), text=line)
    return objects.piece()


def _as_json_has_it(frame: pl.DataFrame, source: SourceSettings) -> RecordChunk:
    """Take lists apart that the mapping now looks into, and refuse what JSON has as no id."""
    wanted = wanted_columns(source)
    held = {
        column[:at]
        for column in wanted.columns
        if column not in frame.columns
        for at, letter in enumerate(column)
        if letter == "." and column[:at] in frame.columns
    }
    chunk = RecordChunk(frame, rejected_frame([]))
    if held:
        objects = ObjectRows(wanted)
        for row in frame.iter_rows(named=True):
            place = [row.pop(name) for name in POSITION_COLUMNS]
            value = {key: _unfolded(cell) if key in held else cell for key, cell in row.items()}
            objects.add(place[0], place[1], place[2], value)
        chunk = objects.piece()
    return _without_odd_ids(chunk, wanted.id_columns - wanted.decimal_columns)


def _without_odd_ids(chunk: RecordChunk, columns: frozenset[str]) -> RecordChunk:
    """Reject rows with an id that may have been no text: what it was, the cells do not say."""
    frame, rejected = chunk.frame, [chunk.rejected]
    for column in sorted(columns.intersection(frame.columns)):
        is_odd = frame[column].str.contains(_NO_ID).fill_null(False)
        if is_odd.any():
            odd = frame.filter(is_odd).select(
                *POSITION_COLUMNS, code=pl.lit("type"), field=pl.lit(column), raw=pl.lit("-")
            )
            rejected.append(odd)
            frame = frame.filter(~is_odd)
    return RecordChunk(frame, pl.concat(rejected, how="diagonal"))


def _without_lost_ids(chunk: RecordChunk, columns: frozenset[str]) -> RecordChunk:
    """Reject rows with an id that was taken for personal data: all of these would be one id."""
    frame, rejected = chunk.frame, chunk.rejected
    for column in sorted(columns.intersection(frame.columns)):
        if frame[column].dtype != pl.String:
            continue
        is_lost = frame[column].str.contains(REDACTED, literal=True).fill_null(False)
        if is_lost.any():
            lost = frame.filter(is_lost).select(
                *POSITION_COLUMNS,
                code=pl.lit("looks_like_pii"),
                field=pl.lit(column),
                raw=pl.lit("-"),
            )
            rejected = pl.concat([rejected, lost], how="diagonal")
            frame = frame.filter(~is_lost)
    return RecordChunk(frame, rejected)


def _unfolded(cell: str | None) -> object:
    value = parse_json(cell) if cell and cell[:1] in "[{" else cell
    return value if isinstance(value, list | dict) else cell


def _decoded(line: bytes, encoding: str) -> bytes:
    """Return a line that is no UTF-8 as its encoding says; as it is where that fails."""
    try:
        return line.decode(encoding).encode()
    except (UnicodeError, LookupError):
        return line


def _names_now(source: SourceSettings, names: list[str]) -> list[str]:
    """Return the columns' names; those of a file without a header are given by the settings."""
    given = source.column_names
    is_named = source.format == "csv" and not source.header and len(given) == len(names)
    return list(given) if is_named else names


def _kinds(columns: str) -> Kinds:
    described: Mapping[str, str] = json.loads(columns)
    return {name: _kind(text) for name, text in described.items()}


def _kind(text: str) -> pl.DataType:
    if text in _PLAIN:
        return _PLAIN[text]
    if found := _DATETIME.fullmatch(text):
        return pl.Datetime(found[1], found[2])  # type: ignore[arg-type]
    if found := _DECIMAL.fullmatch(text):
        return pl.Decimal(int(found[1]), int(found[2]))
    raise CannotReread("column_not_kept", text)


def _is_told_as_text(kind: pl.DataType) -> bool:
    return kind.is_temporal() or kind.is_decimal()


def _read_as(name: str, kind: pl.DataType) -> pl.Expr:
    told = pl.col(name)
    if isinstance(kind, pl.Datetime):
        zone = kind.time_zone
        read = told.str.to_datetime(time_unit=kind.time_unit, time_zone="UTC" if zone else None)
        return read.dt.convert_time_zone(zone) if zone else read
    if kind == pl.Date:
        return told.str.to_date("%Y-%m-%d")
    if kind == pl.Time:
        return told.str.to_time("%H:%M:%S%.f")
    return told.cast(kind)
