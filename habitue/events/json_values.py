"""JSON values, their numbers by the text they have in the file.

In: one document as bytes or text, or a value as Python and Arrow know it. Out: dicts, lists, texts,
true and false; a number is a text of a kind of its own, because an id must not change its look;
what is not allowed is a `Flaw` in its place. Knows nothing about files or fields.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from math import isfinite
from uuid import UUID

MAX_KEYS = 1_000
_MAX_INTEGER_DIGITS = 19

JsonObject = dict[str, object]


class WholeNumber(str):
    """An integer by the text it has in the file."""

    __slots__ = ()


class DecimalNumber(str):
    """A number with a point or an exponent, by its text."""

    __slots__ = ()


@dataclass(frozen=True)
class Flaw:
    """Stands in a parsed value where JSON allows what we do not."""

    code: str


class Flawed(Exception):
    """Raised where a record cannot be read; readers turn it into a rejection."""

    def __init__(self, code: str, field: str) -> None:
        super().__init__(code)
        self.code = code
        self.field = field


def parse_json(text: bytes | str) -> object:
    """Return the value of one document, with a `Flaw` in place of what is not allowed."""
    try:
        value: object = _DECODER.decode(text if isinstance(text, str) else text.decode("utf-8"))
    except UnicodeDecodeError:
        return Flaw("not_utf8")
    except RecursionError:
        return Flaw("too_deep")
    except ValueError:
        return Flaw("json_syntax")
    return value


def json_text(value: object) -> str:
    """Return a value as compact JSON, its numbers as they were written."""
    if isinstance(value, WholeNumber | DecimalNumber):
        return str(value)
    if isinstance(value, dict):
        inner = ",".join(f"{json.dumps(key)}:{json_text(cell)}" for key, cell in value.items())
        return "{" + inner + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(json_text, value)) + "]"
    if isinstance(value, Flaw):
        return f"<{value.code}>"
    return json.dumps(value, ensure_ascii=False)


def native_value(value: object) -> object:
    """Return a value as a database or Arrow hands it over, as if it had been parsed from JSON."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return WholeNumber(value)
    if isinstance(value, float):
        return DecimalNumber(repr(value)) if isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): native_value(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [native_value(inner) for inner in value]
    return _scalar_text(value)


def object_of(row: Mapping[str, object]) -> JsonObject:
    """Return a row of a database or of Arrow as if it had been parsed from JSON."""
    return {name: native_value(value) for name, value in row.items()}


def is_out_of_range(text: str) -> bool:
    """Return whether a whole number needs more than 64 bits."""
    digits = text.lstrip("-")
    if len(digits) < _MAX_INTEGER_DIGITS:
        return False
    return len(digits) > _MAX_INTEGER_DIGITS or int(digits) >= 1 << 63


def _scalar_text(value: object) -> object:
    if isinstance(value, Decimal):
        if not value.is_finite():
            return None
        whole = value.to_integral_value()
        return WholeNumber(f"{whole:f}") if value == whole else DecimalNumber(f"{value:f}")
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        try:
            return bytes(value).decode("utf-8")
        except UnicodeDecodeError:
            return Flaw("not_utf8")
    return str(value) if isinstance(value, UUID | timedelta) else Flaw("type")


def _unique_keys(pairs: list[tuple[str, object]]) -> object:
    value = dict(pairs)
    if len(value) != len(pairs):
        return Flaw("duplicate_key")
    return value if len(value) <= MAX_KEYS else Flaw("too_many_keys")


def _whole(text: str) -> object:
    return Flaw("number_range") if is_out_of_range(text) else WholeNumber(text)


def _finite(text: str) -> object:
    return DecimalNumber(text) if isfinite(float(text)) else Flaw("number_range")


def _not_a_number(text: str) -> object:
    return Flaw("not_a_number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique_keys,
    parse_int=_whole,
    parse_float=_finite,
    parse_constant=_not_a_number,
)
