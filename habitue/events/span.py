"""The span of a log: when it truly begins and ends.

A handful of events with a wrong clock, years before or after all others, must not make a log of
nine days look like one of three years. In: an `EventLog`. Out: `Span`. Knows nothing about why
anybody asks.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from habitue.checksums import read_sealed, write_sealed
from habitue.display import quoted
from habitue.errors import HabitueError, NotEnoughData, NotReady, Refused
from habitue.events.log import EventLog
from habitue.schema import MINUTE, format_time

STRAY_SHARE = 0.001  # at most so many of all events, at each end, may be strays
STRAY_GAP = 0.1  # and only beyond a pause of this part of the time all others span


@dataclass(frozen=True)
class Span:
    """From the first event to one microsecond after the last, strays left out, in µs."""

    start_at: int
    end_at: int
    strays: int  # events outside
    arrived_at: int = 0  # when the last event arrived; 0: nobody looked


def span_of(log: EventLog, *, as_of: int | None = None) -> Span:
    """Return when the log begins and ends; with `as_of`, of what was known then.

    Raises:
        NotReady: there are no events (before `as_of`).
        NotEnoughData: there are, and all of them arrived only later.
    """
    minutes = np.empty(0, dtype=np.int64)
    counts = np.empty(0, dtype=np.int64)
    last_in_minute = np.empty(0, dtype=np.int64)
    arrived_at = 0
    first_in_minute = np.empty(0, dtype=np.int64)
    for bucket in range(log.num_buckets):
        at = pl.col("timestamp")
        events = log.read_bucket(bucket, as_of=as_of)
        if events.height:
            arrived_at = max(arrived_at, int(events["received_at"].to_numpy().max()))
        found = events.group_by(minute=at // MINUTE).agg(
            count=pl.len().cast(pl.Int64), first=at.min(), last=at.max()
        )
        minutes = np.concatenate([minutes, found["minute"].to_numpy()])
        counts = np.concatenate([counts, found["count"].to_numpy()])
        first_in_minute = np.concatenate([first_in_minute, found["first"].to_numpy()])
        last_in_minute = np.concatenate([last_in_minute, found["last"].to_numpy()])
        order = np.argsort(minutes, kind="stable")
        minutes, counts = minutes[order], counts[order]
        first_in_minute, last_in_minute = first_in_minute[order], last_in_minute[order]
    if not len(minutes):
        raise _nothing_known(log, as_of)
    first, last = _without_strays(minutes, counts)
    return Span(
        start_at=int(first_in_minute[first]),
        end_at=int(last_in_minute[last]) + 1,
        strays=int(counts[:first].sum() + counts[last + 1 :].sum()),
        arrived_at=arrived_at,
    )


def _nothing_known(log: EventLog, as_of: int | None) -> Refused:
    """Tell a log without events before a moment from one whose events arrived only later."""
    num_hidden, arrived_at = 0, []
    for bucket in range(log.num_buckets if as_of is not None else 0):
        happened = log.read_bucket(bucket).filter(pl.col("timestamp") < as_of)
        num_hidden += happened.height
        arrived_at += happened["received_at"].sort().head(1).to_list()
    if as_of is None or not num_hidden:
        return NotReady(
            "The log holds no events before that moment.",
            fix="Store some: habitue ingest FILE… (or name a later --as-of).",
            code="no_events",
        )
    return NotEnoughData(
        f"None of the {num_hidden:,} events before {format_time(as_of)} had arrived by then: the "
        f"first did at {format_time(min(arrived_at))}, says received_at.",
        fix="If that is the time of an export, take received_at out of the columns in "
        f"habitue.toml, remove {_place_of(log)}, and ingest the files again: habitue ingest FILE…",
    )


def _place_of(log: EventLog) -> str:
    """Return the folder in which the log lies, if it lies in one."""
    folder = log.folder if isinstance(log, SpannedLog) else None
    return "the folder store beside it" if folder is None else f"the folder {quoted(folder)}"


def kept_span(log: EventLog, cache: Path, *, fingerprint: str) -> Span:
    """Return the span of the whole log, kept in the file `cache` until the log changes.

    Raises:
        NotReady: there are no events.
    """
    with suppress(HabitueError):  # what is not there, or damaged, is computed
        known = read_sealed(cache)
        if known["fingerprint"] == fingerprint and "arrived_at" in known["span"]:
            return Span(**known["span"])
    span = span_of(log)
    with suppress(HabitueError):  # a full disk, or a folder that may only be read, still answers
        write_sealed(cache, {"fingerprint": fingerprint, "span": vars(span)})
    return span


def _without_strays(
    minutes: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]
) -> tuple[int, int]:
    """Return the positions of the first and the last minute (ascending) that count."""
    running = np.cumsum(counts)
    total = running[-1]
    low = int(np.searchsorted(running, STRAY_SHARE * total, side="right"))
    high = int(np.searchsorted(running, (1 - STRAY_SHARE) * total, side="left"))
    core = minutes[max(high, low)] - minutes[low]
    gaps = np.diff(minutes)
    wide = np.flatnonzero(gaps > max(STRAY_GAP * core, 1))
    before, after = wide[wide < low], wide[wide >= high]
    first = int(before[-1]) + 1 if len(before) else 0
    last = int(after[0]) if len(after) else len(minutes) - 1
    return first, last


@dataclass(frozen=True)
class SpannedLog:
    """A log whose `start_at` and `end_at` leave strays out; everything else is the log's own."""

    log: EventLog
    span: Span
    folder: Path | None = field(default=None, kw_only=True)  # in which the log lies

    @property
    def num_buckets(self) -> int:
        """The number of buckets."""
        return self.log.num_buckets

    @property
    def start_at(self) -> int:
        """When the log truly begins, in microseconds."""
        return self.span.start_at

    @property
    def end_at(self) -> int:
        """One microsecond after it truly ends."""
        return self.span.end_at

    def read_bucket(
        self, bucket: int, *, as_of: int | None = None, subject_id: int | None = None
    ) -> pl.DataFrame:
        """Read a bucket of the log; see `EventLog.read_bucket`."""
        return self.log.read_bucket(bucket, as_of=as_of, subject_id=subject_id)

    def items(self, *, as_of: int | None = None) -> pl.DataFrame:
        """Read the catalogue; see `EventLog.items`."""
        return self.log.items(as_of=as_of)
