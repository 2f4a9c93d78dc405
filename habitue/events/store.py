"""The event store: Parquet files by person bucket, and one manifest that says which count.

    manifest.json                             what follows, with checksums
    events/bucket=0003/part-000007.parquet    events, sorted by subject and time
    events/bucket=0003/joined-000009.parquet  those of several ingests
    texts/bucket=0003/part-000007.parquet     what persons typed: search queries, properties
    subjects/, items/, versions/              outside ids and the catalogue
    quarantine/                               what was set aside

An `EventStore` sees the store as it was when it was opened; parts never change. Nothing but
`subjects` knows an outside user id. Knows nothing about how files are read or cleaned.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from habitue.config import CleaningSettings
from habitue.errors import NotReady
from habitue.events.bots import flag_bots
from habitue.events.catalogue import ITEM_TABLE_COLUMNS, VERSION_COLUMNS, resolve_items
from habitue.events.keys import bucket_numbers
from habitue.events.lock import ReaderLock, writer_lock
from habitue.events.manifest import Manifest, Part, check_part, read_manifest, remove_leftovers
from habitue.events.sessions import add_sessions
from habitue.schema import DERIVED_COLUMNS, EVENT_COLUMNS, IDENTITY_COLUMNS, TEXT_COLUMNS

SUBJECT_COLUMNS: Final[dict[str, pl.DataType]] = {
    "subject_id": pl.Int64(),
    "kind": pl.String(),  # user, anonymous or session
    "outside_id": pl.String(),
}
EVENT_ORDER: Final = ("subject_id", "timestamp", "received_at", "event_key")
_KINDS: Final = ("user", "anonymous", "session")


def stored_kinds(columns: dict[str, pl.DataType]) -> dict[str, pl.DataType]:
    """Return the kinds in which a table's columns are stored.

    Words are stored as texts, so that a longer list of words can still read them.
    """
    return {
        name: pl.String() if isinstance(kind, pl.Enum) else kind for name, kind in columns.items()
    }


class EventStore:
    """A folder of stored events, read bucket by bucket; an `EventLog`."""

    def __init__(self, folder: Path, cleaning: CleaningSettings | None = None) -> None:
        """Open the store in `folder`, which need not exist yet.

        `cleaning` says how visits are told apart and who is a bot.
        """
        self.folder = folder
        self.cleaning = cleaning or CleaningSettings()
        self._checked: set[str] = set()
        self._items: dict[tuple[int | None, int | None], pl.DataFrame] = {}
        self._subjects: pl.DataFrame | None = None
        self._reading = ReaderLock(folder)
        self.reload()

    def reload(self) -> None:
        """See the store as it is now."""
        # First the lock: the parts of a manifest read before it might be gone already.
        self._reading.hold()
        self._stored = read_manifest(self.folder)
        self._items = {}
        self._subjects = None
        self._currencies: dict[int | None, dict[str, int]] = {}

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the only writer, and see the store as it is, while the block runs.

        Raises:
            Refused: `store_locked`, another process is writing.
        """
        with writer_lock(self.folder):
            self.reload()
            yield

    def remove_leftovers(self) -> None:
        """Remove what no manifest lists, and parts that others replaced once nobody reads them.

        Only who writes may ask for it.
        """
        self.reload()
        remove_leftovers(self.folder, self._stored, retired=self._reading.is_alone())

    @property
    def manifest(self) -> Manifest:
        """What is stored.

        Raises:
            NotReady: nothing is.
        """
        if self._stored is None:
            raise NotReady(
                f"There are no events in {self.folder} yet.",
                fix="Store some: habitue ingest FILE…",
                code="no_events",
            )
        return self._stored

    @property
    def is_empty(self) -> bool:
        """Whether no event is stored."""
        return self._stored is None or not self._stored.of("events")

    @property
    def num_buckets(self) -> int:
        """The number of buckets, numbered from 0."""
        return self.manifest.num_buckets

    @property
    def num_events(self) -> int:
        """The number of event rows."""
        return 0 if self._stored is None else sum(p.rows for p in self._stored.of("events"))

    @property
    def num_subjects(self) -> int:
        """The number of outside ids of persons."""
        return 0 if self._stored is None else self._stored.num_subjects

    @property
    def num_items(self) -> int:
        """The number of items, of events and of catalogue files."""
        return 0 if self._stored is None else self._stored.num_items

    @property
    def fingerprint(self) -> str:
        """A digest of all that is stored; it changes if and only if that changes."""
        return self.manifest.fingerprint

    @property
    def start_at(self) -> int:
        """The first event's moment, in microseconds."""
        return min(part.start_at for part in self._event_parts())

    @property
    def end_at(self) -> int:
        """One microsecond after the last event."""
        return max(part.end_at for part in self._event_parts())

    def read_bucket(
        self,
        bucket: int,
        *,
        as_of: int | None = None,
        subject_id: int | None = None,
        known_at: int | None = None,
    ) -> pl.DataFrame:
        """Return a bucket's events sorted by subject and time; see `EventLog.read_bucket`.

        With `known_at`, what arrived between `as_of` and then is there too, as if it had at
        `as_of`.
        """
        parts = self.manifest.of("events", bucket)
        if as_of is not None:
            parts = tuple(part for part in parts if part.start_at < as_of)
        rows = self._scan(parts, EVENT_COLUMNS)
        if subject_id is not None:
            rows = rows.filter(pl.col("subject_id") == subject_id)
        if as_of is not None:
            arrived_by = max(as_of, known_at or as_of)
            rows = rows.filter(pl.col("timestamp") < as_of, pl.col("received_at") <= arrived_by)
        events = rows.collect()
        if len(parts) > 1:
            events = events.sort(EVENT_ORDER)
        if as_of is not None and known_at is not None:
            events = events.with_columns(pl.col("received_at").clip(upper_bound=as_of))
        return self._derived(events, bucket, subject_id)

    def items(self, *, as_of: int | None = None, known_at: int | None = None) -> pl.DataFrame:
        """Return the catalogue, columns `schema.ITEM_COLUMNS`; see `EventLog.items`.

        With `known_at`, what was learnt between `as_of` and then of the time before counts too.
        """
        asked = as_of, known_at
        if asked not in self._items:
            is_past = as_of is not None and known_at is None and self._ends_after(as_of)
            catalogue = resolve_items(
                self.read_table("items"),
                self.read_table("versions"),
                as_of=as_of,
                known_at=known_at,
                is_past=is_past,
            )
            self._items = {asked: catalogue}
        return self._items[asked]

    def _ends_after(self, moment: int) -> bool:
        return not self.is_empty and self.end_at > moment

    def currencies(self, *, as_of: int | None = None) -> dict[str, int]:
        """Return the currencies of events before `as_of`, with the number of purchases in each."""
        if as_of not in self._currencies:
            names = ("currency", "event_type", "timestamp", "received_at")
            rows = self._scan(self._parts("events"), {name: EVENT_COLUMNS[name] for name in names})
            if as_of is not None:
                rows = rows.filter(pl.col("timestamp") < as_of, pl.col("received_at") <= as_of)
            named = rows.filter(pl.col("currency").is_not_null())
            bought = (pl.col("event_type") == "purchase").sum()
            counts = named.group_by("currency").agg(bought.alias("bought")).sort("currency")
            self._currencies[as_of] = dict(counts.collect().iter_rows())
        return self._currencies[as_of]

    def subject_of(self, outside_id: str) -> int | None:
        """Return the subject with this user id, else with this anonymous id; None if unknown."""
        found = self._scan(self._parts("subjects"), SUBJECT_COLUMNS)
        rows = found.filter(pl.col("outside_id") == outside_id).collect()
        by_kind = dict(rows.select("kind", "subject_id").iter_rows())
        return next((int(by_kind[kind]) for kind in _KINDS if kind in by_kind), None)

    def bucket_of(self, subject_id: int) -> int:
        """Return the bucket that holds a subject's events."""
        return int(bucket_numbers(pl.Series([subject_id]), self.num_buckets)[0])

    def outside_ids(self, subject_ids: "NDArray[np.int64] | pl.Series") -> pl.Series:
        """Return the shop's own ids of these subjects, in their order; null for an unknown one."""
        wanted = pl.DataFrame({"subject_id": pl.Series(subject_ids).cast(pl.Int64)})
        if self._subjects is None:
            self._subjects = self.read_table("subjects")
        joined = wanted.join(self._subjects, on="subject_id", how="left", maintain_order="left")
        return joined["outside_id"]

    def item_number_of(self, item_id: str) -> int | None:
        """Return the number of the item with this id; None if unknown."""
        found = self._scan(self._parts("items"), ITEM_TABLE_COLUMNS)
        rows = found.filter(pl.col("item_id") == item_id).select("item_number").collect()
        return int(rows["item_number"][0]) if rows.height else None

    def read_table(self, table: str) -> pl.DataFrame:
        """Return all rows of `subjects`, `items`, `versions` or `identities`, as they came."""
        columns = {
            "subjects": SUBJECT_COLUMNS,
            "items": ITEM_TABLE_COLUMNS,
            "versions": VERSION_COLUMNS,
            "identities": IDENTITY_COLUMNS,
        }[table]
        return self._scan(self._parts(table), columns).collect()

    def read_identities(
        self, bucket: int, *, start_at: int | None, end_at: int | None
    ) -> pl.DataFrame:
        """Return `subject_id, event_key, event_id` of a bucket's events, for finding duplicates.

        With a span, parts whose events all lie outside it are left out: equal events have equal
        times.
        """
        parts = self._stored.of("events", bucket) if self._stored is not None else ()
        if start_at is not None and end_at is not None:
            parts = tuple(p for p in parts if p.start_at < end_at and p.end_at > start_at)
        names = ("subject_id", "event_key", "event_id")
        return self._scan(parts, {name: EVENT_COLUMNS[name] for name in names}).collect()

    def read_steps(self, bucket: int, subjects: pl.Series) -> pl.DataFrame:
        """Return `subject_id, item_number, timestamp, event_type` (a text) of subjects' events."""
        parts = self._stored.of("events", bucket) if self._stored is not None else ()
        names = ("subject_id", "item_number", "timestamp", "event_type")
        rows = self._scan(parts, {name: EVENT_COLUMNS[name] for name in names})
        rows = rows.filter(pl.col("subject_id").is_in(subjects.implode()))
        return rows.with_columns(pl.col("event_type").cast(pl.String)).collect()

    def _event_parts(self) -> tuple[Part, ...]:
        parts = self.manifest.of("events")
        if not parts:
            raise NotReady(
                f"There are no events in {self.folder} yet.",
                fix="Store some: habitue ingest FILE…",
                code="no_events",
            )
        return parts

    def _parts(self, table: str) -> tuple[Part, ...]:
        return self._stored.of(table) if self._stored is not None else ()

    def _scan(self, parts: Sequence[Part], columns: dict[str, pl.DataType]) -> pl.LazyFrame:
        """Return the parts' rows with today's columns and types; parts are checked once."""
        if not parts:
            return pl.LazyFrame(schema=columns)
        for part in parts:
            if part.path not in self._checked:
                check_part(self.folder, part)
                self._checked.add(part.path)
        # A column of which a part held nothing is not there.
        rows = pl.scan_parquet(
            [self.folder / part.path for part in parts],
            schema=stored_kinds(columns),
            missing_columns="insert",
            extra_columns="ignore",
        )
        words = [name for name, kind in columns.items() if isinstance(kind, pl.Enum)]
        return rows.with_columns(pl.col(name).cast(columns[name]) for name in words)

    def _derived(self, events: pl.DataFrame, bucket: int, subject_id: int | None) -> pl.DataFrame:
        events = add_sessions(events, gap_minutes=self.cleaning.session_gap_minutes)
        events = flag_bots(events, events_per_day=self.cleaning.bot_events_per_day)
        texts = self._scan(self.manifest.of("texts", bucket), TEXT_COLUMNS)
        if subject_id is not None:
            texts = texts.filter(pl.col("subject_id") == subject_id)
        typed = texts.filter(pl.col("search_query").is_not_null())
        queries = typed.select("subject_id", "event_key", "search_query").collect()
        if queries.is_empty():
            events = events.with_columns(search_query=pl.lit(None, dtype=pl.String))
        else:
            keys = ["subject_id", "event_key"]
            events = events.join(queries, on=keys, how="left", maintain_order="left")
        return events.select(*EVENT_COLUMNS, *DERIVED_COLUMNS)
