"""Whether a person's events are enough to go by, and why not.

In: how many events there are and how long ago the last one was. Out: a level and a reason a
person. Knows nothing about what is to be said of them.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from habitue.languages import Language, told

Sufficiency = Literal["ok", "limited", "not_enough_data"]
Numbers = npt.NDArray[np.number]
Words = npt.NDArray[np.str_]

MIN_EVENTS: Final = 2  # a person with fewer is not known
FEW_EVENTS: Final = 5


@dataclass(frozen=True)
class SufficiencyTexts:
    """What is said of too little, in one language; gaps are lengths of time and counts."""

    few: str
    thin: str
    thin_rate: str
    away: str
    present: str
    without: str
    never: str
    fading: str
    asked_of: str
    learnt_from: str
    nobody: str
    unheard_of: str
    uncounted: str
    unseen_season: str
    nobody_profile: str
    days: str
    hour: str
    hours: str


TEXTS: Final[dict[Language, SufficiencyTexts]] = {
    "en": SufficiencyTexts(
        few="only {count} events",
        thin="only 1 event",
        thin_rate="only 1 event: the rate of all such persons",
        away="not seen for {length}; {because}",
        present="seen in the last {length}; the prediction was learnt from persons who were not",
        without="no {event} in the last {length}; the prediction was learnt from persons with one",
        never="no {event} yet; the prediction was learnt from persons with one",
        fading="what is known of interests fades within {length}",
        asked_of="the answer is meant for persons seen in the last {length}",
        learnt_from="the prediction was learnt from persons seen in the last {length}",
        nobody="nobody has seen this person; this is the base rate",
        unheard_of="the network knows nothing of this person's events",
        uncounted="nobody has seen this person, and the model has no base rates",
        unseen_season="rates moved with time and no whole year was seen: this season may differ",
        nobody_profile="nobody has seen this person; the predictions are base rates",
        days="{} days",
        hour="1 hour",
        hours="{} hours",
    ),
    "zh": SufficiencyTexts(
        few="仅有{count}次行为",
        thin="仅有1次行为",
        thin_rate="仅有1次行为，取同类客户的平均水平",
        away="已{length}未到访；{because}",
        present="近{length}内到访过；模型只学习了这段时间未到访的客户",
        without="近{length}内没有{event}；模型只学习了有过的客户",
        never="从未有过{event}；模型只学习了有过的客户",
        fading="兴趣信息在{length}后逐渐失效",
        asked_of="该预测只适用于近{length}内到访过的客户",
        learnt_from="模型只学习了近{length}内到访过的客户",
        nobody="没有此客户的记录，这里给出的是整体平均水平",
        unheard_of="模型不认识此客户的任何行为",
        uncounted="没有此客户的记录，模型也没有整体平均水平可用",
        unseen_season="发生率随时间变化，且记录不足一整年：当前季节可能有所不同",
        nobody_profile="没有此客户的记录，预测均为整体平均水平",
        days="{}天",
        hour="1小时",
        hours="{}小时",
    ),
}


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
    texts = told(TEXTS)
    level = np.full(len(events_N), "ok", dtype="U16")
    reason = np.full(len(events_N), "", dtype=object)
    few = events_N < FEW_EVENTS
    level[few] = "limited"
    reason[few] = [texts.few.format(count=f"{count:.0f}") for count in events_N[few]]
    stale = away_days_N > fresh_days
    level[stale] = "limited"
    reason[stale] = [
        texts.away.format(length=length_text(days), because=stale_because)
        for days in away_days_N[stale]
    ]
    thin = events_N < MIN_EVENTS
    level[thin] = "not_enough_data"
    reason[thin] = texts.thin
    return level, reason.astype(str)


def limited_to(
    level_N: Words, reason_N: Words, is_asked_N: npt.NDArray[np.bool_], *, outside: str
) -> tuple[Words, Words]:
    """Return level and reason where persons who are not asked about are told `outside`.

    >>> limited_to(np.array(["ok"]), np.array([""]), np.array([False]), outside="not asked")
    (array(['limited'], dtype='<U7'), array(['not asked'], dtype='<U9'))
    """
    is_told = ~is_asked_N & (level_N != "not_enough_data")
    return np.where(is_told, "limited", level_N), np.where(is_told, outside, reason_N)


def length_text(days: float) -> str:
    """Return a length of time in days, a short one in hours.

    >>> length_text(1234.4), length_text(0.5)
    ('1,234 days', '12 hours')
    """
    texts = told(TEXTS)
    if days >= 2:
        return texts.days.format(f"{days:,.0f}")
    hours = max(round(days * 24), 1)
    return texts.hour if hours == 1 else texts.hours.format(hours)
