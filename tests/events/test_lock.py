import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from habitue.errors import Refused
from habitue.events.lock import LOCK_FILE, ReaderLock, writer_lock, writer_of

HOLD = """
import sys, time, pathlib
from habitue.events.lock import writer_lock
with writer_lock(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_writer_is_refused_with_the_holders_process(tmp_path: Path) -> None:
    expected = pytest.raises(Refused, match=f"written by process {os.getpid()}")
    with writer_lock(tmp_path), expected, writer_lock(tmp_path):
        pass
    with writer_lock(tmp_path):
        pass


def test_a_file_where_the_store_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shop").write_text("a file")
    for folder in (tmp_path / "shop", tmp_path / "shop" / "store"):
        expected = pytest.raises(Refused, match="shop is a file, which is in the way")
        with expected as told, writer_lock(folder):
            pass
        assert told.value.code == "not_a_folder"


def test_the_lock_ends_with_its_process_however_that_ends(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    with holder, holder.stdout as lines:
        assert lines.readline() == "held\n"
        expected = pytest.raises(Refused, match=f"written by process {holder.pid}")
        with expected, writer_lock(tmp_path):
            pass
        assert told_of(tmp_path) == (holder.pid, platform.node(), True)
        holder.kill()
    assert told_of(tmp_path) == (holder.pid, platform.node(), False)
    with writer_lock(tmp_path):
        assert told_of(tmp_path) == (os.getpid(), platform.node(), True)
    assert writer_of(tmp_path) is None


def told_of(folder: Path) -> tuple[int, str, bool]:
    writer = writer_of(folder)
    assert writer is not None
    return writer.process, writer.host, writer.is_alive


def test_the_holder_is_named_with_its_computer_and_since_when(tmp_path: Path) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:")
    expected = rf"by process {os.getpid()} on {re.escape(platform.node())} since {now}\d\d:\d\dZ\."
    with writer_lock(tmp_path), pytest.raises(Refused, match=expected), writer_lock(tmp_path):
        pass


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("4711\n", "process 4711"),  # of an earlier release
        ("4711\nshop-1\n2026-11-24T10:15:00Z\n",
         "process 4711 on shop-1 since 2026-11-24T10:15:00Z"),
        ("", "a process that has just begun"),
        ("\0\0", "a process that has just begun"),
    ],
)  # fmt: skip
def test_whatever_a_lock_says_its_holder_is_told(tmp_path: Path, content: str, told: str) -> None:
    with writer_lock(tmp_path):
        (tmp_path / LOCK_FILE).write_text(content)
        expected = pytest.raises(Refused, match=rf"is being written by {told}\.")
        with expected, writer_lock(tmp_path):
            pass


def test_a_writer_on_another_computer_counts_as_alive(tmp_path: Path) -> None:
    """Whether its process still runs cannot be seen from here; the lock itself tells writers."""
    (tmp_path / LOCK_FILE).write_text("999999999\nanother-computer\n2026-11-24T10:15:00Z\n")
    writer = writer_of(tmp_path)
    assert writer is not None
    assert writer.is_alive
    with writer_lock(tmp_path):
        pass


def test_a_reader_is_alone_while_nobody_else_reads(tmp_path: Path) -> None:
    mine, other = ReaderLock(tmp_path), ReaderLock(tmp_path)
    mine.hold()
    assert mine.is_alone()
    other.hold()
    assert not mine.is_alone()
    assert not other.is_alone()
    del other
    assert mine.is_alone()


def test_a_folder_that_is_not_there_is_read_without_a_lock(tmp_path: Path) -> None:
    lock = ReaderLock(tmp_path / "none")
    lock.hold()
    assert not lock.is_alone()
    assert not (tmp_path / "none").exists()
