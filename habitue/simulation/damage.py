"""Bad rows: damaged copies of good ones, and good ones untidily written.

In: the events of a block, or a frame about to be written. Out: the same with copies and marks, or
with what is marked damaged. Of a good row a reader can mend what is wrong, so that what truly
happened can still be read. Knows nothing about how a reader finds out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl

from habitue.schema import HOUR, parse_time
from habitue.simulation.arrays import Bools
from habitue.simulation.rows import KIND, Rows, joined

NUM_COLUMNS: Final = 21  # of a file of events
CUT_AFTER: Final = 3
_COPIES_PER_UNTIDY: Final = 5
_NO_TEXT: Final = pl.lit(None, dtype=pl.String)


@dataclass(frozen=True)
class Damage:
    """A kind of bad row: its name, the reason under which it is set aside, and what is wrong.

    An empty reason: the row is a duplicate and counted as one or, with a `repair`, a good row that
    is mended and counted under that name. `is_text`: what is wrong can only be written in a text
    file. `is_cut`: only the first fields of the line are there.
    """

    name: str
    reason: str
    columns: Mapping[str, pl.Expr] = field(default_factory=dict)
    repair: str = ""
    is_text: bool = False
    is_cut: bool = False


DAMAGES: Final[tuple[Damage, ...]] = (
    Damage("sent_twice", ""),
    Damage(
        "nobody",
        "no_subject",
        {"user_id": _NO_TEXT, "anonymous_id": _NO_TEXT, "session_id": _NO_TEXT},
    ),
    Damage("guest", "placeholder_id", {"user_id": pl.lit("guest")}),
    Damage("endless_id", "id_too_long", {"user_id": pl.lit("x" * 300)}),
    Damage("bell_in_id", "control_char", {"item_id": pl.col("item_id") + "\x07"}),
    Damage("invisible_in_id", "invisible_char", {"item_id": "\u200b" + pl.col("item_id")}),
    Damage("no_time", "time_missing", {"timestamp": pl.lit(None, dtype=pl.Int64)}),
    Damage("time_zero", "ts_epoch_zero", {"timestamp": pl.lit(0)}),
    Damage("time_of_1985", "ts_too_old", {"timestamp": pl.lit(parse_time("1985-06-01"))}),
    Damage("time_of_2150", "ts_future", {"timestamp": pl.lit(parse_time("2150-06-01"))}),
    Damage("time_in_ms", "ts_other_unit", {"timestamp": pl.col("timestamp") // 1000}),
    Damage("heartbeat", "unknown_type", {"event_type": pl.lit("heartbeat")}),
    Damage("price_below_zero", "price_negative", {"price": -pl.col("price")}),
    Damage("price_of_billions", "price_too_high", {"price": pl.lit(1e12)}),
    Damage("no_pieces", "quantity_not_positive", {"quantity": pl.lit(0)}),
    Damage("billions_of_pieces", "quantity_too_high", {"quantity": pl.lit(10**9)}),
    Damage("value_of_billions", "value_too_high", {"value": pl.lit(1e15)}),
    Damage("value_below_zero", "value_negative", {"value": pl.lit(-1.0)}),
    Damage("currency_of_nowhere", "currency_unknown", {"currency": pl.lit("ZZZ")}),
    Damage("price_in_words", "price_not_number", {"price": pl.lit("12,50 €")}, is_text=True),
    Damage("pieces_in_words", "quantity_not_number", {"quantity": pl.lit("two")}, is_text=True),
    Damage("value_in_words", "value_not_number", {"value": pl.lit("free")}, is_text=True),
    Damage("time_in_words", "time_not_readable", {"timestamp": pl.lit("yesterday")}, is_text=True),
    Damage("cut_line", f"columns {CUT_AFTER}!={NUM_COLUMNS}", is_text=True, is_cut=True),
    Damage("blanks_round_id", "", {"item_id": " " + pl.col("item_id") + "  "}, "id_trimmed"),
    Damage(
        "currency_in_small_letters",
        "",
        {"currency": pl.col("currency").str.to_lowercase()},
        "currency_in_capitals",
    ),
    Damage(
        "received_too_early",
        "",
        {"received_at": pl.col("received_at") - 7 * HOUR},
        "received_before_event",
    ),
)
_MENDED: Final = [number for number, damage in enumerate(DAMAGES) if damage.repair]


def add_bad_rows(rows: Rows, num_bad: int, *, text: bool, rng: np.random.Generator) -> Rows:
    """Return the rows and damaged copies of some of those that are about an item.

    Of the others, some are marked as untidily written: a fifth as many as there are copies.
    """
    kinds = [
        number
        for number, damage in enumerate(DAMAGES)
        if not damage.repair and (text or not damage.is_text)
    ]
    about_items = np.flatnonzero((rows["item"] >= 0) & (rows["kind"] != KIND["refund"]))
    copied = rng.choice(about_items, num_bad)
    copies = rows[copied]
    copies["damage"] = rng.choice(kinds, num_bad)
    # Not of those copied: a row sent twice is a duplicate only where both are written alike.
    others = np.setdiff1d(about_items, copied)
    untidy = rng.permutation(others)[: num_bad // _COPIES_PER_UNTIDY]
    rows["damage"][untidy] = rng.choice(_MENDED, untidy.size)
    return joined([rows, copies])


def is_good(rows: Rows) -> Bools:
    """Return which rows tell what truly happened, tidily or not."""
    good: Bools = (rows["damage"] < 0) | np.isin(rows["damage"], _MENDED)
    return good


def count_damages(rows: Rows) -> dict[str, int]:
    """Return how many bad and untidy rows of each kind there are."""
    counts = np.bincount(rows["damage"] + 1, minlength=len(DAMAGES) + 1)[1:]
    return {damage.name: int(count) for damage, count in zip(DAMAGES, counts, strict=True)}


def damaged(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame as a shop would have it: the rows damaged as column `damage` says.

    Where a text stands for a number, the whole column becomes text.
    """
    for number, damage in enumerate(DAMAGES):
        is_it = pl.col("damage") == number
        if damage.columns and frame.select(is_it.any()).item():
            if damage.is_text:
                frame = frame.with_columns(pl.col(name).cast(pl.String) for name in damage.columns)
            frame = frame.with_columns(
                pl.when(is_it).then(value).otherwise(name).alias(name)
                for name, value in damage.columns.items()
            )
    return frame


def cut_lines(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows that are whole lines of text, and what is there of those that are not."""
    cut = [number for number, damage in enumerate(DAMAGES) if damage.is_cut]
    is_cut = pl.col("damage").is_in(cut)
    return frame.filter(~is_cut), frame.filter(is_cut).select(frame.columns[:CUT_AFTER])
