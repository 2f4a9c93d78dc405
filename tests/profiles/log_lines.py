"""Hand-written logs: a few lines that say exactly what a test needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import polars as pl

from habitue.config import ProfileSettings
from habitue.profiles.norms import ShopNorms, fit_norms
from habitue.schema import DAY, EVENT_TYPE, ITEM_COLUMNS, PLATFORM, parse_time
from tests.shop import MemoryLog, Shop, make_shop

MONDAY = parse_time("2024-01-01")
SETTINGS = ProfileSettings()


@dataclass(frozen=True)
class Line:
    """One event; `day` counts from Monday 1 January 2024 and may have a fraction."""

    person: int
    day: float
    kind: str = "purchase"
    item: int | None = 0
    price: float | None = 10.0
    visit: int | None = None  # default: one a day
    order: str | None = None
    platform: str | None = None
    dwell: float | None = None
    quantity: float | None = 1.0
    value: float | None = None
    event_id: str | None = None
    query: str | None = None


def frame_of(lines: Sequence[Line]) -> pl.DataFrame:
    """Return the lines as `EventStore.read_bucket` would."""
    rows = sorted(lines, key=lambda line: (line.person, line.day))
    at = [MONDAY + round(line.day * DAY) for line in rows]
    return pl.DataFrame(
        {
            "subject_id": pl.Series([r.person for r in rows], dtype=pl.Int64),
            "timestamp": pl.Series(at, dtype=pl.Int64),
            "received_at": pl.Series(at, dtype=pl.Int64),
            "event_key": pl.Series(range(len(rows)), dtype=pl.UInt64),
            "event_type": pl.Series([r.kind for r in rows], dtype=EVENT_TYPE),
            "item_number": pl.Series([r.item for r in rows], dtype=pl.Int32),
            "price": pl.Series([r.price for r in rows], dtype=pl.Float64),
            "quantity": pl.Series([r.quantity for r in rows], dtype=pl.Float64),
            "value": pl.Series([r.value for r in rows], dtype=pl.Float64),
            "platform": pl.Series([r.platform for r in rows], dtype=PLATFORM),
            "order_id": pl.Series([r.order for r in rows], dtype=pl.String),
            "event_id": pl.Series([r.event_id for r in rows], dtype=pl.String),
            "session_number": pl.Series(
                [int(r.day) if r.visit is None else r.visit for r in rows], dtype=pl.Int32
            ),
            "dwell_seconds": pl.Series([r.dwell for r in rows], dtype=pl.Float32),
            "is_bot": pl.Series([False] * len(rows), dtype=pl.Boolean),
            "campaign": pl.Series([None] * len(rows), dtype=pl.String),
            "search_query": pl.Series([r.query for r in rows], dtype=pl.String),
        }
    )


def items_of(
    categories: Sequence[str | None],
    *,
    brands: Sequence[str | None] = (),
    prices: Sequence[float | None] = (),
) -> pl.DataFrame:
    """Return a catalogue with an item a category, numbered from 0."""
    num = len(categories)
    columns: dict[str, Sequence[object]] = {
        "item_number": range(num),
        "item_id": [f"P{n}" for n in range(num)],
        "name": [f"thing {n}" for n in range(num)],
        "category": categories,
        "brand": brands or [None] * num,
        "price": prices or [None] * num,
        "text": [None] * num,
        "available": [True] * num,
        "is_product": [True] * num,
    }
    return pl.DataFrame(columns, schema=dict(ITEM_COLUMNS))


def log_of(frame: pl.DataFrame, items: pl.DataFrame) -> MemoryLog:
    """Return hand-written events as a log."""
    return MemoryLog(Shop(frame, items, {}, {}, 0, 0), num_buckets=2)


def norms_of(frame: pl.DataFrame, items: pl.DataFrame, *, as_of: int) -> ShopNorms:
    """Return the norms of hand-written events."""
    return fit_norms(log_of(frame, items), as_of=as_of, settings=SETTINGS)


@cache
def shop() -> Shop:
    """The made-up shop."""
    return make_shop()


@cache
def shop_norms(as_of: int) -> ShopNorms:
    """The made-up shop's norms."""
    return fit_norms(MemoryLog(shop()), as_of=as_of, settings=SETTINGS)


def user_ids(subjects: pl.Series) -> pl.Series:
    """Outside ids such as u0007."""
    return pl.Series([f"u{subject:04d}" for subject in subjects], dtype=pl.String)
