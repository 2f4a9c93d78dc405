"""What is bought in the visits that buy, and what of it is sent back.

In: visits. Out: order lines, each a staple of the person's, what the visit is about or what else
the person fancies, and refunds days later. Knows nothing about views or carts.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from habitue.simulation.arrays import Bools, Floats, Ints, spread_out
from habitue.simulation.catalogue import Catalogue
from habitue.simulation.persons import Persons
from habitue.simulation.plan import Plan
from habitue.simulation.seasons import Calendar
from habitue.simulation.visits import Visits

_UP_TO_PIECES: Final = np.array([0.9, 0.98])  # probability of at most 1 piece, at most 2; else 3
_BASKETS: Final = 0.6  # how alike baskets are in size: the shape of a gamma distribution
MEAN_QUANTITY: Final = 1.12
_DAYS_TO_REFUND: Final = 8.0


@dataclass(frozen=True)
class Orders:
    """Order lines L, by visit, and refunds F, each of a line."""

    visit: Ints
    who: Ints
    day: Ints
    place: Ints  # 0, 1 … within the order
    item: Ints
    price: Floats
    quantity: Ints
    was_in_cart: Bools
    refunded: Ints
    refund_day: Ints

    @property
    def value(self) -> Floats:
        """The money of each line."""
        value: Floats = np.round(self.price * self.quantity, 2)
        return value


def draw_orders(
    plan: Plan,
    persons: Persons,
    visits: Visits,
    calendar: Calendar,
    catalogue: Catalogue,
    rng: np.random.Generator,
) -> Orders:
    """Draw the orders of the visits that buy."""
    like = plan.like
    buyers = np.flatnonzero(visits.buys)
    num_lines = 1 + rng.poisson((like.basket - 1) * rng.gamma(_BASKETS, 1 / _BASKETS, buyers.size))
    owner, place = spread_out(num_lines)
    visit = buyers[owner]
    who, day = visits.who[visit], visits.day[visit]
    pool = visits.pool[visit]
    wanders = np.flatnonzero(rng.random(who.size) < like.wander)
    months = calendar.month[day[wanders]]
    pool[wanders] = persons.draw_pools(who[wanders], months, catalogue, rng)
    item = catalogue.draw_items(pool, day, rng)
    staple = persons.staple[who, rng.integers(like.staples, size=who.size)]
    item = np.where(rng.random(who.size) < like.repeats, staple, item)
    quantity = 1 + np.searchsorted(_UP_TO_PIECES, rng.random(who.size), side="right")
    is_online = ~visits.in_store[visit]
    # Orders placed in the store never lie in the cart, so those online do so more often.
    share = min(1.0, like.from_cart * is_online.size / max(int(is_online.sum()), 1))
    was_in_cart = is_online & (rng.random(who.size) < share)
    comes_back = rng.random(who.size) < like.refunds
    refund_day = day + 1 + rng.exponential(_DAYS_TO_REFUND, who.size).astype(np.int64)
    refunded = np.flatnonzero(comes_back & (refund_day < plan.days))
    price = catalogue.prices(item, day)
    return Orders(
        visit, who, day, place, item, price, quantity, was_in_cart, refunded, refund_day[refunded]
    )
