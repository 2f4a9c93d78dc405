"""A log with all that makes order matter to careless code: ties, late arrivals, visitors."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from habitue.config import ProfileSettings, Settings, SourceSettings, StoreSettings
from habitue.events.ingest import ingest_files
from habitue.events.store import EventStore
from habitue.profiles.attention import touched_items
from habitue.profiles.facts import build_facts, traits_of
from habitue.profiles.features import build_features
from habitue.profiles.norms import fit_norms
from habitue.profiles.profile import build_profiles
from habitue.schema import DAY, HOUR, parse_time

START_AT = parse_time("2024-03-01")
DAYS = 60
COLUMNS: dict[str, str | list[str]] = {
    "user_id": "user", "anonymous_id": "visitor", "session_id": "session", "event_id": "id",
    "event_type": "event", "timestamp": "at", "received_at": "arrived", "item_id": "item",
    "item_name": "name", "item_category": "category", "price": "price", "quantity": "quantity",
    "order_id": "order", "search_query": "query", "platform": "platform",
}  # fmt: skip
SETTINGS = Settings(
    sources=[SourceSettings(name="log", time_unit="us", columns=COLUMNS)],
    store=StoreSettings(buckets=3),
)
MOMENTS = (START_AT + DAYS // 2 * DAY, START_AT + DAYS * DAY)


def made_rows(num_events: int, *, seed: int = 0, num_persons: int = 40) -> pl.DataFrame:
    """Rows in the order in which they happened; many at one moment, one in five late."""
    rng = np.random.default_rng(seed)
    person = rng.integers(num_persons, size=num_events)
    item = rng.zipf(1.6, size=num_events) % 25
    # Whole hours: what happens at one moment has no order of its own.
    at = START_AT + np.sort(rng.integers(DAYS * 24, size=num_events)) * HOUR
    late = np.where(rng.random(num_events) < 0.2, rng.integers(0, 72, size=num_events), 0)
    kind = rng.choice(
        ["view", "view", "view", "add_to_cart", "purchase", "search", "refund"], size=num_events
    )
    return pl.DataFrame(
        {
            "user": [f"u{n}" if n % 8 else None for n in person],
            "visitor": [f"v{n}" if n % 3 == 0 else None for n in person],
            "session": [f"s{n}-{hour}" if n % 5 == 0 else None
                        for n, hour in zip(person, at // (6 * HOUR), strict=True)],
            "id": [f"e{n}" if n % 7 == 0 else None for n in range(num_events)],
            "event": kind,
            "at": at,
            "arrived": at + late * HOUR,
            "item": [None if what == "search" else f"i{n}"
                     for n, what in zip(item, kind, strict=True)],
            # Names and prices change, within an hour too.
            "name": [f"Thing {n} {rng.integers(3)}" for n in item],
            "category": [f"c{n % 4}/d{n % 7}" if n % 6 else None for n in item],
            "price": 1.1 * (item + 1) + rng.integers(3, size=num_events) / 3,
            "quantity": rng.integers(1, 4, size=num_events),
            "order": [f"o{n}" if what == "purchase" else None
                      for n, what in zip(at // DAY, kind, strict=True)],
            "query": [f"lamp {n}" if what == "search" else None
                      for n, what in zip(item, kind, strict=True)],
            "platform": rng.choice(["web", "app", "store"], size=num_events),
        }
    )  # fmt: skip


def stored(folder: Path, pieces: Sequence[pl.DataFrame]) -> EventStore:
    """Ingest the pieces one after another, each a file of its own."""
    store = EventStore(folder / "store")
    for number, piece in enumerate(pieces):
        path = folder / f"{number:03d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        piece.write_parquet(path)
        ingest_files(store, [path], SETTINGS)
    store.reload()
    return store


def told(store: EventStore, *, with_profiles: bool = True) -> dict[str, pl.DataFrame]:
    """All that is read of a store at several moments, by outside ids.

    Subjects and items are numbered as they come up, so their numbers, and which bucket somebody
    lies in, are the only things that the order of files decides.
    """
    found: dict[str, pl.DataFrame] = {}
    for moment in MOMENTS:
        items = store.items(as_of=moment)
        pieces: dict[str, list[pl.DataFrame]] = {"events": [], "features": [], "facts": []}
        for bucket in range(store.num_buckets):
            frame = store.read_bucket(bucket, as_of=moment)
            pieces["events"].append(_by_names(frame, store))
            features = build_features(frame, touched_items(frame, items), as_of=moment)
            pieces["features"].append(_by_names(features, store))
            facts = build_facts(frame, items, as_of=moment, traits=traits_of(frame))
            pieces["facts"].append(_by_names(facts, store))
        if with_profiles:
            pieces["profiles"] = list(_profiles(store, items, moment))
        for name, frames in pieces.items():
            whole = pl.concat(frames)
            # Within one person the order is that of the store: it must be the same.
            by = ["who"] if "who" in whole.columns else whole.columns
            found[f"{name} {moment}"] = whole.sort(by, maintain_order=True)
        found[f"items {moment}"] = items.drop("item_number").sort("item_id")
    return found


def _profiles(store: EventStore, items: pl.DataFrame, moment: int) -> Iterator[pl.DataFrame]:
    norms = fit_norms(store, as_of=moment, settings=ProfileSettings())
    for bucket in range(store.num_buckets):
        profiles = build_profiles(
            store.read_bucket(bucket, as_of=moment),
            items,
            as_of=moment,
            norms=norms,
            settings=ProfileSettings(),
            user_ids=store.outside_ids,
            predictions={},
            model_version="0001",
        )
        texts = [json.dumps(profile.as_json()) for profile in profiles]
        yield pl.DataFrame({"profile": texts}, schema={"profile": pl.String})


def _by_names(frame: pl.DataFrame, store: EventStore) -> pl.DataFrame:
    subjects = store.read_table("subjects")
    who = subjects.select("subject_id", who=pl.col("kind") + ":" + pl.col("outside_id"))
    frame = frame.join(who, on="subject_id", how="left", maintain_order="left")
    frame = frame.drop("subject_id")
    if "item_number" in frame.columns:
        items = store.read_table("items").select("item_number", "item_id")
        frame = frame.join(items, on="item_number", how="left", maintain_order="left")
        frame = frame.drop("item_number")
    if "anonymous_subject_id" in frame.columns:
        visitors = subjects.select(anonymous_subject_id="subject_id", visitor="outside_id")
        frame = frame.join(
            visitors, on="anonymous_subject_id", how="left", maintain_order="left"
        ).drop("anonymous_subject_id")
    return frame
