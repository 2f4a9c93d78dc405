"""Several processes that train one network, each on its share of every batch.

`torchrun` starts them. All make the same batch from the same random numbers, each learns from its
own windows of it, and their gradients are added up before the weights move, so that all keep the
same weights. Only what dropout drops and whose ids are hidden differs from rank to rank.

In: a batch and what follows its events. Out: the loss of a share, weighted so that the gradients of
all shares add up to that of the whole batch. Knows nothing about epochs or files.

Shapes: B windows, N wanted items.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import timedelta
from typing import TypeVar

import numpy as np
import torch
from torch import distributed

from habitue.compute import is_one_of_several
from habitue.config import TrainingSettings
from habitue.errors import Failed, Refused
from habitue.model.behaviour import BehaviourModel
from habitue.model.following import Following
from habitue.model.objectives import Rivals, behaviour_loss
from habitue.sequences.batches import Batch
from habitue.sequences.sequences import IntArray

_LONGEST_WAIT = timedelta(days=7)  # while the first one reads a log, and counts and fits at the end
_LARGE = 1 << 16  # elements: of fewer, many gradients travel together

Rowed = TypeVar("Rowed")


@dataclass(frozen=True)
class Ranks:
    """Which of the processes of a training this is, from 0, and how many there are."""

    rank: int
    count: int

    @staticmethod
    def current() -> "Ranks | None":
        """Return who we are; None where a training has one process."""
        if not (distributed.is_available() and distributed.is_initialized()):
            return None
        return Ranks(distributed.get_rank(), distributed.get_world_size())

    @property
    def is_first(self) -> bool:
        """Whether this is the one that judges, writes and speaks."""
        return self.rank == 0

    def rows(self, lengths_B: IntArray) -> IntArray:
        """Return this rank's windows of a batch: dealt like cards, the longest first.

        All ranks then have about equally many events, and equally many windows but for one.
        """
        return np.sort(np.argsort(-lengths_B, kind="stable")[self.rank :: self.count])

    def loss(
        self,
        model: BehaviourModel,
        batch: Batch,
        following: Following,
        rivals: Rivals,
        training: TrainingSettings,
        *,
        place: tuple[int, int],
    ) -> torch.Tensor:
        """Return this rank's part of the loss of a whole batch; the parts add up to it.

        Random numbers go by the seed and the `place` of the batch in the training, so that nothing
        of them has to be remembered: those of rivals are the same everywhere, all others are the
        rank's own.
        """
        shared, *own = np.random.SeedSequence((training.seed, *place)).generate_state(
            1 + self.count, dtype=np.uint64
        )
        torch.manual_seed(int(shared))
        wanted = following.items_BQ.view(-1)
        drawn = _Drawn(rivals.draw(wanted[wanted > 0]))
        torch.manual_seed(int(own[self.rank]))
        rows = self.rows(batch.lengths_B.numpy())
        # Nobody goes without: whoever had no gradient would not know which ones to add.
        mine = rows if len(rows) else np.zeros(1, dtype=np.int64)
        count = len(batch.lengths_B)
        part = _rows_of(following, mine, count)
        share, weighed = _weights(part, following, training)
        loss = behaviour_loss(model, _rows_of(batch, mine, count), part, drawn, weighed)
        return loss * (share if len(rows) else 0.0)

    def add_up(self, model: BehaviourModel) -> None:
        """Put the sum of all ranks' gradients in the place of this one's."""
        found = [weight.grad for weight in model.parameters() if weight.grad is not None]
        for gradient in found:
            if gradient.numel() >= _LARGE:
                distributed.all_reduce(gradient)
        small = [gradient for gradient in found if gradient.numel() < _LARGE]
        together = torch.cat([gradient.reshape(-1) for gradient in small])
        distributed.all_reduce(together)
        parts = torch.split(together, [gradient.numel() for gradient in small])
        for gradient, part in zip(small, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    def total(self, value: float) -> float:
        """Return the sum of all ranks' values."""
        summed = torch.tensor(value, dtype=torch.float64)
        distributed.all_reduce(summed)
        return float(summed)

    def told(self, *values: float) -> list[float]:
        """Return the first rank's values."""
        told = torch.tensor(values, dtype=torch.float64)
        distributed.broadcast(told, src=0)
        found: list[float] = told.tolist()
        return found

    def check_in_step(self, *values: float) -> None:
        """Wait for all ranks, and make sure that they are equally far.

        Raises:
            Failed: they are not.
        """
        lowest = torch.tensor(values, dtype=torch.float64)
        highest = lowest.clone()
        distributed.all_reduce(lowest, op=distributed.ReduceOp.MIN)
        distributed.all_reduce(highest, op=distributed.ReduceOp.MAX)
        if not torch.equal(lowest, highest):
            raise Failed(
                f"The {self.count} processes of this training are not equally far: from "
                f"{lowest.tolist()} to {highest.tolist()} (epochs, steps).",
                fix="Let all of them see the same folder, and start the training again.",
                code="ranks_differ",
            )


class _Drawn(Rivals):
    """Rivals that were drawn for a whole batch already."""

    def __init__(self, drawn: tuple[torch.Tensor, torch.Tensor]) -> None:
        self.drawn = drawn

    def draw(self, wanted_N: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return them."""
        return self.drawn


def _weights(
    part: Following, whole: Following, training: TrainingSettings
) -> tuple[float, TrainingSettings]:
    """Return by what to multiply the loss of a part, and with which weights to take it.

    Each objective is a mean over those that it asks about: of wanted items, of events. A part's
    mean counts as many as it asks about; one factor for all would count them wrongly.
    """
    items = _share(part.items_BQ, whole.items_BQ)
    events = _share(part.is_event_BQ, whole.is_event_BQ)
    share = items or 1.0  # without any wanted item what is asked of them is 0 anyway
    change = {
        "event_type_weight": training.event_type_weight * events / share,
        "gap_weight": training.gap_weight * events / share,
    }
    if part.later is not None and whole.later is not None:
        later = _share(part.later.items_BQ, whole.later.items_BQ)
        change["dense_weight"] = training.dense_weight * later / share
    return share, training.model_copy(update=change)


def _share(part: torch.Tensor, whole: torch.Tensor) -> float:
    return int(part.count_nonzero()) / max(int(whole.count_nonzero()), 1)


def _rows_of(value: Rowed, rows: IntArray, count: int) -> Rowed:
    """Return the same with only these rows of all that has a row for each of `count` windows."""
    if is_dataclass(value) and not isinstance(value, type):
        parts = {one.name: _rows_of(getattr(value, one.name), rows, count) for one in fields(value)}
        return replace(value, **parts)
    if isinstance(value, torch.Tensor | np.ndarray) and len(value) == count:
        return value[rows]  # type: ignore[return-value]
    return value


@contextmanager
def joined(training: TrainingSettings | None = None) -> Iterator[Ranks | None]:
    """Be one of the processes that torchrun started; without it there is but one, None.

    Raises:
        Refused: the `training` is one for a single process.
    """
    if not is_one_of_several():
        yield None
        return
    if training is not None:
        _check(training)
    distributed.init_process_group("gloo", timeout=_LONGEST_WAIT)
    try:
        yield Ranks.current()
    finally:
        distributed.destroy_process_group()


def _check(training: TrainingSettings) -> None:
    if training.batch == 0:
        raise Refused(
            "The size of a batch is to be found (0), and each process would find another.",
            fix="Set training.batch_events (or training.batch_samples), or train without torchrun.",
            code="usage",
        )
    if training.device == "cuda":
        raise Refused(
            "training.device is 'cuda', and several processes train on processors alone.",
            fix="Set it to 'auto' or 'cpu', or train without torchrun.",
            code="usage",
        )
    if training.coles_weight:
        raise Refused(
            f"training.coles_weight is {training.coles_weight:g}: that objective compares persons "
            "of a batch with each other, and several processes would share them out.",
            fix="Set it to 0, or train without torchrun.",
            code="usage",
        )
