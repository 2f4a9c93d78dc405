"""Parquet files of odd types, of odd shapes, and damaged ones."""

import gzip
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

_NAME: Final = "orders.parquet"


def _columns(**changes: object) -> dict[str, object]:
    """Four good events, but for the columns given."""
    return {
        "user": ["u0", "u1", "u2", "u3"],
        "time": [f"2024-03-01T10:0{n}:00Z" for n in range(4)],
        "event": ["view"] * 4,
        "item": ["A0", "A1", "A2", "A3"],
        "title": ["Tent"] * 4,
        "price": [9.5] * 4,
        **changes,
    }


def _write(
    path: Path, columns: Mapping[str, object], *, checksums: bool = True, int96: bool = False
) -> bytes:
    pq.write_table(
        pa.table(columns),
        path,
        compression="NONE",
        use_dictionary=False,
        write_page_checksum=checksums,
        use_deprecated_int96_timestamps=int96,
    )
    return path.read_bytes()


def _times(unit: str = "us", zone: str | None = None) -> pa.Array:
    moments = [datetime(2024, 3, 1, 10, n) for n in range(4)]
    return pa.array(moments, pa.timestamp(unit)).cast(pa.timestamp(unit, zone))


def parquet_float_ids(folder: Path) -> None:
    _write(folder / _NAME, _columns(user=[1.0, 2.0, 3.0, 2.0**53]))


def parquet_integer_ids(folder: Path) -> None:
    _write(folder / _NAME, _columns(user=[2**53 + 1, 2**53 + 2, 3, 4]))


def parquet_boolean_ids(folder: Path) -> None:
    _write(folder / _NAME, _columns(user=[True, False, True, True]))


def parquet_text_times(folder: Path) -> None:
    _write(folder / _NAME, _columns())


def parquet_truncated(folder: Path) -> None:
    whole = _write(folder / _NAME, _columns())
    (folder / _NAME).write_bytes(whole[: len(whole) // 2])


def parquet_bit_flip(folder: Path) -> None:
    whole = bytearray(_write(folder / _NAME, _columns()))
    whole[whole.index(b"Tent\x04\0\0\0Tent")] ^= 1
    (folder / _NAME).write_bytes(bytes(whole))


def parquet_footer_flip(folder: Path) -> None:
    whole = bytearray(_write(folder / _NAME, _columns()))
    whole[len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")] ^= 0xFF
    (folder / _NAME).write_bytes(bytes(whole))


def parquet_text_that_is_no_utf8(folder: Path) -> None:
    whole = _write(folder / _NAME, _columns(), checksums=False)
    (folder / _NAME).write_bytes(whole.replace(b"Tent\x04", b"T\xffnt\x04"))


def parquet_metadata_that_are_no_utf8(folder: Path) -> None:
    whole = _write(folder / _NAME, _columns())
    (folder / _NAME).write_bytes(whole.replace(b"ARROW:schema", b"ARROW:\xffchema"))


def parquet_without_checksums(folder: Path) -> None:
    _write(folder / _NAME, _columns(), checksums=False)


def parquet_with_checksums(folder: Path) -> None:
    _write(folder / _NAME, _columns(), checksums=True)


def parquet_int96(folder: Path) -> None:
    _write(folder / _NAME, _columns(time=_times("ns", "UTC")), int96=True)


def parquet_naive_times(folder: Path) -> None:
    _write(folder / _NAME, _columns(time=_times()))


def parquet_zoned_times(folder: Path) -> None:
    _write(folder / _NAME, _columns(time=_times("ms", "Asia/Shanghai")))


def parquet_dictionary_and_decimal(folder: Path) -> None:
    changes = {
        "title": pa.array(["Tent"] * 4).dictionary_encode(),
        "price": pa.array([Decimal("9.50")] * 4, pa.decimal128(10, 2)),
    }
    _write(folder / _NAME, _columns(**changes))


def parquet_named_csv(folder: Path) -> None:
    _write(folder / "orders.csv", _columns())


def parquet_in_gzip(folder: Path) -> None:
    whole = _write(folder / _NAME, _columns())
    (folder / _NAME).unlink()
    (folder / "orders.csv.gz").write_bytes(gzip.compress(whole))


def _nested(depth: int) -> pa.DataType:
    kind = pa.int8()
    for _ in range(depth):
        kind = pa.list_(kind)
    return kind


def parquet_deep_lists(folder: Path) -> None:
    extra = pa.nulls(4, _nested(100))
    _write(folder / _NAME, {**_columns(), "extra": extra})


def _schema_only(root: bytes, elements: bytes, num_elements: int) -> bytes:
    """A Parquet file without rows, whose footer holds these elements of a schema."""
    count = num_elements + 1
    length = b"\xfc" + _varint(count) if count >= 15 else bytes([count << 4 | 0xC])
    footer = b"\x15\x02\x19" + length + root + elements + b"\x16\x00\x19\x0c\x00"
    return b"PAR1" + footer + len(footer).to_bytes(4, "little") + b"PAR1"


def _varint(number: int) -> bytes:
    bytes_ = bytearray()
    while number >= 0x80:
        bytes_.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*bytes_, number])


def _group(name: bytes, num_children: int, kind: bytes = b"") -> bytes:
    """A schema element with children; `kind` is its repetition, and its converted type."""
    named = (b"\x18" if kind else b"\x48") + _varint(len(name)) + name
    return kind[:2] + named + b"\x15" + _varint(2 * num_children) + kind[2:] + b"\x00"


def parquet_million_columns(folder: Path) -> None:
    """The schema alone: a million columns of bytes."""
    leaf = b"\x15\x04\x25\x02\x18\x07"
    leaves = b"".join(leaf + b"%07d\x00" % number for number in range(1_000_000))
    root = _group(b"schema", 1_000_000)
    (folder / _NAME).write_bytes(_schema_only(root, leaves, 1_000_000))


def parquet_deeper_lists(folder: Path) -> None:
    """The schema alone: lists in lists, as a chain of repeated groups."""
    group = _group(b"list", 1, b"\x35\x04")
    leaf = b"\x15\x04\x25\x02\x18\x01x\x00"
    root = _group(b"schema", 1)
    (folder / _NAME).write_bytes(_schema_only(root, group * 3000 + leaf, 3001))


MAKERS: Final[tuple[Callable[[Path], None], ...]] = (
    parquet_float_ids, parquet_integer_ids, parquet_boolean_ids, parquet_text_times,
    parquet_truncated, parquet_bit_flip, parquet_footer_flip, parquet_without_checksums,
    parquet_with_checksums, parquet_int96, parquet_naive_times, parquet_zoned_times,
    parquet_dictionary_and_decimal, parquet_named_csv, parquet_in_gzip, parquet_deep_lists,
    parquet_million_columns, parquet_deeper_lists, parquet_text_that_is_no_utf8,
    parquet_metadata_that_are_no_utf8,
)  # fmt: skip
