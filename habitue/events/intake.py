"""Stage 1 of an ingest: from chunks of records to numbered rows, dealt onto buckets.

    chunk → clean → numbers for persons and items → spill (events) or memory (catalogue rows)

What is rejected goes to the quarantine, and every record's fate to the ledger. Numbers are given
in the order of the rows, so the same files give the same numbers. Knows nothing about duplicates.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from habitue.compute import in_threads, one_ahead
from habitue.config import SourceSettings
from habitue.events.accounting import Fate, Ledger
from habitue.events.batch import COUNTED_ONLY, Rules
from habitue.events.catalogue import ALWAYS, ATTRIBUTES, EVENT_ATTRIBUTES, VERSION_COLUMNS
from habitue.events.clean import Cleaned, clean
from habitue.events.clean_personal import as_redacted
from habitue.events.clean_subjects import SUBJECT_KINDS
from habitue.events.interning import Interner, Kinds
from habitue.events.keys import bucket_numbers, row_hashes
from habitue.events.merge import CONTENT_FIELDS
from habitue.events.personal_raw import without_personal
from habitue.events.quarantine import Origin, SetAside
from habitue.events.records import KNOWN_BY, RecordChunk
from habitue.events.spill import Spill
from habitue.events.store import EventStore
from habitue.events.unsure_money import UnsureMoney, is_unsure
from habitue.events.words import CODED_FIELDS, Words, distinct_texts
from habitue.schema import EVENT_COLUMNS, IDENTIFY, IDENTITY_COLUMNS, ITEM_FIELDS, TEXT_COLUMNS

PAIR_COLUMNS: Final = ("subject_id", "anonymous_subject_id")  # whose ids a record says are one's
_MARKS: Final = {"_file": pl.UInt32(), "_record": pl.UInt64(), "_repaired": pl.Boolean()}
_ANONYMOUS: Final = SUBJECT_KINDS.categories.to_list().index("anonymous")
# The visitor beside a user, by how events are told apart (`Manifest.keys`).
_VISITORS: Final = {1: "anonymous_subject_id", 2: "anonymous_id"}
_SPILLED: Final = tuple(dict.fromkeys([*EVENT_COLUMNS, *TEXT_COLUMNS, *EVENT_ATTRIBUTES.values()]))


class Rest(Protocol):
    """A way to the columns that were not read."""

    def __call__(self, records: pl.Series) -> pl.DataFrame:
        """Return them, with the `_record` of each row."""

    def close(self) -> None:
        """Be asked no more."""


@dataclass(frozen=True)
class InputFile:
    """A file of the ingest, under the number by which the ledger knows it."""

    number: int
    name: str
    source: SourceSettings
    rest: Rest | None = None

    def origin(self, columns: Mapping[str, pl.DataType]) -> Origin:
        """Return where rows that were read with these columns come from."""
        return Origin(self.name, self.number, self.source, columns)


class Intake:
    """Takes the chunks of all files of one ingest."""

    def __init__(
        self,
        store: EventStore,
        *,
        num_buckets: int,
        keys: int,
        rules: Rules,
        words: Words,
        spill: Spill,
        quarantine: SetAside,
        unsure: UnsureMoney,
    ) -> None:
        self.ledger = Ledger()
        self.unsure = unsure
        self.repairs: Counter[str] = Counter()
        self.remarks: Counter[str] = Counter()
        self.hints: Counter[tuple[str, str]] = Counter()  # by source and what may be wrong
        self.notes: dict[str, None] = {}  # each said once, in their order
        self.currencies: set[str] = set()
        self.num_event_rows = 0
        self._rules = rules
        self._words = words
        self._num_buckets = num_buckets
        self._hashed = (*CONTENT_FIELDS, _VISITORS[keys])
        self._spill = spill
        self._quarantine = quarantine
        self._catalogue: list[pl.DataFrame] = []
        self._links = pl.DataFrame(schema={**IDENTITY_COLUMNS, **_MARKS})
        subjects = store.read_table("subjects").sort("subject_id")
        self.subjects = Interner(words, num_kinds=len(SUBJECT_KINDS.categories))
        self.subjects.know(subjects["outside_id"], _kind_numbers(subjects["kind"]))
        items = store.read_table("items").unique("item_number").sort("item_number")
        self.items = Interner(words)
        self.items.know(items["item_id"])

    def add_file(self, name: str, source: SourceSettings, rest: Rest | None = None) -> InputFile:
        """Announce the next file."""
        return InputFile(self.ledger.add_file(), name, source, rest)

    def clean(
        self, file: InputFile, chunks: Iterable[RecordChunk]
    ) -> Iterator[tuple[RecordChunk, Cleaned]]:
        """Yield the file's chunks with what cleaning made of each; nothing is taken yet."""
        words = self._words if file.source.table == "events" else None

        def cleaned(chunk: RecordChunk) -> tuple[RecordChunk, Cleaned]:
            return chunk, clean(chunk.frame, file.source, self._rules, words)

        return in_threads(cleaned, one_ahead(chunks))

    def add(self, file: InputFile, chunk: RecordChunk, cleaned: Cleaned) -> None:
        """Take the rows of a chunk."""
        self.repairs.update(chunk.repairs)
        self.notes.update(dict.fromkeys(chunk.notes))
        self.repairs.update(cleaned.repairs)
        self.remarks.update(cleaned.remarks)
        self.hints.update({(file.source.name, kind): n for kind, n in cleaned.hints.items()})
        unread = _without_raw(chunk.rejected, file.source)
        for rejected in (unread, cleaned.rejected):
            self.ledger.reject(file.number, rejected["_record"], rejected["code"])
            kept = rejected.filter(~pl.col("code").is_in(COUNTED_ONLY))
            kept, columns = _with_rest(kept, chunk.frame.schema, file.rest)
            if rejected is unread:
                kept = without_personal(kept, file.source, self._rules.personal_data)
            self._quarantine.add(kept, file.origin(columns))
        if cleaned.frame.is_empty():
            return
        records = cleaned.frame["_record"]
        if cleaned.unsure.height:
            records = records.filter(~is_unsure(cleaned.frame))
            self.unsure.hold(cleaned.unsure, file.origin(chunk.frame.schema))
        # Of a kept record at least as much is true; what is new is found out in stage 2.
        self.ledger.note(file.number, records, Fate.DUPLICATE)
        if file.source.table == "events":
            self._add_events(file, cleaned.frame)
        else:
            self._add_catalogue(file, cleaned.frame)

    def catalogue_rows(self) -> pl.DataFrame:
        """Return all rows of catalogue files: `VERSION_COLUMNS`, `_file, _record, _repaired`."""
        return pl.concat([pl.DataFrame(schema={**VERSION_COLUMNS, **_MARKS}), *self._catalogue])

    def identity_rows(self) -> pl.DataFrame:
        """Return the first record of each two ids: `IDENTITY_COLUMNS`, `_file, _record, _repaired`.

        One row a pair of subjects, the earliest of all files; in the order of the pairs.
        """
        return self._links

    def _add_events(self, file: InputFile, rows: pl.DataFrame) -> None:
        is_link = rows.select(link=pl.col("event_type") == IDENTIFY)["link"]
        if is_link.any():
            links = self._with_numbers(rows.filter(is_link))
            links = links.with_columns(_file=pl.lit(file.number, dtype=pl.UInt32))
            links = pl.concat([self._links, links.select(*IDENTITY_COLUMNS, *_MARKS)])
            self._links = links.sort(*IDENTITY_COLUMNS, maintain_order=True).unique(
                PAIR_COLUMNS, keep="first", maintain_order=True
            )
            rows = rows.filter(~is_link)
        if rows.is_empty():
            return
        self.num_event_rows += rows.height
        if "currency" in rows.columns:
            self.currencies.update(distinct_texts(rows["currency"]))
        rows = self._with_numbers(rows)
        # Where something had to be mended, cleaning hands on texts.
        rows = rows.with_columns(
            self._words.coded(name, rows[name]) for name in rows.columns if name in CODED_FIELDS
        )
        rows = rows.with_columns(
            _content=pl.Series(row_hashes(_told_by(rows), self._hashed, self._words.share_of_row)),
            _bucket=bucket_numbers(rows["subject_id"], self._num_buckets),
            _file=pl.lit(file.number, dtype=pl.UInt32),
            _keep_equal=pl.lit(file.source.duplicate_rows == "keep"),
        )
        marks = ["_content", "_bucket", "_file", "_record", "_repaired", "_keep_equal"]
        if "received_at" not in (*file.source.columns, *file.source.constants):
            rows = rows.drop("received_at")  # it says what the timestamp says
        fields = [name for name in _SPILLED if name in rows.columns]
        self._spill.add(rows.select(*fields, *marks))

    def _with_numbers(self, rows: pl.DataFrame) -> pl.DataFrame:
        kinds = _kind_numbers(rows["subject_kind"])
        ids: dict[str, tuple[pl.Series, Kinds]] = {"subject_id": (rows["subject"], kinds)}
        if "anonymous_id" in rows.columns:
            ids["anonymous_subject_id"] = (rows["anonymous_id"], _ANONYMOUS)
        numbers = dict(zip(ids, self.subjects.numbers(*ids.values()), strict=True))
        if "item_id" in rows.columns:
            numbers["item_number"] = self._item_numbers(rows)
        return rows.with_columns(**numbers)

    def _item_numbers(self, rows: pl.DataFrame) -> pl.Series:
        return self.items.numbers((rows["item_id"], 0))[0].cast(pl.Int32)

    def _add_catalogue(self, file: InputFile, rows: pl.DataFrame) -> None:
        valid_from = pl.lit(ALWAYS)
        if "created_at" in rows.columns:
            valid_from = pl.col("created_at").fill_null(ALWAYS)
        absent = [
            pl.lit(None, dtype=kind).alias(name)
            for name, kind in VERSION_COLUMNS.items()
            if name in ATTRIBUTES and name not in rows.columns
        ]
        rows = rows.with_columns(
            *absent,
            item_number=self._item_numbers(rows),
            valid_from=valid_from,
            known_at=valid_from,
            row_key=pl.Series(row_hashes(as_redacted(rows), ITEM_FIELDS)),
            _file=pl.lit(file.number, dtype=pl.UInt32),
        )
        self._catalogue.append(rows.select(*VERSION_COLUMNS, "_file", "_record", "_repaired"))


def _kind_numbers(kinds: pl.Series) -> NDArray[np.int64]:
    return kinds.cast(SUBJECT_KINDS).to_physical().cast(pl.Int64).fill_null(0).to_numpy()


def _told_by(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows as they are told apart: those with an event id at the time their own clock gave.

    How a clock is corrected depends on when the record arrived, which a second delivery changes.
    """
    rows = as_redacted(rows)
    if "_clock_time" not in rows.columns or "event_id" not in rows.columns:
        return rows
    has_id = pl.col("event_id").is_not_null()
    return rows.with_columns(timestamp=pl.when(has_id).then("_clock_time").otherwise("timestamp"))


def _with_rest(
    kept: pl.DataFrame, columns: Mapping[str, pl.DataType], rest: Rest | None
) -> tuple[pl.DataFrame, Mapping[str, pl.DataType]]:
    """Add, to rows that are set aside, the columns that were not read: a mapping may need them."""
    if rest is None or kept.is_empty():
        return kept, columns
    others = rest(kept["_record"])
    if others.width == 1:
        return kept, columns
    texts = others.select("_record", _rest=pl.struct(pl.exclude("_record")).struct.json_encode())
    joined = kept.join(texts, on="_record", how="left", maintain_order="left")
    cells = [name for name in ("raw", KNOWN_BY) if name in kept.columns]
    whole = [
        pl.concat_str(pl.col(name).str.head(-1), pl.lit(","), pl.col("_rest").str.slice(1))
        for name in cells
    ]
    return joined.with_columns(whole).drop("_rest"), {**columns, **others.schema}


def _without_raw(unreadable: pl.DataFrame, source: SourceSettings) -> pl.DataFrame:
    """Forget what unreadable records hold, where they may hold that somebody said no."""
    if "consent" not in source.columns:
        return unreadable
    nothing = pl.lit(None)
    return unreadable.with_columns(
        raw=pl.lit(""), form=nothing.cast(pl.String), bytes=nothing.cast(pl.Binary)
    )
