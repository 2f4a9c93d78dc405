"""Cleaning step: what names a person, or opens an account of theirs, goes out of free texts.

Comes in: a batch with each field from the file. Goes out: the same with e-mail addresses, telephone
and card numbers, bank accounts and passwords replaced by `[redacted]`, in the field and in the row
as the quarantine would keep it. Ids stay what they are: they are the store's to keep apart. Knows
nothing about how such things are told.
"""

from dataclasses import replace
from typing import Final

import polars as pl

from habitue.events.batch import Batch
from habitue.events.personal import may_hold_personal, redacted, worth_reading
from habitue.events.records import POSITION_COLUMNS
from habitue.events.words import changed, distinct_texts, is_coded, is_text, rows_where

# What people type, or pages send along; names of goods hold no cards or passwords.
_TYPED: Final = ("search_query", "properties", "campaign", "text")
_NAMES: Final = (
    "item_name", "item_category", "item_brand", "item_variant", "name", "category", "brand",
)  # fmt: skip
_FIELDS: Final = (*_TYPED, *_NAMES)
_AS_REDACTED: Final = "_as_redacted."


def redact_personal(batch: Batch) -> Batch:
    """Take personal data and secrets out of texts, or reject the rows, as the settings say."""
    for field in _FIELDS:
        if batch.has(field):
            found = _found(batch.frame[field], typed=field in _TYPED)
            if found.height and batch.rules.personal_data == "keep":
                return replace(batch, keeps_personal=True)
            if found.height:
                batch = _without(batch, field, found)
    return batch


def with_redacted(frame: pl.DataFrame, redacted_frame: pl.DataFrame) -> pl.DataFrame:
    """Return cleaned rows with their texts beside as they are where personal data goes out."""
    fields = [name for name in _FIELDS if name in redacted_frame.columns]
    return frame.hstack(redacted_frame.select(pl.col(fields).name.prefix(_AS_REDACTED)))


def as_redacted(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows with the texts by which they are told apart, whether or not they are kept.

    A store must know a row again after `cleaning.personal_data` was changed, and must not hold a
    hash from which a card number could be tried out.
    """
    beside = [name for name in rows.columns if name.startswith(_AS_REDACTED)]
    return rows.with_columns(rows[name].alias(name.removeprefix(_AS_REDACTED)) for name in beside)


def _without(batch: Batch, field: str, found: pl.DataFrame) -> Batch:
    """Take what was found out of a field, and out of the rows as the file had them."""
    column = batch.frame[field]
    batch = batch.with_columns(_replaced(column, found))
    batch = replace(batch, raw=_clean_raw(batch, field))
    if batch.rules.personal_data == "reject":
        return batch.reject(_rows_with(column, found), "looks_like_pii", field)
    for kind in found["kinds"].explode().unique(maintain_order=True):
        of_kind = found.filter(pl.col("kinds").list.contains(kind))
        batch = batch.repair(_rows_with(column, of_kind), f"{kind}_redacted")
    return batch


def _found(column: pl.Series, *, typed: bool) -> pl.DataFrame:
    """Return the distinct texts with something in them: `text, clean, kinds`."""
    texts = distinct_texts(column) if is_coded(column) else column
    rows = []
    if may_hold_personal(texts, typed=typed):
        for text in texts.filter(worth_reading(texts, typed=typed)).unique(maintain_order=True):
            clean, kinds = redacted(text, typed=typed)
            if kinds:
                rows.append((text, clean, sorted(kinds)))
    schema = {"text": pl.String(), "clean": pl.String(), "kinds": pl.List(pl.String())}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _replaced(column: pl.Series, found: pl.DataFrame) -> pl.Series:
    return changed(column, lambda texts: texts.replace(found["text"], found["clean"]))


def _rows_with(column: pl.Series, found: pl.DataFrame) -> pl.Series:
    return rows_where(column, lambda texts: texts.is_in(found["text"].implode()))


def _clean_raw(batch: Batch, field: str) -> pl.DataFrame:
    """Return the rows as the file had them, but for what is to be found in the field's columns."""
    raw = batch.raw
    for name in _columns_of(batch, field):
        if is_text(raw[name]):
            found = _found(raw[name], typed=field in _TYPED)
            raw = raw.with_columns(_replaced(raw[name], found))
    return raw


def _columns_of(batch: Batch, field: str) -> list[str]:
    """Return the file's columns that make up the field; a name for the rest means all unmapped."""
    mapped = batch.source.columns.get(field, [])
    names = [mapped] if isinstance(mapped, str) else mapped
    there = [name for name in names if name in batch.raw.columns]
    if len(there) == len(names):
        return there
    others = {*POSITION_COLUMNS}
    for other, columns in batch.source.columns.items():
        others.update([] if other == field else [columns] if isinstance(columns, str) else columns)
    return [name for name in batch.raw.columns if name not in others]
