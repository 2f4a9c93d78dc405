"""The part of the network that says: the same again.

In: a state that asks and the states of the events before. Out: how likely the next wanted item is
one of this window's, and which event's it is. In most shops much of what comes next was seen
before; a softmax over the whole catalogue has to learn that item by item, a pointer once for all
(pointer mixtures, arXiv 1609.07843; repeats in shops, arXiv 1812.02646).

Shapes: B persons, Q asking positions, T positions asked about, D width.
"""

import math

import torch
from torch import nn
from torch.nn import functional

from habitue.model.layers import NUM_TIME_BINS, time_bins


class RepeatPointer(nn.Module):
    """Attention over earlier events, and a gate that says how far to trust it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.ask = nn.Linear(width, width)
        self.answer = nn.Linear(width, width)
        self.by_time = nn.Embedding(NUM_TIME_BINS, 1)
        self.gate = nn.Linear(width, 1)
        nn.init.zeros_(self.by_time.weight)

    def forward(
        self,
        query_BQD: torch.Tensor,
        states_BTD: torch.Tensor,
        *,
        elapsed_BQT: torch.Tensor,
        is_choice_BQT: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return log(1 - repeat) [B, Q] and log(repeat · share) [B, Q, T].

        `is_choice_BQT` marks the events that may be pointed at: earlier ones with a known item.
        Where there is none, a repeat is impossible.
        """
        match_BQT = self.ask(query_BQD) @ self.answer(states_BTD).transpose(1, 2)
        match_BQT = match_BQT / math.sqrt(states_BTD.shape[-1])
        match_BQT = match_BQT + self.by_time(time_bins(elapsed_BQT))[..., 0]
        # A finite floor: a row without any choice would otherwise be 0/0.
        match_BQT = match_BQT.masked_fill(~is_choice_BQT, -1e4)
        any_BQ = is_choice_BQT.any(dim=2)
        gate_BQ = self.gate(query_BQD)[..., 0].masked_fill(~any_BQ, -1e4)
        share_BQT = torch.log_softmax(match_BQT, dim=2)
        return functional.logsigmoid(-gate_BQ), functional.logsigmoid(gate_BQ)[
            ..., None
        ] + share_BQT
