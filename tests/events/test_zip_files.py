import errno
import io
import zipfile
from pathlib import Path

import pytest

from habitue.errors import FileRefused
from habitue.events.zip_files import MAX_ENTRIES, unzipped
from tests.bad_inputs.made_archives import TEXT, zip_of


def content_of(tmp_path: Path, packed: bytes) -> bytes:
    path = tmp_path / "orders.zip"
    path.write_bytes(packed)
    with path.open("rb") as file:
        return b"".join(unzipped(file, path, 64))


@pytest.mark.parametrize(
    "names",
    [["orders.csv"], ["a/", "a/b.csv"], ["b.csv", "__MACOSX/._b.csv"], ["..hidden..csv"]],
)
def test_the_only_file_is_read(tmp_path: Path, names: list[str]) -> None:
    entries = [(name, TEXT if name.endswith("csv") else b"") for name in names]
    assert content_of(tmp_path, zip_of(*entries)) == TEXT


def test_comment_at_the_end_is_no_hindrance(tmp_path: Path) -> None:
    path = tmp_path / "orders.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("orders.csv", TEXT)
        archive.comment = b"x" * 65_000
    assert content_of(tmp_path, path.read_bytes()) == TEXT


@pytest.mark.parametrize("name", ["a/../b.csv", "..", "\\\\host\\b.csv", "d:b.csv", "a\\..\\b.csv"])
def test_way_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileRefused, match="leads out of its folder") as refusal:
        content_of(tmp_path, zip_of((name, TEXT)))
    assert refusal.value.code == "unsafe_archive"


def test_so_many_entries_are_refused_and_one_less_is_not(tmp_path: Path) -> None:
    entries = [(f"f{n}/", b"") for n in range(MAX_ENTRIES)]
    with pytest.raises(FileRefused, match="holds 1,001 entries") as refusal:
        content_of(tmp_path, zip_of(*entries, ("orders.csv", TEXT)))
    assert refusal.value.code == "unsafe_archive"
    assert content_of(tmp_path, zip_of(*entries[1:], ("orders.csv", TEXT))) == TEXT


def test_zip_without_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match=r"holds 0 files \(none\)") as refusal:
        content_of(tmp_path, zip_of(("a/", b"")))
    assert refusal.value.code == "several_entries"


@pytest.mark.parametrize("at", range(0, 60, 3))
def test_flipped_byte_is_refused_or_harmless(tmp_path: Path, at: int) -> None:
    packed = bytearray(zip_of(("orders.csv", TEXT)))
    packed[at] ^= 0xFF
    try:
        told = content_of(tmp_path, bytes(packed))
    except FileRefused as refusal:
        told = refusal.code.encode()
    assert told in (TEXT, b"zip_damaged", b"unsafe_archive", b"several_entries")


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2, zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED]
)
@pytest.mark.parametrize("start", range(60, 67))
def test_damage_is_told_as_such_however_the_entry_is_packed(
    tmp_path: Path, method: int, start: int
) -> None:
    path = tmp_path / "packed.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("orders.csv", b"".join(TEXT.replace(b"A0", b"B%d" % n) for n in range(99)))
    packed = bytearray(path.read_bytes())
    for at in range(start, len(packed) - 100, 7):
        packed[at] ^= 0x55
    with pytest.raises(FileRefused, match="a damaged or unfinished zip archive") as refusal:
        content_of(tmp_path, bytes(packed))
    assert refusal.value.code == "zip_damaged"


def test_disk_that_fails_is_no_damage(tmp_path: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(OSError, match="Input/output error"):
        b"".join(unzipped(Broken(zip_of(("orders.csv", TEXT))), tmp_path / "a.zip", 64))
