"""What this person takes again and again: their own events, the recent ones weighing more.

Comes in: sequences. Goes out: for each person, probabilities over the items of their own past.
The half-life, and what a view or a cart weighs beside the target event, are chosen on the last
stretch of time before the cut. Knows nothing about other persons.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import sparse

from habitue.baselines.history import (
    ItemEvents,
    item_events,
    sparse_rows,
    sparse_rows_summing_to_one,
    type_codes_of,
    without_bots,
)
from habitue.metrics import ndcg_at
from habitue.schema import DAY, EVENT_TYPES, POSITIVE_EVENT_TYPES
from habitue.sequences.sequences import Sequences, concatenate

HALF_LIVES_DAYS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 7.0, 14.0, 30.0, 60.0, 120.0, 240.0, 480.0)
OTHER_WEIGHTS = (0.0, 0.03, 0.1, 0.3, 1.0)
DEFAULT_HALF_LIFE_DAYS = 30.0
DEFAULT_OTHER_WEIGHT = 0.1
_MAX_PERSONS = 2000  # enough to tell half-lives apart
_MIN_PERSONS = 20  # fewer cannot
_K = 10


@dataclass(frozen=True)
class PersonalFrequency:
    """A person's own events, halved in weight every `half_life_days`."""

    num_items: int
    target_types: tuple[str, ...] = ("purchase",)
    half_life_days: float = DEFAULT_HALF_LIFE_DAYS
    other_weight: float = DEFAULT_OTHER_WEIGHT  # of positive events that are no target
    name: str = "personal_frequency"

    @classmethod
    def fit(
        cls,
        batches: Iterable[Sequences],
        *,
        num_items: int,
        as_of: int,
        window: int,
        target_types: Sequence[str] = ("purchase",),
        half_life_days: float = 0,
    ) -> "PersonalFrequency":
        """Choose half-life and weights by NDCG on the `window` µs before `as_of`.

        A `half_life_days` other than 0 is taken as given. With fewer than 20 persons who take
        anything in that window, the defaults stand.
        """
        plain = cls(num_items, tuple(target_types), half_life_days or DEFAULT_HALF_LIFE_DAYS)
        persons = sample_persons(batches, as_of)
        trial = RepeatTrial.of(persons, plain, start_at=as_of - window, as_of=as_of)
        if not trial.is_large_enough:
            return plain
        half_lives = (half_life_days,) if half_life_days else HALF_LIVES_DAYS
        others = OTHER_WEIGHTS if trial.has_others else (DEFAULT_OTHER_WEIGHT,)
        choices = [
            cls(num_items, tuple(target_types), half_life, other)
            for other in others
            for half_life in half_lives
        ]
        return max(choices, key=trial.ndcg)

    def event_weights(self, events: ItemEvents, as_of: int) -> npt.NDArray[np.float64]:
        """Return what each event weighs at `as_of`."""
        by_type = np.full(len(EVENT_TYPES) + 1, self.other_weight)
        by_type[type_codes_of(self.target_types)] = 1.0
        age_days = (as_of - events.timestamps) / DAY
        # The floor keeps an order among items that a short half-life would round to 0.
        decay = np.maximum(0.5 ** (age_days / self.half_life_days), 1e-30)
        return np.asarray(by_type[events.type_codes] * decay)

    def scores(self, sequences: Sequences, *, as_of: int) -> npt.NDArray[np.float32]:
        """Return probabilities over each person's own items, [N, num_items]."""
        return np.asarray(self.sparse_scores(sequences, as_of=as_of).toarray())

    def sparse_scores(self, sequences: Sequences, *, as_of: int) -> sparse.csr_array:
        """Return `scores` without the zeros."""
        events = item_events(sequences, num_items=self.num_items, as_of=as_of)
        weights = self.event_weights(events, as_of)
        per_person = np.bincount(events.persons, weights=weights, minlength=len(sequences))
        # Scaled before the sum in 32 bits, where the weights of a long-gone person would vanish.
        share = weights / np.maximum(per_person, 1e-300)[events.persons]
        pairs, pair_of_event = np.unique(
            events.persons * self.num_items + events.columns, return_inverse=True
        )
        summed = np.zeros(len(pairs), dtype=np.float32)
        np.add.at(summed, pair_of_event, share.astype(np.float32))
        shape = (len(sequences), self.num_items)
        return sparse_rows_summing_to_one(sparse_rows(pairs, summed, shape))

    def save(self, folder: Path) -> None:
        """Write the choice into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(self))
        (folder / "personal_frequency.json").write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "PersonalFrequency":
        """Read what `save` wrote."""
        values = json.loads((folder / "personal_frequency.json").read_text(encoding="utf-8"))
        return cls(**{**values, "target_types": tuple(values["target_types"])})


def sample_persons(batches: Iterable[Sequences], as_of: int) -> Sequences | None:
    """Return up to 2,000 persons' events before `as_of`, the same however batches are cut."""
    kept: Sequences | None = None
    for batch in batches:
        people = without_bots(batch).before(as_of)
        kept = people if kept is None else concatenate([kept, people])
        if len(kept) > _MAX_PERSONS:
            scrambled = kept.subject_ids.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
            kept = kept.take(np.sort(np.argsort(scrambled, kind="stable")[:_MAX_PERSONS]))
    return kept


@dataclass(frozen=True)
class RepeatTrial:
    """Past events and what was taken next, for judging one choice after the other.

    A person can only be offered their own items, so the ranking runs over pairs of person and
    item and never over the catalogue.
    """

    events: ItemEvents
    start_at: int
    pair_of_event: npt.NDArray[np.int64]
    person_of_pair: npt.NDArray[np.int64]  # place among the persons judged, or -1
    column_of_pair: npt.NDArray[np.int64]
    is_wanted: npt.NDArray[np.bool_]  # of each pair
    num_wanted: npt.NDArray[np.int64]  # of each person judged
    has_others: bool

    @classmethod
    def of(
        cls, persons: Sequences | None, plain: PersonalFrequency, *, start_at: int, as_of: int
    ) -> "RepeatTrial":
        """Cut the persons at `start_at`; wanted is what they took from then until `as_of`."""
        empty = np.zeros(0, dtype=np.int64)
        if persons is None:
            nothing = ItemEvents(empty, empty, empty, empty, empty, empty)
            no_pair = (empty, empty, empty, empty.astype(bool))
            return cls(nothing, start_at, *no_pair, empty, False)
        num_items = plain.num_items
        past = item_events(persons, num_items=num_items, as_of=start_at)
        taken = item_events(
            persons, num_items=num_items, as_of=as_of, event_types=plain.target_types
        )
        is_later = taken.timestamps >= start_at
        wanted = np.unique((taken.persons * num_items + taken.columns)[is_later])
        judged = np.unique(wanted // num_items)
        place = np.full(len(persons), -1, dtype=np.int64)
        place[judged] = np.arange(len(judged))
        pairs, pair_of_event = np.unique(
            past.persons * num_items + past.columns, return_inverse=True
        )
        others = [name for name in POSITIVE_EVENT_TYPES if name not in plain.target_types]
        return cls(
            events=past,
            start_at=start_at,
            pair_of_event=pair_of_event,
            person_of_pair=place[pairs // num_items],
            column_of_pair=pairs % num_items,
            is_wanted=np.isin(pairs, wanted),
            num_wanted=np.bincount(place[wanted // num_items], minlength=len(judged)),
            has_others=bool(np.isin(past.type_codes, type_codes_of(others)).any()),
        )

    @property
    def is_large_enough(self) -> bool:
        """Whether enough persons took something to tell choices apart."""
        return len(self.num_wanted) >= _MIN_PERSONS

    def ndcg(
        self, choice: PersonalFrequency, *, item_boost: npt.NDArray[np.float64] | None = None
    ) -> float:
        """Return NDCG@10 of a choice; `item_boost` [num_items] is added to each own item."""
        weights = choice.event_weights(self.events, self.start_at)
        num_pairs = len(self.person_of_pair)
        summed = np.bincount(self.pair_of_event, weights=weights, minlength=num_pairs)
        score = np.asarray(summed, dtype=np.float64)
        if item_boost is not None:
            score = score + item_boost[self.column_of_pair]
        order = np.lexsort((self.is_wanted, -score, self.person_of_pair))
        order = order[(self.person_of_pair[order] >= 0) & (score[order] > 0)]
        person = self.person_of_pair[order]
        rank = np.arange(len(order)) - np.searchsorted(person, person)
        hits = np.zeros((len(self.num_wanted), _K), dtype=bool)
        shown = rank < _K
        hits[person[shown], rank[shown]] = self.is_wanted[order][shown]
        return float(ndcg_at(hits, self.num_wanted, _K).mean())
