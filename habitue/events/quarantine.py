"""What was set aside, where it stood, and why.

Nothing is dropped silently: each row that could not be parsed or broke a rule is kept with file,
line, byte offset, code, field and as it was, so that it can be read again. Knows nothing about how
the rows were judged.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import polars as pl

from habitue.config import SourceSettings
from habitue.events.bad_values import bad_value
from habitue.events.batch import REASONS
from habitue.events.encoding import is_utf8
from habitue.events.keys import hash_sum, mixed, row_hashes
from habitue.events.manifest import (
    Manifest,
    Part,
    check_part,
    packed_part,
    read_manifest,
    write_part,
)
from habitue.events.records import KNOWN_BY, POSITION_COLUMNS, RAW_CHARACTERS, reader_reason

QUARANTINE_COLUMNS: Final[dict[str, pl.DataType]] = {
    "file": pl.String(),
    "source": pl.String(),
    "record": pl.UInt64(),
    "line": pl.UInt64(),
    "offset": pl.UInt64(),
    "code": pl.String(),
    "field": pl.String(),
    "subject": pl.String(),  # the outside id where it could be read, so that it can be erased
    "raw": pl.String(),
    "row_key": pl.UInt64(),
    "form": pl.String(),  # see `records.Form`; null where `raw` is not all that there was
    "bytes": pl.Binary(),  # what the file has where that is no text
    "columns": pl.String(),  # of the file as it was read, with their types, as JSON
    "ingest": pl.UInt32(),
    "nth_file": pl.UInt32(),  # of that ingest
}
_KEY_COLUMNS: Final = ("source", "line", "code", "field", "raw")
_SHOWN: Final = ("file", "line", "offset", "code", "field", "raw")
_MEMORY_BYTES: Final = 64 << 20
# A longer row is cut where it is kept, and cannot be read again.
MAX_RAW_BYTES: Final = 2 << 20
_NTH: Final = np.uint64(0xD6E8FEB86659FD93)


@dataclass(frozen=True)
class Origin:
    """The file that rows come from, as one ingest read it."""

    file: str
    nth_file: int  # of that ingest
    source: SourceSettings
    columns: Mapping[str, pl.DataType]


class SetAside(Protocol):
    """Where an ingest puts what it does not take.

    `replaced` are parts that those of `finish` take the place of.
    """

    replaced: Sequence[Part]

    def add(self, rejected: pl.DataFrame, origin: Origin) -> None:
        """Set rows aside; they have the columns that readers and cleaning give."""

    def finish(self) -> list[Part]:
        """Write what still waits, and return the parts."""


def read_quarantine(
    folder: Path, limit: int = 20, sources: Sequence[SourceSettings] = ()
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the first `limit` rows set aside in the store `folder`, and all rows by reason.

    Columns: `file, line, offset, code, field, value, raw`; the value is that of the field, as far
    as the row and its source say. The most frequent reason comes first.
    """
    manifest = read_manifest(folder)
    rows = scan_quarantine(folder, manifest.of("quarantine") if manifest else ())
    counts = rows.group_by("code").len().sort(["len", "code"], descending=[True, False]).collect()
    shown = rows.select(*_SHOWN, "source").head(limit).collect()
    by_name = {source.name: source for source in sources}
    values = [
        bad_value(raw or "", field or "", by_name.get(name))
        for raw, field, name in shown.select("raw", "field", "source").iter_rows()
    ]
    shown = shown.with_columns(
        pl.col("raw").str.head(RAW_CHARACTERS), value=pl.Series(values, dtype=pl.String)
    )
    return shown.select(*_SHOWN[:-1], "value", "raw"), dict(counts.iter_rows())


def scan_quarantine(folder: Path, parts: Sequence[Part]) -> pl.LazyFrame:
    """Return the rows of these parts, which are checked: `QUARANTINE_COLUMNS`, `_index`.

    Columns that an earlier release did not write are null.
    """
    if not parts:
        return pl.LazyFrame(schema={"_index": pl.UInt32(), **QUARANTINE_COLUMNS})
    return pl.scan_parquet(
        [check_part(folder, part) for part in parts],
        schema=QUARANTINE_COLUMNS,
        missing_columns="insert",
        row_index_name="_index",
    )


def reason_text(code: str) -> str:
    """Return in words what a code of cleaning or of a reader means.

    >>> reason_text("no_subject")
    'no user, anonymous or session id says who did it'
    """
    return REASONS.get(code) or reader_reason(code)


class QuarantineWriter:
    """Gathers what one ingest sets aside; what an earlier one set aside already is left out."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self._folder = folder
        self._number = manifest.next_part
        self._stored = manifest.of("quarantine")
        self.replaced: Sequence[Part] = ()
        self._seen: pl.Series | None = None
        self._waiting: list[pl.DataFrame] = []
        self._num_waiting_bytes = 0
        self._parts: list[Part] = []

    def add(self, rejected: pl.DataFrame, origin: Origin) -> None:
        """Set rows aside; they have the columns that readers and cleaning give."""
        if rejected.is_empty():
            return
        names = {"_record": "record", "_line": "line", "_offset": "offset"}
        rows = rejected.rename(names).with_columns(
            file=pl.lit(origin.file),
            source=pl.lit(origin.source.name),
            columns=pl.lit(_described(origin.columns)),
            ingest=pl.lit(self._number),
            nth_file=pl.lit(origin.nth_file),
        )
        if "subject" not in rows.columns:
            rows = rows.with_columns(subject=pl.lit(None, dtype=pl.String))
        known_by = rows.with_columns(raw=KNOWN_BY) if KNOWN_BY in rows.columns else rows
        rows = _cut(rows, is_utf8(origin.source.encoding)).with_columns(row_key=row_keys(known_by))
        rows = rows.select(pl.col(name).cast(kind) for name, kind in QUARANTINE_COLUMNS.items())
        self._waiting.append(rows)
        self._num_waiting_bytes += int(rows.estimated_size())
        if self._num_waiting_bytes > _MEMORY_BYTES:
            self._write()

    def finish(self) -> list[Part]:
        """Write what still waits, and return the parts."""
        self._write()
        return self._parts

    def _write(self) -> None:
        if not self._waiting:
            return
        rows = pl.concat(self._waiting).unique("row_key", keep="first", maintain_order=True)
        rows = rows.filter(~pl.col("row_key").is_in(self._known_keys().implode()))
        self._waiting, self._num_waiting_bytes = [], 0
        if rows.is_empty():
            return
        self._seen = pl.concat([self._known_keys(), rows["row_key"]])
        nth = len(self._parts)
        self._parts.append(write_rows(self._folder, rows, ingest=self._number, nth=nth))

    def _known_keys(self) -> pl.Series:
        if self._seen is None:
            paths = [check_part(self._folder, part) for part in self._stored]
            keys = [pl.read_parquet(path, columns=["row_key"])["row_key"] for path in paths]
            self._seen = pl.concat([pl.Series("row_key", dtype=pl.UInt64), *keys])
        return self._seen


def write_rows(folder: Path, rows: pl.DataFrame, *, ingest: int, nth: int) -> Part:
    """Write the `nth` part of what an ingest sets aside: rows with `QUARANTINE_COLUMNS`."""
    content = hash_sum(rows["row_key"].to_numpy())
    packed = packed_part("quarantine", ingest * 1000 + nth, rows, content=content)
    return write_part(folder, packed)


def row_keys(rows: pl.DataFrame) -> pl.Series:
    """Return one key a row, by what it is and why it is here; equal rows of a record have theirs.

    All rows of a record must be among `rows`.
    """
    # Of a long row its beginning, as it was kept by earlier releases.
    beginning = rows.with_columns(pl.col("raw").str.head(RAW_CHARACTERS))
    keys = pl.Series(row_hashes(beginning, _KEY_COLUMNS))
    if not keys.is_duplicated().any():
        return keys
    nth = pl.DataFrame({"key": keys}).select(pl.int_range(pl.len()).over("key")).to_series()
    numbered = mixed(keys.to_numpy() + nth.cast(pl.UInt64).to_numpy() * _NTH)
    return pl.Series(np.where(nth.to_numpy() > 0, numbered, keys.to_numpy()))


def _described(columns: Mapping[str, pl.DataType]) -> str:
    kinds = {
        name: str(pl.String() if isinstance(kind, pl.Categorical | pl.Enum) else kind)
        for name, kind in columns.items()
        if name not in POSITION_COLUMNS
    }
    return json.dumps(kinds, ensure_ascii=False)


def _cut(rows: pl.DataFrame, is_utf8: bool) -> pl.DataFrame:
    """Cut what is too long to be kept; what is not all there cannot be read again."""
    is_long = pl.col("raw").str.len_bytes() > MAX_RAW_BYTES
    # Once decoded from something else, bytes that were no text are not those of the file.
    is_lost = pl.col("bytes").is_not_null() & (not is_utf8)
    kept = pl.col("bytes").is_not_null() & ~is_lost & ~is_long
    return rows.with_columns(
        raw=pl.when(is_long).then(pl.col("raw").str.head(RAW_CHARACTERS)).otherwise("raw"),
        form=pl.when(~is_long & ~is_lost).then("form"),
        bytes=pl.when(kept).then("bytes"),
    )
