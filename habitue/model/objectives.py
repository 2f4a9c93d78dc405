"""What the network learns from a window: the next item, and a little of what else comes next.

In: a batch and what followed each of its events. Out: one loss. Each objective's weight stands in
`WEIGHTS`. Knows nothing about epochs or optimisers.

Shapes: N positions that something follows, M shared candidates, D width.
"""

# ruff: noqa: N815 (tensors carry shape letters, as fields too)

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from habitue.model.behaviour import BehaviourModel, one_hot_gaps
from habitue.model.layers import Candidates, shared_softmax_loss
from habitue.sequences.batches import NO_TARGET, Batch, TrainingSpan
from habitue.sequences.encoder import gap_bins
from habitue.sequences.sequences import Sequences

WEIGHTS = {"item": 1.0, "category": 0.2, "event_type": 0.2, "gap": 0.1}
# Share of events whose item id is hidden, so that content learns to stand for it.
HIDDEN_ITEMS = 0.08
# Share of events whose wanted item is one of the next visit and not simply the next.
NEXT_VISIT = 0.5
_MAX_CATEGORY_RIVALS = 512


@dataclass(frozen=True)
class Following:
    """What came after the events of a batch."""

    # of the next wanted item; 0 where none follows
    items_BT: torch.Tensor
    categories_BT: torch.Tensor
    item_gaps_BT: torch.Tensor  # bin of the pause until then
    # of the next event of any kind
    event_types_BT: torch.Tensor
    gaps_BT: torch.Tensor
    is_event_BT: torch.Tensor


class Rivals:
    """Draws the items that a true next item is told apart from, shared by a whole batch.

    Half of the draws are uniform, half as frequent as the items are: uniform draws alone hardly
    ever hit the popular items that are the real rivals, frequent draws alone collapse (arXiv
    2507.09331). Each draw counts as many items as it stands for (the logQ correction), so that
    the softmax stays an honest probability.
    """

    def __init__(self, frequencies_I: npt.NDArray[np.int64], *, count: int) -> None:
        self.num_items = len(frequencies_I)
        self.count = count
        share_I = 0.5 / self.num_items + 0.5 * frequencies_I / max(int(frequencies_I.sum()), 1)
        share_I = share_I / share_I.sum()
        self._cumulative_I = torch.from_numpy(np.cumsum(share_I))
        self._correction_I = torch.from_numpy(-np.log(share_I * count)).float()

    def draw(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return item indices [M] and what to add to their logits [M]; all where they are few."""
        if self.num_items <= 2 * self.count:
            return torch.arange(1, self.num_items + 1), torch.zeros(self.num_items)
        place = torch.searchsorted(self._cumulative_I, torch.rand(self.count, dtype=torch.float64))
        place = place.clamp(max=self.num_items - 1)
        return place + 1, self._correction_I[place]


def following_events(
    sequences: Sequences, span: TrainingSpan, batch: Batch, rng: np.random.Generator
) -> Following:
    """Return what came after each event of a batch of training windows.

    The wanted item is the next one, or by the toss of a coin one of the next visit. In a log of
    baskets the next line is nearly always of the same basket, in no order; without the coin one
    event in ten would teach what to advise before the next visit.
    """
    index_BT = batch.index_BT
    target_BT = span.next_targets(index_BT)
    later_BT = span.next_visit_targets(index_BT, rng)
    is_later_BT = (rng.random(index_BT.shape) < NEXT_VISIT) & (later_BT != NO_TARGET)
    target_BT = np.where(is_later_BT, later_BT, target_BT)
    target_BT = np.where(batch.is_event_BT, target_BT, NO_TARGET)
    has_target = target_BT != NO_TARGET
    target_BT = np.maximum(target_BT, 0)
    waited_BT = sequences.timestamps[target_BT] - sequences.timestamps[index_BT]
    return Following(
        items_BT=_tensor(sequences.items[target_BT] * has_target),
        categories_BT=_tensor(sequences.features["category_1"][target_BT] * has_target),
        item_gaps_BT=_tensor(gap_bins(waited_BT) * has_target),
        event_types_BT=_tensor(sequences.event_types[index_BT + 1]),
        gaps_BT=_tensor(sequences.features["gap"][index_BT + 1]),
        is_event_BT=torch.from_numpy(batch.is_event_BT),
    )


def behaviour_loss(
    model: BehaviourModel, batch: Batch, following: Following, rivals: Rivals
) -> torch.Tensor:
    """Return the weighted sum of all objectives over one batch."""
    shape = model.shape
    wanted_at_N = following.items_BT.view(-1).nonzero()[:, 0]
    items_N = following.items_BT.view(-1)[wanted_at_N]
    rival_M, correction_M = rivals.draw()
    hidden_BT = torch.rand(batch.items_BT.shape) < HIDDEN_ITEMS
    seen_items = batch.items_BT.masked_fill(hidden_BT, 0).view(-1)
    candidate_U, place = torch.unique(torch.cat([items_N, rival_M]), return_inverse=True)
    # One look-up for inputs and candidates: its gradient is as large as the item table.
    rows = model.item_table(torch.cat([seen_items, candidate_U]))
    items_BTD = rows[: len(seen_items)].view(*batch.items_BT.shape, shape.width)
    vectors_UD = rows[len(seen_items) :] + model.content_vectors(candidate_U)
    states_BTD = model.states(batch, items_BTD)

    query_BTD = model.at_gap(states_BTD, one_hot_gaps(following.item_gaps_BT))
    query_ND = _rows(query_BTD, wanted_at_N)
    mixture = _repeats(model, batch, following.items_BT, query_BTD, states_BTD)
    item_loss = shared_softmax_loss(
        model.item_query(query_ND),
        own=Candidates(
            functional.embedding(place[: len(items_N)], vectors_UD),
            model.item_bias[items_N],
            items_N,
        ),
        shared=Candidates(
            functional.embedding(place[len(items_N) :], vectors_UD),
            model.item_bias[rival_M] + correction_M,
            rival_M,
        ),
        mixture=(mixture[0].view(-1)[wanted_at_N], mixture[1].view(-1)[wanted_at_N]),
    )
    loss = WEIGHTS["item"] * item_loss
    if shape.num_categories > 2:
        categories_N = following.categories_BT.view(-1)[wanted_at_N]
        loss = loss + WEIGHTS["category"] * _category_loss(model, query_ND, categories_N)
    return loss + _event_losses(model, states_BTD, following)


def _repeats(
    model: BehaviourModel,
    batch: Batch,
    wanted_BT: torch.Tensor,
    query_BTD: torch.Tensor,
    states_BTD: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return log(1 - repeat) and log(probability of the wanted item as a repeat), both [B, T]."""
    length = wanted_BT.shape[1]
    is_past_TT = torch.ones(length, length, dtype=torch.bool).tril()
    seconds_BT = batch.seconds_BT
    new_BT, repeat_BTT = model.repeats(
        query_BTD,
        states_BTD,
        elapsed_BQT=seconds_BT[:, :, None] - seconds_BT[:, None, :],
        is_choice_BQT=model.is_known(batch.items_BT)[:, None, :] & is_past_TT,
    )
    is_same_BTT = (wanted_BT[:, :, None] == batch.items_BT[:, None, :]) & is_past_TT
    return new_BT, torch.logsumexp(repeat_BTT.masked_fill(~is_same_BTT, -1e4), dim=2)


def _event_losses(
    model: BehaviourModel, states_BTD: torch.Tensor, following: Following
) -> torch.Tensor:
    event_at_P = following.is_event_BT.view(-1).nonzero()[:, 0]
    states_PD = _rows(states_BTD, event_at_P)
    gaps_P = following.gaps_BT.view(-1)[event_at_P]
    types_P = following.event_types_BT.view(-1)[event_at_P]
    type_query = model.at_gap(states_PD, one_hot_gaps(gaps_P))
    type_loss = functional.cross_entropy(model.event_type_head(type_query), types_P)
    gap_loss = functional.cross_entropy(model.gap_head(states_PD), gaps_P)
    return WEIGHTS["event_type"] * type_loss + WEIGHTS["gap"] * gap_loss


def _category_loss(
    model: BehaviourModel, query_ND: torch.Tensor, categories_N: torch.Tensor
) -> torch.Tensor:
    count, size = model.shape.num_categories, len(categories_N)
    rival_M = torch.arange(count)
    if count > _MAX_CATEGORY_RIVALS:
        rival_M = torch.randint(0, count, (_MAX_CATEGORY_RIVALS,))
    correction = math.log(count / len(rival_M))
    vectors = model.category_vectors(torch.cat([categories_N, rival_M]))
    return shared_softmax_loss(
        model.category_query(query_ND),
        own=Candidates(vectors[:size], model.category_bias[categories_N], categories_N),
        shared=Candidates(vectors[size:], model.category_bias[rival_M] + correction, rival_M),
    )


def _rows(values_BTD: torch.Tensor, at_N: torch.Tensor) -> torch.Tensor:
    # An embedding look-up, because its gradient is far faster than that of indexing.
    return functional.embedding(at_N, values_BTD.reshape(-1, values_BTD.shape[-1]))


def _tensor(values: npt.NDArray[np.generic]) -> torch.Tensor:
    return torch.from_numpy(values.astype(np.int64))
