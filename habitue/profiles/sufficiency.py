"""Whether a person's events are enough to go by, and why not.

In: how many events there are and how long ago the last one was. Out: a level and a reason a
person. Knows nothing about what is to be said of them.
"""

from typing import Final, Literal

import numpy as np
import numpy.typing as npt

Sufficiency = Literal["ok", "limited", "not_enough_data"]
Numbers = npt.NDArray[np.number]
Words = npt.NDArray[np.str_]

MIN_EVENTS: Final = 2  # a person with fewer is not known
FEW_EVENTS: Final = 5


def judge_events(
    events_N: Numbers, away_days_N: Numbers, *, fresh_days: float, stale_because: str
) -> tuple[Words, Words]:
    """Return (level, reason) of N persons; the reason is empty where the level is "ok".

    Longer away than `fresh_days`, what is known of a person is stale; `stale_because` ends that
    sentence.

    >>> level, reason = judge_events(
    ...     np.array([9, 9]), np.array([1.0, 200.0]), fresh_days=90, stale_because="too long"
    ... )
    >>> level.tolist(), reason.tolist()
    (['ok', 'limited'], ['', 'not seen for 200 days; too long'])
    """
    level = np.full(len(events_N), "ok", dtype="U16")
    reason = np.full(len(events_N), "", dtype=object)
    few = events_N < FEW_EVENTS
    level[few] = "limited"
    reason[few] = [f"only {count:.0f} events" for count in events_N[few]]
    stale = away_days_N > fresh_days
    level[stale] = "limited"
    reason[stale] = [
        f"not seen for {length_text(days)}; {stale_because}" for days in away_days_N[stale]
    ]
    thin = events_N < MIN_EVENTS
    level[thin] = "not_enough_data"
    reason[thin] = "only 1 event"
    return level, reason.astype(str)


def length_text(days: float) -> str:
    """Return a length of time in days, a short one in hours.

    >>> length_text(1234.4), length_text(0.5)
    ('1,234 days', '12 hours')
    """
    if days >= 2:
        return f"{days:,.0f} days"
    hours = max(round(days * 24), 1)
    return "1 hour" if hours == 1 else f"{hours} hours"
