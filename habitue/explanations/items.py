"""Why an item has the score it has with a person.

In: a model version, an adviser, a person's events, an item. Out: an `Explanation`: the blend's
score with and without the person's own events, and who puts the item forward. What other persons
did, and so what is popular and what goes together, stays as it was. Knows nothing about how
explanations are shown.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl

from habitue.actions.recommend import Adviser
from habitue.answering import Version
from habitue.explanations.counterfactuals import Answers
from habitue.explanations.prose import tell
from habitue.explanations.questions import Manner, Person, measured
from habitue.explanations.record import Decision, Explanation, FeatureEffect
from habitue.explanations.texts import Words
from habitue.sequences.encoder import encode

ITEMS_OFFERED: Final = 10  # an item is among the first so many, or it is not
_NOT_OFFERED: Final = -1.0  # the margin of an item that may not be offered
_TRACE: Final = 1e-4  # of the score: a component that only fills the end of short lists


def explain_item(
    version: Version, adviser: Adviser, person: Person, item_id: str, manner: Manner
) -> Explanation:
    """Return why an item has the score it has with a person.

    Raises:
        UnknownName: the model does not know the item.
    """
    question = _Question.of(version, adviser, person, item_id)
    told = _plain(version, adviser, person.user_id, item_id, as_of=person.as_of)
    told = question.introduced(told, manner.words)
    told = measured(told, person, question.answers, manner)
    what = manner.words("item", item=told.name)
    return replace(told, sentences=tell(told, what, manner.words, k=ITEMS_OFFERED))


def explain_item_to_nobody(
    version: Version, adviser: Adviser, user_id: str, item_id: str, words: Words, *, as_of: int
) -> Explanation:
    """Return the labelled fallback for somebody nobody has seen before `as_of`.

    Raises:
        UnknownName: the model does not know the item.
    """
    reason = adviser.popular_reason(item_id)
    told = replace(
        _plain(version, adviser, user_id, item_id, as_of=as_of),
        fallback="popular",
        source=reason.source,
        offer_reason=reason.text,
        data_sufficiency="not_enough_data",
        reason=words("nobody"),
    )
    return replace(told, sentences=tell(told, words("item", item=told.name), words))


def _plain(
    version: Version, adviser: Adviser, user_id: str, item_id: str, *, as_of: int
) -> Explanation:
    share = adviser.popular_share(item_id)
    return Explanation(
        user_id=user_id,
        as_of=as_of,
        model_version=version.card.version,
        task=None,
        item_id=item_id,
        unit="score",
        base_rate=share,
        prediction=share,
        name=adviser.catalogue.names[adviser.column_of(item_id)],
    )


@dataclass(frozen=True)
class _Question:
    """One item offered to one person, scored for any variant of the history."""

    version: Version
    adviser: Adviser
    person: Person
    item_id: str
    share: float  # the item's, of everything that is taken
    may_be_offered: bool  # to anybody

    @classmethod
    def of(cls, version: Version, adviser: Adviser, person: Person, item_id: str) -> "_Question":
        is_offered = bool(adviser.catalogue.offered[adviser.column_of(item_id)])
        share = adviser.popular_share(item_id)
        return cls(version, adviser, person, item_id, share, is_offered)

    def answers(self, frame: pl.DataFrame, num_variants: int) -> Answers:
        """Return the score of each variant; one without any event gets what is popular."""
        value = np.full(num_variants, self.share)
        margin = np.full(num_variants, np.nan)
        if frame.height:
            found = encode(frame, self.person.items, self.version.vocabulary)
            weighed = self.adviser.weigh(
                self.item_id, found, as_of=self.person.as_of, k=ITEMS_OFFERED
            )
            value[found.subject_ids] = weighed.score
            margin[found.subject_ids] = np.where(
                weighed.is_offered, weighed.score - weighed.bar, _NOT_OFFERED
            )
        return Answers(value, margin if self.may_be_offered else np.full(num_variants, np.nan))

    def introduced(self, told: Explanation, words: Words) -> Explanation:
        """Return the explanation with who puts the item forward, how much, and its rank."""
        as_of = self.person.as_of
        own = encode(self.person.history.events, self.person.items, self.version.vocabulary)
        weighed = self.adviser.weigh(self.item_id, own, as_of=as_of, k=ITEMS_OFFERED)
        reason = self.adviser.reason_for(self.item_id, own, as_of=as_of)
        rank = int(weighed.rank[0]) if weighed.is_offered[0] else None
        decision = Decision(float(weighed.bar[0]), "shown") if self.may_be_offered else None
        return replace(
            told,
            source=reason.source,
            offer_reason=reason.text,
            rank=rank,
            decision=decision,
            features=self._parts(weighed.shares[0].tolist(), words),
        )

    def _parts(self, shares: list[float], words: Words) -> tuple[FeatureEffect, ...]:
        named = zip(self.adviser.blend.components, shares, strict=True)
        found = [
            FeatureEffect(part.name, None, share, part.name, words(f"part.{part.name}"))
            for part, share in named
            if share > _TRACE * sum(shares)
        ]
        return tuple(sorted(found, key=lambda one: -one.effect))
