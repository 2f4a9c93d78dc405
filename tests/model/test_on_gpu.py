"""On a true GPU: `pytest -m gpu`."""

from pathlib import Path

import numpy as np
import pytest
import torch

from habitue.compute import Silent
from habitue.config import TrainingSettings
from habitue.model import fit as fitting
from habitue.model.plain_sequences import PlainNetwork, train_on_sequences
from tests.model import test_resume as resuming
from tests.model.conftest import TINY, Lab
from tests.model.test_plain_sequences import FAST, NUM_ITEMS, split, walks
from tests.model.test_plain_sequences import TINY as PLAIN

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        not torch.cuda.is_available(), reason="PyTorch sees no GPU; where one is: pytest -m gpu"
    ),
]


def learnt_order(**change: object) -> PlainNetwork:
    histories, wanted = split(walks())
    return train_on_sequences(
        histories,
        num_items=NUM_ITEMS,
        model=PLAIN,
        training=TrainingSettings.model_validate(FAST.model_dump() | change),
        validation=wanted,
        progress=Silent(),
    )


def best(trained: PlainNetwork) -> float:
    return max(line.valid_ndcg for line in trained.report.curve)


@pytest.mark.parametrize("loss", ["sampled", "full"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_gpu_learns_as_well_as_the_processor(precision: str, loss: str) -> None:
    there = learnt_order(device="cuda", precision=precision, loss=loss, negatives=15)
    here = learnt_order(device="cpu", loss=loss, negatives=15)
    assert best(here) > 0.9
    assert best(there) == pytest.approx(best(here), abs=0.03)


def test_what_comes_back_answers_on_the_processor() -> None:
    trained = learnt_order(device="cuda", epochs=1)
    assert trained.network.device.type == "cpu"
    assert np.isfinite(trained.scores(split(walks(5))[0])).all()


def test_a_training_on_a_gpu_that_was_broken_off_ends_with_the_same_weights(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SASRec, whose kernels all add in a fixed order."""
    sasrec = TINY.model_copy(update={"architecture": "sasrec"})
    monkeypatch.setattr(resuming, "TINY", sasrec)
    training = TrainingSettings(epochs=2, batch_events=512, device="cuda")
    whole = resuming.fit(lab, tmp_path / "whole", training=training)
    monkeypatch.setattr(fitting, "_CHECKPOINT_SECONDS", -1.0)
    with monkeypatch.context() as patch, pytest.raises(resuming.BrokenOff):
        resuming.break_off_after(patch, 5)
        resuming.fit(lab, tmp_path / "broken", training=training)
    resumed = resuming.fit(lab, tmp_path / "broken", training=training)
    assert resumed.went_on_from == 1
    assert resuming.equal(resumed, whole)
