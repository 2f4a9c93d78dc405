import numpy as np
import pytest

from habitue.profiles.sufficiency import judge_events, length_text


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
    levels, reasons = judge_events(
        np.array([9, 9, 9, 1]),
        np.array([400.0, 90.5, 3.0, 3.0]),
        fresh_days=np.inf,
        stale_because="",
        gone_days=90,
        back_because="that is not asked",
    )
    assert levels.tolist() == ["ok", "ok", "limited", "not_enough_data"]
    assert reasons.tolist() == ["", "", "seen 3 days ago; that is not asked", "only 1 event"]


def test_nobody_has_no_level() -> None:
    none = np.array([])
    levels, reasons = judge_events(none, none, fresh_days=90, stale_because="")
    assert len(levels) == len(reasons) == 0


@pytest.mark.parametrize(
    ("days", "text"), [(0.01, "1 hour"), (0.5, "12 hours"), (2, "2 days"), (1234.4, "1,234 days")]
)
def test_short_absences_are_told_in_hours(days: float, text: str) -> None:
    assert length_text(days) == text
