"""A log as it is known now: what happened before a moment and arrived at any time.

As of a moment in the past nothing counts that arrived after it, or the future would be looked at.
Now is different: between the last event and now late events came in, and they are there to be
read. At the one moment `at`, `ArrivedLog` reads them as if they had arrived by then; at all others
it is the log. Knows nothing about who asks.
"""

from dataclasses import dataclass

import polars as pl

from habitue.events.span import SpannedLog
from habitue.events.store import EventStore


@dataclass(frozen=True)
class ArrivedLog(SpannedLog):
    """The log, at the moment `at` with all that arrived up to `known_at`."""

    store: EventStore
    at: int
    known_at: int

    def read_bucket(
        self, bucket: int, *, as_of: int | None = None, subject_id: int | None = None
    ) -> pl.DataFrame:
        """Read a bucket of the log; see `EventLog.read_bucket`."""
        known_at = self.known_at if as_of == self.at else None
        return self.store.read_bucket(bucket, as_of=as_of, subject_id=subject_id, known_at=known_at)

    def items(self, *, as_of: int | None = None) -> pl.DataFrame:
        """Read the catalogue; see `EventLog.items`."""
        return self.store.items(as_of=as_of, known_at=self.known_at if as_of == self.at else None)
