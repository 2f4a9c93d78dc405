import numpy as np
import pytest

from habitue.profiles.cuts import MAX_CUTS, folds_by_time, is_by_time, training_cuts
from habitue.schema import DAY, HOUR, Task

WEEK = Task("purchase_7d", "event", horizon_days=7)
QUARTER = Task("churn_90d", "no_event", horizon_days=90)
FALL = Task("fall", "no_event", horizon_days=90, fall_to=0.5)


def test_every_label_window_ends_by_the_end_of_training() -> None:
    until = 400 * DAY
    cuts = training_cuts([WEEK, QUARTER], start_at=0, train_until=until)
    for task in (WEEK, QUARTER):
        assert cuts[task.name][-1] == until - task.horizon
        assert all(cut + task.horizon <= until for cut in cuts[task.name])
        assert list(cuts[task.name]) == sorted(set(cuts[task.name]))
        assert len(cuts[task.name]) == MAX_CUTS


@pytest.mark.parametrize("span", [3 * HOUR, 2 * DAY, 9 * DAY + 7 * HOUR, 100 * DAY, 731 * DAY + 1])
@pytest.mark.parametrize("horizons", [(0.02,), (0.25, 1.5), (1, 7, 30.4), (90,), (7, 89.9)])
def test_no_label_window_reaches_into_the_held_out_future(
    span: int, horizons: tuple[float, ...]
) -> None:
    tasks = [Task(str(days), "event", horizon_days=days) for days in horizons]
    cuts = training_cuts(tasks, start_at=5, train_until=5 + span)
    for task in tasks:
        assert all(cut > 5 and cut + task.horizon <= 5 + span for cut in cuts[task.name])


def test_cuts_leave_history_before_them() -> None:
    cuts = training_cuts([QUARTER, FALL], start_at=0, train_until=275 * DAY)
    assert min(cuts["churn_90d"]) >= 45 * DAY
    assert min(cuts["fall"]) >= 90 * DAY


def test_nobody_is_asked_to_come_back_before_anybody_can_have_been_away() -> None:
    task = Task("back", "event", horizon_days=30, absent_days=90)
    cuts = training_cuts([task], start_at=0, train_until=160 * DAY)
    assert min(cuts["back"]) == 110 * DAY
    assert max(cuts["back"]) == 130 * DAY


def test_tasks_share_cuts() -> None:
    cuts = training_cuts([WEEK, QUARTER], start_at=0, train_until=400 * DAY)
    assert set(cuts["churn_90d"]) & set(cuts["purchase_7d"])


def test_short_windows_begin_at_one_time_of_day() -> None:
    hours = Task("visit_6h", "event", horizon_days=0.25)
    cuts = training_cuts([hours], start_at=0, train_until=9 * DAY + 7 * HOUR)
    assert {cut % DAY for cut in cuts["visit_6h"]} == {7 * HOUR}


def test_a_span_shorter_than_the_horizon_has_no_cuts() -> None:
    assert training_cuts([QUARTER], start_at=0, train_until=80 * DAY) == {"churn_90d": ()}


def test_no_tasks_no_cuts() -> None:
    assert training_cuts([], start_at=0, train_until=DAY) == {}


@pytest.mark.parametrize("num_cuts", [4, 6])
def test_folds_judge_windows_that_begin_after_those_they_learnt_from(num_cuts: int) -> None:
    cut_of_row = np.repeat(np.arange(num_cuts) * 30 * DAY, 5)
    folds = folds_by_time(cut_of_row, np.arange(len(cut_of_row)), horizon=60 * DAY)
    assert folds
    assert is_by_time(folds, cut_of_row)
    for fold in folds:
        assert (cut_of_row[fold.fit] + 60 * DAY).max() <= cut_of_row[fold.judge].min()


def test_one_window_alone_is_judged_on_other_persons() -> None:
    cut_of_row = np.zeros(30, np.int64)
    subjects = np.arange(30)
    folds = folds_by_time(cut_of_row, subjects, horizon=DAY)
    assert not is_by_time(folds, cut_of_row)
    for fold in folds:
        assert not set(subjects[fold.fit]) & set(subjects[fold.judge])
