"""A file of sequences as a shop's log: order is kept, and each item lies in its window."""

import csv
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


def test_the_last_two_items_lie_in_the_windows_that_hold_them_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT / "benchmarks"), *sys.path])
    script = import_module("as_a_log")
    rng = np.random.default_rng(0)
    for num_items in (3, 5, 40):
        days = script.days_of(num_items, rng)
        assert len(days) == num_items
        assert days == sorted(days)
        # The window before the holdout is as long as it, and the log ends with day 360.
        until, held = 360.0, script.HOLDOUT_DAYS
        assert days[-3] < until - 2 * held - 1
        assert until - 2 * held < days[-2] < until - held - 1
        assert until - held < days[-1] <= until
    script.write_log(tmp_path / "a.csv", [np.array([4, 2, 9]), np.array([1, 2, 3, 4])])
    with (tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["item_id"] for row in rows if row["user_id"] == "u1"] == ["i1", "i2", "i3", "i4"]
