"""A trained network at work: embeddings, and what a person does next.

In: `Sequences` of any length and a moment `as_of`; events at or after it are dropped before
anything else. Out: NumPy arrays, one row a person. Knows nothing about training.

Shapes: N persons, D width, G gap bins.
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
from habitue.sequences.sequences import Sequences
from habitue.sequences.vocabulary import NUM_GAP_BINS

Floats = npt.NDArray[np.float32]
_BATCH_EVENTS = 12_800
_CHANCES_AT_ONCE = 16_000_000  # of items, in memory: 64 MB


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

    def embed(self, sequences: Sequences, *, as_of: int) -> Floats:
        """Return, [N, dim], each person's last state beside the mean of their last states."""
        found = np.zeros((len(sequences), self.dim), dtype=np.float32)
        for rows, batch, states_BTD in self._states(sequences.before(as_of)):
            found[rows] = person_embeddings(states_BTD, batch.lengths_B).cpu().numpy()
        return found

    def scores(self, sequences: Sequences, *, as_of: int) -> Floats:
        """Return, [N, num_items], the probability of each known item to be the next wanted one.

        Column j is vocabulary index j + 1.
        """
        matrix_ID, bias_I = self.item_matrix()

        def item_probabilities(last: _LastStates) -> torch.Tensor:
            query_BD = self.model.item_query(last.query_BD)
            chosen_BI = torch.softmax(torch.addmm(bias_I, query_BD, matrix_ID.T), dim=1)
            if not self.model.shape.has_repeats:
                return chosen_BI
            is_known_BT = self.model.is_known(last.items_BT)
            new_BQ, repeat_BQT = self.model.repeats(
                last.query_BD[:, None],
                last.states_BTD,
                elapsed_BQT=last.elapsed_BT[:, None],
                is_choice_BQT=is_known_BT[:, None],
            )
            repeat_BT = torch.exp(repeat_BQT[:, 0]) * is_known_BT
            columns_BT = torch.where(is_known_BT, last.items_BT - 1, 0)
            return chosen_BI.mul_(torch.exp(new_BQ)).scatter_add_(1, columns_BT, repeat_BT)

        return self._probabilities(sequences, as_of, item_probabilities, len(matrix_ID))

    def next_event_type(self, sequences: Sequences, *, as_of: int) -> Probabilities:
        """Return the probabilities of the next event's type."""

        def type_probabilities(last: _LastStates) -> torch.Tensor:
            return torch.softmax(self.model.event_type_head(last.query_BD)[:, 1:], dim=1)

        values = self._probabilities(sequences, as_of, type_probabilities, len(EVENT_TYPES))
        return Probabilities(EVENT_TYPES, values)

    def next_category(self, sequences: Sequences, *, as_of: int) -> Probabilities:
        """Return the probabilities of the next wanted item's top-level category."""
        count = len(self.category_labels)
        with torch.inference_mode():
            numbers = torch.arange(1, count + 1, device=self.device)
            matrix_CD = self.model.category_vectors(numbers)
            bias_C = self.model.category_bias[1 : count + 1]

        def category_probabilities(last: _LastStates) -> torch.Tensor:
            query_BD = self.model.category_query(last.query_BD)
            return torch.softmax(torch.addmm(bias_C, query_BD, matrix_CD.T), dim=1)

        values = self._probabilities(sequences, as_of, category_probabilities, count)
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

    def _probabilities(
        self,
        sequences: Sequences,
        as_of: int,
        answer: Callable[["_LastStates"], torch.Tensor],
        width: int,
    ) -> Floats:
        known = sequences.before(as_of)
        found = np.zeros((len(known), width), dtype=np.float32)
        for rows, batch, states_BTD in self._states(known):
            last_at = known.timestamps[known.offsets[1:][rows] - 1]
            last_BD = _last(states_BTD, batch.lengths_B)
            last_second_B = batch.seconds_BT[:, -1:]  # padding repeats the last event's
            with torch.inference_mode():
                last = _LastStates(
                    query_BD=self._query(last_BD, as_of - last_at),
                    states_BTD=states_BTD,
                    items_BT=batch.items_BT,
                    elapsed_BT=last_second_B - batch.seconds_BT,
                )
                found[rows] = answer(last).cpu().numpy()
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
        self, sequences: Sequences
    ) -> Iterator[tuple[npt.NDArray[np.int64], Batch, torch.Tensor]]:
        """Yield (rows of persons, their last events, the states) for all who have an event."""
        shape = self.model.shape
        windows = last_windows(sequences, max_length=shape.settings.max_length)
        for rows in sorted_batches(windows, batch_events=_BATCH_EVENTS):
            chosen = Windows(windows.starts[rows], windows.lengths[rows])
            batch = sent(collate(sequences, chosen, features=shape.features), self.device)
            with torch.inference_mode():
                states_BTD = self.model.states(batch, self.model.item_inputs(batch.items_BT))
            yield rows, batch, states_BTD


@dataclass(frozen=True)
class _LastStates:
    """What a person's last events leave behind, and the question asked of it."""

    query_BD: torch.Tensor
    states_BTD: torch.Tensor
    items_BT: torch.Tensor
    elapsed_BT: torch.Tensor  # seconds from each event to the last


def _last(states_BTD: torch.Tensor, lengths_B: torch.Tensor) -> torch.Tensor:
    row_B = torch.arange(len(lengths_B), device=lengths_B.device)
    return states_BTD[row_B, lengths_B - 1]
