"""A workspace as one file, copied while others write, and back again.

    shop-20261124T101500Z.tar.zst
      backup.json                  the form of what follows, who made it and when
      habitue.toml, models/ …      as they lie in the workspace
      store/manifest.json …        one moment of the store: its manifest and the parts it lists
      checksums.json               sealed: the digest of every file

Files are replaced in one step and never changed, and a reader's lock keeps those from being
removed that are no longer in use; so the copy is of one moment, and nobody waits for it. What is
damaged is named and not copied. Knows nothing about what is in the files.
"""

import hashlib
import io
import json
import os
import re
import shutil
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

import zstandard

from habitue import __version__
from habitue.checksums import (
    CHECKSUMS_FILE,
    check_folder,
    damaged_file,
    missing_file,
    read_sealed,
    sealed_bytes,
)
from habitue.compute import Progress
from habitue.display import quoted
from habitue.errors import Failed, FileRefused, Refused
from habitue.events.compression import magic_of
from habitue.events.lock import LOCK_FILE, READERS_FILE, ReaderLock
from habitue.events.manifest import MANIFEST_FILE, parse_manifest
from habitue.events.plain_files import check_path
from habitue.files import Json, building_folder, replacing
from habitue.refreshing import CURRENT_FILE
from habitue.versions import POINTER_FILE, now_text

BACKUP_FORMAT: Final = 1
SUFFIX: Final = ".tar.zst"
_HEADER: Final = "backup.json"
# Locks, what is being written at this moment, what an unfinished training keeps, other backups.
_PASSING: Final = re.compile(
    rf"{re.escape(LOCK_FILE)}|{re.escape(READERS_FILE)}"
    r"|\.building-.*|\.training|\..*\.\d+\.tmp|.*\.tar\.zst"
)
_MEND: Final = "See what is damaged and how to mend it: habitue doctor"
_ANOTHER: Final = "Restore another backup, or fetch this one again from where it was kept."
_POINTERS: Final = (f"models/{POINTER_FILE}", f"profiles/{CURRENT_FILE}")
_ZSTANDARD: Final = b"\x28\xb5\x2f\xfd"
_BLOCK: Final = 1 << 20


@dataclass(frozen=True)
class BackedUp:
    """`backup`: where the copy lies and how much is in it."""

    path: Path
    files: int
    bytes: int
    created_at: str
    seconds: float

    def as_json(self) -> dict[str, Json]:
        """Return the document."""
        return {
            "path": str(self.path),
            "files": self.files,
            "bytes": self.bytes,
            "created_at": self.created_at,
            "seconds": round(self.seconds, 2),
        }


@dataclass(frozen=True)
class Restored:
    """`restore`: where the workspace lies now, and of when it is."""

    path: Path
    files: int
    created_at: str
    habitue_version: str

    def as_json(self) -> dict[str, Json]:
        """Return the document."""
        return {
            "path": str(self.path),
            "files": self.files,
            "created_at": self.created_at,
            "habitue_version": self.habitue_version,
        }


def back_up(folder: Path, out: Path | None, *, progress: Progress, force: bool = False) -> BackedUp:
    """Write a copy of the workspace `folder` as `out`, by default beside it, named by the time.

    With `force` a file that is there is replaced.

    Raises:
        Refused: `bad_output`, the name does not end in `.tar.zst`; `output_exists`.
        Failed: `corrupt_file`, a file of the workspace is damaged; `write_failed`.
    """
    began, created_at = time.monotonic(), now_text()
    path = _target(folder.absolute(), out, created_at)
    if path.exists() and not force:
        raise Refused(
            f"{path} exists already; it may be the only copy of something.",
            fix=f"Name another file, or replace it: habitue backup --out {quoted(path)} --force",
            code="output_exists",
        )
    readers = [ReaderLock(folder / part) for part in ("store", "profiles")]
    for reader in readers:
        reader.hold()
    members = _members(folder)
    progress.start("Backup", len(members), "files")
    with replacing(path) as temporary, _packing(temporary) as archive:
        header = {"format": BACKUP_FORMAT, "habitue_version": __version__, "created_at": created_at}
        _add(archive, _HEADER, json.dumps(header).encode())
        digests: dict[str, Json] = {}
        for member in members:
            digests[member.name] = member.add_to(archive)
            progress.advance()
        _add(archive, CHECKSUMS_FILE, sealed_bytes({"files": digests}))
    progress.finish()
    seconds = time.monotonic() - began
    return BackedUp(path, len(members), path.stat().st_size, created_at, seconds)


def restore(path: Path, folder: Path, *, progress: Progress) -> Restored:
    """Make the workspace `folder` of a backup; it appears whole or not at all.

    Raises:
        FileRefused: there is no such file, or it is no backup.
        Refused: `workspace_taken`, the folder holds something; `newer_format`.
        Failed: `corrupt_file`, the backup is damaged; `write_failed`.
    """
    check_path(path)
    if folder.exists() and any(folder.iterdir()):
        raise Refused(
            f"{folder} is not empty.",
            fix="Name a folder that does not exist yet: habitue restore -w FOLDER FILE",
            code="workspace_taken",
        )
    progress.start("Restore", None, "files")
    with building_folder(folder) as building:
        _unpack(path, building, progress)
        header = _header(building / _HEADER, path)
        listed = _check(building, path)
        for name in (_HEADER, CHECKSUMS_FILE):
            (building / name).unlink()
    progress.finish()
    return Restored(folder, len(listed), header["created_at"], header["habitue_version"])


@dataclass(frozen=True)
class _Member:
    """One file to be copied."""

    name: str
    path: Path
    content: bytes | None = None  # where it is known already
    digest: str | None = None  # what it must be

    def add_to(self, archive: tarfile.TarFile) -> str:
        """Add the file, and return its digest.

        Raises:
            Failed: `corrupt_file`, it is not what it must be; `changed_meanwhile`.
        """
        if self.content is not None:
            _add(archive, self.name, self.content)
            return hashlib.sha256(self.content).hexdigest()
        try:
            with self.path.open("rb") as file:
                info = _info(self.name, os.fstat(file.fileno()).st_size)
                source = _Digesting(file)
                archive.addfile(info, source)
        except FileNotFoundError as error:
            raise missing_file(self.path, fix=_MEND) from error
        except OSError as error:
            if error.errno is not None:
                raise
            raise Failed(
                f"{self.path} changed while it was being copied.",
                fix="Try again: habitue backup",
                code="changed_meanwhile",
            ) from error
        if self.digest is not None and source.digest != self.digest:
            raise damaged_file(self.path, fix=_MEND)
        return source.digest


class _Digesting:
    """A file whose digest is computed while it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(size)
        self._hash.update(content)
        return content

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()


def _target(folder: Path, out: Path | None, created_at: str) -> Path:
    default = f"{folder.name}-{re.sub('[-:]', '', created_at)}{SUFFIX}"
    if out is None:
        return folder.parent / default
    if out.is_dir():
        return out / default
    if not out.name.endswith(SUFFIX):
        raise Refused(
            f"'{out.name}' does not end in '{SUFFIX}'.",
            fix=f"Name a folder, or a file that ends in {SUFFIX}.",
            code="bad_output",
        )
    return out


def _members(folder: Path) -> list[_Member]:
    """Return the files to be copied: of the store those of its manifest, else all that stay."""
    # First what points, then what it may point to by then.
    pointers = [
        _Member(name, folder / name, (folder / name).read_bytes())
        for name in _POINTERS
        if (folder / name).is_file()
    ]
    names = ((path.relative_to(folder).as_posix(), path) for path in _files(folder))
    found = [_Member(name, path) for name, path in names if name not in _POINTERS]
    digests = dict(_sealed(folder, found))
    checked = [replace(member, digest=digests.get(member.name)) for member in found]
    return [*pointers, *checked, *_store_members(folder)]


def _files(folder: Path) -> Iterator[Path]:
    """Yield the workspace's files, the store's apart, in the order of their names."""
    waiting, seen = [folder], set[Path]()
    while waiting:
        here = waiting.pop()
        if here.resolve() in seen or here == folder / "store":
            continue
        seen.add(here.resolve())
        children = [c for c in sorted(here.iterdir()) if not _PASSING.fullmatch(c.name)]
        yield from (child for child in children if child.is_file())
        waiting += [child for child in reversed(children) if child.is_dir()]


def _sealed(folder: Path, members: list[_Member]) -> Iterator[tuple[str, str]]:
    """Yield the digests that files of sealed folders must have."""
    names = {member.name for member in members}
    for member in members:
        if member.path.name != CHECKSUMS_FILE:
            continue
        inside = PurePosixPath(member.name).parent
        for name, digest in read_sealed(member.path, fix=_MEND)["files"].items():
            listed = str(inside / name)
            if listed not in names:
                raise missing_file(folder / listed, fix=_MEND)
            yield listed, digest


def _store_members(folder: Path) -> list[_Member]:
    """Return the store's manifest as it is at this moment, and the parts it lists."""
    path = folder / "store" / MANIFEST_FILE
    if not path.is_file():
        return []
    content = path.read_bytes()
    parts = parse_manifest(path, content).parts
    return [
        _Member(f"store/{MANIFEST_FILE}", path, content),
        *(
            _Member(f"store/{part.path}", folder / "store" / part.path, digest=part.sha256)
            for part in parts
        ),
    ]


@contextmanager
def _packing(path: Path) -> Iterator[tarfile.TarFile]:
    packer = zstandard.ZstdCompressor(level=1, write_checksum=True)
    with (
        path.open("wb") as file,
        packer.stream_writer(file, closefd=False) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as archive,
    ):
        yield archive


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    archive.addfile(_info(name, len(content)), io.BytesIO(content))


def _info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, time.time(), 0o644
    return info


def _unpack(path: Path, folder: Path, progress: Progress) -> None:
    """Write the files of the backup into `folder`: regular files in it, and nothing else."""
    try:
        with (
            path.open("rb") as file,
            zstandard.ZstdDecompressor().stream_reader(file) as packed,
            tarfile.open(fileobj=packed, mode="r|") as archive,
        ):
            for info in archive:
                place = PurePosixPath(info.name)
                if not info.isreg() or place.is_absolute() or ".." in place.parts:
                    raise _no_backup(path, f"'{info.name}' is no file of a workspace")
                content = archive.extractfile(info)
                assert content is not None
                target = folder / place
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("xb") as written:
                    shutil.copyfileobj(content, written, _BLOCK)
                progress.advance()
    except (zstandard.ZstdError, tarfile.TarError, EOFError) as error:
        if magic_of(path) == _ZSTANDARD:
            raise damaged_file(path, fix=_ANOTHER) from error
        raise _no_backup(path, "it is no .tar.zst archive") from error
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise damaged_file(path, fix=_ANOTHER) from error


def _header(header: Path, path: Path) -> dict[str, str]:
    try:
        found: dict[str, Any] = json.loads(header.read_bytes())
        version = int(found["format"])
        texts = {name: str(found[name]) for name in ("created_at", "habitue_version")}
    except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
        raise _no_backup(path, "it does not begin as one") from error
    if version > BACKUP_FORMAT:
        raise Refused(
            f"{path} has format {version}; this version of Habitue knows formats up to "
            f"{BACKUP_FORMAT}.",
            fix="Upgrade Habitue: pip install --upgrade habitue",
            code="newer_format",
        )
    return texts


def _check(building: Path, path: Path) -> list[str]:
    """Compare all that was unpacked with its digests, and return the names of the files."""
    try:
        listed = read_sealed(building / CHECKSUMS_FILE)["files"]
        check_folder(building)
    except Failed as error:
        raise damaged_file(path, fix=_ANOTHER) from error
    unpacked = {p.relative_to(building).as_posix() for p in building.rglob("*") if p.is_file()}
    if unpacked != {*listed, _HEADER, CHECKSUMS_FILE}:
        raise damaged_file(path, fix=_ANOTHER)
    return list(listed)


def _no_backup(path: Path, why: str) -> FileRefused:
    return FileRefused(
        f"{path} is no backup of Habitue: {why}.",
        fix="Name a file that `habitue backup` wrote.",
        code="no_backup",
    )
