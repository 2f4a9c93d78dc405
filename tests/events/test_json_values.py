import datetime as dt
from decimal import Decimal
from uuid import UUID

import pytest

from habitue.events.json_values import (
    DecimalNumber,
    Flaw,
    WholeNumber,
    json_text,
    native_value,
    object_of,
    parse_json,
)


def test_numbers_keep_the_text_they_have() -> None:
    value = parse_json('{"a": 1e5, "b": 1.0, "c": 9007199254740993, "d": [0.10]}')
    assert isinstance(value, dict)
    assert isinstance(value["a"], DecimalNumber)
    assert isinstance(value["c"], WholeNumber)
    assert json_text(value) == '{"a":1e5,"b":1.0,"c":9007199254740993,"d":[0.10]}'


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b'{"a": "\xff"}', "not_utf8"),
        ('{"a": 1,}', "json_syntax"),
        ('{"a": 1, "a": 2}', "duplicate_key"),
        ("[" * 200_000, "too_deep"),
        ("NaN", "not_a_number"),
        ("1e400", "number_range"),
    ],
)
def test_what_is_not_allowed_is_a_flaw(text: bytes | str, code: str) -> None:
    assert parse_json(text) == Flaw(code)


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (7, WholeNumber, "7"),
        (2.5, DecimalNumber, "2.5"),
        (1e22, DecimalNumber, "1e+22"),
        (Decimal("12345678901234567890123"), WholeNumber, "12345678901234567890123"),
        (Decimal("1.50"), DecimalNumber, "1.50"),
        (Decimal("3.00"), WholeNumber, "3"),
        (Decimal("1E+3"), WholeNumber, "1000"),
        (Decimal("9" * 38), WholeNumber, "9" * 38),
        (Decimal("1E+30"), WholeNumber, "1" + "0" * 30),
        (dt.datetime(2024, 1, 2, 3, 4, 5), str, "2024-01-02 03:04:05"),
        (dt.datetime(2024, 1, 2, tzinfo=dt.UTC), str, "2024-01-02 00:00:00+00:00"),
        (dt.date(2024, 1, 2), str, "2024-01-02"),
        (UUID(int=1), str, "00000000-0000-0000-0000-000000000001"),
        (b"hi", str, "hi"),
        ("007", str, "007"),
    ],
)
def test_values_of_databases_and_arrow_look_as_if_parsed(
    value: object, kind: type, text: str
) -> None:
    found = native_value(value)
    assert type(found) is kind
    assert found == text


def test_what_means_nothing_and_what_cannot_be_said() -> None:
    row = {"a": float("nan"), "b": Decimal("NaN"), "c": None, "d": True, "e": (1, {"f": 2})}
    assert object_of(row) == {"a": None, "b": None, "c": None, "d": True, "e": ["1", {"f": "2"}]}
    assert native_value(b"\xff") == Flaw("not_utf8")
    assert native_value(object()) == Flaw("type")
