"""Texts that a spreadsheet would run as a formula, made harmless.

A CSV file opens in a spreadsheet as likely as not, and a text that begins with `=` would run there
as a formula: such cells get a leading `'`. Plain numbers ("-12", "+4915112345678") stay as they
are. So an id of the shop's own is changed only if it begins like a formula and is no number. In
goes a table, out comes one to write. Knows nothing about what the table says.
"""

from typing import Final

import polars as pl
import polars.selectors as cs

# What a spreadsheet takes for a formula, also after blanks and in full-width forms.
_FORMULA: Final = (
    r"^[\s\p{Z}\p{Cc}\p{Cf}]*[=+\-@＝＋－﹣﹢﹦﹫＠]|^[\t\r\n\x00]|^[\s\p{Z}\p{Cf}]+[\t\r\x00]"
)
_NUMBER: Final = r"^[+-]?[0-9]+(\.[0-9]+)?$"


def escape_formulas(table: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Return the table with `'` before texts a spreadsheet would run, and how many there were."""
    texts = table.select(cs.string())
    looks = [
        pl.col(name).str.contains(_FORMULA) & ~pl.col(name).str.contains(_NUMBER)
        for name in texts.columns
    ]
    if not looks:
        return table, 0
    count = texts.select(pl.sum_horizontal(look.sum() for look in looks)).item()
    escaped = (
        pl.when(look).then(pl.format("'{}", pl.col(name))).otherwise(pl.col(name)).alias(name)
        for name, look in zip(texts.columns, looks, strict=True)
    )
    return table.with_columns(*escaped), int(count or 0)
