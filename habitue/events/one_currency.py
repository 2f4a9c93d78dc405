"""A log whose money is all in one currency, because amounts in several cannot be added up.

In: the event store. Out: an `EventLog` whose events in another currency have lost their amounts and
are still there. The currency is the shop's own where the settings name it, else the one of most
purchases before the moment asked about. Nothing is ever converted. Knows nothing about what is
summed.
"""

from dataclasses import dataclass, field

import polars as pl

from habitue.events.store import EventStore

_AMOUNTS = ("price", "value")


@dataclass(frozen=True)
class OneCurrencyLog:
    """The store, read in one currency."""

    store: EventStore
    declared: str = ""  # the shop's own; empty where it is not known
    _chosen: dict[int | None, str] = field(default_factory=dict, compare=False, repr=False)

    @property
    def num_buckets(self) -> int:
        """The number of buckets."""
        return self.store.num_buckets

    @property
    def start_at(self) -> int:
        """The first event's moment, in microseconds."""
        return self.store.start_at

    @property
    def end_at(self) -> int:
        """One microsecond after the last event."""
        return self.store.end_at

    def currency(self, as_of: int | None = None) -> str:
        """Return the one in which amounts are told; empty where nothing names any."""
        if self.declared in self.store.currencies():
            return self.declared
        if as_of not in self._chosen:
            counts = self.store.currencies(as_of=as_of)
            self._chosen[as_of] = max(counts, key=lambda code: (counts[code], code), default="")
        return self._chosen[as_of] or self.declared

    def read_bucket(
        self, bucket: int, *, as_of: int | None = None, subject_id: int | None = None
    ) -> pl.DataFrame:
        """Return a bucket's events, amounts in one currency only; see `EventLog.read_bucket`."""
        events = self.store.read_bucket(bucket, as_of=as_of, subject_id=subject_id)
        if len(self.store.currencies()) < 2:
            return events
        told = self.currency(as_of)
        # An event that names no currency is in the shop's own, if anybody has said which that is.
        is_told = pl.col("currency") == told
        if told == self.declared:
            is_told = is_told | pl.col("currency").is_null()
        return events.with_columns(
            pl.when(is_told).then(amount).alias(amount) for amount in _AMOUNTS
        )

    def items(self, *, as_of: int | None = None) -> pl.DataFrame:
        """Return the catalogue; see `EventLog.items`."""
        return self.store.items(as_of=as_of)
