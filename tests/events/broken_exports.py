"""A shop's clean export, and the ways in which it breaks: each a change of the exported rows."""

from collections.abc import Callable
from typing import Final

import polars as pl

from habitue.config import CheckName
from habitue.schema import DAY, HOUR

DAYS: Final = 120
BROKEN_DAYS: Final = 18  # at the end

Break = Callable[[pl.DataFrame, pl.Expr], pl.DataFrame]  # rows, which of them are late


def broken(rows: pl.DataFrame, how: CheckName, *, days: int = BROKEN_DAYS) -> pl.DataFrame:
    """Return the rows as the export would have them if it had broken `days` ago."""
    at = pl.col("timestamp")
    return BREAKS[how](rows, at >= at.max() - days * DAY)


def _one_in(few: int) -> pl.Expr:
    return pl.col("event_id").hash(seed=1) % few == 0


def _among_late(late: pl.Expr, name: str, value: pl.Expr) -> pl.Expr:
    return pl.when(late).then(value).otherwise(name).alias(name)


def _volume(rows: pl.DataFrame, late: pl.Expr) -> pl.DataFrame:
    """Six of ten events are lost."""
    return rows.filter(~late | (pl.col("event_id").hash(seed=1) % 10 >= 6))


def _time_gap(rows: pl.DataFrame, _: pl.Expr) -> pl.DataFrame:
    """The file of three weeks was forgotten."""
    day = (pl.col("timestamp") - pl.col("timestamp").min()) // DAY
    return rows.filter(~day.is_between(60, 80))


def _empty_field(rows: pl.DataFrame, late: pl.Expr) -> pl.DataFrame:
    """A third of the prices are missing."""
    return rows.with_columns(_among_late(late & _one_in(3), "price", pl.lit(None)))


def _new_event_type(rows: pl.DataFrame, late: pl.Expr) -> pl.DataFrame:
    """Some views are called clicks on ads."""
    views = late & _one_in(8) & (pl.col("event_type") == "view_item")
    return rows.with_columns(_among_late(views, "event_type", pl.lit("click")))


def _one_user(rows: pl.DataFrame, _: pl.Expr) -> pl.DataFrame:
    """Whoever buys or looks without logging in is called shop-visitor."""
    nobody = _one_in(4)
    return rows.with_columns(
        _among_late(nobody, "user_id", pl.lit("shop-visitor")),
        _among_late(nobody, "anonymous_id", pl.lit(None)),
    )


def _duplicates(rows: pl.DataFrame, late: pl.Expr) -> pl.DataFrame:
    """One in three events is sent again, with an id of its own."""
    again = rows.filter(late & _one_in(3))
    return pl.concat(
        [rows, again.with_columns(pl.format("{}-again", "event_id").alias("event_id"))]
    )


def _midnight(rows: pl.DataFrame, late: pl.Expr) -> pl.DataFrame:
    """The time of day is cut off."""
    day = pl.col("timestamp") - pl.col("timestamp") % DAY
    return rows.with_columns(
        _among_late(late, "timestamp", day), _among_late(late, "received_at", day)
    )


def _price_scale(rows: pl.DataFrame, late: pl.Expr) -> pl.DataFrame:
    """Money is in cents."""
    return rows.with_columns(
        _among_late(late, "price", pl.col("price") * 100),
        _among_late(late, "value", pl.col("value") * 100),
    )


def _platform_gone(rows: pl.DataFrame, late: pl.Expr) -> pl.DataFrame:
    """The app's export is missing."""
    return rows.filter(~late | (pl.col("platform") != "app"))


def _no_purchases(rows: pl.DataFrame, late: pl.Expr) -> pl.DataFrame:
    """The table of orders is missing."""
    return rows.filter(~late | (pl.col("event_type") != "purchase"))


def _unknown_items(rows: pl.DataFrame, late: pl.Expr) -> pl.DataFrame:
    """Items have ids of the new system."""
    return rows.with_columns(_among_late(late, "item_id", pl.format("new-{}", "item_id")))


def _clock_shift(rows: pl.DataFrame, late: pl.Expr) -> pl.DataFrame:
    """Times are those of Shanghai, and are read as UTC."""
    return rows.with_columns(
        _among_late(late, "timestamp", pl.col("timestamp") - 8 * HOUR),
        _among_late(late, "received_at", pl.col("received_at") - 8 * HOUR),
    )


BREAKS: Final[dict[CheckName, Break]] = {
    "volume": _volume,
    "time_gap": _time_gap,
    "empty_field": _empty_field,
    "new_event_type": _new_event_type,
    "one_user": _one_user,
    "duplicates": _duplicates,
    "midnight": _midnight,
    "price_scale": _price_scale,
    "platform_gone": _platform_gone,
    "no_purchases": _no_purchases,
    "unknown_items": _unknown_items,
    "clock_shift": _clock_shift,
}
