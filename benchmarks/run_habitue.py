"""Runs Habitue's network for train_speed.py, score_speed.py and catalogue_scale.py."""

import argparse
import json
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.metadata import version

import numpy as np
import torch
from plain_data import Items, read_persons
from step_clock import Enough, StepClock, peak_mb, runner_options

from habitue.compute import Silent
from habitue.config import ModelSettings, TrainingSettings
from habitue.model.plain_sequences import PlainNetwork, train_on_sequences

TOP = 20


class Steps(Silent):
    """Hands each step of a training to the clock."""

    def __init__(self, clock: StepClock) -> None:
        self.clock = clock

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Take note of a step; an epoch's end is none."""
        if amount:
            self.clock.count(amount)


class UntilQuality(Silent):
    """Ends a training as soon as its validation NDCG@10 reaches a bar."""

    def __init__(self, bar: float) -> None:
        self.bar = bar
        self.began = time.perf_counter()
        self.curve: list[tuple[float, float]] = []

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Take note of a judged epoch."""
        judged = re.search(r"ndcg@10 ([\d.]+)", note)
        if judged:
            self.curve.append((round(time.perf_counter() - self.began, 1), float(judged[1])))
            if self.curve[-1][1] >= self.bar:
                raise Enough


def settings_of(given: argparse.Namespace) -> tuple[ModelSettings, TrainingSettings]:
    """Return the same network that the others have, and the training asked for."""
    model = ModelSettings(
        architecture="sasrec",
        size=given.size,
        heads=1 if given.size == "small" else 0,
        dropout=0.5,
        max_length=given.length,
        high_pass=given.high_pass,
        repeats=False,
        item_bias=False,
    )
    training = TrainingSettings(
        samples=given.samples,
        loss=given.loss,
        negatives=given.negatives,
        batch_samples=given.batch,
        batch_events=given.batch_targets,
        learning_rate=given.rate,
        hidden_items=0,
        epochs=given.epochs,
        patience=100,
        device=given.device,
        precision=given.precision,
        compile=given.compile,
    )
    return model, training


def train(persons: list[Items], given: argparse.Namespace) -> dict[str, float]:
    """Time steps of training."""
    clock = StepClock(given.warm_up, given.seconds)
    model, training = settings_of(given)
    with suppress(Enough):
        train_on_sequences(
            [person[:-2] for person in persons],
            num_items=_num_items(persons),
            model=model,
            training=training.model_copy(update={"epochs": 1000}),
            progress=Steps(clock),
        )
    found = clock.report()
    # Each event but the last one of a person is asked what follows it.
    targets = sum(max(len(person) - 3, 0) for person in persons)
    found["seconds_an_epoch"] = round(targets / found["targets_per_second"], 2)
    if given.device == "cuda":
        found["peak_gpu_mb"] = round(torch.cuda.max_memory_allocated() / 1e6)
    return found


def profile(persons: list[Items], given: argparse.Namespace) -> dict[str, float]:
    """Return each operation's share of the processor time of training steps, the dearest ten."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as watched:
        train(persons, given)
    costs = {event.key: event.self_cpu_time_total for event in watched.key_averages()}
    dearest = sorted(costs, key=lambda name: -costs[name])[:10]
    total = sum(costs.values())
    return {name: round(costs[name] / total, 3) for name in dearest}


def to_quality(persons: list[Items], given: argparse.Namespace) -> dict[str, object]:
    """Return how long it took until validation NDCG@10 reached the bar, judging included."""
    watch = UntilQuality(given.bar)
    model, training = settings_of(given)
    is_reached = False
    try:
        train_on_sequences(
            [person[:-2] for person in persons],
            num_items=_num_items(persons),
            model=model,
            training=training,
            validation=np.array([person[-2] for person in persons], dtype=np.int32),
            progress=watch,
        )
    except Enough:
        is_reached = True
    return {"bar": given.bar, "is_reached": is_reached, "curve": watch.curve}


def score(persons: list[Items], given: argparse.Namespace) -> dict[str, float]:
    """Time embedding everyone and taking the exact best `TOP` of all items."""
    histories = [person[:-1] for person in persons]
    network = _untrained(histories, given)
    began = time.perf_counter()
    network.top_items(histories, TOP, filter_seen=False)
    seconds = time.perf_counter() - began
    return {
        "persons": len(histories),
        "seconds": round(seconds, 3),
        "persons_per_second": round(len(histories) / seconds),
        "peak_mb": peak_mb(),
    }


def _num_items(persons: list[Items]) -> int:
    return max(int(person.max()) for person in persons)


def _untrained(histories: list[Items], given: argparse.Namespace) -> PlainNetwork:
    """Return a network of the catalogue's size; speed does not depend on what it has learnt."""
    model, training = settings_of(given)
    return train_on_sequences(
        histories[:100],
        num_items=max(int(history.max()) for history in histories),
        model=model,
        training=training.model_copy(update={"epochs": 1, "loss": "sampled"}),
        progress=Silent(),
    )


def main() -> None:
    """Do the work asked for and print one JSON line."""
    asked = runner_options(__doc__)
    asked.add_argument("--batch-targets", type=int, default=768, help="of --samples all")
    asked.add_argument("--high-pass", type=float, default=0)
    asked.add_argument("--rate", type=float, default=2e-3)
    asked.add_argument("--epochs", type=int, default=10)
    asked.add_argument("--bar", type=float, default=0.05)
    asked.add_argument("--size", choices=["tiny", "small", "base", "large"], default="small")
    asked.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    asked.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    asked.add_argument("--compile", action="store_true")
    given = asked.parse_args()
    persons = read_persons(given.persons)
    works: dict[str, Callable[[list[Items], argparse.Namespace], Mapping[str, object]]] = {
        "train": train,
        "quality": to_quality,
        "profile": profile,
        "score": score,
    }
    found = dict(works[given.work](persons, given))
    if given.work != "profile":
        found |= {"version": version("habitue"), "threads": torch.get_num_threads()}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
