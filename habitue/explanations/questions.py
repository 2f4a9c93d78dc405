"""What every explanation shares: whose it is, how it is told, and how removals are asked about.

In: a person's history and a callable that answers for a frame of variants. Out: an explanation
with what was measured. Knows nothing about what the answers are of.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from habitue.explanations.counterfactuals import (
    Answers,
    Ask,
    Measured,
    conclude,
    measure,
)
from habitue.explanations.groups import Grouped, group_events
from habitue.explanations.record import Change, CitedEvent, DayTaken, Explanation, Together
from habitue.explanations.removals import History
from habitue.explanations.texts import Words
from habitue.profiles.attention import touched_items

Bools = npt.NDArray[np.bool_]
AnswersOf = Callable[[pl.DataFrame, int], Answers]  # the rows of so many variants -> their answers

EVENTS_CITED: Final = 8
DAYS_TRIED: Final = 6
_ROWS_AT_ONCE: Final = 400_000


@dataclass(frozen=True)
class Person:
    """Somebody whose answer is asked about, as of a moment."""

    user_id: str
    history: History
    items: pl.DataFrame  # of the catalogue, those that the history names
    as_of: int

    @classmethod
    def of(cls, user_id: str, history: History, items: pl.DataFrame, *, as_of: int) -> "Person":
        """Return the person; `items` are the whole catalogue."""
        return cls(user_id, history, touched_items(history.events, items), as_of)


@dataclass(frozen=True)
class Manner:
    """How much is told, in which language, and where the decision lies."""

    words: Words
    limit: int = EVENTS_CITED
    threshold: float | None = None  # the caller's own; None: the alert's, else the base rate
    alert_lift: float = 1.5  # times the base rate, from where on the churn alert is raised
    time_zone: str = "UTC"  # the shop's


def measured(told: Explanation, person: Person, answers: AnswersOf, manner: Manner) -> Explanation:
    """Return the explanation with the cited events, all of them together, the smallest change."""
    grouped = group_events(
        person.history.events, person.items, manner.words, time_zone=manner.time_zone
    )
    ask = by_group(person.history, grouped, answers)
    found = measure(ask, grouped.sizes)
    cited = found.strongest(manner.limit)
    days = _days(found, grouped)
    conclusion = conclude(ask, found, cited, days)
    value, change = conclusion.together, conclusion.change
    return replace(
        told,
        prediction=found.value,
        events=tuple(_cited(found, grouped, number) for number in cited),
        together=Together(value, found.value - value) if cited else None,
        heaviest_day=_heaviest(found, grouped, days, conclusion.without),
        smallest_change=None
        if change is None
        else Change(tuple(grouped.groups[number] for number in change.groups), change.value),
        method="exact" if found.is_exact else "screened",
        num_events=int(grouped.sizes.sum()),
        num_groups=len(grouped.groups),
        num_measured=int(np.isfinite(found.verified).sum()),
    )


def by_group(history: History, grouped: Grouped, answers: AnswersOf) -> Ask:
    """Return how to ask about removals of groups: as many variants at once as memory allows."""
    at_once = max(1, _ROWS_AT_ONCE // max(history.events.height, 1))

    def ask(removed_VG: Bools) -> Answers:
        found = []
        for start in range(0, len(removed_VG), at_once):
            removed = removed_VG[start : start + at_once]
            frame = history.without(removed[:, grouped.group_of_event])
            found.append(answers(frame, len(removed)))
        return Answers(
            np.concatenate([one.value for one in found] or [np.zeros(0)]),
            np.concatenate([one.margin for one in found] or [np.zeros(0)]),
        )

    return ask


def _days(found: Measured, grouped: Grouped) -> list[list[int]]:
    """Return the groups of each of the days that may matter most, of those with several."""
    on_day: dict[int, list[int]] = {}
    for number, group in enumerate(grouped.groups):
        on_day.setdefault(group.day, []).append(number)
    several = [numbers for numbers in on_day.values() if len(numbers) > 1]
    several.sort(key=lambda numbers: -float(np.abs(found.effect[numbers]).sum()))
    return several[:DAYS_TRIED]


def _heaviest(
    found: Measured, grouped: Grouped, days: Sequence[list[int]], without: Sequence[float]
) -> DayTaken | None:
    if not days:
        return None
    best = max(range(len(days)), key=lambda number: abs(found.value - without[number]))
    num_events = int(grouped.sizes[days[best]].sum())
    day = grouped.groups[days[best][0]].day
    return DayTaken(day, num_events, without[best], found.value - without[best])


def _cited(found: Measured, grouped: Grouped, number: int) -> CitedEvent:
    group = grouped.groups[number]
    return CitedEvent(
        event_id=group.event_ids[-1],
        timestamp=group.timestamp,
        text=group.text,
        effect=float(found.effect[number]),
        verified_effect=float(found.verified[number]),
        event_ids=group.event_ids,
    )
