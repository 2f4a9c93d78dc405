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


class PlainAttention(nn.Module):
    """Causal attention of the positions asked about over all positions."""

    def __init__(self, width: int, heads: int, dropout: PooledDropout) -> None:
        super().__init__()
        self.heads = heads
        self.ask = nn.Linear(width, width)
        self.read = nn.Linear(width, 2 * width)
        self.write = nn.Linear(width, width)
        self.dropout = dropout

    def forward(
        self, asking_BQD: torch.Tensor, x_BTD: torch.Tensor, is_hidden: torch.Tensor
    ) -> torch.Tensor:
        """Return what each asking position gathers of those not hidden, [.., Q, T], from it."""
        head = x_BTD.shape[2] // self.heads
        q_BHQd = self._split(self.ask(asking_BQD), head)
        k_BTD, v_BTD = self.read(x_BTD).chunk(2, dim=2)
        k_BHTd, v_BHTd = self._split(k_BTD, head), self._split(v_BTD, head)
        match_BHQT = (q_BHQd * head**-0.5) @ k_BHTd.transpose(2, 3)
        share_BHQT = torch.softmax(match_BHQT.masked_fill(is_hidden, -math.inf), dim=3)
        found_BHQd = self.dropout(share_BHQT) @ v_BHTd
        written: torch.Tensor = self.write(found_BHQd.transpose(1, 2).reshape(asking_BQD.shape))
        return written

    def _split(self, x_BTD: torch.Tensor, head: int) -> torch.Tensor:
        return x_BTD.view(*x_BTD.shape[:2], self.heads, head).transpose(1, 2)


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
        is_ahead_TT = torch.ones(length, length, dtype=torch.bool).triu(1)
        filtered = self.filter(x_BTD) if self.high_pass else None
        return self._mixed(x_BTD, self.attention(x_BTD, x_BTD, is_ahead_TT), filtered)

    def last(self, x_BTD: torch.Tensor, lengths_B: torch.Tensor) -> torch.Tensor:
        """Return the next layer's last positions, [B, D]."""
        asking_BD = at_last(x_BTD, lengths_B)
        place_T = torch.arange(x_BTD.shape[1])
        is_padding_B11T = (place_T >= lengths_B[:, None])[:, None, None]
        gathered_BD = self.attention(asking_BD[:, None], x_BTD, is_padding_B11T)[:, 0]
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
        nn.init.normal_(self.places.weight, std=0.02)
        self.blocks = nn.ModuleList(PostNormBlock(shape) for _ in range(shape.layers))

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
