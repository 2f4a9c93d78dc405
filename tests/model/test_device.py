"""Where a network learns: the settings, the way of tensors to a GPU, and what comes back."""

from pathlib import Path

import numpy as np
import pytest
import torch

from habitue.compute import Silent
from habitue.config import Loss, ModelSettings, Samples, TrainingSettings
from habitue.errors import Refused
from habitue.model import device as places
from habitue.model import fit as fitting
from habitue.model.device import CPU, chosen_device, random_state, sent, set_random_state
from habitue.model.fit import TrainedNetwork
from habitue.model.plain_sequences import train_on_sequences
from habitue.model.resume import Checkpoint, TrainingState
from habitue.model.train import train_network
from habitue.sequences.batches import Windows, collate
from tests.model.conftest import TINY, Lab
from tests.model.pretended_gpu import GPU, Sides, pretended_gpu
from tests.model.test_plain_sequences import FAST, NUM_ITEMS, split, walks
from tests.model.test_plain_sequences import TINY as PLAIN
from tests.model.test_resume import BrokenOff, Told, break_off_after, fit

ON_CPU, ON_GPU = (TrainingSettings(epochs=1, device=name) for name in ("cpu", "cuda"))


@pytest.mark.parametrize(
    ("asked", "has_gpu", "expected"),
    [("auto", False, "cpu"), ("auto", True, "cuda"), ("cpu", True, "cpu"), ("cuda", True, "cuda")],
)
def test_auto_is_the_gpu_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, asked: str, has_gpu: bool, expected: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_gpu)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    training = TrainingSettings.model_validate({"device": asked})
    assert chosen_device(training).type == expected


def test_one_of_several_processes_stays_on_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(places, "is_one_of_several", lambda: True)
    assert chosen_device(TrainingSettings()).type == "cpu"


def test_a_gpu_asked_for_where_there_is_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, lab: Lab, tmp_path: Path
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    told = r"training.device is 'cuda', but PyTorch finds no GPU here\. Set it to 'auto' or 'cpu'"
    with pytest.raises(Refused, match=told) as refused:
        lab.train(tmp_path, training=ON_GPU)
    assert (refused.value.code, refused.value.exit_code) == ("no_cuda", 2)


def test_the_pretended_gpu_tells_tensors_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: what a true GPU refuses is refused, what it allows is allowed."""
    with pretended_gpu(monkeypatch):
        there, here = torch.ones(3, device="cuda"), torch.ones(3)
        assert (there.device, here.device) == (GPU, torch.device("cpu"))
        assert there[1:].device == there.exp().device == here.to("cuda").device == GPU
        assert there.cpu().device.type == "cpu"
        assert float((there * torch.tensor(2.0)).sum()) == 6
        for mixed in (lambda: there + here, lambda: here[there.long()], lambda: there @ here):
            with pytest.raises(AssertionError, match="tensors of both sides"):
                mixed()  # type: ignore[no-untyped-call]
        with pytest.raises(AssertionError, match=r"numpy\(\) was called on a GPU's tensor"):
            there.numpy()


def trained_on_lab(
    lab: Lab, folder: Path, model: ModelSettings, training: TrainingSettings
) -> TrainedNetwork:
    return train_network(
        lab.sequences.slice(0, 10),
        lab.vocabulary,
        model=model,
        training=training,
        valid_from=lab.valid_from,
        as_of=lab.as_of,
        progress=Silent(),
        folder=None,
        checkpoint=folder,
    )


EVERYTHING = {
    "dense_weight": 0.1,
    "coles_weight": 0.1,
    "ema": 0.9,
    "label_smoothing": 0.1,
    "l1": 1e-6,
    "negatives": 8,
    "batch_events": 600,
}


@pytest.mark.parametrize("loss", ["sampled", "full"])
@pytest.mark.parametrize(
    "architecture",
    ["transformer", "sasrec", *(pytest.param(a, marks=pytest.mark.slow) for a in ("gru", "cnn"))],
)
def test_on_a_gpu_no_operation_meets_tensors_of_the_processor(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, architecture: str, loss: Loss
) -> None:
    """A whole training of a log: every objective, judging, keeping its state."""
    model = ModelSettings.model_validate(
        TINY.model_dump() | {"architecture": architecture, "high_pass": 0.3}
    )
    training = ON_GPU.model_copy(update=EVERYTHING | {"loss": loss})
    with pretended_gpu(monkeypatch) as sides:
        trained = trained_on_lab(lab, tmp_path, model, training)
        assert sides.operations > 1000
        assert_all_is_back(trained, sides)
    assert np.isfinite(trained.network.scores(lab.few, as_of=lab.as_of)).all()


@pytest.mark.parametrize("repeats", [True, False])
@pytest.mark.parametrize("samples", ["all", "prefix"])
@pytest.mark.parametrize("loss", ["sampled", "full"])
def test_bare_sequences_on_a_gpu_are_learnt_as_on_the_processor(
    monkeypatch: pytest.MonkeyPatch, samples: Samples, loss: Loss, repeats: bool
) -> None:
    """Without dropout, whose numbers are others, the weights agree but for rounding."""
    histories, wanted = split(walks(60))
    attributes = [np.array([1 + item % 7], dtype=np.int32) for item in range(NUM_ITEMS)]
    change = {"epochs": 2, "samples": samples, "loss": loss, "negatives": 15, "batch_events": 256}

    def weights(training: TrainingSettings) -> dict[str, torch.Tensor]:
        trained = train_on_sequences(
            histories,
            num_items=NUM_ITEMS,
            attributes=attributes,
            model=PLAIN.model_copy(update={"dropout": 0, "repeats": repeats}),
            training=training.model_copy(update=change),
            validation=wanted,
            progress=Silent(),
        )
        return trained.network.model.state_dict()

    here = weights(FAST.model_copy(update={"device": "cpu"}))
    with pretended_gpu(monkeypatch):
        there = weights(FAST.model_copy(update={"device": "cuda"}))
    for name, value in here.items():
        torch.testing.assert_close(there[name], value, rtol=0, atol=2e-5)


def assert_all_is_back(trained: TrainedNetwork, sides: Sides) -> None:
    for name, value in trained.network.model.state_dict().items():
        assert not sides.has(value), f"{name} stayed on the GPU"


def test_a_training_broken_off_on_one_device_goes_on_on_the_other(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "_CHECKPOINT_SECONDS", -1.0)
    there, here = Told(), Told()
    with monkeypatch.context() as patch, pytest.raises(BrokenOff), pretended_gpu(patch) as sides:
        save = Checkpoint.save

        def save_from_the_processor(checkpoint: Checkpoint, state: TrainingState) -> None:
            assert not any(sides.has(one) for one in state.tensors.values())
            save(checkpoint, state)

        patch.setattr(Checkpoint, "save", save_from_the_processor)
        break_off_after(patch, 3)
        fit(lab, tmp_path, training=ON_GPU, told=there)
    resumed = fit(lab, tmp_path, training=ON_CPU, told=here)
    assert (resumed.went_on_from, len(resumed.curve)) == (1, 1)
    assert there.labels == ["Training on the GPU"]
    assert here.labels == ["Training, going on from epoch 1"]
    assert there.amount < here.amount == resumed.curve[-1].events


def test_the_random_numbers_of_a_gpu_are_kept_and_given_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gpu = [torch.arange(16, dtype=torch.uint8)]
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: gpu[0])
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, device: gpu.insert(0, state))
    kept = {name: value.clone() for name, value in random_state(GPU).items()}
    gpu[0] = gpu[0] + 1
    set_random_state(random_state(CPU), GPU)  # kept without a GPU
    assert int(gpu[0][0]) == 1
    set_random_state(kept, GPU)
    assert int(gpu[0][0]) == 0
    set_random_state(kept, CPU)


def test_what_is_sent_to_the_processor_is_not_even_copied(lab: Lab) -> None:
    windows = Windows(lab.few.offsets[:3], np.array([2, 2, 2]))
    batch = collate(lab.few, windows, features=())
    assert sent(batch, CPU) is batch
