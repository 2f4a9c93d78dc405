"""Why a person's prediction is what it is.

In: a model version, a person's events, a task. Out: an `Explanation`. Variants of the history go
the whole way that a prediction goes: features, sequence, network, scorer, calibration. Knows
nothing about how explanations are shown.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from habitue.alerting import churn_model
from habitue.answering import Scored, Version
from habitue.explanations.counterfactuals import Answers
from habitue.explanations.prose import tell
from habitue.explanations.questions import Manner, Person, measured
from habitue.explanations.record import Decision, Explanation, FeatureEffect
from habitue.explanations.texts import Words
from habitue.profiles.next_predictions import next_record_of_nobody
from habitue.profiles.prediction_reasons import explain_predictions
from habitue.profiles.prediction_record import PredictionRecord
from habitue.schema import Task
from habitue.sequences.encoder import encode

Floats = npt.NDArray[np.float64]

FEATURES_SHOWN: Final = 8


def explain_task(version: Version, person: Person, task: str, manner: Manner) -> Explanation:
    """Return why a person's prediction is what it is.

    Raises:
        UnknownName: the version answers no such task.
    """
    version.check_task(task)
    question = TaskQuestion.of(version, person, task, manner)
    told = replace(
        _plain(version, person.user_id, person.as_of, question.record, question.task),
        decision=question.decision,
        features=question.features(),
    )
    told = measured(told, person, question.answers, manner)
    what = manner.words.task(question.task, question.record.answer)
    return replace(told, sentences=tell(told, what, manner.words))


def explain_nobody(
    version: Version, user_id: str, task: str, words: Words, *, as_of: int
) -> Explanation:
    """Return the labelled fallback for somebody nobody has seen before `as_of`.

    Raises:
        UnknownName: the version answers no such task.
    """
    version.check_task(task)
    asked, record = _task_of(version, task), _record_of_nobody(version, task)
    told = replace(_plain(version, user_id, as_of, record, asked), fallback="base_rates")
    return replace(told, sentences=tell(told, words.task(asked, record.answer), words))


def _plain(
    version: Version, user_id: str, as_of: int, record: PredictionRecord, task: Task
) -> Explanation:
    return Explanation(
        user_id=user_id,
        as_of=as_of,
        model_version=version.card.version,
        task=task.name,
        item_id=None,
        unit="money" if task.kind == "sum" else "probability",
        base_rate=record.base_rate,
        prediction=_number(record),
        answer=record.answer,
        data_sufficiency=record.data_sufficiency,
        reason=record.reason,
    )


def _task_of(version: Version, task: str) -> Task:
    return (
        version.next_tasks[task] if task in version.next_tasks else version.task_models[task].task
    )


def _record_of_nobody(version: Version, task: str) -> PredictionRecord:
    if task in version.next_tasks:
        return next_record_of_nobody(version.next_models[task].rates)
    return version.task_models[task].record_of_nobody()


def _number(record: PredictionRecord) -> float:
    """Return what is explained: the probability, or of an amount its mean, which adds up."""
    value = record.probability if record.expected is None else record.expected
    return 0.0 if value is None else value


@dataclass(frozen=True)
class TaskQuestion:
    """One task about one person, answered for any variant of the history."""

    version: Version
    person: Person
    task: Task
    scored: Scored  # of the whole history
    record: PredictionRecord
    of_nobody: float
    decision: Decision | None
    words: Words

    @classmethod
    def of(cls, version: Version, person: Person, name: str, manner: Manner) -> "TaskQuestion":
        """Return the question, the whole history scored."""
        scored = _score(version, person, person.history.events, name)
        record = scored.records()[int(scored.subject_ids[0])][name]
        nobody = _record_of_nobody(version, name)
        of_nobody = _number(nobody)
        if name in version.next_tasks and record.answer is not None:
            of_nobody = version.next_models[name].rates.get(record.answer, 0.0)
        decision = _decision(version, name, record.base_rate, manner)
        task = _task_of(version, name)
        return cls(version, person, task, scored, record, of_nobody, decision, manner.words)

    def answers(self, frame: pl.DataFrame, num_variants: int) -> Answers:
        """Return the answer of each variant; one without any event is told as nobody is."""
        value = np.full(num_variants, self.of_nobody)
        if frame.height and self.task.kind == "next":
            self._fill_next(value, frame)
        elif frame.height:
            scored = _score(self.version, self.person, frame, self.task.name)
            value[scored.subject_ids] = scored.predictions[self.task.name].expected
        bar = np.nan if self.decision is None else self.decision.threshold
        return Answers(value, value - bar)

    def features(self) -> tuple[FeatureEffect, ...]:
        """Return what the person's numbers add, strongest first, one a theme."""
        if self.record.data_sufficiency == "not_enough_data":
            return ()
        if self.task.kind == "next":
            return self._parts()
        model = self.version.task_models[self.task.name]
        reasons = explain_predictions(
            model, self.scored.features, self.scored.embeddings, limit=FEATURES_SHOWN
        )[0]
        return tuple(
            FeatureEffect(
                one.feature,
                one.value,
                one.effect,
                one.theme,
                one.text,
            )
            for one in reasons
        )

    def _fill_next(self, value: Floats, frame: pl.DataFrame) -> None:
        """Write the chance that each variant gives to the answer that was told."""
        if self.record.answer is None:
            return
        version, items, name = self.version, self.person.items, self.task.name
        sequences = encode(frame, items, version.vocabulary)
        chances = version.next_chances(name, frame, items, sequences, as_of=self.person.as_of)
        column = version.next_models[name].classes.index(self.record.answer)
        value[sequences.subject_ids] = chances[:, column]

    def _parts(self) -> tuple[FeatureEffect, ...]:
        """Return what each part of a mixture adds to the answer, over what is common."""
        if self.record.answer is None:
            return ()
        model = self.version.next_models[self.task.name]
        events, items = self.person.history.events, self.person.items
        parts = self.version.next_parts(
            self.task.name, events, items, self.scored.sequences, as_of=self.person.as_of
        )
        column = model.classes.index(self.record.answer)
        common = float(parts["popularity"][0, column])
        found = [
            FeatureEffect(
                name,
                float(parts[name][0, column]),
                share * (float(parts[name][0, column]) - common),
                name,
                self.words(f"part.{name}"),
            )
            for name, share in model.shares.items()
            if name != "popularity"
        ]
        return tuple(sorted(found, key=lambda one: -abs(one.effect)))


def _score(version: Version, person: Person, events: pl.DataFrame, task: str) -> Scored:
    return version.score(events, person.items, as_of=person.as_of, tasks=(task,))


def _decision(
    version: Version, task: str, base_rate: float | None, manner: Manner
) -> Decision | None:
    """Return where the decision lies: the caller's value, the churn alert's, or the base rate."""
    if manner.threshold is not None:
        return Decision(manner.threshold, "given")
    if base_rate is None:
        return None
    churn = churn_model(version)
    alert = manner.alert_lift * base_rate
    if churn is not None and churn.task.name == task and alert < 1:
        return Decision(alert, "alert")
    return Decision(base_rate, "base_rate")
