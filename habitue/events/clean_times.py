"""Cleaning steps: times of any kind to microseconds in UTC, and which of them cannot be true.

Comes in: a batch whose time columns are text, numbers or native times. Goes out: int64
microseconds since 1970 in UTC. One unit and one zone a source; none is ever guessed here. Knows
nothing about what happened at those times.
"""

from dataclasses import dataclass
from typing import Final

import polars as pl

from habitue.config import SourceSettings
from habitue.events.batch import TIME_FIELDS, Batch
from habitue.schema import DAY, HOUR, MINUTE, parse_time

_FACTORS: Final = {"s": 1_000_000.0, "ms": 1_000.0, "us": 1.0, "ns": 0.001, "days": float(DAY)}
UNIT_WORDS: Final = {
    "s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds",
}  # fmt: skip
_FARTHEST: Final = 4e18  # µs; an integer holds little more
_IMPOSSIBLE: Final = 9e18
_PLAUSIBLE: Final = (6e14, 4.2e15)  # µs: 1989 to 2103
_FAST_FORMAT: Final = "%Y-%m-%d %H:%M:%S"
_UTC_FORMAT: Final = "%Y-%m-%dT%H:%M:%S%.fZ"
# A leap second is none of these.
_UTC: Final = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:[0-5]\d(?:\.\d{1,9})?Z$"
_ISO: Final = (
    r"^\s*(?P<year>\d{4})[-/](?P<month>\d{1,2})[-/](?P<day>\d{1,2})"
    r"(?:[T ]+(?P<hour>\d{1,2})(?::(?P<minute>\d{2})"
    r"(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?)?"
    r"\s*(?P<zone>Z|z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?)?\s*$"
)


@dataclass(frozen=True)
class _Moments:
    """Times as µs in UTC (null: not readable), and what was special about them."""

    at: pl.Series
    has_no_zone: pl.Series
    is_date_only: pl.Series
    was_moved: pl.Series  # a leap second, or an hour that daylight saving skips or repeats


def read_times(batch: Batch) -> Batch:
    """Turn each time column into microseconds in UTC; reject what cannot be read."""
    for field in TIME_FIELDS:
        if not batch.has(field):
            continue
        column = batch.frame[field]
        is_blank = column.is_null()
        if column.dtype == pl.String:
            is_blank = is_blank | (column.str.strip_chars() == "")
        moments = _moments(column, batch.source)
        batch = _reject_huge(batch, field, column, moments.at)
        batch = _hint_at_units(batch, column, moments.at)
        batch = batch.with_columns(moments.at.alias(field))
        batch = batch.reject(moments.at.is_null() & ~is_blank, "time_not_readable", field)
        batch = batch.repair(moments.is_date_only, "time_date_only")
        batch = batch.repair(moments.was_moved, "time_moved")
        batch = batch.remark(moments.has_no_zone, "time_without_zone")
    return batch


def moments_of(column: pl.Series, source: SourceSettings) -> pl.Series:
    """Return a column of times as µs in UTC, read as the source says; null: not readable."""
    return _moments(column, source).at


def check_times(batch: Batch) -> Batch:
    """Reject events without a time, and times that lie before the shop's or ahead of now."""
    batch = batch.reject(pl.col("timestamp").is_null(), "time_missing", "timestamp")
    for field in ("timestamp", "received_at"):
        if batch.has(field):
            batch = _check_span(batch, field)
    return batch


def fill_received(batch: Batch) -> Batch:
    """Let an event be received when it happened, where the file does not say or says earlier."""
    if not batch.has("received_at"):
        return batch.with_columns(received_at=pl.col("timestamp"))
    batch = batch.repair(pl.col("received_at") < pl.col("timestamp"), "received_before_event")
    return batch.with_columns(received_at=pl.max_horizontal("received_at", "timestamp"))


def check_created(batch: Batch) -> Batch:
    """Forget when a catalogue row was created, where that cannot be true: it counts from always."""
    if not batch.has("created_at"):
        return batch
    at, rules = pl.col("created_at"), batch.rules
    is_odd = (at < rules.earliest_at) | (at > rules.latest_at)
    batch = batch.repair(is_odd, "created_at_dropped")
    return batch.with_columns(created_at=pl.when(~is_odd).then(at))


def _check_span(batch: Batch, field: str) -> Batch:
    at, rules = pl.col(field), batch.rules
    batch = batch.reject(at.abs() < DAY, "ts_epoch_zero", field)
    is_outside = (at < rules.earliest_at) | (at > rules.latest_at)
    if not batch.rows(is_outside).any():
        return batch
    fits_other_unit = pl.lit(False)
    if batch.source.time_unit in UNIT_WORDS:
        # A number read in the wrong one of these units is off by a power of a thousand.
        for factor in (1e3, 1e6, 1e9, 1e-3, 1e-6, 1e-9):
            other = at.cast(pl.Float64) * factor
            fits = other.is_between(float(rules.earliest_at), float(rules.latest_at))
            fits_other_unit = fits_other_unit | fits
    batch = batch.reject(is_outside & fits_other_unit, "ts_other_unit", field)
    batch = batch.reject(at < rules.earliest_at, "ts_too_old", field)
    return batch.reject(at > rules.latest_at, "ts_future", field)


def _reject_huge(batch: Batch, field: str, column: pl.Series, at: pl.Series) -> Batch:
    """Reject whole numbers of more than 64 bits, whatever they would be a time of."""
    is_odd = at.is_null() | (at.abs() >= _PLAUSIBLE[1])
    if batch.source.time_unit == "iso" or column.dtype.is_temporal() or not is_odd.any():
        return batch
    is_number = column.cast(pl.Float64, strict=False).is_not_null()
    is_huge = is_odd & is_number & column.cast(pl.Int64, strict=False).is_null()
    if column.dtype == pl.String:
        is_huge = is_huge & column.str.contains(r"^\s*[+-]?\d+\s*$")
    return batch.reject(is_huge, "number_range", field)


def _hint_at_units(batch: Batch, column: pl.Series, at: pl.Series) -> Batch:
    """Note of times that cannot be true in which unit their numbers would be."""
    unit, rules = batch.source.time_unit, batch.rules
    is_odd = ~at.is_between(rules.earliest_at, rules.latest_at)
    if unit not in UNIT_WORDS or not is_odd.any():
        return batch
    number = column.cast(pl.Float64, strict=False)
    for other in UNIT_WORDS:
        in_other = number * _FACTORS[other]
        fits = in_other.is_between(float(rules.earliest_at), float(rules.latest_at))
        batch = batch.hint(is_odd & fits, other)
    return batch


def _moments(column: pl.Series, source: SourceSettings) -> _Moments:
    none = pl.repeat(False, len(column), dtype=pl.Boolean, eager=True)
    if isinstance(column.dtype, pl.Datetime):
        if column.dtype.time_zone is not None:
            return _Moments(_epoch(column), none, none, none)
        return _in_zone(column.dt.cast_time_unit("us"), source.time_zone, column.is_not_null())
    if column.dtype == pl.Date:
        local = column.cast(pl.Datetime("us"))
        found = _in_zone(local, source.time_zone, column.is_not_null())
        return _Moments(found.at, found.has_no_zone, column.is_not_null(), found.was_moved)
    if source.time_format:
        return _of_format(column.cast(pl.String), source)
    if source.time_unit != "iso":
        return _Moments(_of_numbers(column, source), none, none, none)
    if column.dtype != pl.String:
        return _Moments(pl.repeat(None, len(column), dtype=pl.Int64, eager=True), none, none, none)
    return _of_iso(column, source)


def _of_numbers(column: pl.Series, source: SourceSettings) -> pl.Series:
    """Return numbers of the source's unit as µs; whole ones exactly."""
    factor = _FACTORS[source.time_unit]
    origin = parse_time(source.time_origin) if source.time_unit == "days" else 0
    texts = column.str.strip_chars() if column.dtype == pl.String else column
    number = pl.col("n").cast(pl.Float64, strict=False)
    whole = pl.col("n").cast(pl.Int64, strict=False)
    exact = whole // 1000 if source.time_unit == "ns" else whole * int(factor)
    near = number * factor
    at = (
        # What is too large for an integer is kept as an impossible time, so that its reason can
        # be told: the wrong unit, or simply wrong.
        pl.when((near.abs() >= _FARTHEST) & (near * 1e-6).is_between(*_PLAUSIBLE))
        .then(near * 1e-3)
        .when((near.abs() >= _FARTHEST) & (near * 1e-9).is_between(*_PLAUSIBLE))
        .then(near * 1e-6)
        .when(near.abs() >= _FARTHEST)
        .then(near.sign() * _IMPOSSIBLE)
        .when(whole.is_not_null() & (whole.cast(pl.Float64) == number))
        .then(exact)
        .otherwise(near.round())
    )
    frame = pl.DataFrame({"n": texts}).select(at=pl.when(number.is_finite()).then(at))
    return frame["at"].cast(pl.Int64) + origin


def _of_format(texts: pl.Series, source: SourceSettings) -> _Moments:
    """Return texts read with the source's strptime pattern."""
    texts, pattern = texts.str.strip_chars(), source.time_format
    none = pl.repeat(False, len(texts), dtype=pl.Boolean, eager=True)
    has_clock = any(mark in pattern for mark in ("%H", "%I", "%T", "%R", "%s", "%c"))
    if not has_clock:
        local = texts.str.to_date(pattern, strict=False).cast(pl.Datetime("us"))
        found = _in_zone(local, source.time_zone, local.is_not_null())
        return _Moments(found.at, found.has_no_zone, local.is_not_null(), found.was_moved)
    parsed = texts.str.to_datetime(pattern, strict=False, time_unit="us")
    if parsed.dtype == pl.Datetime("us", "UTC"):
        return _Moments(_epoch(parsed), none, none, none)
    # A zone written out in the pattern is the times' zone.
    if pattern.endswith((" UTC", " GMT", "Z")):
        return _Moments(_epoch(parsed), none, none, none)
    return _in_zone(parsed, source.time_zone, parsed.is_not_null())


def _of_iso(texts: pl.Series, source: SourceSettings) -> _Moments:
    """Return ISO 8601 texts: with or without time of day, fraction of a second and zone."""
    local = texts.str.to_datetime(_FAST_FORMAT, strict=False, time_unit="us")
    rest = (local.is_null() & texts.is_not_null()).arg_true()
    if rest.is_empty():
        return _in_zone(local, source.time_zone, texts.is_not_null())
    if rest.len() == texts.count() and (utc := _all_in_utc(texts)) is not None:
        return utc
    found = _of_iso_parts(texts.gather(rest), source)
    if rest.len() == len(texts):
        return found
    fast = _in_zone(local, source.time_zone, local.is_not_null())
    return _Moments(
        _patched(fast.at, rest, found.at),
        _patched(fast.has_no_zone, rest, found.has_no_zone),
        _patched(fast.is_date_only, rest, found.is_date_only),
        _patched(fast.was_moved, rest, found.was_moved),
    )


def _all_in_utc(texts: pl.Series) -> _Moments | None:
    """Return times that are all written as 2024-01-31T23:59:59.999Z, else None."""
    if not texts.str.contains(_UTC).all():
        return None
    parsed = texts.str.to_datetime(_UTC_FORMAT, strict=False, time_unit="us")
    if parsed.null_count() > texts.null_count():
        return None
    none = pl.repeat(False, len(texts), dtype=pl.Boolean, eager=True)
    return _Moments(_epoch(parsed), none, none, none)


def _patched(column: pl.Series, rows: pl.Series, values: pl.Series) -> pl.Series:
    # `scatter` works in place, and the columns of a `_Moments` may be one and the same.
    return column.clone().scatter(rows, values)


def _of_iso_parts(texts: pl.Series, source: SourceSettings) -> _Moments:
    parts = texts.str.extract_groups(_ISO).struct.unnest()
    is_leap = (parts["second"] == "60").fill_null(False)
    clean = parts.select(
        text=pl.format(
            "{}-{}-{} {}:{}:{}.{}",
            "year",
            "month",
            "day",
            pl.col("hour").fill_null("0"),
            pl.col("minute").fill_null("0"),
            pl.when(is_leap).then(pl.lit("59")).otherwise(pl.col("second").fill_null("0")),
            pl.when(is_leap).then(pl.lit("999")).otherwise(pl.col("fraction").fill_null("0")),
        )
    )["text"]
    local = clean.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False, time_unit="us")
    zone = parts["zone"]
    has_no_zone = zone.is_null() & local.is_not_null()
    naive = _in_zone(local, source.time_zone, has_no_zone)
    at = pl.select(at=pl.when(has_no_zone).then(naive.at).otherwise(_epoch(local) - _offset(zone)))
    is_date_only = parts["hour"].is_null() & local.is_not_null()
    moved = is_leap | (naive.was_moved & has_no_zone)
    return _Moments(at["at"], has_no_zone, is_date_only, moved)


def _offset(zone: pl.Series) -> pl.Series:
    """Return what a written zone lies ahead of UTC, in µs; null where no zone is that far."""
    digits = zone.str.replace(":", "", literal=True)
    is_named = digits.str.contains(r"^(Z|z|UTC|GMT)$")
    hours = digits.str.slice(1, 2).cast(pl.Int64, strict=False)
    minutes = digits.str.slice(3, 2).cast(pl.Int64, strict=False).fill_null(0)
    size = hours * HOUR + minutes * MINUTE
    ahead = pl.when(digits.str.starts_with("-")).then(-size).otherwise(size)
    is_real = (hours <= 14) & (minutes < 60)
    return pl.select(offset=pl.when(is_named).then(0).when(is_real).then(ahead))["offset"]


def _in_zone(local: pl.Series, zone: str, has_no_zone: pl.Series) -> _Moments:
    """Return wall-clock times of a zone: a skipped hour moved on, a repeated one its first."""
    none = pl.repeat(False, len(local), dtype=pl.Boolean, eager=True)
    if zone == "UTC":
        return _Moments(_epoch(local), has_no_zone, none, none)
    first = _localised(local, zone, "earliest")
    skipped = first.is_null() & local.is_not_null()
    if skipped.any():
        later = _localised(local.dt.offset_by("1h"), zone, "earliest")
        first = pl.select(at=pl.when(skipped).then(later).otherwise(first))["at"]
    moved = skipped | (_localised(local, zone, "latest") != first).fill_null(False)
    return _Moments(first, has_no_zone, none, moved)


def _localised(local: pl.Series, zone: str, ambiguous: str) -> pl.Series:
    choice = pl.Series([ambiguous]) if ambiguous else None
    return _epoch(local.dt.replace_time_zone(zone, ambiguous=choice, non_existent="null"))  # type: ignore[arg-type]


def _epoch(moments: pl.Series) -> pl.Series:
    return moments.dt.cast_time_unit("us").to_physical().cast(pl.Int64)
