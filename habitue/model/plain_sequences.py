"""The behaviour model over bare sequences of items: no times, no kinds of events, no catalogue.

In: each person's items in order, and where known the attributes of items. Out: a network, trained
by the same trainer with the same losses as on a shop's log, that scores all items after any
history. This is the form of the published benchmarks.

Shapes: B histories, I items, D width.
"""

# ruff: noqa: N815 (tensors carry shape letters, as fields too)

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from habitue.compute import Progress
from habitue.config import ModelSettings, TrainingSettings
from habitue.metrics import top_k
from habitue.model.behaviour import BehaviourModel, Shape
from habitue.model.device import chosen_device, own_random_numbers, sent
from habitue.model.fit import Epoch, Run
from habitue.model.inference import Network
from habitue.model.priors import set_priors
from habitue.model.recipe import WITHOUT_REPEATS
from habitue.model.validation import K, Quality
from habitue.schema import SECOND
from habitue.sequences.batches import (
    Windows,
    collate,
    last_windows,
    sorted_batches,
    training_span,
)
from habitue.sequences.sequences import Sequences, offsets_of
from habitue.sequences.vocabulary import event_type_number

Items = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]

# What ranks best on bare sequences by docs/experiments.md.
PLAIN_MODEL: Final = ModelSettings(
    architecture="sasrec", heads=1, dropout=0.5, high_pass=0.7, repeats=False, item_bias=False
)
PLAIN_TRAINING: Final = TrainingSettings().model_copy(update=WITHOUT_REPEATS | {"hidden_items": 0})
_NOBODY_IS_LATE = 1 << 62
_PERSONS_AT_ONCE = 512
_BATCH_EVENTS = 12_800
_RANKED_AT_ONCE = 256  # so few that what is ranked still lies in the processor's cache
_RANKED_SCORES = 1 << 26
_LEAST_CHANCE = np.float32(1e-30)  # so that nothing is minus infinity but what is hidden
_RUN = 64  # neighbouring items whose highest score is looked up


@dataclass(frozen=True)
class PlainReport:
    """What a training took, and how it went."""

    epochs: int
    best_epoch: int
    seconds: float
    targets_per_second: float  # in steps of training, judging left out
    parameters: int
    curve: list[Epoch]


@dataclass(frozen=True)
class PlainNetwork:
    """A trained network that ranks all items after a history."""

    network: Network
    report: PlainReport

    def scores(self, histories: Sequence[Items]) -> Floats:
        """Return the logarithm of each item's probability to come next, up to a constant a row.

        Of shape [B, num_items]; column j is item j + 1. Items of the history keep their scores.
        """
        found = np.empty((len(histories), self.network.model.shape.num_items), dtype=np.float32)
        _Questions.of(self.network, as_sequences(histories)).write_scores(0, found)
        return found

    def top_items(self, histories: Sequence[Items], k: int, *, filter_seen: bool = True) -> Numbers:
        """Return the `k` items most probable to come next, best first, [B, k], 0 where none is.

        Exact: all items are scored, and of equals the lower number comes first. Items of a history
        are left out with `filter_seen`. Beside one state a person, the scores of only some persons
        are held at a time: 256, or as many as fit into 256 MB.

        Raises:
            Failed: `nan_scores`, the network is broken.
        """
        sequences = as_sequences(histories)
        questions = _Questions.of(self.network, sequences)
        num_items = self.network.model.shape.num_items
        at_once = max(1, min(_RANKED_AT_ONCE, _RANKED_SCORES // max(num_items, 1)))
        scores = np.empty((min(at_once, len(histories)), num_items), dtype=np.float32)
        found = np.zeros((len(histories), k), dtype=np.int64)
        for start in range(0, len(histories), at_once):
            stop = min(start + at_once, len(histories))
            here = scores[: stop - start]
            questions.write_scores(start, here)
            if filter_seen:
                _hide_seen(sequences.slice(start, stop), here)
            found[start:stop] = top_k(here, k, maxima=_run_maxima(here, k)) + 1
        return found


def train_on_sequences(
    sequences: Sequence[Items],
    *,
    num_items: int,
    attributes: Sequence[Items] | None = None,
    model: ModelSettings = PLAIN_MODEL,
    training: TrainingSettings = PLAIN_TRAINING,
    validation: Items | None = None,
    filter_seen: bool = True,
    progress: Progress,
) -> PlainNetwork:
    """Fit a network on `sequences`, whose items are numbered from 1.

    `attributes` holds the numbers, from 1, of each item's attributes, item 1 first. `validation`
    is the item that follows each sequence, 0 where none is known; the epoch is chosen by it, and
    without it the last one is taken. With `filter_seen` what a person had is not asked for again.
    """
    began = time.monotonic()
    known = as_sequences(sequences)
    span = training_span(
        known,
        num_items=num_items,
        valid_from=_NOBODY_IS_LATE,
        max_person_events=training.max_person_events,
    )
    training = _only_items(training)
    judge = _Judge.of(known, validation, filter_seen=filter_seen, max_length=model.max_length)
    with own_random_numbers(training.seed, chosen_device(training)):
        network = Network(_new_model(model, num_items, attributes), (), "")
        set_priors(network.model, known, span)
        trained = Run(network, known, span, judge, training, progress).fit()
    report = PlainReport(
        epochs=len(trained.curve),
        best_epoch=trained.best_epoch,
        seconds=round(time.monotonic() - began, 1),
        targets_per_second=trained.curve[-1].events / max(trained.seconds_in_steps, 1e-9),
        parameters=sum(value.numel() for value in trained.network.model.parameters()),
        curve=trained.curve,
    )
    return PlainNetwork(trained.network, report)


def weights_of(trained: PlainNetwork) -> bytes:
    """Return a network's weights as safetensors."""
    state = trained.network.model.state_dict()
    return save({name: value.contiguous() for name, value in state.items()})


def network_with_weights(
    weights: bytes,
    *,
    num_items: int,
    attributes: Sequence[Items] | None = None,
    model: ModelSettings = PLAIN_MODEL,
) -> PlainNetwork:
    """Return the network of `weights_of`; all else must be as it was trained with.

    Raises:
        ValueError, RuntimeError: these are no such weights.
    """
    network = Network(_new_model(model, num_items, attributes), (), "")
    try:
        network.model.load_state_dict(load(weights))
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    parameters = sum(value.numel() for value in network.model.parameters())
    return PlainNetwork(network, PlainReport(0, 0, 0.0, 0.0, parameters, []))


def as_sequences(histories: Sequence[Items]) -> Sequences:
    """Return histories as events of one kind, a second apart."""
    lengths = np.array([len(history) for history in histories], dtype=np.int64)
    offsets = offsets_of(lengths)
    items = np.concatenate([np.zeros(0, np.int32), *histories]).astype(np.int32)
    place = np.arange(len(items)) - np.repeat(offsets[:-1], lengths)
    absent = np.zeros(len(items), dtype=np.int32)
    return Sequences(
        subject_ids=np.arange(len(histories)),
        offsets=offsets,
        timestamps=place * SECOND,
        event_types=np.full(len(items), event_type_number("purchase"), dtype=np.int8),
        items=items,
        is_bot=np.zeros(len(histories), dtype=np.bool_),
        features={"gap": absent, "category_1": absent},
    )


def _only_items(training: TrainingSettings) -> TrainingSettings:
    """Switch off what bare sequences say nothing of, and what serves embeddings alone."""
    nothing = ("category", "event_type", "gap", "dense", "coles")
    return training.model_copy(update={f"{name}_weight": 0 for name in nothing} | {"next_visit": 0})


def _new_model(
    settings: ModelSettings, num_items: int, attributes: Sequence[Items] | None
) -> BehaviourModel:
    table_IA = _attribute_table(attributes or [], num_items)
    shape = Shape(
        settings=settings,
        num_items=num_items,
        num_categories=2,  # none and not known
        feature_sizes={},
        num_attributes=int(table_IA.max(initial=0)),
        max_attributes=table_IA.shape[1],
    )
    model = BehaviourModel(shape)
    if shape.num_attributes:
        model.set_item_attributes(torch.from_numpy(table_IA))
    return model


def _attribute_table(attributes: Sequence[Items], num_items: int) -> Items:
    """Return each item's attributes, [1 + num_items, most of one item], 0 to fill up."""
    most = max((len(labels) for labels in attributes), default=0)
    table = np.zeros((1 + num_items, most), dtype=np.int32)
    for item, labels in enumerate(attributes, start=1):
        table[item, : len(labels)] = labels
    return table


@dataclass(frozen=True)
class _Judge:
    """Ranks the one item that each person went on to want among all others."""

    histories: Sequences
    wanted: Items
    filter_seen: bool

    @staticmethod
    def of(
        sequences: Sequences, wanted: Items | None, *, filter_seen: bool, max_length: int
    ) -> "_Judge":
        if wanted is None:
            wanted = np.zeros(len(sequences), dtype=np.int32)
        able = np.flatnonzero((wanted > 0) & (sequences.lengths > 0))
        chosen = sequences.take(able)
        return _Judge(chosen if filter_seen else chosen.last(max_length), wanted[able], filter_seen)

    @property
    def num_persons(self) -> int:
        return len(self.wanted)

    def measure(self, network: Network) -> Quality:
        ranks = np.concatenate([np.zeros(0, np.int64), *self._ranks(network)])
        if len(ranks) == 0:
            return Quality(0.0, 0.0)
        is_hit = ranks < K
        return Quality(float((is_hit / np.log2(ranks + 2)).mean()), float(is_hit.mean()))

    def _ranks(self, network: Network) -> Iterator[npt.NDArray[np.int64]]:
        num_items = network.model.shape.num_items
        scores = np.empty((_PERSONS_AT_ONCE, num_items), dtype=np.float32)
        questions = _Questions.of(network, self.histories)
        for start in range(0, len(self.histories), _PERSONS_AT_ONCE):
            wanted = self.wanted[start : start + _PERSONS_AT_ONCE].astype(np.int64) - 1
            here = scores[: len(wanted)]
            questions.write_scores(start, here)
            own = here[np.arange(len(wanted)), wanted].copy()
            if self.filter_seen:
                _hide_seen(self.histories.slice(start, start + len(wanted)), here)
            here[np.arange(len(wanted)), wanted] = -np.inf
            # Equal scores count against the network.
            yield (here >= own[:, None]).sum(axis=1)


@dataclass(frozen=True)
class _Questions:
    """Histories about to be asked about: all items are scored after each."""

    network: Network
    histories: Sequences
    queries_BD: torch.Tensor | None  # what each asks of the items; None: the network may point

    @staticmethod
    def of(network: Network, histories: Sequences) -> "_Questions":
        """Ask all at once: the more there are, the more alike in length are those of a batch."""
        if network.model.shape.has_repeats:
            return _Questions(network, histories, None)
        model = network.model
        states_BD = np.zeros((len(histories), model.shape.width), dtype=np.float32)
        windows = last_windows(histories, max_length=model.shape.settings.max_length)
        with torch.inference_mode():
            for rows in sorted_batches(windows, batch_events=_BATCH_EVENTS):
                chosen = Windows(windows.starts[rows], windows.lengths[rows])
                batch = sent(collate(histories, chosen, features=()), network.device)
                items_BTD = model.item_inputs(batch.items_BT)
                states_BD[rows] = model.last_states(batch, items_BTD).cpu().numpy()
            query_BD = model.item_query(torch.from_numpy(states_BD).to(network.device))
            return _Questions(network, histories, query_BD)

    def write_scores(self, start: int, found: Floats) -> None:
        """Write logits, or logarithms of probabilities, of the histories from `start` on."""
        stop = start + len(found)
        if self.queries_BD is None:
            chances = self.network.scores(self.histories.slice(start, stop), as_of=_NOBODY_IS_LATE)
            np.log(np.maximum(chances, _LEAST_CHANCE), out=found)
            return
        matrix_ID, bias_I = self.network.item_matrix()
        with torch.inference_mode():
            queries_BD, scores = self.queries_BD[start:stop], torch.from_numpy(found)
            if self.network.device.type == "cpu":
                torch.addmm(bias_I, queries_BD, matrix_ID.T, out=scores)
            else:
                scores.copy_(torch.addmm(bias_I, queries_BD, matrix_ID.T))


def _run_maxima(scores: Floats, k: int) -> Floats | None:
    """Return the highest score of each run of columns, found by all threads; None: too few runs."""
    num_rows, num_items = scores.shape
    num_runs = num_items // _RUN
    if num_runs < k:
        return None
    width = num_items // num_runs
    runs = torch.from_numpy(scores)[:, : num_runs * width].view(num_rows, num_runs, width)
    found: Floats = runs.amax(2).numpy()
    return found


def _hide_seen(histories: Sequences, scores: Floats) -> None:
    """Set the scores of items that a person had to minus infinity."""
    scores[np.repeat(np.arange(len(histories)), histories.lengths), histories.items - 1] = -np.inf
