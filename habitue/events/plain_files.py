"""A path that is one plain file, and stays the same file while it is read.

In: a path. Out: what the system says of it, or an open file. Refuses what does not exist, is a
folder, a pipe, a socket or a device, may not be read, is empty, or is a symbolic link that leads
out of its folder; never waits. Knows nothing about what is in the file.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from habitue.errors import FileRefused
from habitue.files import error_text

_KINDS: Final[tuple[tuple[Callable[[int], bool], str], ...]] = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (lambda _: True, "a device"),
)


def check_path(path: Path) -> os.stat_result:
    """Return the stat of a plain, readable, non-empty file.

    Raises:
        FileRefused: it does not exist, is a folder, a pipe or a device, leads elsewhere, cannot
            be opened, or is empty; each with a code of its own.
    """
    try:
        found = path.stat()
    except OSError as error:
        if not isinstance(error, FileNotFoundError | NotADirectoryError):
            raise unreadable(path, error) from None
        raise FileRefused(
            f"{path} does not exist.", fix="Check the path.", code="file_missing"
        ) from None
    _check_kind(path, found)
    _check_link(path)
    if not os.access(path, os.R_OK):
        raise unreadable(path, PermissionError(errno.EACCES, ""))
    if found.st_size == 0:
        raise empty_file(path)
    return found


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Yield the file open for reading; after the block it must be the file that it was before.

    Raises:
        FileRefused: as `check_path`; `file_changed`.
    """
    before = check_path(path)
    # Without O_NONBLOCK a pipe that took the file's place a moment ago would be waited for.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        _check_kind(path, os.fstat(descriptor))
        yield file
    check_unchanged(path, before)


def check_unchanged(path: Path, before: os.stat_result) -> None:
    """Refuse a file that was replaced or written to since `before`.

    Raises:
        FileRefused: `file_changed`.
    """
    try:
        is_same = _mark(path.stat()) == _mark(before)
    except OSError:
        is_same = False
    if not is_same:
        raise FileRefused(
            f"{path} changed while it was read.",
            fix="Wait until it is written to its end, then try again.",
            code="file_changed",
        )


def unreadable(path: Path, error: OSError) -> FileRefused:
    """Return what to raise where the system does not let us read."""
    return FileRefused(
        f"{path} cannot be read: {error_text(error)}.",
        fix="Check the path, its permissions and the disk.",
        code="file_unreadable",
    )


def empty_file(path: Path) -> FileRefused:
    """Return what to raise where there is not a single byte."""
    return FileRefused(f"{path} is empty.", fix="Export it again.", code="empty_file")


def _check_kind(path: Path, found: os.stat_result) -> None:
    if stat.S_ISREG(found.st_mode):
        return
    if stat.S_ISDIR(found.st_mode):
        raise FileRefused(f"{path} is a folder.", fix="Name the files in it.", code="is_folder")
    kind = next(name for is_kind, name in _KINDS if is_kind(found.st_mode))
    raise FileRefused(
        f"{path} is no regular file but {kind}.",
        fix="Write its content to a file first.",
        code="not_a_file",
    )


def _check_link(path: Path) -> None:
    """Refuse a link out of its own folder: what it reads is not what its name says."""
    if not path.is_symlink():
        return
    target, folder = Path(os.path.realpath(path)), Path(os.path.realpath(path.parent))
    if not target.is_relative_to(folder):
        raise FileRefused(
            f"{path} is a symbolic link to {target}, outside its folder.",
            fix="Name that file itself, if it is the one you mean.",
            code="symlink_outside",
        )


def _mark(found: os.stat_result) -> tuple[int, ...]:
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
