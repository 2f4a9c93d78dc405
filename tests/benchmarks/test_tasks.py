"""The rolling cuts of `benchmarks/tasks.py`: no future is looked at, and noise tells nothing."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from habitue import metrics
from habitue.profiles import samples, task_evaluation
from habitue.profiles.labels import build_labels
from habitue.schema import DAY, Task
from tests.shop import MemoryLog, Shop, make_shop

FOLDER = Path(__file__).parents[2] / "benchmarks"
TASKS = (
    Task("purchase_14d", "event", horizon_days=14, active_days=60),
    Task("value_30d", "sum", horizon_days=30, active_days=60),
)
CUT_DAYS = 150


@pytest.fixture(autouse=True)
def _scripts_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(FOLDER), *sys.path])


@pytest.fixture(scope="module")
def shop() -> Shop:
    return make_shop(num_persons=200, days=200)


def test_other_events_after_the_cut_change_nothing_that_is_said(shop: Shop) -> None:
    from tasks import judged_at

    cut = shop.start_at + CUT_DAYS * DAY
    after = pl.col("timestamp") >= cut
    # Everything after the cut three times over, each at another price.
    copies = shop.events.filter(after).with_columns(
        pl.col("timestamp") + 1000, value=pl.col("value") * 7
    )
    other = replace(
        shop,
        events=pl.concat([shop.events, copies]).sort("subject_id", "timestamp", "event_key"),
    )
    plain = judged_at(MemoryLog(shop), TASKS, cut)
    changed = judged_at(MemoryLog(other), TASKS, cut)
    for task in TASKS:
        assert plain[task.name].said.keys() == changed[task.name].said.keys()
        for name, (expected, score) in plain[task.name].said.items():
            np.testing.assert_array_equal(changed[task.name].said[name][0], expected, name)
            np.testing.assert_array_equal(changed[task.name].said[name][1], score, name)
    value = TASKS[1].name
    assert changed[value].truth.sum() > 3 * plain[value].truth.sum(), "the future did change"


def test_where_outcomes_are_dealt_anew_nobody_is_told_apart(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks import judged_at

    cut = shop.start_at + CUT_DAYS * DAY
    task = TASKS[0]
    plain = judged_at(MemoryLog(shop), [task], cut)[task.name]
    assert metrics.auc(plain.truth > 0, plain.said["ours"][1]) > 0.7
    rng = np.random.default_rng(0)

    def dealt_anew(
        known: pl.DataFrame, later: pl.DataFrame, task: Task, *, as_of: int
    ) -> pl.DataFrame:
        labels = build_labels(known, later, task, as_of=as_of)
        return labels.with_columns(label=pl.Series(rng.permutation(labels["label"].to_numpy())))

    for module in (samples, task_evaluation):
        monkeypatch.setattr(module, "build_labels", dealt_anew)
    control = judged_at(MemoryLog(shop), [task], cut)[task.name]
    assert control.truth.mean() == plain.truth.mean()
    assert abs(metrics.auc(control.truth > 0, control.said["ours"][1]) - 0.5) < 0.12
