"""From files to the store: read, clean, number, deal onto buckets, leave out what is there.

    stage 1, chunk by chunk    source → clean → numbers for persons and items → spill by bucket
    stage 2, bucket by bucket  spill → duplicates out → sorted → one part
    at last                    small parts laid together, then the manifest, in one step: before
                               it nothing happened

Memory holds a chunk, a bucket, the ids and the catalogue; never the log. The same files give the
same numbers and the same rows. Knows nothing about formats or what a step of cleaning does.
"""

import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import polars as pl

from habitue.compute import Progress, Silent, in_threads, one_ahead
from habitue.config import Settings, SourceSettings
from habitue.events.accounting import Counts, Fate
from habitue.events.batch import Rules
from habitue.events.catalogue import (
    ITEM_TABLE_COLUMNS,
    VERSION_COLUMNS,
    accept_rows,
    content_of,
    unseen_rows,
)
from habitue.events.clean import check_source
from habitue.events.clean_subjects import SUBJECT_KINDS
from habitue.events.compaction import compact
from habitue.events.consent import reminder
from habitue.events.consistency import Inconsistencies
from habitue.events.database import DatabaseTable, num_rows
from habitue.events.ingest_notes import Noticed, notes
from habitue.events.ingest_report import FileUse, IngestReport
from habitue.events.intake import PAIR_COLUMNS, Intake, Rest
from habitue.events.keys import column_hashes, hash_sum, mixed
from habitue.events.manifest import (
    IngestRecord,
    Manifest,
    PackedPart,
    Part,
    packed_part,
    placed,
    read_manifest,
    write_manifest,
    write_part,
)
from habitue.events.merge import merge
from habitue.events.ordering import sorted_by
from habitue.events.personal import looks_like_person
from habitue.events.quarantine import QuarantineWriter, SetAside
from habitue.events.records import RecordChunk
from habitue.events.sources import Place, match_source, open_source, rest_of
from habitue.events.spill import Spill
from habitue.events.store import EVENT_ORDER, EventStore, stored_kinds
from habitue.events.told import ToldInEvents
from habitue.events.unsure_money import CODE, UnsureMoney
from habitue.events.words import Words
from habitue.files import telling_write_errors
from habitue.schema import EVENT_COLUMNS, IDENTITY_COLUMNS, TEXT_COLUMNS, format_time

SPILL_FOLDER: Final = "spill"
_ORDER: Final = {"events": EVENT_ORDER}
# Up to so many bytes of unpacked input go into so many buckets.
_BUCKETS_BY_BYTES: Final = ((20 << 20, 4), (200 << 20, 16), (2 << 30, 64), (20 << 30, 256))
_MOST_BUCKETS: Final = 1024
_SPENT: Final = ("_content", "_file", "_record", "_repaired", "_keep_equal")  # by then
_UNPACKED: Final = 6  # times the size of a packed or a Parquet file, roughly
_PART_ROWS: Final = 1_000_000  # of a part of versions, at least, where there are several
_ROW_BYTES: Final = 100  # of a database table, roughly
_PACKED_SUFFIXES: Final = (".gz", ".zst", ".zip", ".parquet")


@dataclass(frozen=True)
class Input:
    """One file to be ingested: how it is read, and a way to its chunks."""

    name: str
    source: SourceSettings
    chunks: Callable[[], Iterable[RecordChunk]]
    num_bytes: int = 0
    rest: Rest | None = None


def ingest_files(
    store: EventStore,
    files: Sequence[Place],
    settings: Settings,
    *,
    progress: Progress | None = None,
    salvage: bool = False,
) -> IngestReport:
    """Store what the files tell and the store does not know yet; all of them or nothing.

    With `salvage`, of an archive that is cut off the whole rows.

    Raises:
        FileRefused: a file cannot be read as the settings say; nothing was stored.
        SettingsError: a source maps too little.
        Refused: `store_locked`, another process is writing; the store's folder cannot be written.
        Failed: the disk is full or broken; the store is as it was.
    """
    words = Words(max_id_bytes=settings.cleaning.max_id_bytes)
    inputs = []
    for path in files:
        source = match_source(path, settings.sources)
        chunks = _opener(path, source, settings, words, salvage=salvage)
        rest = rest_of(path, source)
        inputs.append(Input(path.name, source, chunks, _unpacked_bytes(path), rest))
    return ingest_inputs(store, inputs, settings, progress=progress, words=words)


def ingest_inputs(
    store: EventStore,
    inputs: Sequence[Input],
    settings: Settings,
    *,
    progress: Progress | None = None,
    now: int | None = None,
    words: Words | None = None,
) -> IngestReport:
    """Store what the inputs tell; as `ingest_files`, for records from anywhere.

    `now` (µs) is the moment against which an event may lie in the future. `words` are those by
    which the inputs' columns may be coded.
    """
    with storing(store):
        return Ingest(store, inputs, settings, progress=progress, now=now, words=words).run()


@contextmanager
def storing(store: EventStore) -> Iterator[None]:
    """Be the one who stores while the block runs, and leave nothing half done."""
    with store.writing():
        try:
            with telling_write_errors(store.folder):
                yield
        finally:
            with suppress(OSError):
                shutil.rmtree(store.folder / SPILL_FOLDER, ignore_errors=True)
                store.remove_leftovers()


class Ingest:
    """One ingest on its way.

    Where `set_aside` is given the records come out of the quarantine: they were read by earlier
    ingests, the first of which was number `since`.
    """

    def __init__(
        self,
        store: EventStore,
        inputs: Sequence[Input],
        settings: Settings,
        *,
        progress: Progress | None = None,
        now: int | None = None,
        words: Words | None = None,
        set_aside: SetAside | None = None,
        since: int | None = None,
    ) -> None:
        for given in inputs:
            check_source(given.source)
        self._started = time.monotonic()
        self._now = time.time_ns() // 1000 if now is None else now
        self._store, self._inputs, self._progress = store, inputs, progress or Silent()
        self._settings, self._since = settings, since
        store.remove_leftovers()
        stored = read_manifest(store.folder)
        self._manifest = _with_buckets(stored, inputs, settings, is_settled=since is not None)
        if self._manifest.next_part == 1:
            # From now on parts without a manifest mean that it was lost.
            write_manifest(store.folder, self._manifest)
        self._spill = Spill(store.folder / SPILL_FOLDER)
        self._quarantine = set_aside or QuarantineWriter(store.folder, self._manifest)
        self._intake = Intake(
            store,
            num_buckets=self._manifest.num_buckets,
            keys=self._manifest.keys,
            rules=Rules.of(settings.cleaning, now=self._now, currency=settings.shop.currency),
            words=words or Words(max_id_bytes=settings.cleaning.max_id_bytes),
            spill=self._spill,
            quarantine=self._quarantine,
            unsure=UnsureMoney(store.folder / SPILL_FOLDER),
        )
        self._parts: list[Part] = []
        self._told = ToldInEvents()
        self._num_changed_ids = 0
        self._num_personal_ids = 0
        self._inconsistencies = Inconsistencies()
        self._empty_files: list[str] = []

    def run(self) -> IngestReport:
        """Do it; until the last step nothing has happened."""
        self._read()
        self._store_buckets()
        self._store_tables()
        return self._commit()

    def _read(self) -> None:
        self._progress.start("Reading", None, "records")
        for given in self._inputs:
            file = self._intake.add_file(given.name, given.source, given.rest)
            num_records = 0
            for chunk, cleaned in self._intake.clean(file, given.chunks()):
                self._intake.add(file, chunk, cleaned)
                num_records += chunk.frame.height + chunk.rejected.height
                self._progress.advance(chunk.frame.height + chunk.rejected.height, given.name)
            if given.rest is not None:
                given.rest.close()
            if not num_records:
                self._empty_files.append(given.name)

    def _store_buckets(self) -> None:
        num_buckets = self._manifest.num_buckets
        self._progress.start("Storing", num_buckets, "buckets")
        buckets = self._noted(self._fresh_rows(num_buckets))
        # Packed in threads, but written one after the other, in the buckets' order.
        for packed in in_threads(self._bucket_parts, enumerate(buckets)):
            self._write(packed)
            self._progress.advance()
        self._progress.finish()

    def _fresh_rows(self, num_buckets: int) -> Iterator[pl.DataFrame]:
        """Yield each bucket's new rows, sorted."""
        for bucket, rows in enumerate(one_ahead(map(self._spill.read, range(num_buckets)))):
            if rows.is_empty():
                yield rows
                continue
            rows = _completed(rows)
            merged = merge(rows, self._identities(bucket, rows))
            fresh = merged.fresh
            if self._intake.unsure.files:
                fresh = self._with_sure_money(rows, fresh)
            self._note_accepted(fresh)
            self._num_changed_ids += merged.num_changed_ids
            yield sorted_by(fresh.drop(_SPENT), EVENT_ORDER)

    def _noted(self, buckets: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """Yield the buckets' rows, once it is noted what they show of items."""
        for bucket, fresh in enumerate(one_ahead(buckets)):
            self._told.add(fresh)
            self._inconsistencies.add(fresh, partial(self._store.read_steps, bucket))
            yield fresh

    def _with_sure_money(self, rows: pl.DataFrame, fresh: pl.DataFrame) -> pl.DataFrame:
        """Return the new rows but those that need a currency, if the log has several."""
        unsure, ledger = self._intake.unsure, self._intake.ledger
        held = rows.filter(unsure.among(rows)).select("_file", "_record")
        if len({*self._intake.currencies, *self._store.currencies()}) > 1:
            is_missing = unsure.among(fresh)
            missing, fresh = fresh.filter(is_missing), fresh.filter(~is_missing)
            unsure.miss(missing)
            held = held.join(missing, on=["_file", "_record"], how="anti")
            for (file,), part in missing.partition_by("_file", as_dict=True).items():
                codes = pl.Series([CODE]).new_from_index(0, part.height)
                ledger.reject(int(file), part["_record"], codes)
        for (file,), part in held.partition_by("_file", as_dict=True).items():
            ledger.note(int(file), part["_record"], Fate.DUPLICATE)
        return fresh

    def _bucket_parts(self, numbered: tuple[int, pl.DataFrame]) -> list[PackedPart]:
        """Return a bucket's new rows as parts."""
        bucket, fresh = numbered
        if fresh.is_empty():
            return []
        content = hash_sum(fresh["identity"].to_numpy())
        parts = self._packed("events", _stored_columns(fresh, EVENT_COLUMNS), content, bucket)
        typed = [name for name in ("search_query", "properties") if name in fresh.columns]
        if typed:
            is_typed = ~pl.all_horizontal(pl.col(typed).is_null())
            texts = _stored_columns(fresh.filter(is_typed), TEXT_COLUMNS)
            parts += self._packed("texts", texts, content_of(texts), bucket)
        return parts

    def _identities(self, bucket: int, rows: pl.DataFrame) -> pl.DataFrame:
        """Return what the store holds that could equal these rows."""
        times = rows["timestamp"]
        start_at, end_at = int(times.min()), int(times.max()) + 1  # type: ignore[arg-type]
        has_ids = rows["event_id"].null_count() < rows.height
        span = (None, None) if has_ids else (start_at, end_at)
        stored = self._store.read_identities(bucket, start_at=span[0], end_at=span[1])
        identity = mixed(stored["event_key"].to_numpy() + column_hashes(stored["subject_id"]))
        return stored.with_columns(identity=pl.Series(identity, dtype=pl.UInt64))

    def _note_accepted(self, accepted: pl.DataFrame) -> None:
        ledger = self._intake.ledger
        marks = accepted.select("_file", "_record", "_repaired")
        for (file,), rows in marks.partition_by("_file", as_dict=True).items():
            repaired = rows["_repaired"]
            ledger.note(int(file), rows["_record"].filter(~repaired), Fate.ACCEPTED)
            ledger.note(int(file), rows["_record"].filter(repaired), Fate.REPAIRED)

    def _store_tables(self) -> None:
        """Store new subjects and items, and what was learned of items."""
        self._store_subjects()
        items = self._item_rows()
        self._write(self._packed("items", items, content_of(items)))
        versions = enumerate(_gathered(self._version_rows(), _PART_ROWS))
        for packed in in_threads(self._version_parts, versions):
            self._write(packed)
        identities = self._identity_rows()
        self._write(self._packed("identities", identities, content_of(identities)))
        for origin, rows in self._intake.unsure.set_aside():
            self._quarantine.add(rows, origin)
        self._parts += self._quarantine.finish()

    def _store_subjects(self) -> None:
        subjects = _subject_rows(self._intake)
        of_persons = subjects.filter(pl.col("kind") != "session")["outside_id"]
        self._num_personal_ids = int(looks_like_person(of_persons).sum())
        self._write(self._packed("subjects", subjects, content_of(subjects)))

    def _item_rows(self) -> pl.DataFrame:
        """Return new items, and known ones that the settings now call goods or no goods."""
        given = [item for s in self._settings.sources for item in s.not_products]
        given += [item for i in self._inputs for item in i.source.not_products]
        no_goods = pl.Series("item_id", given, dtype=pl.String)
        is_product = ~pl.col("item_id").is_in(no_goods.implode())
        new = self._intake.items.new_texts().drop("kind")
        new = new.rename({"text": "item_id", "number": "item_number"})
        new = new.with_columns(is_product=is_product).select(*ITEM_TABLE_COLUMNS)
        known = self._store.read_table("items").unique("item_number", keep="last")
        changed = known.filter(is_product != pl.col("is_product")).sort("item_number")
        changed = changed.with_columns(is_product=~pl.col("is_product"))
        return pl.concat([new.cast(pl.Schema(ITEM_TABLE_COLUMNS)), changed])

    def _version_rows(self) -> Iterator[pl.DataFrame]:
        stored = self._store.read_table("versions")
        yield from self._told.new_versions(stored)
        rows = self._intake.catalogue_rows()
        if rows.height:
            judge = accept_rows if self._since is None else unseen_rows
            accepted = rows.filter(judge(rows, stored))
            self._note_accepted(accepted)
            yield accepted.select(*VERSION_COLUMNS)

    def _identity_rows(self) -> pl.DataFrame:
        """Return the records of who is who that tell of two ids for the first time.

        A record is new where the store knows of its pair not at all or only since later.
        """
        stored = self._store.read_table("identities")
        known = stored.group_by(PAIR_COLUMNS).agg(_since=pl.col("timestamp").min())
        rows = self._intake.identity_rows().join(known, on=PAIR_COLUMNS, how="left")
        is_new = pl.col("_since").is_null() | (pl.col("timestamp") < pl.col("_since"))
        fresh = rows.filter(is_new).sort(*IDENTITY_COLUMNS)
        self._note_accepted(fresh)
        return fresh.select(*IDENTITY_COLUMNS)

    def _packed(
        self, table: str, rows: pl.DataFrame, content: int, bucket: int = -1, *, stem: str = "part"
    ) -> list[PackedPart]:
        """Return rows as a part, if there are any."""
        if rows.is_empty():
            return []
        part = packed_part(
            table,
            self._manifest.next_part,
            rows,
            content=content,
            bucket=bucket,
            times=rows["timestamp"] if table == "events" else None,
            stem=stem,
        )
        return [part]

    def _write(self, packed: list[PackedPart]) -> None:
        self._parts += [write_part(self._store.folder, part) for part in packed]

    def _version_parts(self, numbered: tuple[int, pl.DataFrame]) -> list[PackedPart]:
        nth, versions = numbered
        told = _stored_columns(versions, VERSION_COLUMNS)
        stem = f"part-{nth}" if nth else "part"
        return self._packed("versions", told, content_of(told), stem=stem)

    def _commit(self) -> IngestReport:
        counts = self._intake.ledger.counts()
        event_rows = sum(part.rows for part in self._parts if part.table == "events")
        record = IngestRecord(
            at=format_time(self._now),
            files=tuple(given.name for given in self._inputs),
            received=counts.received,
            accepted=counts.accepted,
            duplicates=counts.duplicates,
            quarantined=counts.quarantined,
            event_rows=event_rows,
        )
        stored, folder = self._manifest, self._store.folder
        kept = [part for part in stored.parts if part not in self._quarantine.replaced]
        together = placed(kept, self._parts, self._since)
        parts = compact(folder, together, stored.next_part, order=_ORDER)
        before = {part.path for part in stored.parts} - {part.path for part in parts}
        retired = {path for path in stored.retired if (folder / path).exists()} | before
        manifest = replace(
            stored,
            # An ingest that changes nothing leaves no trace in how later parts are called.
            next_part=stored.next_part + (parts != stored.parts),
            num_subjects=len(self._intake.subjects),
            num_items=len(self._intake.items),
            parts=parts,
            ingests=(*stored.ingests, record),
            retired=tuple(sorted(retired)),
        )
        write_manifest(folder, manifest)
        return self._report(counts, event_rows)

    def _report(self, counts: Counts, event_rows: int) -> IngestReport:
        seconds = time.monotonic() - self._started
        remarks = self._remarks()
        return IngestReport(
            received=counts.received,
            accepted=counts.accepted,
            repaired=counts.repaired,
            duplicates=counts.duplicates,
            quarantined=counts.quarantined,
            by_reason=counts.by_reason,
            event_rows=event_rows,
            items=len(self._intake.items) - self._manifest.num_items,
            seconds=seconds,
            events_per_second=counts.received / max(seconds, 1e-9),
            sources=tuple(
                FileUse(given.name, given.source.name, dict(given.source.columns))
                for given in self._inputs
            ),
            repairs=dict(self._intake.repairs.most_common()),
            remarks=remarks,
            notes=tuple(notes(self._noticed(remarks, counts))),
        )

    def _remarks(self) -> dict[str, int]:
        """Return what was seen and left as it is, by its code, in records, ids or rows."""
        remarks = {
            **self._intake.remarks,
            "duplicate_of": self._num_changed_ids,
            "looks_like_pii": self._num_personal_ids,
            **self._inconsistencies.counts(),
        }
        return {code: count for code, count in remarks.items() if count}

    def _noticed(self, remarks: dict[str, int], counts: Counts) -> Noticed:
        sources = [given.source for given in self._inputs]
        return Noticed(
            empty_files=self._empty_files,
            told_by_readers=self._intake.notes,
            currencies=self._intake.currencies,
            zones={source.time_zone for source in sources},
            remarks=remarks,
            shares=self._inconsistencies.shares(),
            hints=self._intake.hints,
            units={source.name: source.time_unit for source in sources},
            reminder=reminder(sources, self._settings) if counts.accepted else "",
        )


def _opener(
    path: Place, source: SourceSettings, settings: Settings, words: Words, *, salvage: bool
) -> Callable[[], Iterable[RecordChunk]]:
    return partial(
        open_source,
        path,
        source,
        chunk_rows=settings.store.chunk_rows,
        max_bad=settings.cleaning.max_bad,
        words=words,
        salvage=salvage,
    )


def _unpacked_bytes(path: Place) -> int:
    if isinstance(path, DatabaseTable):
        return _ROW_BYTES * num_rows(path)
    size = path.stat().st_size
    return size * _UNPACKED if path.suffix.lower() in _PACKED_SUFFIXES else size


def _completed(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows with the columns that they went without on their way."""
    if "event_id" not in rows.columns:
        rows = rows.with_columns(event_id=pl.lit(None, dtype=pl.String))
    if "received_at" not in rows.columns:
        return rows.with_columns(received_at="timestamp")
    return rows.with_columns(pl.col("received_at").fill_null(pl.col("timestamp")))


def _with_buckets(
    stored: Manifest | None, inputs: Sequence[Input], settings: Settings, *, is_settled: bool
) -> Manifest:
    """Return the manifest to go on from; the number of buckets is settled by the first events."""
    if stored is not None and (is_settled or stored.of("events")):
        return stored
    size = sum(given.num_bytes for given in inputs if given.source.table == "events")
    chosen = next((num for limit, num in _BUCKETS_BY_BYTES if size <= limit), _MOST_BUCKETS)
    num_buckets = settings.store.buckets or chosen
    if stored is None:
        return Manifest(num_buckets)
    return replace(stored, num_buckets=num_buckets, keys=Manifest.keys)


def _subject_rows(intake: Intake) -> pl.DataFrame:
    return intake.subjects.new_texts().select(
        subject_id="number",
        kind=pl.col("kind").cast(pl.UInt8).cat.to(SUBJECT_KINDS).cast(pl.String),
        outside_id="text",
    )


def _gathered(pieces: Iterable[pl.DataFrame], most_rows: int) -> Iterator[pl.DataFrame]:
    """Yield the pieces laid together until they have so many rows."""
    waiting: list[pl.DataFrame] = []
    for piece in pieces:
        waiting.append(piece)
        if sum(one.height for one in waiting) >= most_rows:
            yield pl.concat(waiting, how="diagonal")
            waiting = []
    if waiting:
        yield pl.concat(waiting, how="diagonal")


def _stored_columns(rows: pl.DataFrame, columns: dict[str, pl.DataType]) -> pl.DataFrame:
    """Return the columns of a table that hold something."""
    return rows.select(
        pl.col(name).cast(kind)
        for name, kind in stored_kinds(columns).items()
        if name in rows.columns and rows[name].null_count() < rows.height
    )
