"""How little is too little to learn from.

In: an event log. Out: nothing, or a refusal that says how much there is and how much it takes.
Knows nothing about models.
"""

from typing import Final

import numpy as np
import polars as pl

from habitue.errors import NotEnoughData
from habitue.events.log import EventLog
from habitue.schema import POSITIVE_EVENT_TYPES

MIN_PERSONS: Final = 10  # who showed interest in items at least twice; bots do not count
MIN_ITEMS: Final = 2


def check_enough(log: EventLog, *, as_of: int) -> None:
    """Refuse a log from which nothing can be learnt that holds for anybody else.

    Reads only as many buckets as it takes to see that there is enough.

    Raises:
        NotEnoughData: there are too few persons or items before `as_of`.
    """
    persons, items = 0, np.zeros(0, dtype=np.int64)
    for bucket in range(log.num_buckets):
        events = log.read_bucket(bucket, as_of=as_of)
        is_interest = pl.col("event_type").is_in(POSITIVE_EVENT_TYPES) & ~pl.col("is_bot")
        touched = events.filter(is_interest).drop_nulls("item_number")
        counts = touched.group_by("subject_id").len()
        persons += counts.filter(pl.col("len") >= 2).height
        items = np.union1d(items, touched["item_number"].unique().to_numpy())
        if persons >= MIN_PERSONS and len(items) >= MIN_ITEMS:
            return
    raise NotEnoughData(
        f"There is too little to learn from: {persons:,} persons who showed interest in items at "
        f"least twice, and {len(items):,} items. It takes {MIN_PERSONS} such persons and "
        f"{MIN_ITEMS} items.",
        fix="Store more of the log: habitue ingest FILE… What is popular is told without a model: "
        "habitue popular",
    )
