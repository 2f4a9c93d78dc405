"""What one order is: the one rule that facts, features and the report count by.

Lines with the same order id are one order; of lines without one, those of the same visit are.
In: columns `order_id` and `session_number` of one person's events. Out: expressions.
"""

import polars as pl


def order_key() -> tuple[pl.Expr, pl.Expr]:
    """Return the two columns that, within a person, tell orders apart."""
    visit = pl.when(pl.col("order_id").is_null()).then("session_number")
    return pl.col("order_id"), visit.alias("visit")
