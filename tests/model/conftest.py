"""One small trained network over the made-up shop, shared by the tests of this folder."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from habitue.compute import Silent
from habitue.config import ModelSettings, TrainingSettings
from habitue.model.fit import TrainedNetwork
from habitue.model.train import train_network
from habitue.model.validation import Validation, validation_persons
from habitue.schema import DAY
from habitue.sequences.encoder import encode
from habitue.sequences.sequences import Sequences
from habitue.sequences.vocabulary import Vocabulary, build_vocabulary
from tests.shop import MemoryLog, Shop, make_shop

VALID_DAYS, CUT_DAYS = 180, 200
TINY = ModelSettings(size="tiny", max_length=20)


@dataclass(frozen=True)
class Lab:
    """The shop, encoded as of its cut, and what training needs."""

    shop: Shop
    vocabulary: Vocabulary
    sequences: Sequences
    valid_from: int
    as_of: int

    @property
    def few(self) -> Sequences:
        """Enough persons where only the mechanism counts."""
        return self.sequences.slice(0, 40)

    def validation(self, sequences: Sequences | None = None) -> Validation:
        return validation_persons(
            self.sequences if sequences is None else sequences,
            num_items=self.vocabulary.num_items,
            valid_from=self.valid_from,
            as_of=self.as_of,
            max_length=TINY.max_length,
        )

    def train(
        self,
        folder: Path,
        *,
        model: ModelSettings = TINY,
        training: TrainingSettings | None = None,
        sequences: Sequences | None = None,
    ) -> TrainedNetwork:
        return train_network(
            self.few if sequences is None else sequences,
            self.vocabulary,
            model=model,
            training=training or TrainingSettings(epochs=2),
            valid_from=self.valid_from,
            as_of=self.as_of,
            progress=Silent(),
            folder=folder,
        )


def make_lab(num_persons: int) -> Lab:
    shop = make_shop(num_persons=num_persons)
    as_of = shop.start_at + CUT_DAYS * DAY
    vocabulary = build_vocabulary(
        MemoryLog(shop), as_of=as_of, settings=TrainingSettings(), progress=Silent()
    )
    past = shop.events.filter(pl.col("timestamp") < as_of)
    sequences = encode(past, shop.items, vocabulary)
    return Lab(shop, vocabulary, sequences, shop.start_at + VALID_DAYS * DAY, as_of)


@pytest.fixture(scope="session")
def lab() -> Lab:
    return make_lab(160)


@pytest.fixture(scope="session")
def trained(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> TrainedNetwork:
    """A network as the defaults train it, but that it stops sooner."""
    training = TrainingSettings(epochs=12)
    folder = tmp_path_factory.mktemp("trained")
    return lab.train(folder, training=training, sequences=lab.sequences)
