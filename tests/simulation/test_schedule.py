"""Visits of a day follow each other, whatever hours were wished for."""

import numpy as np
import pytest

from habitue.schema import DAY, MINUTE
from habitue.simulation.arrays import Ints
from habitue.simulation.schedule import draw_times
from habitue.simulation.visits import Visits
from tests.simulation.plans import small_plan


def made_visits(who: Ints, day: Ints, rng: np.random.Generator) -> Visits:
    start = rng.random(who.size)
    start = start[np.lexsort((start, day, who))]
    none, no = np.full(who.size, -1), np.zeros(who.size, dtype=np.bool_)
    return Visits(who, day, start, none, no, no, none, none, no, none, none, none, none)


@pytest.mark.parametrize(("num_visits", "num_events"), [(3, 4), (60, 40)])
def test_visits_of_a_day_neither_meet_nor_leave_it(num_visits: int, num_events: int) -> None:
    plan = small_plan()
    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(200), 2 * num_visits)
    day = np.tile(np.repeat([5, 6], num_visits), 200)
    visits = made_visits(who, day, rng)
    visit = np.repeat(np.arange(who.size), num_events)
    at = draw_times(plan, visits, visit, np.zeros(visit.size, dtype=np.bool_), rng)
    assert ((at - plan.start_at) // DAY == day[visit]).all()
    first, last = at[::num_events], at[num_events - 1 :: num_events]
    same = np.diff(day + 100 * who) == 0
    apart = (first[1:] - last[:-1])[same]
    assert (apart >= 0).all()
    if num_visits == 3:
        assert apart.min() > 30 * MINUTE
    assert (np.diff(at)[np.diff(visit) == 0] >= 0).all()


def test_a_visit_alone_starts_at_the_wished_for_time() -> None:
    plan = small_plan()
    rng = np.random.default_rng(0)
    who = np.arange(50)
    visits = made_visits(who, np.full(50, 8), rng)
    at = draw_times(plan, visits, who, np.zeros(50, dtype=np.bool_), rng)
    wished = plan.start_at + 8 * DAY + visits.start * (DAY - 1_000_000)
    assert np.abs(at - wished).max() < 2_000
