import os
import subprocess
import sys
from pathlib import Path

import pytest

from habitue.errors import Refused
from habitue.events.lock import LOCK_FILE, writer_lock

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
        holder.kill()
    with writer_lock(tmp_path):
        assert (tmp_path / LOCK_FILE).read_text() == f"{os.getpid()}\n"
