"""What victims do: an ingest, the training of a network, and every verb that writes."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from unittest import mock

import lightgbm  # noqa: F401 — imported once here, not in each fork, like what follows
import torch._dynamo  # noqa: F401 — the first optimiser imports it

import habitue.judging
import habitue.results
import habitue.training  # noqa: F401
from habitue.compute import Silent
from habitue.config import ModelSettings, TrainingSettings
from habitue.events import compaction
from habitue.model import fit, train
from habitue.model.checkpoint import save_network
from habitue.sequences.sequences import open_sequences
from habitue.sequences.vocabulary import Vocabulary
from tests.reliability.shop_files import ingest, retry
from tests.reliability.verbs import TRAIN, VERBS


def ingest_files(argument: str) -> None:
    """`argument`: the store's folder, then the files."""
    store, *given = json.loads(argument)
    # Parts are laid together at nearly every ingest.
    with mock.patch.object(compaction, "MOST_PARTS", 2):
        ingest(Path(store), [Path(path) for path in given])


def retry_files(argument: str) -> None:
    """`argument`: the store's folder."""
    retry(Path(argument))


def fit_network(argument: str) -> None:
    """`argument`: the folder of a lab; see `test_kills_in_training`."""
    lab = Path(argument)
    cuts = json.loads((lab / "cuts.json").read_text())
    with mock.patch.object(fit, "_CHECKPOINT_SECONDS", -1.0):
        trained = train.train_network(
            open_sequences(lab / "sequences").everyone,
            Vocabulary.load(lab / "vocabulary"),
            model=ModelSettings(size="tiny", max_length=20),
            training=TrainingSettings(epochs=3),
            valid_from=cuts["valid_from"],
            as_of=cuts["as_of"],
            progress=Silent(),
            folder=lab / "models" / "network",
            checkpoint=lab / "models" / ".training",
        )
    save_network(lab / "models" / "network", trained)


def done_in_a_place(verb: Callable[[Path], object], argument: str) -> None:
    """`argument`: the place; see `verbs`."""
    with mock.patch.object(fit, "_CHECKPOINT_SECONDS", -1.0):
        verb(Path(argument))


WORKS: dict[str, Callable[[str], object]] = {
    "ingest": ingest_files,
    "retry": retry_files,
    "fit": fit_network,
    **{name: partial(done_in_a_place, verb) for name, verb in (VERBS | TRAIN).items()},
}
