"""JSON lines: one object a line, flattened to columns of text.

In: the unpacked bytes of a file and the columns that are wanted. Out: pieces of records; see
`object_rows` for how objects become rows. Knows nothing about fields or cleaning.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from habitue.errors import FileRefused
from habitue.events.compression import Salvage, read_blocks
from habitue.events.encoding import Text, as_utf8, whole_lines
from habitue.events.json_values import Flaw, JsonObject, parse_json
from habitue.events.object_rows import ObjectRows, WantedColumns
from habitue.events.records import RecordChunk
from habitue.events.records_of_text import MAX_LINE_BYTES

MAX_DOCUMENT_BYTES = 64 << 20  # of a file that is one array
_PIECE_RECORDS = 20_000

# Its number, line and offset, its value, and how the file has it.
_Record = tuple[int, int, int | None, object, bytes]

_LINE_END = re.compile(rb"\n|\r\n?")


def read_json_lines(
    path: Path, *, encoding: str, wanted: WantedColumns, salvage: Salvage | None = None
) -> Iterator[RecordChunk]:
    """Yield the records of a JSON lines file, or of a file that is one array of objects.

    With `salvage` the whole lines of an archive that is cut off are read, and a note says so.

    Raises:
        FileRefused: as `compression.read_blocks`; `array_too_long` for a very large array.
    """
    text = _text(path, encoding, salvage)
    rows = ObjectRows(wanted)
    yield replace(rows.piece(), repairs=text.repairs)
    first = next(text.blocks, b"")
    if first.lstrip()[:1] == b"[" and not _is_array_line(first):
        records = _array_records(path, first, text.blocks)
    else:
        records = _line_records(first, text)
    for record in records:
        rows.add(*record)
        if rows.num_records >= _PIECE_RECORDS:
            yield rows.piece()
    yield replace(rows.piece(), notes=salvage.notes if salvage else ())


def first_objects(path: Path, *, encoding: str, num_objects: int = 200) -> list[JsonObject]:
    """Return the objects among a file's first records, read as far as it needs."""
    blocks = _text(path, encoding, Salvage()).blocks
    first = next(blocks, b"")
    if first.lstrip()[:1] == b"[" and not _is_array_line(first):
        values = _array_of(path, first, blocks)[:num_objects]
    else:
        lines = zip(range(num_objects), _lines(first, blocks, 0), strict=False)
        values = [parse_line(line) for _, (_, _, line) in lines]
    return [value for value in values if isinstance(value, dict)]


def list_paths(path: Path, *, encoding: str) -> list[str]:
    """Return the dotted names under which the first objects hold lists of objects."""
    found: dict[str, None] = {}
    for value in first_objects(path, encoding=encoding):
        _note_lists(value, "", found)
    return list(found)


def _note_lists(value: JsonObject, prefix: str, found: dict[str, None]) -> None:
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


def _text(path: Path, encoding: str, salvage: Salvage | None) -> Text:
    return whole_lines(as_utf8(read_blocks(path, salvage=salvage), encoding, path), salvage)


def _line_records(first: bytes, text: Text) -> Iterator[_Record]:
    lines = _lines(first, text.blocks, text.start)
    for record, (line_number, offset, line) in enumerate(lines, 1):
        at = offset if text.has_offsets else None
        yield record, line_number, at, parse_line(line), line


def _array_records(path: Path, first: bytes, blocks: Iterator[bytes]) -> Iterator[_Record]:
    for record, value in enumerate(_array_of(path, first, blocks), 1):
        yield record, record, None, value, b""


def _array_of(path: Path, first: bytes, blocks: Iterator[bytes]) -> list[object]:
    """Return the entries of a file that is one array."""
    text = first
    for block in blocks:
        text += block
        if len(text) > MAX_DOCUMENT_BYTES:
            raise FileRefused(
                f"{path} is one JSON array of more than {MAX_DOCUMENT_BYTES >> 20} MB.",
                fix="Write one object a line: jq -c '.[]' FILE > FILE.jsonl",
                code="array_too_long",
            )
    values = parse_line(text)
    if isinstance(values, list):
        return values
    why = values.code if isinstance(values, Flaw) else "not_an_array"
    raise FileRefused(
        f"{path} begins as a JSON array and cannot be read as one ({why}).",
        fix="Write one object a line: jq -c '.[]' FILE > FILE.jsonl",
        code="json_array",
    )


def parse_line(text: bytes) -> object:
    """Return what a line holds, or the `Flaw` for which it cannot be read."""
    if len(text) > MAX_LINE_BYTES and text[:1] != b"[":
        return Flaw("line_too_long")
    return Flaw("control_char") if b"\0" in text else parse_json(text)
