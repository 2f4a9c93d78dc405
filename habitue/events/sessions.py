"""Visits: where one ends and the next begins, and how long each event was dwelt on.

Derived when events are read, never stored, for a late event may join or split visits. Knows
nothing about the store.
"""

import polars as pl

from habitue.schema import MINUTE, SECOND


def add_sessions(events: pl.DataFrame, *, gap_minutes: float) -> pl.DataFrame:
    """Return the events, sorted by subject and time, with `session_number` and `dwell_seconds`.

    A pause longer than `gap_minutes` starts a new session, and so does another session id than
    the one last given. The last event of a session has no dwell.
    """
    same_subject = pl.col("subject_id") == pl.col("subject_id").shift(1)
    pause = pl.col("timestamp") - pl.col("timestamp").shift(1)
    starts = ~same_subject.fill_null(False) | (pause > round(gap_minutes * MINUTE))
    if events["session_id"].null_count() < events.height:
        # An event without a session id says nothing: the last id given still holds.
        last_given = pl.col("session_id").forward_fill().over("subject_id")
        changed = pl.col("session_id") != last_given.shift(1)
        starts = starts | changed.fill_null(False)
    events = events.with_columns(_starts=starts)
    session = pl.col("_starts").cast(pl.Int32).cum_sum().over("subject_id") - 1
    stays = (pl.col("subject_id") == pl.col("subject_id").shift(-1)) & ~pl.col("_starts").shift(-1)
    dwell = (pl.col("timestamp").shift(-1) - pl.col("timestamp")) / SECOND
    return events.with_columns(
        session_number=session.cast(pl.Int32),
        dwell_seconds=pl.when(stays).then(dwell).cast(pl.Float32),
    ).drop("_starts")
