"""Predictions over several cuts: whose rows go together, and what counts as ahead."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _scripts_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(FOLDER), *sys.path])


def two_cuts(*, noise: float) -> list[Any]:
    """The same 300 persons twice; ours knows the chance, the rival knows it with noise."""
    from task_figures import OURS, Judged

    rng = np.random.default_rng(3)
    parts = []
    for cut in ("2020-01-01", "2020-02-01"):
        chance = rng.uniform(0.05, 0.95, 300)
        odds = np.log(chance / (1 - chance)) + rng.normal(0, noise, 300)
        rival = 1 / (1 + np.exp(-odds))
        truth = (rng.random(300) < chance).astype(float)
        said = {OURS: (chance, chance), "rival": (rival, rival)}
        parts.append(Judged(cut, np.arange(300), truth, said))
    return parts


def test_ahead_is_the_mean_over_cuts_of_the_difference() -> None:
    from task_figures import figures

    found = figures(two_cuts(noise=2.0), is_chance=True)
    ahead = found["differences"]["rival"]["auc"]
    ours = [cut["contenders"]["ours"]["auc"] for cut in found["cuts"]]
    theirs = [cut["contenders"]["rival"]["auc"] for cut in found["cuts"]]
    assert ahead["mean"] == pytest.approx(np.mean(ours) - np.mean(theirs), abs=2e-5)
    assert ahead["interval"][0] > 0, "who knows the chance is ahead of who guesses"
    assert found["differences"]["rival"]["log_loss"]["mean"] > 0, "a lower loss counts as ahead"


def test_an_interval_holds_a_rate_or_an_amount() -> None:
    from dataclasses import replace

    from task_figures import held

    part = two_cuts(noise=0.0)[0]
    chance = part.said["ours"][0]
    wide = replace(part, interval=(chance - 0.3, chance + 0.3))
    assert held(wide, is_chance=True)["interval_held"] == 1
    beside = replace(part, interval=(chance + 0.3, chance + 0.4), is_unseen_season=True)
    found = held(beside, is_chance=True)
    assert (found["interval_held"], found["is_unseen_season"]) == (0, True)
    for tenth in found["reliability"]:
        assert tenth["low"] == pytest.approx(tenth["told"] + 0.3, abs=2e-5)
    came = sum(tenth["persons"] * tenth["came"] for tenth in found["reliability"])
    assert came == pytest.approx(part.truth.sum(), abs=0.01)
    half = replace(part, interval=(np.zeros(300), np.full(300, 0.5)))
    assert held(half, is_chance=False)["interval_held"] == pytest.approx(
        1 - part.truth.mean(), abs=1e-5
    )


def test_who_says_the_same_is_never_ahead() -> None:
    from task_figures import figures

    ahead = figures(two_cuts(noise=0.0), is_chance=True)["differences"]["rival"]
    assert all(one["mean"] == 0 and one["interval"] == [0, 0] for one in ahead.values())


def test_a_person_is_drawn_with_all_their_cuts() -> None:
    from task_figures import _draws

    for first, second in _draws(two_cuts(noise=1.0), np.random.default_rng(0), 5):
        np.testing.assert_array_equal(first, second)


def test_a_tie_is_no_hit() -> None:
    from task_figures import JudgedNext, next_figures

    knows, alike = np.eye(5), np.full((5, 5), 0.2)
    part = JudgedNext("2020-01-01", np.arange(5), np.arange(5), {"ours": knows, "rival": alike})
    found = next_figures([part])
    assert found["mean"]["ours"]["hit_rate@3"] == 1
    assert found["mean"]["rival"]["hit_rate@3"] == 0
    assert found["differences"]["rival"]["hit_rate@3"]["mean"] == 1
