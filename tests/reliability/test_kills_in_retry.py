"""A retry of what was set aside is killed at every operation on files."""

import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from habitue.events.manifest import part_files
from habitue.events.store import EventStore
from tests.reliability.shop_files import (
    bytes_of,
    ingest,
    judged,
    retry,
    state_of,
    write_files,
)
from tests.reliability.victims import Order, Victims

pytestmark = pytest.mark.slow


def test_a_retry_killed_anywhere_leaves_the_old_store_or_the_new(tmp_path: Path) -> None:
    start = tmp_path / "start"
    for number in range(3):
        ingest(start, write_files(tmp_path / "exports", number))
    whole = shutil.copytree(start, tmp_path / "whole")
    report = retry(whole)
    assert report.tried.accepted > 0
    assert report.by_reason == {"no_subject": 1, "ts_too_old": 1}
    before, after = state_of(start), state_of(whole)
    assert not before.equals(after)
    kills = Counter[str]()
    with Victims() as victims:
        operations = victims.run(_order(shutil.copytree(start, tmp_path / "counted"))).operations
        for kill_at in range(1, operations + 1):
            store = shutil.copytree(start, tmp_path / f"store{kill_at}")
            end = victims.run(_order(store, kill_at=kill_at, is_torn=kill_at % 2 == 0))
            assert end.is_killed
            kills[judged(store, before, after)] += 1
            retry(store)
            assert state_of(store).equals(after)
            assert bytes_of(store) == bytes_of(whole)
            retry(store)
            assert part_files(store) == {part.path for part in EventStore(store).manifest.parts}
            shutil.rmtree(store)
    assert kills["damaged"] == 0
    assert kills["old"] > 10
    assert kills["new"] > 0


def test_a_retry_that_writes_in_place_does_damage(tmp_path: Path) -> None:
    """The control."""
    start = tmp_path / "start"
    for number in range(3):
        ingest(start, write_files(tmp_path / "exports", number))
    before = state_of(start)
    found = set()
    with Victims() as victims:
        whole = shutil.copytree(start, tmp_path / "whole")
        operations = victims.run(replace(_order(whole), unguarded=True)).operations
        after = state_of(whole)
        for kill_at in range(operations - 4, operations + 1):
            store = shutil.copytree(start, tmp_path / f"store{kill_at}")
            doomed = replace(_order(store, kill_at=kill_at, is_torn=True), unguarded=True)
            assert victims.run(doomed).is_killed
            found.add(judged(store, before, after))
    assert "damaged" in found


def _order(store: Path, *, kill_at: int = 0, is_torn: bool = False) -> Order:
    return Order("retry", str(store), str(store), kill_at=kill_at, is_torn=is_torn)
