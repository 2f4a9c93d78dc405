"""Calendar periods in local time."""

from habitue.report.periods import (
    COHORT_UNITS,
    TIMELINE_UNITS,
    choose_unit,
    local_datetime,
    period_starts,
    to_local,
)
from habitue.schema import DAY, HOUR, parse_time


def test_unit_suits_the_span_from_hours_to_years() -> None:
    spans = (3 * HOUR, 3 * DAY, 60 * DAY, 700 * DAY, 3000 * DAY)
    units = [choose_unit(span, TIMELINE_UNITS, most=120) for span in spans]
    assert units == ["10 minutes", "hour", "day", "week", "month"]


def test_cohorts_are_weeks_months_quarters_or_years() -> None:
    spans = (60 * DAY, 500 * DAY, 1500 * DAY, 9000 * DAY)
    units = [choose_unit(span, COHORT_UNITS, most=18) for span in spans]
    assert units == ["week", "month", "quarter", "year"]


def test_starts_cover_all_periods_and_one_more() -> None:
    starts = period_starts(parse_time("2024-01-31"), parse_time("2024-03-01"), "month")
    days = [f"{local_datetime(at):%Y-%m-%d}" for at in starts]
    assert days == ["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01"]


def test_weeks_begin_on_monday() -> None:
    starts = period_starts(parse_time("2024-01-03"), parse_time("2024-01-03"), "week")
    assert [local_datetime(at).weekday() for at in starts] == [0, 0]


def test_local_time_follows_summer_time() -> None:
    winter, summer = parse_time("2024-01-01T12:00"), parse_time("2024-07-01T12:00")
    assert to_local(winter, "Europe/London") - winter == 0
    assert to_local(summer, "Europe/London") - summer == HOUR
