"""Calendar periods: which unit suits a log's span, and where each period starts.

Works in local time written as microseconds without a zone ("local µs"), so that days and weeks
are the shop's own and a change to summer time breaks nothing.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import polars as pl

from habitue.report.figures import PeriodUnit
from habitue.schema import DAY, HOUR, MINUTE

EVERY: dict[PeriodUnit, str] = {
    "10 minutes": "10m",
    "hour": "1h",
    "day": "1d",
    "week": "1w",
    "month": "1mo",
    "quarter": "1q",
    "year": "1y",
}
_LENGTH: dict[PeriodUnit, int] = {
    "10 minutes": 10 * MINUTE,
    "hour": HOUR,
    "day": DAY,
    "week": 7 * DAY,
    "month": round(30.44 * DAY),
    "quarter": round(91.3 * DAY),
    "year": round(365.25 * DAY),
}
TIMELINE_UNITS: tuple[PeriodUnit, ...] = ("10 minutes", "hour", "day", "week", "month", "quarter")
COHORT_UNITS: tuple[PeriodUnit, ...] = ("week", "month", "quarter", "year")


def choose_unit(span: int, units: Sequence[PeriodUnit], *, most: int) -> PeriodUnit:
    """Return the finest unit that cuts `span` microseconds into at most `most` periods."""
    for unit in units:
        if span <= most * _LENGTH[unit]:
            return unit
    return units[-1]


def local_time(column: str, time_zone: str) -> pl.Expr:
    """Return UTC microseconds as local date-times without a zone."""
    moment = pl.from_epoch(column, time_unit="us").dt.replace_time_zone("UTC")
    return moment.dt.convert_time_zone(time_zone).dt.replace_time_zone(None)


def to_local(at: int, time_zone: str) -> int:
    """Return a moment in UTC microseconds as local microseconds."""
    frame = pl.DataFrame({"at": [at]}).select(local_time("at", time_zone).dt.epoch("us"))
    return int(frame.item())


def period_starts(first: int, last: int, unit: PeriodUnit) -> list[int]:
    """Return the starts of all periods from that of `first` to that of `last`, and one more."""
    ends = pl.DataFrame({"at": [first, last]}).select(
        pl.from_epoch("at", time_unit="us").dt.truncate(EVERY[unit])
    )["at"]
    beyond = ends.dt.offset_by(EVERY[unit])
    starts = pl.datetime_range(ends[0], beyond[1], EVERY[unit], eager=True)
    return [int(at) for at in starts.dt.epoch("us").to_list()]


def local_datetime(local_at: int) -> datetime:
    """Return local microseconds as a date-time without a zone."""
    return datetime(1970, 1, 1) + timedelta(microseconds=local_at)
