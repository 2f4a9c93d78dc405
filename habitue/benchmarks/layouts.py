"""The files of published next-item benchmarks, read as they come.

Comes in: a path. Goes out: histories of item columns, with the items' own ids. Two layouts: lines
`user item item …` in time order (lines of one user are taken together, so that one line an event
reads as well), and a folder of sessions, lists of ids a line, with ready-made test examples. Any
file may be packed; ids are texts. Knows nothing about what is trained or tested on what.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from habitue.baselines.item_histories import ItemHistories
from habitue.display import inert, shorten
from habitue.errors import FileRefused, NotEnoughData
from habitue.events.compression import read_blocks
from habitue.events.encoding import as_utf8

_PACKED: Final = (".gz", ".zst", ".zip")
_ATTRIBUTES: Final = "_item2attributes.json"
_MAX_BYTES: Final = 4 << 30  # of one file; the whole of it is in memory


@dataclass
class ItemNumbers:
    """The column of each item id, in order of first appearance."""

    columns: dict[str, int] = field(default_factory=dict)

    def of(self, item_id: str) -> int:
        """Return the column, a new one for an id that is new."""
        return self.columns.setdefault(item_id, len(self.columns))

    def __len__(self) -> int:
        return len(self.columns)


@dataclass(frozen=True)
class UserHistories:
    """A file of users' histories."""

    name: str
    sha256: str  # of the unpacked bytes
    histories: ItemHistories  # one a user
    items: ItemNumbers
    empty_users: int  # named, and without any item


@dataclass(frozen=True)
class SessionExamples:
    """A folder of sessions: those to learn from, and the questions of the test."""

    name: str
    sha256: str  # of the unpacked bytes, training first
    sessions: ItemHistories
    questions: ItemHistories  # what was clicked before
    answers: npt.NDArray[np.int64]  # [questions] the click after it
    items: ItemNumbers


def read_histories(path: Path) -> UserHistories:
    """Read lines `user item item …`.

    Raises:
        FileRefused: as `read_blocks` and `as_utf8`; `benchmark_layout`, a line is no such line;
            `not_utf8`.
        NotEnoughData: nobody has three items.
    """
    content = _content(path)
    users: dict[str, list[int]] = {}
    items = ItemNumbers()
    for number, line in _lines(content):
        words = _words(line, path, number)
        history = users.setdefault(words[0], [])
        history += [items.of(word) for word in words[1:]]
    _check_histories(users, path)
    told = [history for history in users.values() if history]
    digest = hashlib.sha256(content).hexdigest()
    empty = len(users) - len(told)
    return UserHistories(stem(path), digest, ItemHistories.of(told), items, empty)


def find_attributes(path: Path) -> Path | None:
    """Return the side file beside a file of histories: its name and `_item2attributes.json`."""
    for ending in ("", *_PACKED):
        beside = path.with_name(f"{stem(path)}{_ATTRIBUTES}{ending}")
        if beside.is_file():
            return beside
    return None


def read_attributes(path: Path, items: ItemNumbers) -> tuple[ItemHistories, str]:
    """Return the attribute numbers of each item, [num_items], from 0, and the file's digest.

    Items that the histories do not know are left out; a number stands for one attribute text.

    Raises:
        FileRefused: as `read_histories`; `benchmark_layout`, it is no object of lists.
    """
    content = _content(path)
    told = _json(content, path, 1, _ATTRIBUTES_EXPECTED)
    if not isinstance(told, dict):
        raise _wrong_layout(path, 1, content[:80].decode(errors="replace"), _ATTRIBUTES_EXPECTED)
    numbers = ItemNumbers()
    rows: list[list[int]] = [[] for _ in range(len(items))]
    for item_id, labels in told.items():
        if not isinstance(labels, list):
            raise _wrong_layout(path, 1, f"{item_id}: {labels}", _ATTRIBUTES_EXPECTED)
        column = items.columns.get(item_id)
        ids = [_id(label, path, 1, _ATTRIBUTES_EXPECTED) for label in labels]
        if column is not None:
            rows[column] = [numbers.of(one) for one in dict.fromkeys(ids)]
    return ItemHistories.of(rows), hashlib.sha256(content).hexdigest()


def read_sessions(folder: Path) -> SessionExamples:
    """Read a folder with training sessions and test examples, as JSON lines.

    The files are `train_sessions.jsonl` and `test_examples.jsonl`, or the only ones whose names
    begin with `train` and `test`.

    Raises:
        FileRefused: as `read_histories`; `benchmark_files`, one of the two files is not there.
        NotEnoughData: no session has two items, or there is no test example.
    """
    paths = [_only_file(folder, part) for part in ("train", "test")]
    contents = [_content(path) for path in paths]
    items = ItemNumbers()
    sessions = [_session(*told, paths[0], items) for told in _lines(contents[0])]
    examples = [_example(*told, paths[1], items) for told in _lines(contents[1])]
    if not examples or all(len(session) < 2 for session in sessions):
        raise NotEnoughData(
            f"{folder} holds {len(sessions)} sessions and {len(examples)} test examples; at least "
            "one session of two items and one example are needed.",
            fix="Name a folder with both files filled.",
        )
    digest = hashlib.sha256(b"".join(contents)).hexdigest()
    questions, answers = zip(*examples, strict=True)
    return SessionExamples(
        folder.resolve().name, digest, ItemHistories.of(sessions), ItemHistories.of(questions),
        np.array(answers, dtype=np.int64), items,
    )  # fmt: skip


def stem(path: Path) -> str:
    """Return a file's name without its endings of packing and of text.

    >>> stem(Path("a/Beauty.v2.txt.gz"))
    'Beauty.v2'
    """
    name = path.name
    for ending in _PACKED:
        name = name.removesuffix(ending)
    return Path(name).stem


_LINE_EXPECTED = "a user id and item ids in time order, separated by spaces or tabs"
_ATTRIBUTES_EXPECTED = 'one JSON object of lists: {"item id": [attribute, …], …}'
_SESSION_EXPECTED = "a JSON list of item ids, such as [12, 7, 31]"
_EXAMPLE_EXPECTED = 'a JSON object such as {"seq": [12, 7], "label": 31}'


def _content(path: Path) -> bytes:
    """The unpacked bytes, as UTF-8 without a mark."""
    content = bytearray()
    for block in as_utf8(read_blocks(path), "utf-8", path).blocks:
        content += block
        if len(content) > _MAX_BYTES:
            raise FileRefused(
                f"{path} unpacks to more than {_MAX_BYTES:,} bytes; a benchmark is read whole.",
                fix="Take a part of it.",
                code="file_too_large",
            )
    try:
        content.decode()
    except UnicodeDecodeError as error:
        raise FileRefused(
            f"{path} is no UTF-8 text: byte {error.start} of it cannot be decoded.",
            fix="Name a text file, or convert it: iconv -f ENCODING -t UTF-8.",
            code="not_utf8",
        ) from None
    return bytes(content)


def _lines(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The lines that hold anything, with their numbers."""
    if b"\n" not in content:
        content = content.replace(b"\r", b"\n")
    for number, line in enumerate(content.split(b"\n"), start=1):
        if stripped := line.strip():
            yield number, stripped


def _words(line: bytes, path: Path, number: int) -> list[str]:
    words = line.decode().split()
    is_listed = any(sign in words[0] for sign in ",;|") and (
        len(words) == 1 or words[0][-1] in ",;|"
    )
    if is_listed or words[0][0] in "[{":
        raise _wrong_layout(path, number, line.decode(), _LINE_EXPECTED)
    return words


def _check_histories(users: dict[str, list[int]], path: Path) -> None:
    longest = max((len(history) for history in users.values()), default=0)
    if longest < 3:
        raise NotEnoughData(
            f"No user of {path} has three items (the longest history has {longest}); one to learn "
            "from, one to choose by and one to test on are needed.",
            fix=f"Name a file whose lines are {_LINE_EXPECTED}.",
        )


def _only_file(folder: Path, part: str) -> Path:
    if not folder.is_dir():
        raise FileRefused(
            f"{folder} is no folder.",
            fix="Name the folder with train_sessions.jsonl and test_examples.jsonl.",
            code="benchmark_files",
        )
    found = sorted(
        path
        for path in folder.iterdir()
        if path.name.startswith(part) and ".json" in path.name and path.is_file()
    )
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        usual = {"train": "train_sessions.jsonl", "test": "test_examples.jsonl"}[part]
        raise FileRefused(
            f"{folder} should hold one file {part}….jsonl; it holds {names}.",
            fix=f"Put {usual} there, packed or not, and no other of that kind.",
            code="benchmark_files",
        )
    return found[0]


def _session(number: int, line: bytes, path: Path, items: ItemNumbers) -> list[int]:
    told = _json(line, path, number, _SESSION_EXPECTED)
    return _columns(told, path, number, _SESSION_EXPECTED, items)


def _example(number: int, line: bytes, path: Path, items: ItemNumbers) -> tuple[list[int], int]:
    told = _json(line, path, number, _EXAMPLE_EXPECTED)
    if not isinstance(told, dict) or not {"seq", "label"} <= told.keys():
        raise _wrong_layout(path, number, line.decode(), _EXAMPLE_EXPECTED)
    question = _columns(told["seq"], path, number, _EXAMPLE_EXPECTED, items)
    return question, items.of(_id(told["label"], path, number, _EXAMPLE_EXPECTED))


def _columns(told: object, path: Path, number: int, expected: str, items: ItemNumbers) -> list[int]:
    if not isinstance(told, list):
        raise _wrong_layout(path, number, json.dumps(told), expected)
    return [items.of(_id(one, path, number, expected)) for one in told]


def _id(told: object, path: Path, number: int, expected: str) -> str:
    """An id as text; a number with a fraction, a list or nothing is none."""
    if isinstance(told, bool) or not isinstance(told, str | int):
        raise _wrong_layout(
            path, number, json.dumps(told), f"{expected}; ids are texts or integers"
        )
    return str(told)


def _json(text: bytes, path: Path, number: int, expected: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise _wrong_layout(path, number, text[:200].decode(errors="replace"), expected) from None


def _wrong_layout(path: Path, number: int, told: str, expected: str) -> FileRefused:
    return FileRefused(
        f"Line {number} of {path} is '{inert(shorten(told, 60))}'; expected {expected}.",
        fix="Name a file in that layout; see docs/benchmarks.md.",
        code="benchmark_layout",
    )
