import errno
import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from habitue.errors import FileRefused
from habitue.events.compression import Salvage, first_bytes, magic_of, read_blocks

TEXT = b"user,item\n" + b"".join(b"u%d,i%d\n" % (n, n % 7) for n in range(5000))


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def unpacked(path: Path) -> bytes:
    return b"".join(read_blocks(path, block_bytes=4096))


def zstd(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


@pytest.mark.parametrize(
    "content",
    [
        TEXT,
        gzip.compress(TEXT),
        gzip.compress(TEXT[:1000]) + gzip.compress(TEXT[1000:]),
        gzip.compress(TEXT) + b"\0" * 5000,
        zstd(TEXT),
        zstd(TEXT[:1000]) + zstd(TEXT[1000:]),
    ],
    ids=["plain", "gzip", "two gzip members", "zero padding", "zstd", "two zstd frames"],
)
def test_content_is_known_by_its_bytes_not_its_name(tmp_path: Path, content: bytes) -> None:
    assert unpacked(written(tmp_path / "log.csv", content)) == TEXT


def test_blocks_are_bounded(tmp_path: Path) -> None:
    path = written(tmp_path / "a.gz", gzip.compress(b"x" * 30_000_000))

    assert max(len(block) for block in read_blocks(path, block_bytes=1 << 20)) <= 2 << 20


def test_first_bytes_of_a_short_file_are_all_of_it(tmp_path: Path) -> None:
    assert first_bytes(written(tmp_path / "a", b"abc"), 10) == b"abc"


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (b"", "empty_file", "is empty"),
        (gzip.compress(b"", mtime=0), "empty_file", "is empty"),
        (
            gzip.compress(TEXT, mtime=0)[:-20],
            "gzip_truncated",
            "is cut off: its gzip stream ends too early",
        ),
        (zstd(TEXT)[:-3], "zstd_truncated", "is cut off: its zstd stream ends too early"),
        (
            gzip.compress(TEXT, mtime=0) + b"garbage",
            "gzip_damaged",
            "something foreign after the end",
        ),
        (zstd(TEXT) + b"garbage", "zstd_damaged", "something foreign after the end"),
        (gzip.compress(TEXT, mtime=0)[:-8] + b"\1" * 8, "gzip_damaged", "is damaged"),
        (b"\x89PNG\r\n\x1a\n....", "unknown_format", "is a PNG picture"),
        (b"PK\x03\x04....", "zip_damaged", "a damaged or unfinished zip archive"),
        (gzip.compress(b"PK\x03\x04....", mtime=0), "nested_archive", "holds a zip archive"),
        (
            gzip.compress(gzip.compress(TEXT, mtime=0), mtime=0),
            "nested_archive",
            "holds a gzip archive",
        ),
        (zstd(b"\0" * 257 + b"ustar"), "nested_archive", "holds a tar archive"),
        (gzip.compress(b"%PDF-1.4", mtime=0), "unknown_format", "is a PDF document"),
    ],
)
def test_unreadable_content_is_refused(
    tmp_path: Path, content: bytes, code: str, message: str
) -> None:
    path = written(tmp_path / "log.csv", content)

    with pytest.raises(FileRefused, match=message) as refusal:
        unpacked(path)
    assert refusal.value.code == code


def test_flipped_bit_in_a_gzip_is_noticed(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(os.urandom(20_000)))
    packed[9_000] ^= 4
    path = written(tmp_path / "a.gz", bytes(packed))

    with pytest.raises(FileRefused, match=r"damaged|cut off"):
        unpacked(path)


@pytest.mark.parametrize("pack", [gzip.compress, zstd], ids=["gzip", "zstd"])
def test_bomb_is_refused(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = written(tmp_path / "bomb", 30 * pack(b"\0" * (10 << 20)))

    with pytest.raises(FileRefused, match="unpacks to more than") as refusal:
        for _ in read_blocks(path):
            pass
    assert refusal.value.code == "inflated_over_limit"


def test_file_that_breaks_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "log.csv", TEXT)

    def broken(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "open", broken)

    for read in (lambda: list(read_blocks(path)), lambda: magic_of(path)):
        with pytest.raises(FileRefused, match="cannot be read: Input/output error") as refusal:
            read()
        assert refusal.value.code == "file_unreadable"


def test_growing_file_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "log.csv", TEXT)

    with pytest.raises(FileRefused, match="changed while it was read") as refusal:
        for number, _ in enumerate(read_blocks(path, block_bytes=4096)):
            if number == 0:
                with path.open("ab") as file:
                    file.write(b"u1,i1\n")
    assert refusal.value.code == "file_changed"


@pytest.mark.parametrize("pack", [gzip.compress, zstd], ids=["gzip", "zstd"])
def test_what_an_archive_holds_before_it_is_cut_off_can_be_salvaged(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    text = os.urandom(400_000)
    packed = pack(text)
    path = written(tmp_path / "log.gz", packed[: len(packed) // 2])
    salvage = Salvage()

    found = b"".join(read_blocks(path, salvage=salvage))

    assert text.startswith(found)
    assert len(found) > 50_000
    assert "is cut off" in salvage.notes[0]


def test_archive_cut_off_before_its_first_byte_is_refused_even_then(tmp_path: Path) -> None:
    path = written(tmp_path / "log.gz", gzip.compress(TEXT)[:12])

    with pytest.raises(FileRefused, match="is cut off"):
        list(read_blocks(path, salvage=Salvage()))
