"""Sequences spelled out by hand, and those of the made-up shop, for tests of recommenders."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from habitue.compute import Silent
from habitue.config import TrainingSettings
from habitue.schema import DAY, EVENT_TYPES, parse_time
from habitue.sequences.encoder import encode
from habitue.sequences.sequences import Sequences, concatenate
from habitue.sequences.vocabulary import build_vocabulary
from tests.shop import MemoryLog, Shop

START_AT = parse_time("2024-01-01")

Event = tuple[float, int] | tuple[float, int, str]  # day, column of the item, event type


def day(number: float) -> int:
    return START_AT + round(number * DAY)


def make_sequences(
    histories: Sequence[Sequence[Event]],
    *,
    bots: Sequence[int] = (),
    subject_ids: Sequence[int] | None = None,
) -> Sequences:
    """One history a person; an event without a type is a purchase."""
    full = [[(*event, "purchase")[:3] for event in history] for history in histories]
    flat = [event for history in full for event in history]
    is_bot = np.zeros(len(full), dtype=bool)
    is_bot[list(bots)] = True
    ids = range(len(full)) if subject_ids is None else subject_ids
    return Sequences(
        subject_ids=np.array(ids, dtype=np.int64),
        offsets=np.cumsum([0] + [len(history) for history in full]).astype(np.int64),
        timestamps=np.array([day(float(at)) for at, _, _ in flat], dtype=np.int64),
        event_types=np.array([EVENT_TYPES.index(str(t)) + 1 for _, _, t in flat], dtype=np.int8),
        items=np.array([int(column) + 1 for _, column, _ in flat], dtype=np.int32),
        is_bot=is_bot,
        features={},
    )


def encoded_shop(shop: Shop, *, as_of: int) -> tuple[Sequences, list[str]]:
    """Everyone's whole history, and the item ids of a vocabulary built before `as_of`."""
    log = MemoryLog(shop)
    settings = TrainingSettings(min_item_count=1)
    vocabulary = build_vocabulary(log, as_of=as_of, settings=settings, progress=Silent())
    parts = [
        encode(log.read_bucket(bucket), log.items(), vocabulary)
        for bucket in range(log.num_buckets)
    ]
    return concatenate(parts), list(vocabulary.item_ids)


def with_future(sequences: Sequences, as_of: int, *, num_items: int) -> Sequences:
    """The same persons, each with three more purchases of the first item from `as_of` on."""
    past = sequences.before(as_of)
    parts = []
    for person in range(len(past)):
        one = past.slice(person, person + 1)
        later = as_of + np.array([0, DAY, 2 * DAY])
        kind = np.full(3, EVENT_TYPES.index("purchase") + 1, dtype=np.int8)
        parts.append(
            replace(
                one,
                offsets=np.array([0, one.num_events + 3], dtype=np.int64),
                timestamps=np.concatenate([one.timestamps, later]),
                event_types=np.concatenate([one.event_types, kind]),
                items=np.concatenate([one.items, np.array([1, num_items, 1], dtype=np.int32)]),
                features={},
            )
        )
    return concatenate(parts)


def make_items(num: int, *, category: str = "all") -> pl.DataFrame:
    return pl.DataFrame(
        {
            "item_number": pl.Series(range(num), dtype=pl.Int32),
            "item_id": [f"P{n}" for n in range(num)],
            "name": [f"thing {n}" for n in range(num)],
            "category": [f"shop/{category}"] * num,
            "brand": pl.Series([None] * num, dtype=pl.String),
            "price": [1.0] * num,
            "text": pl.Series([None] * num, dtype=pl.String),
            "available": [True] * num,
            "is_product": [True] * num,
        }
    )
