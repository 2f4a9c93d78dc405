"""SASRec: self-attention over the order of events alone, normalised after each step.

In: event vectors [B, T, D] and seconds [B, T] (unused). Out: states [B, T, D]. From arXiv
1808.09781; with a high-pass branch it is BSARec (arXiv 2312.10325) with a causal filter. Strongly
regularised it is the best network we know for short histories.
"""

import math

import torch
from torch import nn
from torch.nn import functional

from habitue.model.backbones.backbone import Backbone, BackboneShape, at_last
from habitue.model.layers import HighPass, PooledDropout

_INIT_STD = 0.02


class PlainAttention(nn.Module):
    """Attention of the positions asked about over all positions."""

    def __init__(self, width: int, heads: int, dropout: PooledDropout) -> None:
        super().__init__()
        self.heads = heads
        self.ask = nn.Linear(width, width)
        self.read = nn.Linear(width, 2 * width)
        self.write = nn.Linear(width, width)
        self.dropout = dropout

    def forward(
        self, asking_BQD: torch.Tensor, x_BTD: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        """Return what each asking position gathers; `mask`, [Q, T] or [B, 1, T], is added."""
        q_NQd = self._split(self.ask(asking_BQD))
        k_NTd, v_NTd = map(self._split, self.read(x_BTD).chunk(2, dim=2))
        if mask.ndim == 3:
            mask = mask.repeat_interleave(self.heads, dim=0)
        match_NQT = torch.baddbmm(mask, q_NQd, k_NTd.mT, alpha=q_NQd.shape[2] ** -0.5)
        found_NQd = torch.bmm(self.dropout(torch.softmax(match_NQT, dim=2)), v_NTd)
        written: torch.Tensor = self.write(self._joined(found_NQd))
        return written

    def _split(self, x_BTD: torch.Tensor) -> torch.Tensor:
        """Return each head's part as a batch of its own; with one head nothing is copied."""
        if self.heads == 1:
            return x_BTD
        batch, length, width = x_BTD.shape
        parts = x_BTD.view(batch, length, self.heads, width // self.heads).transpose(1, 2)
        return parts.reshape(batch * self.heads, length, -1)

    def _joined(self, x_NTd: torch.Tensor) -> torch.Tensor:
        if self.heads == 1:
            return x_NTd
        count, length, part = x_NTd.shape
        parts = x_NTd.view(count // self.heads, self.heads, length, part).transpose(1, 2)
        return parts.reshape(-1, length, self.heads * part)


class PostNormBlock(nn.Module):
    """Attention, beside it the high-pass branch where one is wanted, then two dense layers."""

    def __init__(self, shape: BackboneShape) -> None:
        super().__init__()
        width = shape.width
        self.high_pass = shape.high_pass
        self.dropout = shape.dropout
        self.attention = PlainAttention(width, shape.heads, shape.dropout)
        self.attention_norm = nn.LayerNorm(width)
        if shape.high_pass:
            self.filter = HighPass(width, shape.max_length)
            self.filter_norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, 4 * width)
        self.narrow = nn.Linear(4 * width, width)
        self.forward_norm = nn.LayerNorm(width)

    def forward(self, x_BTD: torch.Tensor) -> torch.Tensor:
        """Return the next layer's positions."""
        length = x_BTD.shape[1]
        ahead_TT = torch.full((length, length), -math.inf, device=x_BTD.device).triu(1)
        filtered = self.filter(x_BTD) if self.high_pass else None
        return self._mixed(x_BTD, self.attention(x_BTD, x_BTD, ahead_TT), filtered)

    def last(self, x_BTD: torch.Tensor, lengths_B: torch.Tensor) -> torch.Tensor:
        """Return the next layer's last positions, [B, D]."""
        asking_BD = at_last(x_BTD, lengths_B)
        place_T = torch.arange(x_BTD.shape[1], device=x_BTD.device)
        is_padding_BT = place_T >= lengths_B[:, None]
        mask_B1T = torch.where(is_padding_BT, -math.inf, 0.0)[:, None]
        gathered_BD = self.attention(asking_BD[:, None], x_BTD, mask_B1T)[:, 0]
        filtered = self.filter.last(x_BTD, lengths_B) if self.high_pass else None
        return self._mixed(asking_BD, gathered_BD, filtered)

    def _mixed(
        self, x: torch.Tensor, gathered: torch.Tensor, filtered: torch.Tensor | None
    ) -> torch.Tensor:
        mixed = self.attention_norm(x + self.dropout(gathered))
        if filtered is not None:
            passed = self.filter_norm(x + self.dropout(filtered))
            mixed = torch.lerp(mixed, passed, self.high_pass)
        deep = self.narrow(functional.gelu(self.widen(mixed)))
        out: torch.Tensor = self.forward_norm(mixed + self.dropout(deep))
        return out


class SASRec(Backbone):
    """Post-norm blocks over learned places, counted from the window's first event."""

    def __init__(self, shape: BackboneShape) -> None:
        super().__init__()
        self.places = nn.Embedding(shape.max_length, shape.width)
        nn.init.normal_(self.places.weight, std=_INIT_STD)
        self.blocks = nn.ModuleList(PostNormBlock(shape) for _ in range(shape.layers))
        # So small that each block begins as almost nothing: the network starts from "like what was
        # there last" and learns what differs.
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=_INIT_STD)
                nn.init.zeros_(module.bias)

    def forward(self, x_BTD: torch.Tensor, seconds_BT: torch.Tensor) -> torch.Tensor:
        """Return the state after each event."""
        x_BTD = self._placed(x_BTD)
        for block in self.blocks:
            x_BTD = block(x_BTD)
        return x_BTD

    def last(
        self, x_BTD: torch.Tensor, seconds_BT: torch.Tensor, lengths_B: torch.Tensor
    ) -> torch.Tensor:
        """Return the state after each last event; the last block does nothing else."""
        x_BTD = self._placed(x_BTD)
        *others, top = self.blocks
        for block in others:
            x_BTD = block(x_BTD)
        assert isinstance(top, PostNormBlock)
        return top.last(x_BTD, lengths_B)

    def _placed(self, x_BTD: torch.Tensor) -> torch.Tensor:
        return x_BTD + self.places.weight[: x_BTD.shape[1]]
