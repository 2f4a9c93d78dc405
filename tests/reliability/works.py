"""What victims do: an ingest, a training; and how each is done without its guard."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from unittest import mock

import torch._dynamo  # noqa: F401 — the first optimiser imports it: once here, not in each fork

from habitue import files
from habitue.compute import Silent
from habitue.config import ModelSettings, TrainingSettings
from habitue.events import compaction
from habitue.model import train
from habitue.model.checkpoint import save_network
from habitue.sequences.sequences import open_sequences
from habitue.sequences.vocabulary import Vocabulary
from tests.reliability.shop_files import ingest, retry


@contextmanager
def in_place(path: Path) -> Iterator[Path]:
    """What `files.replacing` guards from: the file is written where it stands."""
    path.parent.mkdir(parents=True, exist_ok=True)
    yield path


def ingest_files(argument: str, unguarded: bool) -> None:
    """`argument`: the store's folder, then the files."""
    store, *given = json.loads(argument)
    # Parts are laid together at nearly every ingest.
    with mock.patch.object(compaction, "MOST_PARTS", 2):
        if unguarded:
            with mock.patch.object(files, "replacing", in_place):
                ingest(Path(store), [Path(path) for path in given])
        else:
            ingest(Path(store), [Path(path) for path in given])


def retry_files(argument: str, unguarded: bool) -> None:
    """`argument`: the store's folder."""
    with mock.patch.object(files, "replacing", in_place) if unguarded else nullcontext():
        retry(Path(argument))


def fit_network(argument: str, unguarded: bool) -> None:
    """`argument`: the folder of a lab; see `test_kills_in_training`."""
    lab = Path(argument)
    cuts = json.loads((lab / "cuts.json").read_text())
    with mock.patch.object(train, "_CHECKPOINT_SECONDS", -1.0):
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


WORKS: dict[str, Callable[[str, bool], None]] = {
    "ingest": ingest_files,
    "retry": retry_files,
    "fit": fit_network,
}
