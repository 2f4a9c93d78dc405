"""A block of work from its number to its events and its truth: the generation, at a glance.

In: a plan and a block's number. Out: a `Block`, the same whoever makes it. Knows nothing about
files.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from habitue.schema import EVENT_TYPES
from habitue.simulation.assortment import make_catalogue
from habitue.simulation.bots import draw_bots
from habitue.simulation.catalogue import Catalogue
from habitue.simulation.contents import QuotaExceededError
from habitue.simulation.damage import add_bad_rows, count_damages, is_good
from habitue.simulation.events import draw_events
from habitue.simulation.ids import ANONYMOUS, USER, id_texts
from habitue.simulation.lives import draw_lives
from habitue.simulation.orders import draw_orders
from habitue.simulation.persons import Persons, make_persons
from habitue.simulation.plan import Plan, Stream
from habitue.simulation.rows import Rows, in_order_of_time
from habitue.simulation.seasons import Calendar, make_calendar
from habitue.simulation.truth import person_ids, persons_table, predictions_table, tastes_table
from habitue.simulation.visits import draw_minds, draw_visits


@dataclass(frozen=True)
class Shop:
    """What all blocks share."""

    plan: Plan
    calendar: Calendar
    catalogue: Catalogue

    @classmethod
    def of(cls, plan: Plan) -> "Shop":
        """Make the calendar and the catalogue of a plan."""
        calendar = make_calendar(plan)
        return cls(plan, calendar, make_catalogue(plan, calendar))


@dataclass(frozen=True)
class Block:
    """Events by time, a frame for each table of the truth, and counts."""

    rows: Rows
    truth: dict[str, pl.DataFrame]
    by_type: dict[str, int]
    bad_rows: dict[str, int]


def make_block(shop: Shop, block: int) -> Block:
    """Return a block of persons, or of bots."""
    if block >= shop.plan.num_person_blocks:
        rows, bots = draw_bots(shop.plan, shop.catalogue, block)
        return _counted(rows, {"bots": bots})
    attempt = 0
    while True:
        try:
            return _block_of_persons(shop, block, attempt)
        except QuotaExceededError:
            # Few persons with few events may, by chance, come too often for them.
            attempt += 1


def _block_of_persons(shop: Shop, block: int, attempt: int) -> Block:
    plan, calendar, catalogue = shop.plan, shop.calendar, shop.catalogue
    persons = make_persons(plan, calendar, catalogue, block, attempt)
    rng = plan.random(Stream.LIVES, block, attempt)
    state_DN = draw_lives(persons.hazards, persons.arrivals, plan.days + 1, rng)
    rng = plan.random(Stream.VISITS, block, attempt)
    minds = draw_minds(persons, state_DN, calendar, catalogue, rng)
    visits = draw_visits(plan, persons, state_DN[: plan.days], minds, calendar, catalogue, rng)
    orders = draw_orders(plan, persons, visits, calendar, catalogue, rng)
    rng = plan.random(Stream.EVENTS, block, attempt)
    quota = plan.quota(block)
    rows = draw_events(plan, persons, visits, orders, calendar, catalogue, quota, rng)
    truth = {
        "persons": persons_table(plan, persons, state_DN, catalogue),
        "tastes": tastes_table(persons, catalogue),
        "identities": _identities_table(plan, persons, rows),
        "predictions": predictions_table(
            plan, persons, state_DN, minds, visits, orders, calendar, catalogue
        ),
    }
    rng = plan.random(Stream.DIRT, block)
    rows = add_bad_rows(rows, plan.bad_rows_of(block), text=plan.format == "csv", rng=rng)
    return _counted(in_order_of_time(rows), truth)


def _counted(rows: Rows, truth: dict[str, pl.DataFrame]) -> Block:
    kinds = np.bincount(rows["kind"][is_good(rows)], minlength=len(EVENT_TYPES))
    by_type = {name: int(count) for name, count in zip(EVENT_TYPES, kinds, strict=True) if count}
    return Block(rows, truth, by_type, count_damages(rows))


def _identities_table(plan: Plan, persons: Persons, rows: Rows) -> pl.DataFrame:
    """Return which outside ids are whose; a device that is shared is of two persons."""
    frames = []
    for column, kind, name in (("user", USER, "user"), ("anonymous", ANONYMOUS, "anonymous")):
        known = rows[column] >= 0
        number = rows[column][known] - (persons.first << 8)
        who = (rows["event"][known] >> 24) - persons.first
        pairs = np.unique(number * persons.size + who)
        numbers, who = np.divmod(pairs, persons.size)
        ids = id_texts(numbers + (persons.first << 8), kind, plan.seed)
        frames.append(
            pl.DataFrame({"id": pl.from_arrow(ids), "person_id": person_ids(persons.first + who)})
            .with_columns(kind=pl.lit(name))
            .select("person_id", "kind", "id")
        )
    return pl.concat(frames).sort("person_id", "kind", "id")
