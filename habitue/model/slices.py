"""Slices of one person attract, slices of others are kept apart: an embedding learnt from order.

In: a batch of training windows and whose each is. Out: random slices of some of them, and the loss
of their embeddings. Two slices of one person have hardly an event in common, so what brings them
together is what a person is like all along. This is CoLES (Babaev et al. 2022, arXiv 2002.08232)
with the pairs and the margin of pytorch-lifestream, and with decorrelation. Knows nothing about
items or networks.

Shapes: B windows, T positions, S slices, L places of a slice, E width of an embedding.
"""

# ruff: noqa: N815 (tensors carry shape letters, as fields too)

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from habitue.sequences.batches import Batch
from habitue.sequences.sequences import IntArray

_SHORTEST_CUT = 8  # a window with fewer events is not cut
_MOST_PERSONS = 32  # of a batch; each gives two slices
_MARGIN = 0.5
_RIVALS = 5  # slices of others, the nearest ones


@dataclass(frozen=True)
class Slices:
    """Slices of a batch's windows: a batch themselves, of the same events."""

    batch: Batch
    at_SL: torch.Tensor  # where each place stands in the batch they were cut from, row by row
    owners_S: torch.Tensor  # whose each is


def cut_slices(batch: Batch, owners_B: IntArray, rng: np.random.Generator) -> Slices | None:
    """Cut two random runs, of a quarter to half of its events, out of each of some windows.

    None where there are no two persons with long enough windows: nothing could be told apart.
    """
    lengths_B = batch.lengths_B.numpy()
    able = np.flatnonzero(lengths_B >= _SHORTEST_CUT)
    chosen = np.sort(rng.permutation(able)[:_MOST_PERSONS])
    if len(np.unique(owners_B[chosen])) < 2:
        return None
    rows_S1 = np.repeat(chosen, 2)[:, None]
    window_S1 = lengths_B[rows_S1]
    least_S1 = window_S1 // 4
    spread_S1 = window_S1 // 2 - least_S1 + 1
    length_S1 = least_S1 + (rng.random(rows_S1.shape) * spread_S1).astype(np.int64)
    start_S1 = (rng.random(rows_S1.shape) * (window_S1 - length_S1 + 1)).astype(np.int64)
    place_L = np.arange(int(length_S1.max()))
    # Padding repeats the last event, as in every batch.
    place_SL = start_S1 + np.minimum(place_L, length_S1 - 1)
    at_SL = rows_S1 * batch.items_BT.shape[1] + place_SL
    return Slices(
        batch=_cut(batch, torch.from_numpy(at_SL), place_L < length_S1, length_S1[:, 0]),
        at_SL=torch.from_numpy(at_SL),
        owners_S=torch.from_numpy(np.asarray(owners_B[rows_S1[:, 0]])),
    )


def _cut(
    batch: Batch, at_SL: torch.Tensor, is_event_SL: np.typing.NDArray[np.bool_], lengths_S: IntArray
) -> Batch:
    is_event = torch.from_numpy(is_event_SL)
    seconds_SL = batch.seconds_BT.view(-1)[at_SL]
    return Batch(
        items_BT=batch.items_BT.reshape(-1)[at_SL] * is_event,
        event_types_BT=batch.event_types_BT.view(-1)[at_SL] * is_event,
        features_BTF=batch.features_BTF.flatten(0, 1)[at_SL] * is_event[:, :, None],
        seconds_BT=seconds_SL - seconds_SL[:, :1],
        lengths_B=torch.from_numpy(lengths_S),
        index_BT=batch.index_BT.reshape(-1)[at_SL.numpy()],
        is_event_BT=is_event_SL,
    )


def slice_loss(embeddings_SE: torch.Tensor, owners_S: torch.Tensor) -> torch.Tensor:
    """Return how far slices of one person are apart and others too near, and how alike columns are.

    Of normalised embeddings: the mean squared distance of slices of one person, and of each
    slice's nearest others the square of what they lack of a margin. Then the mean squared
    correlation of two columns: without it few columns would say everything.
    """
    unit_SE = functional.normalize(embeddings_SE, dim=1)
    squared_SS = (2 - 2 * unit_SE @ unit_SE.T).clamp(min=0)
    is_same_SS = owners_S[:, None] == owners_S
    is_pair_SS = is_same_SS & ~torch.eye(len(owners_S), dtype=torch.bool, device=owners_S.device)
    pull = squared_SS[is_pair_SS].mean()
    # The root of zero has no gradient.
    distance_SS = torch.sqrt(squared_SS + 1e-6).masked_fill(is_same_SS, math.inf)
    near_SR = distance_SS.topk(min(_RIVALS, len(owners_S) - 1), dim=1, largest=False).values
    push = functional.relu(_MARGIN - near_SR).square().mean()
    return (pull + push) / 2 + _mean_correlation(embeddings_SE)


def _mean_correlation(values_SE: torch.Tensor) -> torch.Tensor:
    centred_SE = values_SE - values_SE.mean(0)
    scaled_SE = functional.normalize(centred_SE, dim=0)
    correlation_EE = scaled_SE.T @ scaled_SE
    width = len(correlation_EE)
    off_diagonal = correlation_EE.square().sum() - correlation_EE.diagonal().square().sum()
    return off_diagonal / (width * (width - 1))
