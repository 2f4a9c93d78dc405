"""What each day of a log looks like: counts that show where an export broke.

In: an `EventLog`. Out: `DailyFigures`, gathered in one pass, bucket by bucket; its size depends on
the number of days and never on that of events, persons or items. Whom `is_bot` flags is left out,
as in training, and only counted. Knows nothing about what is usual.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from habitue.compute import Progress, Silent
from habitue.events.log import EventLog
from habitue.schema import DAY, EVENT_TYPES, HOUR, MINUTE, PLATFORMS

Counts = npt.NDArray[np.int64]

# Fields an export fills or leaves empty by its own build. Those that depend on what the shop did
# that day (campaign, recommendation, list and position) come and go for good reasons.
FIELDS: Final = (
    "item_number", "price", "quantity", "value", "currency", "platform", "device_type",
    "session_id", "order_id", "search_query", "event_id",
)  # fmt: skip
NEW_DAYS: Final = 7  # an item counts as new for so long
_SAME_EVENT: Final = ("subject_id", "timestamp", "event_type", "item_number", "quantity", "price")
_ITEMS_FOLLOWED: Final = 20_000
_DATE_ONLY: Final = 15 * MINUTE  # every zone's midnight is a whole quarter of an hour in UTC
_PRICE_STEPS: Final = 20  # bins to a factor of ten
_PRICE_BINS: Final = 14 * _PRICE_STEPS  # from 0.0001 to 10,000,000,000
_LOWEST_PRICE: Final = -4  # as a power of ten
LAG_BIN: Final = 5 * MINUTE
_LAG_BINS: Final = 48 * 12 + 1  # two days, and longer


@dataclass(frozen=True)
class Crowd:
    """How the events are shared out among persons, bots apart."""

    persons: int = 0
    events: int = 0
    top_events: int = 0  # of the one who has most
    bot_events: int = 0  # of the busiest of those flagged as bots
    all_events: int = 0  # with those of bots


@dataclass(frozen=True)
class DailyFigures:
    """Counts of D days, the first of which is `first_day` (days since 1970, UTC)."""

    first_day: int
    empty: Counts  # [D, event types, platforms and none, FIELDS] events without the field
    events: Counts  # [D, event types, platforms and none]
    hours: Counts  # [D, 24] by the hour of the day
    bare: Counts  # [D] with a time such as a bare date has
    timed: Counts  # [D] with any other
    repeated: Counts  # [D] of `timed`, equal to an earlier one in all but its id
    prices: Counts  # [D, bins] see `price_of_bin`
    lags: Counts  # [D, bins of LAG_BIN] from happening to arrival
    items: Counts  # [D] events of the items that are followed
    new_items: Counts  # [D, NEW_DAYS] those of items first seen at most so many days before
    crowd: Crowd

    @property
    def num_days(self) -> int:
        """The number of days, D."""
        return len(self.bare)

    @property
    def totals(self) -> Counts:
        """All events of each day, [D]."""
        return np.asarray(self.events.sum(axis=(1, 2)))


def price_of_bin(position: float) -> float:
    """Return the price in the middle of a bin."""
    return float(10 ** ((position + 0.5) / _PRICE_STEPS + _LOWEST_PRICE))


def gather_daily(
    log: EventLog, *, as_of: int | None = None, progress: Progress | None = None
) -> DailyFigures:
    """Read every bucket once and count what each day shows, of what was known at `as_of`.

    Days before the log's `start_at` and after its `end_at` are strays and not looked at.
    """
    first_day = log.start_at // DAY
    end_at = log.end_at if as_of is None else min(log.end_at, as_of)
    tally = _Tally.of(first_day, max((end_at - 1) // DAY - first_day + 1, 1))
    progress = progress or Silent()
    progress.start("Checks of the log", log.num_buckets, "buckets")
    for bucket in range(log.num_buckets):
        tally.add(log.read_bucket(bucket, as_of=as_of), log.num_buckets)
        progress.advance()
    progress.finish()
    return tally.figures()


@dataclass
class _Tally:
    """What has been counted so far."""

    first_day: int
    counts: dict[str, Counts]
    followed: list[pl.DataFrame]  # item, day, events
    follow_every: int  # of so many items, one is followed; 0: not settled yet
    crowd: Crowd

    @classmethod
    def of(cls, first_day: int, num_days: int) -> "_Tally":
        kinds, places = len(EVENT_TYPES), len(PLATFORMS) + 1
        shapes: dict[str, tuple[int, ...]] = {
            "empty": (kinds, places, len(FIELDS)),
            "events": (kinds, places),
            "hours": (24,),
            "bare": (),
            "timed": (),
            "repeated": (),
            "prices": (_PRICE_BINS,),
            "lags": (_LAG_BINS,),
        }
        counts = {name: np.zeros((num_days, *shape), np.int64) for name, shape in shapes.items()}
        return cls(first_day, counts, [], 0, Crowd())

    @property
    def num_days(self) -> int:
        return len(self.counts["bare"])

    def add(self, frame: pl.DataFrame, num_buckets: int) -> None:
        day = (pl.col("timestamp") // DAY - self.first_day).alias("day")
        frame = frame.with_columns(day).filter(pl.col("day").is_between(0, self.num_days - 1))
        self._add_crowd(frame)
        frame = frame.filter(~pl.col("is_bot").fill_null(False))
        self._add_fields(frame)
        self._add_times(frame)
        self._add_prices(frame)
        self._add_items(frame, num_buckets)

    def figures(self) -> DailyFigures:
        items, new_items = _novelty(self.followed, self.num_days)
        return DailyFigures(
            first_day=self.first_day,
            items=items,
            new_items=new_items,
            crowd=self.crowd,
            **self.counts,
        )

    def _count(self, name: str, rows: pl.DataFrame, *keys: str, values: str = "len") -> None:
        position = tuple(rows[key].cast(pl.Int64).to_numpy() for key in keys)
        np.add.at(self.counts[name], position, rows[values].cast(pl.Int64).to_numpy())

    def _add_crowd(self, frame: pl.DataFrame) -> None:
        persons = frame.group_by("subject_id").agg(
            events=pl.len().cast(pl.Int64), is_bot=pl.col("is_bot").fill_null(False).any()
        )
        kept, bots = persons.filter(~pl.col("is_bot")), persons.filter("is_bot")
        old = self.crowd
        self.crowd = Crowd(
            persons=old.persons + kept.height,
            events=old.events + int(kept["events"].sum()),
            top_events=max(old.top_events, _most(kept)),
            bot_events=max(old.bot_events, _most(bots)),
            all_events=old.all_events + frame.height,
        )

    def _add_fields(self, frame: pl.DataFrame) -> None:
        place = pl.col("platform").to_physical().cast(pl.Int64).fill_null(len(PLATFORMS))
        cells = frame.group_by(
            "day", kind=pl.col("event_type").to_physical().cast(pl.Int64), place=place
        ).agg(pl.len(), *(pl.col(field).null_count().alias(f"no_{field}") for field in FIELDS))
        self._count("events", cells, "day", "kind", "place")
        for number, field in enumerate(FIELDS):
            numbered = cells.with_columns(field=pl.lit(number))
            self._count("empty", numbered, "day", "kind", "place", "field", values=f"no_{field}")

    def _add_times(self, frame: pl.DataFrame) -> None:
        hour = (pl.col("timestamp") // HOUR % 24).alias("hour")
        self._count("hours", frame.group_by("day", hour).len(), "day", "hour")
        is_bare = pl.col("timestamp") % _DATE_ONLY == 0
        self._count("bare", frame.filter(is_bare).group_by("day").len(), "day")
        # Of a bare date two equal rows may well be two events.
        timed = frame.filter(~is_bare).select("day", *_SAME_EVENT)
        key = timed.select(_SAME_EVENT).hash_rows(seed=0)
        rows = timed.select("day", key=key).group_by("day")
        found = rows.agg(pl.len(), repeated=pl.len() - pl.col("key").n_unique())
        self._count("timed", found, "day")
        self._count("repeated", found, "day", values="repeated")
        lag = (pl.col("received_at") - pl.col("timestamp")).clip(0) // LAG_BIN
        lags = frame.group_by("day", lag=lag.clip(0, _LAG_BINS - 1)).len()
        self._count("lags", lags, "day", "lag")

    def _add_prices(self, frame: pl.DataFrame) -> None:
        step = ((pl.col("price").log10() - _LOWEST_PRICE) * _PRICE_STEPS).floor()
        priced = frame.filter(pl.col("price") > 0)
        bins = priced.group_by("day", bin=step.clip(0, _PRICE_BINS - 1)).len()
        self._count("prices", bins, "day", "bin")

    def _add_items(self, frame: pl.DataFrame, num_buckets: int) -> None:
        """Count the events of some items by day; which items is settled by the first bucket."""
        touched = frame.drop_nulls("item_number").with_columns(pl.col("item_number").cast(pl.Int64))
        if not self.follow_every and touched.height:
            known = int(touched["item_number"].n_unique())
            self.follow_every = max(1, round(known * min(num_buckets, 4) / _ITEMS_FOLLOWED))
        # Mixed, so that items numbered by one file are not followed together.
        mixed = pl.col("item_number") * 2_654_435_761 % 2**32 % max(self.follow_every, 1)
        counted = touched.filter(mixed == 0).group_by("item_number", "day").len()
        self.followed.append(counted)
        if len(self.followed) >= 16:
            self.followed = [_summed(self.followed)]


def _most(persons: pl.DataFrame) -> int:
    return int(persons["events"].max() or 0)  # type: ignore[arg-type]


def _summed(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(parts).group_by("item_number", "day").agg(pl.col("len").sum())


def _novelty(parts: Sequence[pl.DataFrame], num_days: int) -> tuple[Counts, Counts]:
    """Return each day's events of followed items, and those of items new for 0, 1, … days."""
    all_of, new_of = np.zeros(num_days, np.int64), np.zeros((num_days, NEW_DAYS), np.int64)
    if parts:
        rows = _summed(parts).with_columns(
            age=pl.col("day") - pl.col("day").min().over("item_number")
        )
        day, count = rows["day"].to_numpy(), rows["len"].cast(pl.Int64).to_numpy()
        np.add.at(all_of, day, count)
        young = (rows["age"] < NEW_DAYS).to_numpy()
        np.add.at(new_of, (day[young], rows["age"].to_numpy()[young]), count[young])
    return all_of, np.cumsum(new_of, axis=1)
