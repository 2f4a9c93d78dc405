"""A file system that breaks on request: counted, recorded, killed or refused at the n-th operation.

`tampering(folder, tamper)` stands between Python code and every operation that changes files in
`folder`: `tamper` sees the operation before it happens and may say how it breaks. What libraries
write from their own native code passes unseen until it is flushed; kills at random moments and a
truly full disk (`test_full_disk`) cover that.
"""

import builtins
import io
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

TAKES_SPACE = frozenset({"create", "write", "sync", "make"})


@dataclass(frozen=True)
class Operation:
    """One change of a file or folder, about to happen."""

    kind: str  # create, write, sync, rename, remove, make
    path: str
    target: str = ""
    content: bytes = b""  # of a write; of a sync, all that is in the file by then
    names: tuple[str, ...] = ()  # of a sync, the files that are in the folder by then


@dataclass(frozen=True)
class Break:
    """How an operation ends instead of happening; no error: the process is killed."""

    error: OSError | None = None
    is_torn: bool = False  # half of a write happens

    def happen(self) -> None:
        if self.error is not None:
            raise self.error
        os.kill(os.getpid(), signal.SIGKILL)


Tamper = Callable[[Operation], Break | None]


@dataclass
class BreakAt:
    """Breaks the n-th operation (from 1; 0: none), and where `lasts` all that takes space after."""

    at: int
    how: Break
    lasts: bool = False
    seen: int = 0

    def __call__(self, operation: Operation) -> Break | None:
        self.seen += 1
        if self.at and self.seen == self.at:
            return self.how
        if self.at and self.lasts and self.seen > self.at and operation.kind in TAKES_SPACE:
            return Break(self.how.error)
        return None


@dataclass
class Record:
    """Writes down what happens."""

    operations: list[Operation] = field(default_factory=list)

    def __call__(self, operation: Operation) -> None:
        self.operations.append(operation)


@contextmanager
def tampering(folder: Path, tamper: Tamper) -> Iterator[None]:
    """Ask `tamper` before every change of a file in `folder` while the block runs."""
    root = str(folder)

    def ask(operation: Operation) -> None:
        if operation.path.startswith(root):
            verdict = tamper(operation)
            if verdict is not None:
                verdict.happen()

    class TamperedFile(io.FileIO):
        def write(self, content: Any) -> int:  # noqa: ANN401
            whole = bytes(content)
            operation = Operation("write", os.path.abspath(str(self.name)), content=whole)
            verdict = tamper(operation) if operation.path.startswith(root) else None
            if verdict is not None:
                if verdict.is_torn:
                    super().write(whole[: len(whole) // 2])
                verdict.happen()
            return super().write(whole) or 0

    def open_file(file: Any, mode: str = "r", *rest: Any, **options: Any) -> Any:  # noqa: ANN401
        if not isinstance(file, str | os.PathLike) or not set(mode) & set("wax+"):
            return original_open(file, mode, *rest, **options)
        path = os.path.abspath(os.fspath(file))
        if not path.startswith(root):
            return original_open(file, mode, *rest, **options)
        if "r" not in mode:
            ask(Operation("create", path))
        raw = TamperedFile(path, mode.replace("b", "").replace("t", ""))
        buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        encoding = options.get("encoding") or "utf-8"
        return buffered if "b" in mode else io.TextIOWrapper(buffered, encoding)

    def named(kind: str, call: Callable[..., Any], path: Any, *rest: Any, **options: Any) -> Any:  # noqa: ANN401
        target = os.path.abspath(os.fspath(rest[0])) if kind == "rename" else ""
        ask(Operation(kind, _path(path, options.get("dir_fd")), target))
        return call(path, *rest, **options)

    def synced(call: Callable[[int], None], descriptor: int) -> None:
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        if not path.startswith(root):
            pass
        elif os.path.isdir(path):
            files = tuple(entry.name for entry in os.scandir(path) if entry.is_file())
            ask(Operation("sync", path, names=files))
        else:
            ask(Operation("sync", path, content=Path(path).read_bytes()))
        call(descriptor)

    original_open = io.open
    patches: list[Any] = [mock.patch.object(os, "fsync", partial(synced, os.fsync))]
    patches += [
        mock.patch.object(os, name, partial(named, kind, getattr(os, name)))
        for name, kind in (
            ("replace", "rename"),
            ("rename", "rename"),
            ("unlink", "remove"),
            ("rmdir", "remove"),
            ("mkdir", "make"),
        )
    ]
    patches += [mock.patch.object(module, "open", open_file) for module in (io, builtins)]
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in reversed(patches):
            patch.stop()


def _path(path: str | os.PathLike[str], folder: int | None) -> str:
    if folder is None:
        return os.path.abspath(path)
    return os.path.join(os.readlink(f"/proc/self/fd/{folder}"), path)
