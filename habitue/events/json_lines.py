"""JSON lines: one object a line, flattened to columns of text.

In: the unpacked bytes of a file and the columns that are wanted. Out: pieces of records. Objects
within objects become columns "a.b"; a list of objects on which a wanted column lies (the items of
an order) becomes one row each under the same `_record`. Numbers keep the exact text they have in
the file, because an id must not change its look. Knows nothing about fields or cleaning.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from habitue.errors import FileRefused
from habitue.events.compression import read_blocks
from habitue.events.encoding import as_utf8
from habitue.events.records import (
    POSITION_COLUMNS,
    RecordChunk,
    Rejection,
    rejected_frame,
    storable,
)
from habitue.events.records_of_text import MAX_LINE_BYTES

MAX_DEPTH = 8
MAX_KEYS = 1_000
MAX_DOCUMENT_BYTES = 64 << 20  # of a file that is one array
_PIECE_RECORDS = 20_000
_MAX_INTEGER_DIGITS = 19

_LINE_END = re.compile(rb"\n|\r\n?")


class _Integer(str):
    """An integer by the text it has in the file."""

    __slots__ = ()


class _Decimal(str):
    """A number with a point or an exponent, by its text."""

    __slots__ = ()


@dataclass(frozen=True)
class _Flaw:
    """Stands in a parsed value where JSON allows what we do not."""

    code: str


@dataclass(frozen=True)
class WantedColumns:
    """Which columns of the flattened objects a reader must deliver.

    `columns` appear in every piece, even where no object has them. Of the `id_columns` a value
    must be a text or a whole number; `decimal_columns` are exempt, their '.0' is stripped later.
    """

    columns: tuple[str, ...] = ()
    id_columns: frozenset[str] = frozenset()
    decimal_columns: frozenset[str] = frozenset()


def read_json_lines(path: Path, *, encoding: str, wanted: WantedColumns) -> Iterator[RecordChunk]:
    """Yield the records of a JSON lines file, or of a file that is one array of objects.

    Raises:
        FileRefused: as `compression.read_blocks`; `array_too_long` for a very large array.
    """
    blocks, mark = as_utf8(read_blocks(path), encoding, path)
    first = next(blocks, b"")
    if first.lstrip()[:1] == b"[" and not _is_array_line(first):
        yield from _read_array(path, first, blocks, wanted)
        return
    builder = _PieceBuilder(wanted)
    for record, (line_number, offset, line) in enumerate(_lines(first, blocks, max(mark, 0)), 1):
        builder.add_line(record, line_number, offset if mark >= 0 else None, line)
        if builder.num_records >= _PIECE_RECORDS:
            yield builder.piece()
    yield builder.piece()


def list_paths(path: Path, *, encoding: str, num_objects: int = 200) -> list[str]:
    """Return the dotted names under which the first objects hold lists of objects."""
    blocks, _ = as_utf8(read_blocks(path), encoding, path)
    found: dict[str, None] = {}
    lines = _lines(next(blocks, b""), blocks, 0)
    for _, (_, _, line) in zip(range(num_objects), lines, strict=False):
        value = _parse(line)
        if isinstance(value, dict):
            _note_lists(value, "", found)
    return list(found)


def _note_lists(value: dict[str, object], prefix: str, found: dict[str, None]) -> None:
    for key, inner in value.items():
        if isinstance(inner, dict):
            _note_lists(inner, f"{prefix}{key}.", found)
        elif isinstance(inner, list) and inner and all(isinstance(x, dict) for x in inner):
            found[prefix + key] = None


def _is_array_line(first: bytes) -> bool:
    """Whether a file that begins with a bracket has an array on every line."""
    line = _LINE_END.split(first.lstrip(), 1)[0]
    try:
        return isinstance(json.loads(line), list) and len(_LINE_END.findall(first.strip())) > 0
    except (ValueError, RecursionError):
        return False


def _lines(first: bytes, blocks: Iterator[bytes], offset: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield (line number, offset, line) of every line that is not blank; endless ones cut short."""
    rest, number, is_skipping = first, 1, False
    is_last = False
    while not is_last:
        block = next(blocks, b"")
        is_last = not block
        rest += block
        start = 0
        for end in _LINE_END.finditer(rest):
            if end.end() == len(rest) and not is_last and end.group() != b"\n":
                break
            line = rest[start : end.start()]
            if line.strip() and not is_skipping:
                yield number, offset + start, line
            is_skipping = False
            number += 1
            start = end.end()
        offset += start
        rest = rest[start:]
        if len(rest) > MAX_LINE_BYTES and not is_last:
            if not is_skipping:
                yield number, offset, rest[: MAX_LINE_BYTES + 1]
            offset, rest, is_skipping = offset + len(rest), b"", True
    if rest.strip() and not is_skipping:
        yield number, offset, rest


def _read_array(
    path: Path, first: bytes, blocks: Iterator[bytes], wanted: WantedColumns
) -> Iterator[RecordChunk]:
    text = first
    for block in blocks:
        text += block
        if len(text) > MAX_DOCUMENT_BYTES:
            raise FileRefused(
                f"{path} is one JSON array of more than {MAX_DOCUMENT_BYTES >> 20} MB.",
                fix="Write one object a line: jq -c '.[]' FILE > FILE.jsonl",
                code="array_too_long",
            )
    values = _parse(text)
    if not isinstance(values, list):
        why = values.code if isinstance(values, _Flaw) else "not_an_array"
        raise FileRefused(
            f"{path} begins as a JSON array and cannot be read as one ({why}).",
            fix="Write one object a line: jq -c '.[]' FILE > FILE.jsonl",
            code="json_array",
        )
    builder = _PieceBuilder(wanted)
    for record, value in enumerate(values, 1):
        builder.add_value(record, record, None, value, text=_as_text(value))
        if builder.num_records >= _PIECE_RECORDS:
            yield builder.piece()
    yield builder.piece()


class _PieceBuilder:
    """Gathers flattened rows and rejections, and turns them into a piece."""

    def __init__(self, wanted: WantedColumns) -> None:
        self.wanted = wanted
        self.num_records = 0
        self._keep_whole = frozenset(wanted.columns)
        self._exploded = {
            column[:at] for column in wanted.columns for at, c in enumerate(column) if c == "."
        }
        self._clear()

    def _clear(self) -> None:
        self.num_records = 0
        self._rows: list[dict[str, str | None]] = []
        self._positions: list[tuple[int, int, int | None]] = []
        self._rejections: list[Rejection] = []

    def add_line(self, record: int, line: int, offset: int | None, text: bytes) -> None:
        self.add_value(record, line, offset, _parse(text), text=text[:8_000])

    def add_value(
        self, record: int, line: int, offset: int | None, value: object, *, text: str | bytes
    ) -> None:
        self.num_records += 1
        flaw, field, rows = self._rows_of(value)
        if flaw:
            shown = text if isinstance(text, str) else text.decode("utf-8", "replace")
            self._rejections.append(Rejection(record, line, offset, flaw, field, shown))
            return
        self._rows.extend(rows)
        self._positions.extend([(record, line, offset)] * len(rows))

    def _rows_of(self, value: object) -> tuple[str, str, list[dict[str, str | None]]]:
        if isinstance(value, _Flaw):
            return value.code, "", []
        if not isinstance(value, dict):
            return "not_an_object", "", []
        try:
            rows = _flattened(value, self._exploded, self._keep_whole)
        except _FlawFound as found:
            return found.code, found.field, []
        for column in self.wanted.id_columns:
            for row in rows:
                flaw = self._id_flaw(value, column, row.get(column))
                if flaw:
                    return flaw, column, []
        return "", "", [{key: _plain(cell) for key, cell in row.items()} for row in rows]

    def _id_flaw(self, value: object, column: str, cell: str | None) -> str:
        if isinstance(cell, _Decimal) and column not in self.wanted.decimal_columns:
            return "type"
        if isinstance(cell, _Integer) and _is_out_of_range(cell):
            return "number_range"
        return "type" if isinstance(cell, _Compound) else ""

    def piece(self) -> RecordChunk:
        columns = dict.fromkeys(self.wanted.columns)
        for row in self._rows:
            if row.keys() - columns.keys():
                columns.update(dict.fromkeys(row))
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


class _Compound(str):
    """The text of a boolean, list or object, which is no id."""

    __slots__ = ()


class _FlawFound(Exception):
    """Raised within flattening; never leaves this module."""

    def __init__(self, code: str, field: str) -> None:
        super().__init__(code)
        self.code = code
        self.field = field


def _parse(text: bytes) -> object:
    """Return the value of one document, with `_Flaw` in place of what is not allowed."""
    if len(text) > MAX_LINE_BYTES and text[:1] != b"[":
        return _Flaw("line_too_long")
    if b"\0" in text:
        return _Flaw("control_char")
    try:
        value: object = _DECODER.decode(text.decode("utf-8"))
    except UnicodeDecodeError:
        return _Flaw("not_utf8")
    except RecursionError:
        return _Flaw("too_deep")
    except ValueError:
        return _Flaw("json_syntax")
    return value


def _unique_keys(pairs: list[tuple[str, object]]) -> object:
    value = dict(pairs)
    if len(value) != len(pairs):
        return _Flaw("duplicate_key")
    return value if len(value) <= MAX_KEYS else _Flaw("too_many_keys")


def _finite(text: str) -> object:
    is_finite = abs(float(text)) != float("inf")
    return _Decimal(text) if is_finite else _Flaw("number_range")


def _not_a_number(text: str) -> object:
    return _Flaw("not_a_number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique_keys,
    parse_int=_Integer,
    parse_float=_finite,
    parse_constant=_not_a_number,
)


def _is_out_of_range(text: str) -> bool:
    digits = text.lstrip("-")
    if len(digits) < _MAX_INTEGER_DIGITS:
        return False
    return len(digits) > _MAX_INTEGER_DIGITS or int(digits) >= 1 << 63


def _flattened(
    value: dict[str, object], exploded: set[str], keep_whole: frozenset[str]
) -> list[dict[str, str | None]]:
    """Return the object as rows of texts: one, or one for each object of an exploded list."""
    rows: list[dict[str, str | None]] = [{}]
    num_keys = _flatten_into(rows, value, "", 1, exploded, keep_whole)
    if num_keys > MAX_KEYS:
        raise _FlawFound("too_many_keys", "")
    return rows


def _flatten_into(
    rows: list[dict[str, str | None]],
    value: dict[str, object],
    prefix: str,
    depth: int,
    exploded: set[str],
    keep_whole: frozenset[str],
) -> int:
    if depth > MAX_DEPTH:
        raise _FlawFound("too_deep", prefix.rstrip("."))
    num_keys = len(value)
    for key, inner in value.items():
        name = prefix + key
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
    rows: list[dict[str, str | None]],
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
        if not value.isascii():
            _check_text(value, name)
        elif "\0" in value:
            raise _FlawFound("control_char", name)
        return value
    if isinstance(value, _Flaw):
        raise _FlawFound(value.code, name)
    if isinstance(value, list | dict):
        _check_depth(value, name, depth)
    return _Compound(_as_text(value))


def _check_text(value: str, name: str) -> None:
    if "\0" in value:
        raise _FlawFound("control_char", name)
    if storable(value) != value:
        raise _FlawFound("bad_unicode", name)


def _check_depth(value: object, name: str, depth: int) -> None:
    if isinstance(value, _Flaw):
        raise _FlawFound(value.code, name)
    if isinstance(value, list | dict):
        if depth > MAX_DEPTH:
            raise _FlawFound("too_deep", name)
        if len(value) > MAX_KEYS:
            raise _FlawFound("too_many_keys", name)
        for inner in value if isinstance(value, list) else value.values():
            _check_depth(inner, name, depth + 1)
    elif isinstance(value, str):
        _check_text(value, name)


def _as_text(value: object) -> str:
    """Return a value as compact JSON, its numbers as they were written."""
    if isinstance(value, _Integer | _Decimal):
        return str(value)
    if isinstance(value, dict):
        inner = ",".join(f"{json.dumps(key)}:{_as_text(cell)}" for key, cell in value.items())
        return "{" + inner + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_as_text, value)) + "]"
    if isinstance(value, _Flaw):
        return f"<{value.code}>"
    return json.dumps(value, ensure_ascii=False)


def _plain(cell: str | None) -> str | None:
    return cell if cell is None or type(cell) is str else str(cell)
