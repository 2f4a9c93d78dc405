"""Networks as contenders: trained on the training part, their weights kept beside the results.

Comes in: a trial and a kind of network. Goes out: a built network. All kinds share one trainer,
one loss and one budget. Knows nothing about how results are kept.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from habitue.baselines.item_histories import ItemHistories
from habitue.baselines.next_item import Floats, ScoreKind
from habitue.benchmarks.contenders import Built
from habitue.benchmarks.protocols import Trial
from habitue.benchmarks.ranking import measures, ranks
from habitue.compute import Progress, Silent
from habitue.errors import UnknownName, nearest
from habitue.files import Json, write_bytes

if TYPE_CHECKING:
    from habitue.config import ModelSettings, TrainingSettings
    from habitue.model.plain_sequences import PlainNetwork

FLAGSHIP: Final = "flagship"
NONE: Final = "none"  # no network at all
ARCHITECTURES: Final = (FLAGSHIP, "transformer", "sasrec", "gru", "lstm", "cnn")


def check_architecture(name: str) -> None:
    """Refuse a kind of network that nobody knows.

    Raises:
        UnknownName: the name is none of `ARCHITECTURES`, nor `none`.
    """
    known = (*ARCHITECTURES, NONE)
    if name not in known:
        raise UnknownName(
            f"There is no architecture '{name}'.{nearest(name, known)}",
            fix=f"Take one of: {', '.join(known)}.",
            code="unknown_architecture",
        )


@dataclass(frozen=True)
class AskedNetwork:
    """A trained network, asked as the counting models are."""

    network: "PlainNetwork"
    kind: ScoreKind = "logit"

    def scores(self, histories: ItemHistories) -> Floats:
        """Return the logarithms of probabilities, up to a constant a row, [N, num_items]."""
        return self.network.scores(numbered_from_one(histories))


@dataclass(frozen=True)
class Networked:
    """A network of one kind with one seed."""

    architecture: str
    seed: int
    model: "ModelSettings"
    training: "TrainingSettings"
    weights: Path  # the folder where weights are kept
    reads_attributes: bool = True

    @classmethod
    def of(cls, architecture: str, seed: int, trial: Trial, weights: Path) -> "Networked":
        """Return the network as it is trained on data of this kind and size.

        Where people repeat, as within sessions, it may point at the past, and what comes next is
        what came next: no later items, less dropout, as in such a shop.
        """
        from habitue.model.plain_sequences import PLAIN_MODEL, PLAIN_TRAINING
        from habitue.model.recipe import (
            WIDTH_WITHOUT_REPEATS,
            settled_model_by,
            without_repeats,
        )
        from habitue.sequences.repeating import LEAST_REPEATS

        change: dict[str, object] = {"width": WIDTH_WITHOUT_REPEATS}
        if architecture != FLAGSHIP:  # of the width that papers give them
            change = {"architecture": architecture}
        if architecture == "sasrec":  # as it was published
            change["high_pass"] = 0.0
        targets = int((trial.training.lengths - 1).clip(0).sum())
        learning = without_repeats(num_targets=targets, num_items=trial.num_items) | {"seed": seed}
        model = PLAIN_MODEL.model_copy(update=change)
        may_repeat = trial.validation.hidden is None
        if may_repeat and (share := trial.training.repeat_share()) >= LEAST_REPEATS:
            left_open = dict.fromkeys(("repeats", "dropout", "high_pass")) | {"width": 0}
            model = settled_model_by(model.model_copy(update=left_open), share)
            learning |= {"later_items": 0.0}
        training = PLAIN_TRAINING.model_copy(update=learning)
        return cls(architecture, seed, model, training, weights)

    @property
    def name(self) -> str:
        """The kind of network."""
        return self.architecture

    @property
    def recipe(self) -> Mapping[str, Json]:
        """Its shape and how it learns."""
        return {"model": self.model.model_dump(), "training": self.training.model_dump()}

    def filled(self, recipe: Json) -> Json:
        """Return a kept recipe as these settings would tell it today; what is none, as it is."""
        from habitue.config import ModelSettings, TrainingSettings

        try:
            assert isinstance(recipe, dict)
            model = ModelSettings.model_validate(recipe["model"])
            training = TrainingSettings.model_validate(recipe["training"])
        except (AssertionError, KeyError, ValueError):
            return recipe
        return {"model": model.model_dump(), "training": training.model_dump()}

    def build(self, trial: Trial, progress: Progress) -> Built:
        """Train it, the epoch chosen on validation, and keep its weights."""
        from habitue.model.plain_sequences import train_on_sequences, weights_of

        began = time.monotonic()
        trained = train_on_sequences(
            numbered_from_one(trial.training),
            num_items=trial.num_items,
            attributes=_attributes(trial),
            model=self.model,
            training=self.training,
            validation=(trial.validation_items + 1).astype(np.int32),
            filter_seen=trial.validation.hidden is not None,
            progress=progress,
        )
        seconds = time.monotonic() - began
        write_bytes(self._path, weights_of(trained))
        asked = AskedNetwork(trained)
        found = ranks(asked, trial.validation, num_items=trial.num_items, progress=Silent())
        report = trained.report
        return Built(
            known=asked,
            final=asked,
            chosen={
                "epochs": report.epochs,
                "best_epoch": report.best_epoch,
                "parameters": report.parameters,
            },
            validation=measures(found, trial.metrics),
            seconds=round(seconds, 1),
            targets_per_second=round(report.targets_per_second, 1),
        )

    def rebuild(self, trial: Trial, chosen: Mapping[str, Json], progress: Progress) -> Built:
        """Take the weights that were kept; train again where they are gone or damaged."""
        from habitue.model.plain_sequences import network_with_weights

        with suppress(OSError, ValueError, RuntimeError):
            network = network_with_weights(
                self._path.read_bytes(),
                num_items=trial.num_items,
                attributes=_attributes(trial),
                model=self.model,
            )
            asked = AskedNetwork(network)
            return Built(asked, asked, chosen, {}, 0.0, 0.0)
        return self.build(trial, progress)

    @property
    def _path(self) -> Path:
        return self.weights / f"{self.architecture}-{self.seed}.safetensors"


def numbered_from_one(histories: ItemHistories) -> list[npt.NDArray[np.int32]]:
    """Return one array a person, of columns plus 1."""
    return np.split(histories.items + np.int32(1), histories.offsets[1:-1])


def _attributes(trial: Trial) -> list[npt.NDArray[np.int32]] | None:
    return None if trial.attributes is None else numbered_from_one(trial.attributes)
