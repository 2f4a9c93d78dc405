"""Archives as no honest export looks: bombs, ways out of the folder, archives in archives."""

import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import zstandard

TEXT: Final = (
    b"user,time,event,item,title,price\n"
    b"u0,2024-03-01T10:00:00Z,view,A0,Tent,9.50\n"
    b"u1,2024-03-01T10:01:00Z,view,A1,Tent,9.50\n"
    b"u2,2024-03-01T10:02:00Z,view,A2,Tent,9.50\n"
    b"u3,2024-03-01T10:03:00Z,view,A3,Tent,9.50\n"
)
BOMB_BYTES: Final = 1 << 30  # zeros after the good lines
_ZEROS: Final = b"\0" * (1 << 20)


def zip_of(*entries: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return packed.getvalue()


def gzip_bomb(folder: Path) -> None:
    pack = zlib.compressobj(9, wbits=31)
    with (folder / "orders.csv.gz").open("wb") as file:
        file.write(pack.compress(TEXT))
        for _ in range(BOMB_BYTES // len(_ZEROS)):
            file.write(pack.compress(_ZEROS))
        file.write(pack.flush())


def zstd_bomb(folder: Path) -> None:
    pack = zstandard.ZstdCompressor(level=1)
    with (folder / "orders.csv.zst").open("wb") as file, pack.stream_writer(file) as packed:
        packed.write(TEXT)
        for _ in range(BOMB_BYTES // len(_ZEROS)):
            packed.write(_ZEROS)


def zip_bomb(folder: Path) -> None:
    with (
        zipfile.ZipFile(folder / "orders.csv.zip", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("orders.csv", "w") as entry,
    ):
        entry.write(TEXT)
        for _ in range(BOMB_BYTES // len(_ZEROS)):
            entry.write(_ZEROS)


def plain_zip(folder: Path) -> None:
    """One CSV, and what macOS puts beside it."""
    entries = [("exports/", b""), ("exports/orders.csv", TEXT), ("__MACOSX/._orders.csv", b"x")]
    (folder / "orders.zip").write_bytes(zip_of(*entries))


def zip_with_parent_path(folder: Path) -> None:
    (folder / "orders.zip").write_bytes(zip_of(("../../orders.csv", TEXT)))


def zip_with_absolute_path(folder: Path) -> None:
    (folder / "orders.zip").write_bytes(zip_of(("/tmp/orders.csv", TEXT)))


def zip_with_drive_path(folder: Path) -> None:
    (folder / "orders.zip").write_bytes(zip_of(("C:\\orders.csv", TEXT)))


def zip_with_symlink(folder: Path) -> None:
    link = zipfile.ZipInfo("orders.csv")
    link.create_system = 3
    link.external_attr = 0o120777 << 16
    (folder / "orders.zip").write_bytes(zip_of((link, b"/etc/passwd")))


def zip_of_a_million_entries(folder: Path) -> None:
    """A million empty entries, of which only the list at the end is there."""
    entry = struct.pack("<4s6H3I5H2I", b"PK\x01\x02", *[0] * 6, 0, 0, 0, 7, *[0] * 4, 0, 0)
    with (folder / "orders.zip").open("wb") as file:
        file.write(zip_of(("orders.csv", TEXT))[:60])
        start = file.tell()
        for thousand in range(1000):
            file.write(b"".join(entry + b"%07d" % (thousand * 1000 + n) for n in range(1000)))
        size = file.tell() - start
        num, ends_at = 1_000_000, file.tell()
        file.write(struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, num, num, size, start))
        file.write(struct.pack("<4sIQI", b"PK\6\7", 0, ends_at, 1))
        file.write(struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, *[0xFFFF] * 2, *[0xFFFFFFFF] * 2, 0))


def encrypted_zip(folder: Path) -> None:
    """A zip whose entry says that it is encrypted."""
    packed = bytearray(zip_of(("orders.csv", TEXT)))
    packed[6] |= 1
    packed[packed.index(b"PK\x01\x02") + 8] |= 1
    (folder / "orders.zip").write_bytes(bytes(packed))


def zip_of_two_files(folder: Path) -> None:
    (folder / "orders.zip").write_bytes(zip_of(("a.csv", TEXT), ("b.csv", TEXT)))


def truncated_zip(folder: Path) -> None:
    (folder / "orders.zip").write_bytes(zip_of(("orders.csv", TEXT))[:-30])


def zip_with_bad_checksum(folder: Path) -> None:
    packed = bytearray(zip_of(("orders.csv", TEXT)))
    for magic, at in ((b"PK\x03\x04", 14), (b"PK\x01\x02", 16)):
        packed[packed.index(magic) + at] ^= 1
    (folder / "orders.zip").write_bytes(bytes(packed))


def workbook(folder: Path) -> None:
    entries = [("[Content_Types].xml", b"<Types/>"), ("xl/workbook.xml", b"<workbook/>")]
    (folder / "orders.xlsx").write_bytes(zip_of(*entries))


def zip_in_zip(folder: Path) -> None:
    (folder / "orders.zip").write_bytes(zip_of(("inner.zip", zip_of(("orders.csv", TEXT)))))


def gzip_in_zip(folder: Path) -> None:
    (folder / "orders.zip").write_bytes(zip_of(("orders.csv.gz", gzip.compress(TEXT))))


def tar_in_gzip(folder: Path) -> None:
    with tarfile.open(folder / "orders.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo("orders.csv")
        entry.size = len(TEXT)
        archive.addfile(entry, io.BytesIO(TEXT))


MAKERS: Final[tuple[Callable[[Path], None], ...]] = (
    gzip_bomb, zstd_bomb, zip_bomb, plain_zip, zip_with_parent_path, zip_with_absolute_path,
    zip_with_drive_path, zip_with_symlink, zip_of_a_million_entries, encrypted_zip,
    zip_of_two_files, truncated_zip, zip_with_bad_checksum, workbook, zip_in_zip, gzip_in_zip,
    tar_in_gzip,
)  # fmt: skip
