"""The shop's calendar: how many come on each day, what is on sale, which season it is.

Days are numbered from the log's first one, which is 0, and go on beyond its last one as far as the
longest prediction looks. A day is one of UTC. Knows nothing about persons.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

import numpy as np

from habitue.schema import DAY
from habitue.simulation.arrays import Floats, Ints
from habitue.simulation.plan import LONGEST_HORIZON_DAYS, Plan, Stream
from habitue.simulation.words import CAMPAIGN_WORDS, DEPARTMENTS

# Weights of Monday to Sunday for persons of each kind; the mean of each is 1.
WEEKS: Final = np.array(
    [
        [0.96, 0.95, 0.96, 0.97, 1.0, 1.08, 1.08],
        [1.25, 1.25, 1.25, 1.25, 1.25, 0.375, 0.375],
        [0.65, 0.65, 0.65, 0.65, 0.65, 1.875, 1.875],
    ]
)
_DAYS_BETWEEN_CAMPAIGNS: Final = 30


@dataclass(frozen=True)
class Campaign:
    """Some days on which some departments are cheaper and more people come."""

    name: str
    first_day: int
    last_day: int
    departments: tuple[int, ...]
    discount: float  # share of the price
    pull: float  # visits are so many times as frequent


@dataclass(frozen=True)
class Calendar:
    """What is true of each day, for the days of the log and the horizon after it.

    `pull` (kinds of week, days): visits against an average day. `temptation`: how many times
    likelier than usual a visit buys. `discount` (departments, days): share of the price taken off.
    `campaign`: the one that runs, or -1. `month`: 0 to 11.
    """

    campaigns: tuple[Campaign, ...]
    pull: Floats
    temptation: Floats
    discount: Floats
    campaign: Ints
    month: Ints

    @property
    def num_days(self) -> int:
        """Days of the log and of the longest horizon after it."""
        return self.month.size


def make_calendar(plan: Plan) -> Calendar:
    """Return the calendar of a shop."""
    rng = plan.random(Stream.CALENDAR)
    num_days = plan.days + LONGEST_HORIZON_DAYS
    first = datetime.fromtimestamp(plan.start_at // 1_000_000, UTC).date()
    dates = [first + timedelta(days=day) for day in range(num_days)]
    campaigns = _make_campaigns(dates, rng)
    pull_D = np.array([_season(day) for day in dates])
    temptation_D = np.ones(num_days)
    discount_CD = np.zeros((len(DEPARTMENTS), num_days))
    campaign_D = np.full(num_days, -1)
    for number, campaign in enumerate(campaigns):
        days = slice(campaign.first_day, campaign.last_day + 1)
        pull_D[days] *= campaign.pull
        temptation_D[days] = 1.2
        discount_CD[list(campaign.departments), days] = campaign.discount
        campaign_D[days] = number
    weekday_D = np.array([day.weekday() for day in dates])
    pull_WD = WEEKS[:, weekday_D] * pull_D
    pull_WD /= pull_WD[:, : plan.days].mean()
    month_D = np.array([day.month - 1 for day in dates])
    return Calendar(campaigns, pull_WD, temptation_D, discount_CD, campaign_D, month_D)


def day_start(plan: Plan, day: int) -> int:
    """Return the moment at which a day of the log begins, µs."""
    return plan.start_at + day * DAY


def _season(day: date) -> float:
    """Return the pull of a date: a quiet summer, a busy November and December."""
    angle = 2 * np.pi * (day.timetuple().tm_yday - 15) / 365.25
    busy = np.exp(-(((day - date(day.year, 11, 28)).days / 18) ** 2))
    return float(1 + 0.08 * np.cos(angle) + 0.45 * busy)


def _make_campaigns(dates: list[date], rng: np.random.Generator) -> tuple[Campaign, ...]:
    found = []
    day = int(rng.integers(5, _DAYS_BETWEEN_CAMPAIGNS))
    while day < len(dates):
        last = min(day + int(rng.integers(2, 7)), len(dates) - 1)
        size = int(rng.integers(2, 7))
        departments = rng.choice(len(DEPARTMENTS), size, replace=False)
        found.append(
            Campaign(
                name=f"{CAMPAIGN_WORDS[dates[day].month - 1]}-{dates[day]:%Y-%m-%d}",
                first_day=day,
                last_day=last,
                departments=tuple(sorted(int(number) for number in departments)),
                discount=float(rng.choice([0.1, 0.15, 0.2, 0.25, 0.3])),
                pull=round(float(rng.uniform(1.15, 1.7)), 2),
            )
        )
        day = last + int(rng.integers(_DAYS_BETWEEN_CAMPAIGNS - 12, _DAYS_BETWEEN_CAMPAIGNS + 6))
    return tuple(found)
