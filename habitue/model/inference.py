"""A trained network at work: embeddings, and what a person does next.

In: `Sequences` of any length and a moment `as_of`; events at or after it are dropped before
anything else. Out: NumPy arrays, one row a person. Knows nothing about training.

What is dear is a person's states; all answers need of them is a `Gist`, which depends on the
person's own events alone: windows are padded to a length that follows from their own, so that who
else is in the batch changes no bit. A gist that was kept answers as one made anew.

Shapes: N persons, D width, G gap bins, E events of the persons' windows.
"""

# ruff: noqa: N815 (tensors carry shape letters, as fields too)

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch

from habitue.model.behaviour import BehaviourModel, person_embeddings
from habitue.model.device import sent
from habitue.schema import EVENT_TYPES
from habitue.sequences.batches import Batch, Windows, collate, last_windows, sorted_batches
from habitue.sequences.encoder import gap_bins
from habitue.sequences.sequences import IntArray, Sequences, joined_ranges, offsets_of
from habitue.sequences.vocabulary import NUM_GAP_BINS

Floats = npt.NDArray[np.float32]
_BATCH_EVENTS = 12_800
_CHANCES_AT_ONCE = 16_000_000  # of items, in memory: 64 MB
# Products of a few rows are summed in another order than those of many, and a person's bits must
# not depend on who else is there: of copies there are always enough.
_COPIES = 16
_STEP_BY_STEP = ("gru", "lstm")  # a product of the batch's rows at each event
_ROWS = 512  # persons whose answers are made at once
_Answer = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Probabilities:
    """A distribution over named answers for each person; a row sums to 1, or is 0 throughout."""

    labels: tuple[str, ...]
    values: Floats  # [N, len(labels)]


@dataclass
class Network:
    """The behaviour model, ready to be asked; its weights must not change any more.

    A person without events before `as_of` gets zeros: the network knows nothing of them.
    """

    model: BehaviourModel
    category_labels: tuple[str, ...]  # top-level categories by number, from 1
    vocabulary_fingerprint: str
    version: str = ""
    name: str = field(default="network", init=False)
    _items: tuple[torch.Tensor, torch.Tensor] | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self.model.eval()

    @property
    def device(self) -> torch.device:
        """Where it computes; while it is trained perhaps a GPU, afterwards the processor."""
        return self.model.item_bias.device

    @property
    def dim(self) -> int:
        """The width of an embedding."""
        return 2 * self.model.shape.width

    def embed(self, sequences: Sequences, *, as_of: int, gist: "Gist | None" = None) -> Floats:
        """Return, [N, dim], each person's last state beside the mean of their last states."""
        found = gist or self.gist(sequences, as_of=as_of, repeats=False)
        return np.concatenate([found.last_ND, found.mean_ND], axis=1)

    def mean_states(self, sequences: Sequences, *, as_of: int, windows: int) -> Floats:
        """Return, [N, D], the mean of each person's states over up to `windows` last windows.

        An embedding looks at one window, which heavy buyers fill in a week; this looks further
        back, so that it moves slowly.
        """
        known = sequences.before(as_of)
        persons, tiles = _tiled(known, self.model.shape.settings.max_length, windows)
        sums = np.zeros((len(known), self.model.shape.width))
        for rows, batch, states_BTD in self._states(known, tiles):
            place_T = torch.arange(states_BTD.shape[1], device=states_BTD.device)
            is_event_BT = place_T < batch.lengths_B[:, None]
            sums_BD = (states_BTD * is_event_BT[:, :, None]).sum(1)
            np.add.at(sums, persons[rows], sums_BD.cpu().numpy())
        counts = np.bincount(persons, weights=tiles.lengths, minlength=len(known))
        return (sums / np.maximum(counts, 1)[:, None]).astype(np.float32)

    def scores(self, sequences: Sequences, *, as_of: int, gist: "Gist | None" = None) -> Floats:
        """Return, [N, num_items], the probability of each known item to be the next wanted one.

        Column j is vocabulary index j + 1. `gist` is that of these persons at `as_of`.
        """
        matrix_ID, bias_I = self.item_matrix()
        known = sequences.before(as_of)
        kept = gist or self.gist(known, as_of=as_of)

        def item_probabilities(query_BD: torch.Tensor) -> torch.Tensor:
            query_BD = self.model.item_query(query_BD)
            return torch.softmax(torch.addmm(bias_I, query_BD, matrix_ID.T), dim=1)

        found = self._probabilities(known, as_of, kept.last_ND, item_probabilities, len(matrix_ID))
        if self.model.shape.has_repeats:
            found *= np.exp(kept.new_N)[:, None]
            _add_repeats(found, known, kept)
        return found

    def next_event_type(self, sequences: Sequences, *, as_of: int) -> Probabilities:
        """Return the probabilities of the next event's type."""

        def type_probabilities(query_BD: torch.Tensor) -> torch.Tensor:
            return torch.softmax(self.model.event_type_head(query_BD)[:, 1:], dim=1)

        values = self._next(sequences, as_of, type_probabilities, len(EVENT_TYPES))
        return Probabilities(EVENT_TYPES, values)

    def next_category(self, sequences: Sequences, *, as_of: int) -> Probabilities:
        """Return the probabilities of the next wanted item's top-level category."""
        count = len(self.category_labels)
        with torch.inference_mode():
            numbers = torch.arange(1, count + 1, device=self.device)
            matrix_CD = self.model.category_vectors(numbers)
            bias_C = self.model.category_bias[1 : count + 1]

        def category_probabilities(query_BD: torch.Tensor) -> torch.Tensor:
            query_BD = self.model.category_query(query_BD)
            return torch.softmax(torch.addmm(bias_C, query_BD, matrix_CD.T), dim=1)

        values = self._next(sequences, as_of, category_probabilities, count)
        return Probabilities(self.category_labels, values)

    def next_group(
        self, sequences: Sequences, groups_I: npt.NDArray[np.int64], *, num_groups: int, as_of: int
    ) -> Floats:
        """Return, [N, num_groups], the probability of each group of items to be the next wanted.

        `groups_I` says each known item's group; items of a negative one count for none, so a row
        tells of those persons whose next item is of some group. Only some persons' items are in
        memory at a time.
        """
        order = np.argsort(groups_I, kind="stable")
        order = order[np.searchsorted(groups_I[order], 0) :]
        met, starts = np.unique(groups_I[order], return_index=True)
        found = np.zeros((len(sequences), num_groups), dtype=np.float32)
        at_once = max(_CHANCES_AT_ONCE // max(len(groups_I), 1), 1)
        for start in range(0, len(sequences) if len(met) else 0, at_once):
            rows = np.arange(start, min(start + at_once, len(sequences)))
            chances = self.scores(sequences.take(rows), as_of=as_of)[:, order]
            found[rows[:, None], met] = np.add.reduceat(chances, starts, axis=1)
        total = found.sum(axis=1, keepdims=True)
        np.divide(found, total, out=found, where=total > 0)
        return found

    def item_matrix(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the vectors [I, D] and biases [I] of the known items."""
        if self._items is None:
            with torch.inference_mode():
                numbers = torch.arange(1, self.model.shape.num_items + 1, device=self.device)
                matrix = self.model.item_vectors(numbers)
                self._items = (matrix, self.model.item_bias[1:].clone())
        return self._items

    def gist(self, sequences: Sequences, *, as_of: int, repeats: bool = True) -> "Gist":
        """Return what the events before `as_of` leave behind; of no events, zeros.

        Of the moment it knows the bin of the pause so far, and that in `repeats` alone.
        """
        known = sequences.before(as_of)
        windows = self.windows(known)
        width = self.model.shape.width
        last_ND, mean_ND = (np.zeros((len(known), width), dtype=np.float32) for _ in range(2))
        new_N = np.zeros(len(known), dtype=np.float32)
        offsets = offsets_of(windows.lengths)
        repeat_E = np.zeros(int(offsets[-1]), dtype=np.float32)
        for rows, batch, states_BTD in self._states(known, windows):
            both_BD = person_embeddings(states_BTD, batch.lengths_B)
            last_ND[rows], mean_ND[rows] = (
                both_BD.cpu().numpy().reshape(-1, 2, width).swapaxes(0, 1)
            )
            if repeats and self.model.shape.has_repeats:
                pause = as_of - known.timestamps[known.offsets[1:][rows] - 1]
                new_N[rows], repeat_BT = self._repeats(both_BD[:, :width], pause, states_BTD, batch)
                repeat_E[joined_ranges(offsets[rows], windows.lengths[rows])] = repeat_BT[
                    batch.is_event_BT
                ]
        return Gist(last_ND, mean_ND, new_N, repeat_E, offsets)

    def windows(self, sequences: Sequences) -> Windows:
        """Return the events that are looked at."""
        return last_windows(sequences, max_length=self.model.shape.settings.max_length)

    def _repeats(
        self, last_BD: torch.Tensor, pause: IntArray, states_BTD: torch.Tensor, batch: Batch
    ) -> tuple[Floats, Floats]:
        """Return the log chances that nothing comes again, [B], and each event, [B, T]."""
        last_second_B = batch.seconds_BT[:, -1:]  # padding repeats the last event's
        with torch.inference_mode():
            query_QD = self._query(
                last_BD.repeat_interleave(_COPIES, dim=0), np.repeat(pause, _COPIES)
            )
            new_BQ, repeat_BQT = self.model.repeats(
                query_QD.view(len(last_BD), _COPIES, -1),
                states_BTD,
                elapsed_BQT=(last_second_B - batch.seconds_BT)[:, None],
                is_choice_BQT=self.model.is_known(batch.items_BT)[:, None],
            )
        return new_BQ[:, 0].cpu().numpy(), repeat_BQT[:, 0].cpu().numpy()

    def _next(self, sequences: Sequences, as_of: int, answer: _Answer, width: int) -> Floats:
        known = sequences.before(as_of)
        last_ND = self.gist(known, as_of=as_of, repeats=False).last_ND
        return self._probabilities(known, as_of, last_ND, answer, width)

    def _probabilities(
        self, known: Sequences, as_of: int, last_ND: Floats, answer: _Answer, width: int
    ) -> Floats:
        """Return what is answered to each person's last state; zeros for who has no event."""
        found = np.zeros((len(known), width), dtype=np.float32)
        seen = np.flatnonzero(known.lengths)
        for start in range(0, len(seen), _ROWS):
            rows = seen[start : start + _ROWS]
            pause = as_of - known.timestamps[known.offsets[1:][rows] - 1]
            with torch.inference_mode():
                last_BD = torch.from_numpy(last_ND[rows]).to(self.device)
                found[rows] = answer(self._query(last_BD, pause)).cpu().numpy()
        return found

    def _query(self, states_BD: torch.Tensor, elapsed: npt.NDArray[np.int64]) -> torch.Tensor:
        """Return states that know the pause before the next event is at least `elapsed`.

        The network's own expectation of that pause, cut off below and scaled up again.
        """
        if not self.model.shape.is_timed:
            return states_BD
        with torch.inference_mode():
            over_BG = torch.arange(NUM_GAP_BINS) < torch.from_numpy(gap_bins(elapsed))[:, None]
            over_BG = over_BG.to(self.device)
            weights_BG = self.model.gap_head(states_BD).masked_fill(over_BG, -torch.inf)
            return self.model.at_gap(states_BD, torch.softmax(weights_BG, dim=1))

    def _states(
        self, sequences: Sequences, windows: Windows
    ) -> Iterator[tuple[IntArray, Batch, torch.Tensor]]:
        """Yield (rows of persons, their last events, the states) for all who have an event."""
        shape = self.model.shape
        padded = np.minimum(padded_lengths(windows.lengths), shape.settings.max_length)
        for rows in sorted_batches(Windows(windows.starts, padded), batch_events=_BATCH_EVENTS):
            for length in np.unique(padded[rows]).tolist():
                alike = rows[padded[rows] == length]
                batch = self._batch(sequences, windows, alike, length)
                filled = batch
                if shape.settings.architecture in _STEP_BY_STEP:
                    more = np.resize(alike, len(alike) + -len(alike) % _COPIES)
                    filled = self._batch(sequences, windows, more, length)
                with torch.inference_mode():
                    items_BTD = self.model.item_inputs(filled.items_BT)
                    states_BTD = self.model.states(filled, items_BTD)[: len(alike)]
                yield alike, batch, states_BTD

    def _batch(self, sequences: Sequences, windows: Windows, rows: IntArray, length: int) -> Batch:
        chosen = Windows(windows.starts[rows], windows.lengths[rows])
        features = self.model.shape.features
        return sent(collate(sequences, chosen, features=features, padded=length), self.device)


def _tiled(
    sequences: Sequences, max_length: int, count: int
) -> tuple[npt.NDArray[np.int64], Windows]:
    """Return windows side by side from each person's end backwards, and whose each is."""
    ends = sequences.offsets[1:]
    kept = np.minimum(sequences.lengths, max_length * count)
    num = -(-kept // max_length)
    persons = np.repeat(np.arange(len(sequences)), num)
    first = np.cumsum(num) - num
    place = np.arange(len(persons)) - first[persons]
    end = ends[persons] - place * max_length
    start = np.maximum(end - max_length, (ends - kept)[persons])
    return persons, Windows(start, end - start)


@dataclass(frozen=True)
class Gist:
    """What the events of N persons leave behind."""

    last_ND: Floats  # the state after the last event
    mean_ND: Floats  # the mean of the last states
    new_N: Floats  # log chance that nothing of before comes next; 0 without repeats
    repeat_E: Floats  # log chance of each event of the windows to come again
    offsets: IntArray  # [N+1] of the windows

    def take(self, rows: IntArray) -> "Gist":
        """Return the gist of the persons at these positions, in this order."""
        lengths = np.diff(self.offsets)[rows]
        return Gist(
            self.last_ND[rows],
            self.mean_ND[rows],
            self.new_N[rows],
            self.repeat_E[joined_ranges(self.offsets[:-1][rows], lengths)],
            offsets_of(lengths),
        )


def padded_lengths(lengths: IntArray) -> IntArray:
    """Return the length that windows are padded to: at most an eighth more, or 7 places.

    >>> padded_lengths(np.array([0, 1, 8, 9, 63, 65, 100])).tolist()
    [0, 8, 8, 16, 64, 80, 112]
    """
    powers = np.floor(np.log2(np.maximum(lengths - 1, 1))).astype(np.int64)
    steps = np.maximum(8, 2 ** np.maximum(powers - 2, 0))
    return np.asarray(-(-lengths // steps) * steps)


def _add_repeats(found: Floats, known: Sequences, gist: Gist) -> None:
    """Add to each item of a person's window the chance that it comes again."""
    num_items = found.shape[1]
    lengths = np.diff(gist.offsets)
    items = known.items[joined_ranges(known.offsets[1:] - lengths, lengths)].astype(np.int64)
    persons = np.repeat(np.arange(len(known)), lengths)
    is_known = (items > 0) & (items <= num_items)
    places = persons[is_known] * num_items + items[is_known] - 1
    # One after the other, so that the same sum has the same bits.
    np.add.at(found.reshape(-1), places, np.exp(gist.repeat_E[is_known]))
