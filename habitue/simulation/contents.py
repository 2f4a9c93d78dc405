"""How much each visit holds: views, carts, searches …, and which items are viewed.

In: visits and their orders, and how many events all of them are to have. Out: counts that add up
to exactly that, and the viewed items. What the funnel asks for is drawn first; the views that are
left until the quota is full are dealt onto the visits, long and short ones. So the number of
events asked for never decides who buys.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from habitue.simulation.arrays import Floats, Ints, spread_out
from habitue.simulation.catalogue import Catalogue
from habitue.simulation.orders import Orders
from habitue.simulation.persons import REMOVED_SHARE, Persons, expected_views
from habitue.simulation.plan import Plan
from habitue.simulation.seasons import Calendar
from habitue.simulation.visits import Visits

_LAG: Final = 0.35  # of the geometric distribution of how many views back a recalled one lies


class QuotaExceededError(Exception):
    """The visits cannot have as few events as they are to have."""


@dataclass(frozen=True)
class Contents:
    """How many events of each type a visit holds."""

    lines: Ints
    abandoned: Ints  # carts that lead to no purchase
    removed: Ints
    wishes: Ints
    searches: Ints
    lists: Ints
    views: Ints


def draw_contents(
    plan: Plan,
    persons: Persons,
    visits: Visits,
    orders: Orders,
    quota: int,
    rng: np.random.Generator,
) -> Contents:
    """Return counts with which all visits and refunds together are `quota` events.

    Raises:
        QuotaExceededError: the funnel alone makes more.
    """
    like, is_online = plan.like, ~visits.in_store
    weight_S = rng.gamma(like.evenness, 1 / like.evenness, visits.size)
    weight_S *= persons.length[visits.who] * is_online
    weight_S /= max(weight_S.sum(), 1e-9)
    mean_S = weight_S * expected_views(like, quota)
    lines_S = np.bincount(orders.visit, minlength=visits.size)
    abandoned_S = rng.poisson(mean_S * (like.carts - like.from_cart * like.purchases))
    removed_S = rng.binomial(abandoned_S, REMOVED_SHARE)
    wishes_S = rng.poisson(mean_S * like.wishes)
    searches_S = rng.poisson(mean_S * like.searches)
    lists_S = rng.poisson(mean_S * like.lists)
    views_S = np.where(is_online, np.maximum(lines_S, 1), 0)
    counts = (lines_S, abandoned_S, removed_S, wishes_S, searches_S, lists_S, views_S)
    checkouts = int((visits.buys & is_online).sum())
    left = quota - sum(int(count.sum()) for count in counts)
    left -= checkouts + int(orders.was_in_cart.sum()) + orders.refunded.size
    if left < 0 or (left > 0 and not is_online.any()):
        raise QuotaExceededError
    if left:
        views_S = views_S + rng.multinomial(left, weight_S / weight_S.sum())
    return Contents(lines_S, abandoned_S, removed_S, wishes_S, searches_S, lists_S, views_S)


@dataclass(frozen=True)
class Views:
    """The viewed items, visit by visit."""

    first: Ints  # each visit's first view
    item: Ints

    def at(self, visit: Ints, place: Ints) -> Ints:
        """Return the items viewed at these places of visits."""
        item: Ints = self.item[self.first[visit] + place]
        return item


def draw_views(
    plan: Plan,
    persons: Persons,
    visits: Visits,
    orders: Orders,
    contents: Contents,
    calendar: Calendar,
    catalogue: Catalogue,
    rng: np.random.Generator,
) -> Views:
    """Draw the items that are viewed; the last ones of a visit that buys are those it buys."""
    visit_V, _ = spread_out(contents.views)
    first_S = np.cumsum(contents.views) - contents.views
    who_V, day_V = visits.who[visit_V], visits.day[visit_V]
    pool_V = visits.pool[visit_V]
    wanders = np.flatnonzero(rng.random(visit_V.size) < plan.like.wander)
    months = calendar.month[day_V[wanders]]
    pool_V[wanders] = persons.draw_pools(who_V[wanders], months, catalogue, rng)
    item_V = catalogue.draw_items(pool_V, day_V, rng)
    online = np.flatnonzero(~visits.in_store[orders.visit])
    bought = orders.visit[online]
    at = first_S[bought] + contents.views[bought] - contents.lines[bought]
    at += orders.place[online]
    item_V[at] = orders.item[online]
    source_V = _recalled(plan.like.recall, who_V, rng)
    source_V[at] = at
    return Views(first_S, item_V[_origins(source_V)])


def _recalled(share: float, who_V: Ints, rng: np.random.Generator) -> Ints:
    """Return, for each view, the view it goes back to, or itself."""
    here = np.arange(who_V.size)
    source = here - rng.geometric(_LAG, who_V.size)
    goes_back = (rng.random(who_V.size) < share) & (source >= np.searchsorted(who_V, who_V))
    return np.where(goes_back, source, here)


def _origins(source_V: Ints) -> Ints:
    """Follow views that go back to views that go back, to the first of them."""
    while True:
        further = source_V[source_V]
        if np.array_equal(further, source_V):
            return source_V
        source_V = further


def some_of(counts_S: Ints, places_S: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Return visit and place (0, 1 … below `places_S`) of so many things of each visit."""
    visit, _ = spread_out(counts_S)
    uniform: Floats = rng.random(visit.size)
    return visit, (uniform * np.maximum(places_S, 1)[visit]).astype(np.int64)
