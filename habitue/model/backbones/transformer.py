"""The flagship backbone: a causal Transformer over events that knows how long ago things were.

In: event vectors [B, T, D] and seconds [B, T]. Out: states [B, T, D]; the state at a position
depends on this position and earlier ones only.
"""

import torch
from torch import nn

from habitue.model.backbones.backbone import Backbone, BackboneShape
from habitue.model.layers import Attention, GatedResidual, HighPass, SwiGLU, TimeBias


class Block(nn.Module):
    """Attention, then a feed-forward layer; each normalised before and gated after.

    Where a high-pass branch is wanted, it stands beside the attention.
    """

    def __init__(self, shape: BackboneShape) -> None:
        super().__init__()
        width, dropout = shape.width, shape.dropout
        self.high_pass = shape.high_pass
        self.attention_norm = nn.LayerNorm(width)
        self.attention = Attention(width, shape.heads)
        self.attention_residual = GatedResidual(width, dropout)
        if shape.high_pass:
            self.filter = HighPass(width, shape.max_length)
        self.forward_norm = nn.LayerNorm(width)
        self.forward_layer = SwiGLU(width)
        self.forward_residual = GatedResidual(width, dropout)

    def forward(self, x_BTD: torch.Tensor, mask_BHTT: torch.Tensor) -> torch.Tensor:
        """Return the next layer's positions."""
        normed = self.attention_norm(x_BTD)
        mixed = self.attention(normed, mask_BHTT)
        if self.high_pass:
            mixed = torch.lerp(mixed, self.filter(normed).to(mixed.dtype), self.high_pass)
        x_BTD = self.attention_residual(x_BTD, mixed)
        out: torch.Tensor = self.forward_residual(
            x_BTD, self.forward_layer(self.forward_norm(x_BTD))
        )
        return out


class EventTransformer(Backbone):
    """Pre-norm blocks under one relative bias by place and by time."""

    def __init__(self, shape: BackboneShape) -> None:
        super().__init__()
        self.bias = TimeBias(layers=shape.layers, heads=shape.heads, max_length=shape.max_length)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))

    def forward(self, x_BTD: torch.Tensor, seconds_BT: torch.Tensor) -> torch.Tensor:
        """Return the state after each event."""
        for block, mask_BHTT in zip(self.blocks, self.bias(seconds_BT), strict=True):
            x_BTD = block(x_BTD, mask_BHTT)
        return x_BTD
