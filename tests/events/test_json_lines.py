from pathlib import Path

import polars as pl
import pytest

from habitue.errors import FileRefused
from habitue.events.json_lines import list_paths, read_json_lines
from habitue.events.object_rows import WantedColumns


def read(
    tmp_path: Path, content: str | bytes, wanted: WantedColumns | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    path = tmp_path / "log.jsonl"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    pieces = list(read_json_lines(path, encoding="utf-8", wanted=wanted or WantedColumns()))
    return (
        pl.concat([piece.frame for piece in pieces], how="diagonal"),
        pl.concat([piece.rejected for piece in pieces]),
    )


def test_numbers_keep_the_text_they_have_in_the_file(tmp_path: Path) -> None:
    line = '{"id": 9007199254740993, "price": 1.10, "big": 1E5, "text": "007", "yes": true}'

    frame, _ = read(tmp_path, line)

    assert frame.select("id", "price", "big", "text", "yes").row(0) == (
        "9007199254740993",
        "1.10",
        "1E5",
        "007",
        "true",
    )


def test_objects_within_objects_become_dotted_columns(tmp_path: Path) -> None:
    frame, _ = read(tmp_path, '{"user": {"id": "u1", "geo": {"city": "Köln"}}, "tags": [1, 2.50]}')

    assert frame["user.id"][0] == "u1"
    assert frame["user.geo.city"][0] == "Köln"
    assert frame["tags"][0] == "[1,2.50]"


def test_order_with_items_gives_a_row_for_each_under_one_record(tmp_path: Path) -> None:
    line = '{"order": 1, "items": [{"sku": "a", "qty": 1}, {"sku": "b"}], "at": "2024"}\n'
    wanted = WantedColumns(columns=("order", "items.sku", "items.qty", "at"))

    frame, _ = read(tmp_path, line + '{"order": 2, "items": [], "at": "2025"}', wanted)

    assert frame.select("_record", "order", "items.sku", "items.qty", "at").rows() == [
        (1, "1", "a", "1", "2024"),
        (1, "1", "b", None, "2024"),
        (2, "2", None, None, "2025"),
    ]


def test_list_that_nobody_wants_stays_one_row(tmp_path: Path) -> None:
    frame, _ = read(tmp_path, '{"order": 1, "items": [{"sku": "a"}, {"sku": "b"}]}')

    assert frame.height == 1
    assert frame["items"][0] == '[{"sku":"a"},{"sku":"b"}]'


def test_object_that_is_wanted_whole_comes_as_json_too(tmp_path: Path) -> None:
    wanted = WantedColumns(columns=("properties", "properties.page"))

    frame, _ = read(tmp_path, '{"properties": {"page": "home", "n": 3}}', wanted)

    assert frame.select("properties", "properties.page").row(0) == (
        '{"page":"home","n":3}',
        "home",
    )


def test_wanted_columns_are_there_even_where_no_object_has_them(tmp_path: Path) -> None:
    frame, _ = read(tmp_path, '{"a": 1}', WantedColumns(columns=("user",)))

    assert frame["user"].to_list() == [None]
    assert frame.schema["user"] == pl.String


def test_blank_lines_are_skipped_and_counted_as_lines(tmp_path: Path) -> None:
    frame, rejected = read(tmp_path, b'\xef\xbb\xbf{"a":1}\n\n  \r\n{"a":2}')

    assert frame["a"].to_list() == ["1", "2"]
    assert frame["_line"].to_list() == [1, 4]
    assert frame["_record"].to_list() == [1, 2]
    assert frame["_offset"].to_list() == [3, 16]
    assert rejected.is_empty()


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'{"a": 1,}', "json_syntax"),
        (b'{"a": 1} {"a": 2}', "json_syntax"),
        (b'{"a": 1', "json_syntax"),
        (b"[1, 2]", "not_an_object"),
        (b"17", "not_an_object"),
        (b'{"user_id": "u1", "user_id": "u2"}', "duplicate_key"),
        (b'{"x": {"b": 1, "b": 2}}', "duplicate_key"),
        (b'{"x": [{"b": 1, "b": 2}]}', "duplicate_key"),
        (b'{"a": NaN}', "not_a_number"),
        (b'{"a": [-Infinity]}', "not_a_number"),
        (b'{"a": 1e400}', "number_range"),
        (b'{"a": "\\ud800"}', "bad_unicode"),
        (b'{"a": "x\\u0000y"}', "control_char"),
        (b'{"a": "x\x00y"}', "control_char"),
        (b'{"a": "\xff"}', "not_utf8"),
        (b'{"a":' * 9 + b"1" + b"}" * 9, "too_deep"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "too_deep"),
        (b'{"a":' + b"[" * 9 + b"]" * 9 + b"}", "too_deep"),
        (b"{" + b",".join(b'"k%d":1' % n for n in range(1001)) + b"}", "too_many_keys"),
        (b'{"a": [' + b"1," * 2000 + b"1]}", "too_many_keys"),
        (b'{"a": "' + b"x" * 1_100_000 + b'"}', "line_too_long"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_broken_line_costs_that_line_alone(tmp_path: Path, line: bytes, code: str) -> None:
    frame, rejected = read(tmp_path, b'{"a": 1}\n' + line + b'\n{"a": 3}\n')

    assert frame["a"].to_list() == ["1", "3"]
    assert frame["_line"].to_list() == [1, 3]
    assert rejected.select("_record", "_line", "code").rows() == [(2, 2, code)]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("true", "type"),
        ("[1]", "type"),
        ('{"x": 1}', "type"),
        ("1.0", "type"),
        ("9" * 20, "number_range"),
    ],
)
def test_ids_must_be_texts_or_whole_numbers(tmp_path: Path, value: str, code: str) -> None:
    wanted = WantedColumns(columns=("user",), id_columns=frozenset({"user"}))

    _, rejected = read(tmp_path, f'{{"user": {value}}}', wanted)

    assert rejected.select("code", "field").rows() == [(code, "user")]


def test_decimal_id_is_allowed_where_its_zero_is_stripped_later(tmp_path: Path) -> None:
    user = frozenset({"user"})
    wanted = WantedColumns(columns=("user",), id_columns=user, decimal_columns=user)

    frame, _ = read(tmp_path, '{"user": 17850.0}', wanted)

    assert frame["user"].to_list() == ["17850.0"]


def test_file_that_is_one_array_is_read(tmp_path: Path) -> None:
    frame, rejected = read(tmp_path, '[{"a": 1},\n {"a": 2, "a": 3},\n {"a": 4}]')

    assert frame["a"].to_list() == ["1", "4"]
    assert rejected["code"].to_list() == ["duplicate_key"]


def test_broken_array_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="begins as a JSON array and cannot be read as one"):
        read(tmp_path, '[{"a": 1},\n {"a": 2')


def test_huge_array_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("habitue.events.json_lines.MAX_DOCUMENT_BYTES", 1 << 20)

    with pytest.raises(FileRefused, match="one JSON array of more than 1 MB"):
        read(tmp_path, "[\n" + '{"a": 1},\n' * 900_000 + '{"a": 2}]')


def test_arrays_on_every_line_are_rejected_line_by_line(tmp_path: Path) -> None:
    frame, rejected = read(tmp_path, "[1,2]\n[3,4,5]\n")

    assert frame.is_empty()
    assert rejected["code"].to_list() == ["not_an_object", "not_an_object"]


def test_lists_of_objects_are_found(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"a": [1]}\n{"order": {"items": [{"sku": 1}]}, "b": []}\n')

    assert list_paths(path, encoding="utf-8") == ["order.items"]
