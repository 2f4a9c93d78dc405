"""What to offer a person: items with a score, the source of each offer, and a reason.

Comes in: a blend of recommenders, a person's sequence, the catalogue. Goes out: offers under the
shop's own ids. What is sold out or no product is never offered. A person nobody knows gets what
is popular, labelled as such, and never an error. Lists that are the same for everyone hold no item
of a few persons only. Knows nothing about training or storage.
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from habitue.actions.blend import Blend, Recommender
from habitue.actions.offers import OFFER_COLUMNS, Fallback, Offer, Offers, Picks
from habitue.actions.reasons import Catalogue, Reason, Reasons
from habitue.actions.targets import block_size
from habitue.baselines.again import Again
from habitue.baselines.cooccurrence import CoOccurrence
from habitue.baselines.habit import Habit
from habitue.baselines.history import item_events
from habitue.baselines.item_recommender import ItemRecommender
from habitue.baselines.personal import PersonalFrequency
from habitue.baselines.popularity import Popularity
from habitue.errors import NotReady, UnknownName, nearest
from habitue.languages import Language
from habitue.metrics import NO_ITEM, top_k
from habitue.sequences.sequences import Sequences

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Kind = TypeVar("Kind")


@dataclass(frozen=True)
class ScoredItem:
    """An item and its score."""

    item_id: str
    score: float


@dataclass(frozen=True)
class Weighed:
    """One item's score for each of N persons, beside what it takes to be offered."""

    score: Floats  # [N] of the blend
    bar: Floats  # [N] what the last of the first k of all others has; 0 where they are fewer
    rank: Ints  # [N] among what may be offered, from 1
    is_offered: Bools  # [N] whether it may be: not sold out, no product, or taken before
    shares: Floats  # [N, C] what each component of the blend adds to the score


@dataclass(frozen=True)
class Adviser:
    """Everything that is needed to recommend: one blend, one catalogue, one language."""

    blend: Blend
    catalogue: Catalogue
    language: Language = "en"
    model_version: str = ""
    min_persons: int = 0  # behind an item in lists that are the same for everyone

    def recommend(
        self,
        sequences: Sequences,
        user_ids: Sequence[str],
        *,
        as_of: int,
        k: int = 10,
        exclude: Collection[str] = (),
    ) -> list[Offers]:
        """Return offers for each person, in order; `user_ids` are their outside ids.

        Reads nothing at or after `as_of`. Items of `exclude` are left out.
        """
        offers: list[Offers] = []
        for rows, picks in self._blocks(sequences, as_of=as_of, k=k, exclude=exclude):
            persons = zip(user_ids[rows], picks.items(), picks.is_known, strict=True)
            offers += [
                self._labelled(user_id, items, None if is_known else "cold", as_of=as_of, k=k)
                for user_id, items, is_known in persons
            ]
        return offers

    def offer_rows(
        self, sequences: Sequences, user_ids: Sequence[str], *, as_of: int, k: int
    ) -> pl.DataFrame:
        """Return what `recommend` offers, as rows of `OFFER_COLUMNS`, for less work."""
        blocks = self._blocks(sequences, as_of=as_of, k=k, exclude=())
        parts = [picks.rows(user_ids[rows]) for rows, picks in blocks]
        return pl.concat([pl.DataFrame(schema=OFFER_COLUMNS), *parts], rechunk=True)

    def recommend_unknown(
        self, user_id: str, *, as_of: int, k: int = 10, exclude: Collection[str] = ()
    ) -> Offers:
        """Return what is popular, labelled so, for a user nobody has seen."""
        row = self._popularity.distribution[None, :].copy()
        unfit = self._hidden(exclude) | (row[0] <= 0) | ~self._popularity.taken_by(self.min_persons)
        top = top_k(row, k, exclude=unfit)[0]
        columns = top[top != NO_ITEM]
        reasons = Reasons(_nobody(), self.catalogue, as_of=as_of, language=self.language)
        picks = Picks(
            lengths=[len(columns)],
            is_known=[False],
            item_ids=[self.catalogue.item_ids[column] for column in columns],
            scores=row[0, columns].tolist(),
            reasons=reasons.popular(columns, self._popularity),
        )
        return self._labelled(user_id, picks.items()[0], "popular", as_of=as_of, k=k)

    def weigh(self, item_id: str, sequences: Sequences, *, as_of: int, k: int = 10) -> Weighed:
        """Return how an item stands with each person; reads nothing at or after `as_of`.

        Raises:
            UnknownName: the model does not know the item.
        """
        column = self.column_of(item_id)
        size = max(1, block_size(len(self.catalogue.item_ids)) // 2)
        starts = range(0, len(sequences), size)
        blocks = [sequences.slice(n, min(n + size, len(sequences))).before(as_of) for n in starts]
        found = [self._weighed(column, block, as_of=as_of, k=k) for block in blocks]
        return Weighed(
            *(np.concatenate([getattr(one, name) for one in found]) for name in _WEIGHED)
        )

    def reason_for(self, item_id: str, person: Sequences, *, as_of: int) -> Reason:
        """Return who puts an item forward for one person, and why, as `recommend` would say it."""
        column, block = np.array([self.column_of(item_id)]), person.before(as_of)
        nobody = np.zeros(1, dtype=np.int64)
        shares = self.blend.mixed(block, as_of=as_of).shares(nobody, column)
        known = Reasons(block, self.catalogue, as_of=as_of, language=self.language)
        return self._reasons(nobody, column, shares, known)[0]

    def popular_reason(self, item_id: str) -> Reason:
        """Return the reason of an offer to somebody nobody has seen."""
        column = np.array([self.column_of(item_id)])
        known = Reasons(_nobody(), self.catalogue, as_of=0, language=self.language)
        return known.popular(column, self._popularity)[0]

    def popular_share(self, item_id: str) -> float:
        """Return how often an item is taken, as its share of all."""
        return float(self._popularity.distribution[self.column_of(item_id)])

    def column_of(self, item_id: str) -> int:
        """Return the place of an item among the scores.

        Raises:
            UnknownName: the model does not know the item.
        """
        column = self._columns.get(item_id)
        if column is None:
            raise UnknownName(
                f"The model knows no item '{item_id}'.{nearest(item_id, self._columns)}",
                fix="Check the id, or train again if the item is new.",
            )
        return column

    def similar(self, item_id: str, k: int = 10) -> list[ScoredItem]:
        """Return items that go with this one, best first.

        Where co-occurrence knows fewer than `k`, popular items of the same category follow, with
        score 0.

        Raises:
            UnknownName: the model does not know the item.
        """
        column = self.column_of(item_id)
        listable = self.catalogue.offered & self._popularity.touched_by(self.min_persons)
        columns, values = self._cooccurrence.similar(column, k + int((~listable).sum()))
        known = [(int(c), float(v)) for c, v in zip(columns, values, strict=True) if listable[c]]
        listed = {c for c, _ in known}
        alike = self._same_category(column)
        known += [(c, 0.0) for c in alike if c not in listed and listable[c]]
        return [ScoredItem(self.catalogue.item_ids[c], score) for c, score in known[:k]]

    def popular(self, k: int = 10) -> list[ScoredItem]:
        """Return what sells now; the score counts distinct persons of the last days."""
        row = self._popularity.distribution[None, :]
        unfit = ~self.catalogue.offered | (row[0] <= 0)
        unfit |= ~self._popularity.taken_by(self.min_persons)
        top = top_k(row, k, exclude=unfit)[0]
        persons = self._popularity.recent_persons
        return [
            ScoredItem(self.catalogue.item_ids[c], float(persons[c])) for c in top if c != NO_ITEM
        ]

    def _blocks(
        self, sequences: Sequences, *, as_of: int, k: int, exclude: Collection[str]
    ) -> Iterator[tuple[slice, Picks]]:
        """Yield so many persons at a time that their scores of all items stay small."""
        size = max(1, block_size(len(self.catalogue.item_ids)) // 2)
        hidden = self._hidden(exclude)
        for start in range(0, len(sequences), size):
            rows = slice(start, min(start + size, len(sequences)))
            block = sequences.slice(rows.start, rows.stop).before(as_of)
            yield rows, self._picks(block, as_of=as_of, k=k, hidden=hidden)

    def _weighed(self, column: int, block: Sequences, *, as_of: int, k: int) -> Weighed:
        mixed = self.blend.mixed(block, as_of=as_of)
        rows = np.arange(len(block))
        score = mixed.scores[:, column].copy()
        shares = mixed.shares(rows, np.full(len(block), column))
        self._hide(mixed.scores, block, as_of=as_of, hidden=self._hidden(()))
        is_offered = mixed.scores[:, column] > 0
        mixed.scores[:, column] = 0
        others = min(k, mixed.scores.shape[1])
        bar = np.partition(mixed.scores, -others, axis=1)[:, -others]
        rank = 1 + (mixed.scores > score[:, None]).sum(axis=1)
        return Weighed(score, bar, rank, is_offered, shares)

    def _picks(self, block: Sequences, *, as_of: int, k: int, hidden: Bools) -> Picks:
        mixed = self.blend.mixed(block, as_of=as_of)
        top = self._best(mixed.scores, block, as_of=as_of, k=k, hidden=hidden)
        persons, places = np.nonzero(top != NO_ITEM)
        columns = top[persons, places]
        known = Reasons(block, self.catalogue, as_of=as_of, language=self.language)
        return Picks(
            lengths=np.bincount(persons, minlength=len(block)).tolist(),
            is_known=[known.knows(person) for person in range(len(block))],
            item_ids=[self.catalogue.item_ids[column] for column in columns.tolist()],
            scores=mixed.scores[persons, columns].tolist(),
            reasons=self._reasons(persons, columns, mixed.shares(persons, columns), known),
        )

    def _best(
        self, scores: Floats, block: Sequences, *, as_of: int, k: int, hidden: Bools
    ) -> npt.NDArray[np.int64]:
        """The columns to offer each person, [N, k]; what is hidden loses its score."""
        self._hide(scores, block, as_of=as_of, hidden=hidden)
        top = top_k(scores, k)
        # Nothing speaks for what has no score; such columns stand last.
        persons, places = np.nonzero(top != NO_ITEM)
        is_empty = scores[persons, top[persons, places]] <= 0
        top[persons[is_empty], places[is_empty]] = NO_ITEM
        return top

    def _hide(self, scores: Floats, block: Sequences, *, as_of: int, hidden: Bools) -> None:
        """Take their score from items that may not be offered, in place."""
        scores[:, hidden] = 0
        if self.blend.seen_items == "filter":
            types = self.blend.target_types
            taken = item_events(block, num_items=len(hidden), as_of=as_of, event_types=types)
            scores[taken.persons, taken.columns] = 0

    def _reasons(
        self, persons: Ints, columns: Ints, shares_MC: Floats, known: Reasons
    ) -> list[Reason]:
        """Of each offer, the reason of the component with the largest share that has one."""
        found: list[Reason | None] = [None] * len(persons)
        is_open = np.ones(len(persons), dtype=bool)
        for numbers in np.argsort(-shares_MC, axis=1, kind="stable").T:
            is_open &= shares_MC[np.arange(len(persons)), numbers] > 0
            for number, component in enumerate(self.blend.components):
                asked = np.flatnonzero(is_open & (numbers == number))
                given = self._reasons_of(component, persons[asked], columns[asked], known)
                for place, reason in zip(asked.tolist(), given, strict=True):
                    found[place] = reason
                is_open[asked] = [reason is None for reason in given]
        rest = np.array([reason is None for reason in found], dtype=bool)
        general = iter(known.fits(persons[rest], "history"))
        return [reason or next(general) for reason in found]

    def _reasons_of(
        self, component: Recommender, persons: Ints, columns: Ints, known: Reasons
    ) -> Sequence[Reason | None]:
        if isinstance(component, PersonalFrequency | Habit | Again):
            return known.own(persons, columns)
        if isinstance(component, CoOccurrence | ItemRecommender):
            # What was counted is cited, for a solved weight is no count: it may be of items that
            # nobody took together.
            types = self.blend.target_types
            taken = types[0] if len(types) == 1 else "any"
            return known.goes_with(persons, columns, self._cooccurrence, taken)
        if isinstance(component, Popularity):
            return known.popular(columns, component)
        return known.fits(persons, component.name)

    def _labelled(
        self,
        user_id: str,
        items: tuple[Offer, ...],
        fallback: Fallback | None,
        *,
        as_of: int,
        k: int,
    ) -> Offers:
        label: Fallback | None = fallback if items else "empty"
        inputs = [self.model_version, user_id, str(as_of), str(k), str(label)]
        inputs += [f"{item.item_id}={item.score}" for item in items]
        digest = hashlib.blake2b("\x1f".join(inputs).encode(), digest_size=12).hexdigest()
        return Offers(f"rec_{digest}", user_id, label, items)

    def _hidden(self, exclude: Collection[str]) -> Bools:
        hidden = ~self.catalogue.offered
        hidden[[self._columns[item_id] for item_id in exclude if item_id in self._columns]] = True
        return hidden

    def _same_category(self, column: int) -> list[int]:
        category = self.catalogue.categories[column]
        if not category:
            return []
        alike = (
            np.array([name == category for name in self.catalogue.categories])
            & self.catalogue.offered
        )
        alike[column] = False
        columns = np.flatnonzero(alike)
        sold = self._popularity.distribution[columns]
        return [int(c) for c in columns[np.argsort(-sold, kind="stable")]]

    @cached_property
    def _columns(self) -> dict[str, int]:
        return self.catalogue.columns

    @cached_property
    def _popularity(self) -> Popularity:
        return self._component(Popularity)

    @cached_property
    def _cooccurrence(self) -> CoOccurrence:
        return self._component(CoOccurrence)

    def _component(self, kind: type[Kind]) -> Kind:
        for component in self.blend.components:
            if isinstance(component, kind):
                return component
        raise NotReady(
            f"The blend has no {kind.__name__} recommender.",
            fix="Run `habitue train` to make the recommenders anew.",
        )


_WEIGHED = tuple(field.name for field in fields(Weighed))


def _nobody() -> Sequences:
    """No person at all."""
    none = np.zeros(0, dtype=np.int64)
    return Sequences(
        subject_ids=none,
        offsets=np.zeros(1, dtype=np.int64),
        timestamps=none,
        event_types=none.astype(np.int8),
        items=none.astype(np.int32),
        is_bot=none.astype(bool),
        features={},
    )
