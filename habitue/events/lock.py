"""One writer at a time, and readers whose files are not taken away.

Locks are held on open files by the operating system, so that they end with the process however
that ends. What a writer's lock says of its holder is for messages only: it stays when the process
was killed, and so tells of it. Knows nothing about what is written or read.

    4711                    the process
    shop-server-1           its computer
    2026-11-24T10:15:00Z    since when it writes
"""

import fcntl
import os
import platform
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from habitue.errors import Refused
from habitue.files import is_alive, make_folder, telling_write_errors
from habitue.schema import format_time

LOCK_FILE = "writer.lock"
READERS_FILE = "readers.lock"
_LONGEST = 1024  # bytes of what a lock says


@contextmanager
def writer_lock(folder: Path) -> Iterator[None]:
    """Hold the folder's lock while the block runs.

    Raises:
        Refused: `store_locked`, naming who holds it and since when; or the folder cannot be
            written.
    """
    with telling_write_errors(folder):
        make_folder(folder)
        descriptor = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        with telling_write_errors(folder):
            _take(descriptor, folder)
        try:
            yield
        finally:
            with suppress(OSError):
                os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _take(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = _told_in(os.pread(descriptor, _LONGEST, 0))
        raise Refused(
            f"{folder} is being written by {holder or 'a process that has just begun'}.",
            fix="Wait until that process has ended, then try again.",
            code="store_locked",
        ) from None
    os.ftruncate(descriptor, 0)
    since = format_time(time.time_ns() // 1000)
    os.pwrite(descriptor, f"{os.getpid()}\n{platform.node()}\n{since}\n".encode(), 0)


@dataclass(frozen=True)
class Writer:
    """A process that took the lock and has not given it back."""

    process: int
    host: str  # empty, like `since`, where an earlier release of Habitue holds the lock
    since: str

    def __str__(self) -> str:
        where = f" on {self.host}" if self.host else ""
        return f"process {self.process}{where}{f' since {self.since}' if self.since else ''}"

    @property
    def is_alive(self) -> bool:
        """Whether it still runs, or was killed at work; of another computer, that it may."""
        return self.host not in ("", platform.node()) or is_alive(self.process)


def writer_of(folder: Path) -> Writer | None:
    """Return who writes in the folder, or was killed while writing; None: nobody."""
    try:
        return _told_in((folder / LOCK_FILE).read_bytes())
    except OSError:
        return None


def _told_in(content: bytes) -> Writer | None:
    process, host, since, *_ = [*content.decode(errors="replace").split("\n"), "", ""]
    return Writer(int(process), host, since) if process.isdecimal() else None


class ReaderLock:
    """Held for as long as somebody may open files of the folder that were replaced meanwhile."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / READERS_FILE
        self._descriptor: int | None = None

    def hold(self) -> None:
        """Hold the lock from now on; where nothing can be locked, nothing is."""
        if self._descriptor is None:
            self._descriptor = self._open()
            if self._descriptor is None:
                return
            # With the object goes the lock.
            weakref.finalize(self, os.close, self._descriptor)
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def is_alone(self) -> bool:
        """Whether nobody else reads; only the writer may ask, for the lock is let go meanwhile."""
        if self._descriptor is None:
            return False
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_SH)
        return True

    def _open(self) -> int | None:
        # A folder that cannot be written, or that is not there, can be read all the same.
        with suppress(OSError):
            return os.open(self._path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        with suppress(OSError):
            return os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        return None
