"""What to offer a person: items with a score, the source of each offer, and a reason.

Comes in: a blend of recommenders, a person's sequence, the catalogue. Goes out: offers under the
shop's own ids. What is sold out or no product is never offered. A person nobody knows gets what
is popular, labelled as such, and never an error. Lists that are the same for everyone hold no item
of a few persons only. Knows nothing about training or storage.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

from habitue.actions.blend import Blend, Recommender, mixture
from habitue.actions.reasons import Catalogue, Reason, Reasons
from habitue.actions.targets import block_size, seen_items
from habitue.baselines.cooccurrence import CoOccurrence
from habitue.baselines.habit import Habit
from habitue.baselines.personal import PersonalFrequency
from habitue.baselines.popularity import Popularity
from habitue.errors import NotReady, UnknownName, nearest
from habitue.metrics import NO_ITEM, top_k
from habitue.sequences.sequences import Sequences

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]
Kind = TypeVar("Kind")
Fallback = Literal["popular", "cold", "empty"]


@dataclass(frozen=True)
class Offer:
    """One item to offer; `score` is the probability that it is what comes next."""

    item_id: str
    score: float
    source: str  # bought_before, seen_before, goes_with, popular, network …
    reason: str


@dataclass(frozen=True)
class Offers:
    """What to offer one person.

    `fallback`: None, or "popular" (nobody knows this user), "cold" (known, but no event that says
    what they like: only popularity speaks), "empty" (nothing is left to offer).
    """

    recommendation_id: str
    user_id: str
    fallback: Fallback | None
    items: tuple[Offer, ...]

    def as_json(self) -> dict[str, object]:
        """Return the document that `--json` prints."""
        return asdict(self) | {"items": [asdict(item) for item in self.items]}


@dataclass(frozen=True)
class ScoredItem:
    """An item and its score."""

    item_id: str
    score: float


@dataclass(frozen=True)
class Adviser:
    """Everything that is needed to recommend: one blend, one catalogue, one language."""

    blend: Blend
    catalogue: Catalogue
    language: str = "en"
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
        size = max(1, block_size(len(self.catalogue.item_ids)) // 2)
        offers: list[Offers] = []
        for start in range(0, len(sequences), size):
            stop = min(start + size, len(sequences))
            block = sequences.slice(start, stop).before(as_of)
            offers += self._offers(
                block, user_ids[start:stop], as_of=as_of, k=k, hidden=self._hidden(exclude)
            )
        return offers

    def recommend_unknown(
        self, user_id: str, *, as_of: int, k: int = 10, exclude: Collection[str] = ()
    ) -> Offers:
        """Return what is popular, labelled so, for a user nobody has seen."""
        row = self._popularity.distribution[None, :].copy()
        unfit = self._hidden(exclude) | (row[0] <= 0) | ~self._popularity.taken_by(self.min_persons)
        top = top_k(row, k, exclude=unfit)[0]
        nobody = _nobody()
        reasons = Reasons(nobody, self.catalogue, as_of=as_of, language=self.language)
        items = tuple(
            self._offer(column, row[0, column], reasons.popular(column, self._popularity))
            for column in (int(column) for column in top if column != NO_ITEM)
        )
        return self._labelled(user_id, items, "popular", as_of=as_of, k=k)

    def similar(self, item_id: str, k: int = 10) -> list[ScoredItem]:
        """Return items that go with this one, best first.

        Where co-occurrence knows fewer than `k`, popular items of the same category follow, with
        score 0.

        Raises:
            UnknownName: the model does not know the item.
        """
        column = self._columns.get(item_id)
        if column is None:
            raise UnknownName(
                f"The model knows no item '{item_id}'.{nearest(item_id, self._columns)}",
                fix="Check the id, or train again if the item is new.",
            )
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

    def _offers(
        self,
        block: Sequences,
        user_ids: Sequence[str],
        *,
        as_of: int,
        k: int,
        hidden: Bools,
    ) -> list[Offers]:
        parts = self.blend.parts(block, as_of=as_of)
        weights = self.blend.person_weights(parts)
        scores = mixture(parts, weights)
        unfit = (scores <= 0) | hidden
        if self.blend.seen_items == "filter":
            unfit |= seen_items(
                block,
                num_items=scores.shape[1],
                as_of=as_of,
                target_types=self.blend.target_types,
            )
        top = top_k(scores, k, exclude=unfit)
        reasons = Reasons(block, self.catalogue, as_of=as_of, language=self.language)
        found = []
        for person, user_id in enumerate(user_ids):
            columns = [int(column) for column in top[person] if column != NO_ITEM]
            shares = np.stack([part[person, columns] for part in parts], axis=1) * weights[person]
            items = tuple(
                self._offer(
                    column, scores[person, column], self._reason(person, column, share, reasons)
                )
                for column, share in zip(columns, shares, strict=True)
            )
            label: Fallback | None = None if reasons.knows(person) else "cold"
            found.append(self._labelled(user_id, items, label, as_of=as_of, k=k))
        return found

    def _reason(self, person: int, column: int, shares: Floats, reasons: Reasons) -> Reason:
        """The reason of the component with the largest share that has one to give."""
        for number in np.argsort(-shares, kind="stable"):
            if shares[number] <= 0:
                break
            component = self.blend.components[int(number)]
            reason = self._reason_of(component, person, column, reasons)
            if reason is not None:
                return reason
        return reasons.fits(person, "history")

    def _reason_of(
        self, component: Recommender, person: int, column: int, reasons: Reasons
    ) -> Reason | None:
        if isinstance(component, PersonalFrequency | Habit):
            return reasons.own(person, column)
        if isinstance(component, CoOccurrence):
            types = self.blend.target_types
            taken = types[0] if len(types) == 1 else "any"
            return reasons.goes_with(person, column, component, taken)
        if isinstance(component, Popularity):
            return reasons.popular(column, component)
        return reasons.fits(person, component.name)

    def _offer(self, column: int, score: float, reason: Reason) -> Offer:
        item_id = self.catalogue.item_ids[column]
        return Offer(item_id, float(score), reason.source, reason.text)

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
