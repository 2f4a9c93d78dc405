"""What a person did with each item of theirs, as numbers a model can learn from.

Comes in: sequences, and what is usual for each item. Goes out: one row a pair of person and item
with columns of recency, frequency, kinds of events, the item's category and the person as a whole.
Everything is cut at `as_of`. Knows nothing about what is learnt from the rows.

Lengths: P pairs of person and item, E events, K kinds of events, I items, F columns.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from habitue.baselines.history import ItemEvents, item_events, type_codes_of, without_bots
from habitue.baselines.personal import PersonalFrequency
from habitue.schema import DAY, EVENT_TYPES
from habitue.sequences.sequences import Sequences

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating]

_LOOKS = ("view_item", "select_item", "click")
KINDS = (_LOOKS, ("add_to_wishlist",), ("add_to_cart",), ("purchase",))
COLUMNS = (
    *("days_since", "days_known", "times", "moments_since", "gap_days", "gaps_since"),
    *("looks", "wishes", "carts", "purchases"),
    *("look_days", "wish_days", "cart_days", "purchase_days"),
    *("frequency", "frequency_share", "frequency_rank"),
    *("category_share", "category_items", "category_taken_days"),
    *("person_items", "person_moments", "person_purchases", "person_days"),
    *("usual_frequency", "usual_again", "usual_taken", "usual_persons", "usual_recent"),
)
# Pretended further persons who took an item once and never again: tames rare items.
_PRETENDED_PERSONS = 5.0


@dataclass(frozen=True)
class ItemHabits:
    """What is usual for each item before a moment, [I] each."""

    frequency: npt.NDArray[np.float32]  # mean decayed frequency among those who touched it
    again: npt.NDArray[np.float32]  # share of its takers who took it at two moments or more
    taken: npt.NDArray[np.float32]  # share of those who touched it who took it
    persons: npt.NDArray[np.float32]  # who touched it
    recent: npt.NDArray[np.float32]  # who touched it in the last window

    @classmethod
    def of(
        cls, batches: Iterable[Sequences], personal: PersonalFrequency, *, as_of: int, window: int
    ) -> "ItemHabits":
        """Count over everyone but bots."""
        sums = np.zeros((5, personal.num_items))
        for batch in batches:
            sums += _sums(without_bots(batch), personal, as_of, window)
        touched, took, again, weight, recent = sums
        return cls(
            frequency=(weight / (touched + _PRETENDED_PERSONS)).astype(np.float32),
            again=(again / (took + _PRETENDED_PERSONS)).astype(np.float32),
            taken=(took / (touched + _PRETENDED_PERSONS)).astype(np.float32),
            persons=touched.astype(np.float32),
            recent=recent.astype(np.float32),
        )


def _sums(people: Sequences, personal: PersonalFrequency, as_of: int, window: int) -> Floats:
    """Persons who touched, took, took again; decayed weight; persons of the window, [5, I]."""
    num_items = personal.num_items
    events = item_events(people, num_items=num_items, as_of=as_of)
    runs = _Runs.of(events, num_items)
    is_target = np.isin(events.type_codes, type_codes_of(personal.target_types))
    targets = _Runs.of(events.where(is_target), num_items)
    columns, taken = runs.pairs % num_items, targets.pairs % num_items
    weight = personal.event_weights(events, as_of)
    return np.stack(
        [
            np.bincount(columns, minlength=num_items),
            np.bincount(taken, minlength=num_items),
            np.bincount(taken, weights=targets.times > 1, minlength=num_items),
            np.bincount(events.columns, weights=weight, minlength=num_items),
            np.bincount(columns, weights=runs.last_at >= as_of - window, minlength=num_items),
        ]
    )


@dataclass(frozen=True)
class _Runs:
    """The events of each pair, from first to last."""

    pairs: Ints  # [P] person * num_items + column, rising
    pair_of_event: Ints  # [E]
    first_at: Ints
    last_at: Ints
    times: Ints  # different moments
    moments_back: Ints  # moments of the person since the last of the pair

    @classmethod
    def of(cls, events: ItemEvents, num_items: int) -> "_Runs":
        pairs, pair_of_event = np.unique(
            events.persons * num_items + events.columns, return_inverse=True
        )
        order = np.argsort(pair_of_event, kind="stable")
        lengths = np.bincount(pair_of_event, minlength=len(pairs))
        ends = np.cumsum(lengths)
        begins = ends - lengths
        first, last = order[begins], order[ends - 1]
        is_new = np.diff(events.moments[order], prepend=-1) != 0
        is_new[begins] = True
        return cls(
            pairs=pairs,
            pair_of_event=pair_of_event,
            first_at=events.timestamps[first],
            last_at=events.timestamps[last],
            times=np.add.reduceat(is_new, begins, dtype=np.int64) if len(pairs) else lengths,
            moments_back=events.moments_back[last],
        )


@dataclass(frozen=True)
class OwnItems:
    """The pairs of a block of persons."""

    pairs: Ints  # [P] person * num_items + column, rising
    columns: npt.NDArray[np.float32]  # [P, F], as `COLUMNS` names them; NaN: never


def own_items(
    sequences: Sequences,
    personal: PersonalFrequency,
    habits: ItemHabits,
    categories: Ints,
    *,
    as_of: int,
) -> OwnItems:
    """Return each person's own items with what there is to learn from, [P, F]."""
    num_items = personal.num_items
    events = item_events(sequences, num_items=num_items, as_of=as_of)
    runs = _Runs.of(events, num_items)
    persons, columns = np.divmod(runs.pairs, num_items)
    weights = personal.event_weights(events, as_of)
    parts = [
        _recency(runs, as_of),
        *_kinds(events, runs, as_of),
        _frequency(runs, weights, persons, len(sequences)),
        _category(events, runs, weights, categories, personal.target_types, as_of),
        _person(events, runs, persons, len(sequences), as_of),
        np.stack(
            [
                habits.frequency[columns],
                habits.again[columns],
                habits.taken[columns],
                habits.persons[columns],
                habits.recent[columns],
            ],
            axis=1,
        ),
    ]
    columns = np.concatenate(parts, axis=1, dtype=np.float32, casting="same_kind")
    return OwnItems(runs.pairs, columns)


def _recency(runs: _Runs, as_of: int) -> Floats:
    """Age of the last and first event, moments between, and how far the usual gap has passed."""
    last, first = (as_of - runs.last_at) / DAY, (as_of - runs.first_at) / DAY
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = np.where(runs.times > 1, (first - last) / (runs.times - 1), np.nan)
        due = np.where(gap > 0, last / gap, np.nan)
    return np.stack([last, first, runs.times, runs.moments_back, gap, due], axis=1)


def _kinds(events: ItemEvents, runs: _Runs, as_of: int) -> list[Floats]:
    """How often each kind of event, and the age of its last, [P, K] each."""
    kind_of_code = np.zeros(len(EVENT_TYPES) + 1, dtype=np.int64)
    for kind, names in enumerate(KINDS):
        kind_of_code[type_codes_of(names)] = kind
    num = len(runs.pairs), len(KINDS)
    cell = runs.pair_of_event * num[1] + kind_of_code[events.type_codes]
    counts = np.bincount(cell, minlength=num[0] * num[1]).reshape(num)
    last_at = np.full(num[0] * num[1], np.iinfo(np.int64).min)
    np.maximum.at(last_at, cell, events.timestamps)
    age = np.where(counts > 0, (as_of - last_at.reshape(num)) / DAY, np.nan)
    return [counts, age]


def _frequency(runs: _Runs, weights: Floats, persons: Ints, num_persons: int) -> Floats:
    """Decayed frequency, its share of the person's, and its place among the person's items."""
    own = np.bincount(runs.pair_of_event, weights=weights, minlength=len(runs.pairs))
    total = np.bincount(persons, weights=own, minlength=num_persons)
    order = np.lexsort((-own, persons))
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order)) - np.searchsorted(persons, persons)
    return np.stack([own, own / np.maximum(total, 1e-300)[persons], place], axis=1)


def _category(
    events: ItemEvents,
    runs: _Runs,
    weights: Floats,
    categories: Ints,
    target_types: tuple[str, ...],
    as_of: int,
) -> Floats:
    """The person's share of weight in the item's category, its items, its last taking's age."""
    num_items, num = len(categories), int(categories.max(initial=0)) + 1
    persons, columns = np.divmod(runs.pairs, num_items)
    groups, group_of_pair = np.unique(persons * num + categories[columns], return_inverse=True)
    group_of_event = group_of_pair[runs.pair_of_event]
    weight = np.bincount(group_of_event, weights=weights, minlength=len(groups))
    total = np.bincount(groups // num, weights=weight)
    items = np.bincount(group_of_pair, minlength=len(groups))
    is_target = np.isin(events.type_codes, type_codes_of(target_types))
    taken_at = np.full(len(groups), np.iinfo(np.int64).min)
    np.maximum.at(taken_at, group_of_event[is_target], events.timestamps[is_target])
    has_taken = taken_at > np.iinfo(np.int64).min
    age = np.where(has_taken, (as_of - np.where(has_taken, taken_at, as_of)) / DAY, np.nan)
    share = weight / np.maximum(total, 1e-300)[groups // num]
    return np.stack([share[group_of_pair], items[group_of_pair], age[group_of_pair]], axis=1)


def _person(events: ItemEvents, runs: _Runs, persons: Ints, num_persons: int, as_of: int) -> Floats:
    """How many items and moments the person has, how many takings, and how fresh they are."""
    items = np.bincount(persons, minlength=num_persons)
    moments = np.zeros(num_persons)
    np.maximum.at(moments, events.persons, events.moments + 1)
    is_purchase = events.type_codes == type_codes_of(("purchase",))[0]
    purchases = np.bincount(events.persons, weights=is_purchase, minlength=num_persons)
    last_at = np.zeros(num_persons, dtype=np.int64)
    np.maximum.at(last_at, events.persons, events.timestamps)
    fresh = (as_of - last_at) / DAY
    return np.stack([column[persons] for column in (items, moments, purchases, fresh)], axis=1)
