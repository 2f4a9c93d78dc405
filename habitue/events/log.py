"""What every later stage knows of the event store: four ways to read it.

`EventStore` is the real one; anything with these members will do.
"""

from typing import Protocol

import polars as pl


class EventLog(Protocol):
    """A log of events, dealt by person onto buckets; a person's events lie in one bucket."""

    @property
    def num_buckets(self) -> int:
        """The number of buckets, numbered from 0."""

    @property
    def start_at(self) -> int:
        """The first event's moment, in microseconds."""

    @property
    def end_at(self) -> int:
        """One microsecond after the last event."""

    def read_bucket(
        self, bucket: int, *, as_of: int | None = None, subject_id: int | None = None
    ) -> pl.DataFrame:
        """Return events sorted by (subject_id, timestamp, received_at, event_key).

        Columns: `schema.EVENT_COLUMNS` and `schema.DERIVED_COLUMNS`. With `as_of`, only events
        with `timestamp < as_of` and `received_at <= as_of`, and derived columns as they were
        then. With `subject_id`, that subject alone (the bucket must be the subject's).
        """

    def items(self, *, as_of: int | None = None) -> pl.DataFrame:
        """Return the catalogue, columns `schema.ITEM_COLUMNS`, sorted by item_number.

        With `as_of`, only items first seen before it (in an event, or in a catalogue file), with
        the attributes known then.
        """
