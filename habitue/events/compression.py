"""The bytes of a file, unpacked, block by block.

In: a path. Out: blocks of bytes of a bounded size; gzip, Zstandard and a zip of one file are known
by their first bytes, whatever the file is called. Refuses damaged archives, archives within
archives, and those that swell beyond all measure. Knows nothing about rows.
"""

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import zstandard

from habitue.errors import FileRefused
from habitue.events import zip_files
from habitue.events.plain_files import empty_file, opened, unreadable

BLOCK_BYTES = 8 << 20
MAX_INFLATION = 200  # times its packed size; text logs stay below 60
INFLATION_FREE_BYTES = 256 << 20  # unpacked bytes before that ratio is looked at

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_PACKED_PIECE = 1 << 16
# A Zstandard block of four bytes may stand for 128 kB; small bites keep memory flat.
_ZSTD_PIECE = 1 << 9
_HEAD_BYTES = 512  # a tar says what it is at byte 257
_ARCHIVES = {
    _GZIP: "a gzip archive",
    _ZSTD: "a Zstandard archive",
    zip_files.MAGIC: "a zip archive or an Excel workbook",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a rar archive",
}
_FOREIGN = {
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x89PNG": "a PNG picture",
    b"GIF8": "a GIF picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"%PDF": "a PDF document",
    b"SQLite format 3": "an SQLite database",
    b"ORC": "an ORC file",
    b"Obj\x01": "an Avro file",
}


@dataclass
class Salvage:
    """Asks for what an archive holds before it is cut off; `refusal` is where that was."""

    refusal: FileRefused | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What to tell of a file that is cut off."""
        if self.refusal is None:
            return ()
        return (f"{self.refusal.message} Only the complete rows before that were read.",)


def first_bytes(path: Path, num_bytes: int) -> bytes:
    """Return the first `num_bytes` of the unpacked file (fewer where it is shorter).

    Of an archive that is cut off, what is there.
    """
    taken = b""
    for block in read_blocks(path, block_bytes=max(num_bytes, 1 << 16), salvage=Salvage()):
        taken += block
        if len(taken) >= num_bytes:
            break
    return taken[:num_bytes]


def magic_of(path: Path) -> bytes:
    """Return the first four bytes of the file as it lies there, packed or not.

    Raises:
        FileRefused: as `plain_files.check_path`.
    """
    try:
        with opened(path) as file:
            return file.read(4)
    except OSError as error:
        raise unreadable(path, error) from error


def read_blocks(
    path: Path, *, block_bytes: int = BLOCK_BYTES, salvage: Salvage | None = None
) -> Iterator[bytes]:
    """Yield the unpacked bytes in blocks of about `block_bytes`, never an empty one.

    With `salvage`, an archive that is cut off ends where it does, and the note in it says so.

    Raises:
        FileRefused: as `plain_files.opened` and `zip_files.unzipped`; the content is damaged
            (`gzip_truncated`, `gzip_damaged`, `zstd_truncated`, `zstd_damaged`), swells too much
            (`inflated_over_limit`), is an archive within an archive (`nested_archive`), is a
            picture or another archive (`unknown_format`), or unpacks to nothing (`empty_file`).
    """
    try:
        with opened(path) as file:
            yield from _read_blocks(file, path, block_bytes, salvage)
    except OSError as error:
        raise unreadable(path, error) from error


def _read_blocks(
    file: BinaryIO, path: Path, block_bytes: int, salvage: Salvage | None
) -> Iterator[bytes]:
    head = file.read(_HEAD_BYTES)
    file.seek(0)
    pieces = _unpacked(file, path, head)
    is_packed = pieces is not None
    if pieces is None:
        _check_foreign(head, path)
        blocks = iter(lambda: file.read(block_bytes), b"")
    else:
        if salvage is not None:
            pieces = _salvaged(pieces, salvage)
        blocks = _bounded(_gathered(pieces, block_bytes), path, os.fstat(file.fileno()).st_size)
    any_bytes = False
    for block in blocks:
        if not any_bytes and is_packed:
            _check_nested(block[:_HEAD_BYTES], path)
        any_bytes = True
        yield block
    if not any_bytes:
        raise (salvage.refusal if salvage else None) or empty_file(path)


def _unpacked(file: BinaryIO, path: Path, head: bytes) -> Iterator[bytes] | None:
    """Return the pieces of an archive; None where the file is none that we unpack."""
    if head.startswith(_GZIP):
        return _gunzipped(file, path)
    if head.startswith(_ZSTD):
        return _unzstded(file, path)
    if head.startswith(zip_files.MAGIC):
        return zip_files.unzipped(file, path, 1 << 20)
    return None


def _check_foreign(head: bytes, path: Path) -> None:
    what = _kind(head, {**_ARCHIVES, **_FOREIGN})
    if what:
        raise FileRefused(
            f"{path} is {what}.",
            fix="Give CSV, JSON lines or Parquet; gzip, Zstandard and a zip of one file are "
            "unpacked on the way.",
            code="unknown_format",
        )


def _check_nested(head: bytes, path: Path) -> None:
    if what := _kind(head, _ARCHIVES):
        raise FileRefused(
            f"{path} is an archive within an archive: it holds {what}.",
            fix="Unpack it, and name the file within.",
            code="nested_archive",
        )
    _check_foreign(head, path)


def _kind(head: bytes, known: dict[bytes, str]) -> str:
    if head[257:262] == b"ustar":
        return "a tar archive"
    return next((what for magic, what in known.items() if head.startswith(magic)), "")


def _salvaged(pieces: Iterator[bytes], salvage: Salvage) -> Iterator[bytes]:
    try:
        yield from pieces
    except FileRefused as refusal:
        if refusal.code not in ("gzip_truncated", "zstd_truncated"):
            raise
        salvage.refusal = refusal


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
        fix="Copy or export it again; for the complete rows that are there, add --salvage to: "
        "habitue ingest FILE…",
        code=f"{kind}_truncated",
    )


def _damaged(path: Path, kind: str, at: int, why: str, *, is_first: bool) -> FileRefused:
    what = "is damaged" if is_first else "has something foreign after the end of the archive"
    return FileRefused(
        f"{path} {what}, before byte {at} ({kind}: {why}).",
        fix="Copy or export it again; nothing of it was stored.",
        code=f"{kind}_damaged",
    )
