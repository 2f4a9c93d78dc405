"""What every reader hands on: chunks of records, and what could not be parsed.

In: the pieces a reader made, of any size. Out: chunks of the size asked for, in the file's order,
and a refusal where too large a part of the file could not be parsed. Knows nothing about formats,
fields or cleaning.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import polars as pl

from habitue.errors import FileRefused

RAW_CHARACTERS = 2_000  # of a rejected record, where it is shown or too long to be kept whole

POSITION_COLUMNS: dict[str, pl.DataType] = {
    "_record": pl.UInt64(),
    "_line": pl.UInt64(),
    "_offset": pl.UInt64(),
}
REJECTED_COLUMNS: dict[str, pl.DataType] = {
    **POSITION_COLUMNS,
    "code": pl.String(),
    "field": pl.String(),
    "raw": pl.String(),
    "form": pl.String(),
    "bytes": pl.Binary(),
}

# A column that rejected rows may have beside: by what the quarantine knows them, where that is not
# `raw`.
KNOWN_BY = "known_by"

# What the raw text of a rejected record is, so that it can be read again.
Form = Literal["cells", "line", "object"]  # cells as JSON, delimited text, a JSON document

# What a reader's own codes mean.
_READER_REASONS: Final = {
    "unclosed_quote": "a quote that is never closed",
    "text_after_quote": "text after a closing quote",
    "field_too_long": "a field of more than 128 kB",
    "line_too_long": "a line of more than 1 MB",
    "not_utf8": "no text in the encoding of its source",
    "bad_unicode": "half of a character, which no text can hold",
    "control_char": "a control character",
    "json_syntax": "no valid JSON",
    "not_a_number": "a number that is infinite or none",
    "not_an_object": "no JSON object",
    "not_an_array": "no JSON array",
    "too_deep": "nested too deeply",
    "too_many_keys": "too many keys or entries",
    "duplicate_key": "the same key twice",
    "schema_drift": "a mapped column has another name from here on",
}
_COLUMNS: Final = re.compile(r"columns (\d+)!=(\d+)")

_TOO_LONG = ("line_too_long", "field_too_long")  # no setting lets these in: a beginning is enough

# Records that were parsed and then broke a rule: they never sink a file.
RULE_CODES = frozenset({"type", "number_range", "schema_drift"})


@dataclass(frozen=True)
class RecordChunk:
    """Some records of a file.

    `frame` has the file's own columns by the file's own names, and `_record` (from 1), `_line`
    (the record's first line; in Parquet its number) and `_offset` (byte in the unpacked file, or
    null). `rejected` has the same three, `code`, `field`, `raw`, its `form`, and `bytes` where the
    raw text cannot hold what the file has. `repairs` and `notes` tell of the file as a whole: what
    was mended, and what its reader should know.
    """

    frame: pl.DataFrame
    rejected: pl.DataFrame
    repairs: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rejection:
    """One record that could not be parsed, and why.

    Bytes that are no UTF-8 stand in `raw` as Python's `surrogateescape` writes them.
    """

    record: int
    line: int
    offset: int | None
    code: str
    field: str
    raw: str
    form: Form = "line"


def reader_reason(code: str) -> str:
    """Return in words why a reader set a record aside.

    >>> reader_reason("columns 3!=21")
    'a line with 3 fields where its file has 21'
    """
    if found := _COLUMNS.fullmatch(code):
        fields = "1 field" if found[1] == "1" else f"{found[1]} fields"
        return f"a line with {fields} where its file has {found[2]}"
    return _READER_REASONS.get(code, code.replace("_", " "))


def rejected_frame(rejections: Iterable[Rejection]) -> pl.DataFrame:
    """Return the rejections as a table with the columns of `REJECTED_COLUMNS`."""
    rows = [(r.record, r.line, r.offset, r.code, r.field, *_kept(r)) for r in rejections]
    return pl.DataFrame(rows, schema=REJECTED_COLUMNS, orient="row")


def _kept(rejection: Rejection) -> tuple[str, Form | None, bytes | None]:
    """Return what is kept of a record: its raw text, the text's form, and the bytes behind it.

    No form: the text is not all that the file has.
    """
    raw, form = rejection.raw, rejection.form
    if rejection.code in _TOO_LONG:
        return storable(raw[:RAW_CHARACTERS]), None, None
    if storable(raw) == raw:
        return raw, form, None
    try:
        as_it_was = raw.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return storable(raw), None, None
    return as_it_was.decode("utf-8", "replace"), form, as_it_was


def storable(text: str) -> str:
    """Return `text` with what UTF-8 cannot hold (lone surrogates) shown as a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")


def regrouped(
    pieces: Iterable[RecordChunk], path: object, *, chunk_rows: int, max_bad: float
) -> Iterator[RecordChunk]:
    """Yield the pieces' records in chunks of `chunk_rows`.

    Raises:
        FileRefused: at the end, where more than the share `max_bad` could not be parsed:
            `too_many_bad_lines`, or `not_utf8` where most of those could not be decoded. One bad
            line alone sinks no file that has good ones, for a short file's last line may be cut
            off.
    """
    waiting: list[RecordChunk] = []
    num_waiting = 0
    tally = _Tally()
    for piece in pieces:
        tally.add(piece)
        waiting.append(piece)
        num_waiting += piece.frame.height + piece.rejected.height
        if num_waiting >= chunk_rows:
            yield from _sliced(_joined(waiting), chunk_rows)
            waiting, num_waiting = [], 0
    if waiting:
        yield from _sliced(_joined(waiting), chunk_rows)
    tally.check(path, max_bad)


class _Tally:
    """How many records were good and bad, and the first bad ones."""

    def __init__(self) -> None:
        self.num_good = 0
        self.num_bad = 0
        self.num_not_utf8 = 0
        self.first: list[tuple[str, int]] = []

    def add(self, piece: RecordChunk) -> None:
        self.num_good += _num_records(piece.frame["_record"])
        if not piece.rejected.height:
            return
        broke_rule = pl.col("code").is_in(RULE_CODES)
        bad = piece.rejected.filter(~broke_rule)
        self.num_good += _num_records(piece.rejected.filter(broke_rule)["_record"])
        self.num_bad += bad.height
        self.num_not_utf8 += int((bad["code"] == "not_utf8").sum())
        if len(self.first) < 3:
            head = bad.head(3 - len(self.first))
            self.first += list(head.select("code", "_line").iter_rows())

    def check(self, path: object, max_bad: float) -> None:
        allowed = max_bad * (self.num_good + self.num_bad)
        if max_bad > 0 and self.num_good > 0:
            allowed = max(allowed, 1)
        if self.num_bad <= allowed:
            return
        is_encoding = self.num_not_utf8 * 2 > self.num_bad
        shown = "; ".join(f"line {line}: {reader_reason(code)}" for code, line in self.first)
        raise FileRefused(
            f"{self.num_bad} of {self.num_good + self.num_bad} lines of {path} cannot be parsed, "
            f"more than the allowed share of {max_bad:g} ({shown}).",
            fix="Check format, delimiter, encoding and header of its source in habitue.toml, "
            "or allow more with cleaning.max_bad.",
            code="not_utf8" if is_encoding else "too_many_bad_lines",
        )


def _num_records(records: pl.Series) -> int:
    """Return how many records the rows are of; the rows of one follow each other."""
    return int((records != records.shift(1)).sum()) + 1 if records.len() else 0


def _joined(pieces: list[RecordChunk]) -> RecordChunk:
    if len(pieces) == 1:
        return pieces[0]
    repairs: Counter[str] = Counter()
    for piece in pieces:
        repairs.update(piece.repairs)
    return RecordChunk(
        pl.concat([piece.frame for piece in pieces], how="diagonal"),
        pl.concat([piece.rejected for piece in pieces]),
        repairs,
        tuple(note for piece in pieces for note in piece.notes),
    )


def _sliced(chunk: RecordChunk, chunk_rows: int) -> Iterator[RecordChunk]:
    """Cut a large chunk by record number, so that a record's rows stay together."""
    frame, rejected = chunk.frame, chunk.rejected
    if frame.height <= chunk_rows + chunk_rows // 2:
        yield chunk
        return
    records = frame["_record"]
    start = 0
    while start < frame.height:
        end = min(start + chunk_rows, frame.height)
        while end < frame.height and records[end] == records[end - 1]:
            end += 1
        last = records[end - 1] if end < frame.height else None
        within = pl.lit(True) if last is None else pl.col("_record") <= last
        yield replace(chunk, frame=frame[start:end], rejected=rejected.filter(within))
        chunk = RecordChunk(frame, rejected)  # what is told of the file is told once
        rejected = rejected.filter(~within)
        start = end
