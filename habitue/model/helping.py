"""What the first process of a training tells the others, and what these do then.

In: where encoded sequences and vocabulary lie, settings, moments. Out: nothing; the first process
has the network. All of them see the same folders, and only the first one writes.
"""

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import distributed

from habitue.compute import Silent
from habitue.config import ModelSettings, TrainingSettings
from habitue.errors import HabitueError
from habitue.model.ranks import Ranks, joined
from habitue.model.train import train_network
from habitue.sequences.sequences import open_sequences
from habitue.sequences.vocabulary import Vocabulary


@dataclass(frozen=True)
class Work:
    """One training of a network, as `train_network` takes it."""

    sequences: Path
    vocabulary: Path
    checkpoint: Path
    model: ModelSettings
    training: TrainingSettings
    valid_from: int
    as_of: int

    def as_json(self) -> bytes:
        """Return it as it travels."""
        told = {
            "sequences": str(self.sequences.resolve()),
            "vocabulary": str(self.vocabulary.resolve()),
            "checkpoint": str(self.checkpoint.resolve()),
            # What nobody set is left to the log there as here.
            "model": self.model.model_dump(mode="json", exclude_unset=True),
            "training": self.training.model_dump(mode="json", exclude_unset=True),
            "valid_from": self.valid_from,
            "as_of": self.as_of,
        }
        return json.dumps(told).encode()

    @staticmethod
    def from_json(told: bytes) -> "Work":
        """Return what `as_json` gave."""
        found = json.loads(told)
        return Work(
            sequences=Path(found["sequences"]),
            vocabulary=Path(found["vocabulary"]),
            checkpoint=Path(found["checkpoint"]),
            model=ModelSettings.model_validate(found["model"]),
            training=TrainingSettings.model_validate(found["training"]),
            valid_from=found["valid_from"],
            as_of=found["as_of"],
        )


def hand_out(work: Work | None) -> None:
    """Tell the other processes, where there are any, what to train next; None: nothing more."""
    if Ranks.current() is not None:
        _broadcast(work.as_json() if work else b"")


def help_out() -> None:
    """Take part in trainings until there is nothing more to train.

    What fails for all is told by the first process.

    Raises:
        SystemExit: the first process is gone.
    """
    with joined():
        while told := _wait():
            with suppress(HabitueError):
                _train(Work.from_json(told))


def _train(work: Work) -> None:
    train_network(
        open_sequences(work.sequences).everyone,
        Vocabulary.load(work.vocabulary),
        model=work.model,
        training=work.training,
        valid_from=work.valid_from,
        as_of=work.as_of,
        progress=Silent(),
        folder=None,
        checkpoint=work.checkpoint,
    )


def _wait() -> bytes:
    try:
        return _broadcast(b"")
    except RuntimeError as error:  # the connection broke: the first one failed, and said why
        raise SystemExit(1) from error


def _broadcast(told: bytes) -> bytes:
    """Return what the first process tells."""
    length = torch.tensor([len(told)])
    distributed.broadcast(length, src=0)
    sent = torch.zeros(int(length), dtype=torch.uint8)
    if told:
        sent = torch.from_numpy(np.frombuffer(told, dtype=np.uint8).copy())
    if len(sent):
        distributed.broadcast(sent, src=0)
    return sent.numpy().tobytes()
