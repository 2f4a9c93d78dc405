"""Offers: one person's as a record, a block of persons' in columns.

Comes in: the items chosen for persons, with scores and reasons. Goes out: records or rows. Knows
nothing about how items are chosen.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final, Literal

import numpy as np
import polars as pl

from habitue.actions.reasons import Reason

OFFER_COLUMNS: Final = {
    "user_id": pl.String(),
    "rank": pl.Int32(),
    "item_id": pl.String(),
    "score": pl.Float64(),
    "source": pl.String(),
    "reason": pl.String(),
}
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
class Picks:
    """What to offer a block of persons: an entry an offer, each person's best first."""

    lengths: list[int]  # offers of each person
    is_known: list[bool]  # whether a person did anything with a known item
    item_ids: list[str]
    scores: list[float]
    reasons: list[Reason]

    def items(self) -> list[tuple[Offer, ...]]:
        """Return each person's offers."""
        offers = [
            Offer(item_id, score, reason.source, reason.text)
            for item_id, score, reason in zip(self.item_ids, self.scores, self.reasons, strict=True)
        ]
        ends = np.cumsum(self.lengths).tolist()
        return [
            tuple(offers[end - length : end])
            for end, length in zip(ends, self.lengths, strict=True)
        ]

    def rows(self, user_ids: Sequence[str]) -> pl.DataFrame:
        """Return the offers as rows of `OFFER_COLUMNS`; `user_ids` are the persons'."""
        lengths = np.array(self.lengths, dtype=np.int64)
        person = np.repeat(np.arange(len(lengths)), lengths)
        place = np.arange(len(person)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        columns = {
            "user_id": pl.Series(user_ids, dtype=pl.String).gather(person),
            "rank": place + 1,
            "item_id": self.item_ids,
            "score": self.scores,
            "source": [reason.source for reason in self.reasons],
            "reason": [reason.text for reason in self.reasons],
        }
        return pl.DataFrame(columns, schema=OFFER_COLUMNS)
