"""One person's history with events taken out: many variants at once, each a person of its own.

In: a person's events as `EventLog.read_bucket` returns them, and which of them each variant lacks.
Out: one frame of the same columns in which variant n is subject n, visits and bots derived anew,
as if the log had never held the events. Knows nothing about what is computed from it.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from habitue.events.bots import flag_bots
from habitue.events.sessions import add_sessions

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class History:
    """The events of one person, in their order, and how visits and bots are told in this shop."""

    events: pl.DataFrame
    session_gap_minutes: float
    bot_events_per_day: int

    def without(self, removed_VE: Bools) -> pl.DataFrame:
        """Return the rows of V variants, subject n that of row n; True marks an event left out.

        A variant without any event has no row.
        """
        variants, rows = np.nonzero(~removed_VE)
        kept = self.events.select(pl.all().gather(pl.Series(rows, dtype=pl.UInt32)))
        told_apart = kept.with_columns(subject_id=pl.Series(variants, dtype=pl.Int64))
        with_visits = add_sessions(told_apart, gap_minutes=self.session_gap_minutes)
        return flag_bots(with_visits, events_per_day=self.bot_events_per_day)
