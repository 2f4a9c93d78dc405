import datetime as dt
from collections.abc import Sequence

import polars as pl
import pytest

from habitue.config import SourceSettings
from habitue.events.guess_arrival import arrival_doubt

NUM = 100
TIMES = [dt.datetime(2024, 1, 1) + dt.timedelta(hours=7 * n) for n in range(NUM)]
SOURCE = SourceSettings(name="log", columns={"timestamp": "at", "received_at": "got"})


def doubt(arrivals: Sequence[object], times: Sequence[object] = TIMES) -> str:
    frame = pl.DataFrame({"at": times, "got": arrivals})
    return arrival_doubt(frame, SOURCE)


def after(**delay: float) -> list[dt.datetime]:
    return [time + dt.timedelta(**delay) for time in TIMES]


def written(times: Sequence[dt.datetime], pattern: str) -> list[str]:
    return [time.strftime(pattern) for time in times]


@pytest.mark.parametrize("delay", [{"seconds": 0}, {"seconds": 3}, {"hours": 20}, {"days": 6}])
def test_arrivals_soon_after_the_events_are_believed(delay: dict[str, float]) -> None:
    assert doubt(after(**delay)) == ""
    pattern = "%d.%m.%Y %H:%M"
    assert doubt(written(after(**delay), pattern), written(TIMES, pattern)) == ""


def test_one_time_for_all_rows_is_that_of_an_export() -> None:
    assert "all rows hold 2025-01-01 00:00:00, the time of an export" in doubt(
        [dt.datetime(2025, 1, 1)] * NUM
    )


def test_arrival_before_the_event_is_not_believed_unless_rare() -> None:
    early = after(seconds=-60)
    assert "100 of 100 events would arrive before they happened" in doubt(early)
    assert doubt([*early[:5], *after(seconds=5)[5:]]) == ""


def test_arrival_weeks_after_most_events_is_not_believed() -> None:
    late = after(days=30)
    assert "100 of 100 events would arrive more than a week after" in doubt(late)
    assert doubt([*late[:20], *after(seconds=5)[20:]]) == ""


def test_arrival_written_otherwise_than_the_time_would_not_be_read() -> None:
    milliseconds = [int(time.timestamp() * 1000) for time in after(seconds=5)]
    assert "not written as the column of timestamp is" in doubt(
        milliseconds, written(TIMES, "%Y-%m-%dT%H:%M:%S")
    )


def test_times_of_two_columns_are_compared_too() -> None:
    days, clocks = written(TIMES, "%d.%m.%Y"), written(TIMES, "%H:%M")
    arrivals = written(after(days=30), "%d.%m.%Y %H:%M")
    frame = pl.DataFrame({"day": days, "clock": clocks, "got": arrivals})
    columns: dict[str, str | list[str]] = {"timestamp": ["day", "clock"], "received_at": "got"}
    assert "more than a week" in arrival_doubt(frame, SourceSettings(name="log", columns=columns))


def test_without_arrivals_there_is_nothing_to_doubt() -> None:
    source = SourceSettings(name="log", columns={"timestamp": "at"})
    assert arrival_doubt(pl.DataFrame({"at": TIMES}), source) == ""
