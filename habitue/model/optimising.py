"""How weights move: the optimiser, its schedule, penalties, and the average of the weights.

In: a model and its training settings. Out: things that a run calls after each step. Knows nothing
about losses or batches.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import torch

from habitue.config import TrainingSettings
from habitue.model.behaviour import BehaviourModel

_WARM_UP = 0.04
MIN_BATCH_EVENTS: Final = 256
_CHOSEN_EVENTS = 3_000_000  # seen in all, where the number of epochs is left to us
_TABLES = (torch.nn.Embedding, torch.nn.EmbeddingBag)


def pace(num_events: int, training: TrainingSettings) -> tuple[int, int]:
    """Return epochs and events a batch: a small log needs more passes and smaller batches.

    Where the events of a batch are to be found, these are the most to be tried.
    """
    epochs = training.epochs or min(max(_CHOSEN_EVENTS // num_events, 3), 40)
    most = max(num_events // 32, MIN_BATCH_EVENTS)
    return epochs, min(training.batch_events, most) if training.batch_events else most


def schedule(step: int, steps: int) -> float:
    """Return the share of the peak learning rate: up in a straight line, down by a cosine."""
    warm_up = max(1, round(_WARM_UP * steps))
    if step < warm_up:
        return (step + 1) / warm_up
    done = min((step - warm_up) / max(steps - warm_up, 1), 1.0)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done))


def new_optimizer(model: BehaviourModel, training: TrainingSettings) -> torch.optim.AdamW:
    """AdamW, fused (70 times faster on a large table); layers and tables decay apart."""
    decaying, tables = _matrices(model)
    kept = {id(p) for p in (*decaying, *tables)}
    other = [p for p in model.parameters() if id(p) not in kept]
    groups = [
        {"params": decaying, "weight_decay": training.weight_decay},
        {"params": tables, "weight_decay": training.embedding_decay},
        {"params": other, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=training.learning_rate, betas=(0.9, 0.98), fused=True)


@torch.no_grad()
def shrink(model: BehaviourModel, by: float) -> None:
    """Bring each weight of a layer nearer to zero by so much, and to zero where it is near.

    This is the L1 penalty done after the step, as AdamW does the L2 penalty: within the loss Adam
    would scale it away, and no weight would ever be zero.
    """
    for weight in _matrices(model)[0]:
        weight.copy_(torch.nn.functional.softshrink(weight, by))


def _matrices(
    model: BehaviourModel,
) -> tuple[list[torch.nn.Parameter], list[torch.nn.Parameter]]:
    """Return the matrices of layers, and the tables of vectors."""
    tables = [p for m in model.modules() if isinstance(m, _TABLES) for p in m.parameters()]
    is_table = {id(p) for p in tables}
    return [p for p in model.parameters() if p.ndim > 1 and id(p) not in is_table], tables


class Average:
    """The moving average of the weights: steadier than the last step's, for one more copy of them.

    Each step counts `1 - decay`; in the first steps more, or the beginning would be remembered.
    """

    def __init__(self, model: BehaviourModel, decay: float) -> None:
        self.decay = decay
        self.weights = list(model.parameters())
        self.values = [weight.detach().clone() for weight in self.weights]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after step number `step`, from 1."""
        share = 1 - min(self.decay, step / (9 + step))
        for value, weight in zip(self.values, self.weights, strict=True):
            value.lerp_(weight, share)

    @contextmanager
    def standing_in(self) -> Iterator[None]:
        """Let the average be the weights for a while."""
        own = [weight.data for weight in self.weights]
        try:
            for value, weight in zip(self.values, self.weights, strict=True):
                weight.data = value
            yield
        finally:
            for value, weight in zip(own, self.weights, strict=True):
                weight.data = value
