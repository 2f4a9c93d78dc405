"""What every backbone is: event vectors in, states out, and never a look ahead.

In: event vectors [B, T, D], padded on the right, and seconds [B, T]. Out: states [B, T, D]; the
state at a position depends on this position and earlier ones only. Knows nothing about items,
objectives or training.

Shapes: B windows, T positions, D width.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from habitue.model.layers import PooledDropout


@dataclass(frozen=True)
class BackboneShape:
    """The numbers a backbone is built from; each reads those that mean something to it."""

    width: int
    layers: int
    heads: int
    max_length: int
    high_pass: float
    dropout: PooledDropout


class Backbone(nn.Module, ABC):
    """A causal network over the events of a window."""

    @abstractmethod
    def forward(self, x_BTD: torch.Tensor, seconds_BT: torch.Tensor) -> torch.Tensor:
        """Return the state after each event, [B, T, D]."""

    def last(
        self, x_BTD: torch.Tensor, seconds_BT: torch.Tensor, lengths_B: torch.Tensor
    ) -> torch.Tensor:
        """Return the state after each window's last event, [B, D].

        The same as `forward` gives there. A backbone that can do with less work overrides it.
        """
        states: torch.Tensor = self(x_BTD, seconds_BT)
        return at_last(states, lengths_B)


def at_last(x_BTD: torch.Tensor, lengths_B: torch.Tensor) -> torch.Tensor:
    """Return each window's last position, [B, D]."""
    length, width = x_BTD.shape[1:]
    at_B = torch.arange(len(lengths_B), device=x_BTD.device) * length + lengths_B - 1
    # An embedding look-up, because its gradient is far faster than that of indexing.
    return functional.embedding(at_B, x_BTD.reshape(-1, width))
