"""Why an item is offered, in one plain sentence that cites this person's dated events.

Comes in: what a person did, the item, and which recommender put it forward. Goes out: a source
word and a sentence in the shop's language. Every text stands in one table. Knows nothing about
how scores are made.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from habitue.baselines.cooccurrence import HISTORY_MOMENTS, CoOccurrence
from habitue.baselines.history import Bools, Ints, ItemEvents, item_events, type_codes_of
from habitue.baselines.popularity import Popularity
from habitue.languages import Language, speaking
from habitue.schema import DAY, EVENT_TYPES, POSITIVE_EVENT_TYPES, item_label, spoken_date
from habitue.sequences.sequences import Sequences, joined_ranges

Floats = npt.NDArray[np.floating]

LANGUAGES: Final[dict[Language, dict[str, str]]] = {
    "en": {
        "purchase": "bought",
        "add_to_cart": "put in the cart",
        "add_to_wishlist": "wished for",
        "click": "clicked",
        "select_item": "chose",
        "view_item": "viewed",
        "any": "chosen",
        "once": "{did} on {date}",
        "often": "{did} {times} times, last on {date}",
        "goes_with": "often {taken} with or after '{name}', which you {did} on {date}",
        "popular": "popular in the last {days:g} days: {people}",
        "popular_before": "popular for a long time",
        "one_person": "1 person",
        "persons": "{count:,} people",
        "fits": "fits your last visits: {names}",
        "other": "fits your history",
        "separator": ", ",
    },
    "zh": {
        "purchase": "购买",
        "add_to_cart": "加入购物车",
        "add_to_wishlist": "收藏",
        "click": "点击",
        "select_item": "选择",
        "view_item": "浏览",
        "any": "选中",
        "once": "您于{date}{did}过",
        "often": "您{did}过{times}次，最近一次是{date}",
        "goes_with": "常与“{name}”一起或在其后被{taken}，您于{date}{did}过它",
        "popular": "近{days:g}天热门：{people}",
        "popular_before": "一直受欢迎",
        "one_person": "1人",
        "persons": "{count:,}人",
        "fits": "符合您最近的浏览：{names}",
        "other": "符合您的历史记录",
        "separator": "、",
    },
}
_RECENT_EVENTS = 10
_NAMES_SHOWN = 3
_STRENGTH_OF_CODE = np.full(len(EVENT_TYPES) + 1, -1, dtype=np.int64)
_STRENGTH_OF_CODE[type_codes_of(POSITIVE_EVENT_TYPES)] = np.arange(len(POSITIVE_EVENT_TYPES))


@dataclass(frozen=True)
class Catalogue:
    """The items a score has columns for, and which of them may be offered."""

    item_ids: tuple[str, ...]
    names: tuple[str, ...]  # the id where there is no name
    categories: tuple[str, ...]  # last part of the path; empty where there is none
    offered: Bools  # [num_items] available, a product, and still in the catalogue

    @classmethod
    def of(cls, item_ids: Sequence[str], items: pl.DataFrame) -> "Catalogue":
        """Join the vocabulary's `item_ids` with the catalogue (`schema.ITEM_COLUMNS`)."""
        columns = pl.DataFrame({"item_id": pl.Series(list(item_ids), dtype=pl.String)})
        known = items.select(
            "item_id",
            name=item_label(),
            category=pl.col("category").str.split("/").list.last(),
            offered=pl.col("available").fill_null(True) & pl.col("is_product").fill_null(True),
        ).unique("item_id", keep="last", maintain_order=True)
        joined = columns.join(known, on="item_id", how="left", maintain_order="left")
        return cls(
            item_ids=tuple(item_ids),
            names=tuple(joined["name"].fill_null(joined["item_id"])),
            categories=tuple(joined["category"].fill_null("")),
            offered=joined["offered"].fill_null(False).to_numpy().astype(bool),
        )

    @property
    def columns(self) -> dict[str, int]:
        """The column of each item id."""
        return {item_id: column for column, item_id in enumerate(self.item_ids)}


@dataclass(frozen=True)
class Reason:
    """The source of an offer as one word, and the sentence."""

    source: str
    text: str


class Reasons:
    """Gives reasons to a block of persons, from their events before `as_of`.

    Asked about many offers at once: `persons` are rows of the block, `columns` the items offered
    to them, [M] each.
    """

    def __init__(
        self, sequences: Sequences, catalogue: Catalogue, *, as_of: int, language: Language = "en"
    ) -> None:
        self._language = language
        self._catalogue = catalogue
        self._events: ItemEvents = item_events(
            sequences, num_items=len(catalogue.item_ids), as_of=as_of
        )
        self._starts: Ints = np.searchsorted(self._events.persons, np.arange(len(sequences) + 1))

    def knows(self, person: int) -> bool:
        """Return whether the person did anything with a known item."""
        return bool(self._starts[person] < self._starts[person + 1])

    def own(self, persons: Ints, columns: Ints) -> list[Reason | None]:
        """Return what the persons did with these very items; None if nothing."""
        deeds = self._deeds
        asked = persons * len(self._catalogue.item_ids) + columns
        places = np.minimum(np.searchsorted(deeds.pairs, asked), max(len(deeds.pairs) - 1, 0))
        if len(deeds.pairs) == 0:
            return [None] * len(asked)
        found = zip(
            (deeds.pairs[places] == asked).tolist(),
            deeds.strength[places].tolist(),
            deeds.times[places].tolist(),
            (deeds.last_at[places] // DAY).tolist(),
            strict=True,
        )
        return [
            _own(self._language, strength, times, day) if is_own else None
            for is_own, strength, times, day in found
        ]

    def goes_with(
        self, persons: Ints, columns: Ints, cooccurrence: CoOccurrence, taken: str
    ) -> list[Reason | None]:
        """Return the items of the persons' past that speak most for these; None if none does."""
        texts = LANGUAGES[self._language]
        events = self._recent
        first, last = np.searchsorted(events.persons, [persons, persons + 1])
        lengths = last - first
        at = joined_ranges(first, lengths)
        decay = cooccurrence.settings.step_decay ** events.moments_back[at]
        support = cooccurrence.support(events.columns[at], np.repeat(columns, lengths)) * decay
        best = _last_of_largest(support, lengths)
        has_one = np.flatnonzero(best >= 0)
        event = at[best[has_one]]
        cited = zip(
            has_one.tolist(),
            events.columns[event].tolist(),
            events.type_codes[event].tolist(),
            (events.timestamps[event] // DAY).tolist(),
            strict=True,
        )
        reasons: list[Reason | None] = [None] * len(persons)
        for place, column, code, day in cited:
            text = texts["goes_with"].format(
                taken=texts[taken],
                name=self._catalogue.names[column],
                did=texts[EVENT_TYPES[code - 1]],
                date=_date(self._language, day),
            )
            reasons[place] = Reason("goes_with", text)
        return reasons

    def popular(self, columns: Ints, popularity: Popularity) -> list[Reason]:
        """Return how many people took the items lately."""
        counts = popularity.recent_persons[columns].tolist()
        return [_popular(self._language, int(n), popularity.window_days) for n in counts]

    def fits(self, persons: Ints, source: str) -> list[Reason]:
        """Return what the persons' last visits were about: categories, or names of items."""
        of_person = {person: self._fits(person, source) for person in set(persons.tolist())}
        return [of_person[person] for person in persons.tolist()]

    def _fits(self, person: int, source: str) -> Reason:
        texts = LANGUAGES[self._language]
        here = slice(self._starts[person], self._starts[person + 1])
        columns = self._events.columns[here][-_RECENT_EVENTS:][::-1].tolist()
        about = [self._catalogue.categories[c] for c in columns if self._catalogue.categories[c]]
        about = about or [self._catalogue.names[column] for column in columns]
        if not about:
            return Reason(source, texts["other"])
        names = texts["separator"].join(list(dict.fromkeys(about))[:_NAMES_SHOWN])
        return Reason(source, texts["fits"].format(names=names))

    @cached_property
    def _recent(self) -> ItemEvents:
        return self._events.where(self._events.moments_back < HISTORY_MOMENTS)

    @cached_property
    def _deeds(self) -> "_Deeds":
        return _Deeds.of(self._events, len(self._catalogue.item_ids))


@dataclass(frozen=True)
class _Deeds:
    """The strongest thing that each person did with each item of theirs."""

    pairs: Ints  # [P] person * num_items + column, rising
    strength: Ints  # place in `POSITIVE_EVENT_TYPES`
    times: Ints  # how often that
    last_at: Ints  # and when last

    @classmethod
    def of(cls, events: ItemEvents, num_items: int) -> "_Deeds":
        pairs, pair_of = np.unique(events.persons * num_items + events.columns, return_inverse=True)
        strength_of_event = _STRENGTH_OF_CODE[events.type_codes]
        strength = np.full(len(pairs), -1, dtype=np.int64)
        np.maximum.at(strength, pair_of, strength_of_event)
        is_strongest = strength_of_event == strength[pair_of]
        last_at = np.full(len(pairs), np.iinfo(np.int64).min)
        np.maximum.at(last_at, pair_of[is_strongest], events.timestamps[is_strongest])
        return cls(pairs, strength, np.bincount(pair_of[is_strongest]), last_at)


def _last_of_largest(values: Floats, lengths: Ints) -> Ints:
    """Return where the largest value above 0 of each run stands; -1: there is none.

    Of equal ones the last: "you bought" is better news than "you viewed".
    """
    best = np.full(len(lengths), -1, dtype=np.int64)
    runs = np.flatnonzero(lengths)
    if len(runs) == 0:
        return best
    starts = np.cumsum(lengths[runs]) - lengths[runs]
    largest = np.repeat(np.maximum.reduceat(values, starts), lengths[runs])
    is_largest = (values == largest) & (values > 0)
    places = np.where(is_largest, np.arange(len(values)), -1)
    best[runs] = np.maximum.reduceat(places, starts)
    return best


# Few texts are about many offers.
@lru_cache(maxsize=1 << 14)
def _own(language: Language, strength: int, times: int, day: int) -> Reason:
    texts, name = LANGUAGES[language], POSITIVE_EVENT_TYPES[strength]
    text = texts["once" if times == 1 else "often"].format(
        did=texts[name], times=times, date=_date(language, day)
    )
    return Reason("bought_before" if name == "purchase" else "seen_before", text)


@lru_cache(maxsize=1 << 14)
def _popular(language: Language, count: int, days: float) -> Reason:
    texts = LANGUAGES[language]
    if count == 0:
        return Reason("popular", texts["popular_before"])
    people = texts["one_person" if count == 1 else "persons"].format(count=count)
    return Reason("popular", texts["popular"].format(days=days, people=people))


@lru_cache(maxsize=1 << 14)
def _date(language: Language, day: int) -> str:
    with speaking(language):
        return spoken_date(day * DAY)
