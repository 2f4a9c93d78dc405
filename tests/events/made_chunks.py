"""Chunks, sources and ingests for tests of cleaning and storing."""

from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from habitue.config import CleaningSettings, Settings, SourceSettings, StoreSettings
from habitue.events.batch import Rules
from habitue.events.clean import Cleaned, clean
from habitue.events.ingest import Input, ingest_inputs
from habitue.events.ingest_report import IngestReport
from habitue.events.records import RecordChunk, Rejection, rejected_frame
from habitue.events.store import EventStore
from habitue.schema import parse_time

NOW = parse_time("2024-06-01")
EVENT_COLUMNS = {
    "event_id": "id",
    "user_id": "user",
    "anonymous_id": "visitor",
    "session_id": "session",
    "event_type": "event",
    "timestamp": "at",
    "received_at": "received",
    "item_id": "item",
    "item_name": "name",
    "item_category": "category",
    "item_brand": "brand",
    "item_variant": "variant",
    "price": "price",
    "quantity": "quantity",
    "value": "value",
    "currency": "currency",
    "order_id": "order",
    "search_query": "query",
    "properties": "properties",
    "platform": "platform",
    "position": "position",
}
ITEM_COLUMNS = {
    "item_id": "item",
    "name": "name",
    "category": "category",
    "brand": "brand",
    "price": "price",
    "created_at": "created",
    "available": "available",
    "text": "text",
}
Row = Mapping[str, object]


def events_source(**changes: object) -> SourceSettings:
    columns = dict(EVENT_COLUMNS)
    return SourceSettings.model_validate({"name": "shop", "columns": columns, **changes})


def items_source(**changes: object) -> SourceSettings:
    columns = dict(ITEM_COLUMNS)
    given = {"name": "catalogue", "table": "items", "columns": columns, **changes}
    return SourceSettings.model_validate(given)


def good(**cells: object) -> dict[str, object]:
    """A row with which nothing is wrong, but for the cells given."""
    return {"user": "u1", "event": "view", "at": "2024-01-02 10:00:00", "item": "A", **cells}


def chunk(
    rows: Sequence[Row],
    *,
    first_record: int = 1,
    records: Sequence[int] | None = None,
    rejected: Iterable[Rejection] = (),
) -> RecordChunk:
    """The rows as a reader gives them; all cells text, unless a column has other values."""
    names = dict.fromkeys(name for row in rows for name in row)
    cells = {name: [row.get(name) for row in rows] for name in names}
    frame = pl.DataFrame({name: _column(name, values) for name, values in cells.items()})
    numbers = records or range(first_record, first_record + len(rows))
    position = pl.Series("_record", numbers, dtype=pl.UInt64)
    frame = frame.with_columns(
        position,
        _line=position + 1,
        _offset=position * 100,
    )
    return RecordChunk(frame, rejected_frame(rejected))


def _column(name: str, values: list[object]) -> pl.Series:
    if all(value is None for value in values):
        return pl.Series(name, values, dtype=pl.String)
    return pl.Series(name, values)


def cleaned(rows: Sequence[Row], source: SourceSettings | None = None, **rules: object) -> Cleaned:
    cleaning = CleaningSettings.model_validate(rules)
    return clean(chunk(rows).frame, source or events_source(), Rules.of(cleaning, now=NOW))


def ingest_rows(
    store: EventStore,
    *rows: Row,
    name: str = "events.csv",
    source: SourceSettings | None = None,
) -> IngestReport:
    return ingest_chunks(store, chunk(rows), name=name, source=source)


def ingest_chunks(
    store: EventStore,
    *chunks: RecordChunk,
    name: str = "events.csv",
    source: SourceSettings | None = None,
    buckets: int = 2,
) -> IngestReport:
    given = Input(name, source or events_source(), lambda: chunks)
    settings = Settings(store=StoreSettings(buckets=buckets))
    return ingest_inputs(store, [given], settings, now=NOW)


def all_events(store: EventStore, as_of: int | None = None) -> pl.DataFrame:
    buckets = [store.read_bucket(bucket, as_of=as_of) for bucket in range(store.num_buckets)]
    return pl.concat(buckets).sort("subject_id", "timestamp", "received_at", "event_key")
