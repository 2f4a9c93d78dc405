"""The value for which a row was set aside, out of the row as it is kept.

In: the row's raw text, the field, and the source that maps it. Out: the value as the file has it,
for people to see first. Knows nothing about why the value is wrong.
"""

import json
from collections.abc import Sequence
from typing import Final

from habitue.config import SourceSettings
from habitue.display import shorten
from habitue.events.records import storable

_SHOWN: Final = 60  # characters of a value


def bad_value(raw: str, field: str, source: SourceSettings | None) -> str | None:
    """Return what the row has for the field; None where the row or its source does not say.

    >>> bad_value('{"user": "u1", "price": "free"}', "price", None)
    'free'
    """
    if not field or raw[:1] != "{":
        return None
    try:
        row = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    cells = [cell for column in _columns(field, source) for cell in _cells(row, column)]
    told = [cell if isinstance(cell, str) else json.dumps(cell) for cell in cells if cell != ""]
    return storable(shorten(" ".join(told), _SHOWN)) if cells else None


def _columns(field: str, source: SourceSettings | None) -> Sequence[str]:
    """Return the file's columns of a field; readers name a column where they mean one."""
    mapped = source.columns.get(field, field) if source else field
    if source and field in source.constants and field not in source.columns:
        return []
    return [mapped] if isinstance(mapped, str) else mapped


def _cells(row: dict[str, object], column: str) -> list[object]:
    """Return the cell of a column, if there is one, in a row taken apart or of nested objects."""
    if column in row:
        return [row[column]]
    found: object = row
    for key in column.split("."):
        if not isinstance(found, dict) or key not in found:
            return []
        found = found[key]
    return [found]
