import numpy as np
import pytest

from habitue.simulation.lives import (
    AWAY,
    CALM,
    FADING,
    GONE,
    KEEN,
    VISITS_IN,
    Hazards,
    draw_lives,
    expected_exposure,
)
from habitue.simulation.seasons import make_calendar
from tests.simulation.plans import small_plan


def test_lives_begin_on_the_day_of_arrival_and_end_for_good() -> None:
    rng = np.random.default_rng(0)
    hazards = Hazards.draw(2_000, rng)
    arrival = rng.integers(0, 300, 2_000)
    state = draw_lives(hazards, arrival, 365, rng)
    day = np.arange(365)[:, None]
    assert ((state == AWAY) == (day < arrival)).all()
    first = state[arrival, np.arange(2_000)]
    assert set(first.tolist()) == {CALM, KEEN}
    order = np.where(state == AWAY, 0, np.where(state <= KEEN, 1, state))
    assert (np.diff(order.astype(int), axis=0) >= 0).all()
    assert (state[-1] == GONE).mean() > 0.1
    assert (state[-1] == FADING).any()


def test_what_is_drawn_is_what_is_expected() -> None:
    calendar = make_calendar(small_plan())
    rng = np.random.default_rng(1)
    size = 4_000
    hazards = Hazards(np.full(size, 0.01), np.full(size, 0.05))
    arrival, week = np.full(size, 3), np.zeros(size, dtype=np.int64)
    expected, _ = expected_exposure(hazards, arrival, week, calendar, 100)
    state = draw_lives(hazards, arrival, 100, rng)
    drawn = VISITS_IN[state] * calendar.pull[0, :100, None]
    drawn[3] = 0  # the day of arrival is left out
    total = drawn.sum(axis=0)
    assert expected == pytest.approx(expected[0])
    assert abs(total.mean() - expected[0]) <= 4.9 * total.std() / np.sqrt(size)
