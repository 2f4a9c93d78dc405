"""An explanation in sentences, to be read from top to bottom.

In: an explanation's record, what it is about in words, the words of a language. Out: sentences.
Knows nothing about models, and states nothing that the record does not hold.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from habitue.explanations.counterfactuals import LARGEST_SET
from habitue.explanations.groups import EventGroup
from habitue.explanations.record import CitedEvent, Explanation
from habitue.explanations.texts import Words, decimals_of, is_crumb, sentence_case

FEATURES_TOLD: Final = 3
CHANGE_TOLD: Final = 6  # entries of a smallest change that are named one by one
SMALL: Final = 0.05  # of the distance from the usual answer: an event below is not listed
WEAK: Final = 0.25  # of the strongest effect: the same


def tell(told: Explanation, what: str, words: Words, *, k: int = 10) -> tuple[str, ...]:
    """Return the sentences; `k` is how many items are offered at first."""
    usual = told.base_rate or 0.0
    prose = _Prose(told, words, told.unit != "money", decimals_of(max(told.prediction, usual)))
    return tuple(sentence_case(one) for one in prose.sentences(what, k))


@dataclass(frozen=True)
class _Prose:
    """One explanation in the words of a language, its effects all rounded alike."""

    told: Explanation
    words: Words
    is_share: bool
    decimals: int  # of effects, in points

    def sentences(self, what: str, k: int) -> Iterator[str]:
        """Yield what is predicted, why, and what would change it."""
        told, prediction = self.told, self.level(self.told.prediction)
        if told.fallback is not None:
            yield self.words("unknown", what=what, prediction=prediction)
            return
        if told.data_sufficiency == "not_enough_data":
            yield self.words("too_few", what=what, prediction=prediction, reason=told.reason)
        else:
            base = "–" if told.base_rate is None else self.level(told.base_rate)
            yield self.words("answer", what=what, prediction=prediction, base=base)
        if told.item_id is not None:
            yield self.source()
        heavy = [one for one in told.events if not self.is_small(one.verified_effect)]
        yield from self.events(heavy) if heavy else self.no_event()
        yield from self.day()
        if told.features and told.item_id is None:
            yield self.features(is_all=not heavy)
        if told.decision is not None:
            yield self.change_of_item(k) if told.item_id is not None else self.change()

    def source(self) -> str:
        """Say who puts an item forward."""
        told = self.told
        whole = sum(part.effect for part in told.features)
        listed = self.words.listed(
            [
                self.words("share", name=part.text, share=f"{part.effect / whole:.0%}")
                for part in told.features
                if whole > 0 and part.effect >= 0.005 * whole
            ]
        )
        name = "source" if told.rank is not None else "source.hidden"
        return self.words(name, listed=listed or "–", rank=told.rank)

    def events(self, heavy: Sequence[CitedEvent]) -> Iterator[str]:
        """Say what raises the answer, what lowers it, and what all of it does together."""
        for text, sign in (("for", 1), ("against", -1)):
            own = [one for one in heavy if one.verified_effect * sign > 0]
            if own:
                yield self.words(text, listed=self.listed(own))
        rest = len(self.told.events) - len(heavy)
        if rest:
            most = max(abs(one.verified_effect) for one in self.told.events if one not in heavy)
            text = "crumb" if rest == 1 else f"crumbs{self.less_or(most, '')}"
            yield self.words(text, count=rest, size=self.size(most))
        if self.told.together is not None:
            count = len(self.told.events)
            name = "together.1" if count == 1 else "together"
            yield self.together(name, self.told.together.prediction)

    def no_event(self) -> Iterator[str]:
        """Say that no event matters alone, and whether those that weigh most do together."""
        together = self.told.together
        if together is None:
            yield self.words("none")
            return
        most = max(abs(one.verified_effect) for one in self.told.events)
        yield self.words(f"none{self.less_or(most, '.much')}", size=self.size(most))
        if not self.is_small(together.verified_effect):
            yield self.together("together.none", together.prediction)

    def day(self) -> Iterator[str]:
        """Say what a whole day does where it does more than any event."""
        day, events = self.told.heaviest_day, self.told.events
        if day is None or self.is_small(day.verified_effect):
            return
        if abs(day.verified_effect) > max(abs(one.verified_effect) for one in events):
            date, prediction = self.words.date(day.day), self.level(day.prediction)
            yield self.words("whole_day", count=day.num_events, date=date, prediction=prediction)

    def together(self, name: str, without: float) -> str:
        """Say what the answer would be without all cited events."""
        return self.words(name, count=len(self.told.events), prediction=self.level(without))

    def features(self, *, is_all: bool) -> str:
        """Say what the events amount to; `is_all`: where no event says anything alone."""
        first, *others = self.told.features[:FEATURES_TOLD]
        told = [first, *(one for one in others if not self.is_nothing(one.effect))]
        listed = [
            self.words("cited", text=self.words.within(one.text), effect=self.effect(one.effect))
            for one in told
        ]
        return self.words(
            "features.none" if is_all else "features", listed=self.words.listed(listed)
        )

    def change(self) -> str:
        """Say what would move the answer past the value that matters."""
        change, decision = self.told.smallest_change, self.told.decision
        assert decision is not None, "there is nothing to decide"
        bar = self.words(f"bar.{decision.because}", bar=self.level(decision.threshold))
        if change is None:
            return self.words("no_change", count=LARGEST_SET, bar=bar)
        prediction, listed = self.level(change.prediction), self.named(change.events)
        return self.words("change", listed=listed, prediction=prediction, bar=bar)

    def change_of_item(self, k: int) -> str:
        """Say what would move an item in or out of the first `k` offers."""
        rank, change = self.told.rank, self.told.smallest_change
        move = self.words("leave" if rank is not None and rank <= k else "enter")
        if change is None:
            return self.words("no_change.item", most=LARGEST_SET, move=move, count=k)
        return self.words("change.item", listed=self.named(change.events), move=move, count=k)

    def named(self, events: Sequence[EventGroup]) -> str:
        """Return events, the rest of many as a number."""
        named = [event.text for event in events[:CHANGE_TOLD]]
        rest = len(events) - len(named)
        return self.words.listed([*named, self.words("more", count=rest)] if rest else named)

    def listed(self, events: Sequence[CitedEvent]) -> str:
        """Return events with their effects."""
        return self.words.listed(
            [
                self.words("cited", text=one.text, effect=self.effect(one.verified_effect))
                for one in events
            ]
        )

    def level(self, value: float) -> str:
        """Return an answer in words."""
        return self.words.level(value, is_share=self.is_share)

    def effect(self, value: float) -> str:
        """Return an effect in words."""
        return self.words.effect(value, is_share=self.is_share, decimals=self.decimals)

    def size(self, value: float) -> str:
        """Return the size of an effect in words."""
        return self.words.size(value, is_share=self.is_share, decimals=self.decimals)

    def less_or(self, value: float, name: str) -> str:
        """Return the ending of a text that takes "less than" as its size, or another's."""
        return ".less" if self.is_nothing(value) else name

    def is_nothing(self, value: float) -> bool:
        """Whether nothing is left of an effect when it is rounded."""
        return is_crumb(value, is_share=self.is_share, decimals=self.decimals)

    def is_small(self, value: float) -> bool:
        """Whether an effect is nothing when rounded, next to nothing of what is to be explained,
        which is how far the answer lies from the usual one, or beside the strongest.
        """
        far = abs(self.told.prediction - (self.told.base_rate or 0.0))
        most = max((abs(one.verified_effect) for one in self.told.events), default=0.0)
        return self.is_nothing(value) or abs(value) < max(SMALL * far, WEAK * most)
