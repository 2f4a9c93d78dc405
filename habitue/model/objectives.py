"""What the network learns from a window: the next item, and a little of what else comes next.

In: a batch and what followed those of its events that are asked about. Out: one loss. Each
objective's weight is a setting; 0 switches it off. Knows nothing about epochs or optimisers.

Shapes: B windows, T positions, Q positions asked about (all, or the last one), N of those that
something follows, K of those asked about later that something follows, M shared candidates, D
width.
"""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from habitue.config import RivalsKind, TrainingSettings
from habitue.model.backbones.backbone import at_last
from habitue.model.behaviour import BehaviourModel, one_hot_gaps, person_embeddings
from habitue.model.device import CPU
from habitue.model.following import Following, Later
from habitue.model.layers import Candidates, full_softmax_loss, shared_softmax_loss
from habitue.model.slices import Slices, slice_loss
from habitue.sequences.batches import Batch

_MAX_CATEGORY_RIVALS = 512

Mixture = tuple[torch.Tensor, torch.Tensor]
ItemLoss = Callable[[torch.Tensor, Mixture | None, slice], torch.Tensor]


class Rivals:
    """Draws the items that a true next item is told apart from, shared by a whole batch.

    Half of the draws are uniform, half as frequent as the items are: uniform draws alone hardly
    ever hit the popular items that are the real rivals, frequent draws alone collapse (arXiv
    2507.09331). Each draw counts as many items as it stands for (the logQ correction), so that
    the softmax stays an honest probability.
    """

    def __init__(
        self,
        frequencies_I: npt.NDArray[np.int64],
        *,
        count: int,
        kind: RivalsKind = "mixed",
        device: torch.device = CPU,
    ) -> None:
        self.num_items = len(frequencies_I)
        self.count = count
        self.kind = kind
        uniform = {"mixed": 0.5, "uniform": 1.0, "in_batch": 0.0}[kind]
        often_I = frequencies_I / max(int(frequencies_I.sum()), 1)
        share_I = uniform / self.num_items + (1 - uniform) * often_I
        share_I = share_I / max(share_I.sum(), 1e-9)
        self._cumulative_I = torch.from_numpy(np.cumsum(share_I)).to(device)
        log_share_I = torch.from_numpy(np.log(np.maximum(share_I, 1e-12))).float()
        self._log_share_I = log_share_I.to(device)

    def draw(self, wanted_N: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return item indices [M] and what to add to their logits [M]; all where they are few.

        `wanted_N` are the batch's true next items.
        """
        if self.kind == "in_batch":
            return wanted_N, -self._log_share_I[wanted_N - 1] - math.log(max(len(wanted_N), 1))
        device = self._cumulative_I.device
        if self.num_items <= 2 * self.count:
            everything = torch.arange(1, self.num_items + 1, device=device)
            return everything, torch.zeros(self.num_items, device=device)
        drawn = torch.rand(self.count, dtype=torch.float64, device=device)
        place = torch.searchsorted(self._cumulative_I, drawn).clamp(max=self.num_items - 1)
        return place + 1, -self._log_share_I[place] - math.log(self.count)


def behaviour_loss(
    model: BehaviourModel,
    batch: Batch,
    following: Following,
    rivals: Rivals,
    settings: TrainingSettings,
) -> torch.Tensor:
    """Return the weighted sum of all objectives over one batch."""
    device = batch.items_BT.device
    hidden_BT = torch.rand(batch.items_BT.shape, device=device) < settings.hidden_items
    seen_BT = batch.items_BT.masked_fill(hidden_BT, 0) if settings.hidden_items else batch.items_BT
    items_N = _wanted(following)
    later_K = items_N[:0] if following.later is None else _wanted(following.later)
    candidates = torch.cat([items_N, later_K])
    if settings.loss == "full":
        items_BTD, item_loss = _against_all(model, batch.items_BT, seen_BT, candidates, settings)
    else:
        drawn = rivals.draw(items_N)
        items_BTD, item_loss = _against_some(
            model, batch.items_BT, seen_BT, candidates, drawn, settings
        )
    with _precision(settings, device):
        states_BTD, asked_BQD = _states(model, batch, items_BTD, settings)
    query_ND, mixture = _queries(model, batch, following, asked_BQD, states_BTD)
    loss = item_loss(model.item_query(query_ND), mixture, slice(len(items_N)))
    if model.shape.num_categories > 2 and settings.category_weight:
        at_N = following.items_BQ.view(-1).nonzero()[:, 0]
        categories_N = following.categories_BQ.view(-1)[at_N]
        loss = loss + settings.category_weight * _category_loss(model, query_ND, categories_N)
    loss = loss + _event_losses(model, asked_BQD, following, settings)
    if following.later is not None and len(later_K):
        if settings.samples == "all":
            asked_BQD = _at_places(asked_BQD, following.later.place_BQ)
        query_KD, mixture = _queries(model, batch, following.later, asked_BQD, states_BTD)
        later = item_loss(model.item_query(query_KD), mixture, slice(len(items_N), None))
        loss = loss + settings.dense_weight * later
    if following.slices is not None:
        with _precision(settings, device):
            embeddings_SE = _slice_embeddings(model, following.slices, items_BTD)
        loss = loss + settings.coles_weight * slice_loss(embeddings_SE, following.slices.owners_S)
    return loss


def _precision(settings: TrainingSettings, device: torch.device) -> torch.autocast:
    """Return the context in which states are made; whatever is made of them stays outside of it."""
    return torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bf16")


def _wanted(asked: Following | Later) -> torch.Tensor:
    """Return the items that follow, of those events that one follows."""
    items = asked.items_BQ.view(-1)
    return items[items.nonzero()[:, 0]]


def _queries(
    model: BehaviourModel,
    batch: Batch,
    asked: Following | Later,
    asked_BQD: torch.Tensor,
    states_BTD: torch.Tensor | None,
) -> tuple[torch.Tensor, Mixture | None]:
    """Return what events that an item follows ask [N, D], and what it is as a repeat."""
    query_BQD = model.at_gap(asked_BQD, one_hot_gaps(asked.item_gaps_BQ))
    at_N = asked.items_BQ.view(-1).nonzero()[:, 0]
    query_ND = _rows(query_BQD, at_N)
    if states_BTD is None:
        return query_ND, None
    new_BQ, repeat_BQ = _repeats(model, batch, asked, query_BQD, states_BTD)
    return query_ND, (new_BQ.view(-1)[at_N], repeat_BQ.view(-1)[at_N])


def _slice_embeddings(
    model: BehaviourModel, slices: Slices, items_BTD: torch.Tensor
) -> torch.Tensor:
    """Return embeddings of slices, whose items were looked up with the batch they are from."""
    states_SLD = model.states(slices.batch, _rows(items_BTD, slices.at_SL)).float()
    return person_embeddings(states_SLD, slices.batch.lengths_B)


def _states(
    model: BehaviourModel, batch: Batch, items_BTD: torch.Tensor, settings: TrainingSettings
) -> tuple[torch.Tensor | None, torch.Tensor]:
    """Return all states [B, T, D], None where nothing points at them, and those asked about."""
    is_prefix, has_repeats = settings.samples == "prefix", model.shape.has_repeats
    if is_prefix and not has_repeats:
        return None, model.last_states(batch, items_BTD)[:, None].float()
    states_BTD = model.states(batch, items_BTD).float()
    asked_BQD = at_last(states_BTD, batch.lengths_B)[:, None] if is_prefix else states_BTD
    return states_BTD if has_repeats else None, asked_BQD


def _against_some(
    model: BehaviourModel,
    items_BT: torch.Tensor,
    seen_BT: torch.Tensor,
    wanted_N: torch.Tensor,
    drawn: tuple[torch.Tensor, torch.Tensor],
    settings: TrainingSettings,
) -> tuple[torch.Tensor, ItemLoss]:
    """Return what items add to their events, and the loss of queries against drawn items.

    One look-up for inputs and candidates: its gradient is as large as the item table.
    """
    rival_M, correction_M = drawn
    candidate_U, place = torch.unique(torch.cat([wanted_N, rival_M]), return_inverse=True)
    rows = model.item_table(torch.cat([seen_BT.view(-1), candidate_U]))
    items_BTD = rows[: seen_BT.numel()].view(*seen_BT.shape, model.shape.width)
    if model.shape.num_attributes:
        items_BTD = items_BTD + model.attribute_vectors(items_BT)
    vectors_UD = rows[seen_BT.numel() :] + model.content_vectors(candidate_U)

    def item_loss(query_ND: torch.Tensor, mixture: Mixture | None, part: slice) -> torch.Tensor:
        own_N = wanted_N[part]
        own_vectors = functional.embedding(place[: len(wanted_N)][part], vectors_UD)
        shared_vectors = functional.embedding(place[len(wanted_N) :], vectors_UD)
        own = Candidates(own_vectors, model.item_bias[own_N], own_N)
        biases_M = model.item_bias[rival_M]
        shared = Candidates(shared_vectors, biases_M + correction_M, rival_M)
        loss = shared_softmax_loss(query_ND, own=own, shared=shared, mixture=mixture)
        if settings.label_smoothing:
            # Each rival stands for so many items; together they are the catalogue.
            share_M = torch.softmax(correction_M, dim=0)
            mean = (share_M @ shared_vectors, share_M @ biases_M)
            loss = loss + settings.label_smoothing * _above_mean(query_ND, own, mean)
        return loss

    return items_BTD, item_loss


def _against_all(
    model: BehaviourModel,
    items_BT: torch.Tensor,
    seen_BT: torch.Tensor,
    wanted_N: torch.Tensor,
    settings: TrainingSettings,
) -> tuple[torch.Tensor, ItemLoss]:
    """Return the same as `_against_some`, but that every item is a candidate."""
    shape = model.shape
    vectors_MD = model.item_table.weight[: shape.rows]
    items_BTD = model.item_table(seen_BT)
    if shape.num_attributes:
        labels_MD = model.attribute_vectors(torch.arange(shape.rows, device=items_BT.device))
        known_BT = torch.where(model.is_known(items_BT), items_BT, 0)
        items_BTD = items_BTD + functional.embedding(known_BT, labels_MD)
        vectors_MD = vectors_MD + labels_MD
    if shape.content_columns:
        everything = torch.arange(1 + shape.num_items, device=items_BT.device)
        content = model.feature_vectors(everything)
        vectors_MD = vectors_MD + functional.pad(content, (0, 0, 0, shape.rows - len(content)))
    # What is no item can never be the answer.
    biases_M = functional.pad(
        model.item_bias[1:], (1, shape.rows - 1 - shape.num_items), value=-math.inf
    )

    def item_loss(query_ND: torch.Tensor, mixture: Mixture | None, part: slice) -> torch.Tensor:
        own_N = wanted_N[part]
        loss = full_softmax_loss(
            query_ND, vectors_MD=vectors_MD, biases_M=biases_M, own_N=own_N, mixture=mixture
        )
        if settings.label_smoothing:
            vectors_ID = vectors_MD[1 : 1 + shape.num_items]
            own_vectors = functional.embedding(own_N, vectors_MD)
            own = Candidates(own_vectors, model.item_bias[own_N], own_N)
            mean = (vectors_ID.mean(0), model.item_bias[1:].mean())
            loss = loss + settings.label_smoothing * _above_mean(query_ND, own, mean)
        return loss

    return items_BTD, item_loss


def _above_mean(
    query_ND: torch.Tensor, own: Candidates, mean: tuple[torch.Tensor, torch.Tensor]
) -> torch.Tensor:
    """Return by how much the logits of the wanted items exceed the mean of all items' logits.

    Cross-entropy with a share s of the truth spread over all items is the plain one plus s times
    this: the normaliser cancels, so no other item's logit is needed.
    """
    own_N = (query_ND * own.vectors).sum(1) + own.biases
    mean_N = query_ND @ mean[0] + mean[1]
    return (own_N - mean_N).sum() / max(len(own_N), 1)


def _repeats(
    model: BehaviourModel,
    batch: Batch,
    asked: Following | Later,
    query_BQD: torch.Tensor,
    states_BTD: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return log(1 - repeat) and log(probability of the wanted item as a repeat), both [B, Q]."""
    place_BQ = asked.place_BQ
    place_T = torch.arange(batch.items_BT.shape[1], device=place_BQ.device)
    is_past_BQT = place_T <= place_BQ[:, :, None]
    seconds_BT = batch.seconds_BT
    seconds_BQ = seconds_BT.gather(1, place_BQ.expand(len(seconds_BT), -1))
    new_BQ, repeat_BQT = model.repeats(
        query_BQD,
        states_BTD,
        elapsed_BQT=seconds_BQ[:, :, None] - seconds_BT[:, None, :],
        is_choice_BQT=model.is_known(batch.items_BT)[:, None, :] & is_past_BQT,
    )
    is_same_BQT = (asked.items_BQ[:, :, None] == batch.items_BT[:, None, :]) & is_past_BQT
    return new_BQ, torch.logsumexp(repeat_BQT.masked_fill(~is_same_BQT, -1e4), dim=2)


def _event_losses(
    model: BehaviourModel, asked_BQD: torch.Tensor, following: Following, settings: TrainingSettings
) -> torch.Tensor:
    loss = asked_BQD.new_zeros(())
    event_at_P = following.is_event_BQ.view(-1).nonzero()[:, 0]
    states_PD = _rows(asked_BQD, event_at_P)
    gaps_P = following.gaps_BQ.view(-1)[event_at_P]
    if settings.event_type_weight:
        types_P = following.event_types_BQ.view(-1)[event_at_P]
        type_query = model.at_gap(states_PD, one_hot_gaps(gaps_P))
        type_loss = functional.cross_entropy(model.event_type_head(type_query), types_P)
        loss = loss + settings.event_type_weight * type_loss
    if settings.gap_weight:
        gap_loss = functional.cross_entropy(model.gap_head(states_PD), gaps_P)
        loss = loss + settings.gap_weight * gap_loss
    return loss


def _category_loss(
    model: BehaviourModel, query_ND: torch.Tensor, categories_N: torch.Tensor
) -> torch.Tensor:
    count, size = model.shape.num_categories, len(categories_N)
    device = categories_N.device
    rival_M = torch.arange(count, device=device)
    if count > _MAX_CATEGORY_RIVALS:
        rival_M = torch.randint(0, count, (_MAX_CATEGORY_RIVALS,), device=device)
    correction = math.log(count / len(rival_M))
    vectors = model.category_vectors(torch.cat([categories_N, rival_M]))
    return shared_softmax_loss(
        model.category_query(query_ND),
        own=Candidates(vectors[:size], model.category_bias[categories_N], categories_N),
        shared=Candidates(vectors[size:], model.category_bias[rival_M] + correction, rival_M),
    )


def _at_places(states_BTD: torch.Tensor, place_BQ: torch.Tensor) -> torch.Tensor:
    """Return the states at these places of each window, [B, Q, D]."""
    windows, length = states_BTD.shape[:2]
    window_B1 = torch.arange(windows, device=place_BQ.device)[:, None]
    return _rows(states_BTD, window_B1 * length + place_BQ)


def _rows(values_BQD: torch.Tensor, at_N: torch.Tensor) -> torch.Tensor:
    # An embedding look-up, because its gradient is far faster than that of indexing.
    return functional.embedding(at_N, values_BQD.reshape(-1, values_BQD.shape[-1]))
