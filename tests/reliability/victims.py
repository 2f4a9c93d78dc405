"""Processes that work until they are killed.

`Victims` starts one process that has imported everything and done nothing; each piece of work runs
in a fork of it, so that a kill costs no start. A fork tells the moment its work is done: what it
told is acknowledged and must never be lost.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from habitue.errors import HabitueError
from tests.reliability.faults import Break, BreakAt, tampering
from tests.reliability.verbs import unguarded
from tests.reliability.works import WORKS


@dataclass(frozen=True)
class Order:
    """What a victim does, and when it is killed: at an operation, after a while, or never."""

    work: str  # of `WORKS`
    folder: str  # in which operations count
    argument: str = ""
    kill_at: int = 0
    is_torn: bool = False
    kill_after: float = 0.0  # seconds; 0: never
    error: int = 0  # of the system, met at operation `kill_at` in place of being killed
    lasts: bool = False  # whether all that takes space meets the error from then on
    unguarded: bool = False  # without what makes it safe, as a control


@dataclass(frozen=True)
class End:
    """What became of a victim."""

    is_killed: bool
    done: bool  # whether it told that the work is done, killed or not
    operations: int = 0
    seconds: float = 0.0
    error: str = ""
    code: str = ""  # of an error that Habitue raised on purpose


class Victims:
    """As a context manager: a process that forks victims."""

    def __enter__(self) -> Self:
        environment = os.environ | {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.reliability.victims"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parent.parent.parent,
            env=environment,
        )
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:
            self._process.kill()

    def run(self, order: Order) -> End:
        """Let a victim do its work and return what became of it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(asdict(order)), file=self._process.stdin, flush=True)
        return End(**json.loads(self._process.stdout.readline()))


def serve() -> None:
    """Fork a victim for each order on stdin."""
    for line in sys.stdin:
        order = Order(**json.loads(line))
        receiver, sender = os.pipe()
        victim = os.fork()
        if victim == 0:
            os.close(receiver)
            _suffer(order, sender)
        os.close(sender)
        if order.kill_after:
            select.select([receiver], [], [], order.kill_after)
            os.kill(victim, signal.SIGKILL)
        print(json.dumps(asdict(_end(victim, receiver))), flush=True)


def _end(victim: int, receiver: int) -> End:
    told = b""
    while select.select([receiver], [], [], 60)[0] and (piece := os.read(receiver, 65536)):
        told += piece
    os.close(receiver)
    status = os.waitpid(victim, 0)[1]
    if not told:
        return End(is_killed=os.WIFSIGNALED(status), done=False)
    return End(is_killed=os.WIFSIGNALED(status), **json.loads(told))


def _suffer(order: Order, sender: int) -> None:
    """Do the work and tell; never returns."""
    error = OSError(order.error, os.strerror(order.error)) if order.error else None
    tamper = BreakAt(order.kill_at, Break(error, is_torn=order.is_torn), order.lasts)
    guard = unguarded() if order.unguarded else nullcontext()
    told: dict[str, object]
    began = time.monotonic()
    try:
        with tampering(Path(order.folder), tamper), guard:
            WORKS[order.work](order.argument)
        seconds = time.monotonic() - began
        told = {"done": True, "operations": tamper.seen, "seconds": seconds}
    except Exception as failure:
        code = failure.code if isinstance(failure, HabitueError) else ""
        text = f"{type(failure).__name__}: {failure}"
        told = {"done": False, "error": text, "code": code, "operations": tamper.seen}
    os.write(sender, json.dumps(told).encode())
    os._exit(0)


if __name__ == "__main__":
    serve()
