"""The training loop.

In: encoded sequences, a vocabulary, settings, and the moments that part fitting from choosing.
Out: the network with the weights of its best epoch, and its learning curve, written line by line
to `training.jsonl`. Same sequences, settings and number of threads: the same weights, bit by bit.
"""

import json
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
import torch

from habitue.compute import Progress
from habitue.config import ModelSettings, TrainingSettings
from habitue.errors import Failed, NotEnoughData
from habitue.model.behaviour import BehaviourModel, Shape
from habitue.model.inference import Network
from habitue.model.objectives import Following, Rivals, behaviour_loss, following_events
from habitue.model.validation import Validation, validation_persons
from habitue.sequences.batches import (
    NO_TARGET,
    Batch,
    TrainingSpan,
    Windows,
    collate,
    epoch_windows,
    shuffled_batches,
    training_span,
)
from habitue.sequences.sequences import IntArray, Sequences
from habitue.sequences.vocabulary import FEATURES, Vocabulary, category_labels

CURVE_FILE = "training.jsonl"
_WARM_UP = 0.04
_MIN_BATCH_EVENTS = 256
_MAX_SKIPPED_IN_A_ROW = 10
_CHOSEN_EVENTS = 3_000_000  # seen in all, where the number of epochs is left to us
_TABLES = (torch.nn.Embedding, torch.nn.EmbeddingBag)


@dataclass(frozen=True)
class Epoch:
    """One line of the learning curve."""

    epoch: int
    step: int  # optimiser steps so far
    events: int  # training events seen so far
    train_loss: float
    valid_ndcg: float
    valid_recall: float
    seconds: float
    skipped_steps: int

    def as_json(self) -> dict[str, float]:
        """Return the line as it is written."""
        line = asdict(self)
        line["valid_ndcg@10"] = line.pop("valid_ndcg")
        line["valid_recall@10"] = line.pop("valid_recall")
        return line


@dataclass(frozen=True)
class TrainedNetwork:
    """What training gives: the network and how it came about."""

    network: Network
    curve: list[Epoch]
    best_epoch: int
    num_validation_persons: int
    skipped_steps: int
    settings: TrainingSettings


def train_network(
    sequences: Sequences,
    vocabulary: Vocabulary,
    *,
    model: ModelSettings,
    training: TrainingSettings,
    valid_from: int,
    as_of: int,
    progress: Progress,
    folder: Path,
) -> TrainedNetwork:
    """Fit the network on events before `valid_from`, choosing its epoch on [valid_from, as_of).

    Raises:
        NotEnoughData: nobody has two events, the later one with a known item, before the cut.
        Failed: the loss stays infinite or not a number.
    """
    span = training_span(
        sequences,
        num_items=vocabulary.num_items,
        valid_from=valid_from,
        max_person_events=training.max_person_events,
    )
    validation = validation_persons(
        sequences,
        num_items=vocabulary.num_items,
        valid_from=valid_from,
        as_of=as_of,
        max_length=model.max_length,
    )
    folder.mkdir(parents=True, exist_ok=True)
    # The caller's random numbers stay as they were.
    with torch.random.fork_rng(devices=[]), (folder / CURVE_FILE).open("w") as curve_file:
        torch.manual_seed(training.seed)
        network = _new_network(sequences, vocabulary, span, model)
        run = _Run(network, sequences, span, validation, training, progress, curve_file)
        return run.fit()


def _new_network(
    sequences: Sequences, vocabulary: Vocabulary, span: TrainingSpan, model: ModelSettings
) -> Network:
    events = span.events()
    if not (span.next_targets(events) != NO_TARGET).any():
        raise NotEnoughData(
            "Nobody has an event followed by one with a known item before the cut.",
            fix="Import more events of the same persons, or choose a later cut.",
        )
    # A feature that the log never fills costs time and teaches nothing.
    sizes = {
        name: vocabulary.feature_sizes[name]
        for name in FEATURES
        if sequences.features[name][events].any()
    }
    shape = Shape(
        settings=model,
        num_items=vocabulary.num_items,
        num_categories=len(category_labels(vocabulary)) + 2,
        feature_sizes=sizes,
    )
    behaviour = BehaviourModel(shape)
    behaviour.set_item_content(torch.from_numpy(vocabulary.item_content))
    _set_priors(behaviour, sequences, span)
    return Network(behaviour, category_labels(vocabulary), vocabulary.fingerprint)


def _set_priors(model: BehaviourModel, sequences: Sequences, span: TrainingSpan) -> None:
    """Let the network begin as the overall frequencies, so that steps go into what differs."""
    events = span.events()
    targets = _targets(span)
    biases = (
        (model.item_bias, sequences.items[targets]),
        (model.category_bias, sequences.features["category_1"][targets]),
        (model.event_type_head.bias, sequences.event_types[events]),
        (model.gap_head.bias, sequences.features["gap"][events]),
    )
    with torch.no_grad():
        for bias, values in biases:
            counts = np.bincount(values, minlength=len(bias))[: len(bias)] + 0.5
            bias.copy_(torch.from_numpy(np.log(counts / counts.mean())))


def _item_counts(sequences: Sequences, span: TrainingSpan, num_items: int) -> npt.NDArray[np.int64]:
    """Return how often each known item is wanted in training, [num_items]."""
    counts = np.bincount(sequences.items[_targets(span)], minlength=num_items + 1)
    return np.asarray(counts[1:], dtype=np.int64)


def _targets(span: TrainingSpan) -> IntArray:
    """Return the position of the next target of every event that has one."""
    targets = span.next_targets(span.events())
    found: IntArray = targets[targets != NO_TARGET]
    return found


class _Run:
    """One training run and what it has to remember from step to step."""

    def __init__(
        self,
        network: Network,
        sequences: Sequences,
        span: TrainingSpan,
        validation: Validation,
        training: TrainingSettings,
        progress: Progress,
        curve_file: IO[str],
    ) -> None:
        self.network = network
        self.model = network.model
        self.sequences = sequences
        self.span = span
        self.validation = validation
        self.training = training
        self.progress = progress
        self.curve_file = curve_file
        self.epochs, self.batch_events = _pace(span.num_events, training)
        self.optimizer = _optimizer(self.model, training)
        self.rivals = Rivals(
            _item_counts(sequences, span, network.model.shape.num_items), count=training.negatives
        )
        self.steps_planned = 1
        self.step = 0
        self.events = 0
        self.skipped = 0
        self.skipped_in_a_row = 0
        self.started = time.monotonic()

    def fit(self) -> TrainedNetwork:
        """Run epochs until there is no gain, and keep the best."""
        curve: list[Epoch] = []
        best: dict[str, torch.Tensor] = {}
        best_ndcg, best_epoch = -1.0, 0
        per_epoch = self.span.num_events - len(self.span.ends)
        self.progress.start("Training", self.epochs * per_epoch, "events")
        for number in range(1, self.epochs + 1):
            line = self._epoch(number)
            curve.append(line)
            self.curve_file.write(json.dumps(line.as_json()) + "\n")
            self.curve_file.flush()
            # Without anybody to validate on, the last epoch is the best there is.
            if line.valid_ndcg > best_ndcg or len(self.validation.histories) == 0:
                best_ndcg, best_epoch = line.valid_ndcg, number
                best = {name: value.clone() for name, value in self.model.state_dict().items()}
            elif number - best_epoch >= self.training.patience:
                break
        self.progress.finish()
        self.model.load_state_dict(best)
        return TrainedNetwork(
            network=self._as_it_is_now(),
            curve=curve,
            best_epoch=best_epoch,
            num_validation_persons=len(self.validation.histories),
            skipped_steps=self.skipped,
            settings=self.training,
        )

    def _epoch(self, number: int) -> Epoch:
        self.model.train()
        losses: list[float] = []
        note = ""
        # Keyed by seed and epoch: what an epoch sees never depends on what ran before.
        rng = np.random.default_rng((self.training.seed, number))
        batches = list(self._plan(rng))
        if number == 1:
            self.steps_planned = len(batches) * self.epochs
        for plan in batches:
            batch = collate(self.sequences, plan, features=self.model.shape.features)
            following = following_events(self.sequences, self.span, batch, rng)
            loss = self._step(batch, following)
            losses.append(loss)
            amount = int(plan.lengths.sum())
            self.events += amount
            if len(losses) % 10 == 0 or len(losses) == len(batches):
                note = f"loss {np.nanmean(losses[-50:]):.3f}"
            self.progress.advance(amount, note)
        quality = self.validation.measure(self._as_it_is_now())
        self.progress.advance(0, f"{note} · ndcg@10 {quality.ndcg:.4f}")
        finite = [loss for loss in losses if math.isfinite(loss)]
        return Epoch(
            epoch=number,
            step=self.step,
            events=self.events,
            train_loss=float(np.mean(finite)) if finite else 0.0,
            valid_ndcg=quality.ndcg,
            valid_recall=quality.recall,
            seconds=round(time.monotonic() - self.started, 2),
            skipped_steps=self.skipped,
        )

    def _as_it_is_now(self) -> Network:
        """A network keeps item vectors once computed, so each state of the weights gets its own."""
        return replace(self.network)

    def _plan(self, rng: np.random.Generator) -> Iterator[Windows]:
        max_length = self.model.shape.settings.max_length
        windows = epoch_windows(self.span, max_length=max_length, rng=rng)
        return shuffled_batches(windows, batch_events=self.batch_events, rng=rng)

    def _step(self, batch: Batch, following: Following) -> float:
        """Take one optimiser step; return its loss, not a number where it was skipped."""
        if not following.items_BT.any():
            return math.nan
        for group in self.optimizer.param_groups:
            group["lr"] = self.training.learning_rate * _schedule(self.step, self.steps_planned)
        self.optimizer.zero_grad(set_to_none=True)
        loss = behaviour_loss(self.model, batch, following, self.rivals)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        value = float(loss.detach())
        if not (math.isfinite(value) and math.isfinite(float(norm))):
            self._skip()
            return math.nan
        self.optimizer.step()
        self.step += 1
        self.skipped_in_a_row = 0
        return value

    def _skip(self) -> None:
        self.skipped += 1
        self.skipped_in_a_row += 1
        if self.skipped_in_a_row >= _MAX_SKIPPED_IN_A_ROW:
            raise Failed(
                f"The loss was not finite in {self.skipped_in_a_row} training steps in a row, "
                f"from step {self.step} on.",
                fix=f"Lower training.learning_rate (now {self.training.learning_rate:g}).",
                code="diverged",
            )


def _pace(num_events: int, training: TrainingSettings) -> tuple[int, int]:
    """Return epochs and events a batch: a small log needs more passes and smaller batches."""
    epochs = training.epochs or min(max(_CHOSEN_EVENTS // num_events, 3), 40)
    return epochs, min(training.batch_events, max(num_events // 32, _MIN_BATCH_EVENTS))


def _schedule(step: int, steps: int) -> float:
    """Return the share of the peak learning rate: up in a straight line, down by a cosine."""
    warm_up = max(1, round(_WARM_UP * steps))
    if step < warm_up:
        return (step + 1) / warm_up
    done = min((step - warm_up) / max(steps - warm_up, 1), 1.0)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done))


def _optimizer(model: BehaviourModel, training: TrainingSettings) -> torch.optim.AdamW:
    """AdamW, fused (70 times faster on a large table); only matrices of layers decay."""
    is_table = {id(p) for m in model.modules() if isinstance(m, _TABLES) for p in m.parameters()}
    decaying = [p for p in model.parameters() if p.ndim > 1 and id(p) not in is_table]
    kept = {id(p) for p in decaying}
    other = [p for p in model.parameters() if id(p) not in kept]
    groups = [
        {"params": decaying, "weight_decay": training.weight_decay},
        {"params": other, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=training.learning_rate, betas=(0.9, 0.98), fused=True)
