"""Inputs that are too big or too hostile to lie in a repository, made when a test needs them.

Each function gets a folder and writes one or more files there; `expected.json` names it. One that
goes on changing a file returns how to end that.
"""

import json
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final
from unittest import mock

from tests.bad_inputs import made_archives, made_parquet, made_values

Maker = Callable[[Path], Callable[[], None] | None]

HEADER: Final = "user,time,event,item,title,price\n"


def good_line(number: int, title: str = "Tent") -> str:
    """A line with which nothing is wrong."""
    return f"u{number},2024-03-01T10:{number % 60:02d}:00Z,view,A{number % 5},{title},9.50\n"


def good_lines(first: int, end: int) -> str:
    return "".join(map(good_line, range(first, end)))


def good_object(number: int, **more: object) -> str:
    """A JSON line with which nothing is wrong."""
    event = {
        "user": f"u{number}",
        "time": f"2024-03-01T10:{number % 60:02d}:00Z",
        "event": "view",
        "item": f"A{number % 5}",
        "title": "Tent",
        "price": 9.5,
    }
    return json.dumps({**event, **more}) + "\n"


def good_objects(first: int, end: int) -> str:
    return "".join(map(good_object, range(first, end)))


# Long lines


def field_too_long(folder: Path) -> None:
    text = HEADER + good_lines(0, 30) + good_line(30, "x" * 200_000) + good_lines(31, 51)
    (folder / "orders.csv").write_text(text)


def line_of_50_mb(folder: Path) -> None:
    text = HEADER + good_lines(0, 30) + good_line(30, "x" * 50_000_000) + good_lines(31, 41)
    (folder / "orders.csv").write_text(text)


def object_of_50_mb(folder: Path) -> None:
    long = good_object(30, title="x" * 50_000_000)
    (folder / "orders.jsonl").write_text(good_objects(0, 30) + long + good_objects(31, 41))


# JSON


def _write_objects_around(folder: Path, line: str) -> None:
    text = good_objects(0, 30) + line + good_objects(31, 40)
    (folder / "orders.jsonl").write_text(text)


def nested_100_k_deep(folder: Path) -> None:
    nested = "[" * 100_000 + "]" * 100_000
    line = good_object(30, extra="@").replace('"@"', nested)
    _write_objects_around(folder, line)


def ten_thousand_keys(folder: Path) -> None:
    _write_objects_around(folder, good_object(30, extra={f"k{n}": n for n in range(10_000)}))


def long_list(folder: Path) -> None:
    line = good_object(30, extra="@").replace('"@"', "[" + "0," * 400_000 + "0]")
    _write_objects_around(folder, line)


def list_of_a_million(folder: Path) -> None:
    objects = [json.loads(good_object(number)) for number in range(39)]
    objects.append(json.loads(good_object(39, extra=[0] * 1_000_000)))
    (folder / "orders.json").write_text(json.dumps(objects))


def long_array(folder: Path) -> None:
    with (folder / "orders.json").open("w") as file:
        file.write("[" + good_object(0, title="x" * 1000))
        line = "," + good_object(1, title="x" * 1000)
        for _ in range(65):
            file.write(line * 1000)
        file.write("]")


# Paths


def symlink_out_of_root(folder: Path) -> None:
    (folder.parent / "orders.csv").write_text(HEADER + good_lines(0, 4))
    (folder / "link.csv").symlink_to(folder.parent / "orders.csv")


def symlink_within(folder: Path) -> None:
    (folder / "orders.csv").write_text(HEADER + good_lines(0, 4))
    (folder / "link.csv").symlink_to("orders.csv")


def symlink_to_nothing(folder: Path) -> None:
    (folder / "link.csv").symlink_to("none.csv")


def symlink_loop(folder: Path) -> None:
    (folder / "link.csv").symlink_to("link.csv")


def fifo(folder: Path) -> None:
    os.mkfifo(folder / "orders.csv")


def unix_socket(folder: Path) -> None:
    # A socket's path may be a hundred bytes long at most, which a test's folder is not.
    here = os.open(folder, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(f"/proc/self/fd/{here}/orders.csv")
    finally:
        os.close(here)


def subfolder(folder: Path) -> None:
    (folder / "orders").mkdir()


def unreadable(folder: Path) -> Callable[[], None]:
    (folder / "orders.csv").write_text(HEADER + good_lines(0, 4))
    (folder / "orders.csv").chmod(0)
    # Root may read anything, and the system says so.
    asked, secret = os.access, folder / "orders.csv"
    told = mock.patch.object(os, "access", lambda path, mode: path != secret and asked(path, mode))
    told.start()
    return told.stop


# Files that change


def _once_open(path: Path, change: Callable[[], None]) -> Callable[[], None]:
    """Do `change` each time when the file has just been opened; return how to end that."""
    real_open = os.open

    def open_and_change(name: str | Path, flags: int, mode: int = 0o777) -> int:
        descriptor = real_open(name, flags, mode)
        if name == path:
            change()
        return descriptor

    opened = mock.patch.object(os, "open", open_and_change)
    opened.start()
    return opened.stop


def growing_file(folder: Path) -> Callable[[], None]:
    path = folder / "orders.csv"
    path.write_text(HEADER + good_lines(0, 4))

    def grow() -> None:
        with path.open("a") as file:
            file.write(good_line(1))

    return _once_open(path, grow)


def replaced_file(folder: Path) -> Callable[[], None]:
    """Replaced by a copy of the same size and time, so that only the file itself is another."""
    path = folder / "orders.csv"
    path.write_text(HEADER + good_lines(0, 4))

    def replace() -> None:
        shutil.copy2(path, folder / "copy.csv")
        (folder / "copy.csv").replace(path)

    return _once_open(path, replace)


def rewritten_parquet(folder: Path) -> Callable[[], None]:
    """Written anew with the same bytes."""
    made_parquet.parquet_with_checksums(folder)
    path = folder / "orders.parquet"
    return _once_open(path, lambda: os.utime(path))


MAKERS: Final[dict[str, Maker]] = {
    maker.__name__: maker
    for maker in (
        *made_archives.MAKERS, *made_parquet.MAKERS, *made_values.MAKERS,
        field_too_long, line_of_50_mb, object_of_50_mb,
        nested_100_k_deep, ten_thousand_keys, long_list, list_of_a_million, long_array,
        symlink_out_of_root, symlink_within, symlink_to_nothing, symlink_loop,
        fifo, unix_socket, subfolder, unreadable,
        growing_file, replaced_file, rewritten_parquet,
    )
}  # fmt: skip
