"""The JSON documents of later stages as typed records: evaluation, profile, alert, advice.

In: parsed JSON with the keys of the product (`evaluate`, `profile`, `alerts churn`, `recommend`).
Out: frozen dataclasses. A missing or unreadable entry becomes None or an empty list, because an
absent figure must not cost the reader the rest of the page; unknown keys are ignored.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from habitue.errors import Refused
from habitue.schema import parse_time

Interval = tuple[float, float]
Fact = str | float | bool
T = TypeVar("T")

# A part of what is shipped, shown beside it, is no simple method to beat.
OWN_PARTS = ("network", "again")
MIN_OPTION = 0.005  # a less likely next step is not worth a line
SURE = 0.995  # of what comes next: above it there is nothing to tell apart


@dataclass(frozen=True)
class Document:
    """A JSON object read key by key."""

    entries: Mapping[str, object]

    def number(self, key: str) -> float | None:
        """Return a finite number, else None."""
        return as_number(self.entries.get(key))

    def text(self, key: str, default: str = "") -> str:
        """Return a text (a number as text), else `default`."""
        entry = self.entries.get(key)
        if entry is None or isinstance(entry, Mapping | list):
            return default
        return str(entry)

    def moment(self, key: str) -> int | None:
        """Return a time, written as ISO 8601 or in microseconds, else None."""
        entry = self.entries.get(key)
        if isinstance(entry, int) and not isinstance(entry, bool):
            return entry
        try:
            return parse_time(entry) if isinstance(entry, str) else None
        except Refused:
            return None

    def interval(self, key: str) -> Interval | None:
        """Return `[low, high]`, else None."""
        return as_interval(self.entries.get(key))

    def numbers(self, key: str) -> dict[str, float]:
        """Return the numbers of an object by name."""
        found = {name: as_number(entry) for name, entry in self.child(key).entries.items()}
        return {name: number for name, number in found.items() if number is not None}

    def child(self, key: str) -> "Document":
        """Return the object at `key`, an empty one if there is none."""
        entry = self.entries.get(key)
        return Document(entry if isinstance(entry, Mapping) else {})

    def children(self, key: str, read: Callable[["Document"], T]) -> list[T]:
        """Return the objects of the list at `key`, each read with `read`."""
        entry = self.entries.get(key)
        rows = entry if isinstance(entry, list | tuple) else []
        return [read(Document(row)) for row in rows if isinstance(row, Mapping)]

    def texts(self, key: str) -> list[str]:
        """Return a list of texts; of objects, their `text` or `name`."""
        entry = self.entries.get(key)
        rows = entry if isinstance(entry, list | tuple) else []
        return [
            Document(row).text("text", Document(row).text("name"))
            if isinstance(row, Mapping)
            else str(row)
            for row in rows
        ]


def as_number(entry: object) -> float | None:
    """Return a finite number, else None."""
    if isinstance(entry, bool) or not isinstance(entry, int | float):
        return None
    return float(entry) if math.isfinite(entry) else None


def as_interval(entry: object) -> Interval | None:
    """Return `[low, high]` or `{low, high}` as a pair, else None."""
    if isinstance(entry, Mapping):
        entry = [entry.get("low"), entry.get("high")]
    if not isinstance(entry, list | tuple) or len(entry) != 2:
        return None
    low, high = as_number(entry[0]), as_number(entry[1])
    return None if low is None or high is None else (low, high)


@dataclass(frozen=True)
class ReliabilityPoint:
    """Persons given about this probability, and how many of them did it."""

    predicted: float
    observed: float
    n: int


@dataclass(frozen=True)
class Decile:
    """A tenth of the persons, the likeliest first; `observed` is a rate or a mean amount."""

    number: int  # 1 = predicted highest
    observed: float
    predicted: float | None
    n: int


@dataclass(frozen=True)
class Scores:
    """One contender's metrics, with intervals where they were computed."""

    name: str
    metrics: dict[str, float]
    intervals: dict[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True)
class TaskScores:
    """One prediction task on the held-out future, beside its baselines."""

    task: str
    ours: Scores
    baselines: list[Scores]
    n: int
    base_rate: float | None
    reliability: list[ReliabilityPoint]
    deciles: list[Decile]
    gain: Interval | None = None  # over the best baseline, person by person; above 0 is better

    @property
    def is_trivial(self) -> bool:
        """Whether one answer is right for everybody."""
        return "mae" not in self.ours.metrics and self.base_rate in (0.0, 1.0)


@dataclass(frozen=True)
class RecommendationScores:
    """The shipped recommender on the held-out future, beside its baselines."""

    ours: Scores
    baselines: list[Scores]
    n: int
    protocol: str
    gain: Interval | None = None  # over the best baseline in nDCG@10, person by person
    discovery: "RecommendationScores | None" = None  # the same for items new to the person


@dataclass(frozen=True)
class Evaluation:
    """What `habitue evaluate` found."""

    tasks: list[TaskScores]
    recommendation: RecommendationScores | None
    skipped: dict[str, str] = field(default_factory=dict)  # task -> why it was not possible

    @classmethod
    def from_json(cls, entries: Mapping[str, object]) -> "Evaluation":
        """Read the evaluation document."""
        document = Document(entries)
        tasks = document.child("tasks")
        advice = document.child("recommendation")
        judged = {name: tasks.child(name) for name in tasks.entries}
        skipped = {
            name: task.text("reason")
            for name, task in judged.items()
            if not task.numbers("metrics")
        }
        listed = document.child("skipped")
        skipped |= {name: listed.text(name) for name in listed.entries}
        return cls(
            tasks=[_task(name, task) for name, task in judged.items() if name not in skipped],
            recommendation=_recommendation(advice) if advice.numbers("metrics") else None,
            skipped=skipped,
        )


def _scores(name: str, metrics: Document, interval: object) -> Scores:
    found = {key: as_number(entry) for key, entry in metrics.entries.items()}
    intervals = interval if isinstance(interval, Mapping) else metrics.entries.get("interval")
    pairs = intervals.items() if isinstance(intervals, Mapping) else ()
    limits = {str(key): as_interval(entry) for key, entry in pairs}
    return Scores(
        name,
        {key: number for key, number in found.items() if number is not None},
        {key: pair for key, pair in limits.items() if pair is not None},
    )


def _contenders(document: Document, ours: str) -> tuple[Scores, list[Scores]]:
    baselines = document.child("baselines")
    return (
        _scores(ours, document.child("metrics"), document.entries.get("interval")),
        [_scores(name, baselines.child(name), None) for name in baselines.entries],
    )


def _task(name: str, document: Document) -> TaskScores:
    ours, baselines = _contenders(document, "habitue")
    return TaskScores(
        task=name,
        ours=ours,
        baselines=baselines,
        n=int(document.number("n") or 0),
        base_rate=document.number("base_rate"),
        reliability=_reliability(document),
        deciles=_deciles(document),
        gain=_gain(document),
    )


def _reliability(document: Document) -> list[ReliabilityPoint]:
    """Read points, given as rows or as columns."""
    rows = document.children("reliability", lambda row: row)
    columns = document.child("reliability").entries
    lists = [entry for entry in columns.values() if isinstance(entry, list | tuple)]
    if lists and len(lists) == len(columns):
        rows = [
            Document(dict(zip(columns, values, strict=True))) for values in zip(*lists, strict=True)
        ]
    return [
        ReliabilityPoint(predicted, observed, _persons(row))
        for row in rows
        if (predicted := row.number("predicted")) is not None
        and (observed := row.number("observed")) is not None
    ]


def _deciles(document: Document) -> list[Decile]:
    return [
        Decile(number, observed, row.number("predicted"), _persons(row))
        for number, row in enumerate(document.children("deciles", lambda row: row), start=1)
        if (observed := row.number("observed")) is not None
    ]


def _persons(row: Document) -> int:
    return int(row.number("n") or row.number("count") or 0)


def _recommendation(document: Document) -> RecommendationScores:
    ours, baselines = _contenders(document, "habitue")
    discovery = document.child("discovery")
    return RecommendationScores(
        ours=ours,
        baselines=baselines,
        n=int(document.number("n") or 0),
        protocol=document.text("protocol"),
        gain=_gain(document),
        discovery=_recommendation(discovery) if discovery.numbers("metrics") else None,
    )


def _gain(document: Document) -> Interval | None:
    """Read the interval of the difference to the best baseline, if that is a simple method."""
    if document.text("best_baseline") in OWN_PARTS:
        return None
    return document.child("difference").interval("interval")


@dataclass(frozen=True)
class Evidence:
    """A dated event that speaks for a tag."""

    text: str
    timestamp: int | None


@dataclass(frozen=True)
class Tag:
    """A readable interest of a person."""

    name: str
    kind: str
    weight: float | None
    evidence: list[Evidence]
    last_seen: int | None


@dataclass(frozen=True)
class Option:
    """One thing that may come next."""

    name: str
    probability: float
    base_rate: float | None


@dataclass(frozen=True)
class WhenToCome:
    """In how many days the next event is expected; None: not within `reach`."""

    median: float | None
    low: float | None
    high: float | None
    reach: float
    chance_7d: float | None


def _when(document: Document) -> WhenToCome | None:
    reach = document.number("reach_days")
    if reach is None:
        return None
    return WhenToCome(
        document.number("median_days"),
        document.number("low_days"),
        document.number("high_days"),
        reach,
        document.number("chance_7d"),
    )


@dataclass(frozen=True)
class Prediction:
    """What a person will do: a probability, an amount, or the likeliest options."""

    task: str
    probability: float | None
    value: float | None
    interval: Interval | None
    percentile: float | None  # 0 to 100
    base_rate: float | None
    is_calibrated: bool
    is_asked: bool
    data_sufficiency: str
    reason: str  # why not enough, where it is not
    options: list[Option]  # of what comes next, the likeliest first
    when: WhenToCome | None = None

    @property
    def is_foregone(self) -> bool:
        """Whether only one thing can come next."""
        return bool(self.options) and self.options[0].probability > SURE

    @classmethod
    def from_json(cls, task: str, entries: Mapping[str, object]) -> "Prediction":
        """Read one entry of a profile's `predictions`."""
        document = Document(entries)
        # The mean amount compares with the average; the typical one is 0 for most people.
        mean = document.number("expected")
        options = document.children("answers", _option)
        return cls(
            task=task,
            probability=document.number("probability"),
            value=mean if mean is not None else document.number("value"),
            interval=document.interval("interval"),
            percentile=document.number("percentile"),
            base_rate=document.number("base_rate"),
            is_calibrated=document.entries.get("calibrated") is True,
            is_asked=document.entries.get("asked") is not False,
            data_sufficiency=document.text("data_sufficiency"),
            reason=document.text("reason"),
            options=[one for one in options if one.probability >= MIN_OPTION],
            when=_when(document.child("when")),
        )


def _option(document: Document) -> Option:
    return Option(
        name=document.text("name"),
        probability=document.number("probability") or 0.0,
        base_rate=document.number("base_rate"),
    )


@dataclass(frozen=True)
class Profile:
    """Who one person is."""

    user_id: str
    segment: str
    data_sufficiency: str
    facts: dict[str, Fact]
    tags: list[Tag]
    predictions: list[Prediction]

    @classmethod
    def from_json(cls, entries: Mapping[str, object]) -> "Profile":
        """Read a profile document."""
        document = Document(entries)
        predictions = document.child("predictions")
        return cls(
            user_id=document.text("user_id"),
            segment=document.text("segment") or document.child("segment").text("name"),
            data_sufficiency=document.text("data_sufficiency"),
            facts={
                name: entry
                for name, entry in document.child("facts").entries.items()
                if isinstance(entry, str | bool | int)
                or (isinstance(entry, float) and math.isfinite(entry))
            },
            tags=document.children("tags", _tag),
            predictions=[
                Prediction.from_json(task, predictions.child(task).entries)
                for task in predictions.entries
            ],
        )


def _tag(document: Document) -> Tag:
    return Tag(
        name=document.text("name"),
        kind=document.text("kind"),
        weight=document.number("weight"),
        evidence=document.children(
            "evidence", lambda row: Evidence(row.text("text"), row.moment("timestamp"))
        ),
        last_seen=document.moment("last_seen"),
    )


@dataclass(frozen=True)
class Alert:
    """A person we are about to lose."""

    user_id: str
    probability: float | None
    value_at_risk: float | None
    reasons: list[str]

    @classmethod
    def from_json(cls, entries: Mapping[str, object]) -> "Alert":
        """Read one entry of `alerts`."""
        document = Document(entries)
        return cls(
            user_id=document.text("user_id"),
            probability=document.number("probability"),
            value_at_risk=document.number("value_at_risk"),
            reasons=document.texts("reasons"),
        )


@dataclass(frozen=True)
class Advice:
    """An item to offer, and why."""

    item_id: str
    name: str
    source: str
    reason: str

    @classmethod
    def from_json(cls, entries: Mapping[str, object]) -> "Advice":
        """Read one entry of a recommendation's `items`."""
        document = Document(entries)
        item_id = document.text("item_id")
        return cls(
            item_id=item_id,
            name=document.text("name") or item_id,
            source=document.text("source"),
            reason=document.text("reason"),
        )
