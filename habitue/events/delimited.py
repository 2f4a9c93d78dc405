"""CSV and its relatives, block by block, every column as text.

In: UTF-8 blocks of a file and how its columns are delimited. Out: pieces of records with their
positions, and the records that could not be parsed. A block whose every record can be vouched for
goes to Polars in one piece; any other is taken apart record by record, so that one broken line
costs that line alone. Knows nothing about fields or cleaning.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from habitue.errors import FileRefused
from habitue.events.compression import read_blocks
from habitue.events.encoding import as_utf8
from habitue.events.records import POSITION_COLUMNS, RecordChunk, Rejection, rejected_frame
from habitue.events.records_of_text import (
    MAX_LINE_BYTES,
    CarefulCutter,
    TextRecord,
    split_record,
)

MAX_FIELD_BYTES = 128 << 10
WHITESPACE = "whitespace"

_QUOTE, _NEWLINE, _RETURN = b'"'[0], b"\n"[0], b"\r"[0]
_UNIT_SEPARATOR = "\x1f"
_QUOTE_MARK = "\x1e"  # stands for a quote on its way through a file whose quotes enclose nothing
_BLANKS = re.compile(rb"[ \t]+")
_EDGE_BLANKS = re.compile(rb"(?m)^ | (?=\r?$)")


def delimited_blocks(path: Path, delimiter: str, encoding: str) -> tuple[Iterator[bytes], int]:
    """Return the file's text with a delimiter of one byte, and the bytes of a mark taken off.

    The second value is -1 where byte offsets of the original are lost on the way.
    """
    blocks, mark = as_utf8(read_blocks(path), encoding, path)
    if len(delimiter.encode()) == 1:
        return blocks, mark
    return _narrowed(blocks, delimiter), -1


def one_byte(delimiter: str) -> str:
    """Return the delimiter that the blocks of `delimited_blocks` have."""
    if delimiter == WHITESPACE:
        return " "
    return delimiter if len(delimiter.encode()) == 1 else _UNIT_SEPARATOR


def read_header(path: Path, delimiter: str, encoding: str) -> list[str]:
    """Return the fields of the first record; an empty list where there is none."""
    blocks, _ = delimited_blocks(path, delimiter, encoding)
    fields, _, _ = _first_record(blocks, path, one_byte(delimiter))
    return fields


def read_delimited(
    path: Path,
    *,
    delimiter: str,
    encoding: str,
    names: list[str],
    has_header: bool,
    quoting: bool = True,
) -> Iterator[RecordChunk]:
    """Yield the records of a delimited file; a header is skipped, `names` name the columns.

    Without `quoting` a quote is a letter like any other.

    Raises:
        FileRefused: as `compression.read_blocks` and `encoding.as_utf8`.
    """
    blocks, mark = delimited_blocks(path, delimiter, encoding)
    if quoting:
        yield from _read_blocks(path, blocks, mark, delimiter, names, has_header=has_header)
        return
    blocks = (block.replace(b'"', _QUOTE_MARK.encode()) for block in blocks)
    pieces = _read_blocks(path, blocks, mark, delimiter, names, has_header=has_header)
    yield from map(_with_quotes, pieces)


def read_lines(
    lines: Sequence[bytes],
    places: pl.DataFrame,
    *,
    delimiter: str,
    names: list[str],
    quoting: bool,
) -> RecordChunk:
    """Return records from their own lines, each cut for itself.

    `places` has `_record`, `_line` and `_offset` of each. A delimiter of several bytes must have
    been narrowed to `one_byte`.
    """
    mark = one_byte(delimiter)
    good: list[bytes] = []
    taken: list[int] = []
    rejections: list[Rejection] = []
    for row, (line, place) in enumerate(zip(lines, places.iter_rows(), strict=True)):
        text = line if quoting else line.replace(b'"', _QUOTE_MARK.encode())
        found = CarefulCutter(len(names), mark).cut(text + b"\n", is_last=True)
        good += found.good
        taken += [row] * len(found.good)
        record, number, offset = place
        rejections += [
            Rejection(record, number, offset, bad.code, "", bad.raw) for bad in found.rejected
        ]
    reader = _BlockReader(names, mark, has_offsets=True)
    rows = np.array(taken, np.int64)
    frame = reader.frame(b"\n".join([*good, b""]) if good else b"", rows, rows, rows)
    frame = frame.with_columns(places[rows].cast(pl.Schema(POSITION_COLUMNS)))
    chunk = RecordChunk(frame, rejected_frame(rejections))
    return chunk if quoting else _with_quotes(chunk)


def _with_quotes(piece: RecordChunk) -> RecordChunk:
    texts = pl.col(pl.String).str.replace_all(_QUOTE_MARK, '"', literal=True)
    rejected = piece.rejected.with_columns(texts)
    if rejected["bytes"].null_count() < rejected.height:
        held = [
            None if line is None else line.replace(_QUOTE_MARK.encode(), b'"')
            for line in rejected["bytes"]
        ]
        rejected = rejected.with_columns(bytes=pl.Series(held, dtype=pl.Binary))
    return RecordChunk(piece.frame.with_columns(texts), rejected)


def _read_blocks(
    path: Path,
    blocks: Iterator[bytes],
    mark: int,
    delimiter: str,
    names: list[str],
    *,
    has_header: bool,
) -> Iterator[RecordChunk]:
    reader = _BlockReader(names, one_byte(delimiter), has_offsets=mark >= 0)
    reader.offset = max(mark, 0)
    buffer = b""
    if has_header:
        _, buffer, (num_bytes, num_lines) = _first_record(blocks, path, one_byte(delimiter))
        reader.offset += num_bytes
        reader.line += num_lines
    yield RecordChunk(reader.empty_frame(), rejected_frame([]))
    for block in blocks:
        buffer += block
        yield from _cut(reader, buffer, is_last=False)
        buffer = reader.rest
    while buffer:
        yield from _cut(reader, buffer, is_last=True)
        buffer = reader.rest


def _cut(reader: "_BlockReader", buffer: bytes, *, is_last: bool) -> Iterator[RecordChunk]:
    chunk = reader.cut(buffer, is_last=is_last)
    if chunk is not None:
        yield chunk


def _first_record(
    blocks: Iterator[bytes], path: Path, delimiter: str
) -> tuple[list[str], bytes, tuple[int, int]]:
    """Return the first record's fields, the bytes after it, and how many bytes and lines it took.

    Raises:
        FileRefused: it is longer than any line may be, or is not text.
    """
    buffer = b""
    for block in blocks:
        buffer += block
        start, record = _record_after_blanks(buffer, delimiter)
        if record.fields is not None and record.next_start < len(buffer):
            break
        if len(buffer) > 2 * MAX_LINE_BYTES:
            break
    else:
        buffer += b"\n"
        start, record = _record_after_blanks(buffer, delimiter)
    if not record.fields:
        return [], b"", (len(buffer), 0)
    try:
        fields = [field.decode("utf-8") for field in record.fields]
    except UnicodeDecodeError:
        raise FileRefused(
            f"{path} is not UTF-8 text: its first row, from byte {start} on, cannot be decoded.",
            fix='Name its encoding in the source\'s settings, such as encoding = "gb18030" or '
            '"cp1252"; `habitue init --from FILE` finds it out.',
            code="not_utf8",
        ) from None
    num_lines = len(re.findall(rb"\r\n|\n|\r", buffer[: record.next_start]))
    return fields, buffer[record.next_start :], (record.next_start, num_lines)


def _record_after_blanks(buffer: bytes, delimiter: str) -> tuple[int, TextRecord]:
    blank = re.match(rb"[\r\n]*", buffer)
    start = blank.end() if blank else 0
    return start, split_record(buffer, start, delimiter)


def _narrowed(blocks: Iterator[bytes], delimiter: str) -> Iterator[bytes]:
    """Give text with a delimiter of several bytes, or of any run of blanks, one of one byte."""
    rest = b""
    for block in blocks:
        text = rest + block
        end = max(text.rfind(b"\n"), text.rfind(b"\r"))
        rest = text[end + 1 :]
        if end >= 0:
            yield _narrow(text[: end + 1], delimiter)
    if rest:
        yield _narrow(rest, delimiter)


def _narrow(text: bytes, delimiter: str) -> bytes:
    if delimiter == WHITESPACE:
        return _EDGE_BLANKS.sub(b"", _BLANKS.sub(b" ", text))
    return text.replace(delimiter.encode(), _UNIT_SEPARATOR.encode())


class _BlockReader:
    """Cuts blocks into records and counts records, lines and bytes from block to block."""

    def __init__(self, names: list[str], delimiter: str, *, has_offsets: bool) -> None:
        self.names = names
        self.delimiter = delimiter
        self.has_offsets = has_offsets
        self.record = 1
        self.line = 1
        self.offset = 0
        self.rest = b""
        self._careful = CarefulCutter(len(names), delimiter)

    def empty_frame(self) -> pl.DataFrame:
        return self.frame(b"", np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64))

    def cut(self, buffer: bytes, *, is_last: bool) -> RecordChunk | None:
        """Return the buffer's whole records; what follows them is kept in `rest`."""
        if is_last and buffer and not buffer.endswith(b"\n"):
            buffer += b"\n"
        self.rest = b""
        if not buffer:
            return None
        if not self._careful.is_skipping:
            chunk = self._cut_vouched(buffer)
            if chunk is not None:
                return chunk
        return self._cut_carefully(buffer, is_last=is_last)

    def _cut_vouched(self, buffer: bytes) -> RecordChunk | None:
        starts_end = vouched_starts(buffer, len(self.names), self.delimiter)
        if starts_end is None:
            return None
        starts, end = starts_end
        text = buffer[:end]
        lines, num_lines = _line_numbers(text, starts)
        try:
            frame = self.frame(
                text, np.arange(len(starts)) + self.record, lines + self.line, starts + self.offset
            )
        except (pl.exceptions.PolarsError, ValueError):
            return None
        self.rest = buffer[end:]
        self._advance(len(starts), num_lines, end)
        return RecordChunk(frame, rejected_frame([]))

    def _cut_carefully(self, buffer: bytes, *, is_last: bool) -> RecordChunk:
        found = self._careful.cut(buffer, is_last=is_last)
        records = np.array(found.records, np.int64) + self.record
        lines = np.array(found.lines, np.int64) + self.line
        offsets = np.array(found.offsets, np.int64) + self.offset
        frame = self.frame(found.text, records, lines, offsets)
        rejections = [
            Rejection(
                self.record + bad.record,
                self.line + bad.line,
                self.offset + bad.offset if self.has_offsets else None,
                bad.code,
                "",
                bad.raw,
            )
            for bad in found.rejected
        ]
        self.rest = buffer[found.end :]
        self._advance(found.num_records, found.num_lines, found.end)
        return RecordChunk(frame, rejected_frame(rejections))

    def _advance(self, num_records: int, num_lines: int, num_bytes: int) -> None:
        self.record += num_records
        self.line += num_lines
        self.offset += num_bytes

    def frame(
        self, text: bytes, records: np.ndarray, lines: np.ndarray, offsets: np.ndarray
    ) -> pl.DataFrame:
        """Return well-formed text as a frame, with where its records stand."""
        if text:
            frame = pl.read_csv(
                text,
                has_header=False,
                new_columns=self.names,
                separator=self.delimiter,
                infer_schema=False,
                quote_char='"' if b'"' in text else None,
                null_values=[""],
            )
        else:
            frame = pl.DataFrame(schema=dict.fromkeys(self.names, pl.String()))
        if frame.height != len(records):
            raise ValueError(f"{frame.height} rows where {len(records)} records were cut")
        positions = [
            pl.Series("_record", records, dtype=pl.UInt64),
            pl.Series("_line", lines, dtype=pl.UInt64),
            pl.Series("_offset", offsets if self.has_offsets else [None] * len(records), pl.UInt64),
        ]
        return frame.with_columns(positions)


def vouched_starts(
    buffer: bytes, num_columns: int, delimiter: str
) -> tuple[np.ndarray, int] | None:
    """Return where each whole record of `buffer` starts, and where the last one ends.

    None where anything is out of the ordinary: a quote that neither opens nor closes a field, a
    record of another number of columns, a blank line, a lone carriage return, a NUL, a very long
    record. All looks are vectorised; this is what makes reading fast.
    """
    if b"\0" in buffer or buffer.count(b"\r") != buffer.count(b"\r\n"):
        return None
    cells = np.frombuffer(buffer, np.uint8)
    separator = delimiter.encode()[0]
    marks = np.flatnonzero((cells == separator) | (cells == _NEWLINE))
    quotes = np.flatnonzero(cells == _QUOTE) if b'"' in buffer else np.empty(0, np.int64)
    if quotes.size:
        marks = marks[np.searchsorted(quotes, marks) % 2 == 0]
    newlines = marks[cells[marks] == _NEWLINE]
    if not newlines.size or newlines.size * num_columns > marks.size:
        return None
    end = int(newlines[-1]) + 1
    grid = cells[marks[: newlines.size * num_columns]].reshape(-1, num_columns)
    if marks[newlines.size * num_columns - 1] != end - 1 or not (grid[:, -1] == _NEWLINE).all():
        return None
    starts = np.concatenate([[0], newlines[:-1] + 1])
    if (newlines - starts).max() > MAX_FIELD_BYTES:
        return None
    if quotes.size and not _quotes_are_regular(cells, quotes[quotes < end], separator):
        return None
    if num_columns == 1 and (newlines == starts).any():
        return None
    return starts, end


def _quotes_are_regular(cells: np.ndarray, quotes: np.ndarray, separator: int) -> bool:
    """Whether quotes only open fields, close them, or stand doubled within them."""
    if quotes.size % 2:
        return False
    opening, closing = quotes[0::2], quotes[1::2]
    before = np.where(opening > 0, cells[opening - 1], _NEWLINE)
    after = cells[closing + 1]
    is_doubled = opening[1:] == closing[:-1] + 1
    opens = (before == separator) | (before == _NEWLINE)
    closes = (after == separator) | (after == _NEWLINE) | (after == _RETURN)
    opens[1:] |= is_doubled
    closes[:-1] |= is_doubled
    return bool(opens.all() and closes.all())


def _line_numbers(text: bytes, starts: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the line of each record's start, counted from 0, and the number of lines."""
    num_lines = text.count(b"\n")
    if num_lines == len(starts):
        return np.arange(num_lines), num_lines
    newlines = np.flatnonzero(np.frombuffer(text, np.uint8) == _NEWLINE)
    return np.searchsorted(newlines, starts), num_lines
