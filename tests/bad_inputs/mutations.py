"""Good files made bad by chance: bytes, lines and cells changed, doubled, moved and lost.

A mutation is a kind and two numbers that say where and with what, so that whatever draws numbers
can draw mutations; the same numbers give the same file.
"""

import io
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from tests.bad_inputs.makers import HEADER, good_line, good_object

Mutation = tuple[str, int, int]

# What a cell may hold where an export went wrong, or somebody means harm; no line ends.
HOSTILE: Final[tuple[bytes, ...]] = (
    b"", b" ", b'"', b'""', b'"x"y', b'x"y', b"'", b",", b"," * 40, b";", b"\t", b"\0", b"\x1a",
    b"\x1c", b"\x1e", b"\x1f", b"\x85", b"\xff", b"\xfe\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf",
    "\u2028".encode(), "\u202e".encode(), "e\u0301".encode(), "帐篷".encode("gb18030"),
    b"NaN", b"Infinity", b"-1e400", b"9" * 400, b"-0", b"1e5", b"007", b"null", b"undefined",
    b"true", b"2024-02-30", b"1970-01-01", b"9999-12-31T23:59:60Z", b"99999999999999999999",
    b"12,50 \xe2\x82\xac", b"{", b"}", b"[" * 300, b"]", b"\\", b"\\ud800", b"\\u0000", b'\\"',
    b'{"a":1,"a":2}', b"=cmd|' /C calc'!A0", b"'; DROP TABLE events; --", b"x" * 2000,
)  # fmt: skip


def csv_file(num_lines: int) -> bytes:
    lines = (_quoted_line(n) if n % 10 == 0 else good_line(n) for n in range(num_lines))
    return (HEADER + "".join(lines)).encode()


def json_lines_file(num_lines: int) -> bytes:
    return "".join(map(good_object, range(num_lines))).encode()


def parquet_file(num_rows: int, *, checksums: bool) -> bytes:
    rows = [json.loads(good_object(number)) for number in range(num_rows)]
    packed = io.BytesIO()
    table = pa.Table.from_pylist(rows)
    pq.write_table(table, packed, compression="NONE", write_page_checksum=checksums)
    return packed.getvalue()


def mutated(content: bytes, mutations: Iterable[Mutation]) -> bytes:
    for kind, where, what in mutations:
        content = KINDS[kind](content, where, what)
    return content


def with_hostile_cells(content: bytes, mutations: Iterable[tuple[int, int, int]]) -> bytes:
    """Give some cells of some lines another content, a hostile one: line, cell, content."""
    lines = content.split(b"\n")
    for line, cell, what in mutations:
        lines[line] = _with_cell(lines[line], cell, HOSTILE[what % len(HOSTILE)])
    return b"\n".join(lines)


def _quoted_line(number: int) -> str:
    return good_line(number, '"Tent, ""big"""')


def _flip_bit(content: bytes, where: int, what: int) -> bytes:
    changed = bytearray(content or b"\0")
    changed[where % len(changed)] ^= 1 << what % 8
    return bytes(changed)


def _delete_bytes(content: bytes, where: int, what: int) -> bytes:
    at = where % max(len(content), 1)
    return content[:at] + content[at + 1 + what % 20 :]


def _insert_bytes(content: bytes, where: int, what: int) -> bytes:
    at = where % (len(content) + 1)
    return content[:at] + HOSTILE[what % len(HOSTILE)] + content[at:]


def _repeat_bytes(content: bytes, where: int, what: int) -> bytes:
    at = where % max(len(content), 1)
    return content[:at] + content[at : at + 1 + what % 400] + content[at:]


def _cut_off(content: bytes, where: int, what: int) -> bytes:
    return content[: len(content) - where % max(len(content) // 4, 1)]


def _splice(content: bytes, where: int, what: int) -> bytes:
    """Go on with another file in the middle of this one."""
    others = (csv_file, json_lines_file, lambda n: parquet_file(n, checksums=True))
    at = where % (len(content) + 1)
    return content[:at] + others[what % 3](5) + content[at:]


def _delete_line(content: bytes, where: int, what: int) -> bytes:
    return _with_lines(content, where, lambda lines, at: lines[:at] + lines[at + 1 :])


def _repeat_line(content: bytes, where: int, what: int) -> bytes:
    return _with_lines(content, where, lambda lines, at: lines[: at + 1] + lines[at:])


def _swap_lines(content: bytes, where: int, what: int) -> bytes:
    def swapped(lines: list[bytes], at: int) -> list[bytes]:
        other = what % len(lines)
        lines[at], lines[other] = lines[other], lines[at]
        return lines

    return _with_lines(content, where, swapped)


def _join_lines(content: bytes, where: int, what: int) -> bytes:
    def joined(lines: list[bytes], at: int) -> list[bytes]:
        return [*lines[:at], b"".join(lines[at : at + 2]), *lines[at + 2 :]]

    return _with_lines(content, where, joined)


def _swap_cells(content: bytes, where: int, what: int) -> bytes:
    def swapped(lines: list[bytes], at: int) -> list[bytes]:
        cells = lines[at].split(b",")
        one, other = what % len(cells), what // 7 % len(cells)
        cells[one], cells[other] = cells[other], cells[one]
        return [*lines[:at], b",".join(cells), *lines[at + 1 :]]

    return _with_lines(content, where, swapped)


def _hostile_cell(content: bytes, where: int, what: int) -> bytes:
    def changed(lines: list[bytes], at: int) -> list[bytes]:
        line = _with_cell(lines[at], what // len(HOSTILE), HOSTILE[what % len(HOSTILE)])
        return [*lines[:at], line, *lines[at + 1 :]]

    return _with_lines(content, where, changed)


def _with_lines(
    content: bytes, where: int, change: Callable[[list[bytes], int], Sequence[bytes]]
) -> bytes:
    lines = content.split(b"\n")
    return b"\n".join(change(lines, where % len(lines)))


def _with_cell(line: bytes, cell: int, value: bytes) -> bytes:
    cells = line.split(b",")
    cells[cell % len(cells)] = value
    return b",".join(cells)


KINDS: Final[dict[str, Callable[[bytes, int, int], bytes]]] = {
    change.__name__.strip("_"): change
    for change in (
        _flip_bit, _delete_bytes, _insert_bytes, _repeat_bytes, _cut_off, _splice, _delete_line,
        _repeat_line, _swap_lines, _join_lines, _swap_cells, _hostile_cell,
    )
}  # fmt: skip
