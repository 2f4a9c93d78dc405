"""Bots: programs that read the shop for a day, far faster and longer than anybody shops.

A scraper goes through the catalogue page by page without a user id; a price checker has one and
comes back to the same few items. In: a plan and the number of a block of bots. Out: their events
and who they are. Knows nothing about persons.
"""

from typing import Final

import numpy as np
import polars as pl

from habitue.schema import DAY
from habitue.simulation.catalogue import Catalogue
from habitue.simulation.ids import ANONYMOUS, USER, id_texts
from habitue.simulation.persons import WEB
from habitue.simulation.plan import Plan, Stream
from habitue.simulation.rows import KIND, Rows, empty_rows, in_order_of_time, joined
from habitue.simulation.visits import DESKTOP

BOTS: Final = ("scraper", "price checker")
_PRICE_CHECKERS: Final = 0.3
_CHECKED_ITEMS: Final = 20
_SECONDS_BETWEEN: Final = (6.0, 25.0)


def draw_bots(plan: Plan, catalogue: Catalogue, block: int) -> tuple[Rows, pl.DataFrame]:
    """Return the events of a block of bots, by time, and a row for each bot."""
    rng = plan.random(Stream.BOTS, block)
    old_items = np.flatnonzero(catalogue.launch_day < 0)
    parts, kinds = [], []
    for bot in plan.bots_of(block):
        rows = empty_rows(plan.bot_events_of(bot))
        is_checker = rng.random() < _PRICE_CHECKERS
        step = np.arange(rows.size) % _CHECKED_ITEMS if is_checker else np.arange(rows.size)
        begin = rng.integers(old_items.size)
        day = int(rng.integers(plan.days))
        rows["item"] = old_items[(begin + step) % old_items.size]
        rows["time"] = plan.start_at + day * DAY + _times(rows.size, rng)
        price = catalogue.prices(rows["item"], np.full(rows.size, day))
        rows["cents"] = np.round(price * 100)
        rows["kind"] = KIND["view_item"]
        rows["event"] = (bot << 24) + np.arange(rows.size)
        rows["visit"] = bot << 24
        rows["user" if is_checker else "anonymous"] = bot << (1 if is_checker else 8)
        rows["platform"], rows["device"] = WEB, DESKTOP
        rows["delay"] = 100
        parts.append(rows)
        kinds.append(BOTS[int(is_checker)])
    return in_order_of_time(joined(parts)), _bots_table(plan, block, parts, kinds)


def _times(size: int, rng: np.random.Generator) -> np.ndarray:
    """Return moments of a day, µs, at nearly even distances."""
    between = min(rng.uniform(*_SECONDS_BETWEEN), 80_000 / size)
    seconds = np.arange(size) * between + rng.uniform(0, 0.5 * between, size)
    seconds += rng.uniform(0, 86_000 - between * size)
    return (seconds * 1_000).astype(np.int64) * 1_000


def _bots_table(plan: Plan, block: int, parts: list[Rows], kinds: list[str]) -> pl.DataFrame:
    numbers = np.array(plan.bots_of(block))
    is_checker = np.array(kinds) == BOTS[1]
    users = id_texts(numbers << 1, USER, plan.seed).to_pylist()
    anonymous = id_texts(numbers << 8, ANONYMOUS, plan.seed).to_pylist()
    return pl.DataFrame(
        {
            "id": np.where(is_checker, users, anonymous),
            "kind": np.where(is_checker, "user", "anonymous"),
            "behaviour": kinds,
            "events": [part.size for part in parts],
        }
    )
