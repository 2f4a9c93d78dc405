"""Cleaning step: the times of a device whose clock is wrong.

Comes in: a batch with times in microseconds. Goes out: the same without `sent_at`, its timestamps
by the receiver's clock, and as they came as `_clock_time`. A source maps `sent_at` where the clock
that gave the timestamp also says when the record was sent: what lies between that and its arrival
is how wrong the clock is. A sending time that cannot be read corrects nothing. Knows nothing about
what happened.
"""

from dataclasses import replace
from typing import Final

import polars as pl

from habitue.events.batch import Batch
from habitue.events.clean_times import moments_of
from habitue.schema import HOUR, MINUTE

_SMALLEST: Final = 5 * MINUTE  # less may be the way from the sender to the receiver
_LARGEST: Final = 24 * HOUR  # more is no clock but something else; the time is judged as it is


def correct_skew(batch: Batch) -> Batch:
    """Move timestamps by as much as the clock that gave them is ahead or behind.

    The correction is a whole number of minutes, so that a second delivery of the same record, a
    little slower on its way, nearly always gets the same time; it is told by the time as it came.
    """
    if not batch.has("sent_at"):
        return batch
    sent_at = moments_of(batch.frame["sent_at"], batch.source)
    batch = replace(batch, frame=batch.frame.drop("sent_at"))
    if batch.has("received_at"):
        ahead = pl.lit(sent_at) - pl.col("received_at")
        minutes = ((ahead + MINUTE // 2) // MINUTE) * MINUTE
        is_wrong = ahead.abs().is_between(_SMALLEST, _LARGEST).fill_null(False)
        batch = batch.repair(is_wrong, "clock_corrected")
        corrected = pl.when(is_wrong).then(pl.col("timestamp") - minutes).otherwise("timestamp")
        batch = batch.with_columns(timestamp=corrected, _clock_time=pl.col("timestamp"))
    return batch
