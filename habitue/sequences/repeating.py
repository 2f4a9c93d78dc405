"""How often people want the same thing again: a few numbers that say what kind of shop it is.

In: sequences up to a moment. Out: a share. Knows nothing about networks or recommenders.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from habitue.schema import POSITIVE_EVENT_TYPES
from habitue.sequences.sequences import Sequences
from habitue.sequences.vocabulary import event_type_number

LEAST_REPEATS: Final = 0.01  # below, repeats are accidents of the log
_SAMPLED_EVENTS = 2_000_000


def is_target(sequences: Sequences, num_items: int) -> npt.NDArray[np.bool_]:
    """Return which events say "wants this" about a known item, [E]."""
    is_positive = np.zeros(np.iinfo(np.int8).max + 1, dtype=np.bool_)
    is_positive[[event_type_number(name) for name in POSITIVE_EVENT_TYPES]] = True
    is_known = (sequences.items > 0) & (sequences.items <= num_items)
    found: npt.NDArray[np.bool_] = is_known & is_positive[sequences.event_types]
    return found


def repeat_share(sequences: Sequences, *, num_items: int, before: int) -> float:
    """Return how many of the wanted items before `before` the person had wanted earlier.

    Bots left out; of a large log the first persons speak for all. 0 where nothing was wanted.
    """
    end = int(np.searchsorted(sequences.offsets, _SAMPLED_EVENTS, side="right")) - 1
    some = sequences.slice(0, max(end, 1)) if len(sequences) else sequences
    chosen = is_target(some, num_items) & (some.timestamps < before)
    chosen &= ~np.repeat(some.is_bot, some.lengths)
    person = np.repeat(np.arange(len(some)), some.lengths)[chosen]
    pairs = person * (num_items + 1) + some.items[chosen]
    return 1 - len(np.unique(pairs)) / len(pairs) if len(pairs) else 0.0
