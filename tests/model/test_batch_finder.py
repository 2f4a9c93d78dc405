"""The size of a batch that is found: as fast as any, small, within memory, and without a trace."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from habitue.config import TrainingSettings
from habitue.model import fit as fitting
from habitue.model.batch_finder import Steps, doubled, find_size
from habitue.model.fit import Run
from tests.model.conftest import Lab
from tests.model.test_optimising import MODEL, SETTINGS, new_run, weights_of
from tests.model.test_resume import BrokenOff, Told, break_off_after, equal, fit

SIZES = [256, 512, 1024, 2048, 4096, 8192]


class Machine:
    """Steps of a size take so many seconds and hold so much memory."""

    def __init__(self, seconds: dict[int, float], mb_an_event: float = 0) -> None:
        self.seconds = seconds
        self.mb_an_event = mb_an_event
        self.now = self.held = 0.0
        self.tried: list[int] = []

    def steps(self, size: int) -> Iterator[int]:
        self.tried.append(size)
        self.held = max(self.held, 100 + size * self.mb_an_event)
        self.now += 60  # the first step, in which room is made
        while True:
            yield size
            self.now += self.seconds[size]

    def find(self, most_mb: float = 1e9) -> int:
        self.held = 100
        return find_size(
            SIZES,
            self.steps,
            held_mb=lambda: self.held,
            most_mb=most_mb,
            clock=lambda: self.now,
        )


def test_the_smallest_size_that_is_about_as_fast_as_any_is_taken() -> None:
    speeds = {256: 1000, 512: 1800, 1024: 2930, 2048: 3000, 4096: 2900, 8192: 9000}
    machine = Machine({size: size / speed for size, speed in speeds.items()})
    assert machine.find() == 1024
    # Two doublings in vain, so that of 8192 nobody knows.
    assert machine.tried == [256, 512, 1024, 2048, 4096]


def test_one_slow_size_does_not_end_the_search() -> None:
    speeds = {256: 1000, 512: 500, 1024: 2000, 2048: 4000, 4096: 8000, 8192: 16000}
    assert Machine({size: size / speed for size, speed in speeds.items()}).find() == 8192


def test_no_size_is_tried_that_would_not_fit() -> None:
    steady = dict.fromkeys(SIZES, 1.0)  # the larger, the faster
    machine = Machine(steady, mb_an_event=1)
    assert machine.find(most_mb=100 + 2048) == 2048
    assert machine.tried == [256, 512, 1024, 2048]
    assert Machine(steady, mb_an_event=1).find(most_mb=1) == 256


def test_sizes_are_doubled_up_to_the_most() -> None:
    assert doubled(256, 8192) == SIZES
    assert doubled(256, 10) == [256]


@pytest.mark.parametrize("samples", ["all", "prefix"])
def test_a_size_that_was_found_trains_as_if_it_had_been_given(samples: str) -> None:
    change = {"samples": samples, "loss": "sampled", "negatives": 8, "ema": 0.9}
    settings = SETTINGS.model_copy(update=change)
    model = MODEL.model_copy(update={"dropout": 0.3})
    searching = new_run(
        settings.model_copy(update={"batch_events": 0, "batch_samples": 0}), model=model
    )
    trained = searching.fit()
    assert trained.batch == searching.at.batch >= 32
    given = {"batch_events": trained.batch, "batch_samples": trained.batch}
    plain = new_run(settings.model_copy(update=given), model=model)
    plain.fit()
    before = weights_of(plain)
    assert all(torch.equal(value, before[name]) for name, value in weights_of(searching).items())


def test_a_rate_that_was_found_trains_as_if_it_had_been_given() -> None:
    model = MODEL.model_copy(update={"dropout": 0.3})
    searching = new_run(SETTINGS.model_copy(update={"learning_rate": 0}), model=model)
    rate = searching.fit().learning_rate
    plain = new_run(SETTINGS.model_copy(update={"learning_rate": rate}), model=model)
    plain.fit()
    before = weights_of(plain)
    assert all(torch.equal(value, before[name]) for name, value in weights_of(searching).items())


@pytest.mark.parametrize("steps", [1, 20])
def test_a_training_broken_off_keeps_the_size_it_found(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    settings = TrainingSettings(epochs=2, batch_events=0)
    given = settings.model_copy(update={"batch_events": 200})
    whole = fit(lab, tmp_path / "whole", training=given)
    assert whole.batch == 200
    monkeypatch.setattr(Run, "_find_batch", lambda _: 200)
    with monkeypatch.context() as patch, pytest.raises(BrokenOff):
        break_off_after(patch, steps)
        fit(lab, tmp_path, training=settings)
    monkeypatch.setattr(Run, "_find_batch", lambda _: 128)
    told = Told()
    resumed = fit(lab, tmp_path, training=settings, told=told)
    assert resumed.batch == 200
    assert equal(resumed, whole)


def test_only_what_an_epoch_has_enough_of_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[list[int]] = []

    def remember(sizes: list[int], _: Steps, **memory: object) -> int:
        tried.append(sizes)
        return sizes[0]

    monkeypatch.setattr(fitting, "find_size", remember)
    new_run(SETTINGS.model_copy(update={"batch_samples": 0})).fit()  # 240 prefixes
    run = new_run(SETTINGS.model_copy(update={"samples": "all", "batch_events": 0}))
    run.most_events = 5000
    run.fit()
    assert tried == [[32], [256, 512, 1024, 2048, 4096]]
