"""What was set aside, where it stood, and why.

Nothing is dropped silently: each row that could not be parsed or broke a rule is kept with file,
line, byte offset, code, field and as it was. Knows nothing about how the rows were judged.
"""

from pathlib import Path
from typing import Final

import polars as pl

from habitue.events.batch import REASONS
from habitue.events.keys import hash_sum, row_hashes
from habitue.events.manifest import Manifest, Part, check_part, read_manifest, write_part

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
}
_KEY_COLUMNS: Final = ("source", "line", "code", "field", "raw")
_SHOWN: Final = ("file", "line", "offset", "code", "field", "raw")
_MEMORY_BYTES: Final = 64 << 20


def read_quarantine(folder: Path, limit: int = 20) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the first `limit` rows set aside in the store `folder`, and all rows by reason.

    Columns: `file, line, offset, code, field, raw`. The most frequent reason comes first.
    """
    manifest = read_manifest(folder)
    parts = manifest.of("quarantine") if manifest else ()
    if not parts:
        return pl.DataFrame(schema={name: QUARANTINE_COLUMNS[name] for name in _SHOWN}), {}
    rows = pl.scan_parquet([check_part(folder, part) for part in parts])
    counts = rows.group_by("code").len().sort(["len", "code"], descending=[True, False]).collect()
    return rows.select(_SHOWN).head(limit).collect(), dict(counts.iter_rows())


def reason_text(code: str) -> str:
    """Return in words what a cleaning code means; a reader's code explains itself.

    >>> reason_text("no_subject")
    'no user, anonymous or session id says who did it'
    """
    return REASONS.get(code, code.replace("_", " "))


class QuarantineWriter:
    """Gathers what one ingest sets aside; what an earlier one set aside already is left out."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self._folder = folder
        self._number = manifest.next_part
        self._stored = manifest.of("quarantine")
        self._seen: pl.Series | None = None
        self._waiting: list[pl.DataFrame] = []
        self._num_waiting_bytes = 0
        self._parts: list[Part] = []

    def add(self, rejected: pl.DataFrame, *, file: str, source: str) -> None:
        """Set rows aside; they have the columns that readers and cleaning give."""
        if rejected.is_empty():
            return
        names = {"_record": "record", "_line": "line", "_offset": "offset"}
        rows = rejected.rename(names).with_columns(file=pl.lit(file), source=pl.lit(source))
        if "subject" not in rows.columns:
            rows = rows.with_columns(subject=pl.lit(None, dtype=pl.String))
        rows = rows.with_columns(row_key=pl.Series(row_hashes(rows, _KEY_COLUMNS)))
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
        number = self._number * 1000 + len(self._parts)
        content = hash_sum(rows["row_key"].to_numpy())
        self._parts.append(write_part(self._folder, "quarantine", number, rows, content=content))

    def _known_keys(self) -> pl.Series:
        if self._seen is None:
            paths = [check_part(self._folder, part) for part in self._stored]
            keys = [pl.read_parquet(path, columns=["row_key"])["row_key"] for path in paths]
            self._seen = pl.concat([pl.Series("row_key", dtype=pl.UInt64), *keys])
        return self._seen
