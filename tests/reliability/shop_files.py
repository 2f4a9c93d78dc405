"""A few small files of one shop, and what a store of them must hold after each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import polars as pl

from habitue.config import CleaningSettings, Settings, SourceSettings, StoreSettings
from habitue.errors import HabitueError
from habitue.events.ingest import ingest_files
from habitue.events.ingest_report import IngestReport
from habitue.events.manifest import MANIFEST_FILE, parse_manifest, part_files
from habitue.events.quarantine import read_quarantine
from habitue.events.retry import RetryReport, retry_quarantine
from habitue.events.store import EventStore
from tests.events.made_chunks import all_events

NUM_FILES = 5
EVENTS = SourceSettings(
    name="events",
    columns={
        "event_id": "id",
        "user_id": "user",
        "anonymous_id": "visitor",
        "event_type": "event",
        "timestamp": "at",
        "item_id": "item",
        "price": "price",
        "search_query": "query",
    },
    event_types={"login": "identify"},
)
ITEMS = SourceSettings(name="items", table="items", columns={"item_id": "item", "name": "name"})
SETTINGS = Settings(sources=[EVENTS, ITEMS], store=StoreSettings(buckets=2))


@dataclass(frozen=True)
class State:
    """All that a store tells."""

    events: pl.DataFrame
    items: pl.DataFrame
    subjects: pl.DataFrame
    identities: pl.DataFrame
    set_aside: pl.DataFrame

    def equals(self, other: "State") -> bool:
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return all(mine.equals(theirs) for mine, theirs in pairs)


def write_files(folder: Path, number: int) -> list[Path]:
    """Write what the shop exports the `number`-th time: events, and a catalogue."""
    folder.mkdir(parents=True, exist_ok=True)
    events, items = folder / f"events-{number}.csv", folder / f"items-{number}.csv"
    first = 12 * number
    rows = [
        {
            "id": f"e{n}" if n % 3 else "",
            "user": f"u{n % 7}" if n % 11 else "",
            "visitor": f"v{n % 2}" if n % 13 else "",
            "event": "login" if n % 12 == 6 else ("view", "search", "purchase")[n % 3],
            "at": f"2024-01-{1 + n % 28:02d} 10:{n % 60:02d}:00",
            "item": f"i{n % 7}",
            "price": "free" if n % 17 == 5 else str(n % 9),
            "query": f"lamp {n}" if n % 3 == 1 else "",
        }
        # The last lines of the file before stand in this one again.
        for n in range(max(0, first - 3), first + 12)
    ]
    write_table(events, rows)
    catalogue = [{"item": f"i{n}", "name": f"Thing {n} of {number}"} for n in range(number + 2)]
    write_table(items, catalogue)
    return [items, events]


def write_table(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    pl.DataFrame(rows).write_csv(path)


def ingest(store: Path, files: Sequence[Path]) -> IngestReport:
    return ingest_files(EventStore(store), files, SETTINGS)


def retry(store: Path) -> RetryReport:
    """Feed what was set aside again, prices left alone; some of it is too old by now."""
    columns = {name: column for name, column in EVENTS.columns.items() if name != "price"}
    source = EVENTS.model_copy(update={"columns": columns})
    cleaning = CleaningSettings(earliest="2024-01-10")
    return retry_quarantine(EventStore(store), Settings(sources=[source], cleaning=cleaning))


def state_of(folder: Path) -> State:
    """Read all of a store; every file in it is checked on the way."""
    store = EventStore(folder)
    if store.is_empty:
        return State(*[pl.DataFrame()] * len(fields(State)))
    return State(
        events=all_events(store),
        items=store.items(),
        subjects=store.read_table("subjects"),
        identities=store.read_table("identities"),
        set_aside=read_quarantine(folder, 1000)[0],
    )


def judged(store: Path, old: State, new: State) -> str:
    """Say which of the two states a store is in, or that it is damaged."""
    try:
        found = state_of(store)
    except HabitueError:
        return "damaged"
    return "new" if found.equals(new) else "old" if found.equals(old) else "damaged"


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Return the store's files as they lie there, and what the manifest tells of them.

    Not the record of ingests, which tells of every attempt, nor parts that were replaced.
    """
    path = folder / MANIFEST_FILE
    manifest = parse_manifest(path, path.read_bytes())
    told = replace(manifest, ingests=(), retired=())
    names = part_files(folder) - set(manifest.retired)
    return {name: (folder / name).read_bytes() for name in names} | {"": repr(told).encode()}
