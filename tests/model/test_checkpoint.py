import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from habitue.config import TrainingSettings
from habitue.errors import Failed, FileRefused, NotReady
from habitue.model.checkpoint import NETWORK_FILE, load_network, save_network
from habitue.model.fit import TrainedNetwork
from tests.model.conftest import TINY, Lab


@pytest.fixture(scope="module")
def trained(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> TrainedNetwork:
    """Any network: how good it is does not matter here."""
    return lab.train(tmp_path_factory.mktemp("trained"), training=TrainingSettings(epochs=2))


def weights_file(folder: Path) -> Path:
    (found,) = folder.glob("*.safetensors")
    return found


@pytest.mark.parametrize("architecture", ["transformer", "gru"])
def test_a_loaded_network_answers_as_the_saved_one(
    lab: Lab, tmp_path: Path, architecture: str
) -> None:
    model = TINY.model_copy(update={"architecture": architecture})
    trained = lab.train(tmp_path, model=model, training=TrainingSettings(epochs=1))
    save_network(tmp_path, trained)
    loaded = load_network(tmp_path)
    kept = trained.network
    persons, as_of = lab.few, lab.as_of
    assert (loaded.embed(persons, as_of=as_of) == kept.embed(persons, as_of=as_of)).all()
    assert (loaded.scores(persons, as_of=as_of) == kept.scores(persons, as_of=as_of)).all()
    left, right = (net.next_category(persons, as_of=as_of) for net in (loaded, kept))
    assert left.labels == right.labels
    assert (left.values == right.values).all()
    assert loaded.vocabulary_fingerprint == lab.vocabulary.fingerprint


def test_a_second_save_replaces_the_first(
    lab: Lab, trained: TrainedNetwork, tmp_path: Path
) -> None:
    save_network(tmp_path, trained)
    other = lab.train(tmp_path, training=TrainingSettings(epochs=1, seed=3))
    save_network(tmp_path, other)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [NETWORK_FILE, weights_file(tmp_path).name, "training.jsonl"]
    )
    found = load_network(tmp_path).scores(lab.sequences, as_of=lab.as_of)
    np.testing.assert_array_equal(found, other.network.scores(lab.sequences, as_of=lab.as_of))


def test_the_document_tells_how_the_network_came_about(
    trained: TrainedNetwork, tmp_path: Path
) -> None:
    save_network(tmp_path, trained)
    document = json.loads((tmp_path / NETWORK_FILE).read_text())
    assert document["settings"]["architecture"] == "transformer"
    assert document["training"]["seed"] == 0
    assert document["curve"][document["best_epoch"] - 1]["valid_ndcg@10"] > 0


def test_weights_that_are_not_finite_are_not_saved(lab: Lab, tmp_path: Path) -> None:
    trained = lab.train(tmp_path / "run", training=TrainingSettings(epochs=1))
    with torch.no_grad():
        trained.network.model.get_parameter("item_query.weight")[0, 0] = float("nan")
    with pytest.raises(Failed, match=r"weights 'item_query.weight' are not finite"):
        save_network(tmp_path / "out", trained)
    assert not (tmp_path / "out").exists()


def test_no_network_is_not_ready(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match=r"holds no network\. Run `habitue train` first"):
        load_network(tmp_path)


def test_any_flipped_byte_of_the_weights_is_noticed(
    trained: TrainedNetwork, tmp_path: Path
) -> None:
    save_network(tmp_path, trained)
    path = weights_file(tmp_path)
    whole = path.read_bytes()
    for position in (0, 9, len(whole) // 2, len(whole) - 1):
        flipped = bytearray(whole)
        flipped[position] ^= 1
        path.write_bytes(bytes(flipped))
        with pytest.raises(FileRefused, match=r"was damaged: its digest does not fit"):
            load_network(tmp_path)


def test_a_cut_off_document_is_noticed(trained: TrainedNetwork, tmp_path: Path) -> None:
    save_network(tmp_path, trained)
    path = tmp_path / NETWORK_FILE
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(FileRefused, match=r"network\.json was damaged"):
        load_network(tmp_path)


def test_missing_weights_are_noticed(trained: TrainedNetwork, tmp_path: Path) -> None:
    save_network(tmp_path, trained)
    weights_file(tmp_path).unlink()
    with pytest.raises(FileRefused, match=r"network\.json was damaged.*No such file"):
        load_network(tmp_path)


def test_a_newer_format_is_refused(trained: TrainedNetwork, tmp_path: Path) -> None:
    save_network(tmp_path, trained)
    path = tmp_path / NETWORK_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format_version": 99}))
    with pytest.raises(FileRefused, match=r"has format 99; this version reads up to 1"):
        load_network(tmp_path)


def test_weights_are_read_from_the_folder_alone(trained: TrainedNetwork, tmp_path: Path) -> None:
    save_network(tmp_path / "mine", trained)
    save_network(tmp_path / "other", replace(trained, best_epoch=1))
    path = tmp_path / "mine" / NETWORK_FILE
    name = weights_file(tmp_path / "mine").name
    weights_file(tmp_path / "mine").unlink()
    path.write_text(json.dumps(json.loads(path.read_text()) | {"weights": f"../other/{name}"}))
    with pytest.raises(FileRefused, match="was damaged"):
        load_network(tmp_path / "mine")
