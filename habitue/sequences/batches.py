"""Windows of sequences as tensors: what the network eats.

In: memory-mapped `Sequences`. Out: `Batch`es of about equally many positions, windows of like
length together. Only the windows of one batch are ever copied from the map. Knows nothing about
networks.

Shapes: B windows, T positions, F features.
"""

# ruff: noqa: N815 (tensors carry shape letters, as fields too)

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from habitue.schema import SECOND
from habitue.sequences.repeating import is_target
from habitue.sequences.sequences import IntArray, Sequences, joined_ranges

NO_TARGET = -1
NEW_VISIT_GAP = 13  # bin of pauses from 2,048 seconds on; the usual visit ends after 30 minutes
_POOL_BATCHES = 64
_BLOCK_EVENTS = 1_000_000


@dataclass(frozen=True)
class Batch:
    """Windows of events, padded with zeros on the right.

    On the right, because a causal network then never looks at padding and needs no mask.
    """

    items_BT: torch.Tensor  # int64
    event_types_BT: torch.Tensor  # int64
    features_BTF: torch.Tensor  # int64, in the order asked for
    seconds_BT: torch.Tensor  # int64, since the window's first event; padding: of its last
    lengths_B: torch.Tensor  # int64, at least 1
    index_BT: IntArray  # positions of the events in the sequences
    is_event_BT: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Windows:
    """Runs of events of one person each: first event and number of events, [W]."""

    starts: IntArray
    lengths: IntArray


@dataclass(frozen=True)
class TrainingSpan:
    """The events that a network may learn from, and what follows each of them."""

    begins: IntArray  # [P] first event of each person taken, ascending
    ends: IntArray  # [P] one past the last
    visit_starts: IntArray  # positions where a visit begins, ascending, then [E, E]
    nearest_target: IntArray  # [E+1] position of the target at or after each event; E: none

    @property
    def num_events(self) -> int:
        """Events that may be a target or lead to one."""
        return int((self.ends - self.begins).sum())

    def events(self) -> Iterator[IntArray]:
        """Yield the positions of all events of the span, some persons' at a time.

        All at once they would take more memory than the network.
        """
        lengths = self.ends - self.begins
        until = np.cumsum(lengths)
        start = 0
        while start < len(lengths):
            done = until[start] - lengths[start]
            stop = max(start + 1, int(np.searchsorted(until, done + _BLOCK_EVENTS, side="right")))
            yield joined_ranges(self.begins[start:stop], lengths[start:stop])
            start = stop

    def next_targets(self, index: IntArray) -> IntArray:
        """Return the position of each event's next target, `NO_TARGET` where none follows."""
        return self._of_same_person(index, self.nearest_target[index + 1])

    def further_targets(self, index: IntArray, steps: IntArray) -> IntArray:
        """Return the position of the next target that many events further on, or `NO_TARGET`."""
        after = np.minimum(index + 1 + steps, len(self.nearest_target) - 1)
        return self._of_same_person(index, self.nearest_target[after])

    def next_visit_targets(self, index: IntArray, rng: np.random.Generator) -> IntArray:
        """Return, for each event, a random target of the person's next visit, or `NO_TARGET`."""
        number = np.searchsorted(self.visit_starts, index, side="right")
        start, stop = self.visit_starts[number], self.visit_starts[number + 1]
        pick = start + (rng.random(index.shape) * (stop - start)).astype(np.int64)
        return self._of_same_person(index, self.nearest_target[pick])

    def later_targets(
        self, index: IntArray, rng: np.random.Generator, *, timestamps: IntArray, within: int
    ) -> IntArray:
        """Return, for each event, a random target of the time after it, or `NO_TARGET`.

        Reaches `within` microseconds beyond the event and no further than the span.
        """
        last = self._last_within(index, timestamps, within)
        pick = index + 1 + (rng.random(index.shape) * (last - index)).astype(np.int64)
        target = self.nearest_target[pick]
        return np.where(target <= last, target, NO_TARGET)

    def persons(self, index: IntArray) -> IntArray:
        """Return whose each event is, as a number from 0."""
        return np.asarray(np.searchsorted(self.begins, index, side="right") - 1)

    def _last_within(self, index: IntArray, timestamps: IntArray, within: int) -> IntArray:
        """Return each person's last event at most `within` after this one, by halving."""
        until = timestamps[index] + within
        low, high = index.copy(), self.ends[self.persons(index)] - 1
        while (low < high).any():
            middle = (low + high + 1) // 2
            is_within = timestamps[middle] <= until
            low, high = np.where(is_within, middle, low), np.where(is_within, high, middle - 1)
        return low

    def _of_same_person(self, index: IntArray, target: IntArray) -> IntArray:
        # A search beyond a person's last event finds another person's: not a target.
        return np.where(target < self.ends[self.persons(index)], target, NO_TARGET)


def training_span(
    sequences: Sequences, *, num_items: int, valid_from: int, max_person_events: int
) -> TrainingSpan:
    """Return the events before `valid_from`: of each person the last ones, of bots none."""
    total = sequences.num_events
    begins = sequences.offsets[:-1]
    ends = begins + per_person(sequences.timestamps < valid_from, sequences)
    begins = np.maximum(begins, ends - max_person_events)
    kept = (ends - begins >= 2) & ~sequences.is_bot
    gap = sequences.features["gap"]
    visit_starts = np.flatnonzero((gap == 0) | (gap >= NEW_VISIT_GAP))
    return TrainingSpan(
        begins[kept],
        ends[kept],
        np.concatenate([visit_starts, [total, total]]),
        _nearest(is_target(sequences, num_items)),
    )


def per_person(chosen: npt.NDArray[np.bool_], sequences: Sequences) -> IntArray:
    """Return how many of each person's events are chosen, [N]."""
    counts = np.zeros(len(sequences), dtype=np.int64)
    some = np.flatnonzero(sequences.lengths)
    if len(some):
        counts[some] = np.add.reduceat(chosen, sequences.offsets[some], dtype=np.int64)
    return counts


def _nearest(chosen: npt.NDArray[np.bool_]) -> IntArray:
    """Return the first chosen position at or after each position, [E + 1]; E: none."""
    total = len(chosen)
    nearest = np.full(total + 1, total, dtype=np.int64)
    # From the end, block by block: what a block finds first is what the one before looks for.
    for stop in range(total, 0, -_BLOCK_EVENTS):
        start = max(stop - _BLOCK_EVENTS, 0)
        place = np.where(chosen[start:stop], np.arange(start, stop), nearest[stop])
        nearest[start:stop] = np.minimum.accumulate(place[::-1])[::-1]
    return nearest


def epoch_windows(span: TrainingSpan, *, max_length: int, rng: np.random.Generator) -> Windows:
    """Cut every person into windows of `max_length` that begin at a random offset.

    Together they hold each event once, save each person's last one, which nothing follows. A new
    offset each epoch lets every event be seen with short and with long context.
    """
    totals = span.ends - span.begins - 1
    # Who fits into one window is never cut.
    shifts = np.where(totals > max_length, rng.integers(0, max_length, len(totals)), 0)
    counts = -(-(totals + shifts) // max_length)
    person = np.repeat(np.arange(len(totals)), counts)
    number = np.arange(len(person)) - np.repeat(np.cumsum(counts) - counts, counts)
    first = np.maximum(number * max_length - shifts[person], 0)
    last = np.minimum((number + 1) * max_length - shifts[person], totals[person])
    return Windows(span.begins[person] + first, last - first)


def prefix_windows(span: TrainingSpan, *, max_length: int) -> Windows:
    """Return a window for each event that a target follows: the last events up to it."""
    starts, lengths = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for events in span.events():
        last = events[span.next_targets(events) != NO_TARGET]
        begin = span.begins[np.searchsorted(span.begins, last, side="right") - 1]
        first = np.maximum(begin, last + 1 - max_length)
        starts.append(first)
        lengths.append(last + 1 - first)
    return Windows(np.concatenate(starts), np.concatenate(lengths))


def last_windows(sequences: Sequences, *, max_length: int) -> Windows:
    """Return each person's last events; the length is 0 where there is none."""
    lengths = np.minimum(sequences.lengths, max_length)
    return Windows(sequences.offsets[1:] - lengths, lengths)


def shuffled_batches(
    windows: Windows,
    *,
    rng: np.random.Generator,
    batch_events: int = 0,
    batch_windows: int = 0,
) -> Iterator[Windows]:
    """Deal windows at random onto batches of a size, of windows or of positions, padding counted.

    Windows of like length share a batch: within pools of shuffled windows they are sorted, and
    the batches of a pool come in random order.
    """
    order = rng.permutation(len(windows.starts))
    longest = max(int(windows.lengths.max(initial=1)), 1)
    pool_size = batch_windows * _POOL_BATCHES or max(1, batch_events * _POOL_BATCHES // longest)
    for start in range(0, len(order), pool_size):
        pool = order[start : start + pool_size]
        pool = pool[np.argsort(windows.lengths[pool], kind="stable")]
        if batch_windows:
            cuts = range(0, len(pool), batch_windows)
            batches = [slice(cut, cut + batch_windows) for cut in cuts]
        else:
            batches = _cut_by_events(windows.lengths[pool], batch_events)
        for number in rng.permutation(len(batches)):
            chosen = pool[batches[number]]
            yield Windows(windows.starts[chosen], windows.lengths[chosen])


def sorted_batches(windows: Windows, *, batch_events: int) -> Iterator[IntArray]:
    """Yield positions of windows that are not empty, windows of like length together."""
    order = np.argsort(windows.lengths, kind="stable")
    order = order[windows.lengths[order] > 0]
    for part in _cut_by_events(windows.lengths[order], batch_events):
        yield order[part]


def _cut_by_events(ascending: IntArray, batch_events: int) -> list[slice]:
    """Cut ascending lengths into runs with count times longest of at most `batch_events`."""
    cuts: list[slice] = []
    start = 0
    while start < len(ascending):
        places = np.arange(1, len(ascending) - start + 1)
        # Ascending lengths: once too many positions, always too many.
        fitting = int(np.searchsorted(ascending[start:] * places, batch_events, side="right"))
        stop = start + max(fitting, 1)
        cuts.append(slice(start, stop))
        start = stop
    return cuts


def collate(
    sequences: Sequences,
    windows: Windows,
    *,
    features: Sequence[str],
    places_BT: IntArray | None = None,
    padded: int = 0,
) -> Batch:
    """Copy windows (none of them empty) into tensors, `padded` places long or as the longest.

    With `places_BT` each place shows what stands at another one of its window; moments stay.
    """
    place_T = np.arange(max(int(windows.lengths.max()), padded))
    is_event_BT = place_T < windows.lengths[:, None]
    # Padding repeats the last event's position so that it can be read, then is set to zero.
    index_BT = windows.starts[:, None] + np.minimum(place_T, windows.lengths[:, None] - 1)
    at_BT = sequences.timestamps[index_BT]
    shown_BT = index_BT
    if places_BT is not None:
        shown_BT = np.take_along_axis(index_BT, places_BT, axis=1)
    columns = [sequences.features[name][shown_BT] for name in features]
    features_BTF = np.stack(columns, axis=-1) if columns else np.zeros((*index_BT.shape, 0))
    return Batch(
        items_BT=_tensor(sequences.items[shown_BT] * is_event_BT),
        event_types_BT=_tensor(sequences.event_types[shown_BT] * is_event_BT),
        features_BTF=_tensor(features_BTF * is_event_BT[:, :, None]),
        # Each moment is rounded on its own, so that a pause between two events does not depend on
        # where the window begins.
        seconds_BT=_tensor(at_BT // SECOND - at_BT[:, :1] // SECOND),
        lengths_B=_tensor(windows.lengths),
        index_BT=index_BT,
        is_event_BT=is_event_BT,
    )


def _tensor(values: npt.NDArray[np.generic]) -> torch.Tensor:
    return torch.from_numpy(values.astype(np.int64))
