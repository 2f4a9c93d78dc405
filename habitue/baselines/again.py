"""Which of their own items a person takes next, learnt from how it went before.

Comes in: sequences, and a personal frequency already chosen. Goes out: for each person,
probabilities over their own items. Small boosted trees look at how long ago, how often and in which
way a person met an item, at what is usual for the item, and at what else the person did in its
category: put in the cart yesterday and not yet bought is another thing than bought yesterday. They
are taught on the last stretches of time before the cut, each seen from its own beginning. Knows
nothing about items that a person never touched.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import sparse

from habitue.baselines.boosting import Trees, fit_trees
from habitue.baselines.history import (
    item_events,
    sparse_rows,
    sparse_rows_summing_to_one,
    without_bots,
)
from habitue.baselines.own_items import Ints, ItemHabits, OwnItems, own_items
from habitue.baselines.personal import PersonalFrequency
from habitue.sequences.sequences import Sequences, concatenate

_MAX_WINDOWS = 6
_MAX_PAIRS = 40_000  # of a window
_ROUNDS = 80
_MIN_HITS = 50  # fewer pairs that were taken teach nothing
_FOLDER = "again"


@dataclass(frozen=True)
class Again:
    """A learnt chance that each own item is taken next."""

    personal: PersonalFrequency
    habits: ItemHabits  # at the cut
    categories: Ints  # [num_items] a number for each item's category
    trees: Trees
    name: str = "again"

    @classmethod
    def fit(
        cls,
        batches: Sequence[Sequences],
        personal: PersonalFrequency,
        *,
        categories: Ints,
        as_of: int,
        window: int,
        seed: int = 0,
    ) -> "Again | None":
        """Learn from stretches of `window` µs before `as_of`; None where they hold too little."""
        first_at = min((int(b.timestamps.min()) for b in batches if b.num_events), default=as_of)
        ends = [as_of - number * window for number in range(_MAX_WINDOWS)]
        rows, labels = [], []
        for end in ends:
            if end - 2 * window < first_at:
                break
            pairs, is_taken = _lesson(batches, personal, categories, end - window, end)
            rows.append(pairs.columns)
            labels.append(is_taken)
        if sum(int(one.sum()) for one in labels) < _MIN_HITS:
            return None
        trees = fit_trees(
            np.concatenate(rows),
            np.concatenate(labels),
            objective="binary",
            seed=seed,
            rounds=_ROUNDS,
        )
        habits = ItemHabits.of(batches, personal, as_of=as_of, window=window)
        return cls(personal, habits, categories, trees)

    def scores(self, sequences: Sequences, *, as_of: int) -> npt.NDArray[np.float32]:
        """Return probabilities over each person's own items, [N, num_items]."""
        return np.asarray(self.sparse_scores(sequences, as_of=as_of).toarray())

    def sparse_scores(self, sequences: Sequences, *, as_of: int) -> sparse.csr_array:
        """Return `scores` without the zeros."""
        own = own_items(sequences, self.personal, self.habits, self.categories, as_of=as_of)
        shape = (len(sequences), self.personal.num_items)
        if len(own.pairs) == 0:
            return sparse_rows(own.pairs, np.zeros(0, dtype=np.float32), shape)
        chance = 1 / (1 + np.exp(-self.trees.raw(own.columns)))
        return sparse_rows_summing_to_one(sparse_rows(own.pairs, chance.astype(np.float32), shape))

    def save(self, folder: Path) -> None:
        """Write trees, and what is usual, into a folder of its own in `folder`."""
        own = folder / _FOLDER
        self.personal.save(own)
        np.savez(own / "habits.npz", categories=self.categories, **asdict(self.habits))
        (own / "trees.txt").write_text(self.trees.text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Again | None":
        """Read what `save` wrote; None where nothing was."""
        own = folder / _FOLDER
        if not own.exists():
            return None
        with np.load(own / "habits.npz") as arrays:
            held = dict(arrays)
        categories = held.pop("categories")
        trees = Trees((own / "trees.txt").read_text(encoding="utf-8"))
        return cls(PersonalFrequency.load(own), ItemHabits(**held), categories, trees)


def _lesson(
    batches: Sequence[Sequences],
    personal: PersonalFrequency,
    categories: Ints,
    start_at: int,
    end_at: int,
) -> tuple[OwnItems, npt.NDArray[np.bool_]]:
    """The own items at `start_at` of those who took anything until `end_at`; which they took."""
    num_items = personal.num_items
    habits = ItemHabits.of(batches, personal, as_of=start_at, window=end_at - start_at)
    people = _sampled(_takers(batches, personal, start_at, end_at), num_items, start_at)
    own = own_items(people, personal, habits, categories, as_of=start_at)
    taken = item_events(
        people, num_items=num_items, as_of=end_at, event_types=personal.target_types
    )
    taken = taken.where(taken.timestamps >= start_at)
    return own, np.isin(own.pairs, taken.persons * num_items + taken.columns)


def _takers(
    batches: Iterable[Sequences], personal: PersonalFrequency, start_at: int, end_at: int
) -> Iterator[Sequences]:
    """Those who took anything in the time from `start_at` to `end_at`, bots left out."""
    for batch in batches:
        people = without_bots(batch).before(end_at)
        taken = item_events(
            people,
            num_items=personal.num_items,
            as_of=end_at,
            event_types=personal.target_types,
        )
        yield people.take(np.unique(taken.persons[taken.timestamps >= start_at]))


def _sampled(batches: Iterable[Sequences], num_items: int, start_at: int) -> Sequences:
    """Of these persons as many as have `_MAX_PAIRS` events, the same however batches are cut."""
    people = concatenate(list(batches))
    scrambled = people.subject_ids.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    order = np.argsort(scrambled, kind="stable")
    events = item_events(people, num_items=num_items, as_of=start_at)
    pairs = np.unique(events.persons * num_items + events.columns)
    held = np.cumsum(np.bincount(pairs // num_items, minlength=len(people))[order])
    return people.take(np.sort(order[held <= _MAX_PAIRS]))
