"""The level of a task: moved towards the lifetime model's where windows bear it out."""

import numpy as np
import numpy.typing as npt
import pytest

from habitue.profiles.calibration import Calibrator, chance_of, odds_of
from habitue.profiles.levels import (
    is_unseen_season,
    lifetime_bias,
    lifetime_weight,
    moved_level,
    season_drift,
)

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
PERSONS = 2000


def windows(*, own: float, told: float, came: float) -> tuple[Floats, Floats, Floats, Ints]:
    """Two windows alike: what our scores say, what came, what the lifetime model told."""
    window = np.repeat([1, 2], PERSONS)
    raw = np.full(len(window), float(odds_of(np.array(own))))
    happened = (np.arange(len(window)) % PERSONS < came * PERSONS).astype(float)
    return raw, happened, np.full(len(window), told), window


def test_the_lifetime_models_level_is_taken_where_windows_bore_it_out() -> None:
    raw, happened, told, window = windows(own=0.6, told=0.4, came=0.4)
    assert lifetime_weight(raw, happened, told, window, horizon_days=7) == pytest.approx(
        1, abs=0.01
    )


def test_a_short_horizon_keeps_its_own_level_where_that_was_right() -> None:
    raw, happened, told, window = windows(own=0.6, told=0.3, came=0.6)
    assert lifetime_weight(raw, happened, told, window, horizon_days=1) < 0.02
    long = lifetime_weight(raw, happened, told, window, horizon_days=90)
    assert 0.2 < long < 0.6, "of a season ahead two windows of one season are no proof"


def test_what_was_told_too_low_in_many_windows_is_put_right() -> None:
    raw, happened, told, window = windows(own=0.6, told=0.4, came=0.6)
    gap = float(odds_of(np.array(0.6)) - odds_of(np.array(0.4)))
    few = lifetime_bias(raw, happened, told, window, num_windows=2)
    many = lifetime_bias(raw, happened, told, window, num_windows=200)
    assert few == pytest.approx(gap / 2, abs=0.01)
    assert many == pytest.approx(gap, abs=0.01)
    curve = Calibrator("none")
    moved = moved_level(curve, raw, told, weight=1.0, bias=many)
    assert moved.chance(raw).mean() == pytest.approx(0.6, abs=0.01)


def test_a_level_put_right_is_judged_as_such() -> None:
    raw, happened, told, window = windows(own=0.6, told=0.3, came=0.5)
    gap = float(odds_of(np.array(0.5)) - odds_of(np.array(0.3)))
    as_told, put_right = (
        lifetime_weight(raw, happened, told, window, horizon_days=1, bias=bias)
        for bias in (0.0, gap)
    )
    assert as_told < 0.5
    assert put_right == pytest.approx(1, abs=0.01)


def test_what_is_told_of_few_moves_nothing() -> None:
    raw, happened, told, window = windows(own=0.6, told=0.4, came=0.4)
    told[::2], told[1::8] = np.nan, np.nan
    assert lifetime_weight(raw, happened, told, window, horizon_days=90) == 0
    assert lifetime_bias(raw, happened, told, window, num_windows=2) == 0
    curve = Calibrator("none")
    assert moved_level(curve, raw, told, weight=1.0) == curve


def test_a_level_moved_the_whole_way_is_the_one_told() -> None:
    raw, told = np.random.default_rng(0).normal(size=500), np.full(500, 0.3)
    moved = moved_level(Calibrator("none"), raw, told, weight=1.0)
    assert moved.chance(raw).mean() == pytest.approx(0.3)
    half = moved_level(Calibrator("none"), raw, told, weight=0.5)
    assert half.level == pytest.approx(moved.level / 2)


def test_a_level_moved_changes_nobodys_place() -> None:
    raw = np.random.default_rng(1).normal(size=200)
    moved = moved_level(Calibrator("none"), raw, chance_of(raw - 1), weight=0.7)
    assert np.array_equal(np.argsort(moved.chance(raw)), np.argsort(raw))


@pytest.mark.parametrize(
    ("rates", "seen_days", "is_unseen"),
    [
        ([0.6, 0.5, 0.4], 300, True),
        ([0.6, 0.5, 0.4], 500, False),  # a year and the horizon were seen
        ([0.50, 0.51, 0.49], 300, False),  # windows alike
        ([0.6], 300, False),
    ],
)
def test_a_season_is_unseen_where_rates_move_and_no_year_has_passed(
    rates: list[float], seen_days: float, is_unseen: bool
) -> None:
    counts = np.full(len(rates), PERSONS)
    found = is_unseen_season(np.array(rates), counts, seen_days=seen_days, horizon_days=90)
    assert found == is_unseen


def test_rates_of_few_persons_are_no_season() -> None:
    few = np.full(3, 20)
    assert not is_unseen_season(np.array([0.6, 0.5, 0.4]), few, seen_days=300, horizon_days=90)


def test_a_season_further_ahead_may_stray_further() -> None:
    assert season_drift(7) < season_drift(30) < season_drift(91) == season_drift(365)
