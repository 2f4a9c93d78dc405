"""A search for the settings that suit a shop: trials of the network, each with other settings.

    tuning/study.db                      what was tried and how good it was, as Optuna keeps it
    tuning/3f2a….json                    a finished trial: scores of each person, costs

In: prepared data, settings. Out: `Tuning`: every trial beside the settings in force, on the same
persons, and the best. A search that was killed goes on: with the trial it was at, from its last
epoch. Trials that lag behind are given up after an epoch (pruned).
"""

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from habitue.attempts import Attempt, kept_attempt, make_attempt, state_folder
from habitue.checksums import digest_of
from habitue.comparing import Labelled
from habitue.compute import Progress
from habitue.config import Settings
from habitue.errors import Failed, MissingExtra
from habitue.events.lock import writer_lock
from habitue.files import Json
from habitue.metrics import Interval, bootstrap_interval, limits_of
from habitue.model.fit import Epoch, GoesOn
from habitue.model.recipe import settled_model
from habitue.model.resume import training_key
from habitue.preparing import Prepared
from habitue.schema import format_time
from habitue.settings_change import Changes, Value

if TYPE_CHECKING:
    import optuna

STUDY_FILE = "study.db"
PRESENT = "present"  # the settings in force
SEARCHED = (
    ("model", "size"),
    ("model", "dropout"),
    ("model", "max_length"),
    ("training", "learning_rate"),
    ("training", "negatives"),
)
_TRIALS_BEFORE_PRUNING = 4
_RULE = {"ends": "by itself or pruned"}


@dataclass(frozen=True)
class Trial:
    """Settings, and what came of them."""

    values: Changes
    attempt: Attempt


@dataclass(frozen=True)
class Tuning:
    """What was tried, the settings in force first."""

    trials: Sequence[Trial]
    best: Trial
    is_out_of_time: bool
    trained_until: int

    @property
    def changes(self) -> Changes:
        """What of the best settings differs from those in force."""
        present = self.trials[0].values
        return {place: v for place, v in self.best.values.items() if v != present[place]}

    def as_json(self) -> dict[str, Json]:
        """Return the document of the contract."""
        return {
            "table": [self._row(trial) for trial in self.trials],
            "chosen": _named(self.best.values),
            "reason": self.reason(),
            "persons": len(self.best.attempt.ndcg_each),
            "trials": len(self.trials) - 1,
            "out_of_time": self.is_out_of_time,
            "trained_until": format_time(self.trained_until),
        }

    def reason(self) -> str:
        """Say how the best settings compare with those in force."""
        present, best = self.trials[0].attempt, self.best.attempt
        if not self.changes:
            return f"Nothing ranked better than the settings in force (NDCG@10 {present.ndcg:.4f})."
        gain = self._difference(self.best)
        limits = limits_of(gain, len(best.ndcg_each))
        told = (
            f"The best settings rank at NDCG@10 {best.ndcg:.4f}, those in force at "
            f"{present.ndcg:.4f}"
        )
        if limits is None:
            return f"{told}; too few persons could be asked to say whether that is chance."
        between = f"95 % between {limits[0]:+.4f} and {limits[1]:+.4f}"
        if limits[0] > 0:
            return f"{told}: clearly better (difference {gain.mean:+.4f}, {between})."
        return f"{told}: not clearly better (difference {gain.mean:+.4f}, {between})."

    def _difference(self, trial: Trial) -> Interval:
        present = np.asarray(self.trials[0].attempt.ndcg_each)
        return bootstrap_interval(np.asarray(trial.attempt.ndcg_each) - present)

    def _row(self, trial: Trial) -> dict[str, Json]:
        attempt, difference = trial.attempt, self._difference(trial)
        return {
            "settings": _named(trial.values),
            "in_force": trial is self.trials[0],
            "ndcg@10": attempt.ndcg,
            "recall@10": attempt.recall,
            "difference": {
                "mean": difference.mean,
                "interval": limits_of(difference, len(attempt.ndcg_each)),
            },
            "epochs": attempt.epochs,
            "seconds": attempt.seconds,
            "pruned": attempt.is_cut_short,
            "chosen": trial is self.best,
        }


class _OutOfTime(Exception):
    """The time is over; the trial goes on in another run."""


def check_installed() -> None:
    """Refuse to begin where Optuna is not installed.

    Raises:
        MissingExtra: it is not.
    """
    try:
        import optuna
    except ImportError as error:
        raise MissingExtra("tune", "Searching settings") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def tune_settings(
    prepared: Prepared, settings: Settings, *, folder: Path, progress: Progress
) -> Tuning:
    """Try settings until there are as many trials as wanted, earlier runs included, or no time.

    The settings in force are measured first, however long that takes. `folder` keeps everything.

    Raises:
        NotEnoughData: nobody has two events before the cut.
        Refused: `store_locked`, another process searches here.
    """
    ends_at = time.monotonic() + 60 * settings.tune.minutes
    settings = _settled(prepared, settings)
    with writer_lock(folder):
        attempt = make_attempt(
            prepared, settings, name=PRESENT, folder=folder, goes_on=lambda _: True, rule=_RULE,
            progress=Labelled(progress, "the settings in force"),
        )  # fmt: skip
        study = _study(prepared, settings, folder)
        search = _Search(prepared, settings, folder, progress, study, attempt.ndcg, ends_at)
        is_out_of_time = not search.run()
        shutil.rmtree(state_folder(folder, PRESENT), ignore_errors=True)
    trials = [Trial(values_of(settings), attempt), *search.finished()]
    able = [trial for trial in trials if not trial.attempt.is_cut_short or trial is trials[0]]
    best = max(able, key=lambda trial: trial.attempt.ndcg)
    return Tuning(trials, best, is_out_of_time, prepared.plan.cuts.as_of)


def _settled(prepared: Prepared, settings: Settings) -> Settings:
    """Return the settings as this log decides what is left to it, so that each has a value."""
    model = settled_model(
        settings.model,
        prepared.sequences.everyone,
        num_items=prepared.vocabulary.num_items,
        before=prepared.plan.cuts.valid_from,
    )
    return settings.model_copy(update={"model": model})


def values_of(settings: Settings) -> dict[tuple[str, str], Value]:
    """Return the settings that are searched."""
    return {(stage, key): getattr(getattr(settings, stage), key) for stage, key in SEARCHED}


def with_values(settings: Settings, values: Changes) -> Settings:
    """Return the settings with these values."""
    for (stage, key), value in values.items():
        changed = getattr(settings, stage).model_copy(update={key: value})
        settings = settings.model_copy(update={stage: changed})
    return settings


@dataclass
class _Search:
    prepared: Prepared
    settings: Settings
    folder: Path
    progress: Progress
    study: "optuna.Study"
    best: float  # NDCG@10 so far
    ends_at: float  # of the monotonic clock

    def run(self) -> bool:
        """Return whether there are as many trials as wanted; else the time is over."""
        self._take_up()
        for number in range(self._num_finished() + 1, self.settings.tune.trials + 1):
            if time.monotonic() >= self.ends_at:
                return False
            trial = self.study.ask()
            try:
                self._try(trial, number)
            except _OutOfTime:
                self.progress.finish()
                return False
        return True

    def finished(self) -> list[Trial]:
        """Return all finished trials, of earlier runs too."""
        found = []
        for trial in self._told():
            attempt = kept_attempt(self.folder, trial.user_attrs.get("attempt", ""))
            if attempt is not None:
                found.append(Trial(_values(trial.params, self.settings), attempt))
        return found

    def _try(self, trial: "optuna.Trial", number: int) -> None:
        import optuna

        values = _values(_suggested(trial, self.settings), self.settings)
        # Named by what is tried, so that after a kill the same settings go on from their state.
        name = digest_of(_named(values))[:16]
        trial.set_user_attr("attempt", name)
        whose = f"trial {number} of {self.settings.tune.trials}, best so far {self.best:.4f}"
        try:
            attempt = make_attempt(
                self.prepared,
                with_values(self.settings, values),
                name=name,
                folder=self.folder,
                goes_on=self._rule(trial),
                rule=_RULE,
                progress=Labelled(self.progress, whose),
            )
        except Failed as error:
            if error.code != "diverged":
                raise
            self.progress.finish()
            self.study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return
        shutil.rmtree(state_folder(self.folder, name), ignore_errors=True)
        if attempt.is_cut_short:
            self.study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            self.study.tell(trial, attempt.ndcg)
            self.best = max(self.best, attempt.ndcg)

    def _rule(self, trial: "optuna.Trial") -> GoesOn:
        told = 0

        def goes_on(curve: Sequence[Epoch]) -> bool:
            nonlocal told
            for line in curve[told:]:
                trial.report(line.valid_ndcg, line.epoch)
            told = len(curve)
            if time.monotonic() >= self.ends_at:
                raise _OutOfTime
            return not trial.should_prune()

        return goes_on

    def _take_up(self) -> None:
        """Try again first what a killed run was at."""
        import optuna

        for trial in self.study.get_trials(states=[optuna.trial.TrialState.RUNNING]):
            self.study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
            if trial.params:
                self.study.enqueue_trial(trial.params)

    def _told(self) -> "list[optuna.trial.FrozenTrial]":
        import optuna

        states = [optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED]
        return self.study.get_trials(states=states)

    def _num_finished(self) -> int:
        return len(self._told())


def _study(prepared: Prepared, settings: Settings, folder: Path) -> "optuna.Study":
    """Open the study of this data and of the settings that are not searched."""
    import optuna

    cuts = prepared.plan.cuts
    searched = {key for _, key in SEARCHED}
    key = training_key(
        prepared.sequences.everyone,
        vocabulary=prepared.vocabulary.fingerprint,
        model=settings.model.model_dump(mode="json", exclude=searched),
        training=settings.training.model_dump(mode="json", exclude=searched),
        moments=[cuts.valid_from, cuts.as_of],
    )
    storage = optuna.storages.RDBStorage(f"sqlite:///{folder.absolute() / STUDY_FILE}")
    study = optuna.create_study(
        study_name=key,
        storage=storage,
        load_if_exists=True,
        direction="maximize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_TRIALS_BEFORE_PRUNING),
    )
    # A run that goes on must not draw again what was drawn before.
    seed = settings.training.seed + len(study.get_trials(deepcopy=False))
    study.sampler = optuna.samplers.TPESampler(seed=seed)
    return study


def _suggested(trial: "optuna.Trial", settings: Settings) -> dict[str, Value]:
    """Draw settings: a small space, for each costs a training."""
    drawn: dict[str, Value] = {
        "size": trial.suggest_categorical("size", ["tiny", "small"]),
        "dropout": trial.suggest_float("dropout", 0.0, 0.5, step=0.05),
        "max_length": trial.suggest_categorical("max_length", [20, 50, 100]),
        "learning_rate": trial.suggest_float("learning_rate", 3e-4, 1e-2, log=True),
    }
    if settings.training.loss == "sampled":
        drawn["negatives"] = trial.suggest_categorical("negatives", [128, 512, 2048])
    return drawn


def _values(drawn: Mapping[str, Value], settings: Settings) -> dict[tuple[str, str], Value]:
    """Return drawn values by their places, as a person would write them."""
    present = values_of(settings)
    values = {(stage, key): drawn.get(key, present[stage, key]) for stage, key in SEARCHED}
    return {
        place: float(f"{value:.2g}") if isinstance(value, float) else value
        for place, value in values.items()
    }


def _named(values: Changes) -> dict[str, Json]:
    return {f"{stage}.{key}": value for (stage, key), value in values.items()}
