"""A small made-up shop with known truth, for tests that need a log.

Each person loves one category (half of their purchases), visits in a rhythm of their own, and a
third of them leave for good in the last part of the log. In each visit they view two or three
items and sometimes buy one. `make_events` gives the rows as `EventStore.read_bucket` returns
them; `write_csv` gives the same shop as a raw export.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from habitue.schema import DAY, EVENT_TYPE, HOUR, MINUTE, PLATFORM, parse_time

START_AT = parse_time("2024-01-01")
CATEGORIES = (
    "outdoor/camping",
    "outdoor/fishing",
    "home/kitchen",
    "home/garden",
    "toys/puzzles",
    "toys/games",
)
ITEMS_PER_CATEGORY = 10


@dataclass(frozen=True)
class Shop:
    """The made-up shop: its log, its catalogue, and what is true of each person."""

    events: pl.DataFrame  # columns of schema.EVENT_COLUMNS and schema.DERIVED_COLUMNS
    items: pl.DataFrame  # columns of schema.ITEM_COLUMNS
    favourite: dict[int, str]  # subject_id -> category loved
    leaves_at: dict[int, int]  # subject_id -> last moment of activity, of those who leave
    start_at: int
    end_at: int


def make_items() -> pl.DataFrame:
    num = len(CATEGORIES) * ITEMS_PER_CATEGORY
    numbers = np.arange(num)
    category = [CATEGORIES[n // ITEMS_PER_CATEGORY] for n in numbers]
    return pl.DataFrame(
        {
            "item_number": pl.Series(numbers, dtype=pl.Int32),
            "item_id": [f"P{n:03d}" for n in numbers],
            "name": [
                f"{path.split('/')[-1]} thing {n % ITEMS_PER_CATEGORY}"
                for n, path in zip(numbers, category, strict=True)
            ],
            "category": category,
            "brand": [f"brand{n % 4}" for n in numbers],
            "price": 5.0 + 3.0 * (numbers % ITEMS_PER_CATEGORY),
            "text": pl.Series([None] * num, dtype=pl.String),
            "available": [True] * num,
            "is_product": [True] * num,
        }
    )


def make_shop(num_persons: int = 120, days: int = 240, seed: int = 0) -> Shop:
    rng = np.random.default_rng(seed)
    items = make_items()
    prices = items["price"].to_numpy()
    rows: list[tuple[int, int, str, int, float, int]] = []
    favourite: dict[int, str] = {}
    leaves_at: dict[int, int] = {}
    end_at = START_AT + days * DAY
    for person in range(num_persons):
        love = int(rng.integers(len(CATEGORIES)))
        favourite[person] = CATEGORIES[love]
        rhythm_days = float(rng.uniform(3, 14))
        until = end_at
        if rng.random() < 1 / 3:
            until = START_AT + int(rng.uniform(0.4, 0.9) * days) * DAY
            leaves_at[person] = until
        at = START_AT + int(rng.uniform(0, rhythm_days) * DAY)
        visit = 0
        while at < until:
            hour = int(rng.integers(8, 22))
            moment = at - at % DAY + hour * HOUR + int(rng.integers(0, 30)) * MINUTE
            for _ in range(int(rng.integers(2, 4))):
                category = love if rng.random() < 0.5 else int(rng.integers(len(CATEGORIES)))
                item = category * ITEMS_PER_CATEGORY + int(rng.zipf(1.8) - 1) % ITEMS_PER_CATEGORY
                rows.append((person, moment, "view_item", item, prices[item], visit))
                moment += int(rng.integers(20, 300)) * 1_000_000
                if rng.random() < 0.35:
                    rows.append((person, moment, "purchase", item, prices[item], visit))
                    moment += 60_000_000
            visit += 1
            at += int(rng.exponential(rhythm_days) * DAY) + DAY // 2
    return Shop(_frame(rows), items, favourite, leaves_at, START_AT, end_at)


def _frame(rows: list[tuple[int, int, str, int, float, int]]) -> pl.DataFrame:
    person, at, kind, item, price, visit = (list(column) for column in zip(*rows, strict=True))
    frame = pl.DataFrame(
        {
            "subject_id": pl.Series(person, dtype=pl.Int64),
            "timestamp": pl.Series(at, dtype=pl.Int64),
            "event_type": pl.Series(kind, dtype=EVENT_TYPE),
            "item_number": pl.Series(item, dtype=pl.Int32),
            "price": pl.Series(price, dtype=pl.Float64),
            "session_number": pl.Series(visit, dtype=pl.Int32),
        }
    )
    is_purchase = pl.col("event_type") == "purchase"
    none = pl.lit(None, dtype=pl.String)
    frame = frame.sort("subject_id", "timestamp", maintain_order=True).with_columns(
        received_at=pl.col("timestamp"),
        event_key=pl.int_range(pl.len()).cast(pl.UInt64),
        quantity=pl.when(is_purchase).then(1.0),
        value=pl.when(is_purchase).then(pl.col("price")),
        currency=none,
        platform=pl.when(pl.col("subject_id") % 3 == 0)
        .then(pl.lit("app", dtype=PLATFORM))
        .otherwise(pl.lit("web", dtype=PLATFORM)),
        device_type=none,
        session_id=none,
        order_id=pl.when(is_purchase).then(
            pl.format("o{}-{}", pl.col("subject_id"), pl.col("session_number"))
        ),
        list_id=none,
        position=pl.lit(None, dtype=pl.Int32),
        recommendation_id=none,
        campaign=none,
        consent=none,
        event_id=none,
        anonymous_subject_id=pl.lit(None, dtype=pl.Int64),
        is_bot=pl.lit(False),
        search_query=none,
    )
    same_visit = pl.col("session_number").shift(-1).over("subject_id") == pl.col("session_number")
    gap = (pl.col("timestamp").shift(-1).over("subject_id") - pl.col("timestamp")) / 1_000_000
    return frame.with_columns(dwell_seconds=pl.when(same_visit).then(gap).cast(pl.Float32))


@dataclass(frozen=True)
class MemoryLog:
    """The shop as an `EventLog`, in memory, its persons dealt onto four buckets."""

    shop: Shop
    num_buckets: int = 4

    @property
    def start_at(self) -> int:
        return int(self.shop.events["timestamp"].min())  # type: ignore[arg-type]

    @property
    def end_at(self) -> int:
        return int(self.shop.events["timestamp"].max()) + 1  # type: ignore[arg-type]

    def read_bucket(
        self, bucket: int, *, as_of: int | None = None, subject_id: int | None = None
    ) -> pl.DataFrame:
        frame = self.shop.events.filter(pl.col("subject_id") % self.num_buckets == bucket)
        if as_of is not None:
            frame = frame.filter(pl.col("timestamp") < as_of)
        if subject_id is not None:
            frame = frame.filter(pl.col("subject_id") == subject_id)
        return frame

    def items(self, *, as_of: int | None = None) -> pl.DataFrame:
        return self.shop.items


def write_csv(shop: Shop, path: Path) -> Path:
    """Write the shop as a raw export: its own column names, ISO times, one row an event."""
    joined = shop.events.join(shop.items.drop("price"), on="item_number", how="left")
    joined.select(
        customer=pl.format("u{}", pl.col("subject_id").cast(pl.String).str.zfill(4)),
        event_time=pl.from_epoch("timestamp", time_unit="us").dt.strftime("%Y-%m-%d %H:%M:%S"),
        event_type=pl.col("event_type").cast(pl.String).replace({"view_item": "view"}),
        product_id=pl.col("item_id"),
        product_name=pl.col("name"),
        category=pl.col("category"),
        brand=pl.col("brand"),
        price=pl.col("price"),
        quantity=pl.col("quantity").fill_null(1).cast(pl.Int64),
        order_id=pl.col("order_id"),
        platform=pl.col("platform").cast(pl.String),
    ).write_csv(path)
    return path
