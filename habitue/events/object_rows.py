"""Objects within objects as rows of text: pieces of records.

In: parsed JSON values (or what a database row or an Arrow record looks like as one) and the columns
that are wanted. Out: pieces of records. Objects within objects become columns "a.b"; a list of
objects on which a wanted column lies (the items of an order) becomes one row each under the same
`_record`. A published layout may bring an `unroll` of its own, which makes the rows' objects out
of the record's. Knows nothing about files, fields or cleaning.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from habitue.events.json_values import (
    MAX_KEYS,
    DecimalNumber,
    Flaw,
    Flawed,
    JsonObject,
    WholeNumber,
    is_out_of_range,
    json_text,
)
from habitue.events.records import (
    POSITION_COLUMNS,
    RecordChunk,
    Rejection,
    rejected_frame,
    storable,
)

MAX_DEPTH = 8
MAX_COLUMNS = 2_000  # of a piece; once there are so many, what nobody asked for is left out

Unroll = Callable[[JsonObject], Sequence[JsonObject]]
Row = dict[str, str | None]


@dataclass(frozen=True)
class WantedColumns:
    """Which columns of the flattened objects a reader must deliver.

    `columns` appear in every piece, even where no object has them. Of the `id_columns` a value
    must be a text or a whole number; `decimal_columns` are exempt, their '.0' is stripped later. Of
    the `time_columns` it must be a text or a number.
    With `unroll`, the rows are the objects that it makes of a record, and have the `columns` alone.
    """

    columns: tuple[str, ...] = ()
    id_columns: frozenset[str] = frozenset()
    decimal_columns: frozenset[str] = frozenset()
    time_columns: frozenset[str] = frozenset()
    unroll: Unroll | None = None


class ObjectRows:
    """Gathers the rows of objects and the rejected ones, and turns them into a piece."""

    def __init__(self, wanted: WantedColumns) -> None:
        self.wanted = wanted
        self.num_records = 0
        self._keep_whole = frozenset(wanted.columns)
        self._exploded = {
            column[:at] for column in wanted.columns for at, c in enumerate(column) if c == "."
        }
        self._clear()

    def add(
        self, record: int, line: int, offset: int | None, value: object, text: bytes = b""
    ) -> None:
        """Take one record; `text` is how the file has it, else its value is shown as JSON."""
        self.num_records += 1
        try:
            rows = self._rows_of(value)
        except Flawed as flaw:
            raw = text.decode("utf-8", "surrogateescape") if text else json_text(value)
            rejection = Rejection(record, line, offset, flaw.code, flaw.field, raw, "object")
            self._rejections.append(rejection)
            return
        self._rows.extend(rows)
        self._positions.extend([(record, line, offset)] * len(rows))

    def piece(self) -> RecordChunk:
        """Return what was gathered since the last piece."""
        columns = dict.fromkeys(self.wanted.columns)
        for row in self._rows:
            if len(columns) < MAX_COLUMNS and row.keys() - columns.keys():
                columns.update(dict.fromkeys(row))
        for reserved in POSITION_COLUMNS:
            columns.pop(reserved, None)
        series = [
            pl.Series(column, [row.get(column) for row in self._rows], dtype=pl.String)
            for column in columns
        ]
        places = pl.DataFrame(self._positions, schema=POSITION_COLUMNS, orient="row")
        chunk = RecordChunk(
            pl.DataFrame(series).hstack(places) if series else places,
            rejected_frame(self._rejections),
        )
        self._clear()
        return chunk

    def _clear(self) -> None:
        self.num_records = 0
        self._rows: list[Row] = []
        self._positions: list[tuple[int, int, int | None]] = []
        self._rejections: list[Rejection] = []

    def _rows_of(self, value: object) -> list[Row]:
        if isinstance(value, Flaw):
            raise Flawed(value.code, "")
        if not isinstance(value, dict):
            raise Flawed("not_an_object", "")
        if self.wanted.unroll:
            rows = [_picked(one, self.wanted.columns) for one in self.wanted.unroll(value)]
        else:
            rows = _flattened(value, self._exploded, self._keep_whole)
        for column in self.wanted.id_columns:
            for row in rows:
                self._check_id(column, row.get(column))
        for column in self.wanted.time_columns:
            for row in rows:
                _check_plain(column, row.get(column))
        return [{key: _plain(cell) for key, cell in row.items()} for row in rows]

    def _check_id(self, column: str, cell: str | None) -> None:
        if isinstance(cell, DecimalNumber) and column not in self.wanted.decimal_columns:
            raise Flawed("type", column)
        if isinstance(cell, WholeNumber) and is_out_of_range(cell):
            raise Flawed("number_range", column)
        _check_plain(column, cell)


class _Compound(str):
    """The text of a boolean, list or object, which is no id."""

    __slots__ = ()


def _check_plain(column: str, cell: str | None) -> None:
    if isinstance(cell, _Compound):
        raise Flawed("type", column)


def _picked(value: JsonObject, columns: Sequence[str]) -> Row:
    """Return the wanted columns alone."""
    row: Row = {}
    for column in columns:
        found, depth = _found(value, column, 1)
        row[column] = _cell(found, column, depth)
    return row


def _found(value: JsonObject, path: str, depth: int) -> tuple[object, int]:
    """Return what lies at a dotted path, and how deep; a key may hold dots itself."""
    if path in value:
        return value[path], depth
    at = path.find(".")
    while at >= 0:
        inner = value.get(path[:at])
        if isinstance(inner, Flaw):
            raise Flawed(inner.code, path[:at])
        if isinstance(inner, dict):
            return _found(inner, path[at + 1 :], depth + 1)
        at = path.find(".", at + 1)
    return None, depth


def _flattened(value: JsonObject, exploded: set[str], keep_whole: frozenset[str]) -> list[Row]:
    """Return the object as rows of texts: one, or one for each object of an exploded list."""
    rows: list[Row] = [{}]
    num_keys = _flatten_into(rows, value, "", 1, exploded, keep_whole)
    if num_keys > MAX_KEYS:
        raise Flawed("too_many_keys", "")
    return rows


def _flatten_into(
    rows: list[Row],
    value: JsonObject,
    prefix: str,
    depth: int,
    exploded: set[str],
    keep_whole: frozenset[str],
) -> int:
    if depth > MAX_DEPTH:
        raise Flawed("too_deep", prefix.rstrip("."))
    num_keys = len(value)
    for key, inner in value.items():
        name = prefix + key
        if not key.isascii():
            _check_text(key, name)
        if isinstance(inner, dict):
            num_keys += _flatten_into(rows, inner, name + ".", depth + 1, exploded, keep_whole)
            if name not in keep_whole:
                continue
        elif isinstance(inner, list) and name in exploded and _holds_objects(inner):
            _explode(rows, inner, name, depth, exploded, keep_whole)
            continue
        cell = _cell(inner, name, depth)
        for row in rows:
            row[name] = cell
    return num_keys


def _holds_objects(inner: list[object]) -> bool:
    return bool(inner) and all(isinstance(entry, dict) for entry in inner)


def _explode(
    rows: list[Row],
    entries: list[object],
    name: str,
    depth: int,
    exploded: set[str],
    keep_whole: frozenset[str],
) -> None:
    """Multiply the rows by the list's objects, in place."""
    before = [dict(row) for row in rows]
    rows.clear()
    for entry in entries:
        copies = [dict(row) for row in before]
        assert isinstance(entry, dict)
        _flatten_into(copies, entry, name + ".", depth + 1, exploded, keep_whole)
        rows.extend(copies)


def _cell(value: object, name: str, depth: int) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        _check_text(value, name)
        return value
    if isinstance(value, Flaw):
        raise Flawed(value.code, name)
    if isinstance(value, list | dict):
        _check_depth(value, name, depth)
    return _Compound(json_text(value))


def _check_text(value: str, name: str) -> None:
    if "\0" in value:
        raise Flawed("control_char", name)
    if not value.isascii() and storable(value) != value:
        raise Flawed("bad_unicode", storable(name))


def _check_depth(value: object, name: str, depth: int) -> None:
    if isinstance(value, Flaw):
        raise Flawed(value.code, name)
    if isinstance(value, list | dict):
        if depth > MAX_DEPTH:
            raise Flawed("too_deep", name)
        if len(value) > MAX_KEYS:
            raise Flawed("too_many_keys", name)
        if isinstance(value, dict):
            _check_depth(list(value), name, depth)
        for inner in value if isinstance(value, list) else value.values():
            _check_depth(inner, name, depth + 1)
    elif isinstance(value, str):
        _check_text(value, name)


def _plain(cell: str | None) -> str | None:
    return cell if cell is None or type(cell) is str else str(cell)
