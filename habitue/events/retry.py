"""What was set aside, tried again under the settings as they are now.

    quarantine → records again → the stages of an ingest → what is taken leaves the quarantine

In: a store and the settings. Out: a `RetryReport`. Rows that are taken enter the store as if their
file had been ingested by these settings; what is still wrong stays, with its present reason. All
of it or nothing, as an ingest. Knows nothing about formats or what a step of cleaning does.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from habitue.compute import Progress
from habitue.config import Settings, SourceSettings
from habitue.events.ingest import Ingest, Input, storing
from habitue.events.ingest_report import IngestReport
from habitue.events.keys import hash_sum
from habitue.events.manifest import Part, read_manifest, write_part
from habitue.events.quarantine import (
    QUARANTINE_COLUMNS,
    read_quarantine,
    row_keys,
    scan_quarantine,
)
from habitue.events.records import RecordChunk, regrouped
from habitue.events.reread import CannotReread, reread, source_now
from habitue.events.store import EventStore

_FILE: Final = ("ingest", "nth_file", "file", "source")  # one file as one ingest read it
_NOTHING: Final = IngestReport(0, 0, 0, 0, 0, {}, 0, 0, 0.0, 0.0, (), {}, {}, ())
_AGAIN: Final = "ingest the file again to try them."
WHY_NOT_FED: Final[Mapping[str, str]] = {
    "not_kept_whole": f"too long, written by an earlier release, or must not be kept; {_AGAIN}",
    "no_source": "of a source that the settings no longer name; call it as it was called, or "
    f"{_AGAIN}",
    "column_not_kept": "without a column that the source maps now, because it was not read then; "
    f"{_AGAIN}",
}


@dataclass(frozen=True)
class RetryReport:
    """What a retry did, in input records, and what is still set aside, in rows.

    `rows` and `by_reason` count what stands in the quarantine now. `tried` is an ingest's report
    on the records that were fed again; `not_fed` counts the rows that could not be, by why.
    """

    rows: int
    by_reason: Mapping[str, int]
    tried: IngestReport
    not_fed: Mapping[str, int] = field(default_factory=dict)


def retry_quarantine(
    store: EventStore,
    settings: Settings,
    *,
    progress: Progress | None = None,
    now: int | None = None,
) -> RetryReport:
    """Feed what was set aside to the reader and the cleaning steps again.

    Raises:
        SettingsError: a source maps too little.
        Refused: `store_locked`, another process is writing; the store's folder cannot be written.
        Failed: the disk is full or broken; the store is as it was.
    """
    manifest = read_manifest(store.folder)
    if manifest is None or not manifest.of("quarantine"):
        return RetryReport(0, {}, _NOTHING)
    with storing(store):
        parts = store.manifest.of("quarantine")
        files, not_fed = _files(store.folder, parts, settings.sources)
        tried = _NOTHING
        if files:
            tried = Ingest(
                store,
                [file.as_input(store.folder, parts, settings) for file in files],
                settings,
                progress=progress,
                now=now,
                set_aside=_StillBad(store.folder, parts, store.manifest.next_part, files),
                since=min(file.ingest for file in files),
            ).run()
    store.reload()
    by_reason = read_quarantine(store.folder, 1)[1]
    return RetryReport(sum(by_reason.values()), by_reason, tried, dict(not_fed))


@dataclass(frozen=True)
class _File:
    """Rows of one file as one ingest read it, which are fed again."""

    ingest: int
    nth_file: int
    name: str
    source: SourceSettings
    columns: tuple[str, ...]

    def rows(self, scanned: pl.LazyFrame) -> pl.LazyFrame:
        """Return those of the rows that are of this file."""
        return scanned.filter(
            pl.col("ingest") == self.ingest,
            pl.col("nth_file") == self.nth_file,
            pl.col("form").is_not_null(),
            pl.col("columns").is_in(self.columns),
        )

    def as_input(self, folder: Path, parts: Sequence[Part], settings: Settings) -> Input:
        def chunks() -> "Sequence[RecordChunk]":
            rows = self.rows(scan_quarantine(folder, parts)).collect()
            piece = reread(rows, self.source)
            size = settings.store.chunk_rows
            return list(regrouped([piece], self.name, chunk_rows=size, max_bad=1.0))

        return Input(self.name, self.source, chunks)


def _files(
    folder: Path, parts: Sequence[Part], sources: Sequence[SourceSettings]
) -> tuple[list[_File], Counter[str]]:
    """Return the files whose rows are fed again, and how many rows are not, by why."""
    scanned = scan_quarantine(folder, parts)
    is_whole = pl.col("form").is_not_null()
    counts = scanned.group_by(*_FILE, "columns", is_whole.alias("is_whole")).len().collect()
    not_fed: Counter[str] = Counter()
    found: dict[tuple[object, ...], _File] = {}
    order = [*_FILE, "columns"]
    for row in counts.sort(order, nulls_last=True).iter_rows(named=True):
        if not row["is_whole"]:
            not_fed["not_kept_whole"] += row["len"]
            continue
        try:
            source = source_now(row["source"], row["file"], row["columns"], sources)
        except CannotReread as error:
            not_fed[error.why] += row["len"]
            continue
        key = tuple(row[name] for name in _FILE)
        before = found[key].columns if key in found else ()
        found[key] = _File(
            row["ingest"], row["nth_file"], row["file"], source, (*before, row["columns"])
        )
    return list(found.values()), not_fed


class _StillBad:
    """Keeps what is still bad, under its present reason, and what was not fed; lets the rest go."""

    def __init__(
        self, folder: Path, parts: Sequence[Part], number: int, files: Sequence[_File]
    ) -> None:
        self.replaced: Sequence[Part] = parts
        self._folder, self._number, self._files = folder, number, files
        self._verdicts: list[pl.DataFrame] = []

    def add(
        self,
        rejected: pl.DataFrame,
        *,
        file: str,
        nth_file: int,
        source: SourceSettings,
        columns: Mapping[str, pl.DataType],
    ) -> None:
        """Note what is wrong with rows that were fed again; their `_line` is their place."""
        if rejected.is_empty():
            return
        subject = pl.col("subject") if "subject" in rejected.columns else pl.lit(None, pl.String)
        must_go = (pl.col("raw") == "") & ("consent" in source.columns)
        self._verdicts.append(
            rejected.select(
                pl.col("_line").cast(pl.UInt32).alias("_index"),
                pl.col("code").alias("_code"),
                pl.col("field").alias("_field"),
                subject.alias("_subject"),
                must_go.alias("_must_go"),
            )
        )

    def finish(self) -> list[Part]:
        """Write what stays, part by part; parts that stay as they are are not written anew."""
        fed = [file.rows(scan_quarantine(self._folder, self.replaced)) for file in self._files]
        fed_index = pl.concat([rows.select("_index") for rows in fed]).collect()["_index"]
        verdicts = pl.concat(self._verdicts) if self._verdicts else None
        parts: list[Part] = []
        first = 0
        for part in self.replaced:
            rows = scan_quarantine(self._folder, [part]).collect()
            rows = rows.with_columns(pl.col("_index") + first)
            first += part.rows
            kept = _judged(rows, fed_index, verdicts)
            if kept.equals(rows.drop("_index")):
                parts.append(part)
            elif kept.height:
                parts.append(self._written(kept, len(parts)))
        return parts

    def _written(self, rows: pl.DataFrame, nth: int) -> Part:
        content = hash_sum(rows["row_key"].to_numpy())
        number = self._number * 1000 + nth
        return write_part(self._folder, "quarantine", number, rows, content=content)


def _judged(rows: pl.DataFrame, fed: pl.Series, verdicts: pl.DataFrame | None) -> pl.DataFrame:
    """Return the rows that stay: those not fed, and those still bad with their present reason."""
    was_fed = pl.col("_index").is_in(fed.implode())
    if verdicts is None:
        return rows.filter(~was_fed).drop("_index")
    first = verdicts.unique("_index", keep="first", maintain_order=True)
    judged = rows.join(first, on="_index", how="left", maintain_order="left")
    judged = judged.filter(~was_fed | pl.col("_code").is_not_null())
    is_bad, must_go = pl.col("_code").is_not_null(), pl.col("_must_go").fill_null(False)
    judged = judged.with_columns(
        code=pl.when(is_bad).then("_code").otherwise("code"),
        field=pl.when(is_bad).then("_field").otherwise("field"),
        subject=pl.coalesce("_subject", "subject"),
        raw=pl.when(must_go).then(pl.lit("")).otherwise("raw"),
        form=pl.when(~must_go).then("form"),
        bytes=pl.when(~must_go).then("bytes"),
    )
    has_changed = is_bad & (pl.struct("code", "field", "raw") != pl.struct("_was", "_in", "_raw"))
    before = rows.select("_index", _was="code", _in="field", _raw="raw")
    judged = judged.join(before, on="_index", how="left", maintain_order="left")
    judged = judged.with_columns(
        row_key=pl.when(has_changed).then(_new_keys(judged)).otherwise("row_key")
    )
    return judged.select(*QUARANTINE_COLUMNS)


def _new_keys(rows: pl.DataFrame) -> pl.Series:
    return row_keys(rows)
