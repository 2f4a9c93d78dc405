"""The forward pass in bf16: about the same network, and everything around it in fp32."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional

from habitue.compute import Silent
from habitue.config import Architecture, Loss, ModelSettings, Samples, TrainingSettings
from habitue.model import fit as fitting
from habitue.model.objectives import behaviour_loss
from habitue.model.plain_sequences import PlainNetwork, train_on_sequences
from tests.model.conftest import TINY, Lab
from tests.model.test_plain_sequences import FAST, NUM_ITEMS, split, walks
from tests.model.test_plain_sequences import TINY as PLAIN
from tests.model.test_resume import BrokenOff, break_off_after, equal, fit

BF16 = TrainingSettings(epochs=1, precision="bf16", device="cpu")


def learnt_order(**change: object) -> PlainNetwork:
    """Return a network that learnt to walk on around a ring of items."""
    histories, wanted = split(walks())
    training = (
        FAST.model_dump()
        | {"device": "cpu", "epochs": 6, "samples": "all", "batch_events": 128}
        | change
    )
    return train_on_sequences(
        histories,
        num_items=NUM_ITEMS,
        model=PLAIN,
        training=TrainingSettings.model_validate(training),
        validation=wanted,
        progress=Silent(),
    )


def test_in_bf16_a_known_order_is_learnt_as_well_as_in_fp32() -> None:
    fp32, bf16 = learnt_order(), learnt_order(precision="bf16")
    losses = [[line.train_loss for line in one.report.curve] for one in (fp32, bf16)]
    best, best_bf16 = (max(line.valid_ndcg for line in one.report.curve) for one in (fp32, bf16))
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.01)
    assert best > 0.9
    assert best_bf16 == pytest.approx(best, abs=0.02)
    assert bf16.report.curve[-1].skipped_steps == 0


@pytest.mark.parametrize("architecture", ["transformer", "sasrec", "gru", "lstm", "cnn"])
@pytest.mark.parametrize(("loss", "samples"), [("sampled", "all"), ("full", "prefix")])
def test_every_architecture_learns_in_bf16_and_keeps_its_weights_in_fp32(
    lab: Lab, tmp_path: Path, architecture: Architecture, loss: Loss, samples: Samples
) -> None:
    model = ModelSettings.model_validate(
        TINY.model_dump() | {"architecture": architecture, "high_pass": 0.3}
    )
    change = {"loss": loss, "samples": samples, "dense_weight": 0.1}
    trained = lab.train(
        tmp_path,
        model=model,
        training=BF16.model_copy(update=change),
        sequences=lab.sequences.slice(0, 10),
    )
    weights = trained.network.model.parameters()
    assert all(one.dtype == torch.float32 and bool(one.isfinite().all()) for one in weights)
    assert trained.skipped_steps == 0


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_only_the_forward_pass_is_in_bf16(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    """Dense layers of the backbone compute in it; what the losses are given is fp32."""
    seen: dict[str, set[torch.dtype]] = {"layers": set(), "loss": set()}
    linear, loss = functional.linear, behaviour_loss

    def watched_linear(*args: torch.Tensor) -> torch.Tensor:
        made = linear(*args)
        seen["layers" if torch.is_autocast_enabled("cpu") else "loss"].add(made.dtype)
        return made

    def watched_loss(*args: object) -> torch.Tensor:
        made = loss(*args)  # type: ignore[arg-type]
        seen["loss"].add(made.dtype)
        return made

    monkeypatch.setattr(functional, "linear", watched_linear)
    monkeypatch.setattr(fitting, "behaviour_loss", watched_loss)
    training = BF16.model_copy(update={"precision": precision})
    lab.train(tmp_path, training=training, sequences=lab.sequences.slice(0, 10))
    layers = {torch.bfloat16} if precision == "bf16" else set()
    assert seen == {"layers": layers, "loss": {torch.float32}}


def test_a_training_in_bf16_that_was_broken_off_ends_with_the_same_weights(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fit(lab, tmp_path / "whole", training=BF16)
    monkeypatch.setattr(fitting, "_CHECKPOINT_SECONDS", -1.0)
    with monkeypatch.context() as patch, pytest.raises(BrokenOff):
        break_off_after(patch, 5)
        fit(lab, tmp_path / "broken", training=BF16)
    resumed = fit(lab, tmp_path / "broken", training=BF16)
    assert resumed.went_on_from == 1
    assert equal(resumed, whole)
