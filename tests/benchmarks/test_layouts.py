import gzip
import json
from pathlib import Path

import pytest

from habitue.benchmarks.layouts import (
    find_attributes,
    read_attributes,
    read_histories,
    read_sessions,
)
from habitue.errors import FileRefused, NotEnoughData
from tests.benchmarks.made import ring_lines, write_ring, write_sessions


def read(path: Path, content: bytes) -> list[list[str]]:
    path.write_bytes(content)
    told = read_histories(path)
    ids = list(told.items.columns)
    histories = told.histories
    return [
        [ids[item] for item in histories.rows(row, row + 1).items] for row in range(len(histories))
    ]


PLAIN = b"u1 a b c\nu2 b c d e\n"
TOLD = [["a", "b", "c"], ["b", "c", "d", "e"]]


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.replace(b"\n", b"\r\n"),
        PLAIN.replace(b"\n", b"\r"),
        PLAIN.replace(b"\n", b"\n\n  \n"),
        PLAIN.replace(b" ", b"\t"),
        b"\n" + PLAIN.rstrip(),
        b"\xef\xbb\xbf" + PLAIN,
        PLAIN.decode().encode("utf-16"),
        gzip.compress(PLAIN, mtime=0),
    ],
    ids=["plain", "crlf", "cr", "blank", "tabs", "no-last-line-end", "mark", "utf16", "gzip"],
)
def test_the_same_histories_are_read_however_they_are_written(
    tmp_path: Path, content: bytes
) -> None:
    assert read(tmp_path / "log.txt", content) == TOLD


def test_ids_are_texts(tmp_path: Path) -> None:
    content = "007 ü-1 1 01 1.0\n7 伞 1 x y\n".encode()
    assert read(tmp_path / "a.txt", content) == [["ü-1", "1", "01", "1.0"], ["伞", "1", "x", "y"]]


def test_lines_of_one_user_are_taken_together_in_their_order(tmp_path: Path) -> None:
    content = b"u1 a\nu2 b\nu1 b\nu2 c\nu1 c\nu2 d e\n"
    assert read(tmp_path / "a.txt", content) == TOLD


def test_a_user_without_items_is_counted_and_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"u0\n" + PLAIN)
    told = read_histories(tmp_path / "a.txt")
    assert (len(told.histories), told.empty_users) == (2, 1)


def test_the_digest_is_that_of_the_unpacked_bytes(tmp_path: Path) -> None:
    plain = read_histories(write_ring(tmp_path / "Ring.txt"))
    packed = read_histories(write_ring(tmp_path / "Ring.txt.gz"))
    assert plain.sha256 == packed.sha256
    assert plain.name == packed.name == "Ring"


@pytest.mark.parametrize(
    ("content", "code", "sentence"),
    [
        (b"", "empty_file", "is empty"),
        (b"u1,a,b,c\nu2,a\n", "benchmark_layout", "Line 1 of .* is 'u1,a,b,c'; expected a user id"),
        (b"u1 a b c\nu2, a, b\n", "benchmark_layout", "Line 2 of .* is 'u2, a, b'"),
        (b"[1, 2, 3]\n", "benchmark_layout", r"Line 1 of .* is '\[1, 2, 3\]'"),
        (b"u1 a \xff c\n", "not_utf8", "byte 5 of it cannot be decoded"),
        (b"%PDF-1.4\n", "unknown_format", "is a PDF document"),
        (gzip.compress(PLAIN, mtime=0)[:-9], "gzip_truncated", "is cut off"),
    ],
)
def test_a_file_of_another_layout_is_refused(
    tmp_path: Path, content: bytes, code: str, sentence: str
) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(FileRefused, match=sentence) as refused:
        read_histories(path)
    assert refused.value.code == code


def test_histories_too_short_to_be_tested_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"u1 a b\nu2 c\n")
    with pytest.raises(NotEnoughData, match=r"No user of .* has three items \(the longest .* 2\)"):
        read_histories(path)


@pytest.mark.parametrize("name", ["Ring.txt", "Ring.txt.gz"])
def test_attributes_are_found_beside_the_file(tmp_path: Path, name: str) -> None:
    path = write_ring(tmp_path / name)
    assert find_attributes(path) is None
    beside = tmp_path / "Ring_item2attributes.json.gz"
    beside.write_bytes(gzip.compress(json.dumps({"i1": [7, "red", 7], "unheard": [1]}).encode()))
    assert find_attributes(path) == beside
    told = read_histories(path)
    labels, _ = read_attributes(beside, told.items)
    assert labels.lengths[told.items.columns["i1"]] == 2
    assert labels.lengths.sum() == 2


@pytest.mark.parametrize("content", ["[1]", '{"i1": 3}', '{"i1": [[2]]}', "{", '{"i1": [1.5]}'])
def test_attributes_of_another_layout_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    told = read_histories(write_ring(tmp_path / "Ring.txt"))
    with pytest.raises(FileRefused, match="expected one JSON object of lists"):
        read_attributes(path, told.items)


def test_sessions_are_read_with_their_questions(tmp_path: Path) -> None:
    told = read_sessions(write_sessions(tmp_path / "clicks"))
    assert told.name == "clicks"
    assert (len(told.sessions), len(told.questions), len(told.answers)) == (80, 40, 40)
    walk = ring_lines(80)[0].split()[1:]
    assert [list(told.items.columns)[item] for item in told.questions.rows(0, 1).items] == walk[:-1]
    assert list(told.items.columns)[told.answers[0]] == walk[-1]


def test_a_number_and_the_same_text_are_one_item(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text('[1, "2"]\n\n["1", 2, 3]\n')
    (tmp_path / "test.jsonl.gz").write_bytes(gzip.compress(b'{"seq": ["1"], "label": 2}\r\n'))
    assert list(read_sessions(tmp_path).items.columns) == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("train", "test", "sentence"),
    [
        ("[1, 2]\n[1, 2.5]\n", "", "Line 2 of .*train_sessions.jsonl is '2.5'"),
        ("[1, true]\n", "", "Line 1 of .* is 'true'; .*ids are texts or integers"),
        ("[1, 2\n", "", r"Line 1 of .* is '\[1, 2'; expected a JSON list of item ids"),
        ("[1, 2]\n", '{"seq": [1]}\n', 'expected a JSON object such as {"seq"'),
        ("[1, 2]\n", '{"seq": 1, "label": 2}\n', "Line 1 of .*test_examples.jsonl is '1'"),
    ],
)
def test_sessions_of_another_layout_are_refused(
    tmp_path: Path, train: str, test: str, sentence: str
) -> None:
    (tmp_path / "train_sessions.jsonl").write_text(train)
    (tmp_path / "test_examples.jsonl").write_text(test or '{"seq": [1], "label": 2}\n')
    with pytest.raises(FileRefused, match=sentence):
        read_sessions(tmp_path)


def test_a_folder_without_the_two_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="is no folder"):
        read_sessions(tmp_path / "nowhere")
    with pytest.raises(FileRefused, match=r"should hold one file train….jsonl; it holds none"):
        read_sessions(tmp_path)
    for name in ("train.jsonl", "train_sessions.jsonl.gz"):
        (tmp_path / name).write_text("[1, 2]\n")
    with pytest.raises(FileRefused, match=r"it holds train.jsonl, train_sessions.jsonl.gz"):
        read_sessions(tmp_path)
