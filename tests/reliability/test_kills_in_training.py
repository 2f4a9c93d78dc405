"""A training is killed again and again; its weights are those of one that nobody killed."""

import json
import random
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from habitue.checksums import file_digest
from habitue.files import leftovers_in
from habitue.versions import Versions
from tests.golden.make_shop import restored
from tests.model.conftest import make_lab
from tests.reliability.counts import FIT_KILLS, TRAIN_KILLS
from tests.reliability.verbs import judged, left_over, make_place, state_of
from tests.reliability.victims import Order, Victims

pytestmark = pytest.mark.slow


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
    while kills < FIT_KILLS.now or finished < 2:
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


def test_a_training_that_forgets_its_optimiser_ends_with_other_weights(
    victims: Victims, template: Path, tmp_path: Path
) -> None:
    """The control: what is not kept from step to step is missed at the end."""
    ends: list[tuple[str, int]] = []
    for name, is_killed in (("whole", False), ("killed", True)):
        folder = tmp_path / name
        shutil.copytree(template, folder)
        order = Order("fit", str(folder / "models"), str(folder))
        if is_killed:
            operations = ends[0][1]
            assert victims.run(replace(order, kill_at=operations // 3)).is_killed
        end = victims.run(replace(order, unguarded=is_killed))
        assert end.done
        ends.append((weights_of(folder / "models" / "network"), end.operations))
    assert ends[0][0] != ends[1][0]


def test_a_version_trained_in_pieces_is_that_of_one_go(victims: Victims, tmp_path: Path) -> None:
    """Every file of it, from the vocabulary to the tasks."""
    whole, old = make_place(tmp_path / "whole"), state_of(make_place(tmp_path / "old"))
    order = Order("train", str(whole), str(whole))
    operations = victims.run(order).operations
    new = state_of(whole)
    rng = random.Random(0)
    kills = finished = 0
    while kills < TRAIN_KILLS.now:
        place = make_place(tmp_path / f"killed{finished}")
        judgement = "old"
        while judgement == "old":
            at = rng.randint(operations // 4, operations)
            order = Order("train", str(place), str(place), at, is_torn=rng.random() < 0.4)
            end = victims.run(order)
            assert end.error == ""
            kills += end.is_killed
            judgement = judged(place, old, new)
            assert judgement in (("new",) if end.done else ("old", "new"))
        if end.done:
            assert left_over(place) == []
        assert lasting(place) == lasting(whole)
        finished += 1


def lasting(place: Path) -> dict[str, bytes]:
    """Return the files of the version that answers, but for what tells of hours and seconds."""
    versions = Versions(place / "shop" / "models")
    folder = versions.path(versions.answering())
    passing = ("card.json", "checksums.json", "network.json", "training.jsonl")
    found = (path for path in sorted(folder.rglob("*.*")) if path.name not in passing)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def train(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "habitue", "train", "-w", str(folder), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_verb_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    shop = restored(tmp_path / "whole")
    shutil.rmtree(shop.folder / "models")
    with (shop.folder / "habitue.toml").open("a") as settings:
        settings.write('\n[model]\nsize = "tiny"\n[training]\nepochs = 3\n')
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
