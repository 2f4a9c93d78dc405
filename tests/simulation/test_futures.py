"""The truth by brute force: of many futures lived from one state, as many come true as it says."""

from dataclasses import dataclass, fields, replace

import numpy as np
import polars as pl
import pytest

from habitue.simulation.arrays import Bytes, Floats, Ints
from habitue.simulation.block import Shop
from habitue.simulation.lives import KEEN, STATES, draw_lives
from habitue.simulation.orders import draw_orders
from habitue.simulation.persons import Persons, make_persons
from habitue.simulation.plan import HORIZONS_DAYS, Plan
from habitue.simulation.presets import PRESETS
from habitue.simulation.truth import predictions_table
from habitue.simulation.visits import Minds, draw_minds, draw_visits
from tests.simulation.plans import small_plan

_DAY, _FUTURES, _FAR = 110, 3_000, 4.9  # two-sided, with an error of one in a million


def plan_like(like: str) -> Plan:
    behaviour = PRESETS[like]
    return small_plan(500, 60_000, days=200, truth_days=(_DAY,), seed=8, like=behaviour)


@dataclass(frozen=True)
class Past:
    """What had become of the persons of a block until the moment."""

    shop: Shop
    persons: Persons
    state: Bytes
    minds: Minds
    truth: pl.DataFrame


@pytest.fixture(scope="module", params=["taobao", "grocery"])
def past(request: pytest.FixtureRequest) -> Past:
    plan = plan_like(request.param)
    shop, rng = Shop.of(plan), np.random.default_rng(0)
    persons = make_persons(plan, shop.calendar, shop.catalogue, 0)
    state = draw_lives(persons.hazards, persons.arrivals, plan.days + 1, rng)
    minds = draw_minds(persons, state, shop.calendar, shop.catalogue, rng)
    visits = draw_visits(plan, persons, state[:-1], minds, shop.calendar, shop.catalogue, rng)
    orders = draw_orders(plan, persons, visits, shop.calendar, shop.catalogue, rng)
    truth = predictions_table(
        plan, persons, state, minds, visits, orders, shop.calendar, shop.catalogue
    )
    return Past(shop, persons, state, minds, truth)


def copies(persons: Persons, who: Ints) -> Persons:
    """Persons again, as often as they are named."""
    columns = {field.name: getattr(persons, field.name) for field in fields(persons)}
    taken = {name: each[who] for name, each in columns.items() if isinstance(each, np.ndarray)}
    of = {"hazards": persons.hazards.of(who), "arrivals": persons.arrivals.of(who)}
    return replace(persons, **of, **taken)  # type: ignore[arg-type]


def lived(past: Past, who: Ints, rng: np.random.Generator) -> tuple[dict[str, Ints], Floats]:
    """The first days of a visit and a purchase in each future, and the money of 90 days."""
    persons, shop, plan = copies(past.persons, who), past.shop, past.shop.plan
    state = past.state[:, who].copy()
    for day in range(_DAY + 1, state.shape[0]):
        state[day] = persons.hazards.draw_step(state[day - 1], rng.random(who.size))
    minds = draw_minds(persons, state, shop.calendar, shop.catalogue, rng)
    keen = np.flatnonzero(state[_DAY] == KEEN)
    spell = np.searchsorted(minds.start, keen * minds.num_days + _DAY, side="right") - 1
    minds.pool[spell] = past.minds.at(who[keen], np.full(keen.size, _DAY))
    visits = draw_visits(plan, persons, state[:-1], minds, shop.calendar, shop.catalogue, rng)
    orders = draw_orders(plan, persons, visits, shop.calendar, shop.catalogue, rng)
    first: dict[str, Ints] = {}
    for name, what in (("visit", visits), ("purchase", orders)):
        first[name] = np.full(who.size, plan.days)
        later = what.day >= _DAY
        np.minimum.at(first[name], what.who[later], what.day[later])
    spent: Floats = np.zeros(who.size)
    np.add.at(spent, orders.who[orders.day >= _DAY], orders.value[orders.day >= _DAY])
    return first, spent


@pytest.mark.parametrize("state", STATES)
def test_of_many_futures_as_many_come_true_as_the_truth_says(past: Past, state: str) -> None:
    rng = np.random.default_rng(STATES.index(state))
    known = past.truth.with_columns(who=pl.Series(np.flatnonzero(past.persons.arrival < _DAY)))
    likely = known.filter(pl.col("state") == state).sort("purchase_30d", descending=True)
    assert likely.height > 4
    for row in likely[[0, likely.height // 8, likely.height // 2]].iter_rows(named=True):
        first, spent = lived(past, np.full(_FUTURES, row["who"]), rng)
        for horizon in HORIZONS_DAYS:
            for name in first:
                told = row[f"{name}_{horizon}d"]
                came = (first[name] < _DAY + horizon).mean()
                error = np.sqrt(told * (1 - told) / _FUTURES)
                assert abs(came - told) <= _FAR * error + 1e-12, (name, horizon, row)
        assert row["churn_90d"] == pytest.approx(1 - row["purchase_90d"])
        error = spent.std() / np.sqrt(_FUTURES)
        assert abs(spent.mean() - row["value_90d"]) <= _FAR * error, row
