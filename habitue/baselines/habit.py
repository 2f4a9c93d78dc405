"""What this person takes again, told apart by how habitual the item is: milk rather than a lamp.

Comes in: sequences, and a personal frequency already chosen. Goes out: for each person,
probabilities over their own items: the decayed frequency, plus a share of what is usual for that
item among all who ever took it. Someone who bought milk once will more likely buy it again than
someone who bought a lamp once; frequency alone holds both equal. Knows nothing about items that a
person never touched.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import sparse

from habitue.baselines.history import (
    item_events,
    sparse_rows,
    sparse_rows_summing_to_one,
    without_bots,
)
from habitue.baselines.personal import PersonalFrequency, RepeatTrial, sample_persons
from habitue.sequences.sequences import Sequences

STRENGTHS = (0.0, 0.03, 0.1, 0.3, 1.0, 3.0)
DEFAULT_STRENGTH = 0.3
# Pretended further persons who took an item once and never again: tames rare items.
_PRETENDED_PERSONS = 5.0


@dataclass(frozen=True)
class Habit:
    """Personal frequency, shrunk towards what is usual for each item."""

    personal: PersonalFrequency
    usual: npt.NDArray[np.float32]  # [num_items] mean decayed frequency among an item's takers
    strength: float = DEFAULT_STRENGTH
    name: str = "habit"

    @classmethod
    def fit(
        cls, batches: Iterable[Sequences], personal: PersonalFrequency, *, as_of: int, window: int
    ) -> "Habit":
        """Count what is usual before `as_of`; choose the strength on the `window` µs before it."""
        start_at = as_of - window
        earlier, now = _UsualFrequency(personal, start_at), _UsualFrequency(personal, as_of)

        def counted() -> Iterable[Sequences]:
            for batch in batches:
                earlier.add(batch)
                now.add(batch)
                yield batch

        persons = sample_persons(counted(), as_of)
        trial = RepeatTrial.of(persons, personal, start_at=start_at, as_of=as_of)
        strength = DEFAULT_STRENGTH
        if trial.is_large_enough:
            usual = earlier.mean()
            strength = max(STRENGTHS, key=lambda s: trial.ndcg(personal, item_boost=s * usual))
        return cls(personal, now.mean().astype(np.float32), strength)

    def scores(self, sequences: Sequences, *, as_of: int) -> npt.NDArray[np.float32]:
        """Return probabilities over each person's own items, [N, num_items]."""
        return np.asarray(self.sparse_scores(sequences, as_of=as_of).toarray())

    def sparse_scores(self, sequences: Sequences, *, as_of: int) -> sparse.csr_array:
        """Return `scores` without the zeros."""
        num_items = self.personal.num_items
        events = item_events(sequences, num_items=num_items, as_of=as_of)
        weights = self.personal.event_weights(events, as_of)
        pairs, pair_of_event = np.unique(
            events.persons * num_items + events.columns, return_inverse=True
        )
        own = np.bincount(pair_of_event, weights=weights, minlength=len(pairs))
        persons, columns = pairs // num_items, pairs % num_items
        habitual = own + self.strength * self.usual[columns]
        # Scaled before the cast to 32 bits, where the weights of a long-gone person would vanish.
        totals = np.bincount(persons, weights=habitual, minlength=len(sequences))
        share = (habitual / np.maximum(totals, 1e-300)[persons]).astype(np.float32)
        shape = (len(sequences), num_items)
        return sparse_rows_summing_to_one(sparse_rows(pairs, share, shape))

    def save(self, folder: Path) -> None:
        """Write the choice, and what is usual, into `folder`."""
        self.personal.save(folder)
        np.savez(folder / "habit.npz", usual=self.usual)
        text = json.dumps({"strength": self.strength})
        (folder / "habit.json").write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Habit":
        """Read what `save` wrote."""
        strength = json.loads((folder / "habit.json").read_text(encoding="utf-8"))["strength"]
        with np.load(folder / "habit.npz") as arrays:
            return cls(PersonalFrequency.load(folder), arrays["usual"], strength)


class _UsualFrequency:
    """Adds up the decayed frequency of each item, and the persons who have any."""

    def __init__(self, personal: PersonalFrequency, as_of: int) -> None:
        self._personal = personal
        self._as_of = as_of
        self._total = np.zeros(personal.num_items)
        self._persons = np.zeros(personal.num_items)

    def add(self, batch: Sequences) -> None:
        num_items = self._personal.num_items
        events = item_events(without_bots(batch), num_items=num_items, as_of=self._as_of)
        weights = self._personal.event_weights(events, self._as_of)
        self._total += np.bincount(events.columns, weights=weights, minlength=num_items)
        pairs = np.unique(events.persons * num_items + events.columns)
        self._persons += np.bincount(pairs % num_items, minlength=num_items)

    def mean(self) -> npt.NDArray[np.float64]:
        return np.asarray(self._total / (self._persons + _PRETENDED_PERSONS))
