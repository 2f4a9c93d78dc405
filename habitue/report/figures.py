"""The figures of a shop as plain records: what `shop_statistics` counts and the page shows.

Persons flagged as bots are in none of them but `Bots`. Amounts are in the shop's currency.
Knows nothing about how the figures are counted or drawn.
"""

from dataclasses import dataclass
from typing import Literal

PeriodUnit = Literal["10 minutes", "hour", "day", "week", "month", "quarter", "year"]
Measure = Literal["revenue", "purchases", "persons"]


@dataclass(frozen=True)
class Bots:
    """What was left out because it looks like machines."""

    persons: int
    events: int
    revenue: float


@dataclass(frozen=True)
class Sales:
    """Purchases; `revenue` (net of `refunds`) is None where the log has no amounts."""

    orders: int
    buyers: int
    repeat_buyers: int  # persons with at least two orders
    revenue: float | None
    refunds: float  # positive
    top_decile_share: float | None  # of revenue, from the tenth of the buyers who spent most
    typical_gap_days: float | None  # median time between two orders of a person

    @property
    def average_order(self) -> float | None:
        """Net revenue an order."""
        return None if self.revenue is None or not self.orders else self.revenue / self.orders


@dataclass(frozen=True)
class Window:
    """What happened in one stretch of time."""

    events: int
    persons: int
    new_persons: int
    new_items: int
    orders: int
    revenue: float


@dataclass(frozen=True)
class RecentChange:
    """The last `days` of the log beside the equally long time before."""

    days: int
    recent: Window
    previous: Window


@dataclass(frozen=True)
class Timeline:
    """Counts by period; every list has one entry a period, `counts` one list a type."""

    unit: PeriodUnit
    starts: list[int]  # local time as microseconds
    counts: dict[str, list[int]]
    persons: list[int]
    new_persons: list[int]
    revenue: list[float]
    is_first_partial: bool
    is_last_partial: bool


@dataclass(frozen=True)
class FunnelStep:
    """A step, and how many visits and persons came at least that far."""

    event_type: str
    visits: int
    persons: int


@dataclass(frozen=True)
class Cohort:
    """Persons first seen in one period; `active[k]` of them came back k periods later."""

    starts: int  # local time as microseconds
    persons: int
    active: list[int]  # complete periods only; active[0] == persons


@dataclass(frozen=True)
class Cohorts:
    """Who came back, by the period of the first event."""

    unit: PeriodUnit
    cohorts: list[Cohort]


@dataclass(frozen=True)
class RankedRow:
    """One category or item; `recent` and `previous` are in the ranking's measure."""

    key: str  # item id, or category path
    name: str
    category: str
    persons: int
    purchases: int
    revenue: float
    recent: float
    previous: float


@dataclass(frozen=True)
class Ranking:
    """The first rows by `measure`, and what the rest adds up to."""

    measure: Measure
    rows: list[RankedRow]
    num_all: int
    total: float  # of the measure over all rows; for persons, of person-row pairs


@dataclass(frozen=True)
class ShopStatistics:
    """A shop in figures, as of a moment; parts that the log cannot tell are None."""

    as_of: int
    start_at: int
    end_at: int  # one microsecond after the last event read
    num_strays: int  # events dated long before or after all others, left out
    time_zone: str
    num_events: int
    num_persons: int
    num_items: int  # with at least one event
    num_visits: int
    events_by_type: dict[str, int]
    bots: Bots
    sales: Sales | None
    recent: RecentChange | None
    timeline: Timeline | None
    funnel: list[FunnelStep]
    cohorts: Cohorts | None
    rhythm: list[list[int]] | None  # events by weekday (Monday first) and hour
    categories: Ranking | None
    items: Ranking | None

    @property
    def span_days(self) -> float:
        """Days from the first to the last event."""
        return max(self.end_at - self.start_at, 0) / 86_400_000_000
