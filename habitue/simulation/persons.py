"""The persons of a block: what each is like, for good.

In: a plan, the calendar, the catalogue and the number of a block. Out: `Persons`, drawn at random
but for two scales (of visit and purchase rates) that make the expected number of events and the
funnel come out as planned. Knows nothing about what happens on a given day.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from habitue.simulation.arrays import Bools, Floats, Ints, spread_out
from habitue.simulation.catalogue import NUM_TIERS, Catalogue
from habitue.simulation.lives import Arrivals, Hazards, expected_exposure
from habitue.simulation.plan import Plan, Stream
from habitue.simulation.presets import Behaviour
from habitue.simulation.seasons import WEEKS, Calendar

NUM_FAVOURITES: Final = 4
WEB, APP, MINI_PROGRAM, STORE = 0, 1, 2, 3
ONLINE: Final = (0.35, 0.45, 0.20)  # web, app, mini_program: where persons are at home
MOST_LIKELY_TO_BUY: Final = 0.3  # in the calm state
REMOVED_SHARE: Final = 0.2  # of carts that led to no purchase
_CLOCK_HOURS: Final = (8.0, 13.0, 20.0, 23.5)
ALL_HOURS: Final = len(_CLOCK_HOURS)
_STEPS_PER_DAY: Final = 4096
_RENEWAL: Final = 0.7  # of the days that customers stay: until most are others
_LESS_BUSY: Final = 0.7


@dataclass(frozen=True)
class Persons:
    """What each person of a block is like.

    One entry a person; `favourite`, `favourite_share` (N, 4), `tier` (N, 3) and `staple`
    (N, the preset's staples) have more columns.

    `rate`: visits on an average day of the calm state; `buy`: probability that a calm visit buys.
    A visit that follows taste is about a pool of `favourite` with probability `favourite_share`,
    else about the season's leaf and a tier by `tier`. `week` and `clock` are kinds of week and of
    daily rhythm. `second_on`: the platform on which the person uses a second user id, or -1.
    """

    first: int  # number of the first person
    arrivals: Arrivals
    hazards: Hazards
    rate: Floats
    buy: Floats
    week: Ints
    clock: Ints
    favourite: Ints
    favourite_share: Floats
    tier: Floats
    staple: Ints
    platform: Ints
    desktop: Bools
    in_store: Floats  # probability that an order is placed in the store
    login: Floats
    second_on: Ints
    shares_device: Bools
    length: Floats  # of visits, against the average

    @property
    def size(self) -> int:
        """Persons of the block."""
        return self.rate.size

    @property
    def arrival(self) -> Ints:
        """The day of each person's first visit."""
        return self.arrivals.day

    def draw_pools(
        self, who: Ints, months: Ints, catalogue: Catalogue, rng: np.random.Generator
    ) -> Ints:
        """Draw what a visit is about by the persons' tastes."""
        bounds = np.cumsum(self.favourite_share, axis=1)[who]
        choice = (rng.random(who.size)[:, None] > bounds).sum(axis=1)
        leaf = catalogue.draw_leaves(months, rng)
        tier_bounds = np.cumsum(self.tier[:, :-1], axis=1)[who]
        tier = (rng.random(who.size)[:, None] > tier_bounds).sum(axis=1)
        follows = choice < NUM_FAVOURITES
        favourite = self.favourite[who, np.minimum(choice, NUM_FAVOURITES - 1)]
        pool: Ints = np.where(follows, favourite, NUM_TIERS * leaf + tier)
        return pool


def make_persons(
    plan: Plan, calendar: Calendar, catalogue: Catalogue, block: int, attempt: int = 0
) -> Persons:
    """Return the persons of a block; with each `attempt`, others that come less often."""
    rng = plan.random(Stream.PERSONS, block, attempt)
    numbers = plan.persons_of(block)
    like, size = plan.like, len(numbers)
    diversity = rng.gamma(like.diversity, 1 / like.diversity, size) + 0.02
    usual = expected_views(like, plan.quota(block)) / like.views / size / plan.days
    is_new = rng.random(size) < -np.expm1(-plan.days / (_RENEWAL * like.stay_days))
    hazards = Hazards.draw(is_new, like.stay_days, rng)
    moment_N = _first_moments(diversity * usual, is_new, plan.days, rng)
    shape = (size, NUM_FAVOURITES)
    leaf_NK = rng.choice(catalogue.num_leaves, shape, p=catalogue.leaf_share)
    tier_NT = rng.dirichlet(np.array([0.9, 1.2, 0.6]), size)
    tier_NK = _draw_tiers(tier_NT, rng)
    favourite_NK = NUM_TIERS * leaf_NK + tier_NK
    share_NK = rng.dirichlet(np.array([4.0, 2.0, 1.0, 0.6]), size) * like.loyalty
    platform_N = rng.choice(3, size, p=ONLINE)
    other_N = (platform_N + rng.integers(1, 4, size)) % 4
    persons = Persons(
        first=numbers.start,
        arrivals=Arrivals.at(moment_N, is_new, hazards),
        hazards=hazards,
        rate=diversity * usual,
        buy=rng.gamma(1.5, 1 / 1.5, size) + 0.05,
        week=rng.choice(len(WEEKS), size, p=[0.6, 0.2, 0.2]),
        clock=rng.choice(len(_CLOCK_HOURS), size, p=clock_shares(like)),
        favourite=favourite_NK,
        favourite_share=share_NK,
        tier=tier_NT,
        staple=np.zeros((size, like.staples), dtype=np.int64),
        platform=platform_N,
        desktop=rng.random(size) < 0.6,
        in_store=np.where(rng.random(size) < 0.3, 0.3, 0.0),
        login=rng.beta(2, 1, size),
        second_on=np.where(rng.random(size) < 0.08, other_N, -1),
        shares_device=(rng.random(size) < 0.02) & (np.arange(size) > 0),
        length=np.exp(rng.normal(0, 0.5, size)),
    )
    persons = replace(persons, staple=_draw_staples(persons, like, calendar, catalogue, rng))
    return _scaled(persons, plan, calendar, block, _LESS_BUSY**attempt)


def expected_views(like: Behaviour, events: int) -> float:
    """Return how many of so many events are views, refunds counted among them."""
    others = like.wishes + like.searches + like.lists
    others += like.carts + (like.carts - like.from_cart * like.purchases) * REMOVED_SHARE
    others += like.purchases * (1 + like.refunds + 1 / like.basket)
    return events / (1 + others)


def clock_tables(like: Behaviour) -> Floats:
    """Return, for each kind of daily rhythm, the times of day (in days) of evenly spread quantiles.

    Together the kinds give the preset's hours; so does the last, of no rhythm.
    """
    hour = np.arange(24) + 0.5
    share_CH = np.vstack([_rhythms(), np.ones(24)]) * np.array(like.hours)
    tables = []
    for share_H in share_CH:
        cumulative = np.concatenate([[0.0], np.cumsum(share_H) / share_H.sum()])
        wanted = (np.arange(_STEPS_PER_DAY) + 0.5) / _STEPS_PER_DAY
        tables.append(np.interp(wanted, cumulative, np.append(hour - 0.5, 24.0)) / 24)
    return np.stack(tables)


def clock_shares(like: Behaviour) -> Floats:
    """Return how many persons have each kind of daily rhythm."""
    share_C = (_rhythms() * np.array(like.hours)).sum(axis=1)
    share: Floats = share_C / share_C.sum()
    return share


def _rhythms() -> Floats:
    """Return weights (kinds, 24 hours) that add up to 1 in every hour."""
    hour = np.arange(24) + 0.5
    angle = 2 * np.pi * (hour - np.array(_CLOCK_HOURS)[:, None]) / 24
    weight = np.exp(1.5 * np.cos(angle))
    rhythm: Floats = weight / weight.sum(axis=0)
    return rhythm


def _first_moments(rate_N: Floats, is_new: Bools, days: int, rng: np.random.Generator) -> Floats:
    """Return the moment, in days, of each person's first visit.

    New customers keep coming; in a year half of all are new. Of the others, known before the log
    began, the first visit comes as soon as their rate lets it.
    """
    rate_N = np.maximum(rate_N, 1e-9)
    within = -np.expm1(-rate_N * days)
    known = -np.log1p(-rng.random(rate_N.size) * within) / rate_N
    new = days * rng.random(rate_N.size) ** 0.8
    return np.minimum(np.where(is_new, new, known), np.nextafter(days, 0))


def _draw_tiers(tier_NT: Floats, rng: np.random.Generator) -> Ints:
    bounds = np.cumsum(tier_NT[:, :-1], axis=1)
    uniform = rng.random((tier_NT.shape[0], NUM_FAVOURITES, 1))
    tier: Ints = (uniform > bounds[:, None, :]).sum(axis=2)
    return tier


def _draw_staples(
    persons: Persons,
    like: Behaviour,
    calendar: Calendar,
    catalogue: Catalogue,
    rng: np.random.Generator,
) -> Ints:
    """Draw what each person buys again and again, to their taste, of what there is at first."""
    who, _ = spread_out(np.full(persons.size, like.staples))
    at_first = np.zeros(who.size, dtype=np.int64)
    pool = persons.draw_pools(who, calendar.month[at_first], catalogue, rng)
    return catalogue.draw_items(pool, at_first, rng).reshape(persons.size, like.staples)


def _scaled(
    persons: Persons, plan: Plan, calendar: Calendar, block: int, busyness: float
) -> Persons:
    """Scale rates so that the expected visits fill the quota, and purchases follow the funnel."""
    like, size = plan.like, persons.size
    visits_N, tempting_N = expected_exposure(
        persons.hazards, persons.arrivals, persons.week, calendar, plan.days
    )
    views = expected_views(like, plan.quota(block))
    later_visits = max(views / like.views - size, 0.05 * size)
    # One day at least: who comes on the last day of all must not have to come at once.
    chances = max((persons.rate * visits_N).sum(), persons.rate.sum())
    rate_N = persons.rate * later_visits / chances * busyness
    chances_N = persons.arrivals.buys + rate_N * tempting_N
    orders = views * like.purchases / like.basket
    buy_N = persons.buy
    for _ in range(4 if orders else 0):
        buy_N = np.minimum(buy_N * orders / (buy_N * chances_N).sum(), MOST_LIKELY_TO_BUY)
    return replace(persons, rate=rate_N, buy=buy_N if orders else np.zeros_like(buy_N))
