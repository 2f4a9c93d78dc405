import math

import numpy as np
import numpy.typing as npt
import pytest
from pydantic import TypeAdapter

from habitue.errors import Refused
from habitue.profiles.heads import (
    BIN_ENDS,
    AmountHead,
    HazardHead,
    Head,
    deviation_of,
    fit_amounts,
    fit_hazard,
)

Floats = npt.NDArray[np.floating]

NUM = 6000
DAILY_RATE = 0.02
EVERYBODY = np.arange(NUM)


def noise(seed: int = 0, columns: int = 3) -> Floats:
    return np.random.default_rng(seed).normal(size=(NUM, columns)).astype(np.float32)


def waits(rate: float | Floats = DAILY_RATE, seed: int = 1) -> Floats:
    """Waits of a hazard that is the same on every day."""
    return np.random.default_rng(seed).exponential(1 / np.asarray(rate), NUM)


def fitted(
    columns: Floats, wait: Floats, known: Floats, *, days: float = 30, is_absence: bool = False
) -> HazardHead:
    return fit_hazard(columns, wait, known, EVERYBODY, days=days, is_absence=is_absence, seed=0)


@pytest.fixture(scope="module")
def seen() -> HazardHead:
    """Fitted where every wait was seen to the end of the bins."""
    return fitted(noise(), waits(), np.full(NUM, 200.0))


def test_an_even_hazard_is_found_at_every_horizon(seen: HazardHead) -> None:
    for days in BIN_ENDS:
        told = seen.chance(noise(5), days=days).mean()
        assert told == pytest.approx(1 - math.exp(-DAILY_RATE * days), abs=0.02), days


def test_windows_that_are_not_over_bias_no_horizon() -> None:
    known = np.random.default_rng(3).uniform(0, 200, NUM)  # many end within a bin
    head = fitted(noise(), waits(), known)
    for days in BIN_ENDS:
        told = head.chance(noise(5), days=days).mean()
        assert told == pytest.approx(1 - math.exp(-DAILY_RATE * days), abs=0.03), days


def test_what_lies_after_the_known_days_is_not_looked_at() -> None:
    known = np.full(NUM, 40.0)
    wait = waits()
    later = np.where(wait >= 40, np.inf, wait)
    assert fitted(noise(), wait, known) == fitted(noise(), later, known)


def test_two_kinds_of_persons_are_told_apart() -> None:
    columns = noise()
    is_quick = columns[:, 0] > 0
    head = fitted(columns, waits(np.where(is_quick, 0.06, 0.01)), np.full(NUM, 90.0))
    told = head.chance(columns, days=30)
    assert told[is_quick].mean() == pytest.approx(1 - math.exp(-1.8), abs=0.05)
    assert told[~is_quick].mean() == pytest.approx(1 - math.exp(-0.3), abs=0.05)


def test_a_later_horizon_is_never_less_probable(seen: HazardHead) -> None:
    told = [seen.chance(noise(7) * 4, days=days) for days in np.linspace(0.25, 180, 300)]
    assert (np.diff(told, axis=0) >= 0).all()


def test_the_raw_score_is_the_log_odds_of_the_horizon_or_of_its_absence(seen: HazardHead) -> None:
    columns = noise(5)
    chance = seen.chance(columns, days=30)
    assert seen.raw(columns) == pytest.approx(np.log(chance / (1 - chance)))
    absent = HazardHead(seen.network, 30, True, seen.reach_days)
    assert absent.raw(columns) == pytest.approx(-seen.raw(columns))


def test_beyond_the_bins_or_the_history_it_says_so(seen: HazardHead) -> None:
    short = fitted(noise(), waits(), np.full(NUM, 25.0))
    assert (seen.reach_days, short.reach_days) == (180, 25)
    for head, days in ((seen, 365), (short, 30)):
        with pytest.raises(Refused, match=f"A horizon of {days} days; what was seen reaches"):
            head.chance(noise(5), days=days)


def test_what_columns_add_makes_up_the_score() -> None:
    columns = noise()
    rate = np.where(columns[:, 0] > 0, 0.06, 0.01)
    for is_absence in (False, True):
        head = fitted(columns, waits(rate), np.full(NUM, 90.0), is_absence=is_absence)
        parts = head.contributions(columns)
        assert parts.sum(axis=1) == pytest.approx(head.raw(columns))
        weight = np.abs(parts[:, :3]).mean(axis=0)
        assert weight[0] > 5 * weight[1:].max()


def amounts(seed: int = 4) -> Floats:
    """Half of an amount with a log of mean 3 and deviation 0.8, else nothing."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(NUM) < 0.5, rng.lognormal(3, 0.8, NUM), 0.0)


def test_chance_mean_and_deviation_of_made_amounts_are_found() -> None:
    chance, log_amount = fit_amounts(noise(), amounts(), EVERYBODY, seed=0)
    fresh = noise(6)
    assert chance.raw(fresh).mean() == pytest.approx(0, abs=0.1)
    assert log_amount.raw(fresh).mean() == pytest.approx(3, abs=0.05)
    deviation = deviation_of(log_amount.network.outputs(fresh)).mean()
    assert deviation == pytest.approx(0.8, abs=0.05)
    told = np.exp(log_amount.raw(fresh) + log_amount.log_excess(fresh)).mean()
    assert told == pytest.approx(math.exp(3 + 0.8**2 / 2), rel=0.05)


def test_amounts_that_spread_more_are_known_to() -> None:
    columns = noise()
    rng = np.random.default_rng(4)
    is_wild = columns[:, 0] > 0
    made = rng.lognormal(3, np.where(is_wild, 1.2, 0.4))
    _, log_amount = fit_amounts(columns, made, EVERYBODY, seed=0)
    deviation = deviation_of(log_amount.network.outputs(columns))
    assert deviation[is_wild].mean() == pytest.approx(1.2, abs=0.15)
    assert deviation[~is_wild].mean() == pytest.approx(0.4, abs=0.15)


def test_the_same_seed_gives_the_same_bytes_and_saved_is_loaded() -> None:
    adapter: TypeAdapter[Head] = TypeAdapter(Head)
    known = np.full(NUM, 90.0)
    heads: list[Head] = [
        fitted(noise(), waits(), known),
        *fit_amounts(noise(), amounts(), EVERYBODY, seed=0),
    ]
    again: list[Head] = [
        fitted(noise(), waits(), known),
        *fit_amounts(noise(), amounts(), EVERYBODY, seed=0),
    ]
    for one, other in zip(heads, again, strict=True):
        saved = adapter.dump_json(one)
        assert saved == adapter.dump_json(other)
        loaded = adapter.validate_json(saved)
        assert loaded == one
        assert isinstance(loaded, HazardHead | AmountHead)
        assert (loaded.raw(noise(8)) == one.raw(noise(8))).all()
