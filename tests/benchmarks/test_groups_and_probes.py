"""`benchmarks/groups.py` and `benchmarks/probes.py`: right answers by construction."""

import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _scripts_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(FOLDER), *sys.path])


def test_groups_are_compared_over_the_persons_of_both_moments() -> None:
    from groups import agreement

    ids, later = np.arange(100), np.arange(40, 140)
    assert agreement(ids, ids // 10, later, later // 10) == 1
    # What the others are in does not count.
    strangers = np.where(later < 100, later // 10, 0)
    assert agreement(ids, ids // 10, later, strangers) == 1
    shuffled = np.random.default_rng(0).permutation(later // 10)
    assert abs(agreement(ids, ids // 10, later, shuffled)) < 0.2


def test_what_groups_explain_is_all_where_they_decide_and_nothing_where_they_do_not() -> None:
    from groups import explained

    labels = np.arange(3000) % 3
    noise = np.random.default_rng(0).normal(size=3000)
    assert explained(labels.astype(float), labels) == pytest.approx(1)
    assert explained(noise, labels) < 0.01
    assert explained(labels * np.sqrt(1.5) + noise, labels) == pytest.approx(0.5, abs=0.05)


def test_a_probe_finds_what_only_one_of_two_sets_knows() -> None:
    from probes import probed

    rng = np.random.default_rng(0)
    secret = rng.normal(size=(800, 3))
    noise = rng.normal(size=(800, 3))
    truth = (secret[:, 0] + 0.5 * rng.normal(size=800) > 0).astype(float)
    truth[:50] = np.nan
    sets = {"embedding": secret, "features": noise, "both": np.hstack([secret, noise])}
    found = probed({"secret": truth}, sets)
    assert found["questions"]["secret"]["persons"] == 750
    assert found["auc"]["embedding"] > 0.85
    assert abs(found["auc"]["features"] - 0.5) < 0.06
    assert found["both_over_features"][0] > 0.2
