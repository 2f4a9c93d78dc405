"""Processes that cannot go on: the caller is told why, and nothing half-done stays."""

import subprocess
import sys
from pathlib import Path

import pytest

from habitue.compute import Silent
from habitue.errors import Failed
from habitue.simulation import workers
from habitue.simulation.simulate import run_plan
from tests.simulation.plans import small_plan


def test_a_process_that_stops_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "WORKER", "habitue.simulation.no_such_worker")
    plan = small_plan(block_events=5_000)
    with pytest.raises(Failed, match="something ended the process"):
        run_plan(plan, tmp_path / "shop", processes=2, progress=Silent())
    assert list(tmp_path.iterdir()) == []


def test_files_where_the_caller_works_are_no_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('not the one you want')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    made = run_plan(small_plan(block_events=5_000), Path("shop"), processes=2, progress=Silent())
    assert sorted(path.name for path in made.path.iterdir())[-2:] == ["items.parquet", "truth"]


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("habitue.simulation.worker.write_events", full)
    with pytest.raises(Failed, match="No space left"):
        run_plan(small_plan(), tmp_path / "shop", processes=1, progress=Silent())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("answer", "why"),
    [("OSError: No space left", "OSError: No space left"), ("", "something ended the process")],
)
def test_why_a_process_could_not_go_on_is_told(answer: str, why: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", f"input(); print({answer!r})"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process, pytest.raises(Failed, match=rf"The simulation stopped \(block 3\): {why}"):
        workers.send(process, "block", 3)
