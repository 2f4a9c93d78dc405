"""What callers hand over, checked at the border."""

import os
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from habitue.arguments import (
    asked_moment,
    check_count,
    check_id,
    folder_of,
    moment_of,
    paths_of,
    table_path,
)
from habitue.config import TaskSettings
from habitue.errors import HabitueWarning, NotReady, Refused
from habitue.events.span import Span, SpannedLog
from habitue.schema import parse_time
from tests.shop import make_items

TOLD = "2024-03-05T12:00:00Z"
CHINA = timezone(timedelta(hours=8))


class NoLog:
    """A store of which only the span is asked."""

    num_buckets = 0

    def read_bucket(self, bucket: int, **_: object) -> pl.DataFrame:
        raise AssertionError(bucket)

    def items(self, **_: object) -> pl.DataFrame:
        return make_items()


def log(start: str = "2024-01-01", end: str = "2024-07-18T18:25:30") -> SpannedLog:
    return SpannedLog(NoLog(), Span(parse_time(start), parse_time(end), 0))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "moment",
    [
        TOLD,
        datetime(2024, 3, 5, 12),  # without a zone: UTC
        datetime(2024, 3, 5, 12, tzinfo=UTC),
        datetime(2024, 3, 5, 20, tzinfo=CHINA),
        "2024-03-05 20:00+08:00",
    ],
)
def test_a_moment_is_a_text_or_a_time(moment: str | datetime) -> None:
    assert moment_of(moment) == parse_time(TOLD)


def test_a_date_means_its_midnight() -> None:
    assert moment_of(date(2024, 3, 5)) == parse_time("2024-03-05T00:00:00Z")


@pytest.mark.parametrize("value", [20240305, 1.5, None, "soon", ""])
def test_what_is_no_moment_is_refused(value: Any) -> None:  # noqa: ANN401
    with pytest.raises(Refused, match=r"is not a time\.") as caught:
        moment_of(value)
    assert caught.value.code == "bad_time"


def test_the_rest_of_the_last_day_means_all_of_the_log() -> None:
    for moment in ("2024-07-18T18:25:30Z", "2024-07-18T23:00:00Z", "2024-07-19"):
        assert asked_moment(moment, log(), {}) == parse_time(moment)


def test_a_moment_after_the_last_day_draws_a_warning() -> None:
    expected = r"log ends on 2024-07-18. Nothing is known of the 7 days from then until 2024-07-25"
    with pytest.warns(HabitueWarning, match=expected):
        assert asked_moment("2024-07-25", log(), {}) == parse_time("2024-07-25")


def test_a_moment_further_off_than_any_horizon_is_refused() -> None:
    expected = r"log ends on 2024-07-18, 92 days before 2024-10-18.*--as-of up to 2024-10-16"
    with pytest.raises(Refused, match=expected):
        asked_moment("2024-10-18", log(), {})
    year = {"churn_365d": TaskSettings(kind="no_event", horizon_days=365)}
    with pytest.warns(HabitueWarning, match="the 92 days"):
        asked_moment("2024-10-18", log(), year)


def test_a_moment_further_off_than_the_log_is_long_is_refused() -> None:
    with pytest.raises(Refused, match="too long to say anything"):
        asked_moment("2024-01-12", log("2024-01-01", "2024-01-05"), {})


def test_a_moment_before_the_log_is_refused() -> None:
    with pytest.raises(NotReady, match=r"begins on 2024-01-01.*nothing before 2023-05-01"):
        asked_moment("2023-05-01", log(), {})


@pytest.mark.parametrize("count", [0, -3, 2.5, True, "3", None])
def test_a_count_is_a_whole_number_of_at_least_one(count: Any) -> None:  # noqa: ANN401
    assert check_count("k", 1) == 1
    with pytest.raises(Refused, match=r"k is .*; expected a whole number of at least 1\. Pass k="):
        check_count("k", count)


def test_an_id_that_is_a_number_is_refused_with_the_text_to_pass() -> None:
    assert check_id("4711") == "4711"
    with pytest.raises(Refused, match=r"4711 is not a text.*Pass '4711'\."):
        check_id(4711)  # type: ignore[arg-type]


def test_files_are_one_path_or_several() -> None:
    one, two = Path("a.csv"), Path("b.csv")
    assert paths_of("a.csv") == paths_of(one) == paths_of([one]) == [one]
    assert paths_of("a.csv", two) == paths_of(["a.csv", two]) == [one, two]
    with pytest.raises(Refused, match="No file was named"):
        paths_of([])


def test_a_shop_within_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("x")
    for folder in ("orders.csv", "orders.csv/shop"):
        with pytest.raises(Refused, match=r"orders\.csv is a file, not a folder\."):
            folder_of(tmp_path / folder)
    assert folder_of(tmp_path / "shop") == tmp_path / "shop"


def test_a_table_is_written_where_it_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    default = tmp_path / "a.csv"
    assert table_path(None, default, ".csv") == default
    assert table_path(str(tmp_path / "new" / "b.csv"), default, ".csv").name == "b.csv"
    with pytest.raises(Refused, match=r"is a folder\. Name a file in it that ends in \.csv\."):
        table_path(tmp_path, default, ".csv")
    with pytest.raises(Refused, match=r"'b\.txt' ends in '\.txt'\. .* in \.csv or \.parquet\."):
        table_path(tmp_path / "b.txt", default, ".csv", ".parquet")
    with pytest.raises(Refused, match=r"'b' has no ending\."):
        table_path(tmp_path / "b", default, ".csv")
    (tmp_path / "file").write_text("x")
    with pytest.raises(Refused, match=r"file is a file, not a folder\. Name a file in a folder"):
        table_path(tmp_path / "file" / "b.csv", default, ".csv")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(Refused, match="cannot be written in: permission is lacking") as caught:
        table_path(tmp_path / "new" / "b.csv", default, ".csv")
    assert caught.value.code == "not_writable"
