"""The command line as a user calls it: in this process, or as one of its own that is measured."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from habitue.cli import main

SECONDS = 60
# The most a process ever held, told by itself: what its parent held counts in wait4 too.
_MEASURED = """
import atexit, re, sys
from habitue.cli import main
def tell():
    status = open("/proc/self/status").read()
    print("PEAK_KB", re.search(r"VmHWM:\\s+(\\d+)", status)[1], file=sys.stderr)
atexit.register(tell)
sys.argv = ["habitue", *sys.argv[1:]]
main()
"""


@dataclass(frozen=True)
class Run:
    """How a call of the command line ended."""

    code: int
    out: str
    err: str
    peak_mb: float = 0.0


def run_here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str | Path
) -> Run:
    """Run the command line in this process."""
    monkeypatch.setattr(sys, "argv", ["habitue", *map(str, words)])
    with _no_hang(), pytest.raises(SystemExit) as ended:
        main()
    told = capsys.readouterr()
    code = ended.value.code
    assert isinstance(code, int)
    return Run(code, told.out, told.err)


def run_measured(*words: str | Path) -> Run:
    """Run the command line as a process of its own, and say how much memory it took."""
    command = [sys.executable, "-c", _MEASURED, *map(str, words)]
    # The arenas of many threads would count as memory in use.
    environment = {**os.environ, "POLARS_MAX_THREADS": "2", "MALLOC_ARENA_MAX": "2"}
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS, env=environment, check=False
    )
    lines = ended.stderr.splitlines()
    told = [line for line in lines if line.startswith("PEAK_KB ")]
    err = "\n".join(line for line in lines if line not in told)
    return Run(ended.returncode, ended.stdout, err, int(told[-1].split()[1]) / 1024)


@contextmanager
def _no_hang() -> Iterator[None]:
    def give_up(*_: object) -> None:
        raise AssertionError(f"no answer within {SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
