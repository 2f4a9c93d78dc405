"""A backup made while others write is of one moment."""

import gc
import json
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

from habitue import backup
from habitue.backup import back_up, restore
from habitue.compute import Silent
from habitue.errors import Failed
from habitue.events import compaction
from habitue.refreshing import current_refresh
from tests.reliability.counts import BACKUPS
from tests.reliability.shop_files import NUM_FILES, ingest, state_of, write_files
from tests.reliability.victims import Order, Victims
from tests.workspaces import make_refresh, make_version, make_workspace


@pytest.mark.slow
def test_backups_made_during_ingests_are_each_what_was_stored_at_a_moment(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    exports = [write_files(tmp_path / "exports", number) for number in range(NUM_FILES)]
    moments = []
    with mock.patch.object(compaction, "MOST_PARTS", 2):
        for given in exports:
            ingest(tmp_path / "whole", given)
            moments.append(state_of(tmp_path / "whole"))
    acknowledged = [-1]

    def write() -> None:
        with Victims() as victims:
            for number, given in enumerate(exports):
                argument = json.dumps([str(shop / "store"), *map(str, given)])
                assert victims.run(Order("ingest", str(shop), argument)).done
                acknowledged.append(number)

    writer = threading.Thread(target=write)
    writer.start()
    seen = set()
    number = 0
    written = False
    while not written or number < BACKUPS.now:
        # The last backups begin after the last ingest has ended.
        written = not writer.is_alive()
        if not (shop / "store" / "manifest.json").exists():
            continue
        before = acknowledged[-1]
        made = back_up(shop, tmp_path / f"{number}.tar.zst", progress=Silent())
        restore(made.path, tmp_path / f"restored{number}", progress=Silent())
        found = state_of(tmp_path / f"restored{number}" / "store")
        # It may be of a moment in which an ingest was done and had not told yet.
        fitting = [n for n, moment in enumerate(moments) if moment.equals(found)]
        if fitting:
            seen.add(fitting[0])
            assert fitting[0] >= before
        else:
            assert before == -1
            assert found.events.is_empty()
        number += 1
    writer.join()
    assert acknowledged[-1] == max(seen) == NUM_FILES - 1


def back_up_while(shop: Path, out: Path, work: Callable[[], object]) -> None:
    """Make a backup; after its first file, `work` is done."""
    add = backup._Member.add_to
    done: list[bool] = []

    def add_after(member: backup._Member, archive: tarfile.TarFile) -> str:
        if not done:
            done.append(True)
            work()
        return add(member, archive)

    with mock.patch.object(backup._Member, "add_to", add_after):
        back_up(shop, out, progress=Silent())


def test_parts_laid_together_and_versions_that_appear_meanwhile_do_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "MOST_PARTS", 1)
    shop = make_workspace(tmp_path / "shop")
    before = state_of(shop / "store")

    def work() -> None:
        ingest(shop / "store", write_files(tmp_path / "more", 3))
        make_refresh(shop / "profiles", make_version(shop / "models"), "f")

    back_up_while(shop, tmp_path / "copy.tar.zst", work)
    restore(tmp_path / "copy.tar.zst", tmp_path / "again", progress=Silent())
    assert state_of(tmp_path / "again" / "store").equals(before)
    assert current_refresh(tmp_path / "again" / "profiles").model_version == "0001"


def test_without_a_readers_lock_parts_are_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    monkeypatch.setattr(compaction, "MOST_PARTS", 1)
    shop = make_workspace(tmp_path / "shop")
    monkeypatch.setattr(backup, "ReaderLock", lambda _: mock.Mock())

    def work() -> None:
        # Stores that this process has read before must not be what keeps the parts.
        gc.collect()
        ingest(shop / "store", write_files(tmp_path / "more", 3))

    with pytest.raises(Failed, match=r"part-\d+\.parquet is missing"):
        back_up_while(shop, tmp_path / "copy.tar.zst", work)
