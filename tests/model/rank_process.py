"""One process of a training of several, started by test_ranks.py."""

import os
import sys
from pathlib import Path

from safetensors.torch import save_file

from habitue.compute import Silent
from habitue.config import ModelSettings, TrainingSettings
from habitue.model import fit as fitting
from habitue.model.ranks import joined
from habitue.model.train import train_network
from tests.model.conftest import make_lab

CHANGES: dict[str, dict[str, object]] = {
    "full": {"loss": "full"},
    "sampled": {"negatives": 20, "label_smoothing": 0.1},
    "accumulate": {"loss": "full", "accumulate": 2, "samples": "prefix", "batch_samples": 64},
    "dropout": {"hidden_items": 0.1, "ema": 0.9, "negatives": 20, "crop": 0.3},
}


def train(folder: Path, work: str) -> None:
    """Train a small network and keep what came of it."""
    name, *how = work.split()
    rank = int(os.environ.get("RANK", "0"))
    if how:
        break_off(steps=12)
    lab = make_lab(60)
    training = TrainingSettings(epochs=2, batch_events=512, hidden_items=0).model_copy(
        update=CHANGES[name]
    )
    dropout = 0.2 if name == "dropout" else 0.0
    trained = train_network(
        lab.few,
        lab.vocabulary,
        model=ModelSettings(size="tiny", max_length=20, dropout=dropout),
        training=training,
        valid_from=lab.valid_from,
        as_of=lab.as_of,
        progress=Silent(),
        folder=folder / "network" if rank == 0 else None,
        checkpoint=folder / "checkpoint",
    )
    state = trained.network.model.state_dict()
    save_file(
        {key: value.contiguous() for key, value in state.items()}, folder / f"{rank}.safetensors"
    )


def break_off(steps: int) -> None:
    """Let a training save its state after every step, and end all at once after some."""
    fitting._CHECKPOINT_SECONDS = -1.0
    step, done = fitting.Run._step, list[int]()

    def some_steps(*arguments: object) -> float:
        if len(done) == steps:
            os._exit(9)
        done.append(1)
        return step(*arguments)  # type: ignore[arg-type]

    fitting.Run._step = some_steps  # type: ignore[method-assign, assignment]


if __name__ == "__main__":
    with joined() as ranks:
        if sys.argv[1] == "apart":
            assert ranks is not None
            ranks.check_in_step(0, 7 + ranks.rank)
        train(Path(sys.argv[2]), sys.argv[1])
