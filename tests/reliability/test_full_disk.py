"""The disk is full or broken at every operation in turn, and in earnest."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from unittest import mock

import pytest

from habitue import files
from habitue.checksums import building_sealed_folder, check_folder
from habitue.errors import Failed
from habitue.events import compaction
from habitue.events import ingest as ingest_module
from habitue.events.manifest import part_files
from habitue.events.spill import Spill
from habitue.events.store import EventStore
from habitue.workspace import Workspace
from tests.reliability.disks import fill, mounted
from tests.reliability.faults import Break, BreakAt, Record, tampering
from tests.reliability.shop_files import State, bytes_of, ingest, judged, state_of, write_files
from tests.reliability.verbs import in_place

FULL, BROKEN = OSError(errno.ENOSPC, "full"), OSError(errno.EIO, "broken")


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> list[list[Path]]:
    folder = tmp_path_factory.mktemp("exports")
    return [write_files(folder, number) for number in range(3)]


@pytest.fixture
def before(exports: list[list[Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store whose next ingest lays parts together too."""
    monkeypatch.setattr(compaction, "MOST_PARTS", 2)
    for given in exports[:2]:
        ingest(tmp_path / "before", given)
    return tmp_path / "before"


def left_over(store: Path) -> set[str]:
    manifest = EventStore(store).manifest
    kept = {part.path for part in manifest.parts} | set(manifest.retired)
    return (part_files(store) - kept) | {path.name for path in store.rglob("*.tmp")}


def operations_of(store: Path, given: list[Path]) -> list[str]:
    """Return what kinds of operations an ingest into a copy of the store takes."""
    recorded = Record()
    shutil.copytree(store, store.with_name("recorded"))
    with tampering(store.with_name("recorded"), recorded):
        ingest(store.with_name("recorded"), given)
    return [operation.kind for operation in recorded.operations]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "lasts", "kinds", "step"),
    [(FULL, True, {"create", "write", "sync"}, 2), (BROKEN, False, {"write", "sync", "rename"}, 3)],
)
def test_an_ingest_that_cannot_write_says_so_and_changes_nothing(
    before: Path,
    exports: list[list[Path]],
    tmp_path: Path,
    error: OSError,
    lasts: bool,
    kinds: set[str],
    step: int,
) -> None:
    old = state_of(before)
    operations = operations_of(before, exports[2])
    new, whole = state_of(tmp_path / "recorded"), bytes_of(tmp_path / "recorded")
    places = [at for at, kind in enumerate(operations, start=1) if kind in kinds]
    # The last ones are of the manifest.
    for at in (*places[:-4:step], *places[-4:]):
        store = tmp_path / f"store{at}"
        shutil.copytree(before, store)
        tamper = BreakAt(at, Break(error, is_torn=True), lasts)
        expected = rf"failed: {os.strerror(error.errno or 0)}\. Free space or mend the disk"
        with tampering(store, tamper), pytest.raises(Failed, match=expected) as told:
            ingest(store, exports[2])
        assert told.value.code == "write_failed"
        # Only where the very last step failed, the new state is there already.
        assert judged(store, old, new) == ("new" if at == places[-1] else "old")
        assert left_over(store) == set()
        # Space returns.
        ingest(store, exports[2])
        assert bytes_of(store) == whole
        assert left_over(store) == set()
        shutil.rmtree(store)


def test_without_writing_beside_a_full_disk_does_damage(
    before: Path, exports: list[list[Path]], tmp_path: Path
) -> None:
    """The control: a manifest written in place is found torn."""
    with mock.patch.object(files, "replacing", in_place):
        operations = operations_of(before, exports[2])
        last_write = len(operations) - operations[::-1].index("write")
        shutil.copytree(before, tmp_path / "store")
        tamper = BreakAt(last_write, Break(FULL, is_torn=True), lasts=True)
        with tampering(tmp_path / "store", tamper), pytest.raises(Failed, match="is damaged"):
            ingest(tmp_path / "store", exports[2])
    old, new = state_of(before), state_of(tmp_path / "recorded")
    assert judged(tmp_path / "store", old, new) == "damaged"


def test_a_folder_that_cannot_be_finished_does_not_appear(tmp_path: Path) -> None:
    def build(folder: Path) -> None:
        with building_sealed_folder(folder) as building:
            (building / "part").mkdir()
            (building / "part" / "file").write_bytes(b"x" * 100)

    counted = BreakAt(0, Break())
    with tampering(tmp_path, counted):
        build(tmp_path / "whole")
    for at in range(1, counted.seen + 1):
        target = tmp_path / f"{at}" / "folder"
        tamper = BreakAt(at, Break(FULL, is_torn=True), lasts=True)
        with tampering(target.parent, tamper), suppress(Failed):
            build(target)
        if target.exists():
            check_folder(target)
        if target.parent.exists():
            assert [path for path in target.parent.iterdir() if path != target] == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", 2) as disk:
        yield disk


def test_a_disk_that_is_full_in_earnest_is_told_and_reading_goes_on(
    small_disk: Path, exports: list[list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = small_disk / "shop" / "store"
    ingest(store, exports[0])
    old = state_of(store)
    ballast = fill(small_disk)
    with pytest.raises(Failed, match=r"Writing to .* failed: No space left on device\.") as told:
        ingest(store, exports[1])
    assert told.value.code == "write_failed"
    assert state_of(store).equals(old)
    assert Workspace(small_disk / "shop").log.end_at > 0
    with pytest.raises(Failed, match="No space left on device"):
        Workspace(small_disk / "shop").backup(out=small_disk / "copy.tar.zst")
    (check,) = (one for one in Workspace(small_disk / "shop").doctor().checks if one.name == "disk")
    assert check.status == "FAIL"
    # What spills over is written by Polars itself.
    monkeypatch.setattr(ingest_module, "Spill", lambda folder: Spill(folder, memory_bytes=1))
    with pytest.raises(Failed, match="No space left on device"):
        ingest(store, exports[1])
    assert left_over(store) == set()
    ballast.unlink()
    assert ingest(store, exports[1]).accepted > 0
    assert not list(small_disk.rglob("*.tmp"))


def test_a_state_is_a_state() -> None:
    """The comparison that all of this stands on tells states apart."""
    import polars as pl

    one, other = pl.DataFrame({"n": [1]}), pl.DataFrame({"n": [2]})
    num = len(fields(State))
    assert State(*[one] * num).equals(State(*[one] * num))
    for place in range(num):
        tables = [one] * num
        tables[place] = other
        assert not State(*[one] * num).equals(State(*tables))
