"""How the customers of a shop behave: the funnel, the shape of a visit, repeats, prices.

A preset is the behaviour of a real shop as published: Taobao's UserBehavior, RetailRocket, REES46;
`grocery` has the baskets of Complete Journey, a supermarket's loyalty cards.
Knows nothing about sizes or time.
"""

from dataclasses import dataclass
from typing import Final

from habitue.errors import UnknownName, nearest

# Share of all visits that start in each hour of the day (UTC: midnight is eight in the morning in
# China, so that few visits are cut off by the end of a day).
_EVENINGS: Final = (
    0.034, 0.041, 0.046, 0.046, 0.043, 0.049, 0.051, 0.054, 0.052, 0.048, 0.050, 0.067,
    0.084, 0.091, 0.079, 0.051, 0.042, 0.013, 0.005, 0.003, 0.003, 0.006, 0.014, 0.025,
)  # fmt: skip
_DAYS: Final = (
    0.018, 0.011, 0.008, 0.009, 0.015, 0.026, 0.037, 0.046, 0.053, 0.057, 0.058, 0.057,
    0.056, 0.056, 0.057, 0.060, 0.064, 0.066, 0.064, 0.058, 0.048, 0.036, 0.025, 0.015,
)  # fmt: skip
_AFTERNOONS: Final = (
    0.004, 0.003, 0.002, 0.001, 0.001, 0.002, 0.005, 0.011, 0.021, 0.037, 0.055, 0.070,
    0.073, 0.078, 0.080, 0.088, 0.101, 0.103, 0.088, 0.071, 0.050, 0.029, 0.017, 0.008,
)  # fmt: skip


@dataclass(frozen=True)
class Behaviour:
    """What the customers of a shop do on average; every share lies between 0 and 1."""

    carts: float  # add_to_cart events per view_item event
    purchases: float  # purchase events (order lines) per view_item event
    repeats: float  # share of purchase events that are a person's staples, bought again and again
    staples: int  # things that a person buys again and again
    wishes: float  # add_to_wishlist events per view_item event
    searches: float  # search events per view_item event
    lists: float  # view_item_list events per view_item event
    refunds: float  # share of purchase events sent back
    from_cart: float  # share of purchase events that lay in the cart before
    basket: float  # mean purchase events of an order, at least 1
    views: float  # mean view_item events of a visit, more than 1
    evenness: float  # of the length of visits: the shape of a gamma distribution
    pause_seconds: float  # median pause between two events of a visit
    pause_spread: float  # standard deviation of the pause's logarithm
    recall: float  # share of views that go back to an item viewed before
    wander: float  # share of views and order lines outside what the visit is about
    loyalty: float  # share of visits about one of a person's favourite categories
    stay_days: float  # mean days from a person's first visit to fading, of those who stay
    diversity: float  # of persons' visit rates: the shape of a gamma distribution
    rank_exponent: float  # of item popularity within a category: sales ~ rank ** -exponent
    category_spread: float  # standard deviation of the logarithm of categories' popularity
    events_per_item: float  # how large the catalogue is, unless told
    median_price: float
    currency: str
    hours: tuple[float, ...]


PRESETS: Final[dict[str, Behaviour]] = {
    "taobao": Behaviour(
        carts=0.059,
        purchases=0.023,
        repeats=0.20,
        staples=3,
        wishes=0.031,
        searches=0.06,
        lists=0.10,
        refunds=0.04,
        from_cart=0.35,
        basket=1.25,
        views=5.4,
        evenness=0.5,
        pause_seconds=58,
        pause_spread=1.35,
        recall=0.13,
        wander=0.4,
        loyalty=0.55,
        stay_days=750,
        diversity=4.0,
        rank_exponent=0.75,
        category_spread=1.1,
        events_per_item=25,
        median_price=60,
        currency="CNY",
        hours=_EVENINGS,
    ),
    "retailrocket": Behaviour(
        carts=0.026,
        purchases=0.0082,
        repeats=0.12,
        staples=3,
        wishes=0.0,
        searches=0.05,
        lists=0.15,
        refunds=0.03,
        from_cart=0.85,
        basket=1.3,
        views=1.9,
        evenness=0.5,
        pause_seconds=60,
        pause_spread=1.3,
        recall=0.20,
        wander=0.25,
        loyalty=0.7,
        stay_days=750,
        diversity=0.8,
        rank_exponent=0.75,
        category_spread=1.1,
        events_per_item=12,
        median_price=40,
        currency="EUR",
        hours=_DAYS,
    ),
    "rees46": Behaviour(
        carts=0.010,
        purchases=0.013,
        repeats=0.10,
        staples=3,
        wishes=0.0,
        searches=0.05,
        lists=0.12,
        refunds=0.03,
        from_cart=0.35,
        basket=1.15,
        views=3.8,
        evenness=0.6,
        pause_seconds=34,
        pause_spread=1.03,
        recall=0.45,
        wander=0.08,
        loyalty=0.8,
        stay_days=750,
        diversity=0.9,
        rank_exponent=1.3,
        category_spread=2.6,
        events_per_item=100,
        median_price=108,
        currency="USD",
        hours=_DAYS,
    ),
    "grocery": Behaviour(
        carts=0.25,
        purchases=0.20,
        repeats=0.35,
        staples=40,
        wishes=0.0,
        searches=0.10,
        lists=0.10,
        refunds=0.005,
        from_cart=0.95,
        basket=9.4,
        views=10,
        evenness=0.8,
        pause_seconds=25,
        pause_spread=1.0,
        recall=0.10,
        wander=0.9,
        loyalty=0.3,
        stay_days=3_000,
        diversity=1.5,
        rank_exponent=1.35,
        category_spread=2.1,
        events_per_item=100,
        median_price=3,
        currency="USD",
        hours=_AFTERNOONS,
    ),
}


def behaviour_like(name: str) -> Behaviour:
    """Return a preset.

    Raises:
        UnknownName: there is none of this name.
    """
    if name not in PRESETS:
        raise UnknownName(
            f"No shop called '{name}' to be like.{nearest(name, PRESETS)}",
            fix=f"Pass --like with one of: {', '.join(PRESETS)}.",
        )
    return PRESETS[name]
