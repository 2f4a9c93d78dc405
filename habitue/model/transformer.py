"""The flagship backbone: a causal Transformer over events that knows how long ago things were.

In: event vectors [B, T, D] and seconds [B, T]. Out: states [B, T, D]; the state at a position
depends on this position and earlier ones only.
"""

import torch
from torch import nn

from habitue.model.layers import Attention, GatedResidual, PooledDropout, SwiGLU, TimeBias


class Block(nn.Module):
    """Attention, then a feed-forward layer; each normalised before and gated after."""

    def __init__(self, *, width: int, heads: int, dropout: PooledDropout) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.attention_residual = GatedResidual(width, dropout)
        self.forward_norm = nn.LayerNorm(width)
        self.forward_layer = SwiGLU(width)
        self.forward_residual = GatedResidual(width, dropout)

    def forward(self, x_BTD: torch.Tensor, mask_BHTT: torch.Tensor) -> torch.Tensor:
        """Return the next layer's positions."""
        mixed = self.attention(self.attention_norm(x_BTD), mask_BHTT)
        x_BTD = self.attention_residual(x_BTD, mixed)
        out: torch.Tensor = self.forward_residual(
            x_BTD, self.forward_layer(self.forward_norm(x_BTD))
        )
        return out


class EventTransformer(nn.Module):
    """Pre-norm blocks under one relative bias by place and by time."""

    def __init__(
        self, *, width: int, layers: int, heads: int, max_length: int, dropout: PooledDropout
    ) -> None:
        super().__init__()
        self.bias = TimeBias(layers=layers, heads=heads, max_length=max_length)
        self.blocks = nn.ModuleList(
            Block(width=width, heads=heads, dropout=dropout) for _ in range(layers)
        )

    def forward(self, x_BTD: torch.Tensor, seconds_BT: torch.Tensor) -> torch.Tensor:
        """Return the state after each event."""
        for block, mask_BHTT in zip(self.blocks, self.bias(seconds_BT), strict=True):
            x_BTD = block(x_BTD, mask_BHTT)
        return x_BTD
