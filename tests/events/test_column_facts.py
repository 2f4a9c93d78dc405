import datetime as dt
from itertools import product

import polars as pl
import pytest

from habitue.events import column_facts as facts_module
from habitue.events.column_facts import HALF, column_facts, guess_time

START = dt.datetime(2023, 11, 20, 13, 5)
MOMENTS = [START + dt.timedelta(hours=7 * n) for n in range(60)]


@pytest.mark.parametrize(
    "pattern",
    [
        "%m/%d/%Y %H:%M",
        "%d/%m/%Y %H:%M",
        "%d.%m.%Y %H:%M",
        "%Y/%m/%d %H:%M:%S",
        "%Y-%m-%d %H:%M:%S UTC",
        "%m/%d/%Y %I:%M:%S %p",
        "%d-%b-%Y",
        "%b %d, %Y",
        "%Y年%m月%d日",
        "%Y%m%d",
        "%Y%m%d%H%M%S",
        "%d.%m.%Y",
    ],
)
def test_pattern_of_a_time_is_found(pattern: str) -> None:
    found = guess_time(pl.Series("t", [moment.strftime(pattern) for moment in MOMENTS]))

    assert found is not None
    assert (found.unit, found.format, found.share) == ("iso", pattern, 1.0)
    assert found.first.startswith("2023-11-20")
    assert found.last.startswith(MOMENTS[-1].strftime("%Y-%m-%d"))
    assert found.has_zone == pattern.endswith("UTC")
    assert found.is_date_only == ("%H" not in pattern and "%I" not in pattern)


@pytest.mark.parametrize(
    ("unit", "factor"), [("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)]
)
def test_unit_of_a_number_is_told_by_its_size(unit: str, factor: int) -> None:
    numbers = [int(moment.replace(tzinfo=dt.UTC).timestamp()) * factor for moment in MOMENTS]

    for column in (pl.Series("t", numbers), pl.Series("t", [str(n) for n in numbers])):
        found = guess_time(column)
        assert found is not None
        assert (found.unit, found.format) == (unit, "")
        assert found.first == "2023-11-20T13:05:00Z"


@pytest.mark.parametrize(
    ("text", "has_zone"),
    [
        ("2023-11-20", False),
        ("2023-11-20 13:05", False),
        ("2023-11-20T13:05:00.123456", False),
        ("2023-11-20T13:05:00Z", True),
        ("2023-11-20T13:05:00+08:00", True),
        ("2023-11-20 13:05:00.5+00", True),
    ],
)
def test_iso_needs_no_pattern(text: str, has_zone: bool) -> None:
    found = guess_time(pl.Series("t", [text] * 3))

    assert found is not None
    assert (found.unit, found.format, found.has_zone) == ("iso", "", has_zone)


def test_native_times_need_no_pattern() -> None:
    for column in (pl.Series("t", MOMENTS), pl.Series("t", [m.date() for m in MOMENTS])):
        found = guess_time(column)
        assert found is not None
        assert (found.unit, found.format) == ("iso", "")


def test_day_and_month_that_could_be_swapped_are_said_to_be() -> None:
    texts = [f"0{day}/0{month}/2023" for month in (1, 2, 3) for day in range(1, 10)]

    found = guess_time(pl.Series("t", texts))

    assert found is not None
    assert found.is_ambiguous


@pytest.mark.parametrize("junk", ["n/a", "0", "9999-12-31", "2023-13-45", "x9"])
@pytest.mark.parametrize("pattern", ["%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M", "%Y%m%d", "%s"])
def test_time_is_found_where_a_few_values_are_none(pattern: str, junk: str) -> None:
    texts = [moment.strftime(pattern) for moment in MOMENTS[:57]]
    found = guess_time(pl.Series("t", [junk, *texts, junk, junk]))
    without = guess_time(pl.Series("t", texts))

    assert found is not None
    assert without is not None
    assert (found.unit, found.format, found.share) == (without.unit, without.format, 0.95)
    assert (found.first, found.last) == (without.first, without.last)
    assert guess_time(pl.Series("t", [junk] * 4 + texts)) is None
    assert guess_time(pl.Series("t", [junk] * 4 + texts), least=HALF) is not None


def test_no_pattern_is_ruled_out_by_its_signs_where_it_parses() -> None:
    clocks = [*product(facts_module._SEPARATORS, facts_module._CLOCKS, facts_module._SUFFIXES)]
    ends = ["", *("".join(parts) for parts in clocks)]
    texts = ["20.11.2023 13:05", "2023-11-20T13:05:00Z", "Nov 20, 2023, 1:05 PM", "20 Nov 2023 UTC"]
    for date, end, text in product(facts_module._DATES, ends, texts):
        pattern = date + end
        if not facts_module._could_fit(pattern, [text]):
            assert facts_module._parsed(pl.Series([text]), pattern).is_empty(), (pattern, text)


def test_pattern_is_taken_from_the_commonest_shape() -> None:
    texts = ["?? 1:2" if n % 25 == 0 else f"{1 + n % 28}.1.2023 10:{n % 60}" for n in range(1000)]

    found = guess_time(pl.Series("t", texts))

    assert found is not None
    assert (found.format, found.share) == ("%d.%m.%Y %H:%M", 0.96)


@pytest.mark.parametrize(
    "values",
    [
        ["17850", "13047", "12583"],
        ["2053013552326770905", "2103807459595387724"],
        ["pv", "buy"],
        ["12.50", "9.99"],
        ["2023-13-45", "2023-14-46"],
        [None, None],
        ["99999999", "88888888"],
        [f"{20000000 + 997 * n}" for n in range(100)],
    ],
)
def test_what_is_no_time_is_not_taken_for_one(values: list[str | None]) -> None:
    assert guess_time(pl.Series("t", values, dtype=pl.String)) is None


def test_facts_are_shares_of_the_filled_values() -> None:
    column = pl.Series("x", ["1", "2.50", "-3", "17.0", " ", None, "2,50", "word"])

    facts = column_facts(column, 4)

    assert facts.filled == 6 / 8
    assert facts.num_distinct == 6
    assert facts.integers == 2 / 6
    assert facts.numbers == 4 / 6
    assert facts.comma_numbers == 1 / 6
    assert facts.fractions == 1 / 6
    assert facts.point_zero == 1 / 6
    assert facts.negatives == 1 / 6
    assert (facts.smallest, facts.largest) == (-3, 17)


def test_words_for_events_are_counted() -> None:
    facts = column_facts(pl.Series("x", ["view", "cart", "view", "heartbeat"]), 0)

    assert facts.event_words == 2 / 3
    assert facts.words[0] == "view"
