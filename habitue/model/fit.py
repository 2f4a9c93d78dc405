"""One training run: epochs, steps, early stopping, checkpoints.

In: a network as it begins, sequences and what of them may be learnt from, and a judge of its
quality. Out: the network with the weights of its best epoch, and its learning curve, written line
by line. Knows nothing about vocabularies or where the sequences came from.
"""

import json
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import IO, Any

import numpy as np
import torch

from habitue.compute import Progress
from habitue.config import TrainingSettings
from habitue.errors import Failed
from habitue.model.behaviour import BehaviourModel
from habitue.model.inference import Network
from habitue.model.objectives import Following, Rivals, behaviour_loss, following_events
from habitue.model.priors import item_counts
from habitue.model.resume import Checkpoint, TrainingState
from habitue.model.validation import Judge
from habitue.sequences.batches import (
    Batch,
    TrainingSpan,
    Windows,
    collate,
    epoch_windows,
    prefix_windows,
    shuffled_batches,
)
from habitue.sequences.sequences import Sequences

_WARM_UP = 0.04
_MIN_BATCH_EVENTS = 256
_MAX_SKIPPED_IN_A_ROW = 10
_CHOSEN_EVENTS = 3_000_000  # seen in all, where the number of epochs is left to us
_TABLES = (torch.nn.Embedding, torch.nn.EmbeddingBag)
_CHECKPOINT_SECONDS = 300.0  # within an epoch; there is one at the end of each as well


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
    went_on_from: int  # the epoch in which a killed training was taken up; 0: none was
    seconds_in_steps: float = 0.0  # without those of judging


@dataclass
class _Position:
    """How far a run is."""

    step: int = 0
    steps_planned: int = 1
    events: int = 0
    best_epoch: int = 0
    skipped: int = 0
    skipped_in_a_row: int = 0


class Run:
    """One training run and what it has to remember from step to step."""

    def __init__(
        self,
        network: Network,
        sequences: Sequences,
        span: TrainingSpan,
        judge: Judge,
        training: TrainingSettings,
        progress: Progress,
        curve_file: IO[str] | None = None,
    ) -> None:
        self.network = network
        self.model = network.model
        self.sequences = sequences
        self.span = span
        self.judge = judge
        self.training = training
        self.progress = progress
        self.curve_file = curve_file
        self.epochs, self.batch_events = _pace(span.num_events, training)
        self.optimizer = _optimizer(self.model, training)
        self.rivals = Rivals(
            item_counts(sequences, span, network.model.shape.num_items), count=training.negatives
        )
        self.checkpoint: Checkpoint | None = None
        self.went_on_from = 0
        self.seconds_in_steps = 0.0
        self.saved_at = self.started = time.monotonic()
        # What follows is remembered in a checkpoint.
        self.curve: list[Epoch] = []
        self.at = _Position()
        self.best: dict[str, torch.Tensor] = {}
        self.losses: list[float] = []  # of this epoch's batches, as far as they are done
        self.rng = np.random.default_rng()  # of this epoch

    def keep(self, checkpoint: Checkpoint) -> None:
        """Keep the state in `checkpoint` from now on, and go on from what is there."""
        self.checkpoint = checkpoint
        state = checkpoint.load()
        if state is not None:
            self._take_up(state)
            self.went_on_from = min(len(self.curve) + 1, self.epochs)

    def fit(self) -> TrainedNetwork:
        """Run epochs until there is no gain, and keep the best."""
        label = f"Training, going on from epoch {self.went_on_from}" if self.went_on_from else ""
        self.progress.start(label or "Training", self.epochs * self._epoch_size(), "events")
        self.progress.advance(self.at.events)
        for line in self.curve:
            self._write_line(line)
        while not self._is_over():
            self._epoch(len(self.curve) + 1)
            self._save()
        self.progress.finish()
        self.model.load_state_dict(self.best)
        return TrainedNetwork(
            network=self._as_it_is_now(),
            curve=self.curve,
            best_epoch=self.at.best_epoch,
            num_validation_persons=self.judge.num_persons,
            skipped_steps=self.at.skipped,
            settings=self.training,
            went_on_from=self.went_on_from,
            seconds_in_steps=self.seconds_in_steps,
        )

    def _epoch_size(self) -> int:
        if self.training.samples == "prefix":
            return len(prefix_windows(self.span, max_length=2).starts)
        return self.span.num_events - len(self.span.ends)

    def _is_over(self) -> bool:
        done = len(self.curve)
        return done == self.epochs or done - self.at.best_epoch >= self.training.patience

    def _epoch(self, number: int) -> None:
        self.model.train()
        began = time.monotonic()
        note = ""
        # Keyed by seed and epoch: what an epoch sees never depends on what ran before.
        rng = np.random.default_rng((self.training.seed, number))
        batches = list(self._plan(rng))
        if number == 1:
            self.at.steps_planned = len(batches) * self.epochs
        if self.losses:
            rng.bit_generator.state = self.rng.bit_generator.state
        self.rng = rng
        for plan in batches[len(self.losses) :]:
            batch = collate(self.sequences, plan, features=self.model.shape.features)
            following = following_events(self.sequences, self.span, batch, rng, self.training)
            loss = self._step(batch, following)
            self.losses.append(loss)
            is_prefix = self.training.samples == "prefix"
            amount = len(plan.lengths) if is_prefix else int(plan.lengths.sum())
            self.at.events += amount
            if len(self.losses) % 10 == 0 or len(self.losses) == len(batches):
                note = f"loss {np.nanmean(self.losses[-50:]):.3f}"
            self.progress.advance(amount, note)
            if time.monotonic() - self.saved_at > _CHECKPOINT_SECONDS:
                self._save()
        self.seconds_in_steps += time.monotonic() - began
        quality = self.judge.measure(self._as_it_is_now())
        self.progress.advance(0, f"{note} · ndcg@10 {quality.ndcg:.4f}")
        finite = [loss for loss in self.losses if math.isfinite(loss)]
        line = Epoch(
            epoch=number,
            step=self.at.step,
            events=self.at.events,
            train_loss=float(np.mean(finite)) if finite else 0.0,
            valid_ndcg=quality.ndcg,
            valid_recall=quality.recall,
            seconds=round(time.monotonic() - self.started, 2),
            skipped_steps=self.at.skipped,
        )
        self._note(line)

    def _note(self, line: Epoch) -> None:
        """Close an epoch, and keep its weights if they are the best so far."""
        best_ndcg = self.curve[self.at.best_epoch - 1].valid_ndcg if self.at.best_epoch else -1.0
        # Without anybody to validate on, the last epoch is the best there is.
        if line.valid_ndcg > best_ndcg or self.judge.num_persons == 0:
            self.at.best_epoch = line.epoch
            self.best = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.curve.append(line)
        self.losses = []
        self._write_line(line)

    def _write_line(self, line: Epoch) -> None:
        if self.curve_file is not None:
            self.curve_file.write(json.dumps(line.as_json()) + "\n")
            self.curve_file.flush()

    def _save(self) -> None:
        if self.checkpoint is not None:
            self.checkpoint.save(self._state())
        self.saved_at = time.monotonic()

    def _state(self) -> TrainingState:
        numbers: dict[str, Any] = {
            "at": asdict(self.at),
            "curve": [asdict(line) for line in self.curve],
            "rng": self.rng.bit_generator.state,
            "seconds": time.monotonic() - self.started,
        }
        tensors = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        tensors |= {f"best.{name}": value for name, value in self.best.items()}
        for number, moments in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{name}": value for name, value in moments.items()}
        tensors["random"] = torch.get_rng_state()
        if self.model.input_dropout.drawn_from is not None:
            tensors["masks"] = self.model.input_dropout.drawn_from
        tensors["losses"] = torch.tensor(self.losses, dtype=torch.float64)
        return TrainingState(numbers, tensors)

    def _take_up(self, state: TrainingState) -> None:
        """Be as the training was when `state` was kept."""
        numbers, tensors = state.numbers, state.tensors
        self.at = _Position(**numbers["at"])
        self.curve = [Epoch(**line) for line in numbers["curve"]]
        self.rng.bit_generator.state = numbers["rng"]
        self.started -= numbers["seconds"]
        self.model.load_state_dict(_under("model.", tensors))
        self.best = _under("best.", tensors)
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for name, value in _under("optimizer.", tensors).items():
            number, kind = name.split(".")
            moments.setdefault(int(number), {})[kind] = value
        self.optimizer.load_state_dict(self.optimizer.state_dict() | {"state": moments})
        torch.set_rng_state(tensors["random"])
        if "masks" in tensors:
            self.model.input_dropout.draw_from(tensors["masks"])
        self.losses = tensors["losses"].tolist()

    def _as_it_is_now(self) -> Network:
        """A network keeps item vectors once computed, so each state of the weights gets its own."""
        return replace(self.network)

    def _plan(self, rng: np.random.Generator) -> Iterator[Windows]:
        max_length = self.model.shape.settings.max_length
        if self.training.samples == "prefix":
            windows = prefix_windows(self.span, max_length=max_length)
            size = self.training.batch_samples
            return shuffled_batches(windows, batch_windows=size, rng=rng)
        windows = epoch_windows(self.span, max_length=max_length, rng=rng)
        return shuffled_batches(windows, batch_events=self.batch_events, rng=rng)

    def _step(self, batch: Batch, following: Following) -> float:
        """Take one optimiser step; return its loss, not a number where it was skipped."""
        if not following.items_BQ.any():
            return math.nan
        share = _schedule(self.at.step, self.at.steps_planned)
        for group in self.optimizer.param_groups:
            group["lr"] = self.training.learning_rate * share
        self.optimizer.zero_grad(set_to_none=True)
        loss = behaviour_loss(self.model, batch, following, self.rivals, self.training)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        value = float(loss.detach())
        if not (math.isfinite(value) and math.isfinite(float(norm))):
            self._skip()
            return math.nan
        self.optimizer.step()
        self.at.step += 1
        self.at.skipped_in_a_row = 0
        return value

    def _skip(self) -> None:
        self.at.skipped += 1
        self.at.skipped_in_a_row += 1
        if self.at.skipped_in_a_row >= _MAX_SKIPPED_IN_A_ROW:
            raise Failed(
                f"The loss was not finite in {self.at.skipped_in_a_row} training steps in a row, "
                f"from step {self.at.step} on.",
                fix=f"Lower training.learning_rate (now {self.training.learning_rate:g}).",
                code="diverged",
            )


def _under(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the tensors whose names begin with `prefix`, without it."""
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


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
