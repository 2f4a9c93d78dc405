"""Several architectures under one budget of time, and the one to take.

In: prepared data, settings. Out: `Comparison`: quality and cost of each, the choice and its reason.
All learn from the same sequences, vocabulary, cut, objectives and rivals, and are judged on the
same persons. What is finished is kept, so that a run which was killed goes on where it was.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from habitue.attempts import STATES, Attempt, make_attempt
from habitue.compute import Progress
from habitue.config import Architecture, Settings
from habitue.events.lock import writer_lock
from habitue.files import Json
from habitue.metrics import MIN_RESAMPLED, Interval, bootstrap_interval, limits_of
from habitue.model.fit import Epoch
from habitue.preparing import Prepared
from habitue.schema import format_time

COMPARISON_FILE = "comparison.json"  # in a version's folder


@dataclass(frozen=True)
class Choice:
    """Which one to take, and why."""

    best: str  # by the mean
    chosen: str
    differences: Mapping[str, Interval]  # of each to the best, paired over persons
    reason: str


@dataclass(frozen=True)
class Comparison:
    """What became of each architecture."""

    attempts: Sequence[Attempt]
    choice: Choice
    minutes: float
    trained_until: int

    def as_json(self) -> dict[str, Json]:
        """Return the document of the contract."""
        return {
            "table": [self._row(attempt) for attempt in self.attempts],
            "chosen": self.choice.chosen,
            "reason": self.choice.reason,
            "persons": self._num_persons,
            "minutes": self.minutes,
            "trained_until": format_time(self.trained_until),
        }

    def sentence(self) -> str:
        """Return what a model card says of it."""
        told = ", ".join(f"{one.name} {one.ndcg:.4f}" for one in self.attempts)
        return (
            f"Architectures compared within {self.minutes:g} minutes by NDCG@10 on "
            f"{self._num_persons:,} persons: {told}. {self.choice.reason}"
        )

    @property
    def _num_persons(self) -> int:
        return len(self.attempts[0].ndcg_each)

    def _row(self, attempt: Attempt) -> dict[str, Json]:
        difference = self.choice.differences[attempt.name]
        return {
            "architecture": attempt.name,
            "ndcg@10": attempt.ndcg,
            "recall@10": attempt.recall,
            "difference": {
                "mean": difference.mean,
                "interval": limits_of(difference, self._num_persons),
            },
            "epochs": attempt.epochs,
            "best_epoch": attempt.best_epoch,
            "seconds": attempt.seconds,
            "seconds_per_epoch": round(attempt.seconds_per_epoch, 3),
            "events_per_second": round(attempt.events / max(attempt.seconds, 1e-9)),
            "parameters": attempt.parameters,
            "out_of_time": attempt.is_cut_short,
            "chosen": attempt.name == self.choice.chosen,
        }


def compare_architectures(
    prepared: Prepared, settings: Settings, *, folder: Path, progress: Progress
) -> Comparison:
    """Train each architecture of the settings in its share of the time, and choose.

    A training whose share is used up stops after its epoch and counts with its best epoch so far.
    `folder` keeps what is finished, and of the chosen one its state, for a training to go on from.

    Raises:
        NotEnoughData: nobody has two events before the cut.
        Refused: `store_locked`, another process compares here.
    """
    wanted = list(dict.fromkeys(settings.compare.architectures))
    share = 60 * settings.compare.minutes / len(wanted)
    with writer_lock(folder):
        attempts = [
            make_attempt(
                prepared,
                with_architecture(settings, name),
                name=name,
                folder=folder,
                goes_on=lambda curve: _has_time(curve, share),
                rule={"seconds": share},
                progress=Labelled(progress, f"{name}, {number} of {len(wanted)}"),
            )
            for number, name in enumerate(wanted, start=1)
        ]
        choice = choose(attempts)
        _forget_states(folder, but=choice.chosen)
    cut = prepared.plan.cuts.as_of
    return Comparison(attempts, choice, settings.compare.minutes, cut)


def with_architecture(settings: Settings, name: Architecture | str) -> Settings:
    """Return the settings with another architecture."""
    model = settings.model.model_copy(update={"architecture": name})
    return settings.model_copy(update={"model": model})


def choose(attempts: Sequence[Attempt]) -> Choice:
    """Take the best mean, or the cheapest of those that are not clearly worse.

    Cheap is what takes few seconds an epoch. Clearly worse: the 95 % interval of the paired
    difference to the best, over the same persons, lies below 0.
    """
    best = max(attempts, key=lambda one: (one.ndcg, -one.seconds_per_epoch))
    differences = {one.name: _difference(one, best) for one in attempts}
    num_persons = len(best.ndcg_each)
    able = [
        one
        for one in attempts
        if num_persons < MIN_RESAMPLED or one is best or differences[one.name].high >= 0
    ]
    chosen = min(able, key=lambda one: one.seconds_per_epoch)
    reason = _reason(best, chosen, differences[chosen.name], attempts)
    return Choice(best.name, chosen.name, differences, reason)


def _difference(one: Attempt, best: Attempt) -> Interval:
    return bootstrap_interval(np.asarray(one.ndcg_each) - np.asarray(best.ndcg_each))


def _reason(
    best: Attempt, chosen: Attempt, difference: Interval, attempts: Sequence[Attempt]
) -> str:
    num_persons = len(best.ndcg_each)
    costs = f"{chosen.seconds_per_epoch:.3g} s an epoch"
    if len(attempts) == 1:
        return f"{chosen.name} was the only one."
    if num_persons < MIN_RESAMPLED:
        return (
            f"{num_persons} persons to ask are too few to tell one from another, so the cheapest "
            f"is chosen: {chosen.name}, {costs}."
        )
    if chosen is not best:
        return (
            f"{best.name} ranks best (NDCG@10 {best.ndcg:.4f}), but {chosen.name} is not clearly "
            f"worse (difference {difference.mean:+.4f}, 95 % between {difference.low:+.4f} and "
            f"{difference.high:+.4f}) and cheaper ({costs} instead of "
            f"{best.seconds_per_epoch:.3g}), so {chosen.name} is chosen."
        )
    if any(one.seconds_per_epoch < best.seconds_per_epoch for one in attempts):
        return (
            f"{best.name} ranks best (NDCG@10 {best.ndcg:.4f}), and whatever is cheaper is clearly "
            "worse."
        )
    return f"{best.name} ranks best (NDCG@10 {best.ndcg:.4f}) and is the cheapest ({costs})."


def _has_time(curve: Sequence[Epoch], seconds: float) -> bool:
    return curve[-1].seconds < seconds


def _forget_states(folder: Path, *, but: str) -> None:
    for state in (folder / STATES).glob("*"):
        if state.name != but:
            shutil.rmtree(state, ignore_errors=True)


@dataclass(frozen=True)
class Labelled:
    """A `Progress` that says beside each stretch of work whose it is."""

    progress: Progress
    whose: str

    def start(self, label: str, total: int | None, unit: str) -> None:
        """Begin a stretch of work."""
        self.progress.start(f"{label} ({self.whose})", total, unit)

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Tell of work done."""
        self.progress.advance(amount, note)

    def finish(self) -> None:
        """End the stretch."""
        self.progress.finish()
