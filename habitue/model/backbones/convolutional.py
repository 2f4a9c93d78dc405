"""The convolutional backbone: dilated causal filters, each layer seeing twice as far back.

In: event vectors [B, T, D] and seconds [B, T] (unused: the pause stands among an event's own
features). Out: states [B, T, D]. Like NextItNet (arXiv 1808.05163), normalised before each filter.
"""

import torch
from torch import nn
from torch.nn import functional

from habitue.model.backbones.backbone import Backbone, BackboneShape

_TAPS = 3


class DilatedFilter(nn.Module):
    """A filter over this position and two earlier ones, `dilation` and twice `dilation` ago."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.norm = nn.LayerNorm(width)
        # One matrix over the three shifted copies: on a CPU far faster than `nn.Conv1d`.
        self.mix = nn.Linear(_TAPS * width, width)

    def forward(self, x_BTD: torch.Tensor) -> torch.Tensor:
        """Return the filtered positions."""
        x_BTD = self.norm(x_BTD)
        length = x_BTD.shape[1]
        shifted = [
            functional.pad(x_BTD, (0, 0, tap * self.dilation, 0))[:, :length]
            for tap in range(_TAPS)
        ]
        return functional.gelu(self.mix(torch.cat(shifted, dim=2)))


class EventCNN(Backbone):
    """Residual pairs of filters with dilations 1, 2 · 4, 8 · 16, 32 …"""

    def __init__(self, shape: BackboneShape) -> None:
        super().__init__()
        self.filters = nn.ModuleList(
            DilatedFilter(shape.width, 2**number) for number in range(2 * shape.layers)
        )
        self.dropout = shape.dropout

    def forward(self, x_BTD: torch.Tensor, seconds_BT: torch.Tensor) -> torch.Tensor:
        """Return the state after each event."""
        for dilated in self.filters:
            x_BTD = x_BTD + self.dropout(dilated(x_BTD))
        return x_BTD
