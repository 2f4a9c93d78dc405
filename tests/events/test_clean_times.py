import datetime as dt

import polars as pl
import pytest

from habitue.config import CleaningSettings, SourceSettings
from habitue.events.batch import Rules
from habitue.events.clean import clean
from habitue.schema import HOUR, parse_time
from tests.events.made_chunks import NOW, chunk, cleaned, events_source, good


def times(*cells: object, **source: object) -> list[str | None]:
    """The cells as cleaning reads them; None where it rejects them."""
    result = cleaned([good(at=cell) for cell in cells], events_source(**source))
    found = dict(
        zip(
            result.frame["_record"],
            pl.from_epoch(result.frame["timestamp"], time_unit="us").cast(pl.String),
            strict=True,
        )
    )
    return [found.get(record) for record in range(1, len(cells) + 1)]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2019-10-01 00:00:00", "2019-10-01 00:00:00.000000"),
        ("2019-10-01 00:00:00 UTC", "2019-10-01 00:00:00.000000"),
        ("2019-10-01T00:00:00Z", "2019-10-01 00:00:00.000000"),
        (" 2019-10-01T00:00Z ", "2019-10-01 00:00:00.000000"),
        ("2019-10-01T08:00:00.5+08:00", "2019-10-01 00:00:00.500000"),
        ("2019-09-30 19:00:00-0500", "2019-10-01 00:00:00.000000"),
        ("2019-10-01T00:00:00.123456789Z", "2019-10-01 00:00:00.123456"),
        ("2019/1/2 5:06", "2019-01-02 05:06:00.000000"),
        ("2019-10-01 23", "2019-10-01 23:00:00.000000"),
        ("2019-10-01", "2019-10-01 00:00:00.000000"),
        ("2016-12-31T23:59:60Z", "2016-12-31 23:59:59.999000"),
        ("2019-10-01 00:00:00+19:00", None),
        ("2019-13-01", None),
        ("1569888000", None),
        ("01/10/2019", None),
    ],
)
def test_iso_times_are_read_in_all_their_forms(text: str, moment: str | None) -> None:
    assert times(text) == [moment]
    fast = "2019-10-01 00:00:01"
    assert times(fast, text, fast)[1] == moment, "beside times of the commonest form"


def test_times_that_are_all_in_utc_are_read_as_they_are_among_others() -> None:
    in_utc = ["2019-10-01T00:00:00Z", "2019-10-01T00:00:00.123456789Z", "2016-12-31T23:59:59.9Z"]
    odd = ["2016-12-31T23:59:60Z", "2019-02-30T00:00:00Z", "2019-10-01T24:00:00Z"]
    alone, together = times(*in_utc), times(*in_utc, *odd, "2019-10-01 08:00+08:00")
    assert alone == together[:3]
    assert None not in alone
    for cell, found in zip(odd, together[3:6], strict=True):
        assert times(*in_utc, cell) == [*alone, found]


def test_dates_and_leap_seconds_are_counted_as_repairs() -> None:
    cells = ["2019-10-01", "2016-12-31T23:59:60Z", "2019-10-01 00:00:00", "2019-10-01T00:00:00Z"]
    result = cleaned([good(at=cell) for cell in cells])
    assert result.frame["_repaired"].to_list() == [True, True, False, False]
    assert result.repairs == {"time_date_only": 1, "time_moved": 1}
    assert result.remarks == {"time_without_zone": 2}


def test_times_without_a_zone_are_the_sources() -> None:
    assert times("2024-01-15 12:00:00", "2024-01-15T12:00:00Z", time_zone="Asia/Shanghai") == [
        "2024-01-15 04:00:00.000000",
        "2024-01-15 12:00:00.000000",
    ]


def test_an_hour_that_daylight_saving_skips_or_repeats_is_settled_and_counted() -> None:
    cells = ["2024-03-31 01:30:00", "2023-10-29 01:30:00", "2023-10-29 02:30:00"]
    result = cleaned([good(at=cell) for cell in cells], events_source(time_zone="Europe/London"))
    moments = result.frame["timestamp"].to_list()
    assert moments == [
        parse_time("2024-03-31T01:30:00Z"),  # 02:30 in summer time
        parse_time("2023-10-29T00:30:00Z"),  # the first of the two
        parse_time("2023-10-29T02:30:00Z"),
    ]
    assert result.repairs["time_moved"] == 2


@pytest.mark.parametrize(
    ("unit", "number"),
    [
        ("s", 1_569_888_000),
        ("ms", 1_569_888_000_000),
        ("us", 1_569_888_000_000_000),
        ("ns", 1_569_888_000_000_000_000),
    ],
)
def test_numbers_are_read_in_the_sources_unit_exactly(unit: str, number: int) -> None:
    expected = ["2019-10-01 00:00:00.000000"]
    assert times(number, time_unit=unit) == expected
    assert times(str(number), time_unit=unit) == expected
    assert times(f"{number}.0", time_unit=unit) == expected


def test_microseconds_lose_no_digit() -> None:
    assert times("1569888000123457", time_unit="us") == ["2019-10-01 00:00:00.123457"]
    assert times("1569888000.25", time_unit="s") == ["2019-10-01 00:00:00.250000"]


def test_days_count_from_their_origin() -> None:
    assert times("1", "1.5", time_unit="days", time_origin="1997-01-01") == [
        "1997-01-02 00:00:00.000000",
        "1997-01-02 12:00:00.000000",
    ]


@pytest.mark.parametrize("number", ["1569888000000", "1569888000000000", "1569888000000000000"])
def test_a_number_of_another_unit_is_rejected_with_the_hint(number: str) -> None:
    rows = [good(at="1569888000"), good(at=number), good(at="99999999999999999")]
    result = cleaned(rows, events_source(time_unit="s"))
    assert result.rejected["code"].to_list() == ["ts_other_unit", "ts_future"]
    unit = {13: "ms", 16: "us", 19: "ns"}[len(number)]
    assert result.hints == {unit: 1}


def test_seconds_read_as_milliseconds_are_told_too() -> None:
    rejected = cleaned([good(at="1569888000")], events_source(time_unit="ms")).rejected
    assert rejected["code"].to_list() == ["ts_other_unit"]


@pytest.mark.parametrize(
    ("pattern", "text", "moment"),
    [
        ("%m/%d/%Y %I:%M %p", "01/02/2020 5:06 PM", "2020-01-02 09:06:00.000000"),
        ("%Y%m%d", "20200102", "2020-01-01 16:00:00.000000"),
        ("%d.%m.%Y %H:%M:%S UTC", "02.01.2020 05:06:07 UTC", "2020-01-02 05:06:07.000000"),
        ("%Y-%m-%dT%H:%M:%S%z", "2020-01-02T05:06:07+0200", "2020-01-02 03:06:07.000000"),
    ],
)
def test_a_pattern_of_the_source_is_followed(pattern: str, text: str, moment: str) -> None:
    found = times(text, "2020-01-02", time_format=pattern, time_zone="Asia/Shanghai")
    assert found == [moment, None]


def test_a_pattern_reads_whole_numbers_of_parquet() -> None:
    assert times(20200102, time_format="%Y%m%d") == ["2020-01-02 00:00:00.000000"]


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_native_times_are_taken_as_they_are(unit: str) -> None:
    moment = dt.datetime(2024, 1, 2, 10, 0, 0, 5000)
    naive = pl.Series([moment], dtype=pl.Datetime(unit))  # type: ignore[arg-type]
    zoned = naive.dt.replace_time_zone("America/New_York")
    source = events_source(time_zone="Asia/Tokyo")
    assert _native(naive, source) == parse_time("2024-01-02T10:00:00Z") + 5000 - 9 * HOUR
    assert _native(zoned, source) == parse_time("2024-01-02T10:00:00Z") + 5000 + 5 * HOUR
    assert _native(pl.Series([moment.date()]), source) == parse_time("2024-01-01T15:00:00Z")


def _native(column: pl.Series, source: SourceSettings) -> int:
    frame = chunk([good()]).frame.with_columns(column.alias("at"))
    found = clean(frame, source, Rules.of(CleaningSettings(), now=NOW)).frame
    return int(found["timestamp"][0])


def test_whole_numbers_are_no_iso_times() -> None:
    assert cleaned([good(at=1569888000)]).rejected["code"].to_list() == ["time_not_readable"]


def test_an_event_is_received_when_it_happened_unless_the_file_says_later() -> None:
    rows = [
        good(received=None),
        good(received="2024-01-03 00:00:00"),
        good(received="2024-01-01 00:00:00"),
    ]
    result = cleaned(rows)
    happened = parse_time("2024-01-02T10:00:00Z")
    assert result.frame["received_at"].to_list() == [
        happened,
        parse_time("2024-01-03"),
        happened,
    ]
    assert result.frame["_repaired"].to_list() == [False, False, True]
    assert "received_at" in cleaned([{"user": "u", "event": "view", "at": "2024-01-02"}]).frame


def test_up_to_five_minutes_ahead_of_now_is_a_wrong_clock() -> None:
    cells = ["2024-06-01 00:04:59", "2024-06-01 00:05:01"]
    assert cleaned([good(at=cell) for cell in cells]).frame["_record"].to_list() == [1]


def test_the_earliest_day_is_the_shops() -> None:
    row = good(at="2010-01-01 00:00:00")
    assert cleaned([row]).rejected.height == 0
    assert cleaned([row], earliest="2011-01-01").rejected["code"].to_list() == ["ts_too_old"]


def test_whole_numbers_of_more_than_64_bits_are_no_times() -> None:
    cells = ["9223372036854775808", "9" * 5000, "1704189600", "9223372036854775807", "1e400"]
    for unit in ("s", "ns"):
        rejected = cleaned(
            [good(at=cell) for cell in cells], events_source(time_unit=unit)
        ).rejected
        codes = dict(rejected.select("_record", "code").iter_rows())
        assert (codes[1], codes[2]) == ("number_range", "number_range")
        assert "number_range" not in (codes.get(3), codes.get(4), codes[5])
