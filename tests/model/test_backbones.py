"""The contract of every backbone; the same tests for all of them."""

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch

from habitue.compute import Silent
from habitue.config import Architecture, ModelSettings, TrainingSettings
from habitue.model import fit as fitting
from habitue.model.backbones.backbone import Backbone, BackboneShape, at_last
from habitue.model.backbones.registry import BACKBONES
from habitue.model.checkpoint import load_network, save_network
from habitue.model.fit import TrainedNetwork
from habitue.model.layers import PooledDropout
from habitue.model.train import train_network
from habitue.sequences.vocabulary import NUM_ITEM_BUCKETS
from tests.model.conftest import Lab

LENGTH, WIDTH = 12, 8
KINDS: list[tuple[Architecture, float]] = [
    *((name, 0.0) for name in get_args(Architecture)),
    ("transformer", 0.7),
    ("sasrec", 0.7),
]
SLOW = pytest.mark.slow
every_kind = pytest.mark.parametrize(("architecture", "high_pass"), KINDS)


def backbone(architecture: Architecture, high_pass: float, *, dropout: float = 0.0) -> Backbone:
    torch.manual_seed(0)
    made = BACKBONES[architecture](
        BackboneShape(
            width=WIDTH,
            layers=2,
            heads=2,
            max_length=LENGTH,
            high_pass=high_pass,
            dropout=PooledDropout(dropout),
        )
    )
    with torch.no_grad():  # zeros at the start would hide what is connected to what
        for parameter in made.parameters():
            parameter.add_(torch.randn(parameter.shape), alpha=0.2)
    return made.eval()


def windows(count: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    x_BTD = torch.randn(count, LENGTH, WIDTH, generator=generator)
    seconds_BT = torch.randint(0, 10_000, (count, LENGTH), generator=generator).cumsum(1)
    return x_BTD, seconds_BT


def settings(architecture: Architecture, high_pass: float, **others: object) -> ModelSettings:
    return ModelSettings.model_validate(
        {
            "architecture": architecture,
            "high_pass": high_pass,
            "size": "tiny",
            "max_length": 20,
            **others,
        }
    )


def test_every_name_of_the_setting_is_a_backbone() -> None:
    assert set(BACKBONES) == set(get_args(Architecture))


@every_kind
@torch.inference_mode()
def test_later_events_never_change_earlier_states(
    architecture: Architecture, high_pass: float
) -> None:
    network, (x_BTD, seconds_BT) = backbone(architecture, high_pass), windows()
    before = network(x_BTD, seconds_BT)
    for place in range(1, LENGTH):
        other_BTD, other_BT = x_BTD.clone(), seconds_BT.clone()
        other_BTD[:, place:] = torch.randn(other_BTD[:, place:].shape)
        other_BT[:, place:] += 86_400
        after = network(other_BTD, other_BT)
        torch.testing.assert_close(after[:, :place], before[:, :place], rtol=0, atol=1e-5)
        assert (after[:, place] - before[:, place]).abs().max() > 1e-3


@every_kind
@torch.inference_mode()
def test_earlier_events_change_the_last_state(architecture: Architecture, high_pass: float) -> None:
    network, (x_BTD, seconds_BT) = backbone(architecture, high_pass), windows()
    before = network(x_BTD, seconds_BT)
    x_BTD[:, LENGTH - 6] *= -3
    assert (network(x_BTD, seconds_BT)[:, -1] - before[:, -1]).abs().max() > 1e-4


@every_kind
@torch.inference_mode()
def test_padding_and_company_change_no_state(architecture: Architecture, high_pass: float) -> None:
    network, (x_BTD, seconds_BT) = backbone(architecture, high_pass), windows()
    together = network(x_BTD, seconds_BT)
    for length in (1, 5):
        alone = network(x_BTD[:1, :length], seconds_BT[:1, :length])
        torch.testing.assert_close(alone[0], together[0, :length], rtol=0, atol=1e-5)


@every_kind
@torch.inference_mode()
def test_the_last_state_alone_is_the_same(architecture: Architecture, high_pass: float) -> None:
    network, (x_BTD, seconds_BT) = backbone(architecture, high_pass), windows()
    lengths_B = torch.tensor([1, 5, LENGTH - 1, LENGTH])
    expected = at_last(network(x_BTD, seconds_BT), lengths_B)
    found = network.last(x_BTD, seconds_BT, lengths_B)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@every_kind
def test_every_weight_learns_from_the_last_state(
    architecture: Architecture, high_pass: float
) -> None:
    network, (x_BTD, seconds_BT) = backbone(architecture, high_pass).train(), windows()
    lengths_B = torch.tensor([3, 5, LENGTH - 1, LENGTH])
    network.last(x_BTD, seconds_BT, lengths_B).square().sum().backward()  # type: ignore[no-untyped-call]
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


@every_kind
def test_dropout_is_for_training_alone(architecture: Architecture, high_pass: float) -> None:
    network, (x_BTD, seconds_BT) = backbone(architecture, high_pass, dropout=0.5), windows()
    assert torch.equal(network(x_BTD, seconds_BT), network(x_BTD, seconds_BT))
    network.train()
    assert not torch.equal(network(x_BTD, seconds_BT), network(x_BTD, seconds_BT))


@every_kind
def test_unknown_items_are_events_like_others(
    lab: Lab, tmp_path: Path, architecture: Architecture, high_pass: float
) -> None:
    trained = lab.train(
        tmp_path,
        model=settings(architecture, high_pass),
        training=TrainingSettings(epochs=1),
        sequences=lab.few.slice(0, 12),
    )
    strangers = lab.few.take(np.arange(5))
    number = lab.vocabulary.num_items
    strangers.items[:] = number + 1 + np.arange(len(strangers.items)) % NUM_ITEM_BUCKETS
    scores = trained.network.scores(strangers, as_of=lab.as_of)
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-4)


@every_kind
@pytest.mark.parametrize("samples", ["all", "prefix"])
def test_a_loaded_network_answers_as_the_saved_one(
    lab: Lab, tmp_path: Path, architecture: Architecture, high_pass: float, samples: str
) -> None:
    training = TrainingSettings.model_validate({"epochs": 1, "samples": samples, "loss": "full"})
    trained = lab.train(
        tmp_path,
        model=settings(architecture, high_pass, repeats=False),
        training=training,
        sequences=lab.few.slice(0, 12),
    )
    save_network(tmp_path, trained)
    loaded, kept = load_network(tmp_path), trained.network
    for answer in ("embed", "scores"):
        left = getattr(loaded, answer)(lab.few, as_of=lab.as_of)
        assert (left == getattr(kept, answer)(lab.few, as_of=lab.as_of)).all()


class BrokenOff(BaseException):
    """What happens to a killed process."""


@pytest.mark.parametrize(
    ("architecture", "high_pass"),
    [
        kind if kind in (("transformer", 0.0), ("gru", 0.0)) else pytest.param(*kind, marks=SLOW)
        for kind in KINDS
    ],
)
def test_a_training_broken_off_ends_with_the_same_weights(
    lab: Lab,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    architecture: Architecture,
    high_pass: float,
) -> None:
    monkeypatch.setattr(fitting, "_CHECKPOINT_SECONDS", -1.0)
    training = TrainingSettings(epochs=2, samples="prefix", batch_samples=128)

    def fit(folder: Path) -> TrainedNetwork:
        return train_network(
            lab.few.slice(0, 12),
            lab.vocabulary,
            model=settings(architecture, high_pass),
            training=training,
            valid_from=lab.valid_from,
            as_of=lab.as_of,
            progress=Silent(),
            folder=folder / "network",
            checkpoint=folder / "checkpoint",
        )

    whole = fit(tmp_path / "whole")
    steps = iter(range(whole.curve[0].step + 1))
    step = fitting.Run._step

    def some_steps(*arguments: object) -> float:
        if next(steps, None) is None:
            raise BrokenOff
        return step(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch, pytest.raises(BrokenOff):
        patch.setattr(fitting.Run, "_step", some_steps)
        fit(tmp_path / "broken")
    resumed = fit(tmp_path / "broken")
    assert resumed.went_on_from == 2
    kept, found = whole.network.model.state_dict(), resumed.network.model.state_dict()
    assert all(torch.equal(value, found[name]) for name, value in kept.items())
