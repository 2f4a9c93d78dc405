"""What the values of a column look like, whatever its name is.

In: a sample of a column. Out: `ColumnFacts`: how full, how many different values, how many of
them are whole numbers, amounts, times or words for events. Knows nothing about names and fields.
"""

import re
import time
from dataclasses import dataclass
from itertools import product

import polars as pl

from habitue.config import TimeUnit
from habitue.events.field_names import event_type_of

_UNITS: tuple[tuple[TimeUnit, float], ...] = (("s", 1), ("ms", 1e3), ("us", 1e6), ("ns", 1e9))
_OLDEST = 631_152_000  # 1990, in seconds
_NEXT_YEAR = 366 * 86_400
_PLAUSIBLE_YEARS = (1970, 2100)
_TIME_SAMPLE = 1_000
_NEAR_ALL = 0.95
HALF = 0.5
_MOST_SHAPES = 3
_MOST_WORDS = 60
_FEW_ROWS = 20

_DATES = (
    "%Y-%m-%d", "%Y/%m/%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%m/%d/%y", "%d/%m/%y", "%d-%m-%Y",
    "%m-%d-%Y", "%Y.%m.%d", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%b %d, %Y", "%B %d, %Y",
    "%d %B %Y", "%Y年%m月%d日", "%d%b%Y", "%a %b %d %Y", "%d.%m.%y", "%m %d, %Y",
)  # fmt: skip
_CLOCKS = (
    "%H:%M:%S",
    "%H:%M",
    "%H:%M:%S%.f",
    "%I:%M:%S %p",
    "%I:%M %p",
    "%H点%M分",
    "%H时%M分%S秒",
)
_SEPARATORS = (" ", "T", ", ")
_SUFFIXES = ("", " UTC", " GMT", "Z")
_ISO_SHAPE = (
    r"^\d{4}-\d{2}-\d{2}([ T]\d{2}(:\d{2}(:\d{2}(\.\d+)?)?)?( ?(Z|[+-]\d{2}(:?\d{2})?))?)?$"
)


@dataclass(frozen=True)
class TimeGuess:
    """How a column is read as time."""

    unit: TimeUnit
    format: str
    share: float  # of the values that parse so
    first: str  # as ISO 8601
    last: str
    has_zone: bool
    is_date_only: bool = False
    is_ambiguous: bool = False  # day and month could be the other way round


@dataclass(frozen=True)
class ColumnFacts:
    """What a sample of one column shows; shares are of the filled values."""

    name: str
    place: int
    num_rows: int
    filled: float
    num_distinct: int
    is_native_float: bool
    integers: float
    numbers: float
    comma_numbers: float
    fractions: float  # numbers with something other than zeros after the point
    point_zero: float  # whole numbers written with '.0'
    negatives: float
    smallest: float
    largest: float
    mean_length: float
    event_words: float  # of the distinct values
    rough_time: TimeGuess | None  # how at least half of the values read as times
    examples: tuple[str, ...]
    words: tuple[str, ...]  # all distinct values, where they are few

    @property
    def time(self) -> TimeGuess | None:
        """How the values read as times, where nearly all of them do."""
        found = self.rough_time
        return found if found is not None and found.share >= _NEAR_ALL else None

    @property
    def uniqueness(self) -> float:
        """Distinct values for each filled one."""
        return self.num_distinct / max(self.filled * self.num_rows, 1)

    @property
    def looks_like_id(self) -> bool:
        """Whether the values could be ids: different ones, none with a fraction, none very long."""
        is_varied = self.num_distinct > 1 or self.num_rows < _FEW_ROWS
        return is_varied and self.fractions == 0 and self.mean_length <= 80


def column_facts(column: pl.Series, place: int) -> ColumnFacts:
    """Return what the sample shows."""
    texts = _as_text(column)
    filled = texts.drop_nulls()
    num = max(filled.len(), 1)
    counts = filled.value_counts().sort(["count", column.name], descending=[True, False])
    integers = int(filled.str.contains(r"^[-+]?\d+$").sum()) / num
    numeric = filled.str.contains(r"^[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?$")
    comma = int(filled.str.contains(r"^[-+]?\d{1,3}(\.?\d{3})*,\d+$").sum()) / num
    amounts = filled.filter(numeric).cast(pl.Float64, strict=False).drop_nulls()
    fractions = int(filled.str.contains(r"^[-+]?\d*\.\d*[1-9]\d*$").sum()) / num
    point_zero = int(filled.str.contains(r"^\d+\.0$").sum()) / num
    words = counts[column.name].to_list() if counts.height <= _MOST_WORDS else []
    return ColumnFacts(
        name=column.name,
        place=place,
        num_rows=column.len(),
        filled=filled.len() / max(column.len(), 1),
        num_distinct=counts.height,
        is_native_float=column.dtype.is_float(),
        integers=integers,
        numbers=int(numeric.sum()) / num,
        comma_numbers=comma,
        fractions=fractions,
        point_zero=point_zero,
        negatives=int((amounts < 0).sum()) / num,
        smallest=_number(amounts.min()),
        largest=_number(amounts.max()),
        mean_length=_number(filled.str.len_chars().mean()),
        event_words=sum(bool(event_type_of(w)) for w in words) / len(words) if words else 0.0,
        rough_time=guess_time(column, least=HALF),
        examples=tuple(counts[column.name].head(5).to_list()),
        words=tuple(words),
    )


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _as_text(column: pl.Series) -> pl.Series:
    if column.dtype != pl.String:
        if column.dtype.is_nested():
            return pl.Series(column.name, [None] * column.len(), dtype=pl.String)
        column = column.cast(pl.String)
    trimmed = column.str.strip_chars()
    return trimmed.set(trimmed == "", None)


def guess_time(column: pl.Series, *, least: float = _NEAR_ALL) -> TimeGuess | None:
    """Return how at least the share `least` of the column's values can be read as time, or None.

    Numbers are told by their magnitude: seconds, milliseconds … from 1990 to a year from now.
    """
    if column.dtype.is_temporal() and column.dtype not in (pl.Time, pl.Duration):
        zone = getattr(column.dtype, "time_zone", None)
        moments = column.drop_nulls().cast(pl.Datetime("us"))
        is_date = column.dtype == pl.Date
        return _time_guess(moments, "iso", "", 1.0, has_zone=bool(zone), is_date_only=is_date)
    if column.dtype == pl.Boolean or column.dtype.is_nested():
        return None
    filled = _as_text(column).drop_nulls()
    texts = filled.gather_every(max(filled.len() // _TIME_SAMPLE, 1))
    if texts.is_empty():
        return None
    if texts.str.contains(r"^\d+(\.\d*)?$").sum() >= least * texts.len():
        return _time_of_numbers(texts, least)
    return _time_of_texts(texts, least)


def _time_of_numbers(texts: pl.Series, least: float) -> TimeGuess | None:
    for pattern, length in (("%Y%m%d", 8), ("%Y%m%d%H%M", 12), ("%Y%m%d%H%M%S", 14)):
        found = _parsed(texts.filter(texts.str.len_chars() == length), pattern)
        share = found.len() / texts.len()
        if share >= least:
            return _time_guess(found, "iso", pattern, share, is_date_only=length == 8)
    seconds = texts.cast(pl.Float64, strict=False)
    newest = time.time() + _NEXT_YEAR
    for unit, factor in _UNITS:
        inside = (seconds / factor).drop_nulls()
        inside = inside.filter(inside.is_between(_OLDEST, newest))
        share = inside.len() / texts.len()
        if share >= least:
            moments = (inside * 1e6).round().cast(pl.Int64).cast(pl.Datetime("us"))
            return _time_guess(moments, unit, "", share, has_zone=True)
    return None


def _time_of_texts(texts: pl.Series, least: float) -> TimeGuess | None:
    if texts.str.contains(r"\d").sum() < least * texts.len():
        return None
    iso = _iso(texts, least)
    if iso is not None:
        return iso
    found: list[tuple[float, str, pl.Series]] = []
    for pattern in _patterns(texts):
        moments = _parsed(texts, pattern)
        share = moments.len() / texts.len()
        if share >= least:
            found.append((share, pattern, moments))
    if not found:
        return None
    share, pattern, moments = max(found, key=lambda entry: (entry[0], -_span(entry[2])))
    swapped = [p for s, p, _ in found if s == share and p != pattern and _is_swap(p, pattern)]
    return _time_guess(
        moments,
        "iso",
        pattern,
        share,
        has_zone=pattern.endswith((" UTC", " GMT", "Z")),
        is_date_only="%H" not in pattern and "%I" not in pattern,
        is_ambiguous=bool(swapped),
    )


def _iso(texts: pl.Series, least: float) -> TimeGuess | None:
    shaped = texts.filter(texts.str.contains(_ISO_SHAPE))
    clock = shaped.str.slice(11, 8).str.extract(r"^(\d\d(?::\d\d)*)").fill_null("00")
    missing = clock.str.len_chars().replace_strict({2: ":00:00", 5: ":00", 8: ""})
    long = shaped.str.head(10) + " " + clock + missing
    moments = _parsed(long, "%Y-%m-%d %H:%M:%S")
    share = moments.len() / texts.len()
    if share < least:
        return None
    has_zone = bool(shaped.str.contains(r"[T ]\d{2}:\d{2}.*(Z|[+-]\d{2}(:?\d{2})?)$").all())
    is_date = bool((shaped.str.len_chars() == 10).all())
    return _time_guess(moments, "iso", "", share, has_zone=has_zone, is_date_only=is_date)


def _patterns(texts: pl.Series) -> list[str]:
    """Return the patterns worth trying: those that parse a value of one of the usual shapes."""
    shapes = texts.str.replace_all(r"\d+", "9").str.replace_all(r"\p{Latin}+", "a")
    seen = pl.DataFrame({"text": texts, "shape": shapes}).group_by("shape", maintain_order=True)
    usual = seen.agg(pl.len(), pl.col("text").first()).sort("len", descending=True)
    texts = usual["text"].head(_MOST_SHAPES)
    candidates: list[str] = []
    has_clock = texts.str.contains("[:点时]")
    if not has_clock.all():
        candidates += _DATES
    if has_clock.any():
        candidates += [
            date + separator + clock + suffix
            for date, separator, clock, suffix in product(_DATES, _SEPARATORS, _CLOCKS, _SUFFIXES)
        ]
    shown = texts.to_list()
    fitting = [pattern for pattern in candidates if _could_fit(pattern, shown)]
    return [pattern for pattern in fitting if _parsed(texts, pattern).len()]


def _could_fit(pattern: str, texts: list[str]) -> bool:
    """Return whether one of the texts has all the signs and letters that the pattern names.

    That is sooner told than that it does not parse, and of 1,800 patterns it leaves a few.
    """
    signs = [sign.strip() for sign in re.split(r"%\.?[a-zA-Z]", pattern)]
    return any(all(sign in text for sign in signs) for text in texts)


def _parsed(texts: pl.Series, pattern: str) -> pl.Series:
    """Return the moments that parse and lie in a plausible year."""
    has_clock = "%H" in pattern or "%I" in pattern
    try:
        if has_clock:
            moments = texts.str.to_datetime(pattern, strict=False, time_unit="us", ambiguous="null")
        else:
            moments = texts.str.to_date(pattern, strict=False).cast(pl.Datetime("us"))
    except pl.exceptions.PolarsError:
        return pl.Series(dtype=pl.Datetime("us"))
    return moments.filter(moments.dt.year().is_between(*_PLAUSIBLE_YEARS))


def _span(moments: pl.Series) -> float:
    """Return the days between first and last; the wrong order of day and month stretches it."""
    days = moments.dt.epoch("d")
    return _number(days.max()) - _number(days.min())


def _is_swap(one: str, other: str) -> bool:
    return one.replace("%d", "%x").replace("%m", "%d").replace("%x", "%m") == other


def _time_guess(
    moments: pl.Series,
    unit: TimeUnit,
    pattern: str,
    share: float,
    *,
    has_zone: bool = False,
    is_date_only: bool = False,
    is_ambiguous: bool = False,
) -> TimeGuess | None:
    if moments.is_empty():
        return None
    edges = [moments.min(), moments.max()]
    first, last = (str(edge)[:19].replace(" ", "T") + "Z" for edge in edges)
    return TimeGuess(unit, pattern, share, first, last, has_zone, is_date_only, is_ambiguous)
