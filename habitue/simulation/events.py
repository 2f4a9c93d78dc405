"""From visits to events: what is searched, seen, put into the cart, bought and sent back.

In: the visits of a block, and how many events they are to have. Out: exactly so many events, by
person and time.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from habitue.schema import DAY, HOUR
from habitue.simulation.arrays import Ints
from habitue.simulation.catalogue import NUM_TIERS, Catalogue
from habitue.simulation.contents import (
    Contents,
    Views,
    draw_contents,
    draw_views,
    some_of,
)
from habitue.simulation.orders import Orders
from habitue.simulation.persons import APP, Persons
from habitue.simulation.plan import Plan
from habitue.simulation.rows import KIND, LISTS, Rows, empty_rows, joined
from habitue.simulation.schedule import draw_times
from habitue.simulation.seasons import Calendar
from habitue.simulation.visits import Visits
from habitue.simulation.words import QUERY_FORMS

_FROM_A_LIST: Final = 0.6
_LONGEST_LIST: Final = 60
_OFFLINE: Final = 0.02  # share of the app's events that arrive hours later
_REFUND_HOURS: Final = (9, 20)
# The key that orders the events of a block: visit, place in the visit, step in the place. Views
# have the places 0, 1 …; what happens at checkout the one after.
_VISIT, _PLACE = 1 << 24, 8
_SEARCH, _LIST, _VIEW, _WISH, _CART, _REMOVE = 0, 1, 2, 3, 4, 5
_CHECKOUT, _PURCHASE = 0, 1
_AT_ONCE: Final = tuple(
    KIND[name]
    for name in ("add_to_wishlist", "add_to_cart", "remove_from_cart", "begin_checkout", "purchase")
)


@dataclass(frozen=True)
class _Part:
    """Some events of one type."""

    kind: str
    key: Ints
    item: Ints | None = None
    quantity: Ints | None = None


def draw_events(
    plan: Plan,
    persons: Persons,
    visits: Visits,
    orders: Orders,
    calendar: Calendar,
    catalogue: Catalogue,
    quota: int,
    rng: np.random.Generator,
) -> Rows:
    """Return `quota` events, refunds last.

    Raises:
        QuotaExceededError: so many visits cannot have so few events.
    """
    contents = draw_contents(plan, persons, visits, orders, quota, rng)
    views = draw_views(plan, persons, visits, orders, contents, calendar, catalogue, rng)
    parts = [
        *_looking(contents, views, rng),
        *_carting(contents, views, rng),
        *_buying(visits, orders, contents),
    ]
    rows, visit = _assembled(parts)
    _fill(rows, visit, visits, catalogue, rng)
    rows["time"] = draw_times(plan, visits, visit, np.isin(rows["kind"], _AT_ONCE), rng)
    whole = joined([rows, _refunds(plan, visits, orders, rng)])
    who = np.concatenate([visits.who[visit], orders.who[orders.refunded]])
    whole["event"] = _event_numbers(persons.first + who)
    _delay(whole, rng)
    return whole


def _key(visit: Ints, place: Ints, step: int) -> Ints:
    return visit * _VISIT + place * _PLACE + step


def _looking(contents: Contents, views: Views, rng: np.random.Generator) -> list[_Part]:
    """Searches, lists, views and wishes."""
    everywhere = some_of(contents.wishes, contents.views, rng)
    parts = [_Part("add_to_wishlist", _key(*everywhere, _WISH), views.at(*everywhere))]
    for name, counts, step in (
        ("search", contents.searches, _SEARCH),
        ("view_item_list", contents.lists, _LIST),
    ):
        visit, place = some_of(counts, contents.views, rng)
        place[np.diff(visit, prepend=-1) > 0] = 0  # the first opens the visit
        parts.append(_Part(name, _key(visit, place, step)))
    visit = np.repeat(np.arange(contents.views.size), contents.views)
    place = np.arange(visit.size) - views.first[visit]
    return [*parts, _Part("view_item", _key(visit, place, _VIEW), views.item)]


def _carting(contents: Contents, views: Views, rng: np.random.Generator) -> list[_Part]:
    """Carts that lead to nothing, some of them emptied again."""
    visit, place = some_of(contents.abandoned, contents.views - contents.lines, rng)
    item = views.at(visit, place)
    nth = np.arange(visit.size) - (np.cumsum(contents.abandoned) - contents.abandoned)[visit]
    gone = nth < contents.removed[visit]
    return [
        _Part("add_to_cart", _key(visit, place, _CART), item),
        _Part("remove_from_cart", _key(visit[gone], place[gone], _REMOVE), item[gone]),
    ]


def _buying(visits: Visits, orders: Orders, contents: Contents) -> list[_Part]:
    """Carts that lead to a purchase, checkouts and purchases."""
    visit = orders.visit
    end = contents.views[visit]
    carted = orders.was_in_cart
    place = end - contents.lines[visit] + orders.place
    checkout = np.flatnonzero(visits.buys & ~visits.in_store)
    return [
        _Part("add_to_cart", _key(visit, place, _CART)[carted], orders.item[carted]),
        _Part("begin_checkout", _key(checkout, contents.views[checkout], _CHECKOUT)),
        _Part("purchase", _key(visit, end, _PURCHASE), orders.item, orders.quantity),
    ]


def _assembled(parts: list[_Part]) -> tuple[Rows, Ints]:
    """Return the events in order, with kind, item and quantity, and the visit of each."""
    key = np.concatenate([part.key for part in parts])
    order = np.argsort(key, kind="stable")
    rows = empty_rows(key.size)
    kind = np.repeat([KIND[part.kind] for part in parts], [part.key.size for part in parts])
    rows["kind"] = kind[order]
    for name in ("item", "quantity"):
        columns = [getattr(part, name) for part in parts]
        rows[name] = np.concatenate(
            [
                np.full(part.key.size, -1) if column is None else column
                for part, column in zip(parts, columns, strict=True)
            ]
        )[order]
    return rows, key[order] // _VISIT


def _fill(
    rows: Rows, visit: Ints, visits: Visits, catalogue: Catalogue, rng: np.random.Generator
) -> None:
    """Fill in who, where, at what price and how the person came to it."""
    kind = rows["kind"]
    is_order = (kind == KIND["purchase"]) | (kind == KIND["begin_checkout"])
    is_known = visits.logged_in[visit] | is_order
    rows["user"] = np.where(is_known, visits.user[visit], -1)
    rows["anonymous"] = visits.anonymous[visit]
    rows["visit"] = visits.key[visit]
    rows["order"] = np.where(kind == KIND["purchase"], visits.key[visit], -1)
    rows["platform"] = visits.platform[visit]
    rows["device"] = visits.device[visit]
    rows["campaign"] = visits.campaign[visit]
    has_item = np.flatnonzero(rows["item"] >= 0)
    price = catalogue.prices(rows["item"][has_item], visits.day[visit[has_item]])
    rows["cents"][has_item] = np.round(price * 100)
    search = np.flatnonzero(kind == KIND["search"])
    leaf = visits.pool[visit[search]] // NUM_TIERS
    form = rng.integers(len(QUERY_FORMS), size=search.size)
    rows["query"][search] = leaf * len(QUERY_FORMS) + form
    list_view = np.flatnonzero(kind == KIND["view_item_list"])
    rows["list"][list_view] = LISTS.index("category")
    views = np.flatnonzero(kind == KIND["view_item"])
    views = views[rng.random(views.size) < _FROM_A_LIST]
    rows["list"][views] = rng.integers(len(LISTS), size=views.size)
    rows["position"][views] = np.floor(_LONGEST_LIST ** rng.random(views.size))


def _refunds(plan: Plan, visits: Visits, orders: Orders, rng: np.random.Generator) -> Rows:
    line, day = orders.refunded, orders.refund_day
    visit = orders.visit[line]
    rows = empty_rows(line.size)
    first, last = _REFUND_HOURS
    hours = rng.uniform(first, last, line.size)
    rows["time"] = plan.start_at + day * DAY + (hours * HOUR / 1_000).astype(np.int64) * 1_000
    rows["kind"] = KIND["refund"]
    rows["user"] = visits.user[visit]
    rows["order"] = visits.key[visit]
    rows["platform"] = visits.platform[visit]
    rows["device"] = visits.device[visit]
    rows["item"] = orders.item[line]
    rows["cents"] = np.round(orders.price[line] * 100)
    rows["quantity"] = orders.quantity[line]
    return rows


def _event_numbers(number: Ints) -> Ints:
    """Return a number for each event: its person's, and how many of that person came before."""
    order = np.argsort(number, kind="stable")
    ordered = number[order]
    out = np.empty_like(number)
    out[order] = (ordered << 24) + np.arange(number.size) - np.searchsorted(ordered, ordered)
    return out


def _delay(rows: Rows, rng: np.random.Generator) -> None:
    """Let events arrive a moment later, some of the app's after hours without a connection."""
    milliseconds = 250 * np.exp(rng.normal(0, 0.6, rows.size))
    is_late = (rows["platform"] == APP) & (rng.random(rows.size) < _OFFLINE)
    milliseconds[is_late] = rng.uniform(60e3, 6 * 3600e3, int(is_late.sum()))
    rows["delay"] = milliseconds
