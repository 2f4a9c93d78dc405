"""A few handwritten events as `EventStore.read_bucket` would return them."""

from dataclasses import dataclass

import polars as pl

from habitue.schema import DAY, DERIVED_COLUMNS, EVENT_COLUMNS, ITEM_COLUMNS


@dataclass(frozen=True)
class Row:
    subject: int
    at: int
    kind: str = "purchase"
    item: int | None = 0
    value: float | None = None
    price: float | None = None
    order: str | None = None
    platform: str | None = None
    session: int | None = None  # default: one a day
    dwell: float | None = None
    received: int | None = None
    is_bot: bool = False
    campaign: str | None = None


def events(*rows: Row) -> pl.DataFrame:
    columns = {**EVENT_COLUMNS, **DERIVED_COLUMNS}
    given: dict[str, list[object]] = {
        "subject_id": [row.subject for row in rows],
        "timestamp": [row.at for row in rows],
        "received_at": [row.at if row.received is None else row.received for row in rows],
        "event_key": list(range(len(rows))),
        "event_type": [row.kind for row in rows],
        "item_number": [row.item for row in rows],
        "price": [row.price for row in rows],
        "value": [row.value for row in rows],
        "order_id": [row.order for row in rows],
        "platform": [row.platform for row in rows],
        "session_number": [row.at // DAY if row.session is None else row.session for row in rows],
        "dwell_seconds": [row.dwell for row in rows],
        "campaign": [row.campaign for row in rows],
        "is_bot": [row.is_bot for row in rows],
    }
    frame = pl.DataFrame(
        {
            name: pl.Series(given.get(name, [None] * len(rows)), dtype=dtype)
            for name, dtype in columns.items()
        }
    )
    return frame.sort("subject_id", "timestamp", "received_at", "event_key")


def catalogue(*categories: str, prices: tuple[float, ...] = ()) -> pl.DataFrame:
    num = len(categories)
    given: dict[str, list[object]] = {
        "item_number": list(range(num)),
        "item_id": [f"i{number}" for number in range(num)],
        "category": list(categories),
        "price": list(prices) or [None] * num,
    }
    return pl.DataFrame(
        {
            name: pl.Series(given.get(name, [None] * num), dtype=dtype)
            for name, dtype in ITEM_COLUMNS.items()
        }
    )
