"""The level of a task: moved towards the lifetime model's where windows bear it out."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from habitue.profiles.calibration import Calibrator, chance_of, odds_of
from habitue.profiles.levels import (
    Bias,
    is_unseen_season,
    lifetime_bias,
    lifetime_weight,
    moved_level,
    season_drift,
)
from habitue.schema import DAY

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
PERSONS = 2000
UNBIASED = Bias((), (), 1)


def windows(*, own: float, told: float, came: float) -> tuple[Floats, Floats, Floats, Ints]:
    """Two windows alike: what our scores say, what came, what the lifetime model told."""
    window = np.repeat([1, 2], PERSONS) * DAY
    raw = np.full(len(window), float(odds_of(np.array(own))))
    happened = (np.arange(len(window)) % PERSONS < came * PERSONS).astype(float)
    return raw, happened, np.full(len(window), told), window


def test_the_lifetime_models_level_is_taken_where_windows_bore_it_out() -> None:
    raw, happened, told, window = windows(own=0.6, told=0.4, came=0.4)
    weight = lifetime_weight(raw, happened, told, window, horizon_days=7, bias=UNBIASED)
    assert weight == pytest.approx(1, abs=0.01)


def test_a_short_horizon_keeps_its_own_level_where_that_was_right() -> None:
    raw, happened, told, window = windows(own=0.6, told=0.3, came=0.6)
    short, long = (
        lifetime_weight(raw, happened, told, window, horizon_days=days, bias=UNBIASED)
        for days in (1, 90)
    )
    assert short < 0.02
    assert 0.2 < long < 0.6, "of a season ahead two windows of one season are no proof"


def test_what_was_told_too_low_in_many_windows_is_put_right() -> None:
    raw, happened, told, window = windows(own=0.6, told=0.4, came=0.6)
    gap = float(odds_of(np.array(0.6)) - odds_of(np.array(0.4)))
    few = lifetime_bias(raw, happened, told, window, horizon_days=1)
    many = lifetime_bias(raw, happened, told, window * 199, horizon_days=1)
    assert few.known_at() == pytest.approx(gap / 2, abs=0.01)
    assert many.known_at() == pytest.approx(gap, abs=0.01)
    moved = moved_level(Calibrator("none"), raw, told, weight=1.0, bias=many.known_at())
    assert moved.chance(raw).mean() == pytest.approx(0.6, abs=0.01)


def test_a_window_is_judged_with_the_bias_of_those_ended_before_it() -> None:
    bias = Bias((0, 10 * DAY, 20 * DAY), (0.3, 0.6, 0.9), 10)
    assert bias.known_at(9 * DAY) == 0
    assert bias.known_at(10 * DAY) == pytest.approx(0.3 * 1 / 3)
    assert bias.known_at(20 * DAY) == pytest.approx(0.45 * 2 / 4)
    assert bias.known_at() == pytest.approx(0.6 * 3 / 5)


def test_a_level_put_right_is_judged_as_such() -> None:
    raw, happened, told, window = windows(own=0.6, told=0.3, came=0.5)
    gap = float(odds_of(np.array(0.5)) - odds_of(np.array(0.3)))
    before = Bias((-1999 * DAY, 0), (gap, gap), 1)
    itself = Bias((1 * DAY, 2 * DAY), (gap, gap), 90)
    as_told, put_right, too_late = (
        lifetime_weight(raw, happened, told, window, horizon_days=1, bias=bias)
        for bias in (UNBIASED, before, itself)
    )
    assert as_told == too_late < 0.5
    assert put_right == pytest.approx(1, abs=0.01)


def test_what_is_told_of_few_moves_nothing() -> None:
    raw, happened, told, window = windows(own=0.6, told=0.4, came=0.4)
    told[::2], told[1::8] = np.nan, np.nan
    bias = lifetime_bias(raw, happened, told, window, horizon_days=1)
    assert bias.known_at() == 0
    assert lifetime_weight(raw, happened, told, window, horizon_days=90, bias=bias) == 0
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


def is_unseen(
    rates: Sequence[float],
    *,
    told: Sequence[float] = (),
    persons: int = PERSONS,
    seen_days: float = 300,
) -> bool:
    """Whether windows of these rates, told as `told` (default: all alike), make a season."""
    window = np.repeat(np.arange(len(rates)), persons)
    happened = np.concatenate([np.arange(persons) < rate * persons for rate in rates])
    odds = odds_of(np.repeat(told or [0.5] * len(rates), persons))
    return is_unseen_season(
        odds, happened.astype(float), window, seen_days=seen_days, horizon_days=90
    )


@pytest.mark.parametrize(
    ("rates", "seen_days", "expected"),
    [
        ([0.6, 0.5, 0.4], 300, True),
        ([0.524, 0.486, 0.491, 0.541, 0.577, 0.524], 396, True),
        ([0.6, 0.5, 0.4], 500, False),  # a year and the horizon were seen
        ([0.50, 0.51, 0.49], 300, False),  # windows alike
        ([0.6], 300, False),
    ],
)
def test_a_season_is_unseen_where_rates_move_and_no_year_has_passed(
    rates: list[float], seen_days: float, expected: bool
) -> None:
    assert is_unseen(rates, persons=3000, seen_days=seen_days) == expected


def test_rates_that_follow_who_was_there_are_no_season() -> None:
    assert not is_unseen([0.6, 0.5, 0.4], told=[0.6, 0.5, 0.4])
    assert is_unseen([0.5, 0.5, 0.5], told=[0.6, 0.5, 0.4]), "persons alone would have it move"


def test_rates_of_few_persons_are_no_season() -> None:
    assert not is_unseen([0.6, 0.5, 0.4], persons=20)


@pytest.mark.parametrize("persons", [100, 1000])
@pytest.mark.parametrize("rate", [0.05, 0.5])
def test_a_shop_without_seasons_is_hardly_ever_told_of_one(persons: int, rate: float) -> None:
    drawn = np.random.default_rng(0).binomial(persons, rate, size=(300, 6)) / persons
    assert sum(is_unseen(rates.tolist(), persons=persons) for rates in drawn) <= 3


def test_a_season_further_ahead_may_stray_further() -> None:
    assert season_drift(7) < season_drift(30) < season_drift(91) == season_drift(365)
