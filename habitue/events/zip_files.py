"""The one file in a zip archive, unpacked block by block.

In: an open file that begins as a zip does. Out: the bytes of its only entry. Nothing is ever
written to disk, and an archive that no honest export is, is refused before anything is unpacked.
Knows nothing about what the bytes mean.
"""

import lzma
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from habitue.errors import FileRefused

MAGIC: Final = b"PK\x03\x04"
MAX_ENTRIES: Final = 1_000
MAX_LIST_BYTES: Final = 1 << 20  # of the list of entries at the archive's end
_TAIL_BYTES: Final = (1 << 16) + 100  # a comment of 64 kB may stand at the very end
_END: Final = struct.Struct("<10xHI6x")
_END_64: Final = struct.Struct("<32xQQ8x")
_ENCRYPTED: Final = 1
_WAY_OUT: Final = re.compile(r"^[/\\]|^[A-Za-z]:|(^|[/\\])\.\.([/\\]|$)")
_DAMAGE: Final = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, ValueError,
)  # fmt: skip
_OF_NO_EXPORT: Final = "__MACOSX/"  # what macOS puts beside each file


def unzipped(file: BinaryIO, path: Path, piece_bytes: int) -> Iterator[bytes]:
    """Yield the bytes of the archive's only file.

    Raises:
        FileRefused: `unsafe_archive`; `several_entries` where there is more than one file;
            `unknown_format` for an Excel workbook; `zip_damaged`; `empty_file`.
    """
    try:
        _check_size(file, path)
        with zipfile.ZipFile(file) as archive:
            entry = _only_entry(archive, path)
            with archive.open(entry) as content:
                while piece := content.read(piece_bytes):
                    yield piece
    except _DAMAGE as error:
        raise _damaged(path, error) from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise _damaged(path, error) from None  # bzip2 says so that the data are at fault


def _damaged(path: Path, error: Exception) -> FileRefused:
    return FileRefused(
        f"{path} is a damaged or unfinished zip archive: {error}.",
        fix="Copy or export it again; nothing of it was stored.",
        code="zip_damaged",
    )


def _check_size(file: BinaryIO, path: Path) -> None:
    """Look at the archive's own count of entries, before a list of a million is read."""
    tail_at = max(file.seek(0, os.SEEK_END) - _TAIL_BYTES, 0)
    file.seek(tail_at)
    tail = file.read(_TAIL_BYTES)
    file.seek(0)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) < at + _END.size:
        raise zipfile.BadZipFile("it has no list of its entries")
    num_entries, num_bytes = _END.unpack_from(tail, at)
    if tail[max(at - 76, 0) :].startswith(b"PK\6\6"):
        num_entries, num_bytes = _END_64.unpack_from(tail, at - 76)
    if num_entries > MAX_ENTRIES or num_bytes > MAX_LIST_BYTES:
        raise _unsafe(path, f"holds {num_entries:,} entries")


def _only_entry(archive: zipfile.ZipFile, path: Path) -> zipfile.ZipInfo:
    entries = archive.infolist()
    for entry in entries:
        _check_entry(entry, path)
    names = [entry.filename for entry in entries]
    if "[Content_Types].xml" in names:
        raise FileRefused(
            f"{path} is an Excel workbook.",
            fix="Save its sheet as CSV.",
            code="unknown_format",
        )
    files = [one for one in entries if not one.is_dir() and _OF_NO_EXPORT not in one.filename]
    if len(files) != 1:
        shown = ", ".join(entry.filename for entry in files[:5]) or "none"
        raise FileRefused(
            f"{path} holds {len(files)} files ({shown}); a zip archive is read where it holds one.",
            fix="Unpack it and name the files.",
            code="several_entries",
        )
    return files[0]


def _check_entry(entry: zipfile.ZipInfo, path: Path) -> None:
    if _WAY_OUT.search(entry.orig_filename):
        raise _unsafe(path, f"has an entry that leads out of its folder ('{entry.filename}')")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise _unsafe(path, f"has an entry that is a symbolic link ('{entry.filename}')")
    if entry.flag_bits & _ENCRYPTED:
        raise _unsafe(path, f"has an encrypted entry ('{entry.filename}')")


def _unsafe(path: Path, why: str) -> FileRefused:
    return FileRefused(
        f"{path} is a zip archive that {why}.",
        fix="Unpack it yourself if you trust it, and name the file you mean.",
        code="unsafe_archive",
    )
