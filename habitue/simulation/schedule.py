"""The moment of every event: visits at the wished-for hours, one after the other, within the day.

In: visits with wished-for times of day and their events in order. Out: times in microseconds. Two
visits of a person on one day lie at least half an hour apart, unless the day is too full for that.
Knows nothing about what the events are, but that some follow the one before at once.
"""

from typing import Final

import numpy as np

from habitue.schema import DAY
from habitue.simulation.arrays import Bools, Floats, Ints
from habitue.simulation.plan import Plan
from habitue.simulation.visits import Visits

_APART: Final = 1_860.0  # seconds at least from the end of a visit to the next one of the day
_FURTHER: Final = 1_200.0  # mean of what is added where two visits would run into each other
_DAY: Final = 86_399.0
_PAUSES: Final = (1.0, 1_500.0)
_AT_ONCE: Final = 0.3


def draw_times(
    plan: Plan, visits: Visits, visit_R: Ints, at_once_R: Bools, rng: np.random.Generator
) -> Ints:
    """Return the time of each event, µs; `visit_R` is the visit of each, rising."""
    pause_R = plan.like.pause_seconds * np.exp(rng.normal(0, plan.like.pause_spread, visit_R.size))
    pause_R = np.clip(np.where(at_once_R, pause_R * _AT_ONCE, pause_R), *_PAUSES)
    begins_R = np.diff(visit_R, prepend=-1) > 0
    pause_R[begins_R] = 0.0
    elapsed_R = np.cumsum(pause_R)
    first_S = np.searchsorted(visit_R, np.arange(visits.size))
    elapsed_R -= elapsed_R[first_S][visit_R]
    last_S = np.append(first_S[1:], visit_R.size) - 1
    needed_S = elapsed_R[last_S] + _APART + rng.exponential(_FURTHER, visits.size)
    start_S, pace_S = _starts(visits, elapsed_R[last_S], needed_S)
    second_R = start_S[visit_R] + elapsed_R * pace_S[visit_R]
    midnight_R = plan.start_at + visits.day[visit_R] * DAY
    return midnight_R + 1_000 * (second_R * 1_000).astype(np.int64)


def _starts(visits: Visits, length_S: Floats, needed_S: Floats) -> tuple[Floats, Floats]:
    """Return the second of the day at which each visit starts, and its pace (1: as it was drawn).

    `needed_S`: seconds from its start to that of the next. Of a day's visits that run into each
    other, pushing the later ones on is one solution and pulling the earlier ones back another; the
    mean of both keeps them around the hours that were wished for.
    """
    day = visits.who * (visits.day.max() + 1) + visits.day
    begins = np.diff(day, prepend=-1) > 0
    group_S = np.cumsum(begins) - 1
    first_G = np.flatnonzero(begins)
    pace_S = np.minimum(1.0, _DAY / np.add.reduceat(needed_S, first_G))[group_S]
    needed_S = needed_S * pace_S
    before_S = np.cumsum(needed_S) - needed_S
    before_S -= before_S[first_G][group_S]
    last_S = np.append(first_G[1:], day.size)[group_S] - 1
    latest_S = _DAY - before_S[last_S] - length_S[last_S] * pace_S[last_S]
    slack_S = np.clip(visits.start * _DAY - before_S, 0.0, latest_S)
    pushed_S = _running_max(slack_S, group_S)
    pulled_S = -_running_max(-slack_S[::-1], group_S[-1] - group_S[::-1])[::-1]
    return before_S + (pushed_S + pulled_S) / 2, pace_S


def _running_max(values: Floats, group: Ints) -> Floats:
    """Return the largest value so far within each group; groups follow each other."""
    lift = group * (2 * _DAY)  # more than any two values lie apart
    found: Floats = np.maximum.accumulate(values + lift) - lift
    return found
