"""Cleaning steps: prices, quantities, values, refunds and currencies.

Comes in: a batch with event types known and money as the file has it. Goes out: finite numbers;
price and quantity positive, value negative for a refund and only for one. Knows nothing about who
pays.
"""

from typing import Final

import polars as pl

from habitue.events.batch import Batch
from habitue.events.currencies import CURRENCIES, currencies_of
from habitue.events.words import changed, rows_where
from habitue.schema import MONEY_EVENT_TYPES

_AMOUNTS: Final = ("price", "quantity", "value")
_GROUPED: Final = r"^\s*[+-]?\d{1,3}(\.\d{3})+(,\d*)?\s*$"
_SIGNED: Final = (
    r"^\s*(?P<before>[^\d\s.,+-]*)\s*(?P<amount>[+-]?[\d.,]+)\s*(?P<after>[^\d\s.,+-]*)\s*$"
)
_DECIMALS: Final = 6  # of derived money: enough for any currency, and 2.55 × 6 stays 15.3


def read_amounts(batch: Batch) -> Batch:
    """Turn prices, quantities and values into numbers; reject texts, NaN and infinity.

    Where the source names a decimal comma, points between thousands and a currency's sign are
    taken off.
    """
    for field in _AMOUNTS:
        if not batch.has(field):
            continue
        column, mark = batch.frame[field], batch.source.decimal_mark
        numbers, is_bad = _numbers(column, mark)
        batch = batch.with_columns(numbers.alias(field))
        if mark == "," and column.dtype == pl.String:
            batch = batch.repair(column.str.contains(_GROUPED), "thousands_mark_dropped")
            if field != "quantity" and is_bad.any():
                batch, is_bad = _with_signs_read(batch, field, column, is_bad)
        batch = batch.reject(is_bad, f"{field}_not_number", field)
    return batch


def turn_cancellations_into_refunds(batch: Batch) -> Batch:
    """Make refunds of cancelled orders and, where the source says so, of negative quantities."""
    is_purchase = pl.col("event_type") == "purchase"
    is_refund = pl.lit(False)
    if batch.source.refund_order_prefix and batch.has("order_id"):
        is_refund = pl.col("order_id").str.starts_with(batch.source.refund_order_prefix)
    if batch.source.negative_quantity == "refund" and batch.has("quantity"):
        is_refund = is_refund.fill_null(False) | (pl.col("quantity") < 0)
    turned = batch.frame.select(turned=(is_purchase & is_refund).fill_null(False))["turned"]
    if not turned.any():
        return batch
    kind = batch.frame.schema["event_type"]
    refunds = pl.Series(["refund"]).cast(kind).new_from_index(0, batch.frame.height)
    event_type = pl.when(turned).then(refunds).otherwise("event_type")
    return batch.with_columns(event_type=event_type)


def check_amounts(batch: Batch) -> Batch:
    """Reject amounts below zero that are no refund's, and amounts above the caps."""
    rules, is_refund = batch.rules, pl.col("event_type") == "refund"
    if batch.has("price"):
        batch = batch.reject((pl.col("price") < 0) & ~is_refund, "price_negative", "price")
        batch = batch.reject(pl.col("price").abs() > rules.max_price, "price_too_high", "price")
    if batch.has("quantity"):
        quantity = pl.col("quantity")
        batch = batch.reject((quantity <= 0) & ~is_refund, "quantity_not_positive", "quantity")
        if batch.source.fractional_quantity == "reject":
            is_part = quantity.floor() != quantity
            batch = batch.reject(is_part, "quantity_fractional", "quantity")
        too_high = quantity.abs() > rules.max_quantity
        batch = batch.reject(too_high, "quantity_too_high", "quantity")
    if batch.has("value"):
        pieces = pl.max_horizontal(pl.lit(1.0), _quantity(batch).abs())
        too_high = pl.col("value").abs() > rules.max_price * pieces
        batch = batch.reject((pl.col("value") < 0) & ~is_refund, "value_negative", "value")
        batch = batch.reject(too_high, "value_too_high", "value")
    return batch


def derive_amounts(batch: Batch) -> Batch:
    """Give money events a quantity (one), a value and a price, and each amount its sign."""
    is_money = pl.col("event_type").is_in(MONEY_EVENT_TYPES)
    is_refund = pl.col("event_type") == "refund"
    given = {name: _column(batch, name) for name in _AMOUNTS}
    quantity = _quantity(batch).abs()
    quantity = pl.when(quantity != 0).then(quantity)
    pieces = quantity.fill_null(1.0)
    price = given["price"].abs()
    value = pl.coalesce(given["value"].abs(), (price * pieces).round(_DECIMALS))
    from_value = (given["value"].abs() / pieces).round(_DECIMALS)
    signed = pl.when(is_refund & (value != 0)).then(-value).otherwise(value)
    return batch.with_columns(
        quantity=pl.when(is_money).then(pieces).otherwise(quantity),
        price=pl.when(is_money).then(pl.coalesce(price, from_value)).otherwise(price),
        value=pl.when(is_money).then(signed).otherwise(given["value"]),
    )


def check_currency(batch: Batch) -> Batch:
    """Bring currencies to capitals; reject what is no ISO 4217 code."""
    if not batch.has("currency"):
        return batch
    given = batch.frame["currency"]
    is_unknown = rows_where(given, lambda codes: ~codes.str.to_uppercase().is_in(CURRENCIES))
    batch = batch.reject(is_unknown, "currency_unknown", "currency")
    is_small = rows_where(given, lambda codes: codes.str.to_uppercase() != codes)
    if not is_small.any():
        return batch
    batch = batch.repair(is_small, "currency_in_capitals")
    return batch.with_columns(changed(given, lambda codes: codes.str.to_uppercase()))


def read_catalogue_price(batch: Batch) -> Batch:
    """Turn a catalogue's price into a number within the cap, or reject the row."""
    if not batch.has("price"):
        return batch
    numbers, is_bad = _numbers(batch.frame["price"], batch.source.decimal_mark)
    batch = batch.with_columns(numbers.alias("price"))
    batch = batch.reject(is_bad, "price_not_number", "price")
    batch = batch.reject(pl.col("price") < 0, "price_negative", "price")
    return batch.reject(pl.col("price") > batch.rules.max_price, "price_too_high", "price")


def _numbers(column: pl.Series, decimal_mark: str) -> tuple[pl.Series, pl.Series]:
    """Return the column as numbers, and where it holds something that is none."""
    if column.dtype != pl.String:
        numbers = column.cast(pl.Float64)
        if column.dtype.is_float():
            # pandas writes a missing number as NaN.
            numbers = numbers.fill_nan(None)
        is_bad = numbers.is_infinite().fill_null(False)
        return numbers.set(is_bad, None), is_bad
    texts = column.str.strip_chars()
    is_blank = texts.is_null() | (texts == "")
    if decimal_mark == ",":
        # The point groups thousands then: 1.234,56.
        grouped = texts.str.contains(_GROUPED)
        plain = texts.str.contains(r"^[+-]?\d*(,\d*)?$")
        texts = texts.set(~(grouped | plain), None)
        texts = texts.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    numbers = texts.cast(pl.Float64, strict=False)
    is_number = numbers.is_finite().fill_null(False)
    return numbers.set(~is_number, None), ~is_number & ~is_blank


def _with_signs_read(
    batch: Batch, field: str, column: pl.Series, is_bad: pl.Series
) -> tuple[Batch, pl.Series]:
    """Read amounts with a currency's sign, such as "12,50 €", of rows that are in that currency.

    A row that names none is in the sign's, if that can only be one. Returns what is still bad.
    """
    parts = column.str.extract_groups(_SIGNED).struct.unnest()
    signs = parts.select(pl.concat_str("before", "after"))["before"]
    numbers, is_no_number = _numbers(parts["amount"], batch.source.decimal_mark)
    none = pl.repeat(None, len(column), dtype=pl.String, eager=True)
    given = batch.text("currency") if batch.has("currency") else none
    named = given.str.strip_chars().str.to_uppercase().replace("", None)
    rows = pl.DataFrame({"sign": signs, "named": named}).filter(is_bad).unique()
    meant = [_meant(sign, name) for sign, name in rows.iter_rows()]
    rows = rows.with_columns(meant=pl.Series(meant, dtype=pl.String))
    found = pl.DataFrame({"sign": signs, "named": named}).join(
        rows, on=["sign", "named"], how="left", nulls_equal=True, maintain_order="left"
    )["meant"]
    is_read = is_bad & ~is_no_number & numbers.is_not_null() & found.is_not_null()
    batch = batch.with_columns(
        pl.when(is_read).then(numbers).otherwise(field).alias(field),
        currency=pl.when(is_read).then(found).otherwise(named),
    )
    return batch.repair(is_read, "currency_sign_read"), is_bad & ~is_read


def _meant(sign: str | None, named: str | None) -> str | None:
    """Return the currency of an amount with this sign in a row that names this currency."""
    possible = currencies_of(sign or "")
    if named is not None:
        return named if named in possible else None
    return next(iter(possible)) if len(possible) == 1 else None


def _column(batch: Batch, name: str) -> pl.Expr:
    return pl.col(name) if batch.has(name) else pl.lit(None, dtype=pl.Float64)


def _quantity(batch: Batch) -> pl.Expr:
    return _column(batch, "quantity")
