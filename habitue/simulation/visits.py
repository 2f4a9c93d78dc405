"""The visits of a block of persons: when, about what, on which platform, and whether they buy.

Visits are a Poisson process whose rate is the person's own times the state's and the day's; each
buys or not by a coin of the person's own, the state's and the day's. The first visit is
certain. A visit lies within one day. Knows nothing about single events.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from habitue.simulation.arrays import Bools, Bytes, Floats, Ints
from habitue.simulation.catalogue import Catalogue
from habitue.simulation.lives import BUYS_IN, KEEN, VISITS_IN
from habitue.simulation.persons import (
    ALL_HOURS,
    APP,
    MINI_PROGRAM,
    STORE,
    WEB,
    Persons,
    clock_tables,
)
from habitue.simulation.plan import Plan
from habitue.simulation.seasons import Calendar

ON_THE_MIND: Final = 0.85  # share of keen visits that are about what is on the mind
_AT_HOME: Final = 0.8  # share of online visits on the person's own platform
_AT_THEIR_HOURS: Final = 0.5
_LOGGED_IN: Final = np.array([0.55, 0.95, 0.85])  # web, app, mini_program; for who always does
_COOKIE_DAYS: Final = 90
DEVICES: Final = ("desktop", "mobile", "pos")
DESKTOP, MOBILE, POS = 0, 1, 2


@dataclass(frozen=True)
class Minds:
    """What is on the minds of keen persons: a pool for each spell of the keen state."""

    start: Ints  # person × num_days + day on which the spell begins, rising
    pool: Ints
    num_days: int

    def at(self, who: Ints, days: Ints) -> Ints:
        """Return the pool on the minds of persons who are keen on these days."""
        spell = np.searchsorted(self.start, who * self.num_days + days, side="right") - 1
        return self.pool[spell]


@dataclass(frozen=True)
class Visits:
    """Visits by person and time.

    `start` is the wished-for time of day, in days. `user`, `anonymous` and `key` are
    numbers that become outside ids (-1: none); with `logged_in` the user id is known from the
    first event, else from the checkout on.
    """

    who: Ints
    day: Ints
    start: Floats
    pool: Ints
    buys: Bools
    in_store: Bools
    platform: Ints
    device: Ints
    logged_in: Bools
    user: Ints
    anonymous: Ints
    key: Ints
    campaign: Ints

    @property
    def size(self) -> int:
        """Visits of the block."""
        return self.who.size


def draw_minds(
    persons: Persons,
    state_DN: Bytes,
    calendar: Calendar,
    catalogue: Catalogue,
    rng: np.random.Generator,
) -> Minds:
    """Draw what each spell of the keen state is about."""
    is_keen_ND = np.ascontiguousarray((state_DN == KEEN).T)
    begins_ND = is_keen_ND.copy()
    begins_ND[:, 1:] &= ~is_keen_ND[:, :-1]
    who, day = np.nonzero(begins_ND)
    pool = persons.draw_pools(who, calendar.month[day], catalogue, rng)
    return Minds(who * state_DN.shape[0] + day, pool, state_DN.shape[0])


def draw_visits(
    plan: Plan,
    persons: Persons,
    state_DN: Bytes,
    minds: Minds,
    calendar: Calendar,
    catalogue: Catalogue,
    rng: np.random.Generator,
) -> Visits:
    """Draw the visits of persons whose states are known."""
    who, day = _when(persons, state_DN, calendar, rng)
    start = _times_of_day(plan, persons, who, day, rng)
    order = np.lexsort((start, day, who))
    start = start[order]  # who and day are sorted already
    state = state_DN[day, who]
    pool = persons.draw_pools(who, calendar.month[day], catalogue, rng)
    is_about_mind = (state == KEEN) & (rng.random(who.size) < ON_THE_MIND)
    pool[is_about_mind] = minds.at(who[is_about_mind], day[is_about_mind])
    chance = persons.buy[who] * BUYS_IN[state] * calendar.temptation[day]
    buys = rng.random(who.size) < chance
    in_store = buys & (rng.random(who.size) < persons.in_store[who])
    campaign = calendar.campaign[day]
    campaign = np.where((rng.random(who.size) < 0.35) & ~in_store, campaign, -1)
    platform = _platforms(persons, who, in_store, rng)
    number = persons.first + who
    account = (persons.second_on[who] == platform).astype(np.int64)
    chance = persons.login[who] * _LOGGED_IN[np.minimum(platform, MINI_PROGRAM)]
    device, anonymous = _devices(persons, who, day, platform)
    return Visits(
        who=who,
        day=day,
        start=start,
        pool=pool,
        buys=buys,
        in_store=in_store,
        platform=platform,
        device=device,
        logged_in=in_store | (rng.random(who.size) < chance),
        user=number * 2 + account,
        anonymous=anonymous,
        key=(number << 24) + np.arange(who.size) - np.searchsorted(who, who),
        campaign=campaign,
    )


def _when(
    persons: Persons, state_DN: Bytes, calendar: Calendar, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """Draw person and day of every visit, sorted: a Poisson process over all persons' days."""
    num_days, size = state_DN.shape
    rate_ND = VISITS_IN[state_DN.T] * calendar.pull[persons.week, :num_days]
    rate_ND[np.arange(size), persons.arrival] *= persons.arrivals.rest
    rate_ND *= persons.rate[:, None]
    total = np.cumsum(rate_ND.ravel())
    place = np.sort(rng.random(rng.poisson(total[-1]))) * total[-1]
    cell = np.searchsorted(total, place, side="right")
    first = np.arange(size) * num_days + persons.arrival
    cell = np.sort(np.concatenate([np.minimum(cell, total.size - 1), first]))
    who, day = np.divmod(cell, num_days)
    return who, day


def _times_of_day(
    plan: Plan, persons: Persons, who: Ints, day: Ints, rng: np.random.Generator
) -> Floats:
    """Draw when visits start; those of one day keep away from each other.

    Of n visits of a day, each has an n-th of that day's hours to itself, so that together they
    still follow the preset's hours.
    """
    tables = clock_tables(plan.like)
    begins = (np.diff(who, prepend=-1) != 0) | (np.diff(day, prepend=-1) != 0)
    group = np.cumsum(begins) - 1
    count = np.bincount(group)
    at_theirs = rng.random(count.size) < _AT_THEIR_HOURS
    kind = np.where(at_theirs, persons.clock[who[begins]], ALL_HOURS)[group]
    place = np.arange(who.size) - np.flatnonzero(begins)[group]
    step = (place + rng.random(who.size)) / count[group] * tables.shape[1]
    time: Floats = np.minimum(tables[kind, step.astype(np.int64)] + step % 1 * 0.01, 1.0)
    return time


def _platforms(persons: Persons, who: Ints, in_store: Bools, rng: np.random.Generator) -> Ints:
    other = (persons.platform[who] + rng.integers(1, 3, who.size)) % STORE
    online = np.where(rng.random(who.size) < _AT_HOME, persons.platform[who], other)
    return np.where(in_store, STORE, online)


def _devices(persons: Persons, who: Ints, day: Ints, platform: Ints) -> tuple[Ints, Ints]:
    """Return the device, and the number of its anonymous id: one a device, on the web renewed.

    Who shares a device uses the desktop of the person before.
    """
    number = persons.first + who
    is_desktop = (platform == WEB) & persons.desktop[who]
    device = np.where(is_desktop, DESKTOP, np.where(platform == STORE, POS, MOBILE))
    owner = number - (persons.shares_device[who] & is_desktop)
    renewals = np.where(platform == WEB, (day + owner * 37 % _COOKIE_DAYS) // _COOKIE_DAYS, 0)
    slot = np.where(is_desktop, 0, np.where(platform == APP, 2, np.where(platform == WEB, 1, 3)))
    anonymous = (owner << 8) + (slot << 6) + renewals
    return device, np.where(platform == STORE, -1, anonymous)
