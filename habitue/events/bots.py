"""Who is no person: more events on one day than anyone makes.

Derived when events are read, so that it is as it was at `as_of`. Knows nothing about the store.
"""

import polars as pl

from habitue.schema import DAY


def flag_bots(events: pl.DataFrame, *, events_per_day: int) -> pl.DataFrame:
    """Return the events with `is_bot`: true for subjects with a busier day (UTC) than allowed."""
    if events.height <= events_per_day:
        return events.with_columns(is_bot=pl.lit(False))
    busy = events.group_by("subject_id").len().filter(pl.col("len") > events_per_day)
    if busy.is_empty():
        return events.with_columns(is_bot=pl.lit(False))
    days = (
        events.filter(pl.col("subject_id").is_in(busy["subject_id"].implode()))
        .group_by("subject_id", pl.col("timestamp") // DAY)
        .len()
    )
    bots = days.filter(pl.col("len") > events_per_day)["subject_id"].unique()
    return events.with_columns(is_bot=pl.col("subject_id").is_in(bots.implode()))
