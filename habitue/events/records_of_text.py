"""Delimited text taken apart record by record, for blocks in which something is wrong.

In: bytes and the number of columns a record must have. Out: the good records as well-formed text,
where each stood, and the bad ones with the reason. After a bad line reading goes on at the next
one: an unclosed quote never swallows the rest of a file. Knows nothing about files or fields.
"""

import re
from dataclasses import dataclass, field, replace

MAX_LINE_BYTES = 1 << 20
MAX_FIELD_BYTES = 128 << 10
MIN_SWALLOWED = 3  # columns; with fewer, any line of a text could be a record
# Flaws that say nothing against where a record of several lines ends.
_OF_WHOLE_RECORDS = ("control_char", "not_utf8")

_LINE_END = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True)
class TextRecord:
    """One record: its fields (None where it is broken, with the reason) and where the next is."""

    fields: list[bytes] | None
    next_start: int
    num_lines: int
    code: str = ""


@dataclass(frozen=True)
class BadRecord:
    """A rejected record; its positions count from the block's start."""

    record: int
    line: int
    offset: int
    code: str
    raw: str


@dataclass
class CutBlock:
    """What a block held; positions count from its start."""

    good: list[bytes] = field(default_factory=list)
    records: list[int] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    rejected: list[BadRecord] = field(default_factory=list)
    num_records: int = 0
    num_lines: int = 0
    end: int = 0

    @property
    def text(self) -> bytes:
        """The good records, well-formed, one after another."""
        return b"\n".join([*self.good, b""]) if self.good else b""

    def accept(self, text: bytes, start: int) -> None:
        """Note a good record that starts at `start`, on the current line."""
        self.good.append(text)
        self.records.append(self.num_records)
        self.lines.append(self.num_lines)
        self.offsets.append(start)
        self.num_records += 1

    def reject(self, code: str, start: int, raw: bytes) -> None:
        """Note a bad record that starts at `start`, on the current line."""
        text = raw.decode("utf-8", "surrogateescape")
        self.rejected.append(BadRecord(self.num_records, self.num_lines, start, code, text))
        self.num_records += 1


class CarefulCutter:
    """Cuts blocks whose records cannot be vouched for."""

    def __init__(self, num_columns: int, delimiter: str) -> None:
        self.num_columns = num_columns
        self.delimiter = delimiter
        self.is_skipping = False  # within an endless line, up to its end

    def cut(self, block: bytes, *, is_last: bool) -> CutBlock:
        """Return the block's records; its `end` is where an unfinished record begins."""
        found = CutBlock()
        if self.is_skipping:
            self._skip_line(block, found)
        while found.end < len(block) and not self.is_skipping:
            start = found.end
            line_end = _LINE_END.search(block, start)
            # A carriage return at the very end may be half of a CRLF.
            is_open = line_end is None or (
                line_end.group() == b"\r" and line_end.end() == len(block)
            )
            if line_end is None or (is_open and not is_last):
                if len(block) - start > MAX_LINE_BYTES:
                    found.reject("line_too_long", start, block[start : start + 8_000])
                    found.end = len(block)
                    self.is_skipping = True
                break
            if not self._cut_record(block, line_end, found, is_last=is_last):
                break
        return found

    def _skip_line(self, block: bytes, found: CutBlock) -> None:
        line_end = _LINE_END.search(block)
        found.end = line_end.end() if line_end else len(block)
        if line_end:
            self.is_skipping = False
            found.num_lines = 1

    def _cut_record(
        self, block: bytes, line_end: "re.Match[bytes]", found: CutBlock, *, is_last: bool
    ) -> bool:
        """Take one record; False where it needs bytes that are still to come."""
        start = found.end
        line = block[start : line_end.start()]
        record = TextRecord(None, line_end.end(), 1)
        text = line
        if not line.strip(b" "):
            found.end, found.num_lines = line_end.end(), found.num_lines + 1
            return True
        if len(line) > MAX_LINE_BYTES:
            code = "line_too_long"
        elif b'"' in line:
            record = split_record(block, start, self.delimiter)
            may_close = not is_last and len(block) - start <= MAX_LINE_BYTES
            # What ends with the block may go on in the next: a quoted field, or half of a CRLF.
            is_at_end = record.next_start == len(block) and not block.endswith(b"\n")
            if may_close and (record.code == "unclosed_quote" or is_at_end):
                return False
            record = self._judged(record, block, start)
            code = record.code
            if record.fields is not None:
                text = _rejoined(record.fields, self.delimiter)
        else:
            code = self._flaw(line.split(self.delimiter.encode()))
        if code:
            found.reject(code, start, block[start : record.next_start].rstrip(b"\r\n"))
        else:
            found.accept(text, start)
        found.end = record.next_start
        found.num_lines += record.num_lines
        return True

    def _judged(self, record: TextRecord, block: bytes, start: int) -> TextRecord:
        """Return the record with what is wrong with it.

        Of several lines that a quote may have swallowed only the first is given up.
        """
        if record.fields is None:
            return record
        code = self._flaw(record.fields)
        if record.num_lines > 1:
            if self._swallows(record.fields):
                return _given_up(block, start, "unclosed_quote")
            if code and code not in _OF_WHOLE_RECORDS:
                return _given_up(block, start, code)
        return replace(record, code=code)

    def _swallows(self, fields: list[bytes]) -> bool:
        """Whether a line within a field could be a record of its own."""
        if self.num_columns < MIN_SWALLOWED:
            return False
        separator, wanted = self.delimiter.encode(), self.num_columns - 1
        return any(
            line.count(separator) == wanted
            for value in fields
            for line in _LINE_END.split(value)[1:-1]
        )

    def _flaw(self, fields: list[bytes]) -> str:
        """Return why a record with these fields is rejected, or an empty text."""
        if len(fields) != self.num_columns:
            return f"columns {len(fields)}!={self.num_columns}"
        for value in fields:
            if b"\0" in value:
                return "control_char"
            if len(value) > MAX_FIELD_BYTES:
                return "field_too_long"
            if not value.isascii():
                try:
                    value.decode("utf-8")
                except UnicodeDecodeError:
                    return "not_utf8"
        return ""


def split_record(block: bytes, start: int, delimiter: str) -> TextRecord:
    """Return the record at `start`, with quoted fields that may span lines.

    A quote within an unquoted field stands for itself (`5" screen`). Where the quoting is broken
    only the first line is given up, so that the next record is looked for right after it.
    """
    separator = delimiter.encode()
    fields: list[bytes] = []
    at = start
    limit = start + MAX_LINE_BYTES
    while True:
        if block[at : at + 1] == b'"':
            value, at = _quoted(block, at + 1, limit)
            if at < 0:
                return _given_up(block, start, "unclosed_quote")
        else:
            at, value = _unquoted(block, at, separator)
        fields.append(value)
        after = block[at : at + 1]
        if after == separator:
            at += 1
        elif after in (b"\n", b"\r", b""):
            end = _LINE_END.match(block, at)
            next_start = end.end() if end else at
            num_lines = len(_LINE_END.findall(block, start, next_start))
            return TextRecord(fields, next_start, max(num_lines, 1))
        else:
            return _given_up(block, start, "text_after_quote")


def _quoted(block: bytes, at: int, limit: int) -> tuple[bytes, int]:
    """Return a quoted field's content and where it ends; -1 where it never does."""
    parts: list[bytes] = []
    while True:
        quote = block.find(b'"', at, limit)
        if quote < 0:
            return b"", -1
        parts.append(block[at:quote])
        if block[quote + 1 : quote + 2] != b'"':
            return b"".join(parts), quote + 1
        parts.append(b'"')
        at = quote + 2


def _unquoted(block: bytes, at: int, separator: bytes) -> tuple[int, bytes]:
    line_end = _LINE_END.search(block, at)
    end = line_end.start() if line_end else len(block)
    found = block.find(separator, at, end)
    stop = found if found >= 0 else end
    return stop, block[at:stop]


def _given_up(block: bytes, start: int, code: str) -> TextRecord:
    line_end = _LINE_END.search(block, start)
    return TextRecord(None, line_end.end() if line_end else len(block), 1, code)


def _rejoined(fields: list[bytes], delimiter: str) -> bytes:
    return delimiter.encode().join(
        b'"' + value.replace(b'"', b'""') + b'"'
        if any(mark in value for mark in (b'"', b"\n", b"\r", delimiter.encode()))
        else value
        for value in fields
    )
