"""One training run: epochs, steps, early stopping, checkpoints.

In: a network as it begins, sequences and what of them may be learnt from, and a judge of its
quality. Out: the network with the weights of its best epoch, and its learning curve, written line
by line. Knows nothing about vocabularies or where the sequences came from.
"""

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from itertools import count, cycle
from typing import IO, Any

import numpy as np
import torch

from habitue.compute import Progress
from habitue.config import TrainingSettings
from habitue.errors import Failed
from habitue.model.batch_finder import SHARE_OF_MEMORY, doubled, find_size
from habitue.model.compiling import Compiled, check_compiler
from habitue.model.device import (
    CPU,
    chosen_device,
    held_mb,
    memory_mb,
    random_state,
    sent,
    set_random_state,
)
from habitue.model.following import Following, following_events
from habitue.model.inference import Network
from habitue.model.objectives import Rivals, behaviour_loss
from habitue.model.optimising import (
    MIN_BATCH_EVENTS,
    Average,
    new_optimizer,
    pace,
    schedule,
    shrink,
)
from habitue.model.priors import item_counts
from habitue.model.ranks import Ranks
from habitue.model.rate_finder import find_rate
from habitue.model.resume import Checkpoint, TrainingState
from habitue.model.validation import Judge, Quality
from habitue.sequences.augment import Augmentation
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

_LOOKING_AHEAD = 0.8  # share of the epochs in which later items may stand for the next one
_SKIPPED_BEFORE_ROLLBACK = 3  # in a row
_MAX_SKIPPED_IN_A_ROW = 10
_SLOWER = 0.5  # a rollback's factor of the learning rate
_LEAST_BATCH_SAMPLES = 32  # of those tried, where the size is to be found
_LEAST_BATCHES = 32  # in an epoch: a larger one is not tried
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
    rollbacks: int = 0  # to an epoch's beginning, after steps that were no numbers
    seconds_in_steps: float = 0.0  # without those of judging
    cut_short: bool = False  # somebody wanted no further epoch, though there was gain
    batch: int = 0  # positions, or windows where each sample is a prefix
    learning_rate: float = 0.0  # peak, at the end


GoesOn = Callable[[Sequence[Epoch]], bool]  # asked after each epoch


@dataclass
class _Position:
    """How far a run is."""

    step: int = 0
    steps_planned: int = 1
    events: int = 0
    best_epoch: int = 0
    skipped: int = 0
    skipped_in_a_row: int = 0
    rollbacks: int = 0
    rate: float = 0.0  # peak of the learning rate; each rollback lowers it
    batch: int = 0  # positions, or windows where each sample is a prefix; 0: not yet found


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
        self.is_prefix = training.samples == "prefix"
        self.epochs, self.most_events = pace(span.num_events, training)
        self.device = chosen_device(training)
        self.model.to(self.device)  # before the optimiser and the average take note of the weights
        check_compiler(training)
        self.compiled = Compiled(self.model.backbone) if training.compile else None
        self.optimizer = new_optimizer(self.model, training)
        self.augmentation = Augmentation.of(
            sequences, span, network.model.shape.num_items, training
        )
        self.average = Average(self.model, training.ema) if training.ema else None
        self.rivals = Rivals(
            item_counts(sequences, span, network.model.shape.num_items),
            count=training.negatives,
            kind=training.rivals,
            device=self.device,
        )
        self.ranks = Ranks.current()
        self.tries = count()  # of steps that left no trace
        self.goes_on: GoesOn = lambda _: True
        self.checkpoint: Checkpoint | None = None
        self.went_on_from = 0
        self.seconds_in_steps = 0.0
        self.saved_at = self.started = time.monotonic()
        # What follows is remembered in a checkpoint.
        self.curve: list[Epoch] = []
        most = training.batch if self.is_prefix else self.most_events
        self.at = _Position(batch=min(training.batch, most))
        self.best: dict[str, torch.Tensor] = {}
        self.losses: list[float] = []  # of this epoch's batches, as far as they are done
        self.rng = np.random.default_rng()  # of this epoch
        self.sound: dict[str, torch.Tensor] = {}  # what to go back to: as the epoch began
        self.waiting = 0  # batches whose gradients have moved no weight yet

    def keep(self, checkpoint: Checkpoint) -> None:
        """Keep the state in `checkpoint` from now on, and go on from what is there."""
        self.checkpoint = checkpoint
        state = checkpoint.load()
        if state is not None:
            self._take_up(state)
            if not self._has_ended():
                self.went_on_from = len(self.curve) + 1
        if self.ranks is not None:
            self.ranks.check_in_step(len(self.curve), self.at.step)

    def fit(self) -> TrainedNetwork:
        """Run epochs until there is no gain, and keep the best."""
        self.progress.start(self._label(), self.epochs * self._epoch_size(), "events")
        self.progress.advance(self.at.events)
        for line in self.curve:
            self._write_line(line)
        if self.at.batch == 0:
            self.at.batch = self._find_batch()
            self._save()  # a second search might find another one
        if self.at.rate == 0:
            self.at.rate = self.training.learning_rate or self._find_rate()
        if self.ranks is not None and self.model.input_dropout.drawn_from is None:
            # Before the ranks' random numbers part: one checkpoint then serves them all.
            self.model.input_dropout.draw_from(torch.get_rng_state())
        while not self._has_ended() and (not self.curve or self.goes_on(self.curve)):
            self._epoch(len(self.curve) + 1)
            self._save()
        self.progress.finish()
        self.model.load_state_dict(self.best)
        self.model.to(CPU)
        return TrainedNetwork(
            network=self._as_it_is_now(),
            curve=self.curve,
            best_epoch=self.at.best_epoch,
            num_validation_persons=self.judge.num_persons,
            skipped_steps=self.at.skipped,
            settings=self.training,
            went_on_from=self.went_on_from,
            rollbacks=self.at.rollbacks,
            seconds_in_steps=self.seconds_in_steps,
            cut_short=not self._has_ended(),
            batch=self.at.batch,
            learning_rate=self.at.rate,
        )

    def _label(self) -> str:
        where = "" if self.device.type == "cpu" else " on the GPU"
        since = f", going on from epoch {self.went_on_from}" if self.went_on_from else ""
        return f"Training{where}{since}"

    def _find_rate(self) -> float:
        """Try rates on the first batches of an epoch of their own."""
        with self._leaving_no_trace():
            rng = np.random.default_rng((self.training.seed, 0))
            batches = cycle(list(self._plan(rng, self.at.batch)))
            return find_rate(lambda rate: self._try_step(next(batches), rng, rate))

    def _find_batch(self) -> int:
        """Try sizes of batches on the first ones of an epoch of their own."""

        def steps(size: int) -> Iterator[int]:
            rng = np.random.default_rng((self.training.seed, 0))
            for plan in cycle(self._plan(rng, size)):
                self._try_step(plan, rng, 0.0)
                yield self._num_targets(plan)

        sizes = doubled(MIN_BATCH_EVENTS, self.most_events)
        if self.is_prefix:
            sizes = doubled(_LEAST_BATCH_SAMPLES, self._epoch_size() // _LEAST_BATCHES)
        with self._leaving_no_trace():
            return find_size(
                sizes,
                steps,
                held_mb=lambda: held_mb(self.device),
                most_mb=SHARE_OF_MEMORY * memory_mb(self.device),
            )

    @contextmanager
    def _leaving_no_trace(self) -> Iterator[None]:
        """Let steps be tried before the first one, and be afterwards as if none had been."""
        before = {name: value.clone() for name, value in self._tensors().items()}
        state, position = random_state(self.device), replace(self.at)
        self.model.train()
        yield
        self._restore(before)
        self.at = position
        set_random_state(state, self.device)
        self.model.input_dropout.forget()

    def _try_step(self, plan: Windows, rng: np.random.Generator, rate: float) -> float:
        """Take one step at this rate and return its loss."""
        batch = self._batch(plan, rng)
        following = following_events(self.sequences, self.span, batch, rng, self.training)
        loss = self._loss(batch, following, (0, next(self.tries)))
        loss.backward()  # type: ignore[no-untyped-call]
        if self.ranks is not None:
            self.ranks.add_up(self.model)
        self._set_rate(rate)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return self._value(loss)

    def _set_rate(self, rate: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def _epoch_size(self) -> int:
        if self.is_prefix:
            return len(prefix_windows(self.span, max_length=2).starts)
        return self.span.num_events - len(self.span.ends)

    def _has_ended(self) -> bool:
        """Whether another epoch would be in vain."""
        done = len(self.curve)
        return done == self.epochs or done - self.at.best_epoch >= self.training.patience

    def _epoch(self, number: int) -> None:
        self.model.train()
        began = time.monotonic()
        note = ""
        # Keyed by seed and epoch: what an epoch sees never depends on what ran before.
        rng = np.random.default_rng((self.training.seed, number))
        batches = list(self._plan(rng, self.at.batch))
        if number == 1:
            self.at.steps_planned = -(-len(batches) // self.training.accumulate) * self.epochs
        if not self.losses:
            self.sound = {name: value.clone() for name, value in self._tensors().items()}
        else:
            rng.bit_generator.state = self.rng.bit_generator.state
        self.rng = rng
        further = self._chance_of_later_items(number)
        for plan in batches[len(self.losses) :]:
            batch = self._batch(plan, rng)
            following = following_events(
                self.sequences, self.span, batch, rng, self.training, further=further
            )
            self.losses.append(self._step(batch, following))
            amount = self._num_targets(plan)
            self.at.events += amount
            if len(self.losses) % 10 == 0 or len(self.losses) == len(batches):
                note = f"loss {np.nanmean(self.losses[-50:]):.3f}"
            self.progress.advance(amount, note)
            if time.monotonic() - self.saved_at > _CHECKPOINT_SECONDS and not self.waiting:
                self._save()
        if self.waiting:
            self._move()
        self.seconds_in_steps += time.monotonic() - began
        with self.average.standing_in() if self.average else nullcontext():
            self._close(number, note)

    def _chance_of_later_items(self, epoch: int) -> float:
        """Return it for one epoch, numbered from 1: it falls to 0 well before the last one."""
        left = 1 - (epoch - 1) / (_LOOKING_AHEAD * self.epochs)
        return self.training.later_items * max(left, 0.0)

    def _batch(self, plan: Windows, rng: np.random.Generator) -> Batch:
        """Return windows as tensors, changed a little where the settings say so."""
        plan = self.augmentation.windows(plan, rng)
        places_BT = self.augmentation.places(plan, rng)
        features = self.model.shape.features
        batch = collate(self.sequences, plan, features=features, places_BT=places_BT)
        items_BT = self.augmentation.items(batch.items_BT.numpy(), rng)
        return replace(batch, items_BT=torch.from_numpy(items_BT))

    def _close(self, number: int, note: str) -> None:
        """Judge an epoch, and keep its weights if they are the best so far."""
        quality = self._quality()
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
        best_ndcg = self.curve[self.at.best_epoch - 1].valid_ndcg if self.at.best_epoch else -1.0
        # Without anybody to validate on, the last epoch is the best there is.
        if line.valid_ndcg > best_ndcg or self.judge.num_persons == 0:
            self.at.best_epoch = line.epoch
            self.best = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.curve.append(line)
        self.losses = []
        self._write_line(line)

    def _quality(self) -> Quality:
        """Judge the network as it is now; the first rank does it for all."""
        if self.ranks is None:
            return self.judge.measure(self._as_it_is_now())
        own = Quality(0.0, 0.0)
        if self.ranks.is_first:
            own = self.judge.measure(self._as_it_is_now())
        return Quality(*self.ranks.told(own.ndcg, own.recall))

    def _write_line(self, line: Epoch) -> None:
        if self.curve_file is not None:
            self.curve_file.write(json.dumps(line.as_json()) + "\n")
            self.curve_file.flush()

    def _save(self) -> None:
        if self.checkpoint is not None and (self.ranks is None or self.ranks.is_first):
            self.checkpoint.save(self._state())
        self.saved_at = time.monotonic()

    def _state(self) -> TrainingState:
        numbers: dict[str, Any] = {
            "at": asdict(self.at),
            "curve": [asdict(line) for line in self.curve],
            "rng": self.rng.bit_generator.state,
            "seconds": time.monotonic() - self.started,
        }
        tensors = self._tensors()
        tensors |= {f"best.{name}": value for name, value in self.best.items()}
        if self.losses:  # at an epoch's end they are the tensors themselves
            tensors |= {f"sound.{name}": value for name, value in self.sound.items()}
        tensors |= random_state(self.device)
        if self.model.input_dropout.drawn_from is not None:
            tensors["masks"] = self.model.input_dropout.drawn_from
        tensors["losses"] = torch.tensor(self.losses, dtype=torch.float64)
        return TrainingState(numbers, {name: value.cpu() for name, value in tensors.items()})

    def _take_up(self, state: TrainingState) -> None:
        """Be as the training was when `state` was kept."""
        numbers, tensors = state.numbers, state.tensors
        self.at = _Position(**numbers["at"])
        self.curve = [Epoch(**line) for line in numbers["curve"]]
        self.rng.bit_generator.state = numbers["rng"]
        self.started -= numbers["seconds"]
        self._restore(tensors)
        self.best = _under("best.", tensors)
        self.sound = _under("sound.", tensors)
        set_random_state(tensors, self.device)
        if "masks" in tensors:
            self.model.input_dropout.draw_from(tensors["masks"])
        self.losses = tensors["losses"].tolist()

    def _tensors(self) -> dict[str, torch.Tensor]:
        """Return the weights, their average, and what the optimiser remembers of them."""
        tensors = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        for number, moments in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{name}": value for name, value in moments.items()}
        if self.average:
            averages = enumerate(self.average.values)
            tensors |= {f"average.{number}": value for number, value in averages}
        return tensors

    def _restore(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Take back what `_tensors` gave."""
        self.model.load_state_dict(_under("model.", tensors))
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for name, value in _under("optimizer.", tensors).items():
            number, kind = name.split(".")
            # Cloned, for the optimiser takes it over and changes it.
            moments.setdefault(int(number), {})[kind] = value.clone()
        self.optimizer.load_state_dict(self.optimizer.state_dict() | {"state": moments})
        if self.average:
            for place, value in enumerate(self.average.values):
                value.copy_(tensors[f"average.{place}"])

    def _as_it_is_now(self) -> Network:
        """A network keeps item vectors once computed, so each state of the weights gets its own."""
        return replace(self.network)

    def _plan(self, rng: np.random.Generator, size: int) -> Iterator[Windows]:
        max_length = self.model.shape.settings.max_length
        if self.is_prefix:
            windows = prefix_windows(self.span, max_length=max_length)
            return shuffled_batches(windows, batch_windows=size, rng=rng)
        windows = epoch_windows(self.span, max_length=max_length, rng=rng)
        return shuffled_batches(windows, batch_events=size, rng=rng)

    def _num_targets(self, plan: Windows) -> int:
        return len(plan.lengths) if self.is_prefix else int(plan.lengths.sum())

    def _step(self, batch: Batch, following: Following) -> float:
        """Learn from one batch; return its loss, not a number where it was skipped.

        The weights move once `training.accumulate` batches wait.
        """
        if not following.items_BQ.any():
            return math.nan
        loss = self._loss(batch, following, (len(self.curve) + 1, len(self.losses)))
        (loss / self.training.accumulate).backward()  # type: ignore[no-untyped-call]
        self.waiting += 1
        value = self._value(loss)
        has_moved = self.waiting < self.training.accumulate or self._move()
        return value if has_moved else math.nan

    def _loss(self, batch: Batch, following: Following, place: tuple[int, int]) -> torch.Tensor:
        """Return the loss of a batch, or of this rank's share of it."""
        batch, following = sent(batch, self.device), sent(following, self.device)
        with self.compiled.standing_in() if self.compiled else nullcontext():
            if self.ranks is None:
                return behaviour_loss(self.model, batch, following, self.rivals, self.training)
            return self.ranks.loss(
                self.model, batch, following, self.rivals, self.training, place=place
            )

    def _value(self, loss: torch.Tensor) -> float:
        """Return the loss as a number, that of the whole batch."""
        value = float(loss.detach())
        return value if self.ranks is None else self.ranks.total(value)

    def _move(self) -> bool:
        """Take one optimiser step unless the gradient is no number; return whether it was."""
        self.waiting = 0
        if self.ranks is not None:
            self.ranks.add_up(self.model)
        rate = self.at.rate * schedule(self.at.step, self.at.steps_planned)
        self._set_rate(rate)
        norm = float(torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0))
        if math.isfinite(norm):
            self.optimizer.step()
            if self.training.l1:
                shrink(self.model, rate * self.training.l1)
            self.at.step += 1
            self.at.skipped_in_a_row = 0
            if self.average:
                self.average.update(self.at.step)
        self.optimizer.zero_grad(set_to_none=True)
        if not math.isfinite(norm):
            self._skip()
        return math.isfinite(norm)

    def _skip(self) -> None:
        """Count a step that was none; after some in a row go back and go on more slowly."""
        self.at.skipped += 1
        self.at.skipped_in_a_row += 1
        if self.at.skipped_in_a_row >= _MAX_SKIPPED_IN_A_ROW:
            raise Failed(
                f"The loss was not finite in {self.at.skipped_in_a_row} training steps in a row, "
                f"from step {self.at.step} on.",
                fix=f"Lower training.learning_rate (now {self.training.learning_rate:g}).",
                code="diverged",
            )
        if self.at.skipped_in_a_row % _SKIPPED_BEFORE_ROLLBACK == 0:
            self._restore(self.sound)
            self.at.rollbacks += 1
            self.at.rate *= _SLOWER


def _under(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the tensors whose names begin with `prefix`, without it."""
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
