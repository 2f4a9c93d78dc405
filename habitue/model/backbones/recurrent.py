"""The recurrent backbones: a GRU or an LSTM over events, cheap to carry on event by event.

In: event vectors [B, T, D] and seconds [B, T] (unused: the pause stands among an event's own
features). Out: states [B, T, D].
"""

import torch
from torch import nn

from habitue.model.backbones.backbone import Backbone, BackboneShape


class Recurrent(Backbone):
    """Stacked recurrent layers with a residual around each."""

    def __init__(self, shape: BackboneShape, cell: type[nn.GRU] | type[nn.LSTM]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            cell(shape.width, shape.width, batch_first=True) for _ in range(shape.layers)
        )
        self.dropout = shape.dropout

    def forward(self, x_BTD: torch.Tensor, seconds_BT: torch.Tensor) -> torch.Tensor:
        """Return the state after each event."""
        for layer in self.layers:
            x_BTD = x_BTD + self.dropout(layer(x_BTD)[0])
        return x_BTD


def event_gru(shape: BackboneShape) -> Recurrent:
    """Return a GRU."""
    return Recurrent(shape, nn.GRU)


def event_lstm(shape: BackboneShape) -> Recurrent:
    """Return an LSTM."""
    return Recurrent(shape, nn.LSTM)
