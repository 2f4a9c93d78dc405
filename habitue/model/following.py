"""What is asked after the events of a batch, and what the true answers are.

In: a batch of training windows and the sequences they were cut from. Out: what came after each of
its events, or after the last ones; wanted items of the weeks after; slices to be told apart. All
of it lies within the training span, and after the event it is asked of. Knows nothing about
networks.

Shapes: B windows, T positions, Q positions asked about (all, or the last one; a few for what comes
later).
"""

# ruff: noqa: N815 (tensors carry shape letters, as fields too)

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from habitue.config import TrainingSettings
from habitue.model.slices import Slices, cut_slices
from habitue.schema import DAY
from habitue.sequences.batches import NO_TARGET, Batch, TrainingSpan
from habitue.sequences.encoder import gap_bins
from habitue.sequences.sequences import IntArray, Sequences

LATER = 28 * DAY
_MOST_FURTHER = 3  # events that a wanted item may stand behind the next one
_LATER_SHARE = 4  # one event in so many is asked what comes later


@dataclass(frozen=True)
class Later:
    """A random wanted item of the weeks after some events of a batch."""

    place_BQ: torch.Tensor  # where in its window each event stands
    items_BQ: torch.Tensor  # 0 where none follows
    item_gaps_BQ: torch.Tensor  # bin of the pause until then


@dataclass(frozen=True)
class Following:
    """What came after the events of a batch that are asked about."""

    place_BQ: torch.Tensor  # where in its window each stands
    # of the next wanted item; 0 where none follows
    items_BQ: torch.Tensor
    categories_BQ: torch.Tensor
    item_gaps_BQ: torch.Tensor  # bin of the pause until then
    # of the next event of any kind
    event_types_BQ: torch.Tensor
    gaps_BQ: torch.Tensor
    is_event_BQ: torch.Tensor
    # None where nothing of the kind is asked
    later: Later | None = None
    slices: Slices | None = None


def following_events(
    sequences: Sequences,
    span: TrainingSpan,
    batch: Batch,
    rng: np.random.Generator,
    settings: TrainingSettings,
    *,
    further: float = 0.0,
) -> Following:
    """Return what came after each event of a batch of training windows, or after the last ones.

    The wanted item is the next one, or by the toss of a coin one of the next visit. In a log of
    baskets the next line is nearly always of the same basket, in no order; without the coin one
    event in ten would teach what to advise before the next visit. `further` is the chance that the
    wanted item stands one event further on, its square that it stands two, up to `_MOST_FURTHER`.
    """
    place_BQ = np.arange(batch.index_BT.shape[1])[None]
    if settings.samples == "prefix":
        place_BQ = batch.lengths_B.numpy()[:, None] - 1
    index_BQ = np.take_along_axis(batch.index_BT, place_BQ, axis=1)
    is_event_BQ = np.take_along_axis(batch.is_event_BT, place_BQ, axis=1)
    target_BQ = span.next_targets(index_BQ)
    if further > 0:
        steps_BQ = np.minimum(rng.geometric(1 - further, index_BQ.shape) - 1, _MOST_FURTHER)
        further_BQ = span.further_targets(index_BQ, steps_BQ)
        target_BQ = np.where(further_BQ != NO_TARGET, further_BQ, target_BQ)
    if settings.next_visit > 0:
        later_BQ = span.next_visit_targets(index_BQ, rng)
        is_later_BQ = (rng.random(index_BQ.shape) < settings.next_visit) & (later_BQ != NO_TARGET)
        target_BQ = np.where(is_later_BQ, later_BQ, target_BQ)
    target_BQ = np.where(is_event_BQ, target_BQ, NO_TARGET)
    items_BQ, item_gaps_BQ = _items_and_gaps(sequences, index_BQ, target_BQ)
    has_target_BQ = target_BQ != NO_TARGET
    return Following(
        place_BQ=_tensor(place_BQ),
        items_BQ=items_BQ,
        categories_BQ=_tensor(sequences.features["category_1"][target_BQ] * has_target_BQ),
        item_gaps_BQ=item_gaps_BQ,
        event_types_BQ=_tensor(sequences.event_types[index_BQ + 1]),
        gaps_BQ=_tensor(sequences.features["gap"][index_BQ + 1]),
        is_event_BQ=torch.from_numpy(is_event_BQ),
        later=_later(sequences, span, batch, rng, settings) if settings.dense_weight else None,
        slices=_slices(span, batch, rng) if settings.coles_weight else None,
    )


def _later(
    sequences: Sequences,
    span: TrainingSpan,
    batch: Batch,
    rng: np.random.Generator,
    settings: TrainingSettings,
) -> Later:
    """Ask some events of each window, or its last one, for any wanted item of the next weeks.

    The dense all-action objective of PinnerFormer (arXiv 2205.04507).
    """
    windows, longest = batch.index_BT.shape
    place_BQ = batch.lengths_B.numpy()[:, None] - 1
    if settings.samples == "all":
        asked = rng.random((windows, -(-longest // _LATER_SHARE)))
        place_BQ = (asked * (place_BQ + 1)).astype(np.int64)
    index_BQ = np.take_along_axis(batch.index_BT, place_BQ, axis=1)
    target_BQ = span.later_targets(index_BQ, rng, timestamps=sequences.timestamps, within=LATER)
    items_BQ, gaps_BQ = _items_and_gaps(sequences, index_BQ, target_BQ)
    return Later(_tensor(place_BQ), items_BQ, gaps_BQ)


def _slices(span: TrainingSpan, batch: Batch, rng: np.random.Generator) -> Slices | None:
    return cut_slices(batch, span.persons(batch.index_BT[:, 0]), rng)


def _items_and_gaps(
    sequences: Sequences, index_BQ: IntArray, target_BQ: IntArray
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the items of the targets and the bins of the pauses until then, 0 where none is."""
    has_target_BQ = target_BQ != NO_TARGET
    waited_BQ = sequences.timestamps[target_BQ] - sequences.timestamps[index_BQ]
    return (
        _tensor(sequences.items[target_BQ] * has_target_BQ),
        _tensor(gap_bins(waited_BQ * has_target_BQ) * has_target_BQ),
    )


def _tensor(values: npt.NDArray[np.generic]) -> torch.Tensor:
    return torch.from_numpy(values.astype(np.int64))
