"""The recurrent backbone: a GRU over events, cheap to carry on event by event.

In: event vectors [B, T, D] and seconds [B, T] (unused: the pause stands among an event's own
features). Out: states [B, T, D].
"""

import torch
from torch import nn

from habitue.model.layers import PooledDropout


class EventGRU(nn.Module):
    """Stacked GRU layers with a residual around each."""

    def __init__(self, *, width: int, layers: int, dropout: PooledDropout) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.GRU(width, width, batch_first=True) for _ in range(layers))
        self.dropout = dropout

    def forward(self, x_BTD: torch.Tensor, seconds_BT: torch.Tensor) -> torch.Tensor:
        """Return the state after each event."""
        for layer in self.layers:
            x_BTD = x_BTD + self.dropout(layer(x_BTD)[0])
        return x_BTD
