import math

import pytest
import torch
from torch.nn import functional

from habitue.model.layers import (
    NUM_TIME_BINS,
    Candidates,
    HighPass,
    PooledDropout,
    TimeBias,
    full_softmax_loss,
    shared_softmax_loss,
    time_bins,
)


def candidates(count: int, width: int, ids: list[int]) -> Candidates:
    return Candidates(
        torch.randn(count, width, dtype=torch.float64, requires_grad=True),
        torch.randn(count, dtype=torch.float64, requires_grad=True),
        torch.tensor(ids),
    )


def test_with_all_candidates_shared_the_loss_is_the_full_softmax() -> None:
    torch.manual_seed(0)
    query = torch.randn(4, 3, dtype=torch.float64)
    shared = candidates(5, 3, [0, 1, 2, 3, 4])
    wanted = torch.tensor([2, 0, 4, 4])
    own = Candidates(shared.vectors[wanted], shared.biases[wanted], wanted)
    logits = query @ shared.vectors.T + shared.biases
    expected = functional.cross_entropy(logits, wanted)
    torch.testing.assert_close(shared_softmax_loss(query, own=own, shared=shared), expected)


@pytest.mark.parametrize("mixed", [False, True])
def test_the_gradient_made_by_hand_is_the_gradient(mixed: bool) -> None:
    torch.manual_seed(1)
    query = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    own = candidates(6, 3, [1, 2, 3, 4, 5, 9])
    shared = candidates(4, 3, [3, 9, 7, 8])
    here = torch.full((6,), -0.7, dtype=torch.float64, requires_grad=True)
    other = torch.linspace(-4, -1, 6, dtype=torch.float64).requires_grad_()

    def loss(*tensors: torch.Tensor) -> torch.Tensor:
        return shared_softmax_loss(
            tensors[0],
            own=Candidates(tensors[1], tensors[2], own.ids),
            shared=Candidates(tensors[3], tensors[4], shared.ids),
            mixture=(tensors[5], tensors[6]) if mixed else None,
        )

    inputs = (query, own.vectors, own.biases, shared.vectors, shared.biases, here, other)
    assert torch.autograd.gradcheck(loss, inputs)


def test_a_mixture_is_the_logarithm_of_the_sum() -> None:
    torch.manual_seed(2)
    query = torch.randn(1, 3, dtype=torch.float64)
    own, shared = candidates(1, 3, [1]), candidates(4, 3, [2, 3, 4, 5])
    alone = shared_softmax_loss(query, own=own, shared=shared)
    mixture = (torch.tensor([math.log(0.4)]).double(), torch.tensor([math.log(0.3)]).double())
    mixed = shared_softmax_loss(query, own=own, shared=shared, mixture=mixture)
    torch.testing.assert_close(mixed, -torch.log(0.4 * torch.exp(-alone) + 0.3))


def test_the_true_candidate_drawn_as_rival_does_not_count() -> None:
    query, own = torch.ones(1, 2), Candidates(torch.ones(1, 2), torch.zeros(1), torch.tensor([7]))
    same = Candidates(torch.ones(3, 2), torch.zeros(3), torch.tensor([7, 7, 7]))
    assert float(shared_softmax_loss(query, own=own, shared=same)) == 0.0


@pytest.mark.parametrize("mixed", [False, True])
def test_the_loss_over_all_items_is_the_cross_entropy_and_its_gradient(mixed: bool) -> None:
    torch.manual_seed(1)
    query = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    vectors = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    biases = torch.randn(5, dtype=torch.float64, requires_grad=True)
    wanted = torch.tensor([0, 4, 4, 1, 2, 3])
    here = torch.full((6,), -0.7, dtype=torch.float64, requires_grad=True)
    other = torch.linspace(-4, -1, 6, dtype=torch.float64).requires_grad_()

    def loss(*tensors: torch.Tensor) -> torch.Tensor:
        return full_softmax_loss(
            tensors[0],
            vectors_MD=tensors[1],
            biases_M=tensors[2],
            own_N=wanted,
            mixture=(tensors[3], tensors[4]) if mixed else None,
        )

    inputs = (query, vectors, biases, here, other)
    assert torch.autograd.gradcheck(loss, inputs)
    if not mixed:
        expected = functional.cross_entropy(query @ vectors.T + biases, wanted)
        torch.testing.assert_close(loss(*inputs), expected)


def test_more_rows_than_fit_into_a_chunk_are_a_mean_all_the_same() -> None:
    torch.manual_seed(1)
    query, vectors = torch.randn(1200, 4), torch.randn(9, 4)
    biases, wanted = torch.randn(9), torch.randint(0, 9, (1200,))
    biases[3] = -math.inf
    wanted[wanted == 3] = 2
    found = full_softmax_loss(query, vectors_MD=vectors, biases_M=biases, own_N=wanted)
    torch.testing.assert_close(found, functional.cross_entropy(query @ vectors.T + biases, wanted))


def test_the_high_pass_is_at_the_end_what_the_whole_windows_filter_gives() -> None:
    """The filter of the paper: frequencies of the whole window, the lowest three are slow."""
    torch.manual_seed(0)
    x = torch.randn(2, 10, 4)
    layer = HighPass(4, 10)
    waves = torch.fft.rfft(x, dim=1)
    waves[:, 3:] = 0
    slow = torch.fft.irfft(waves, n=10, dim=1)
    expected = slow + layer.strength**2 * (x - slow)
    torch.testing.assert_close(layer(x)[:, -1], expected[:, -1], rtol=0, atol=1e-5)


def test_dropout_keeps_the_mean_and_is_off_when_asked() -> None:
    torch.manual_seed(0)
    dropout = PooledDropout(0.4)
    ones = torch.ones(200, 300)
    dropped = dropout(ones)
    assert float((dropped == 0).float().mean()) == pytest.approx(0.4, abs=0.01)
    assert float(dropped.mean()) == pytest.approx(1.0, abs=0.02)
    assert not torch.equal(dropout(ones), dropped)
    assert torch.equal(dropout.eval()(ones), ones)


def test_dropout_masks_do_not_end_at_the_pool() -> None:
    torch.manual_seed(0)
    large = PooledDropout(0.5)(torch.ones(1 << 21))
    assert float(large.mean()) == pytest.approx(1.0, abs=0.01)


def test_time_bins_double() -> None:
    seconds = torch.tensor([-5, 0, 1, 2, 3, 4, 2**40])
    assert time_bins(seconds).tolist() == [0, 0, 1, 2, 2, 3, NUM_TIME_BINS - 1]


def test_attention_never_looks_ahead() -> None:
    bias = TimeBias(layers=2, heads=3, max_length=10)
    masks = bias(torch.tensor([[0, 5, 9, 9]]))
    assert [mask.shape for mask in masks] == [(1, 3, 4, 4)] * 2
    ahead = torch.ones(4, 4).triu(1).bool()
    for mask in masks:
        assert torch.isinf(mask[:, :, ahead]).all()
        assert torch.isfinite(mask[:, :, ~ahead]).all()
