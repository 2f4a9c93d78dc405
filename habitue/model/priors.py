"""How often things occur in the events learnt from: where a network begins, and who its rivals are.

In: sequences and the span of them that may be learnt from. Out: counts, and biases set by them.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from habitue.model.behaviour import BehaviourModel
from habitue.sequences.batches import NO_TARGET, TrainingSpan
from habitue.sequences.sequences import IntArray, Sequences


def set_priors(model: BehaviourModel, sequences: Sequences, span: TrainingSpan) -> None:
    """Let the network begin as the overall frequencies, so that steps go into what differs."""
    biases = (
        model.item_bias if model.item_bias.requires_grad else torch.zeros_like(model.item_bias),
        model.category_bias,
        model.event_type_head.bias,
        model.gap_head.bias,
    )
    counts: list[npt.NDArray[np.float64]] = [np.full(len(bias), 0.5) for bias in biases]
    for events in span.events():
        targets = targets_of(span, events)
        values: tuple[npt.NDArray[np.signedinteger[Any]], ...] = (
            sequences.items[targets],
            sequences.features["category_1"][targets],
            sequences.event_types[events],
            sequences.features["gap"][events],
        )
        for count, value in zip(counts, values, strict=True):
            count += np.bincount(value, minlength=len(count))[: len(count)].astype(np.float64)
    with torch.no_grad():
        for bias, count in zip(biases, counts, strict=True):
            bias.copy_(torch.from_numpy(np.log(count / count.mean())))


def item_counts(sequences: Sequences, span: TrainingSpan, num_items: int) -> npt.NDArray[np.int64]:
    """Return how often each known item is wanted in training, [num_items]."""
    counts = np.zeros(num_items + 1, dtype=np.int64)
    for events in span.events():
        counts += np.bincount(sequences.items[targets_of(span, events)], minlength=num_items + 1)
    return counts[1:]


def targets_of(span: TrainingSpan, events: IntArray) -> IntArray:
    """Return the position of the next target of every one of these events that has one."""
    targets = span.next_targets(events)
    found: IntArray = targets[targets != NO_TARGET]
    return found
