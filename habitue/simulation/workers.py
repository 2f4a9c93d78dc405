"""Several processes that share the pieces of a simulation.

The caller's own process works too; the others are new ones, told by lines what to do, rather than
copies of it: the caller's script needs no `if __name__ == "__main__"`, and nothing of its threads
is inherited. Which process makes what makes no difference to the result. Knows nothing about the
work itself.
"""

import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Final

import habitue
from habitue.compute import Progress
from habitue.errors import Failed
from habitue.simulation.plan import Plan
from habitue.simulation.worker import DONE, Worker

WORKER: Final = "habitue.simulation.worker"


class Workers:
    """Does pieces of work, here and in as many other processes as there are."""

    def __init__(self, plan: Plan, folder: Path, others: Sequence["subprocess.Popen[str]"]) -> None:
        self._here = Worker(plan, folder)
        self._others = others

    def do(self, pieces: Sequence[tuple[str, int]], units: int, progress: Progress) -> None:
        """Do pieces of work, in any order, and tell of `units` in all.

        Raises:
            Failed: `worker_stopped`, a process could not do a piece.
        """
        waiting, done, lock = deque(pieces), count(), Lock()

        def work_off(hand: Callable[[str, int], None]) -> None:
            try:
                while piece := _next_of(waiting):
                    hand(*piece)
                    with lock:
                        progress.advance(_part(units, next(done), len(pieces)))
            except BaseException:
                waiting.clear()
                raise

        with ThreadPoolExecutor(max(1, len(self._others))) as pool:
            others = [pool.submit(work_off, partial(send, other)) for other in self._others]
            work_off(self._here.do)
            for other in others:
                other.result()


def _next_of(waiting: deque[tuple[str, int]]) -> tuple[str, int] | None:
    try:
        return waiting.popleft()
    except IndexError:
        return None


def send(process: "subprocess.Popen[str]", work: str, number: int) -> None:
    """Let another process do a piece of work, and wait until it is done.

    Raises:
        Failed: `worker_stopped`, it could not.
    """
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(f"{work} {number}\n")
        process.stdin.flush()
        answer = process.stdout.readline().strip()
    except BrokenPipeError:
        answer = ""
    if answer != DONE:
        why = answer or "something ended the process, a lack of memory perhaps"
        raise Failed(
            f"The simulation stopped ({work} {number}): {why}.",
            fix="Free memory or disk and try again; --processes 1 needs the least memory.",
            code="worker_stopped",
        )


@contextmanager
def workers(plan: Plan, folder: Path, num_processes: int) -> Iterator[Workers]:
    """Yield workers on a plan that builds in `folder`; this process is one of them."""
    others: list[subprocess.Popen[str]] = []
    try:
        others += [_start(folder, num_processes) for _ in range(num_processes - 1)]
        yield Workers(plan, folder, others)
    finally:
        for process in others:
            process.kill()
            process.communicate()


def _start(folder: Path, num_processes: int) -> "subprocess.Popen[str]":
    threads = str(max(1, (os.cpu_count() or 1) // num_processes))
    package = str(Path(habitue.__file__).parent.parent)
    paths = os.pathsep.join([package, os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return subprocess.Popen(
        # -P: files in the folder where the caller works must not stand in for Python's own.
        [sys.executable, "-P", "-m", WORKER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths, "POLARS_MAX_THREADS": threads},
    )


def _part(units: int, number: int, pieces: int) -> int:
    return units * (number + 1) // pieces - units * number // pieces
