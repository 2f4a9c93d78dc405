"""Small parts of networks, each with its reason.

In: tensors. Out: tensors. Knows nothing about events or items.

Shapes: B persons, T positions, D width, H heads, N rows, M shared candidates.
"""

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.autograd.function import FunctionCtx
from torch.nn import functional

NUM_TIME_BINS = 28
_MASK_POOL = 1 << 22
_LOSS_ROWS = 512
_FULL_LOSS_ROWS = 64  # with all items of a usual shop, some megabytes that stay in cache
_GPU_LOGITS = 1 << 28  # in a chunk: a GPU wants few large products
_LEAST_SHARE = 1e-38
_SLOW_WAVES = 2  # beside the mean


class PooledDropout(nn.Module):
    """Dropout whose masks are slices, at random offsets, of one pool drawn beforehand.

    PyTorch draws CPU dropout masks on one thread at about 15 ns an element, dearer than the
    sampled loss; a slice costs one multiplication. GPUs and compiled kernels draw masks for almost
    nothing, so there it is PyTorch's own dropout. Offsets come from PyTorch's own generator, so
    `torch.manual_seed` fixes them. `drawn_from` is the state of that generator when the pool was
    drawn, None before; the pool is too large to be kept in a checkpoint.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share
        self.drawn_from: torch.Tensor | None = None
        self._pool: torch.Tensor | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return `x` with `share` of its elements dropped and the rest scaled up."""
        if not self.training or self.share == 0:
            return x
        is_cheap = x.device.type != "cpu" or torch.compiler.is_compiling()
        if is_cheap or x.numel() > _MASK_POOL // 2:
            return functional.dropout(x, self.share)
        if self._pool is None:
            self.drawn_from = torch.get_rng_state()
            self._pool = self._draw()
        start = int(torch.randint(_MASK_POOL - x.numel(), (1,)))
        return x * self._pool[start : start + x.numel()].view(x.shape)

    def draw_from(self, state: torch.Tensor) -> None:
        """Draw the pool that a generator in this state gives."""
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(state)
            self.drawn_from, self._pool = state, self._draw()

    def forget(self) -> None:
        """Be as if no mask had ever been needed."""
        self.drawn_from, self._pool = None, None

    def _draw(self) -> torch.Tensor:
        keep = 1 - self.share
        return torch.empty(_MASK_POOL).bernoulli_(keep) / keep


class TimeBias(nn.Module):
    """What attention owes to distance: learned per layer and head, by places and by log2 seconds.

    The larger gain of the two comes from time (HSTU, arXiv 2402.17152, and its ablations).
    """

    def __init__(self, *, layers: int, heads: int, max_length: int) -> None:
        super().__init__()
        self.layers = layers
        self.heads = heads
        # One look-up serves all layers: far cheaper than one a layer on [B, T, T] indices.
        self.by_time = nn.Embedding(NUM_TIME_BINS, layers * heads)
        self.by_place = nn.Embedding(max_length, layers * heads)
        nn.init.zeros_(self.by_time.weight)
        nn.init.zeros_(self.by_place.weight)

    def forward(self, seconds_BT: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return one additive attention mask [B, H, T, T] a layer, minus infinity ahead."""
        length = seconds_BT.shape[1]
        place_T = torch.arange(length, device=seconds_BT.device)
        distance_TT = place_T[:, None] - place_T
        elapsed_BTT = seconds_BT[:, :, None] - seconds_BT[:, None, :]
        bias_BTTL = self.by_time(time_bins(elapsed_BTT))
        bias_BTTL = bias_BTTL + self.by_place(distance_TT.clamp(min=0))
        bias_BLTT = bias_BTTL.permute(0, 3, 1, 2)
        bias_BLTT = bias_BLTT.masked_fill(distance_TT < 0, -math.inf)
        masks: tuple[torch.Tensor, ...] = bias_BLTT.split(self.heads, dim=1)
        return masks


def time_bins(seconds: torch.Tensor) -> torch.Tensor:
    """Return 0 for no time, then one bin a doubling of seconds."""
    bins = 1 + torch.log2(seconds.clamp(min=1).float()).long()
    return torch.where(seconds <= 0, 0, bins.clamp(max=NUM_TIME_BINS - 1))


class GatedResidual(nn.Module):
    """x + sigmoid(W x) * branch(norm(x)): each block says how much of it is wanted (LiGR)."""

    def __init__(self, width: int, dropout: PooledDropout) -> None:
        super().__init__()
        self.gate = nn.Linear(width, width)
        self.dropout = dropout

    def forward(self, x_BTD: torch.Tensor, branch_BTD: torch.Tensor) -> torch.Tensor:
        """Return the sum."""
        out: torch.Tensor = x_BTD + torch.sigmoid(self.gate(x_BTD)) * self.dropout(branch_BTD)
        return out


class Attention(nn.Module):
    """Multi-head self-attention on `nn.Linear`s, with an additive mask."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.read = nn.Linear(width, 3 * width, bias=False)
        self.write = nn.Linear(width, width, bias=False)

    def forward(self, x_BTD: torch.Tensor, mask_BHTT: torch.Tensor) -> torch.Tensor:
        """Return what each position gathers from those the mask lets it see."""
        batch, length, width = x_BTD.shape
        qkv = self.read(x_BTD).view(batch, length, 3, self.heads, width // self.heads)
        q_BHTd, k_BHTd, v_BHTd = qkv.permute(2, 0, 3, 1, 4)
        found = functional.scaled_dot_product_attention(q_BHTd, k_BHTd, v_BHTd, attn_mask=mask_BHTT)
        mixed: torch.Tensor = self.write(found.transpose(1, 2).reshape(batch, length, width))
        return mixed


class SwiGLU(nn.Module):
    """The feed-forward half of a block: silu(A x) * (B x), then back (arXiv 2002.05202)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.read = nn.Linear(width, 4 * width, bias=False)
        self.write = nn.Linear(2 * width, width, bias=False)

    def forward(self, x_BTD: torch.Tensor) -> torch.Tensor:
        """Return the transformed positions."""
        gate, value = self.read(x_BTD).chunk(2, dim=-1)
        written: torch.Tensor = self.write(functional.silu(gate) * value)
        return written


class HighPass(nn.Module):
    """What changed lately, set off from what a person's events have in common all along.

    The slow part of a signal is its share of the lowest frequencies of a window of `max_length`
    events that ends here; the rest is the fast part, and each channel learns how much of it to
    pass on. The filter of BSARec (arXiv 2312.10325) mixes the whole window; this one looks back
    only, and at the window's last event it gives the same.
    """

    slow: torch.Tensor

    def __init__(self, width: int, max_length: int) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.randn(width))
        back_T = torch.arange(max_length) * (2 * math.pi / max_length)
        waves_T = torch.ones(max_length)
        for number in range(1, _SLOW_WAVES + 1):
            waves_T = waves_T + 2 * torch.cos(number * back_T)
        place_T = torch.arange(max_length)
        back_TT = place_T[:, None] - place_T
        slow_TT = torch.where(back_TT >= 0, (waves_T / max_length)[back_TT.clamp(min=0)], 0.0)
        self.register_buffer("slow", slow_TT, persistent=False)

    def forward(self, x_BTD: torch.Tensor) -> torch.Tensor:
        """Return the filtered positions."""
        length = x_BTD.shape[1]
        # In bf16 products are narrower than what they are made of.
        slow_BTD = (self.slow[:length, :length] @ x_BTD).to(x_BTD.dtype)
        return self._passed(x_BTD, slow_BTD)

    def last(self, x_BTD: torch.Tensor, lengths_B: torch.Tensor) -> torch.Tensor:
        """Return the filtered last positions, [B, D]."""
        weights_BT = self.slow[lengths_B - 1, : x_BTD.shape[1]]
        slow_BD = (weights_BT[:, None] @ x_BTD)[:, 0].to(x_BTD.dtype)
        row_B = torch.arange(len(lengths_B), device=x_BTD.device)
        return self._passed(x_BTD[row_B, lengths_B - 1], slow_BD)

    def _passed(self, x: torch.Tensor, slow: torch.Tensor) -> torch.Tensor:
        return torch.lerp(slow, x, self.strength**2)


def _rows_at_once(usual: int, candidates_MD: torch.Tensor) -> int:
    """Return how many rows of logits are held at a time."""
    if candidates_MD.device.type == "cpu":
        return usual
    return max(usual, _GPU_LOGITS // max(len(candidates_MD), 1))


def _subtract(target: torch.Tensor, at_N: torch.Tensor, values: torch.Tensor) -> None:
    """Subtract values from rows, some of them several times."""
    if target.device.type == "cpu":
        target.index_add_(0, at_N, values, alpha=-1)
    else:
        # There `index_add_` adds in any order, and no training could be repeated bit by bit.
        target.index_put_((at_N,), -values, accumulate=True)


class _SharedSoftmax(torch.autograd.Function):
    """Cross-entropy of a mixture: a softmax over shared candidates, or something else.

    The gradient is made in the forward pass, in place, in chunks of rows that stay in cache: the
    [N, M] matrix of logits never exists as a whole, and each exponential is computed once.
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        query_ND: torch.Tensor,
        own_ND: torch.Tensor,
        own_bias_N: torch.Tensor,
        shared_MD: torch.Tensor,
        shared_bias_M: torch.Tensor,
        log_softmax_share_N: torch.Tensor,
        log_otherwise_N: torch.Tensor,
        own_ids_N: torch.Tensor,
        shared_ids_M: torch.Tensor,
    ) -> torch.Tensor:
        rows = len(query_ND)
        grad_query, grad_own = torch.empty_like(query_ND), torch.empty_like(own_ND)
        grad_own_bias, grad_share = torch.empty_like(own_bias_N), torch.empty_like(own_bias_N)
        grad_shared, grad_bias = torch.zeros_like(shared_MD), torch.zeros_like(shared_bias_M)
        loss = query_ND.new_zeros(())
        at_once = _rows_at_once(_LOSS_ROWS, shared_MD)
        for start in range(0, rows, at_once):
            part = slice(start, start + at_once)
            query, own = query_ND[part], own_ND[part]
            own_logit = (query * own).sum(1) + own_bias_N[part]
            logits = torch.addmm(shared_bias_M, query, shared_MD.T)
            # The true candidate, drawn as its own rival, is no rival.
            logits.masked_fill_(own_ids_N[part, None] == shared_ids_M, -math.inf)
            top = torch.maximum(logits.max(1).values, own_logit)
            weights = logits.sub_(top[:, None]).exp_()
            own_weight = torch.exp(own_logit - top)
            total = weights.sum(1) + own_weight
            log_chosen = own_logit - top - torch.log(total) + log_softmax_share_N[part]
            log_mixed = torch.logaddexp(log_chosen, log_otherwise_N[part])
            loss -= log_mixed.sum()
            # How much of the truth the softmax answers for: the rest of the mixture excuses it.
            duty = torch.exp(log_chosen - log_mixed)
            weights.mul_((duty / total)[:, None])
            pull = duty * (own_weight / total - 1)
            grad_query[part] = torch.addmm(pull[:, None] * own, weights, shared_MD)
            grad_own[part] = pull[:, None] * query
            grad_own_bias[part] = pull
            grad_shared.addmm_(weights.T, query)
            grad_bias += weights.sum(0)
            grad_share[part] = -duty
        grads = (grad_query, grad_own, grad_own_bias, grad_shared, grad_bias)
        grad_otherwise = -1 - grad_share
        ctx.save_for_backward(
            *(grad.div_(max(rows, 1)) for grad in (*grads, grad_share, grad_otherwise))
        )
        return loss / max(rows, 1)

    @staticmethod
    def backward(ctx: FunctionCtx, grad_loss: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        saved: tuple[torch.Tensor, ...] = ctx.saved_tensors  # type: ignore[attr-defined]
        return (*(grad_loss * grad for grad in saved), None, None)


class _FullSoftmax(torch.autograd.Function):
    """Cross-entropy over all candidates, or of a mixture of that and something else.

    Like `_SharedSoftmax`, but the wanted candidate stands among the others. The matrix of
    probabilities is written once and read by two products; all scaling is done on small matrices.
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        query_ND: torch.Tensor,
        vectors_MD: torch.Tensor,
        biases_M: torch.Tensor,
        own_N: torch.Tensor,
        log_softmax_share_N: torch.Tensor,
        log_otherwise_N: torch.Tensor,
    ) -> torch.Tensor:
        rows = len(query_ND)
        learns_biases = ctx.needs_input_grad[2]  # type: ignore[attr-defined]
        grad_query, grad_share = torch.empty_like(query_ND), torch.empty_like(log_softmax_share_N)
        grad_vectors, grad_biases = torch.zeros_like(vectors_MD), torch.zeros_like(biases_M)
        loss = query_ND.new_zeros(())
        at_once = _rows_at_once(_FULL_LOSS_ROWS, vectors_MD)
        for start in range(0, rows, at_once):
            part = slice(start, start + at_once)
            query, own = query_ND[part], own_N[part]
            share = torch.softmax(torch.addmm(biases_M, query, vectors_MD.T), dim=1)
            # A share too small for a float costs some 87, not infinitely much.
            log_chosen = share.gather(1, own[:, None])[:, 0].clamp_(min=_LEAST_SHARE).log_()
            log_chosen += log_softmax_share_N[part]
            log_mixed = torch.logaddexp(log_chosen, log_otherwise_N[part])
            loss -= log_mixed.sum()
            duty = torch.exp(log_chosen - log_mixed) / rows
            found = torch.mm(share, vectors_MD, out=grad_query[part])
            found.sub_(vectors_MD[own]).mul_(duty[:, None])
            scaled = query * duty[:, None]
            _subtract(grad_vectors.addmm_(share.T, scaled), own, scaled)
            if learns_biases:
                _subtract(grad_biases.addmv_(share.T, duty), own, duty)
            grad_share[part] = -duty
        grad_otherwise = -1 / max(rows, 1) - grad_share
        ctx.save_for_backward(grad_query, grad_vectors, grad_biases, grad_share, grad_otherwise)
        return loss / max(rows, 1)

    @staticmethod
    def backward(ctx: FunctionCtx, grad_loss: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        saved: tuple[torch.Tensor, ...] = ctx.saved_tensors  # type: ignore[attr-defined]
        query, vectors, biases, share, otherwise = (grad_loss * grad for grad in saved)
        return query, vectors, biases, None, share, otherwise


@dataclass(frozen=True)
class Candidates:
    """What a softmax chooses from: vectors [K, D], biases [K], and ids [K] that tell them apart."""

    vectors: torch.Tensor
    biases: torch.Tensor
    ids: torch.Tensor


def shared_softmax_loss(
    query_ND: torch.Tensor,
    *,
    own: Candidates,
    shared: Candidates,
    mixture: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> torch.Tensor:
    """Return the mean of -log p(own) for each row's own candidate against itself and the shared.

    With all candidates shared this is the full softmax. With `mixture`, logarithms a [N] and
    b [N], the probability is exp(a) times the softmax's, plus exp(b).
    """
    if mixture is None:
        mixture = (torch.zeros_like(own.biases), torch.full_like(own.biases, -math.inf))
    loss: torch.Tensor = _SharedSoftmax.apply(  # type: ignore[no-untyped-call]
        query_ND,
        own.vectors,
        own.biases,
        shared.vectors,
        shared.biases,
        mixture[0],
        mixture[1],
        own.ids,
        shared.ids,
    )
    return loss


def full_softmax_loss(
    query_ND: torch.Tensor,
    *,
    vectors_MD: torch.Tensor,
    biases_M: torch.Tensor,
    own_N: torch.Tensor,
    mixture: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> torch.Tensor:
    """Return the mean of -log p(own) for each row's wanted candidate, a row of `vectors_MD`.

    A bias of minus infinity takes a candidate out. For `mixture` see `shared_softmax_loss`.
    """
    if mixture is None:
        nothing_N = query_ND.new_full((len(query_ND),), -math.inf)
        mixture = (torch.zeros_like(nothing_N), nothing_N)
    loss: torch.Tensor = _FullSoftmax.apply(  # type: ignore[no-untyped-call]
        query_ND, vectors_MD, biases_M, own_N, *mixture
    )
    return loss
