"""Why an item is offered, in one plain sentence that cites this person's dated events.

Comes in: what a person did, the item, and which recommender put it forward. Goes out: a source
word and a sentence in the shop's language. Every text stands in one table. Knows nothing about
how scores are made.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from habitue.baselines.cooccurrence import HISTORY_MOMENTS, CoOccurrence
from habitue.baselines.history import Bools, Ints, ItemEvents, item_events
from habitue.baselines.popularity import Popularity
from habitue.schema import EVENT_TYPES, POSITIVE_EVENT_TYPES, format_date, item_label
from habitue.sequences.sequences import Sequences

LANGUAGES: Final[dict[str, dict[str, str]]] = {
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
        "often": "您{did}过{times}次，最近一次在{date}",
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
_STRENGTH = {name: rank for rank, name in enumerate(POSITIVE_EVENT_TYPES)}


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
    """Gives reasons to a block of persons, from their events before `as_of`."""

    def __init__(
        self, sequences: Sequences, catalogue: Catalogue, *, as_of: int, language: str = "en"
    ) -> None:
        self._texts = LANGUAGES[language]
        self._catalogue = catalogue
        self._events: ItemEvents = item_events(
            sequences, num_items=len(catalogue.item_ids), as_of=as_of
        )
        self._starts: Ints = np.searchsorted(self._events.persons, np.arange(len(sequences) + 1))

    def knows(self, person: int) -> bool:
        """Return whether the person did anything with a known item."""
        return bool(self._starts[person] < self._starts[person + 1])

    def own(self, person: int, column: int) -> Reason | None:
        """Return what the person did with this very item; None if nothing."""
        here = self._places(person)
        mine = here[self._events.columns[here] == column]
        if len(mine) == 0:
            return None
        names = [EVENT_TYPES[code - 1] for code in self._events.type_codes[mine]]
        strongest = max(names, key=lambda name: _STRENGTH[name])
        times = names.count(strongest)
        last_at = max(
            int(at)
            for at, name in zip(self._events.timestamps[mine], names, strict=True)
            if name == strongest
        )
        text = self._texts["once" if times == 1 else "often"].format(
            did=self._texts[strongest], times=times, date=format_date(last_at)
        )
        return Reason("bought_before" if strongest == "purchase" else "seen_before", text)

    def goes_with(
        self, person: int, column: int, cooccurrence: CoOccurrence, taken: str
    ) -> Reason | None:
        """Return the item of the person's past that speaks most for this one; None if none."""
        here = self._places(person)
        here = here[self._events.moments_back[here] < HISTORY_MOMENTS]
        decay = cooccurrence.settings.step_decay ** self._events.moments_back[here]
        rows = self._events.columns[here]
        support = cooccurrence.support(rows, column) * decay
        if len(support) == 0 or support.max() <= 0:
            return None
        # Of equally strong ones the last: "you bought" is better news than "you viewed".
        best = here[len(support) - 1 - int(support[::-1].argmax())]
        did = EVENT_TYPES[int(self._events.type_codes[best]) - 1]
        text = self._texts["goes_with"].format(
            taken=self._texts[taken],
            name=self._catalogue.names[int(self._events.columns[best])],
            did=self._texts[did],
            date=format_date(int(self._events.timestamps[best])),
        )
        return Reason("goes_with", text)

    def popular(self, column: int, popularity: Popularity) -> Reason:
        """Return how many people took the item lately."""
        count = int(popularity.recent_persons[column])
        if count == 0:
            return Reason("popular", self._texts["popular_before"])
        people = self._texts["one_person" if count == 1 else "persons"].format(count=count)
        text = self._texts["popular"].format(days=popularity.window_days, people=people)
        return Reason("popular", text)

    def fits(self, person: int, source: str) -> Reason:
        """Return what the person's last visits were about: categories, or names of items."""
        here = self._places(person)[-_RECENT_EVENTS:][::-1]
        columns = [int(column) for column in self._events.columns[here]]
        about = [self._catalogue.categories[c] for c in columns if self._catalogue.categories[c]]
        about = about or [self._catalogue.names[column] for column in columns]
        if not about:
            return Reason(source, self._texts["other"])
        names = self._texts["separator"].join(list(dict.fromkeys(about))[:_NAMES_SHOWN])
        return Reason(source, self._texts["fits"].format(names=names))

    def _places(self, person: int) -> Ints:
        return np.arange(self._starts[person], self._starts[person + 1])
