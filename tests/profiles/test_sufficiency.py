import numpy as np
import pytest

from habitue.profiles.sufficiency import judge_events, length_text, limited_to


@pytest.mark.parametrize(
    ("events", "away", "level", "reason"),
    [
        (1, 1.0, "not_enough_data", "only 1 event"),
        (1, 200.0, "not_enough_data", "only 1 event"),
        (2, 1.0, "limited", "only 2 events"),
        (5, 90.0, "ok", ""),
        (5, 1200.0, "limited", "not seen for 1,200 days; that is long"),
        (3, 91.0, "limited", "not seen for 91 days; that is long"),
    ],
)
def test_few_events_and_a_long_absence_lower_the_level(
    events: int, away: float, level: str, reason: str
) -> None:
    levels, reasons = judge_events(
        np.array([events]), np.array([away]), fresh_days=90, stale_because="that is long"
    )
    assert (levels[0], reasons[0]) == (level, reason)


def test_a_question_of_the_absent_is_not_about_who_was_just_here() -> None:
    away = np.array([400.0, 90.5, 3.0, 3.0])
    judged = judge_events(np.array([9, 4, 9, 1]), away, fresh_days=np.inf, stale_because="")
    levels, reasons = limited_to(*judged, away > 90, outside="was just here")
    assert levels.tolist() == ["ok", "limited", "limited", "not_enough_data"]
    assert reasons.tolist() == ["", "only 4 events", "was just here", "only 1 event"]


def test_nobody_has_no_level() -> None:
    none = np.array([])
    levels, reasons = judge_events(none, none, fresh_days=90, stale_because="")
    assert len(levels) == len(reasons) == 0


@pytest.mark.parametrize(
    ("days", "text"), [(0.01, "1 hour"), (0.5, "12 hours"), (2, "2 days"), (1234.4, "1,234 days")]
)
def test_short_absences_are_told_in_hours(days: float, text: str) -> None:
    assert length_text(days) == text
