"""The bytes of a file, unpacked, block by block.

In: a path. Out: blocks of bytes of a bounded size; gzip and Zstandard are known by their first
bytes, whatever the file is called. Refuses what is no plain readable file, damaged archives,
archives that swell beyond all measure, and files that change while they are read. Knows nothing
about rows.
"""

import errno
import os
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import zstandard

from habitue.errors import FileRefused
from habitue.files import error_text

BLOCK_BYTES = 8 << 20
MAX_INFLATION = 200  # times its packed size; text logs stay below 60
INFLATION_FREE_BYTES = 256 << 20  # unpacked bytes before that ratio is looked at

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_PACKED_PIECE = 1 << 16
# A Zstandard block of a few bytes may stand for 128 kB; small bites keep memory flat.
_ZSTD_PIECE = 1 << 11
_FOREIGN = {
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a rar archive",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"%PDF": "a PDF document",
    b"SQLite format 3": "an SQLite database",
    b"ORC": "an ORC file",
    b"Obj\x01": "an Avro file",
}


def check_path(path: Path) -> os.stat_result:
    """Return the stat of a plain, readable, non-empty file.

    Raises:
        FileRefused: it does not exist, is a folder, a pipe or a device, cannot be opened, or is
            empty; each with a code of its own.
    """
    try:
        found = path.stat()
    except OSError as error:
        if not isinstance(error, FileNotFoundError | NotADirectoryError):
            raise _unreadable(path, error) from None
        raise FileRefused(
            f"{path} does not exist.", fix="Check the path.", code="file_missing"
        ) from None
    if stat.S_ISDIR(found.st_mode):
        raise FileRefused(f"{path} is a folder.", fix="Name the files in it.", code="is_folder")
    if not stat.S_ISREG(found.st_mode):
        raise FileRefused(
            f"{path} is no regular file but a pipe, socket or device.",
            fix="Write its content to a file first.",
            code="not_a_file",
        )
    if not os.access(path, os.R_OK):
        raise _unreadable(path, PermissionError(errno.EACCES, ""))
    if found.st_size == 0:
        raise _empty(path)
    return found


def first_bytes(path: Path, num_bytes: int) -> bytes:
    """Return the first `num_bytes` of the unpacked file (fewer where it is shorter)."""
    taken = b""
    for block in read_blocks(path, block_bytes=max(num_bytes, 1 << 16)):
        taken += block
        if len(taken) >= num_bytes:
            break
    return taken[:num_bytes]


def magic_of(path: Path) -> bytes:
    """Return the first four bytes of the file as it lies there, packed or not.

    Raises:
        FileRefused: as `check_path`.
    """
    check_path(path)
    try:
        with path.open("rb") as file:
            return file.read(4)
    except OSError as error:
        raise _unreadable(path, error) from error


def read_blocks(path: Path, *, block_bytes: int = BLOCK_BYTES) -> Iterator[bytes]:
    """Yield the unpacked bytes in blocks of about `block_bytes`, never an empty one.

    Raises:
        FileRefused: as `check_path`; the content is damaged (`gzip_truncated`, `gzip_damaged`,
            `zstd_truncated`, `zstd_damaged`), swells too much (`inflated_over_limit`), is a
            picture or archive (`unknown_format`), unpacks to nothing (`empty_file`), or changes
            under our hands (`file_changed`).
    """
    before = check_path(path)
    try:
        yield from _read_blocks(path, before, block_bytes)
    except OSError as error:
        raise _unreadable(path, error) from error


def _read_blocks(path: Path, before: os.stat_result, block_bytes: int) -> Iterator[bytes]:
    any_bytes = False
    with path.open("rb") as file:
        head = file.read(16)
        file.seek(0)
        if head[:2] == _GZIP:
            blocks = _gathered(_gunzipped(file, path), block_bytes)
        elif head[:4] == _ZSTD:
            blocks = _gathered(_unzstded(file, path), block_bytes)
        else:
            _check_foreign(head, path)
            blocks = iter(lambda: file.read(block_bytes), b"")
        for block in _bounded(blocks, path, before.st_size):
            if not any_bytes:
                _check_foreign(block[:16], path)
            any_bytes = True
            yield block
        after = os.fstat(file.fileno())
    if not any_bytes:
        raise _empty(path)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise FileRefused(
            f"{path} changed while it was read.",
            fix="Wait until it is written to its end, then try again.",
            code="file_changed",
        )


def _unreadable(path: Path, error: OSError) -> FileRefused:
    return FileRefused(
        f"{path} cannot be read: {error_text(error)}.",
        fix="Check the path, its permissions and the disk.",
        code="file_unreadable",
    )


def _empty(path: Path) -> FileRefused:
    return FileRefused(f"{path} is empty.", fix="Export it again.", code="empty_file")


def _check_foreign(head: bytes, path: Path) -> None:
    for magic, what in _FOREIGN.items():
        if head.startswith(magic):
            raise FileRefused(
                f"{path} is {what}.",
                fix="Give CSV, JSON lines or Parquet; gzip and Zstandard are unpacked on the way.",
                code="unknown_format",
            )


def _bounded(blocks: Iterator[bytes], path: Path, packed_bytes: int) -> Iterator[bytes]:
    limit = max(INFLATION_FREE_BYTES, packed_bytes * MAX_INFLATION)
    num_bytes = 0
    for block in blocks:
        num_bytes += len(block)
        if num_bytes > limit:
            raise FileRefused(
                f"{path} unpacks to more than {limit:,} bytes, {MAX_INFLATION} times its size.",
                fix="Unpack it yourself if you trust it.",
                code="inflated_over_limit",
            )
        yield block


def _gathered(pieces: Iterator[bytes], block_bytes: int) -> Iterator[bytes]:
    waiting: list[bytes] = []
    num_bytes = 0
    for piece in pieces:
        waiting.append(piece)
        num_bytes += len(piece)
        if num_bytes >= block_bytes:
            yield b"".join(waiting)
            waiting, num_bytes = [], 0
    if num_bytes:
        yield b"".join(waiting)


def _gunzipped(file: BinaryIO, path: Path) -> Iterator[bytes]:
    """Unpack all members; zero padding at the end is allowed, anything else is not."""
    inflate = zlib.decompressobj(wbits=31)
    is_first = True
    packed = file.read(_PACKED_PIECE)
    while packed:
        if inflate.eof:
            packed = packed.lstrip(b"\0")
            if not packed:
                packed = file.read(_PACKED_PIECE)
                continue
            inflate, is_first = zlib.decompressobj(wbits=31), False
        try:
            piece = inflate.decompress(packed, 1 << 20)
        except zlib.error as error:
            raise _damaged(path, "gzip", file.tell(), str(error), is_first=is_first) from None
        if piece:
            yield piece
        packed = inflate.unconsumed_tail or inflate.unused_data or file.read(_PACKED_PIECE)
    if not inflate.eof and (rest := inflate.flush()):
        yield rest
    if not inflate.eof:
        raise _truncated(path, "gzip", file.tell())


def _unzstded(file: BinaryIO, path: Path) -> Iterator[bytes]:
    inflate = zstandard.ZstdDecompressor().decompressobj()
    is_first = True
    packed = file.read(_ZSTD_PIECE)
    while packed:
        if inflate.eof:
            inflate, is_first = zstandard.ZstdDecompressor().decompressobj(), False
        try:
            piece = inflate.decompress(packed)
        except zstandard.ZstdError as error:
            raise _damaged(path, "zstd", file.tell(), str(error), is_first=is_first) from None
        if piece:
            yield piece
        packed = (inflate.unused_data if inflate.eof else b"") or file.read(_ZSTD_PIECE)
    if not inflate.eof:
        raise _truncated(path, "zstd", file.tell())


def _truncated(path: Path, kind: str, at: int) -> FileRefused:
    return FileRefused(
        f"{path} is cut off: its {kind} stream ends too early, at byte {at}.",
        fix="Copy or export it again; nothing of it was stored.",
        code=f"{kind}_truncated",
    )


def _damaged(path: Path, kind: str, at: int, why: str, *, is_first: bool) -> FileRefused:
    what = "is damaged" if is_first else "has something foreign after the end of the archive"
    return FileRefused(
        f"{path} {what}, before byte {at} ({kind}: {why}).",
        fix="Copy or export it again; nothing of it was stored.",
        code=f"{kind}_damaged",
    )
