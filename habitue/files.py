"""Files that are either the old one or the new one, never half of it.

A file is written beside its place, flushed to disk, then renamed over the old one; a folder is
built under a hidden name and renamed as a whole. Where the system does not let us, that is told in
a sentence. Knows nothing about what is in the files.
"""

import errno
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from habitue.errors import Failed, HabitueError, Refused

_OF_THE_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_IN_THE_WAY = frozenset({errno.EEXIST, errno.ENOTDIR, errno.EISDIR})

Json = Mapping[str, "Json"] | Sequence["Json"] | str | int | float | bool | None


def write_bytes(path: Path, content: bytes) -> None:
    """Replace the file `path` by `content` in one step.

    Raises:
        Refused, Failed: as `telling_write_errors`; what was there before is still there.
    """
    with telling_write_errors(path), replacing(path) as temporary:
        temporary.write_bytes(content)


def write_json(path: Path, document: Json) -> None:
    """Replace the file `path` by the JSON of `document` in one step."""
    write_bytes(path, json_bytes(document))


def json_bytes(document: Json) -> bytes:
    """Return the JSON of `document` as it is written."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2)
    return text.encode() + b"\n"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a file to write, which takes the place of `path` when the block ends without an error.

    What a killed process left of its own attempts at `path` is removed.

    Raises:
        Refused, Failed: as `telling_write_errors`; `write_failed` also from within the block.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with telling_write_errors(path):
        make_folder(path.parent)
        for leftover in leftovers_of(path):
            leftover.unlink(missing_ok=True)
    try:
        with _telling_disk_errors(path):
            yield temporary
        with telling_write_errors(path):
            _sync(temporary)
            temporary.replace(path)
            sync_folder(path.parent)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


@contextmanager
def building_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes `target` when the block ends without an error.

    What a killed process left of folders that it was building beside `target` is removed.

    Raises:
        Refused, Failed: as `telling_write_errors`; `write_failed` also from within the block.
    """
    building = target.with_name(f".building-{target.name}-{os.getpid()}")
    with telling_write_errors(target):
        make_folder(target.parent)
        for leftover in (*leftovers_in(target.parent), building):
            shutil.rmtree(leftover, ignore_errors=True)
        building.mkdir()
    try:
        with _telling_disk_errors(target):
            yield building
        with telling_write_errors(target):
            for path in (*sorted(building.rglob("*")), building):
                _sync(path)
            building.rename(target)
            sync_folder(target.parent)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def make_folder(folder: Path) -> None:
    """Make a folder, and those it lies in, so that it survives a power cut."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        sync_folder(path.parent)


def leftovers_of(path: Path) -> list[Path]:
    """Return what killed processes left of their attempts to write the file `path`."""
    return _left_by_the_dead(path.parent, rf"\.{re.escape(path.name)}\.(\d+)\.tmp")


def leftovers_in(folder: Path) -> list[Path]:
    """Return the folders that killed processes were building in `folder`."""
    return _left_by_the_dead(folder, r"\.building-.*-(\d+)")


def _left_by_the_dead(folder: Path, pattern: str) -> list[Path]:
    found = ((path, re.fullmatch(pattern, path.name)) for path in folder.iterdir())
    return [path for path, match in found if match and not is_alive(int(match[1]))]


def is_alive(process: int) -> bool:
    """Whether there is a process of this number."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def telling_write_errors(path: Path) -> Iterator[None]:
    """Tell in one sentence why the system does not let the block write at `path`.

    Raises:
        Refused: `not_writable`, permission is lacking; `not_a_folder`, something is in the way.
        Failed: `write_failed`, the disk is full or broken.
    """
    try:
        yield
    except HabitueError:
        raise
    except Exception as error:
        if isinstance(error, OSError) or _system_error(error):
            raise _write_error(path, error) from error
        raise


def error_text(error: Exception) -> str:
    """Return what the system said, without its number and path."""
    number = _system_error(error)
    return os.strerror(number) if number else str(error)


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to disk, so that a rename in it survives a power cut."""
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _telling_disk_errors(path: Path) -> Iterator[None]:
    """Tell of a full or broken disk in one sentence; the block may fail for other reasons too."""
    try:
        yield
    except Exception as error:
        if _system_error(error) in _OF_THE_DISK:
            raise _write_error(path, error) from error
        raise


def _system_error(error: Exception) -> int | None:
    """Return the number of the system's error; Polars and safetensors only write it down."""
    number = error.errno if isinstance(error, OSError) else None
    written = re.search(r"\(os error (\d+)\)", str(error))
    return number or (int(written[1]) if written else None)


def _write_error(path: Path, error: Exception) -> HabitueError:
    number = _system_error(error)
    if number in _FORBIDDEN:
        return Refused(
            f"{path} cannot be written: {error_text(error)}.",
            fix="Give yourself permission to write there, or name another place.",
            code="not_writable",
        )
    if number in _IN_THE_WAY:
        above = (one for one in path.parents if one.exists() and not one.is_dir())
        what = "a folder" if path.is_dir() else "a file"
        return Refused(
            f"{next(above, path)} is {what}, which is in the way of writing {path}.",
            fix="Move it away, or name another place.",
            code="not_a_folder",
        )
    return Failed(
        f"Writing to {path} failed: {error_text(error)}.",
        fix="Free space or mend the disk, then try again; what was there before is still there.",
        code="write_failed",
    )
