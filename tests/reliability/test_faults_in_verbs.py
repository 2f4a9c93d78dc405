"""Every verb that writes meets a full or broken disk, at operations in turn and in earnest."""

import errno
import gc
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from habitue.errors import Failed
from tests.reliability.counts import FILLED_DISKS, TRAIN_FAULTS, VERB_FAULTS
from tests.reliability.disks import PAGE, fill, mounted
from tests.reliability.faults import TAKES_SPACE, Break, BreakAt, Record, tampering
from tests.reliability.verbs import (
    TRAIN,
    VERBS,
    State,
    judged,
    left_over,
    make_place,
    state_of,
    unguarded,
)

WRITERS = VERBS | TRAIN
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_place(tmp_path_factory.mktemp("template") / "place")


def copied(template: Path, place: Path) -> Path:
    shutil.copytree(template, place)
    return place


class Trial:
    """A verb, and what it does when nothing goes wrong."""

    def __init__(self, template: Path, verb: str, folder: Path, *, is_guarded: bool = True) -> None:
        self.template, self.verb, self.folder = template, verb, folder
        self.is_guarded = is_guarded
        place, recorded = copied(template, folder / "whole"), Record()
        with tampering(place, recorded):
            self.do(place)
        self.operations = recorded.operations
        self.old: State = state_of(template)
        self.new: State = state_of(place)

    def do(self, place: Path) -> None:
        with nullcontext() if self.is_guarded else unguarded():
            WRITERS[self.verb](place)

    def positions(self, kinds: frozenset[str], num: int) -> list[int]:
        """Return some operations of these kinds, and always the last ones."""
        found = [at for at, one in enumerate(self.operations, start=1) if one.kind in kinds]
        last = found[-4:]
        chosen = random.Random(self.verb).sample(found[:-4], min(num, len(found) - len(last)))
        return [*chosen, *last]

    def fail(self, at: int, error: OSError, *, lasts: bool) -> tuple[Path, str]:
        """Meet the error at an operation; return where, and what became of the place."""
        place = copied(self.template, self.folder / f"{at}" / "place")
        tamper = BreakAt(at, Break(error, is_torn=True), lasts)
        told: Exception | None = None
        with tampering(place, tamper):
            try:
                self.do(place)
            except (Failed, OSError) as failure:
                told = failure
        if told is not None:
            if self.is_guarded:
                assert isinstance(told, Failed)
                assert told.code == "write_failed"
                assert os.strerror(error.errno or 0) in str(told)
            return place, judged(place, self.old, self.new)
        # Not all that is written is needed: what is merely kept to be quicker may be lost.
        assert judged(place, self.old, self.new) == "new"
        return place, "new"


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("number", "lasts", "kinds"),
    [
        (errno.ENOSPC, True, TAKES_SPACE),
        (errno.EIO, False, frozenset({"write", "sync", "rename"})),
    ],
    ids=["full", "broken"],
)
def test_a_verb_that_cannot_write_says_so_changes_nothing_and_goes_through_later(
    template: Path, tmp_path: Path, verb: str, number: int, lasts: bool, kinds: frozenset[str]
) -> None:
    trial = Trial(template, verb, tmp_path)
    found = set()
    for at in trial.positions(kinds, VERB_FAULTS.now):
        place, judgement = trial.fail(at, OSError(number, os.strerror(number)), lasts=lasts)
        assert left_over(place) == []
        found.add(judgement)
        if judgement == "old":
            trial.do(place)
            assert judged(place, trial.old, trial.new) == "new"
        shutil.rmtree(place)
    assert "old" in found
    assert "damaged" not in found


def test_a_training_that_cannot_write_says_so_changes_nothing_and_goes_through_later(
    template: Path, tmp_path: Path
) -> None:
    trial = Trial(template, "train", tmp_path)
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    rng = random.Random(0)
    for at in rng.sample(trial.positions(TAKES_SPACE, 1000), TRAIN_FAULTS.now):
        place, judgement = trial.fail(at, full, lasts=True)
        assert left_over(place) == []
        assert judgement in ("old", "new")
    trial.do(place)
    assert judged(place, trial.old, trial.new) == "new"


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in ("predict", "restore")])
def test_a_verb_that_writes_in_place_is_torn_by_a_full_disk(
    template: Path, tmp_path: Path, verb: str
) -> None:
    """The control."""
    trial = Trial(template, verb, tmp_path, is_guarded=False)
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    last = trial.positions(frozenset({"write"}), 0)
    assert "damaged" in {trial.fail(at, full, lasts=True)[1] for at in last}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", 24) as disk:
        yield disk


@pytest.mark.parametrize("verb", VERBS)
def test_on_a_disk_that_is_full_in_earnest_a_verb_fails_whole_or_goes_through(
    template: Path, small_disk: Path, tmp_path: Path, verb: str
) -> None:
    trial = Trial(template, verb, tmp_path)
    num = FILLED_DISKS.now
    found = set()
    for free in [0, *(PAGE << round(10 * n / (num - 1)) for n in range(num))]:
        place = copied(template, small_disk / "place")
        ballast = fill(small_disk, but=free)
        try:
            trial.do(place)
        except Failed as told:
            assert told.code == "write_failed", free  # noqa: PT017
        ballast.unlink()
        found.add(judged(place, trial.old, trial.new))
        assert left_over(place) == []
        gc.collect()
        shutil.rmtree(place)
    assert found == {"old", "new"}


def test_the_command_line_tells_of_a_full_disk_with_exit_code_1(
    template: Path, small_disk: Path
) -> None:
    place = copied(template, small_disk / "place")
    fill(small_disk)
    done = subprocess.run(
        [sys.executable, "-m", "habitue", "refresh", "-w", str(place / "shop"), "--json"],
        capture_output=True,
        text=True,
    )
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["code"]) == (1, "write_failed")
    assert "No space left on device" in error["message"]
