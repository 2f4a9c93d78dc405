"""One prediction of one person, as a profile shows it: the same keys for every kind of task.

What a kind of task cannot say, or nobody knows, is None or empty. Knows nothing about how the
numbers were made.
"""

from dataclasses import asdict, dataclass

from habitue.files import Json


@dataclass(frozen=True)
class NextAnswer:
    """One thing that may come next."""

    name: str
    probability: float
    base_rate: float | None  # the part it makes of a person's events, on average


@dataclass(frozen=True)
class When:
    """How many days it takes until a person's next own event; None: not within `reach_days`."""

    median_days: float | None
    low_days: float | None  # one in ten comes earlier
    high_days: float | None  # one in ten comes later
    chance_7d: float | None  # None: the history is too short to tell
    chance_30d: float | None
    reach_days: float  # as far as the history tells


@dataclass(frozen=True)
class PredictionRecord:
    """A probability, an amount, or what comes next."""

    probability: float | None = None  # of a task of kind next: that of `answer`
    value: float | None = None  # the typical amount
    expected: float | None = None  # the mean amount
    answer: str | None = None  # what most likely comes next
    answers: tuple[NextAnswer, ...] = ()  # the likeliest first
    when: When | None = None  # of the next event's type
    interval: tuple[float, float] | None = None  # 90 %
    percentile: float | None = None  # 0-100, among the task's persons at training
    base_rate: float | None = None
    calibrated: bool = False
    data_sufficiency: str = "ok"  # ok | limited | not_enough_data
    reason: str = ""  # why not ok
    extrapolated: bool = False  # beyond what the log can show
    asked: bool = True  # false where the question is about others, as of who was here lately

    def as_json(self) -> dict[str, Json]:
        """Return the entry of a profile's `predictions`."""
        document = asdict(self)
        document["answers"] = list(document["answers"])
        document["interval"] = None if self.interval is None else list(self.interval)
        return document
