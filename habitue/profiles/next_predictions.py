"""What comes next of each person, beside how common each answer is among everyone.

In: the network's probabilities of the answers of a task of kind "next", and the answers' base
rates, counted once at the training cut. Out: a table or records, of the same shape as those of
other tasks. Knows nothing about networks.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from habitue.events.log import EventLog
from habitue.languages import told
from habitue.profiles.labels import OTHER_CLASS, next_classes
from habitue.profiles.prediction_record import NextAnswer, PredictionRecord, When
from habitue.profiles.samples import feature_matrix
from habitue.profiles.sufficiency import TEXTS, judge_events, length_text
from habitue.profiles.task_model import REMARK_COLUMNS
from habitue.profiles.when import Waits, WhenModel
from habitue.schema import Task

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
Rates = Mapping[str, float]  # answer -> part it makes of a person's events, on average

ANSWERS_SHOWN: Final = 5
DIGITS: Final = 6  # of a probability
# Of a table that says when: the fields of a record's `when`.
WHEN_COLUMNS: Final = ("median_days", "low_days", "high_days", "chance_7d", "chance_30d")


@dataclass(frozen=True)
class NextPredictions:
    """One task's answers for N persons, out of K."""

    task: Task
    subject_ids: Ints
    labels: tuple[str, ...]
    chances: Floats  # [N, K]; a row sums to 1, or is 0 throughout where nothing is known
    rates: Rates  # empty where nobody counted them
    data_sufficiency: npt.NDArray[np.str_]  # ok | limited | not_enough_data
    reason: npt.NDArray[np.str_]  # why not ok
    waits: Waits | None = None  # when it comes

    def __len__(self) -> int:
        return len(self.subject_ids)

    def to_frame(self) -> pl.DataFrame:
        """Return a row a person: `subject_id`, `answer`, its `probability`, `base_rate`, ….

        Of the next event's type also `WHEN_COLUMNS`.
        """
        is_shown = np.array([label != OTHER_CLASS for label in self.labels])
        best = np.where(is_shown, self.chances, -1).argmax(axis=1)
        chance = self.chances[np.arange(len(self)), best]
        known = chance > 0
        answers = [self.labels[n] if knows else None for n, knows in zip(best, known, strict=True)]
        none = [None] * len(self)
        frame = pl.DataFrame(
            {
                "subject_id": self.subject_ids,
                "answer": answers,
                "probability": [
                    round(float(one), DIGITS) if knows else None
                    for one, knows in zip(chance, known, strict=True)
                ],
                "interval_low": none,
                "interval_high": none,
                "percentile": none,
                "base_rate": [None if one is None else _rate(one, self.rates) for one in answers],
                "calibrated": [False] * len(self),
                "data_sufficiency": self.data_sufficiency.tolist(),
                "reason": self.reason.tolist(),
                "extrapolated": [False] * len(self),
            },
            schema={
                "subject_id": pl.Int64(),
                "answer": pl.String(),
                "probability": pl.Float64(),
                **REMARK_COLUMNS,
            },
        )
        return frame.hstack(self._when_columns()) if self.task.target == "event_type" else frame

    def _when_columns(self) -> list[pl.Series]:
        if self.waits is None:
            return [
                pl.Series(name, [None] * len(self), dtype=pl.Float64()) for name in WHEN_COLUMNS
            ]
        told = [self.waits.record(row) for row in range(len(self))]
        return [
            pl.Series(name, [getattr(one, name) for one in told], dtype=pl.Float64())
            for name in WHEN_COLUMNS
        ]

    def record(self, row: int) -> PredictionRecord:
        """Return one person's answers, as a profile shows them."""
        chances = dict(zip(self.labels, self.chances[row].tolist(), strict=True))
        return _record(
            chances if any(chances.values()) else {},
            self.rates,
            data_sufficiency=str(self.data_sufficiency[row]),
            reason=str(self.reason[row]),
            when=None if self.waits is None else self.waits.record(row),
        )


def predict_next(
    task: Task,
    features: pl.DataFrame,
    *,
    labels: Sequence[str],
    chance_NK: Floats,
    rates: Rates,
    when: WhenModel | None = None,
) -> NextPredictions:
    """Return the answers for the persons of `build_features`, in its order.

    Without `when` the columns of `count_events` are enough.
    """
    texts = told(TEXTS)
    level, reason = judge_events(
        features["events"].to_numpy(),
        features["days_since_event"].to_numpy(),
        fresh_days=task.active_days,
        stale_because=texts.asked_of.format(length=length_text(task.active_days)),
    )
    unknown = ~chance_NK.any(axis=1)
    return NextPredictions(
        task=task,
        subject_ids=features["subject_id"].to_numpy(),
        labels=tuple(labels),
        chances=chance_NK,
        rates=rates,
        data_sufficiency=np.where(unknown, "not_enough_data", level),
        reason=np.where(unknown, texts.unheard_of, reason),
        waits=None if when is None else when.waits(feature_matrix(features)),
    )


def next_record_of_nobody(rates: Rates) -> PredictionRecord:
    """Return what can be said of somebody nobody has seen: what is most common."""
    reason = told(TEXTS).nobody if rates else told(TEXTS).uncounted
    return _record(rates, rates, data_sufficiency="not_enough_data", reason=reason)


def _record(
    chances: Mapping[str, float],
    rates: Rates,
    *,
    data_sufficiency: str,
    reason: str,
    when: When | None = None,
) -> PredictionRecord:
    shown = ((name, chance) for name, chance in chances.items() if name != OTHER_CLASS)
    likeliest = sorted(shown, key=lambda pair: (-pair[1], pair[0]))[:ANSWERS_SHOWN]
    answers = tuple(
        NextAnswer(name, round(chance, DIGITS), _rate(name, rates)) for name, chance in likeliest
    )
    return PredictionRecord(
        probability=answers[0].probability if answers else None,
        answer=answers[0].name if answers else None,
        answers=answers,
        when=when,
        base_rate=answers[0].base_rate if answers else None,
        data_sufficiency=data_sufficiency,
        reason=reason,
    )


def _rate(answer: str, rates: Rates) -> float | None:
    return rates.get(answer, 0.0) if rates else None


def next_rates(log: EventLog, tasks: Sequence[Task], *, as_of: int) -> dict[str, dict[str, float]]:
    """Return each task's answers with the part they make of a person's events, on average.

    Every person counts the same, whoever does little and whoever does much. Bots are left out;
    no event at or after `as_of` is read.
    """
    items = log.items(as_of=as_of)
    sums: dict[str, Counter[str]] = {task.name: Counter() for task in tasks}
    persons: Counter[str] = Counter()
    for bucket in range(log.num_buckets) if tasks else ():
        frame = log.read_bucket(bucket, as_of=as_of).filter(~pl.col("is_bot").fill_null(False))
        for task in tasks:
            classes = next_classes(frame, items, task, as_of=as_of)
            sums[task.name].update(dict(_share_sums(classes).iter_rows()))
            persons[task.name] += classes["subject_id"].n_unique()
    return {
        name: {one: round(total / persons[name], DIGITS) for one, total in found.most_common()}
        for name, found in sums.items()
    }


def _share_sums(classes: pl.DataFrame) -> pl.DataFrame:
    """Return `class, share`: the sum over persons of the part it makes of their events."""
    counts = classes.group_by("subject_id", "class").len()
    share = pl.col("len") / pl.col("len").sum().over("subject_id")
    return counts.with_columns(share=share).group_by("class").agg(pl.col("share").sum())
