"""What lies in a store and in its quarantine, as rows that a person would recognise."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from habitue.events.manifest import read_manifest
from habitue.events.quarantine import read_quarantine
from habitue.events.store import EventStore

Row = dict[str, Any]


def is_untouched(store: Path) -> bool:
    """Whether nothing at all was committed."""
    manifest = read_manifest(store)
    return manifest is None or not manifest.parts


def stored_rows(store: Path) -> list[Row]:
    """All events, with outside ids, what is known of their items, and their texts.

    Fields as in the log; `user` is the outside id, `kind` whose it is; times as ISO in UTC. Where
    there are no events, the rows of the catalogue.
    """
    opened = EventStore(store)
    if opened.is_empty:
        return list(opened.items().iter_rows(named=True))
    frames = [opened.read_bucket(bucket) for bucket in range(opened.num_buckets)]
    subjects = opened.read_table("subjects").select("subject_id", "kind", user="outside_id")
    items = opened.items().select("item_number", "item_id", "name", "category", "brand")
    rows = pl.concat(frames).drop("search_query").join(subjects, on="subject_id", how="left")
    rows = rows.join(items, on="item_number", how="left")
    rows = rows.join(_texts(store), on="event_key", how="left")
    rows = rows.sort("received_at", "timestamp").with_columns(pl.col(pl.Enum).cast(pl.String))
    return [_with_times(row) for row in rows.iter_rows(named=True)]


def set_aside_rows(store: Path) -> list[Row]:
    return list(read_quarantine(store, 1000)[0].iter_rows(named=True))


def _texts(store: Path) -> pl.DataFrame:
    manifest = read_manifest(store)
    parts = manifest.of("texts") if manifest else ()
    kinds = {"event_key": pl.UInt64(), "search_query": pl.String(), "properties": pl.String()}
    # A part has no columns that would hold nothing.
    frames = [pl.read_parquet(store / part.path) for part in parts]
    texts = pl.concat([pl.DataFrame(schema=kinds), *frames], how="diagonal")
    return texts.select(*kinds)


def _with_times(row: Row) -> Row:
    times = {name: _iso(row[name]) for name in ("timestamp", "received_at")}
    return {**row, **times}


def _iso(at: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)
    return moment.isoformat().replace("+00:00", "Z")
