import os
import subprocess
import sys
from pathlib import Path

import pytest

from habitue.errors import Refused
from habitue.events.lock import LOCK_FILE, ReaderLock, Writer, writer_lock, writer_of

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
        assert writer_of(tmp_path) == Writer(holder.pid, is_alive=True)
        holder.kill()
    assert writer_of(tmp_path) == Writer(holder.pid, is_alive=False)
    with writer_lock(tmp_path):
        assert (tmp_path / LOCK_FILE).read_text() == f"{os.getpid()}\n"
    assert writer_of(tmp_path) is None


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
