"""A training that was broken off goes on, and ends as one that was not."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from habitue.compute import Silent
from habitue.config import TrainingSettings
from habitue.model import fit as fitting
from habitue.model.fit import TrainedNetwork
from habitue.model.resume import PROGRESS_FILE, Checkpoint, TrainingState, training_key
from habitue.model.train import CURVE_FILE, train_network
from tests.model.conftest import TINY, Lab

SETTINGS = TrainingSettings(epochs=3, batch_events=512, ema=0.9)


class BrokenOff(BaseException):
    """What happens to a killed process: nothing more."""


class Told(Silent):
    def __init__(self) -> None:
        self.labels: list[str] = []
        self.amount = 0

    def start(self, label: str, total: int | None, unit: str) -> None:
        self.labels.append(label)

    def advance(self, amount: int = 1, note: str = "") -> None:
        self.amount += amount


def fit(
    lab: Lab,
    folder: Path,
    *,
    training: TrainingSettings = SETTINGS,
    told: Told | None = None,
) -> TrainedNetwork:
    return train_network(
        lab.few,
        lab.vocabulary,
        model=TINY,
        training=training,
        valid_from=lab.valid_from,
        as_of=lab.as_of,
        progress=told or Told(),
        folder=folder / "network",
        checkpoint=folder / "checkpoint",
    )


def break_off_after(patch: pytest.MonkeyPatch, steps: int) -> None:
    done = 0
    step = fitting.Run._step

    def some_steps(*arguments: object) -> float:
        nonlocal done
        if done == steps:
            raise BrokenOff
        done += 1
        return step(*arguments)  # type: ignore[arg-type]

    patch.setattr(fitting.Run, "_step", some_steps)


def weights(trained: TrainedNetwork) -> dict[str, torch.Tensor]:
    return trained.network.model.state_dict()


def equal(left: TrainedNetwork, right: TrainedNetwork) -> bool:
    same = (torch.equal(value, weights(right)[name]) for name, value in weights(left).items())
    return all(same)


def without_seconds(trained: TrainedNetwork) -> list[dict[str, float]]:
    return [{k: v for k, v in line.as_json().items() if k != "seconds"} for line in trained.curve]


@pytest.fixture(scope="module")
def whole(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> TrainedNetwork:
    return lab.train(tmp_path_factory.mktemp("whole"), training=SETTINGS)


@pytest.fixture(scope="module")
def finished(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that came to its end, with the state that it kept."""
    folder = tmp_path_factory.mktemp("finished")
    fit(lab, folder)
    return folder


@pytest.fixture
def kept(finished: Path, tmp_path: Path) -> Path:
    return shutil.copytree(finished, tmp_path / "kept")


@pytest.mark.parametrize("every_step", [True, False])
@pytest.mark.parametrize(
    "share", [pytest.param(share, marks=pytest.mark.slow) for share in (0.05, 0.7)] + [0.4, 0.95]
)
def test_a_training_broken_off_anywhere_ends_with_the_same_weights(
    lab: Lab,
    whole: TrainedNetwork,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    share: float,
    every_step: bool,
) -> None:
    if every_step:
        monkeypatch.setattr(fitting, "_CHECKPOINT_SECONDS", -1.0)
    with monkeypatch.context() as patch, pytest.raises(BrokenOff):
        break_off_after(patch, round(share * whole.curve[-1].step))
        fit(lab, tmp_path)
    told = Told()
    resumed = fit(lab, tmp_path, told=told)
    assert equal(resumed, whole)
    assert without_seconds(resumed) == without_seconds(whole)
    lines = (tmp_path / "network" / CURVE_FILE).read_text().splitlines()
    assert [json.loads(line) for line in lines] == [line.as_json() for line in resumed.curve]
    assert told.amount == whole.curve[-1].events
    is_told = told.labels[0].startswith("Training, going on from epoch")
    assert is_told == (resumed.went_on_from > 0) == (every_step or share > 0.34)


def test_a_finished_training_is_not_trained_again(
    lab: Lab, whole: TrainedNetwork, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_off_after(monkeypatch, 0)
    assert equal(fit(lab, kept), whole)


@pytest.mark.slow
@pytest.mark.parametrize("forgotten", ["random", "masks", "optimizer", "average", "losses", "rng"])
def test_what_is_kept_is_needed(
    lab: Lab,
    whole: TrainedNetwork,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    forgotten: str,
) -> None:
    """The control: with anything of the state forgotten, the weights are others."""
    monkeypatch.setattr(fitting, "_CHECKPOINT_SECONDS", -1.0)
    with monkeypatch.context() as patch, pytest.raises(BrokenOff):
        break_off_after(patch, whole.curve[0].step + 2)
        fit(lab, tmp_path)
    load = Checkpoint.load

    def forgetful(checkpoint: Checkpoint) -> TrainingState | None:
        state = load(checkpoint)
        assert state is not None
        numbers, tensors = dict(state.numbers), dict(state.tensors)
        if forgotten in ("random", "masks"):
            tensors[forgotten] = torch.Generator().manual_seed(7).get_state()
        elif forgotten == "losses":
            tensors["losses"] = torch.zeros(0, dtype=torch.float64)
        elif forgotten == "rng":
            numbers["rng"]["state"]["state"] += 1
        elif forgotten == "average":
            tensors |= {n: t + 1 for n, t in tensors.items() if n.startswith("average.")}
        else:
            tensors = {n: t for n, t in tensors.items() if not n.startswith("optimizer.")}
        return TrainingState(numbers, tensors)

    monkeypatch.setattr(Checkpoint, "load", forgetful)
    assert not equal(fit(lab, tmp_path), whole)


def test_another_training_does_not_go_on_from_it(lab: Lab, kept: Path) -> None:
    other = SETTINGS.model_copy(update={"seed": 1})
    told = Told()
    assert fit(lab, kept, training=other, told=told).went_on_from == 0
    assert told.labels == ["Training"]


def test_the_key_is_of_data_settings_and_threads(lab: Lab) -> None:
    keys = {
        training_key(lab.few, seed=0),
        training_key(lab.few, seed=1),
        training_key(lab.sequences.slice(0, 41), seed=0),
        training_key(lab.few.before(lab.valid_from), seed=0),
    }
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(threads + 1)
        keys.add(training_key(lab.few, seed=0))
    finally:
        torch.set_num_threads(threads)
    assert len(keys) == 5
    assert training_key(lab.few, seed=0) in keys


def spoil_json(folder: Path) -> None:
    path = folder / PROGRESS_FILE
    path.write_bytes(path.read_bytes().replace(b'"step": ', b'"step": 1'))


def cut_tensors(folder: Path) -> None:
    (path,) = folder.glob("*.safetensors")
    path.write_bytes(path.read_bytes()[:-1])


def lose_tensors(folder: Path) -> None:
    (path,) = folder.glob("*.safetensors")
    path.unlink()


@pytest.mark.parametrize("spoil", [spoil_json, cut_tensors, lose_tensors])
def test_a_damaged_state_is_left_alone_and_training_begins_anew(
    lab: Lab, whole: TrainedNetwork, kept: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(kept / "checkpoint")
    again = fit(lab, kept)
    assert again.went_on_from == 0
    assert equal(again, whole)


def test_a_state_replaces_the_one_before(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path, "key")
    assert checkpoint.load() is None
    for number in (1, 2):
        checkpoint.save(TrainingState({"n": number}, {"t": torch.full((2,), float(number))}))
    state = checkpoint.load()
    assert state is not None
    assert (state.numbers["n"], state.tensors["t"].tolist()) == (2, [2.0, 2.0])
    assert len(list(tmp_path.iterdir())) == 2
    assert Checkpoint(tmp_path, "other").load() is None
