"""An explanation in sentences, to be read from top to bottom.

In: an explanation's record, what it is about in words, the words of a language. Out: sentences.
Knows nothing about models, and states nothing that the record does not hold.
"""

from collections.abc import Iterator, Sequence

from habitue.explanations.counterfactuals import LARGEST_SET
from habitue.explanations.groups import EventGroup
from habitue.explanations.record import Explanation
from habitue.explanations.texts import Words, sentence_case

FEATURES_TOLD = 3
CHANGE_TOLD = 6  # entries of a smallest change that are named one by one


def tell(told: Explanation, what: str, words: Words, *, k: int = 10) -> tuple[str, ...]:
    """Return the sentences; `k` is how many items are offered at first."""
    return tuple(sentence_case(one) for one in _tell(told, what, words, k))


def _tell(told: Explanation, what: str, words: Words, k: int) -> Iterator[str]:
    is_share = told.unit != "money"
    prediction = words.level(told.prediction, is_share=is_share)
    if told.fallback is not None:
        yield words("unknown", what=what, prediction=prediction)
        return
    if told.data_sufficiency == "not_enough_data":
        yield words("too_few", what=what, prediction=prediction, reason=told.reason)
    else:
        base = "–" if told.base_rate is None else words.level(told.base_rate, is_share=is_share)
        yield words("answer", what=what, prediction=prediction, base=base)
    if told.item_id is not None:
        yield _source(told, words)
    yield from _events(told, words)
    if told.features and told.item_id is None:
        entries = [(one.text, one.effect) for one in told.features[:FEATURES_TOLD]]
        yield words("features", listed=_listed(entries, words, is_share=is_share))
    if told.decision is not None:
        yield _change(told, words, k)


def _source(told: Explanation, words: Words) -> str:
    whole = sum(part.effect for part in told.features)
    listed = words.listed(
        [
            words("share", name=part.text, share=f"{part.effect / whole:.0%}")
            for part in told.features
            if whole > 0 and part.effect >= 0.005 * whole
        ]
    )
    name = "source" if told.rank is not None else "source.hidden"
    return words(name, listed=listed or "–", rank=told.rank)


def _events(told: Explanation, words: Words) -> Iterator[str]:
    is_share = told.unit != "money"
    if not told.events:
        yield words("none")
        return
    for text, sign in (("for", 1), ("against", -1)):
        entries = [(one.text, one.verified_effect) for one in told.events]
        entries = [entry for entry in entries if entry[1] * sign > 0]
        if entries:
            yield words(text, listed=_listed(entries, words, is_share=is_share))
    if told.together is not None:
        without = words.level(told.together.prediction, is_share=is_share)
        yield words("together", count=len(told.events), prediction=without)


def _change(told: Explanation, words: Words, k: int) -> str:
    change, is_share = told.smallest_change, told.unit != "money"
    assert told.decision is not None, "there is nothing to decide"
    if told.item_id is not None:
        is_in = told.rank is not None and told.rank <= k
        move = words("leave" if is_in else "enter")
        if change is None:
            return words("no_change.item", most=LARGEST_SET, move=move, count=k)
        listed = _named(change.events, words)
        return words("change.item", listed=listed, move=move, count=k)
    bar = words.level(told.decision.threshold, is_share=is_share)
    if change is None:
        return words("no_change", count=LARGEST_SET, bar=bar)
    prediction = words.level(change.prediction, is_share=is_share)
    return words("change", listed=_named(change.events, words), prediction=prediction, bar=bar)


def _named(events: Sequence[EventGroup], words: Words) -> str:
    named = [event.text for event in events[:CHANGE_TOLD]]
    rest = len(events) - len(named)
    return words.listed([*named, words("more", count=rest)] if rest else named)


def _listed(entries: Sequence[tuple[str, float]], words: Words, *, is_share: bool) -> str:
    return words.listed(
        [
            words("cited", text=text, effect=words.effect(effect, is_share=is_share))
            for text, effect in entries
        ]
    )
