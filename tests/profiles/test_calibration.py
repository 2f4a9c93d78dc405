import numpy as np
import pytest

from habitue import metrics
from habitue.profiles.calibration import (
    Calibrator,
    chance_of,
    fit_amount_spread,
    fit_calibrator,
    fit_chance_spread,
    level_gap,
    odds_of,
    window_gaps,
)


def simulate(num: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True log odds, overconfident raw scores (twice as steep), outcomes."""
    rng = np.random.default_rng(seed)
    true_odds = rng.normal(-1, 1, num)
    happened = (rng.random(num) < chance_of(true_odds)).astype(np.float64)
    return true_odds, 2 * true_odds, happened


@pytest.mark.parametrize(("num", "method"), [(300, "platt"), (4000, "beta"), (40_000, "isotonic")])
def test_overconfident_scores_become_honest(num: int, method: str) -> None:
    _, raw, happened = simulate(num)
    calibrator = fit_calibrator(raw, happened, np.arange(len(happened)))
    assert calibrator.method == method
    fresh_odds, fresh_raw, fresh = simulate(20_000, seed=1)
    error = np.abs(calibrator.chance(fresh_raw) - chance_of(fresh_odds)).mean()
    assert error < np.abs(chance_of(fresh_raw) - chance_of(fresh_odds)).mean() / 2
    if num >= 4000:
        assert metrics.ece(fresh > 0, calibrator.chance(fresh_raw)) < 0.02


def test_calibration_keeps_the_order() -> None:
    for num in (300, 4000, 40_000):
        _, raw, happened = simulate(num)
        grid = np.linspace(-8, 8, 200)
        assert (
            np.diff(fit_calibrator(raw, happened, np.arange(len(happened))).chance(grid)) >= 0
        ).all()


def test_few_cases_leave_scores_as_they_are() -> None:
    raw = np.linspace(-3, 3, 100)
    happened = np.zeros(100)
    happened[:20] = 1
    calibrator = fit_calibrator(raw, happened, np.arange(len(happened)))
    assert calibrator.method == "none"
    assert calibrator.chance(raw) == pytest.approx(chance_of(raw))


def test_many_cases_of_few_persons_are_few_cases() -> None:
    _, raw, happened = simulate(4000)
    persons = np.arange(4000)
    assert fit_calibrator(raw, happened, persons % 40).method == "platt"
    assert fit_calibrator(raw, happened, persons % 25).method == "none"


def test_scores_that_say_the_opposite_are_flattened_not_turned_around() -> None:
    _, raw, happened = simulate(400)
    calibrator = fit_calibrator(-raw, happened, np.arange(len(happened)))
    assert np.ptp(calibrator.chance(raw)) < 0.05


def test_a_small_bend_of_few_windows_is_believed_in_part() -> None:
    true_odds, _, happened = simulate(4000)
    raw, persons = true_odds / 1.1, np.arange(4000)
    known = fit_calibrator(raw, happened, persons)
    seen = fit_calibrator(raw, happened, persons, num_windows=1)
    assert known.share == 1
    assert seen.share < 0.4, "a bend of .1 beside the .2 by which windows stray"
    assert fit_calibrator(raw, happened, persons, num_windows=20).share > 0.7
    halfway = (1 - seen.share) * raw + seen.share * known.odds(raw)
    np.testing.assert_allclose(seen.odds(raw), halfway)


def test_a_great_bend_is_believed_of_one_window() -> None:
    _, raw, happened = simulate(4000)
    assert fit_calibrator(raw, happened, np.arange(4000), num_windows=1).share > 0.8


def test_level_is_set_to_a_rate() -> None:
    _, raw, happened = simulate(1000)
    for rate in (0.01, 0.4, 0.97):
        levelled = fit_calibrator(raw, happened, np.arange(len(happened))).at_level(raw, rate)
        assert levelled.chance(raw).mean() == pytest.approx(rate, abs=1e-6)


def test_level_gap_of_sure_scores_is_found() -> None:
    odds = np.array([-30.0, -29.0, 30.0])
    assert chance_of(odds + level_gap(odds, 0.9)).mean() == pytest.approx(0.9, abs=1e-6)


def test_each_window_has_its_own_level() -> None:
    raw = np.zeros(2000)
    window = np.repeat([0, 1], 1000)
    happened = np.concatenate([np.arange(1000) < 800, np.arange(1000) < 200]).astype(float)
    gaps = window_gaps(raw, happened, window)
    assert gaps[0] == pytest.approx(odds_of(np.array([0.8]))[0], abs=0.02)
    assert gaps[-1] == pytest.approx(-gaps[0], abs=0.02)


def test_intervals_hold_the_true_rate_of_persons_scored_alike() -> None:
    inside = []
    for seed in range(20):
        true_odds, raw, happened = simulate(500, seed)
        calibrator = fit_calibrator(raw, happened, np.arange(len(happened)))
        chance = calibrator.chance(raw)
        spread = fit_chance_spread(chance, happened, np.zeros(500, np.int64), np.arange(500))
        low, high = spread.interval(chance)
        assert ((low <= chance) & (chance <= high)).all()
        inside.append(((low <= chance_of(true_odds)) & (chance_of(true_odds) <= high)).mean())
    assert np.mean(inside) > 0.88


def test_windows_that_differ_widen_the_interval() -> None:
    rng = np.random.default_rng(0)
    window = np.repeat([0, 1, 2], 500)
    chance = np.full(1500, 0.4)
    steady = (rng.random(1500) < 0.4).astype(float)
    drifting = (rng.random(1500) < np.array([0.6, 0.4, 0.2])[window]).astype(float)
    subjects = np.arange(1500)
    calm = fit_chance_spread(chance, steady, window, subjects)
    wild = fit_chance_spread(chance, drifting, window, subjects)
    assert wild.drift > 2 * calm.drift
    low, high = wild.interval(np.array([0.4]))
    assert low[0] < 0.3
    assert high[0] > 0.5


def test_a_person_in_several_windows_counts_once() -> None:
    chance, happened = np.full(600, 0.5), np.tile([0.0, 1.0], 300)
    window = np.repeat([0, 1, 2], 200)
    same = fit_chance_spread(chance, happened, window, np.tile(np.arange(200), 3))
    other = fit_chance_spread(chance, happened, window, np.arange(600))
    assert sum(same.count) < sum(other.count)


def test_amount_intervals_hold_nine_of_ten() -> None:
    rng = np.random.default_rng(0)
    predicted = rng.lognormal(3, 1, 4000)
    truth = predicted * rng.lognormal(0, 0.7, 4000) * (rng.random(4000) < 0.8)
    spread = fit_amount_spread(predicted[:2000], truth[:2000])
    low, high = spread.interval(predicted[2000:])
    inside = (low <= truth[2000:]) & (truth[2000:] <= high)
    assert 0.86 < inside.mean() < 0.96


def test_nothing_judged_gives_the_widest_interval() -> None:
    nothing = np.empty(0)
    spread = fit_chance_spread(nothing, nothing, np.empty(0, np.int64), np.empty(0, np.int64))
    low, high = spread.interval(np.array([0.5]))
    assert high[0] - low[0] > 0.6
    amounts = fit_amount_spread(nothing, nothing).interval(np.array([5.0]))
    assert amounts[0][0] == 0


def test_a_calibrator_without_a_method_is_the_logistic_curve() -> None:
    assert Calibrator("none").chance(np.array([0.0]))[0] == 0.5
