"""An explanation as a record: what was predicted, and the dated events and features behind it.

In: what was measured elsewhere. Out: the document of the contract. Knows nothing about models.
"""

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Literal

from habitue.explanations.groups import EventGroup
from habitue.files import Json
from habitue.schema import format_time

Unit = Literal["probability", "money", "score"]
Method = Literal["exact", "screened", "none"]


@dataclass(frozen=True)
class CitedEvent:
    """Events of one deed, item and day, and what the answer owes to them."""

    event_id: str  # of the last of them
    timestamp: int
    text: str
    effect: float  # the answer less the answer without them; estimated in a long history
    verified_effect: float  # the same, measured
    event_ids: tuple[str, ...]

    def as_json(self) -> dict[str, Json]:
        """Return the entry of `events`."""
        return {
            "event_id": self.event_id,
            "timestamp": format_time(self.timestamp),
            "text": self.text,
            "effect": self.effect,
            "verified_effect": self.verified_effect,
            "event_ids": list(self.event_ids),
        }


@dataclass(frozen=True)
class FeatureEffect:
    """A number about the person, and what the answer owes to what it speaks of."""

    name: str
    value: float | None
    effect: float
    theme: str
    text: str


@dataclass(frozen=True)
class Together:
    """The answer without all cited events at once."""

    prediction: float
    verified_effect: float


@dataclass(frozen=True)
class DayTaken:
    """The answer without anything of one day: the day that moves it most."""

    day: int  # on the shop's clock, counted from 1970
    num_events: int
    prediction: float
    verified_effect: float

    def as_json(self) -> dict[str, Json]:
        """Return the entry `heaviest_day`."""
        return {
            "date": (date(1970, 1, 1) + timedelta(days=self.day)).isoformat(),
            "num_events": self.num_events,
            "prediction": self.prediction,
            "verified_effect": self.verified_effect,
        }


@dataclass(frozen=True)
class Change:
    """A small set of events without which the decision would be another."""

    events: tuple[EventGroup, ...]
    prediction: float  # without them

    def as_json(self) -> dict[str, Json]:
        """Return the entry `smallest_change`."""
        return {
            "events": [
                {
                    "event_id": one.event_ids[-1],
                    "timestamp": format_time(one.timestamp),
                    "text": one.text,
                    "event_ids": list(one.event_ids),
                }
                for one in self.events
            ],
            "prediction": self.prediction,
        }


@dataclass(frozen=True)
class Decision:
    """What an answer decides: past which value, and whose value that is."""

    threshold: float
    because: Literal["base_rate", "alert", "given", "shown"]
    # "alert": from here on the churn alert is raised; "shown": the last of the first items offered


@dataclass(frozen=True)
class Explanation:
    """Why a prediction of one person, or an offer to them, is what it is."""

    user_id: str
    as_of: int
    model_version: str
    task: str | None
    item_id: str | None
    unit: Unit
    base_rate: float | None
    prediction: float
    answer: str | None = None  # of a task of kind next: what is likeliest to come
    name: str | None = None  # of the item
    source: str | None = None  # who puts the item forward
    offer_reason: str | None = None
    rank: int | None = None  # of the item among those that may be offered; None: it may not
    events: tuple[CitedEvent, ...] = ()
    together: Together | None = None
    heaviest_day: DayTaken | None = None
    features: tuple[FeatureEffect, ...] = ()
    decision: Decision | None = None
    smallest_change: Change | None = None
    method: Method = "none"
    num_events: int = 0
    num_groups: int = 0
    num_measured: int = 0
    fallback: str | None = None
    data_sufficiency: str = "ok"
    reason: str = ""  # why not ok
    sentences: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Json]:
        """Return the document that `explain --json` prints."""
        change = self.smallest_change
        return {
            "user_id": self.user_id,
            "task": self.task,
            "item_id": self.item_id,
            "as_of": format_time(self.as_of),
            "model_version": self.model_version,
            "unit": self.unit,
            "base_rate": self.base_rate,
            "prediction": self.prediction,
            "answer": self.answer,
            "name": self.name,
            "source": self.source,
            "offer_reason": self.offer_reason,
            "rank": self.rank,
            "events": [event.as_json() for event in self.events],
            "together": None if self.together is None else asdict(self.together),
            "heaviest_day": None if self.heaviest_day is None else self.heaviest_day.as_json(),
            "features": [asdict(feature) for feature in self.features],
            "decision": None if self.decision is None else asdict(self.decision),
            "smallest_change": None if change is None else change.as_json(),
            "method": self.method,
            "num_events": self.num_events,
            "num_groups": self.num_groups,
            "num_measured": self.num_measured,
            "fallback": self.fallback,
            "data_sufficiency": self.data_sufficiency,
            "reason": self.reason,
            "sentences": list(self.sentences),
        }
