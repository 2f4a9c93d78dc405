"""The scripts of speed time whole steps and read what they wrote."""

import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _scripts_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(FOLDER), *sys.path])


def test_steps_of_the_warm_up_are_not_counted() -> None:
    from step_clock import Enough, StepClock

    clock = StepClock(warm_up=0, seconds=0)
    with pytest.raises(Enough):
        for _ in range(10):
            clock.count(7)
    assert (clock.steps, clock.targets) == (3, 21)


def test_every_item_of_a_simulated_catalogue_occurs(tmp_path: Path) -> None:
    from plain_data import read_persons, simulate_persons, write_persons

    write_persons(tmp_path / "persons.npz", simulate_persons(500, 200))
    persons = read_persons(tmp_path / "persons.npz")
    assert len(persons) == 200
    assert set(np.concatenate(persons)) == set(range(1, 501))
    assert all(5 <= len(person) <= 50 for person in persons)
