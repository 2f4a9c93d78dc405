"""A shop's network as it was learnt before one moment, for benchmarks that only need embeddings.

In: a shop that was read, a cut, a seed. Out: vocabulary and network, trained now or earlier: they
are kept beside the shop. Nothing at or after the cut is read.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from shops import opened
from simulated_tasks import made_shop

from habitue.answering import Embedder
from habitue.compute import Silent
from habitue.config import Settings
from habitue.events.log import EventLog
from habitue.events.store import EventStore
from habitue.files import write_json
from habitue.model.checkpoint import load_network, save_network
from habitue.model.inference import Network
from habitue.model.train import train_network
from habitue.preparing import prepare
from habitue.schema import parse_time
from habitue.sequences.vocabulary import Vocabulary

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Learnt:
    """What was learnt of a log before `cut`."""

    log: EventLog
    cut: int
    vocabulary: Vocabulary
    network: Network

    def embed(self, subject_ids: npt.NDArray[np.int64], *, as_of: int, bucket: int) -> Floats:
        """Return float32 [N, D] of persons of a bucket."""
        return Embedder(self.log, self.vocabulary, self.network)(
            subject_ids, as_of=as_of, bucket=bucket
        )


def store_of(shop: str, work: Path) -> EventStore:
    """Return the log of a shop, read now or earlier."""
    return (
        made_shop(work) if shop == "simulator" else EventStore(opened(shop, work).folder / "store")
    )


def learnt(shop: str, cut: str, *, seed: int, work: Path) -> Learnt:
    """Return the network of a shop as of a cut, trained now or earlier."""
    log, at = store_of(shop, work), parse_time(cut)
    folder = work / "networks" / f"{shop}-{cut[:10]}-{seed}"
    if not (folder / "done.json").exists():
        _train(log, at, seed=seed, folder=folder)
    return Learnt(log, at, Vocabulary.load(folder / "vocabulary"), load_network(folder / "network"))


def _train(log: EventStore, cut: int, *, seed: int, folder: Path) -> None:
    settings = Settings()
    settings = settings.model_copy(
        update={"training": settings.training.model_copy(update={"seed": seed, "device": "cpu"})}
    )
    with tempfile.TemporaryDirectory() as encoded:
        prepared = prepare(
            log,
            settings,
            as_of=cut,
            folder=Path(encoded),
            store=log.folder,
            progress=Silent(),
        )
        trained = train_network(
            prepared.sequences.everyone,
            prepared.vocabulary,
            model=settings.model,
            training=settings.training,
            valid_from=prepared.plan.cuts.valid_from,
            as_of=prepared.plan.cuts.as_of,
            progress=Silent(),
            folder=folder / "network",
        )
        prepared.vocabulary.save(folder / "vocabulary")
        save_network(folder / "network", trained)
    write_json(
        folder / "done.json",
        {
            "epochs": len(trained.curve),
            "valid_ndcg": max(line.valid_ndcg for line in trained.curve),
            "learnt_before": prepared.plan.cuts.as_of,
        },
    )
