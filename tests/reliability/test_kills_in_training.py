"""A training is killed 20 times and more; its weights are those of one that nobody killed."""

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from habitue.checksums import file_digest
from habitue.files import leftovers_in
from habitue.workspace import Workspace
from tests.model.conftest import make_lab
from tests.reliability.victims import Order, Victims
from tests.shop import make_shop, write_csv

KILLS = 20
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def victims() -> Iterator[Victims]:
    with Victims() as started:
        yield started


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that a training of the network needs."""
    folder = tmp_path_factory.mktemp("lab")
    lab = make_lab(60)
    lab.sequences.slice(0, 12).save(folder / "sequences")
    lab.vocabulary.save(folder / "vocabulary")
    cuts = {"valid_from": lab.valid_from, "as_of": lab.as_of}
    (folder / "cuts.json").write_text(json.dumps(cuts))
    return folder


def weights_of(network: Path) -> str:
    (path,) = network.glob("*.safetensors")
    return file_digest(path)


def test_a_network_killed_again_and_again_ends_with_the_same_weights(
    victims: Victims, template: Path, tmp_path: Path
) -> None:
    def place(name: str) -> tuple[Path, Order]:
        folder = tmp_path / name
        shutil.copytree(template, folder)
        return folder / "models", Order("fit", str(folder / "models"), str(folder))

    models, order = place("whole")
    whole = victims.run(order)
    assert whole.done
    rng = random.Random(0)
    kills = finished = 0
    while kills < KILLS or finished < 2:
        folder, order = place(f"killed{finished}")
        done = False
        while not done:
            # In a few pieces: each victim gets on for a while before it is killed.
            at = rng.randint(1, whole.operations // 3)
            order = Order("fit", order.folder, order.argument, at, is_torn=rng.random() < 0.4)
            end = victims.run(order)
            assert end.error == ""
            kills += end.is_killed
            done = end.done
        assert weights_of(folder / "network") == weights_of(models / "network")
        assert not [path for path in (folder / ".training").iterdir() if path.suffix == ".tmp"]
        assert len(list((folder / ".training").glob("state-*"))) == 1
        finished += 1


def train(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "habitue", "train", "-w", str(folder), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_verb_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    raw = write_csv(make_shop(num_persons=60, days=200), tmp_path / "log.csv")
    shop = Workspace(tmp_path / "whole")
    shop.init([raw])
    with (shop.folder / "habitue.toml").open("a") as settings:
        settings.write('\n[model]\nsize = "tiny"\n[training]\nepochs = 3\n')
    shop.ingest(raw)
    shutil.copytree(shop.folder, tmp_path / "killed")
    models = tmp_path / "killed" / "models"
    with train(tmp_path / "killed") as doomed:
        while not (models / ".training" / "progress.json").exists():
            assert doomed.poll() is None
        doomed.kill()
    left = leftovers_in(models)
    assert len(left) == 1
    ends = []
    for folder in (tmp_path / "killed", shop.folder):
        with train(folder) as unharmed:
            out, told = unharmed.communicate()
        ends.append((json.loads(out), told))
    (resumed, told), (whole, _) = ends
    assert "going on from epoch" in told
    assert any("Went on from epoch" in note for note in resumed["notes"])
    assert resumed["model_version"] == whole["model_version"] == "0001"
    assert resumed["validation"] == whole["validation"]
    assert weights_of(models / "0001" / "network") == weights_of(
        shop.folder / "models" / "0001" / "network"
    )
    assert sorted(path.name for path in models.iterdir()) == [
        "0001",
        "published.json",
        "writer.lock",
    ]
