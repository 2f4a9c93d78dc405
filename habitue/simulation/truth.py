"""What is true of each person at a moment: states, probabilities and values, not outcomes.

In: what each person is like and the state each is in. Out: the probability of a purchase and of a
visit in the days to come and the expected spending, summed over everything that the generating
process may still do; beside them, what it did. The sums are exact but for two trifles: a price is
rounded to hundredths only where it is paid, and what comes to a mind is expected to follow the
season of the day, not of the day on which the spell began.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from habitue.schema import DAY
from habitue.simulation.arrays import Bools, Bytes, Floats, Ints
from habitue.simulation.catalogue import NUM_TIERS, Catalogue, item_ids, leaf_paths
from habitue.simulation.lives import BUYS_IN, FADING, GONE, KEEN, STATES, VISITS_IN
from habitue.simulation.orders import MEAN_QUANTITY, Orders
from habitue.simulation.persons import Persons
from habitue.simulation.plan import HORIZONS_DAYS, Plan
from habitue.simulation.seasons import Calendar, day_start
from habitue.simulation.visits import ON_THE_MIND, Minds, Visits
from habitue.simulation.words import TIERS

_VISITS_IN: Final = VISITS_IN[:GONE, None]
_BUYS_IN: Final = BUYS_IN[:GONE, None]
_CHURN_DAYS: Final = HORIZONS_DAYS[-1]


def predictions_table(
    plan: Plan,
    persons: Persons,
    state_DN: Bytes,
    minds: Minds,
    visits: Visits,
    orders: Orders,
    calendar: Calendar,
    catalogue: Catalogue,
) -> pl.DataFrame:
    """Return one row a person and truth day, of persons who came before it.

    The columns named as tasks are probabilities (`value_90d`: money spent, refunds not deducted);
    those ending in `_came` are outcomes, null where the log ends before.
    """
    frames = []
    for day in plan.truth_days:
        known = np.flatnonzero(persons.arrival < day)
        columns = {"person_id": person_ids(persons.first + known)}
        columns |= {"as_of": pl.repeat(day_start(plan, day), known.size, eager=True)}
        columns |= {"state": pl.Series(STATES).gather(pl.Series(state_DN[day, known]))}
        expected = _expected(plan, persons, state_DN[day], minds, calendar, catalogue, day)
        columns |= {name: pl.Series(values[known]) for name, values in expected.items()}
        came = _came(plan, persons.size, visits, orders, day)
        columns |= {name: values.gather(pl.Series(known)) for name, values in came.items()}
        frames.append(pl.DataFrame(columns))
    return pl.concat(frames)


def persons_table(
    plan: Plan, persons: Persons, state_DN: Bytes, catalogue: Catalogue
) -> pl.DataFrame:
    """Return one row a person: when they came, faded and left; how busy they are, what they pay."""
    tiers = {f"{tier}_share": persons.tier[:, place] for place, tier in enumerate(TIERS)}
    staples = [
        item_ids(catalogue.code[item_N]).alias(str(place))
        for place, item_N in enumerate(persons.staple.T)
    ]
    return pl.DataFrame(
        {
            "person_id": person_ids(persons.first + np.arange(persons.size)),
            "arrived_at": plan.start_at + persons.arrival * DAY,
            "faded_at": _first_moment(plan, np.isin(state_DN, (FADING, GONE))),
            "gone_at": _first_moment(plan, state_DN == GONE),
            "state_at_end": pl.Series(STATES).gather(pl.Series(state_DN[-1])),
            "visits_per_day": persons.rate,
            "buys_per_visit": persons.buy,
            **tiers,
            "staples": pl.DataFrame(staples).select(pl.concat_list(pl.all())).to_series(),
        }
    )


def tastes_table(persons: Persons, catalogue: Catalogue) -> pl.DataFrame:
    """Return one row a person and favourite category: the share of visits that are about it.

    What no favourite has a share in follows the season, the same for all.
    """
    size, num_favourites = persons.favourite.shape
    leaf, tier = np.divmod(persons.favourite.ravel(), NUM_TIERS)
    frame = pl.DataFrame(
        {
            "person": np.repeat(persons.first + np.arange(size), num_favourites),
            "category": pl.Series(leaf_paths(catalogue.num_leaves)).gather(pl.Series(leaf)),
            "tier": pl.Series(TIERS).gather(pl.Series(tier)),
            "weight": persons.favourite_share.ravel(),
        }
    )
    frame = frame.group_by("person", "category", "tier", maintain_order=True).agg(
        pl.col("weight").sum()
    )
    return frame.select(person_ids(frame["person"]), "category", "tier", "weight")


def person_ids(numbers: Ints | pl.Series) -> pl.Series:
    """Return the names of persons in the truth; no event knows them."""
    texts = pl.Series(numbers).cast(pl.String).str.zfill(9)
    return ("person-" + texts).rename("person_id")


def _expected(
    plan: Plan,
    persons: Persons,
    state_N: Bytes,
    minds: Minds,
    calendar: Calendar,
    catalogue: Catalogue,
    first_day: int,
) -> dict[str, Floats]:
    """Sum over the days to come. Only who is there now (A) can do anything in them."""
    there = np.flatnonzero(state_N < GONE)
    hazards = persons.hazards.of(there)
    week_A, rate_A, buy_A = persons.week[there], persons.rate[there], persons.buy[there]
    prices = _line_prices(plan, persons, there, state_N, minds, calendar, catalogue, first_day)
    all_SA = (np.arange(GONE)[:, None] == state_N[there]).astype(np.float64)
    unbought_SA, unvisited_SA, on_mind_A = all_SA, all_SA, all_SA[KEEN]
    bought_A, visited_A, spent_A = (np.zeros(there.size) for _ in range(3))
    found: dict[str, Floats] = {}
    for ahead in range(_CHURN_DAYS):
        day = first_day + ahead
        come_SA = _VISITS_IN * (rate_A * calendar.pull[week_A, day])
        buy_SA = come_SA * _BUYS_IN * (buy_A * calendar.temptation[day])
        spent_A += (buy_SA * all_SA).sum(axis=0) * prices.usual[ahead]
        spent_A += buy_SA[KEEN] * on_mind_A * prices.extra[ahead]
        on_mind_A = on_mind_A * hazards.stay_keen
        stayed_SA = unbought_SA * np.exp(-buy_SA)
        bought_A += (unbought_SA - stayed_SA).sum(axis=0)
        away_SA = unvisited_SA * np.exp(-come_SA)
        visited_A += (unvisited_SA - away_SA).sum(axis=0)
        unbought_SA, unvisited_SA = hazards.step(stayed_SA), hazards.step(away_SA)
        all_SA = hazards.step(all_SA)
        if ahead + 1 in HORIZONS_DAYS:
            found[f"purchase_{ahead + 1}d"] = _for_all(bought_A, there, state_N.size)
            found[f"visit_{ahead + 1}d"] = _for_all(visited_A, there, state_N.size)
    found[f"churn_{_CHURN_DAYS}d"] = 1 - found[f"purchase_{_CHURN_DAYS}d"]
    spent_A *= plan.like.basket * MEAN_QUANTITY
    found[f"value_{_CHURN_DAYS}d"] = _for_all(spent_A, there, state_N.size)
    return found


def _for_all(value_A: Floats, there: Ints, size: int) -> Floats:
    value_N = np.zeros(size)
    value_N[there] = value_A
    return value_N


@dataclass(frozen=True)
class _LinePrices:
    """The mean price of an order line on each day to come, for the persons who are there.

    `extra` is what a line costs more while what is on the mind now still is.
    """

    usual: Floats
    extra: Floats


def _line_prices(
    plan: Plan,
    persons: Persons,
    there: Ints,
    state_N: Bytes,
    minds: Minds,
    calendar: Calendar,
    catalogue: Catalogue,
    first_day: int,
) -> _LinePrices:
    days = np.arange(first_day, first_day + _CHURN_DAYS)
    price_PD = np.ascontiguousarray(catalogue.pool_price[:, days])
    share_AK = persons.favourite_share[there]
    general_TD = catalogue.general_prices(calendar.month[days], days)
    taste_AD = (1 - share_AK.sum(axis=1, keepdims=True)) * (persons.tier[there] @ general_TD)
    for favourite in range(share_AK.shape[1]):
        pool_A = persons.favourite[there, favourite]
        taste_AD += share_AK[:, favourite, None] * price_PD[pool_A]
    kept_CD = 1 - calendar.discount[:, days]
    staple_AD = np.zeros_like(taste_AD)
    for item_A in persons.staple[there].T:
        kept_AD = kept_CD[catalogue.department[catalogue.leaf[item_A]]]
        staple_AD += catalogue.price[item_A, None] * kept_AD
    staple_AD /= persons.staple.shape[1]
    keen = np.flatnonzero(state_N[there] == KEEN)
    mind_K = minds.at(there[keen], np.full(keen.size, first_day))
    extra_AD = np.zeros_like(taste_AD)
    extra_AD[keen] = price_PD[mind_K] - taste_AD[keen]
    repeats = plan.like.repeats
    usual_AD = (1 - repeats) * taste_AD + repeats * staple_AD
    extra_AD *= ON_THE_MIND * (1 - plan.like.wander) * (1 - repeats)
    return _LinePrices(np.ascontiguousarray(usual_AD.T), np.ascontiguousarray(extra_AD.T))


def _came(plan: Plan, size: int, visits: Visits, orders: Orders, day: int) -> dict[str, pl.Series]:
    found: dict[str, pl.Series] = {}
    for horizon in HORIZONS_DAYS:
        is_over = day + horizon <= plan.days
        for name, who, when in (
            (f"purchase_{horizon}d", orders.who, orders.day),
            (f"visit_{horizon}d", visits.who, visits.day),
        ):
            came = np.zeros(size, dtype=np.bool_)
            came[who[_within(when, day, horizon)]] = True
            found[f"{name}_came"] = _known_if(is_over, pl.Series(came))
    found[f"churn_{_CHURN_DAYS}d_came"] = ~found[f"purchase_{_CHURN_DAYS}d_came"]
    within = _within(orders.day, day, _CHURN_DAYS)
    spent = np.zeros(size)
    np.add.at(spent, orders.who[within], orders.value[within])
    is_over = day + _CHURN_DAYS <= plan.days
    found[f"value_{_CHURN_DAYS}d_came"] = _known_if(is_over, pl.Series(spent.round(2)))
    return found


def _within(days: Ints, first_day: int, num_days: int) -> Bools:
    return (days >= first_day) & (days < first_day + num_days)


def _known_if(is_known: bool, values: pl.Series) -> pl.Series:
    return values if is_known else pl.repeat(None, values.len(), dtype=values.dtype, eager=True)


def _first_moment(plan: Plan, is_so_DN: Bools) -> pl.Series:
    """Return when it is so for the first time, null where it never is within the log."""
    day_N = is_so_DN.argmax(axis=0)
    return pl.Series(plan.start_at + day_N * DAY).set(pl.Series(~is_so_DN.any(axis=0)), None)
