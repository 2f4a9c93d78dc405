"""Whatever a power cut leaves of what was written last, a reader finds the old or the new."""

import gc
import random
import shutil
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import pytest
import torch

from habitue.checksums import check_folder
from habitue.errors import HabitueError
from habitue.events import compaction
from habitue.model.resume import Checkpoint, TrainingState
from habitue.versions import PARTS, Versions, write_card
from tests.reliability import shop_files
from tests.reliability.counts import CUTS, VERB_CUTS, Count
from tests.reliability.faults import Operation, Record, tampering
from tests.reliability.power import Disk, lay_out
from tests.reliability.shop_files import ingest, write_files
from tests.reliability.verbs import TRAIN, VERBS, judged, make_place, state_of
from tests.test_versions import card_of


@dataclass(frozen=True)
class Recorded:
    """What some work did to the files of a folder."""

    folder: Path
    before: Disk
    operations: list[Operation]

    @classmethod
    def of(cls, folder: Path, work: Callable[[], object]) -> Self:
        before, record = Disk(folder), Record()
        with tampering(folder, record):
            work()
        return cls(folder, before, record.operations)

    def without_flushing(self) -> Self:
        kept = [operation for operation in self.operations if operation.kind != "sync"]
        return replace(self, operations=kept)

    def verdicts(self, num: int, is_whole: Callable[[Path, bool], bool]) -> Iterator[bool]:
        """Yield whether the disk is whole after one power cut and another.

        `is_whole` is given a folder and whether the work was done by then.
        """
        rng = random.Random(0)
        disks: dict[int, Disk] = {}
        known: dict[object, bool] = {}
        for number in range(num):
            # One cut in ten comes after everything: what was acknowledged must be there.
            everything = len(self.operations)
            count = everything if number % 10 == 0 else rng.randint(0, everything)
            if count not in disks:
                disks[count] = deepcopy(self.before)
                disks[count].apply(self.operations[:count])
            state = disks[count].after_a_power_cut(rng)
            key = (count == everything, tuple(sorted(state.items())))
            if key not in known:
                place = self.folder.with_name(f"cut{number}")
                lay_out(state, place)
                try:
                    known[key] = is_whole(place, count == everything)
                except HabitueError:
                    known[key] = False
                shutil.rmtree(place)
            yield known[key]
        assert len(known) > 5


def assert_survives(
    recorded: Recorded, is_whole: Callable[[Path, bool], bool], cuts: Count = CUTS
) -> None:
    """Whatever is lost, the disk is whole; and it would not be if nothing were flushed."""
    assert all(recorded.verdicts(cuts.now, is_whole))
    assert not all(recorded.without_flushing().verdicts(cuts.now, is_whole))


@pytest.mark.slow
def test_during_an_ingest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "MOST_PARTS", 2)
    store = tmp_path / "store"
    exports = [write_files(tmp_path / "in", number) for number in range(4)]
    for given in exports[:3]:
        ingest(store, given)
    gc.collect()  # a store that Python has not forgotten would keep replaced parts
    old = shop_files.state_of(store)
    recorded = Recorded.of(store, lambda: ingest(store, exports[3]))
    new = shop_files.state_of(store)

    def is_whole(place: Path, is_done: bool) -> bool:
        found = shop_files.state_of(place)
        return found.equals(new) or (not is_done and found.equals(old))

    assert_survives(recorded, is_whole)


def test_during_the_first_ingest(tmp_path: Path) -> None:
    # The shop's folder is new as well.
    disk, given = tmp_path / "disk", write_files(tmp_path / "in", 0)
    disk.mkdir()
    recorded = Recorded.of(disk, lambda: ingest(disk / "shop" / "store", given))
    new = shop_files.state_of(disk / "shop" / "store")

    def is_whole(place: Path, is_done: bool) -> bool:
        found = shop_files.state_of(place / "shop" / "store")
        return found.equals(new) or (not is_done and found.events.is_empty())

    assert_survives(recorded, is_whole)


def test_while_a_training_keeps_its_state(tmp_path: Path) -> None:
    folder = tmp_path / "training"

    def keep(step: int) -> None:
        tensors = {"t": torch.full((50,), float(step))}
        Checkpoint(folder, "key").save(TrainingState({"step": step}, tensors))

    def is_whole(place: Path, is_done: bool) -> bool:
        state = Checkpoint(place, "key").load()
        if state is None:
            return False
        step = state.numbers["step"]
        is_right = bool(state.tensors["t"].eq(step).all())
        return is_right and step in ((2,) if is_done else (1, 2))

    keep(1)
    recorded = Recorded.of(folder, lambda: keep(2))
    assert_survives(recorded, is_whole)


def test_while_a_version_appears_and_is_published(tmp_path: Path) -> None:
    models = tmp_path / "models"

    def publish() -> None:
        versions = Versions(models)
        with versions.building() as (name, folder):
            for part in PARTS:
                (folder / part).mkdir()
                (folder / part / "file").write_bytes(f"{part} of {name}".encode() * 20)
            write_card(folder, card_of(name, "2025-01-01"))
        versions.publish(name)

    def is_whole(place: Path, is_done: bool) -> bool:
        versions = Versions(place)
        answering = versions.answering()
        for name in versions.names():
            check_folder(versions.path(name))
        return answering == "0002" or (not is_done and answering == "0001")

    publish()
    recorded = Recorded.of(models, publish)
    assert_survives(recorded, is_whole)


@pytest.mark.slow
@pytest.mark.parametrize("verb", [*VERBS, *TRAIN])
def test_during_a_verb(tmp_path: Path, verb: str) -> None:
    place = make_place(tmp_path / "place")
    old = state_of(place)
    gc.collect()
    recorded = Recorded.of(place, lambda: (VERBS | TRAIN)[verb](place))
    new = state_of(place)
    assert new != old

    def is_whole(place: Path, is_done: bool) -> bool:
        return judged(place, old, new) in (("new",) if is_done else ("old", "new"))

    assert_survives(recorded, is_whole, VERB_CUTS)
