"""Cleaning steps: from the file's columns to fields of the right kind.

Comes in: a batch with the file's own columns. Goes out: one column a mapped field; ids and texts
as text, numbers and times still as the file has them. Knows nothing about what the values mean.
"""

import polars as pl

from habitue.errors import FileRefused
from habitue.events.batch import (
    CATEGORY_FIELDS,
    ID_FIELDS,
    NUMBER_FIELDS,
    TIME_FIELDS,
    Batch,
)
from habitue.events.records import POSITION_COLUMNS
from habitue.events.words import CODED_FIELDS, is_coded
from habitue.schema import EVENT_FIELDS, ITEM_FIELDS

THE_REST = "*"  # as the column of `properties`: all columns that no field maps
_NESTED = (pl.List, pl.Array, pl.Struct, pl.Object)
_LARGEST_EXACT_FLOAT = 2.0**53


def map_fields(batch: Batch) -> Batch:
    """Give each mapped field its column: from one column, from several joined, or a constant."""
    fields = EVENT_FIELDS if batch.source.table == "events" else ITEM_FIELDS
    for field in fields:
        column = _mapped_column(batch, field)
        if column is None and field not in batch.source.columns:
            continue
        if column is None:
            batch = batch.with_columns(pl.lit(None, dtype=pl.String).alias(field))
        elif _is_wrong_kind(column, field):
            batch = batch.with_columns(pl.lit(None, dtype=pl.String).alias(field))
            batch = batch.reject(column.is_not_null(), "type", field)
        else:
            if batch.words is not None:
                column = batch.words.coded(field, column)
            batch = batch.with_columns(column.alias(field))
    return batch


def strip_decimals(batch: Batch) -> Batch:
    """Remove the '.0' that an export left behind on ids, where the source says so."""
    fields = [field for field in batch.source.strip_decimal if batch.has(field)]
    return batch.with_columns(*[batch.text(field).str.replace(r"\.0\s*$", "") for field in fields])


def tidy_ids(batch: Batch) -> Batch:
    """Trim ids and bring them to Unicode's NFC; nothing else about an id is ever changed."""
    for field in _untidy(batch, ID_FIELDS):
        before = batch.text(field)
        after = before.str.strip_chars()
        batch = batch.repair((after != before) & (after != ""), "id_trimmed")
        if (after.str.len_bytes() != after.str.len_chars()).any():
            composed = after.str.normalize("NFC")
            batch = batch.repair(composed != after, "id_composed")
            after = composed
        batch = batch.with_columns(_blank_to_null(after).alias(field))
    return batch


def reject_unfit_ids(batch: Batch) -> Batch:
    """Reject ids that are too long or hold control or invisible characters."""
    for field in _untidy(batch, ID_FIELDS):
        ids = batch.text(field)
        too_long = ids.str.len_bytes() > batch.rules.max_id_bytes
        batch = batch.reject(too_long, "id_too_long", field)
        if ids.str.contains(r"[\p{Cc}\p{Cf}]").any():
            batch = batch.reject(ids.str.contains(r"\p{Cc}"), "control_char", field)
            batch = batch.reject(ids.str.contains(r"\p{Cf}"), "invisible_char", field)
    return batch


def require_item(batch: Batch) -> Batch:
    """Reject catalogue rows that name no item."""
    return batch.reject(pl.col("item_id").is_null(), "no_item", "item_id")


def tidy_texts(batch: Batch) -> Batch:
    """Trim texts, make blank ones null, reject a NUL inside."""
    for field in _untidy(batch, _text_fields(batch)):
        texts = batch.text(field)
        batch = batch.reject(texts.str.contains("\0", literal=True), "control_char", field)
        batch = batch.with_columns(_blank_to_null(texts.str.strip_chars()))
    return batch


def fold_variant(batch: Batch) -> Batch:
    """Keep an item's variant among the event's properties: no later stage reads it alone."""
    if not batch.has("item_variant"):
        return batch
    # {"item_variant":"red"}, or the same appended to the properties that are there.
    variant = pl.struct("item_variant").struct.json_encode()
    merged = variant
    if batch.has("properties"):
        given = pl.col("properties")
        is_empty = given.is_null() | given.str.contains(r"^\{\s*\}$")
        is_object = given.str.contains(r"(?s)^\{.*\}$")
        appended = given.str.replace(r"\s*\}$", "") + "," + variant.str.slice(1)
        merged = pl.when(is_empty).then(variant).when(is_object).then(appended).otherwise(given)
    else:
        batch = batch.with_columns(pl.lit(None, dtype=pl.String).alias("properties"))
    return batch.with_columns(
        properties=pl.when(pl.col("item_variant").is_null()).then("properties").otherwise(merged)
    )


def _mapped_column(batch: Batch, field: str) -> pl.Series | None:
    mapped = batch.source.columns.get(field, [])
    if (field, mapped) == ("properties", THE_REST):
        return _the_rest(batch)
    names = [mapped] if isinstance(mapped, str) else mapped
    parts = [_native(batch.raw[name], field, batch) for name in names if name in batch.raw.columns]
    column = None
    if len(parts) == 1 and len(names) == 1:
        column = parts[0]
    elif parts:
        column = _joined(parts, field)
    constant = batch.source.constants.get(field)
    if constant is None:
        return column
    if column is None:
        constants = pl.Series(field, [constant], dtype=pl.String)
        if batch.words is not None:
            constants = batch.words.coded(field, constants)
        return constants.new_from_index(0, batch.raw.height)
    return _blank_to_null(column.cast(pl.String)).fill_null(constant)


def _the_rest(batch: Batch) -> pl.Series:
    """Return the columns that no field maps as one JSON object a row, without what is empty.

    In the order of their names, so that a row looks the same whatever stands beside it.
    """
    mapped = [one for column in batch.source.columns.values() for one in _listed(column)]
    names = {*batch.raw.columns} - {*mapped, batch.source.category_fallback, *POSITION_COLUMNS}
    cells = [
        pl.when(pl.col(name).is_not_null()).then(
            pl.struct(name).struct.json_encode().str.head(-1).str.slice(1)
        )
        for name in sorted(names)
    ]
    if not cells:
        return pl.Series("properties", [None], dtype=pl.String).new_from_index(0, batch.raw.height)
    joined = pl.concat_str(cells, separator=",", ignore_nulls=True)
    objects = pl.when(joined != "").then("{" + joined + "}")
    return batch.raw.select(objects.alias("properties"))["properties"]


def _listed(column: str | list[str]) -> list[str]:
    return [column] if isinstance(column, str) else column


def _joined(parts: list[pl.Series], field: str) -> pl.Series:
    if field == "properties":
        return pl.DataFrame(parts).select(pl.struct(pl.all()).struct.json_encode()).to_series()
    texts = [_blank_to_null(part.cast(pl.String).str.strip_chars()) for part in parts]
    separator = " "
    if field in CATEGORY_FIELDS:
        # A slash inside a level would read as one more level.
        texts = [text.str.replace_all("/", "-", literal=True) for text in texts]
        separator = "/"
    columns = [text.alias(str(place)) for place, text in enumerate(texts)]
    joined = pl.concat_str(pl.all(), separator=separator, ignore_nulls=True)
    return _blank_to_null(pl.DataFrame(columns).select(joined).to_series())


def _native(column: pl.Series, field: str, batch: Batch) -> pl.Series:
    """Return the column as text, unless its field is a number, a time or a truth value."""
    if field == "consent" and column.dtype == pl.Boolean:
        return column.cast(pl.String)
    if field in (*NUMBER_FIELDS, *TIME_FIELDS, "available") or column.dtype == pl.String:
        return column
    if is_coded(column) and field in CODED_FIELDS:
        return column
    if column.dtype.is_float() and field in ID_FIELDS:
        return _whole_numbers(column, field, batch)
    if column.dtype == pl.Boolean or isinstance(column.dtype, _NESTED) or column.dtype == pl.Binary:
        return column
    return column.cast(pl.String)


def _whole_numbers(column: pl.Series, field: str, batch: Batch) -> pl.Series:
    """Return ids that a file keeps as floats, or refuse: large ones have already lost digits."""
    values = column.fill_nan(None)
    is_whole = (values.floor() == values) & (values.abs() < _LARGEST_EXACT_FLOAT)
    if field in batch.source.strip_decimal and is_whole.all():
        return values.cast(pl.Int64).cast(pl.String)
    example = values.drop_nulls()
    if example.is_empty():
        return values.cast(pl.String)
    raise FileRefused(
        f"Column '{column.name}' of source '{batch.source.name}' holds ids as decimal numbers "
        f"({example[0]!r}); large ids have lost digits.",
        fix=f"Write it as text or whole numbers, or, where all are whole and small, set "
        f'strip_decimal = ["{field}"].',
        code="id_is_float",
    )


def _is_wrong_kind(column: pl.Series, field: str) -> bool:
    kind = column.dtype
    if isinstance(kind, _NESTED) or kind == pl.Binary:
        return True
    if kind == pl.Boolean:
        return field != "available"
    return kind.is_temporal() and field in NUMBER_FIELDS


def _text_fields(batch: Batch) -> tuple[str, ...]:
    fields = EVENT_FIELDS if batch.source.table == "events" else ITEM_FIELDS
    other = (*ID_FIELDS, *TIME_FIELDS, *NUMBER_FIELDS, "available", "event_type")
    return tuple(field for field in fields if field not in other)


def _untidy(batch: Batch, fields: tuple[str, ...]) -> list[str]:
    """Return which of the fields are there and may hold texts that are not tidy."""
    return [field for field in fields if batch.has(field) and not batch.is_tidy(field)]


def _blank_to_null(texts: pl.Series) -> pl.Series:
    return texts.set(texts == "", None) if (texts == "").any() else texts
