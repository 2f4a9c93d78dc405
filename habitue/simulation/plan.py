"""What is to be simulated, checked and made complete, and how it is cut into pieces of work.

Persons come in blocks: a block is generated on its own, from random streams that depend on the
seed and the block's number alone, so that the result does not depend on who generates what, or
when. Every block has a quota of events, so that the total comes out exactly. Time comes in slices:
one file of events each. Knows nothing about what persons do.
"""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import Final

import numpy as np

from habitue.errors import Refused
from habitue.files import write_json
from habitue.schema import DAY, format_date, format_time, parse_time
from habitue.simulation.presets import Behaviour

HORIZONS_DAYS: Final = (7, 30, 90)
LONGEST_HORIZON_DAYS: Final = HORIZONS_DAYS[-1]
MIN_EVENTS_PER_USER: Final = 4
MAX_EVENTS_PER_USER: Final = 1_000_000
MAX_DAYS: Final = 3650
MAX_ORDERS_PER_VISIT: Final = 0.3
MAX_DIRT: Final = 0.25
MAX_BOTS: Final = 0.5
_MIN_ITEMS: Final = 60
_MAX_DEFAULT_ITEMS: Final = 300_000
_MAX_ITEMS: Final = 1_000_000
_MAX_CELLS: Final = 3_000_000  # persons × days of a block
_EVENTS_PER_BOT: Final = 2_500
_BOTS_PER_BLOCK: Final = 40
_PLAN_FILE: Final = "plan.json"


class Stream(IntEnum):
    """What a stream of random numbers is for."""

    CALENDAR = 1
    CATALOGUE = 2
    PERSONS = 3
    LIVES = 4
    VISITS = 5
    EVENTS = 6
    DIRT = 7
    BOTS = 8


@dataclass(frozen=True)
class Plan:
    """A shop to be simulated.

    `events` counts all rows of the files: of persons, of bots (`bots`, a share of them) and bad
    ones (`dirt`, a share of them). `truth_days` are days of the log, 0 the first; the truth is
    told of the moment at which each begins.
    """

    users: int
    events: int
    like: Behaviour
    seed: int
    start: str
    days: int
    items: int
    bots: float
    dirt: float
    truth_days: tuple[int, ...]
    format: str
    block_events: int = 200_000
    slice_rows: int = 500_000

    @property
    def start_at(self) -> int:
        """The log's first moment, µs."""
        return parse_time(self.start)

    @property
    def num_bad_rows(self) -> int:
        """Rows that are to be damaged copies of good ones."""
        return round(self.events * self.dirt)

    @property
    def num_bot_events(self) -> int:
        """Events of bots."""
        return round(self.events * self.bots)

    @property
    def num_bots(self) -> int:
        """Bots, each with enough events on its day to be seen as one."""
        return -(-self.num_bot_events // _EVENTS_PER_BOT)

    @property
    def persons_per_block(self) -> int:
        """Persons that are generated together."""
        by_events = round(self.block_events * self.users / self.events)
        return max(1, min(by_events, _MAX_CELLS // (self.days + LONGEST_HORIZON_DAYS)))

    @property
    def num_person_blocks(self) -> int:
        """Blocks of persons; those of bots follow."""
        return -(-self.users // self.persons_per_block)

    @property
    def num_blocks(self) -> int:
        """All blocks."""
        return self.num_person_blocks + -(-self.num_bots // _BOTS_PER_BLOCK)

    @property
    def num_slices(self) -> int:
        """Files of events."""
        return -(-self.events // self.slice_rows)

    def persons_of(self, block: int) -> range:
        """The numbers of a block's persons."""
        first = block * self.persons_per_block
        return range(first, min(first + self.persons_per_block, self.users))

    def bots_of(self, block: int) -> range:
        """The numbers of a bot block's bots; they follow on those of persons."""
        first = self.users + (block - self.num_person_blocks) * _BOTS_PER_BLOCK
        return range(first, min(first + _BOTS_PER_BLOCK, self.users + self.num_bots))

    def quota(self, block: int) -> int:
        """Good events that the persons of a block have together."""
        good = self.events - self.num_bot_events - self.num_bad_rows
        return _share(good, self.persons_of(block), self.users)

    def bad_rows_of(self, block: int) -> int:
        """Bad rows that lie among a block of persons."""
        return _share(self.num_bad_rows, self.persons_of(block), self.users)

    def bot_events_of(self, bot: int) -> int:
        """Events of one bot, by its number."""
        first = bot - self.users
        return _share(self.num_bot_events, range(first, first + 1), self.num_bots)

    def slice_starts(self) -> list[int]:
        """The first moment of each file of events, and the moment after the last, µs."""
        span = self.days * DAY
        return [
            self.start_at + span * number // self.num_slices for number in range(self.num_slices)
        ] + [self.start_at + span]

    def random(self, stream: Stream, block: int = 0, attempt: int = 0) -> np.random.Generator:
        """Return the random numbers of a purpose and block, the same on every run."""
        counter = [0, attempt, stream, block]
        return np.random.Generator(np.random.Philox(key=self.seed, counter=counter))


def _share(total: int, part: range, whole: int) -> int:
    """Deal `total` evenly onto `whole` things; return what the things of `part` get together."""
    return total * part.stop // whole - total * part.start // whole


def default_items(events: int, like: Behaviour) -> int:
    """Return how many items a shop with so many events has."""
    return int(np.clip(round(events / like.events_per_item), _MIN_ITEMS, _MAX_DEFAULT_ITEMS))


def default_truth_days(days: int) -> tuple[int, ...]:
    """Return the days of which the truth is told unless others are asked for.

    The middle of the log, the last days whose 90 and 30 days to come lie within it, and its end.
    """
    wanted = {days // 2, days - 90, days - 30, days}
    return tuple(sorted(day for day in wanted if day >= 1))


def truth_days_of(moments: tuple[str, ...], *, start: str, days: int) -> tuple[int, ...]:
    """Return the days of the log at whose beginning the moments lie.

    Raises:
        Refused: `bad_time`, `truth_at_outside`: no time, no midnight (UTC), or none of the log's.
    """
    found = set()
    for moment in moments:
        day, rest = divmod(parse_time(moment) - parse_time(start), DAY)
        if rest or not 1 <= day <= days:
            last = format_date(parse_time(start) + days * DAY)
            raise Refused(
                f"The truth at {moment} cannot be told: the log runs from {start} to {last} and "
                "the truth changes at midnight (UTC).",
                fix=f"Pass --truth-at with a day after {start} and not after {last}.",
                code="truth_at_outside",
            )
        found.add(int(day))
    return tuple(sorted(found))


def check_plan(plan: Plan) -> None:
    """Refuse what cannot be simulated.

    Raises:
        Refused: `simulation`, naming the number that is out of its range.
    """
    like = plan.like
    _check("seed", plan.seed, 0, 2**64 - 1)
    _check("days", plan.days, 7, MAX_DAYS)
    _check("items", plan.items, _MIN_ITEMS, _MAX_ITEMS)
    _check("bots", plan.bots, 0, MAX_BOTS)
    _check("dirt", plan.dirt, 0, MAX_DIRT)
    _check("users", plan.users, 1, 2**34)
    good = max(1 - plan.bots - plan.dirt, 1e-9)
    least = -int(-MIN_EVENTS_PER_USER * plan.users // good)
    _check("events", plan.events, least, MAX_EVENTS_PER_USER * plan.users)
    _check("carts", like.carts, 0, 1)
    _check("purchases", like.purchases, 0, MAX_ORDERS_PER_VISIT * like.basket / like.views)
    _check("repeats", like.repeats, 0, 1)
    if plan.start_at % DAY:
        raise Refused(
            f"--start is {plan.start}, in the middle of a day.",
            fix=f"Pass the day alone: --start {format_date(plan.start_at)}",
            code="simulation",
        )
    end_at, now = plan.start_at + plan.days * DAY, int(datetime.now(UTC).timestamp() * 1e6)
    if end_at > now:
        raise Refused(
            f"A log of {plan.days} days from {plan.start} would end in the future "
            f"({format_time(end_at)}), and such events are set aside when they are read.",
            fix="Pass fewer --days or an earlier --start.",
            code="simulation",
        )


def _check(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise Refused(
            f"--{name} is {value:,}; it can be from {_short(least)} to {_short(most)} here.",
            fix=f"Pass --{name} between these.",
            code="simulation",
        )


def _short(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def write_plan(plan: Plan, folder: Path) -> None:
    """Write a plan down for those who work on it."""
    write_json(folder / _PLAN_FILE, asdict(plan))


def read_plan(folder: Path) -> Plan:
    """Return the plan that was written down."""
    document = json.loads((folder / _PLAN_FILE).read_text(encoding="utf-8"))
    document["like"]["hours"] = tuple(document["like"]["hours"])
    document["like"] = Behaviour(**document["like"])
    document["truth_days"] = tuple(document["truth_days"])
    return Plan(**document)
