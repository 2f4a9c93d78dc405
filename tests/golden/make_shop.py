"""Makes `shop-N.tar.zst`, a backup of a small shop, and `shop-N.json`, what it answers.

Run once for each form of model versions, with the release that writes it:

    python -m tests.golden.make_shop

The network's weights follow a pattern: what they say matters to nobody, and the file stays small.
"""

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import torch

from habitue import training
from habitue.answering import Version
from habitue.baselines import rfm
from habitue.baselines.boosting import Floats, Objective, Trees, fit_trees
from habitue.files import Json
from habitue.model.checkpoint import save_network
from habitue.model.fit import TrainedNetwork
from habitue.profiles import scorer
from habitue.versions import VERSION_FORMAT
from habitue.workspace import Workspace
from tests.shop import make_shop, write_csv

GOLDEN = Path(__file__).parent
FEW = 6  # trees
QUICK: Mapping[str, Mapping[str, object]] = {
    "model": {"size": "tiny", "max_length": 8},
    "training": {"epochs": 1, "min_item_count": 1},
}


def restored(folder: Path, number: int = VERSION_FORMAT) -> Workspace:
    """Return the shop of format `number`, made in `folder` from its backup."""
    shop = Workspace(folder)
    shop.restore(GOLDEN / f"shop-{number}.tar.zst")
    return shop


def answers(shop: Workspace) -> dict[str, Json]:
    """Return what every part of the shop's version says, and its log."""
    version = Version.open(shop.folder / "models" / "0001")
    frame, items = shop.log.read_bucket(0), shop.log.items()
    scored = version.score(frame, items, as_of=version.card.trained_until)
    embedded = version.network.embed(scored.sequences, as_of=scored.as_of)
    return {
        "fingerprint": shop.store.fingerprint,
        "popular": [[one.item_id, one.score] for one in shop.popular(k=5).items],
        "similar": [[one.item_id, one.score] for one in shop.similar("P003", k=5).items],
        "weights": list(version.blend.weights),
        "next": {name: found.chances[0].tolist() for name, found in scored.next_answers.items()},
        "chances": {name: found.score.tolist() for name, found in scored.predictions.items()},
        "embedding": embedded[0].tolist(),
    }


def save_pattern(folder: Path, trained: TrainedNetwork) -> None:
    """Save a network whose weights repeat, and so pack well."""
    with torch.no_grad():
        for value in trained.network.model.state_dict().values():
            if value.is_floating_point():
                wave = torch.sin(torch.arange(value.numel()) % 61) / 4
                value.copy_(wave.view(value.shape))
    save_network(folder, trained)


def fit_few_trees(
    columns_NF: Floats, label_N: Floats, *, objective: Objective, seed: int, rounds: int
) -> Trees:
    return fit_trees(columns_NF, label_N, objective=objective, seed=seed, rounds=min(rounds, FEW))


@contextmanager
def few_trees() -> Iterator[None]:
    """Let a training be over soon, and its version be small."""
    with (
        mock.patch.object(scorer, "_ROUNDS_TRIED", (FEW,)),
        mock.patch.object(scorer, "fit_trees", fit_few_trees),
        mock.patch.object(rfm, "fit_trees", fit_few_trees),
    ):
        yield


def make(folder: Path) -> None:
    raw = write_csv(make_shop(num_persons=30, days=120), folder / "log.csv")
    shop = Workspace(folder / "shop", settings=QUICK)
    shop.init([raw])
    with (shop.folder / "habitue.toml").open("a") as settings:
        settings.write("\n[store]\nbuckets = 2\n")
    shop.ingest(raw)
    with few_trees(), mock.patch.object(training, "save_network", save_pattern):
        shop.train()
    shop.refresh()
    shop.evaluate()
    shop.backup(out=GOLDEN / f"shop-{VERSION_FORMAT}.tar.zst")
    text = json.dumps(answers(shop), ensure_ascii=False)
    (GOLDEN / f"shop-{VERSION_FORMAT}.json").write_text(text + "\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        make(Path(name))
