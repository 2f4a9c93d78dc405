import numpy as np
import pytest

from habitue.simulation.lives import (
    AWAY,
    CALM,
    FADING,
    GONE,
    KEEN,
    VISITS_IN,
    Arrivals,
    Hazards,
    draw_lives,
    expected_exposure,
)
from habitue.simulation.seasons import make_calendar
from tests.simulation.plans import small_plan


def test_lives_begin_on_the_day_of_arrival_and_end_for_good() -> None:
    rng = np.random.default_rng(0)
    is_new = rng.random(2_000) < 0.5
    hazards = Hazards.draw(is_new, 750, rng)
    arrivals = Arrivals.at(rng.uniform(0, 300, 2_000), is_new, hazards)
    state, arrival = draw_lives(hazards, arrivals, 365, rng), arrivals.day
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
    arrivals = Arrivals.at(np.full(size, 3.75), np.full(size, True), hazards)
    week = np.zeros(size, dtype=np.int64)
    expected, _ = expected_exposure(hazards, arrivals, week, calendar, 100)
    state = draw_lives(hazards, arrivals, 100, rng)
    drawn = VISITS_IN[state] * calendar.pull[0, :100, None]
    drawn[3] *= 0.25  # what is left of the day
    total = drawn.sum(axis=0)
    assert expected == pytest.approx(expected[0])
    assert abs(total.mean() - expected[0]) <= 4.9 * total.std() / np.sqrt(size)


def test_who_was_there_before_is_as_keen_on_the_first_day_as_later() -> None:
    rng = np.random.default_rng(2)
    size = 20_000
    hazards = Hazards(np.full(size, 1e-9), np.full(size, 0.03))
    for is_new, share in ((False, 0.03 / 0.23), (True, 0.5)):
        arrivals = Arrivals.at(np.zeros(size), np.full(size, is_new), hazards)
        keen = (draw_lives(hazards, arrivals, 40, rng) == KEEN).mean(axis=1)
        assert keen[0] == pytest.approx(share, abs=0.015)
        assert keen[-1] == pytest.approx(0.03 / 0.23, abs=0.015)
