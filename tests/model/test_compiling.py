"""A compiled backbone learns the same, and stands in only while it learns."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from habitue.compute import Silent
from habitue.config import Architecture, Samples, TrainingSettings
from habitue.errors import Refused
from habitue.model import compiling
from habitue.model.plain_sequences import PlainNetwork, train_on_sequences
from tests.model.test_plain_sequences import FAST, NUM_ITEMS, TINY, split, walks

Method = Callable[..., torch.Tensor]


def compiles(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that truly compiles; PyTorch warns of its own imports and of its own tracing."""
    for mark in (
        pytest.mark.slow,
        pytest.mark.skipif(not compiling.has_compiler(), reason="there is no C++ compiler here"),
        pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
        pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning"),
    ):
        test = mark(test)
    return test


def trained(
    training: TrainingSettings, *, architecture: Architecture = "sasrec", dropout: float = 0
) -> PlainNetwork:
    histories, wanted = split(walks(60))
    return train_on_sequences(
        histories,
        num_items=NUM_ITEMS,
        model=TINY.model_copy(update={"architecture": architecture, "dropout": dropout}),
        training=training.model_copy(update={"epochs": 1, "device": "cpu", "batch_events": 256}),
        validation=wanted,
        progress=Silent(),
    )


def test_without_a_compiler_nothing_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    # Not by the variable CXX: PyTorch reads that once and keeps it for all tests after this one.
    monkeypatch.setattr("shutil.which", lambda name: None)
    told = r"training.compile is true, but there is no C\+\+ compiler here\. Set it to false"
    with pytest.raises(Refused, match=told) as refused:
        trained(FAST.model_copy(update={"compile": True}))
    assert refused.value.code == "no_compiler"
    trained(FAST)


@pytest.mark.parametrize(("samples", "used"), [("all", "forward"), ("prefix", "last")])
def test_only_learning_is_compiled(
    monkeypatch: pytest.MonkeyPatch, samples: Samples, used: str
) -> None:
    """Judging, and the network that comes out, use the backbone as it was written."""
    calls: list[tuple[str, bool]] = []

    def compiled(method: Method, *, dynamic: bool) -> Method:
        def form(*args: torch.Tensor) -> torch.Tensor:
            calls.append((method.__name__, torch.is_grad_enabled()))
            return method(*args)

        assert dynamic
        return form

    monkeypatch.setattr(torch, "compile", compiled)
    monkeypatch.setattr(compiling, "has_compiler", lambda: True)
    network = trained(FAST.model_copy(update={"compile": True, "samples": samples})).network
    assert set(calls) == {(used, True)}
    assert not {"forward", "last"} & set(vars(network.model.backbone))


@compiles
@pytest.mark.parametrize("architecture", ["sasrec", "transformer"])
def test_compiled_it_learns_the_same(architecture: Architecture) -> None:
    plain = trained(FAST.model_copy(update={"samples": "all"}), architecture=architecture)
    compiled = trained(
        FAST.model_copy(update={"samples": "all", "compile": True}), architecture=architecture
    )
    weights = compiled.network.model.state_dict()
    for name, value in plain.network.model.state_dict().items():
        torch.testing.assert_close(weights[name], value, rtol=0, atol=2e-4)
    again = compiled.scores([np.array([1, 2], dtype=np.int32)])
    assert np.isfinite(again).all()


@compiles
def test_compiled_kernels_draw_dropout_of_their_own() -> None:
    compiled = FAST.model_copy(update={"samples": "all", "compile": True})
    first, second = (trained(compiled, dropout=0.2).network.model.state_dict() for _ in range(2))
    plain = trained(FAST.model_copy(update={"samples": "all"}), dropout=0.2).network.model
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert not all(torch.equal(v, first[n]) for n, v in plain.state_dict().items())
