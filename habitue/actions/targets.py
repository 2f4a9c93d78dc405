"""What counts as a hit: which event types, and what each person wanted in a window of time.

Comes in: sequences that reach beyond the cut. Goes out: for blocks of persons, their past alone
and what they took afterwards. Knows nothing about recommenders.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from habitue.baselines.history import ItemEvents, item_events, type_codes_of, without_bots
from habitue.schema import POSITIVE_EVENT_TYPES
from habitue.sequences.sequences import Sequences, concatenate

Bools = npt.NDArray[np.bool_]

_MIN_BUYERS = 30
_MIN_BUYER_SHARE = 0.1
_BLOCK_SCORES = 8_000_000  # persons times items of one dense block: 32 MB a recommender
_MOST_PERSONS = 512
_ANY_ITEM = np.iinfo(np.int32).max


@dataclass(frozen=True)
class Window:
    """A stretch of time, `start_at` inclusive, `end_at` exclusive, in microseconds."""

    start_at: int
    end_at: int


@dataclass(frozen=True)
class Wanted:
    """A block of persons: their past, and what they took in the window."""

    past: Sequences
    items: Bools  # [N, num_items] taken in the window
    seen: Bools  # [N, num_items] taken before it
    num_items: npt.NDArray[np.int64]  # [N] distinct items taken, unknown ones included

    @property
    def items_new(self) -> Bools:
        """What was taken in the window and never before, [N, num_items]."""
        return self.items & ~self.seen

    @property
    def num_items_new(self) -> npt.NDArray[np.int64]:
        """How many items were taken that never were before, unknown ones included, [N]."""
        return np.asarray(self.num_items - (self.items & self.seen).sum(axis=1))


def choose_target_types(
    batches: Iterable[Sequences], window: Window, *, setting: str = "auto"
) -> tuple[str, ...]:
    """Return the event types that count as a hit.

    `setting` names one, or is "auto": purchases where at least 30 persons, and a tenth of those
    who did anything with an item, purchased in `window`; else every type of interest. The window
    must lie before the cut.
    """
    if setting != "auto":
        return (setting,)
    active = buyers = 0
    for batch in batches:
        people = without_bots(batch)
        events = item_events(people, num_items=_ANY_ITEM, as_of=window.end_at)
        inside = events.timestamps >= window.start_at
        bought = inside & (events.type_codes == type_codes_of(("purchase",))[0])
        active += len(np.unique(events.persons[inside]))
        buyers += len(np.unique(events.persons[bought]))
    is_common = buyers >= _MIN_BUYERS and buyers >= _MIN_BUYER_SHARE * active
    return ("purchase",) if is_common else POSITIVE_EVENT_TYPES


def block_size(num_items: int) -> int:
    """Return how many persons to score at a time so that a dense block stays small."""
    return max(1, min(_MOST_PERSONS, _BLOCK_SCORES // max(num_items, 1)))


def takers(
    batches: Iterable[Sequences],
    window: Window,
    *,
    target_types: Sequence[str],
    max_persons: int | None = None,
) -> Sequences | None:
    """Return the persons, bots left out, who took anything in the window; None where nobody did.

    With `max_persons`, those with the lowest scrambled ids: the same however batches are cut.
    Events after the window are removed, those before it are kept.
    """
    kept: Sequences | None = None
    for batch in batches:
        people = without_bots(batch)
        taken = _taken_in(people, window, target_types)
        some = people.take(np.unique(taken.persons)).before(window.end_at)
        if len(some) == 0:
            continue
        kept = some if kept is None else concatenate([kept, some])
        if max_persons is not None and len(kept) > max_persons:
            scrambled = kept.subject_ids.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
            kept = kept.take(np.sort(np.argsort(scrambled, kind="stable")[:max_persons]))
    return kept


def wanted_blocks(
    persons: Sequences, window: Window, *, num_items: int, target_types: Sequence[str]
) -> Iterator[Wanted]:
    """Yield these persons in blocks that are small enough for dense scores."""
    size = block_size(num_items)
    for start in range(0, len(persons), size):
        block = persons.slice(start, min(start + size, len(persons)))
        yield _wanted(block, window, num_items, target_types)


def _wanted(
    block: Sequences, window: Window, num_items: int, target_types: Sequence[str]
) -> Wanted:
    taken = _taken_in(block, window, target_types)
    pairs = np.unique(np.stack([taken.persons, taken.columns]), axis=1)
    items = np.zeros((len(block), num_items), dtype=bool)
    known = pairs[:, pairs[1] < num_items]
    items[known[0], known[1]] = True
    return Wanted(
        past=block.before(window.start_at),
        items=items,
        seen=seen_items(
            block, num_items=num_items, as_of=window.start_at, target_types=target_types
        ),
        num_items=np.bincount(pairs[0], minlength=len(block)),
    )


def seen_items(
    sequences: Sequences, *, num_items: int, as_of: int, target_types: Sequence[str]
) -> Bools:
    """Return which items each person took before `as_of`, bool [N, num_items]."""
    events = item_events(sequences, num_items=num_items, as_of=as_of, event_types=target_types)
    seen = np.zeros((len(sequences), num_items), dtype=bool)
    seen[events.persons, events.columns] = True
    return seen


def _taken_in(people: Sequences, window: Window, target_types: Sequence[str]) -> ItemEvents:
    """Events of the window, of items outside the vocabulary too (their columns lie above it)."""
    taken = item_events(people, num_items=_ANY_ITEM, as_of=window.end_at, event_types=target_types)
    return taken.where(taken.timestamps >= window.start_at)
