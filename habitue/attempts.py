"""One network trained to be compared with others, and what each person was told by it.

    comparison/gru.json           a finished attempt, sealed: scores of each person, costs
    comparison/.training/gru/     how far it is, and once finished its state, to go on from

In: prepared data, settings, a rule when to stop. Out: an `Attempt`, the kept one where data,
settings, software and rule are still the same. Knows nothing about choosing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from habitue.checksums import read_sealed, write_sealed
from habitue.compute import Progress
from habitue.config import Settings
from habitue.errors import HabitueError
from habitue.files import Json
from habitue.model.fit import GoesOn, TrainedNetwork
from habitue.model.resume import training_key
from habitue.model.train import train_network
from habitue.model.validation import validation_persons
from habitue.preparing import Prepared

Floats = npt.NDArray[np.floating[Any]]
STATES = ".training"  # a backup leaves such folders out


@dataclass(frozen=True)
class Attempt:
    """A network's quality on each validation person, and what it cost."""

    name: str
    ndcg_each: Sequence[float]  # NDCG@10 at its best epoch, the same persons for every attempt
    recall_each: Sequence[float]
    epochs: int
    best_epoch: int
    events: int  # of all epochs
    seconds: float  # judging after each epoch included
    parameters: int
    is_cut_short: bool  # stopped though another epoch might have gained

    @property
    def ndcg(self) -> float:
        """The mean over persons; 0 where there is nobody to ask."""
        return _mean(self.ndcg_each)

    @property
    def recall(self) -> float:
        """The mean over persons; 0 where there is nobody to ask."""
        return _mean(self.recall_each)

    @property
    def seconds_per_epoch(self) -> float:
        """What an epoch costs."""
        return self.seconds / self.epochs


def make_attempt(
    prepared: Prepared,
    settings: Settings,
    *,
    name: str,
    folder: Path,
    goes_on: GoesOn,
    rule: Json,
    progress: Progress,
) -> Attempt:
    """Train a network with these settings, or return what a former run kept of the same.

    `rule` says in JSON what `goes_on` does: another rule, another attempt.

    Raises:
        NotEnoughData, Failed: as `train_network`.
    """
    cuts = prepared.plan.cuts
    model, training = settings.model, settings.training
    everyone = prepared.sequences.everyone
    key = training_key(
        everyone,
        vocabulary=prepared.vocabulary.fingerprint,
        model=model.model_dump(mode="json"),
        training=training.model_dump(mode="json"),
        moments=[cuts.valid_from, cuts.as_of],
        rule=rule,
    )
    kept = kept_attempt(folder, name, key=key)
    if kept is not None:
        return kept
    state = state_folder(folder, name)
    trained = train_network(
        everyone,
        prepared.vocabulary,
        model=model,
        training=training,
        valid_from=cuts.valid_from,
        as_of=cuts.as_of,
        progress=progress,
        folder=state,
        checkpoint=state,
        goes_on=goes_on,
    )
    persons = validation_persons(
        everyone,
        num_items=prepared.vocabulary.num_items,
        valid_from=cuts.valid_from,
        as_of=cuts.as_of,
        max_length=model.max_length,
    )
    ndcg, recall = persons.measure_each(trained.network)
    made = _attempt(name, trained, ndcg, recall)
    write_sealed(folder / f"{name}.json", {"key": key, **asdict(made)})
    return made


def state_folder(folder: Path, name: str) -> Path:
    """Return where the attempt keeps how far its training is."""
    return folder / STATES / name


def _attempt(name: str, trained: TrainedNetwork, ndcg: Floats, recall: Floats) -> Attempt:
    last = trained.curve[-1]
    return Attempt(
        name=name,
        ndcg_each=[float(value) for value in ndcg],
        recall_each=[float(value) for value in recall],
        epochs=last.epoch,
        best_epoch=trained.best_epoch,
        events=last.events,
        seconds=last.seconds,
        parameters=sum(one.numel() for one in trained.network.model.parameters()),
        is_cut_short=trained.cut_short,
    )


def kept_attempt(folder: Path, name: str, *, key: str | None = None) -> Attempt | None:
    """Return a finished attempt; None where there is none, or it is damaged or of another key."""
    try:
        document: Mapping[str, Any] = read_sealed(folder / f"{name}.json")
    except HabitueError:
        return None
    if key is not None and document.get("key") != key:
        return None
    return Attempt(**{field: value for field, value in document.items() if field != "key"})


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0
