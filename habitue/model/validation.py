"""How well a network ranks what persons went on to want: the number early stopping watches.

In: sequences and the validation window. Out: NDCG@10 and recall@10 over all known items.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from habitue.metrics import hits_of, ndcg_at, recall_at, top_k
from habitue.model.inference import Network
from habitue.sequences.batches import per_person
from habitue.sequences.repeating import LEAST_REPEATS, is_target, repeat_share
from habitue.sequences.sequences import Sequences, joined_ranges

MAX_PERSONS = 4000  # of fewer, chance would choose the epoch where hits are rare
_PERSONS_AT_ONCE = 128
K = 10


@dataclass(frozen=True)
class Quality:
    """Means over persons; 0 where nobody could be asked about."""

    ndcg: float
    recall: float


class Judge(Protocol):
    """Whoever says how good a network is: what early stopping goes by."""

    @property
    def num_persons(self) -> int:
        """How many persons are asked about; 0: there is nothing to go by."""

    def measure(self, network: Network) -> Quality:
        """Return how well the network ranks what these persons wanted."""


@dataclass(frozen=True)
class Validation:
    """Persons with a past before the window and wanted items in it."""

    histories: Sequences  # cut to their last events before valid_from
    wanted: list[npt.NDArray[np.int64]]  # of each person, distinct item indices minus 1
    valid_from: int
    # Of each person, item indices minus 1 that are not offered; None where repeats are usual.
    hidden: list[npt.NDArray[np.int64]] | None = None

    @property
    def num_persons(self) -> int:
        """How many persons are asked about."""
        return len(self.histories)

    def measure(self, network: Network) -> Quality:
        """Rank all items for every person as of the window's start."""
        ndcg, recall = self.measure_each(network)
        if len(ndcg) == 0:
            return Quality(0.0, 0.0)
        return Quality(float(ndcg.mean()), float(recall.mean()))

    def measure_each(
        self, network: Network
    ) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]]:
        """Return NDCG@10 and recall@10 of every person, in the persons' order."""
        ndcg: list[npt.NDArray[np.floating]] = [np.zeros(0)]
        recall: list[npt.NDArray[np.floating]] = [np.zeros(0)]
        for start in range(0, len(self.histories), _PERSONS_AT_ONCE):
            stop = min(start + _PERSONS_AT_ONCE, len(self.histories))
            scores = network.scores(self.histories.slice(start, stop), as_of=self.valid_from)
            wanted = np.zeros(scores.shape, dtype=np.bool_)
            for row, items in enumerate(self.wanted[start:stop]):
                wanted[row, items] = True
            if self.hidden is not None:
                for row, items in enumerate(self.hidden[start:stop]):
                    scores[row, items] = -np.inf
            hits = hits_of(top_k(scores, K, wanted=wanted), wanted)
            num_wanted = wanted.sum(axis=1)
            ndcg.append(ndcg_at(hits, num_wanted, K))
            recall.append(recall_at(hits, num_wanted, K))
        return np.concatenate(ndcg), np.concatenate(recall)


def validation_persons(
    sequences: Sequences, *, num_items: int, valid_from: int, as_of: int, max_length: int
) -> Validation:
    """Return up to `MAX_PERSONS` persons, drawn evenly from all who can be asked about.

    Where hardly anybody takes the same thing twice, what a person had is not offered: a network
    that thinks of the last item first would else seem worse than its offers are.
    """
    is_early = sequences.timestamps < valid_from
    # Like the test window: an item that nobody had met by then cannot be advised.
    is_met = (
        np.bincount(sequences.items[is_early], minlength=int(sequences.items.max(initial=0)) + 1)
        > 0
    )
    is_wanted = is_target(sequences, num_items) & is_met[sequences.items]
    is_wanted &= ~is_early & (sequences.timestamps < as_of)
    early_counts = per_person(is_early, sequences)
    wanted_counts = per_person(is_wanted, sequences)
    able = np.flatnonzero((early_counts > 0) & (wanted_counts > 0) & ~sequences.is_bot)
    if len(able) > MAX_PERSONS:
        able = np.sort(np.random.default_rng(0).choice(able, MAX_PERSONS, replace=False))
    chosen = sequences.take(able)
    wanted_events = is_wanted[joined_ranges(sequences.offsets[:-1][able], sequences.lengths[able])]
    wanted = [
        np.unique(chosen.items[start:stop][wanted_events[start:stop]].astype(np.int64) - 1)
        for start, stop in zip(chosen.offsets[:-1], chosen.offsets[1:], strict=True)
    ]
    past = chosen.before(valid_from)
    is_repeating = repeat_share(sequences, num_items=num_items, before=valid_from) >= LEAST_REPEATS
    hidden = None if is_repeating else _known_items(past, num_items)
    return Validation(past.last(max_length), wanted, valid_from, hidden)


def _known_items(past: Sequences, num_items: int) -> list[npt.NDArray[np.int64]]:
    items = np.split(past.items.astype(np.int64), past.offsets[1:-1]) if len(past) else []
    return [own[(own > 0) & (own <= num_items)] - 1 for own in items]
