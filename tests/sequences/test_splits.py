import pytest

from habitue.errors import NotEnoughData
from habitue.schema import DAY, HOUR, MINUTE, Task, parse_time
from habitue.sequences.splits import choose_cuts, latest_cut

START = parse_time("2024-01-01")
TASKS = [
    Task("soon", "event", horizon_days=30),
    Task("later", "no_event", horizon_days=90),
    Task("far", "sum", horizon_days=365),
    Task("next", "next", horizon_days=80, target="category"),
]


def test_the_holdout_is_the_longest_horizon_that_fits_a_quarter() -> None:
    cuts = choose_cuts(START, START + 364 * DAY, tasks=TASKS)
    assert cuts.holdout == 90 * DAY
    assert choose_cuts(START, START + 359 * DAY, tasks=TASKS).holdout == 30 * DAY


def test_without_a_fitting_horizon_the_holdout_is_a_tenth() -> None:
    assert choose_cuts(START, START + 10 * DAY, tasks=TASKS).holdout == DAY
    assert choose_cuts(START, START + 3 * HOUR).holdout == 18 * MINUTE


def test_windows_lie_on_both_sides_of_the_cut() -> None:
    cuts = choose_cuts(START, START + 364 * DAY, tasks=TASKS)
    assert cuts.as_of == START + 274 * DAY
    assert cuts.valid_from == cuts.as_of - 28 * DAY
    assert cuts.test_until == cuts.as_of + 28 * DAY
    short = choose_cuts(START, START + 3 * HOUR)
    assert short.as_of - short.valid_from == 18 * MINUTE
    assert short.test_until == short.end_at


def test_settings_and_an_explicit_moment_override() -> None:
    end = START + 364 * DAY
    assert choose_cuts(START, end, tasks=TASKS, holdout_days=7).as_of == end - 7 * DAY
    at_end = choose_cuts(START, end, tasks=TASKS, as_of=end)
    assert at_end.test_until == at_end.as_of == end
    assert at_end.valid_from == end - 28 * DAY


def test_an_early_cut_leaves_something_to_fit_on() -> None:
    cuts = choose_cuts(START, START + 364 * DAY, tasks=TASKS, as_of=START + 8 * DAY)
    assert cuts.valid_from == START + 6 * DAY


@pytest.mark.parametrize("days", [1, 10, 100, 1000])
def test_moments_are_in_order(days: int) -> None:
    cuts = choose_cuts(START, START + days * DAY, tasks=TASKS)
    assert cuts.start_at < cuts.valid_from < cuts.as_of < cuts.test_until <= cuts.end_at


def test_a_log_of_one_moment_is_too_little() -> None:
    with pytest.raises(NotEnoughData, match=r"same moment.*map the right timestamp column"):
        choose_cuts(START, START + 1)


def test_a_cut_before_the_log_is_refused() -> None:
    with pytest.raises(NotEnoughData, match=r"cut at 2023-12-31T00:00:00Z leaves no events"):
        choose_cuts(START, START + DAY, as_of=START - DAY)


def test_a_cut_within_the_log_stays_where_it_is() -> None:
    end = START + 100 * DAY
    assert latest_cut(START, end, as_of=START + 40 * DAY) == START + 40 * DAY
    # A quiet night is part of any log, and so is a day whose events all bear its first moment.
    assert latest_cut(START, end, as_of=end + DAY - 1) == end + DAY - 1


def test_a_cut_in_the_silence_after_the_log_moves_back_by_whole_days() -> None:
    end = START + 100 * DAY
    assert latest_cut(START, end, as_of=end + 40 * DAY + HOUR) == end + HOUR
    assert latest_cut(START, START + 3 * HOUR, as_of=START + 50 * HOUR) < START + 3.3 * HOUR
