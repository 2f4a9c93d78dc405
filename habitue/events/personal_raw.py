"""Personal data in rows that a reader set aside, or that follow a renamed column.

Cleaning has not seen these rows: they are a line, a JSON object or cells as the file has them. In:
such rows and their source. Out: the same without what names a person, but for the ids that the
source maps where the row says which they are. Knows nothing about how such things are told.
"""

import json
import re
from typing import Final

import polars as pl

from habitue.config import PersonalData, SourceSettings
from habitue.events.personal import may_hold_personal, redacted, worth_reading
from habitue.events.records import KNOWN_BY
from habitue.events.sources import id_columns

_VALUE: Final = r'("(?:{names})"\s*:\s*)("(?:[^"\\]|\\.)*"|-?[0-9]+)'
_HIDDEN: Final = re.compile("\ue000([0-9]+)\ue000")


def without_personal(
    rows: pl.DataFrame, source: SourceSettings, personal_data: PersonalData
) -> pl.DataFrame:
    """Return rejected rows without personal data; where that is to be kept, with `KNOWN_BY`.

    `KNOWN_BY` is the row as it would be kept without it: a row is known by that under any setting.
    """
    raw = rows["raw"]
    if rows.is_empty() or not may_hold_personal(raw, typed=True):
        return rows
    ids = id_columns(source)
    is_worth = worth_reading(raw, typed=True)
    clean = pl.Series(
        "raw",
        [
            _clean(text, form, ids) if is_read else text
            for is_read, text, form in zip(is_worth, raw, rows["form"], strict=True)
        ],
        dtype=pl.String,
    )
    if personal_data == "keep":
        return rows.with_columns(clean.alias(KNOWN_BY))
    held = rows["bytes"].set(clean != raw, None)
    is_held = held.is_null() & rows["bytes"].is_not_null()
    # What was no text cannot be read again once a part of its text is gone.
    form = pl.when(~pl.lit(is_held)).then("form")
    return rows.with_columns(clean, held, form=form)


def _clean(text: str, form: str | None, ids: frozenset[str]) -> str:
    if form == "cells":
        return _clean_object(_clean_cells(text, ids), ids)
    if form == "object":
        return _clean_object(text, frozenset(column.split(".")[-1] for column in ids))
    return redacted(text)[0]


def _clean_cells(text: str, ids: frozenset[str]) -> str:
    """Return cells, as JSON, each cleaned by itself: one may hold JSON of its own."""
    cells: dict[str, object] = json.loads(text)
    for name, cell in cells.items():
        if isinstance(cell, str) and name not in ids:
            cells[name] = redacted(cell)[0]
    return json.dumps(cells, ensure_ascii=False, separators=(",", ":"))


def _clean_object(text: str, ids: frozenset[str]) -> str:
    """Return JSON, whole or broken, without what is personal beside the values of these keys."""
    if not ids:
        return redacted(text)[0]
    hidden: list[str] = []

    def hide(found: re.Match[str]) -> str:
        hidden.append(found[2])
        return f'{found[1]}"\ue000{len(hidden) - 1}\ue000"'

    names = "|".join(re.escape(name) for name in sorted(ids))
    clean = redacted(re.sub(_VALUE.format(names=names), hide, text))[0]
    return re.sub(f'"{_HIDDEN.pattern}"', lambda found: hidden[int(found[1])], clean)
