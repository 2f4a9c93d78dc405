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
from habitue.events.manifest import Part, read_manifest
from habitue.events.quarantine import (
    QUARANTINE_COLUMNS,
    Origin,
    read_quarantine,
    row_keys,
    scan_quarantine,
    write_rows,
)
from habitue.events.records import RecordChunk, regrouped
from habitue.events.reread import CannotReread, reread, source_now
from habitue.events.store import EventStore

_KEY: Final = ("ingest", "nth_file")  # one file as one ingest read it
_FILE: Final = (*_KEY, "file", "source")
_VERDICTS: Final[dict[str, pl.DataType]] = {
    "_index": pl.UInt32(),
    "_code": pl.String(),
    "_field": pl.String(),
    "_subject": pl.String(),
    "_must_go": pl.Boolean(),
}
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
        set_aside = _SetAside(store.folder, store.manifest.of("quarantine"))
        files, not_fed = _files(set_aside.counts(), settings.sources)
        tried = _NOTHING
        if files:
            tried = Ingest(
                store,
                [file.as_input(set_aside, settings) for file in files],
                settings,
                progress=progress,
                now=now,
                set_aside=_StillBad(store.folder, set_aside, store.manifest.next_part, files),
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
    parts: tuple[int, ...]  # in which they lie

    def as_input(self, set_aside: "_SetAside", settings: Settings) -> Input:
        def chunks() -> "Sequence[RecordChunk]":
            piece = reread(set_aside.rows_of(self), self.source)
            size = settings.store.chunk_rows
            return list(regrouped([piece], self.name, chunk_rows=size, max_bad=1.0))

        return Input(self.name, self.source, chunks)


class _SetAside:
    """The rows of a store's quarantine, file by file.

    A part may hold rows of a thousand files: who asks for files in their order has it read once.
    """

    def __init__(self, folder: Path, parts: Sequence[Part]) -> None:
        self._folder = folder
        self.parts = parts
        self._held: dict[int, dict[tuple[object, ...], pl.DataFrame]] = {}

    def counts(self) -> pl.DataFrame:
        """Return the rows by file, columns, part, and whether they are whole: `…, len`."""
        is_whole = pl.col("form").is_not_null().alias("is_whole")
        counted = [
            scan_quarantine(self._folder, [part])
            .group_by(*_FILE, "columns", is_whole)
            .len()
            .with_columns(part=pl.lit(nth, dtype=pl.UInt32))
            .collect()
            for nth, part in enumerate(self.parts)
        ]
        return pl.concat(counted)

    def read(self, nth: int) -> pl.DataFrame:
        """Return the rows of a part; `_index` goes on over all parts."""
        rows = scan_quarantine(self._folder, [self.parts[nth]]).collect()
        first = sum(part.rows for part in self.parts[:nth])
        return rows.with_columns(pl.col("_index") + first)

    def rows_of(self, file: _File) -> pl.DataFrame:
        """Return the whole rows of a file."""
        key = (file.ingest, file.nth_file)
        found = [rows for nth in file.parts if (rows := self._by_file(nth).get(key)) is not None]
        is_whole = pl.col("form").is_not_null() & pl.col("columns").is_in(file.columns)
        return pl.concat(found).filter(is_whole)

    def _by_file(self, nth: int) -> dict[tuple[object, ...], pl.DataFrame]:
        if nth not in self._held:
            # Beside the part that a file begins in, the one that it goes on in.
            if len(self._held) > 1:
                del self._held[next(iter(self._held))]
            rows = self.read(nth)
            self._held[nth] = rows.partition_by(_KEY, as_dict=True, maintain_order=True)
        return self._held[nth]


def _files(
    counts: pl.DataFrame, sources: Sequence[SourceSettings]
) -> tuple[list[_File], Counter[str]]:
    """Return the files whose rows are fed again, and how many rows are not, by why."""
    not_fed: Counter[str] = Counter()
    found: dict[tuple[object, ...], _File] = {}
    by_columns = counts.group_by(*_FILE, "columns", "is_whole").agg(pl.col("len").sum(), "part")
    for row in by_columns.sort(*_FILE, "columns", nulls_last=True).iter_rows(named=True):
        if not row["is_whole"]:
            not_fed["not_kept_whole"] += row["len"]
            continue
        try:
            source = source_now(row["source"], row["file"], row["columns"], sources)
        except CannotReread as error:
            not_fed[error.why] += row["len"]
            continue
        key = tuple(row[name] for name in _FILE)
        before = found.get(key)
        columns = (*(before.columns if before else ()), row["columns"])
        parts = tuple(sorted({*(before.parts if before else ()), *row["part"]}))
        found[key] = _File(row["ingest"], row["nth_file"], row["file"], source, columns, parts)
    return list(found.values()), not_fed


class _StillBad:
    """Keeps what is still bad, under its present reason, and what was not fed; lets the rest go."""

    def __init__(
        self, folder: Path, set_aside: _SetAside, number: int, files: Sequence[_File]
    ) -> None:
        self.replaced: Sequence[Part] = set_aside.parts
        self._folder, self._set_aside, self._number = folder, set_aside, number
        self._fed = _fed_columns(files)
        self._verdicts: list[pl.DataFrame] = []

    def add(self, rejected: pl.DataFrame, origin: Origin) -> None:
        """Note what is wrong with rows that were fed again; their `_line` is their place."""
        if rejected.is_empty():
            return
        subject = pl.col("subject") if "subject" in rejected.columns else pl.lit(None, pl.String)
        must_go = (pl.col("raw") == "") & ("consent" in origin.source.columns)
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
        verdicts = pl.concat([pl.DataFrame(schema=_VERDICTS), *self._verdicts])
        verdicts = verdicts.unique("_index", keep="first", maintain_order=True).sort("_index")
        parts: list[Part] = []
        for nth, part in enumerate(self.replaced):
            rows = self._set_aside.read(nth)
            kept = _judged(rows, self._fed, _of_rows(verdicts, rows["_index"]))
            if kept.equals(rows.drop("_index")):
                parts.append(part)
            elif kept.height:
                nth = len(parts)
                parts.append(write_rows(self._folder, kept, ingest=self._number, nth=nth))
        return parts


def _fed_columns(files: Sequence[_File]) -> pl.DataFrame:
    """Return of which files rows with which columns are fed again."""
    fed = [(file.ingest, file.nth_file, columns) for file in files for columns in file.columns]
    names = (*_KEY, "columns")
    schema = {name: QUARANTINE_COLUMNS[name] for name in names}
    return pl.DataFrame(fed, schema, orient="row").unique()


def _of_rows(verdicts: pl.DataFrame, index: pl.Series) -> pl.DataFrame:
    """Return the verdicts, sorted as rows are, on rows that follow each other."""
    first, last = int(index[0]), int(index[-1])
    numbers = verdicts["_index"]
    start, end = numbers.search_sorted(first), numbers.search_sorted(last, side="right")
    return verdicts[int(start) : int(end)]


def _judged(rows: pl.DataFrame, fed: pl.DataFrame, verdicts: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that stay: those not fed, and those still bad with their present reason."""
    judged = rows.join(fed.with_columns(_is_fed=True), on=fed.columns, how="left")
    judged = judged.sort("_index").join(verdicts, on="_index", how="left", maintain_order="left")
    was_fed = pl.col("form").is_not_null() & pl.col("_is_fed").is_not_null()
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
        row_key=pl.when(has_changed).then(row_keys(judged)).otherwise("row_key")
    )
    return judged.select(*QUARANTINE_COLUMNS)
