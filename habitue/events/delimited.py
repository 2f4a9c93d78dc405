"""CSV and its relatives, block by block, every column as text.

In: UTF-8 blocks of a file and how its columns are delimited. Out: pieces of records with their
positions, and the records that could not be parsed. A block whose every record can be vouched for
goes to Polars in one piece; any other is taken apart record by record, so that one broken line
costs that line alone. Knows nothing about fields or cleaning.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from habitue.events.compression import Salvage, read_blocks
from habitue.events.encoding import Text, as_utf8, undecodable, whole_lines
from habitue.events.records import POSITION_COLUMNS, RecordChunk, Rejection, rejected_frame
from habitue.events.records_of_text import (
    MAX_LINE_BYTES,
    MIN_SWALLOWED,
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


def delimited_text(
    path: Path, delimiter: str, encoding: str, salvage: Salvage | None = None
) -> Text:
    """Return the file's text with a delimiter of one byte."""
    text = whole_lines(as_utf8(read_blocks(path, salvage=salvage), encoding, path), salvage)
    if len(delimiter.encode()) == 1:
        return text
    return text.changed(lambda blocks: _narrowed(blocks, delimiter))


def one_byte(delimiter: str) -> str:
    """Return the delimiter that the blocks of `delimited_blocks` have."""
    if delimiter == WHITESPACE:
        return " "
    return delimiter if len(delimiter.encode()) == 1 else _UNIT_SEPARATOR


def read_header(path: Path, delimiter: str, encoding: str) -> list[str]:
    """Return the fields of the first record; an empty list where there is none.

    Raises:
        FileRefused: as `read_delimited`; `not_utf8`, it cannot be decoded.
    """
    salvage = Salvage()  # a header may well be whole where its file is cut off
    text = delimited_text(path, delimiter, encoding, salvage)
    fields, _, _ = _first_record(text.blocks, one_byte(delimiter))
    if salvage.refusal and not fields:
        raise salvage.refusal
    try:
        return [field.decode("utf-8") for field in fields]
    except UnicodeDecodeError:
        refusal = undecodable(read_blocks(path, salvage=Salvage()), encoding, path)
        assert refusal is not None
        raise refusal from None


def read_delimited(
    path: Path,
    *,
    delimiter: str,
    encoding: str,
    names: list[str],
    has_header: bool,
    quoting: bool = True,
    salvage: Salvage | None = None,
) -> Iterator[RecordChunk]:
    """Yield the records of a delimited file; a header is skipped, `names` name the columns.

    Without `quoting` a quote is a letter like any other. With `salvage` the whole lines of an
    archive that is cut off are read, and a note says so.

    Raises:
        FileRefused: as `compression.read_blocks` and `encoding.as_utf8`.
    """
    text = delimited_text(path, delimiter, encoding, salvage)
    if quoting:
        yield from _read_text(text, one_byte(delimiter), names, has_header=has_header)
    else:
        mark = _QUOTE_MARK.encode()
        text = replace(text, blocks=(block.replace(b'"', mark) for block in text.blocks))
        pieces = _read_text(text, one_byte(delimiter), names, has_header=has_header)
        yield from map(_with_quotes, pieces)
    if salvage is not None:
        yield RecordChunk(empty_frame(names), rejected_frame([]), notes=salvage.notes)


def empty_frame(names: list[str]) -> pl.DataFrame:
    """Return the columns of a file without a row."""
    return pl.DataFrame(schema={**dict.fromkeys(names, pl.String()), **POSITION_COLUMNS})


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
    frame, rejected = piece.frame.with_columns(texts), piece.rejected.with_columns(texts)
    if rejected["bytes"].null_count() < rejected.height:
        held = [
            None if line is None else line.replace(_QUOTE_MARK.encode(), b'"')
            for line in rejected["bytes"]
        ]
        rejected = rejected.with_columns(bytes=pl.Series(held, dtype=pl.Binary))
    return replace(piece, frame=frame, rejected=rejected)


def _read_text(
    text: Text, delimiter: str, names: list[str], *, has_header: bool
) -> Iterator[RecordChunk]:
    reader = _BlockReader(names, delimiter, has_offsets=text.has_offsets)
    reader.offset = text.start
    buffer = b""
    if has_header:
        _, buffer, (num_bytes, num_lines) = _first_record(text.blocks, delimiter)
        reader.offset += num_bytes
        reader.line += num_lines
    yield RecordChunk(empty_frame(names), rejected_frame([]), text.repairs)
    for block in text.blocks:
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
    blocks: Iterator[bytes], delimiter: str
) -> tuple[list[bytes], bytes, tuple[int, int]]:
    """Return the first record's fields, the bytes after it, and how many bytes and lines it took.

    Without a record, or where it is longer than any line may be, there are no fields.
    """
    buffer = b""
    for block in blocks:
        buffer += block
        record = _record_after_blanks(buffer, delimiter)
        if record.fields is not None and record.next_start < len(buffer):
            break
        if len(buffer) > 2 * MAX_LINE_BYTES:
            break
    else:
        buffer += b"\n"
        record = _record_after_blanks(buffer, delimiter)
    if not record.fields:
        return [], b"", (len(buffer), 0)
    num_lines = len(re.findall(rb"\r\n|\n|\r", buffer[: record.next_start]))
    return record.fields, buffer[record.next_start :], (record.next_start, num_lines)


def _record_after_blanks(buffer: bytes, delimiter: str) -> TextRecord:
    blank = re.match(rb"[\r\n]*", buffer)
    return split_record(buffer, blank.end() if blank else 0, delimiter)


def _narrowed(blocks: Iterator[bytes], delimiter: str) -> Iterator[bytes]:
    """Give text with a delimiter of several bytes, or of any run of blanks, one of one byte."""
    rest = b""
    for block in blocks:
        text = rest + block
        end = max(text.rfind(b"\n"), text.rfind(b"\r")) + 1
        if len(text) - end > 2 * MAX_LINE_BYTES:
            end = len(text)
        rest = text[end:]
        if end:
            yield _narrow(text[:end], delimiter)
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
        quote = np.searchsorted(quotes, marks)
        is_quoted = quote % 2 == 1
        if _may_swallow(cells[marks[is_quoted]], quote[is_quoted], num_columns):
            return None
        marks = marks[~is_quoted]
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


def _may_swallow(marks: np.ndarray, quote: np.ndarray, num_columns: int) -> bool:
    """Whether a line that could be a record lies within quotes, one of which was never closed.

    `marks` are the delimiters and line ends within quotes, `quote` says within which.
    """
    newlines = np.flatnonzero(marks == _NEWLINE)
    if num_columns < MIN_SWALLOWED or newlines.size < 2:
        return False
    num_separators = np.diff(newlines) - 1
    is_same = quote[newlines[1:]] == quote[newlines[:-1]]
    return bool((is_same & (num_separators == num_columns - 1)).any())


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
