"""Two processes write into one workspace: the second refuses and names the first."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

import pytest

from habitue.errors import Failed, Refused
from habitue.events import compaction
from habitue.events import ingest as ingest_module
from habitue.events.lock import LOCK_FILE, writer_lock, writer_of
from habitue.events.manifest import Part
from habitue.workspace import Workspace
from tests.reliability.shop_files import ingest, state_of, write_files
from tests.reliability.victims import Order, Victims
from tests.workspaces import make_workspace

VERBS: dict[str, Callable[[Workspace], object]] = {
    "store": lambda shop: ingest(shop.folder / "store", []),
    "models": lambda shop: shop.train(),
    "profiles": lambda shop: shop.refresh(),
}
INGEST = """
import pathlib, sys
from habitue.errors import Refused
from tests.reliability.shop_files import ingest
store, *files = map(pathlib.Path, sys.argv[1:])
try:
    ingest(store, files)
    print("done")
except Refused as error:
    print(error.message)
"""


@pytest.mark.parametrize("part", VERBS)
def test_the_second_refuses_and_names_the_first(tmp_path: Path, part: str) -> None:
    shop = Workspace(make_workspace(tmp_path / "shop"))
    expected = rf"shop/{part} is being written by process {os.getpid()} on \S+ since 20\d\d-"
    with writer_lock(shop.folder / part), pytest.raises(Refused, match=expected) as told:
        VERBS[part](shop)
    assert told.value.code == "store_locked"


@pytest.mark.slow
def test_of_two_ingests_at_once_each_is_done_or_refused(tmp_path: Path) -> None:
    store = tmp_path / "store"
    # Events only: of two catalogues without dates the one read last is right.
    exports = [write_files(tmp_path / "in", number)[1:] for number in range(2)]
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", INGEST, str(store), *map(str, given)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for given in exports
    ]
    told = [writer.communicate()[0].strip() for writer in writers]
    processes = "|".join(str(writer.pid) for writer in writers)
    assert "done" in told
    for given, message in zip(exports, told, strict=True):
        is_done = message == "done"
        assert is_done or re.search(rf"written by (process ({processes}) on|a process)", message)
        assert (ingest(store, given).accepted == 0) == is_done


def test_without_the_lock_one_of_two_ingests_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: an ingest begins and ends within another."""
    store = tmp_path / "store"
    first, second, third = (write_files(tmp_path / "in", number) for number in range(3))
    ingest(store, first)
    monkeypatch.setattr("habitue.events.store.writer_lock", lambda _: nullcontext())
    done: list[bool] = []

    def compact_after_another(
        folder: Path, parts: Sequence[Part], number: int, *, order: dict[str, Sequence[str]]
    ) -> tuple[Part, ...]:
        if not done:
            done.append(True)
            ingest(store, third)
        return compaction.compact(folder, parts, number, order=order)

    monkeypatch.setattr(ingest_module, "compact", compact_after_another)
    with pytest.raises(Failed, match=r"is missing|is damaged"):
        ingest(store, second)
        state_of(store)


@pytest.mark.slow
def test_the_lock_of_a_killed_writer_is_taken_over(tmp_path: Path) -> None:
    store = tmp_path / "store"
    given = write_files(tmp_path / "in", 0)
    argument = json.dumps([str(store), *map(str, given)])
    with Victims() as victims:
        assert victims.run(Order("ingest", str(store), argument, kill_at=30)).is_killed
    assert writer_of(store) is not None
    assert ingest(store, given).accepted > 0
    assert (store / LOCK_FILE).read_text() == ""
