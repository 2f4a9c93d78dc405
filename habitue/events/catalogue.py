"""The catalogue: what was known of each item, and since when.

Two tables. `items` gives each item id its number. `versions` says one thing about an item a row,
with the moment from which it was true (`valid_from`) and known (`known_at`): what events show from
their moment on; rows of a catalogue file from their `created_at`, or always. Nothing that became
known later is read at an `as_of`, and no later event changes what is read. Knows nothing about
persons.

Of names, categories and brands seen in events the one that came up last counts, from its first
event on. Of prices, which come and go, the last one of the latest whole stretch of thirty days,
before that the item's first.
"""

from typing import Final

import polars as pl

from habitue.events.keys import hash_sum, row_hashes
from habitue.schema import DAY, ITEM_COLUMNS

ALWAYS: Final = -(2**62)
ATTRIBUTES: Final = ("name", "category", "brand", "price", "text", "available")
# Attribute of the catalogue = field of an event.
EVENT_ATTRIBUTES: Final = {
    "name": "item_name",
    "category": "item_category",
    "brand": "item_brand",
    "price": "price",
}
VERSION_COLUMNS: Final[dict[str, pl.DataType]] = {
    "item_number": pl.Int32(),
    "valid_from": pl.Int64(),
    "known_at": pl.Int64(),
    "row_key": pl.UInt64(),  # of a catalogue file's row; null for what events showed
    **{name: kind for name, kind in ITEM_COLUMNS.items() if name in ATTRIBUTES},
}
ITEM_TABLE_COLUMNS: Final[dict[str, pl.DataType]] = {
    "item_number": pl.Int32(),
    "item_id": pl.String(),
    "is_product": pl.Boolean(),
}
PRICE_STRETCH: Final = 30 * DAY
_HASHED_ROWS: Final = 100_000
_VALIDITY: Final = ("item_number", "valid_from", "known_at")


def resolve_items(
    items: pl.DataFrame,
    versions: pl.DataFrame,
    *,
    as_of: int | None = None,
    known_at: int | None = None,
    is_past: bool = False,
) -> pl.DataFrame:
    """Return the catalogue as it was known: columns `schema.ITEM_COLUMNS`, by item number.

    A catalogue file says more of an item than an event does, except about its price, where what
    was last asked in the shop counts. What was learnt of the time before `as_of` counts up to
    `known_at` (default: `as_of`). Whether an item can be had, a row without a date says of
    today: where `is_past`, it says nothing.
    """
    if as_of is not None:
        by = max(as_of, known_at or as_of)
        versions = versions.filter(pl.col("valid_from") < as_of, pl.col("known_at") <= by)
    if is_past:
        is_dated = pl.col("valid_from") != ALWAYS
        versions = versions.with_columns(available=pl.when(is_dated).then("available"))
    known = items.unique("item_number", keep="last").join(
        versions.select("item_number").unique(), on="item_number", how="semi"
    )
    is_of_file = pl.col("row_key").is_not_null()
    of_file, of_events = versions.filter(is_of_file), versions.filter(~is_of_file)
    for attribute in ATTRIBUTES:
        told = [_last_in_files(of_file, attribute), _last_in_events(of_events, attribute, as_of)]
        if attribute == "price":
            told.reverse()
        known = known.join(told[0], on="item_number", how="left")
        known = known.join(told[1], on="item_number", how="left", suffix="_else")
        known = known.with_columns(pl.coalesce(attribute, f"{attribute}_else").alias(attribute))
    return known.select(
        pl.col(name).cast(kind) if name != "available" else pl.col(name).fill_null(True)
        for name, kind in ITEM_COLUMNS.items()
    ).sort("item_number")


def accept_rows(rows: pl.DataFrame, stored: pl.DataFrame) -> pl.Series:
    """Return which rows of catalogue files are news; the others are duplicates.

    `rows` has `VERSION_COLUMNS`. A row that was seen before is news again only where it is the
    last word on its item in these files and something else has been said since.
    """
    group = ["item_number", "valid_from"]
    seen = stored.filter(pl.col("row_key").is_not_null())
    current = seen.unique(group, keep="last").select(*group, _current="row_key")
    rows = rows.join(current, on=group, how="left", maintain_order="left")
    is_new = pl.col("row_key").is_first_distinct() & ~pl.col("row_key").is_in(
        seen["row_key"].implode()
    )
    rows = rows.with_columns(_is_new=is_new, _said=pl.when(is_new).then("row_key"))
    said = pl.coalesce(pl.col("_said").forward_fill().over(group), "_current")
    is_last = pl.int_range(pl.len()).over(group) == pl.len().over(group) - 1
    return rows.select(accepted=pl.col("_is_new") | (is_last & (said != pl.col("row_key"))))[
        "accepted"
    ]


def unseen_rows(rows: pl.DataFrame, stored: pl.DataFrame) -> pl.Series:
    """Return which rows of catalogue files, older than what is stored, were never seen before."""
    seen = stored["row_key"].drop_nulls()
    return rows["row_key"].is_first_distinct() & ~rows["row_key"].is_in(seen.implode())


def content_of(frame: pl.DataFrame) -> int:
    """Return the sum of the rows' hashes."""
    # Some rows at a time: what it takes to hash them is larger than they are.
    slices = frame.iter_slices(_HASHED_ROWS)
    return sum(hash_sum(row_hashes(rows, frame.columns)) for rows in slices) % 2**64


def _last_in_files(versions: pl.DataFrame, attribute: str) -> pl.DataFrame:
    told = versions.filter(pl.col(attribute).is_not_null())
    told = told.sort("item_number", "valid_from", maintain_order=True)
    return told.unique("item_number", keep="last").select("item_number", attribute)


def _last_in_events(versions: pl.DataFrame, attribute: str, as_of: int | None) -> pl.DataFrame:
    told = versions.filter(pl.col(attribute).is_not_null())
    told = told.sort("item_number", "valid_from", attribute)
    if attribute != "price":
        appeared = told.unique(["item_number", attribute], keep="first", maintain_order=True)
        last = appeared.unique("item_number", keep="last")
    elif as_of is None:
        last = told.unique("item_number", keep="last")
    else:
        # A stretch that is not over might still end in another price.
        is_over = (pl.col("valid_from") // PRICE_STRETCH + 1) * PRICE_STRETCH <= as_of
        over = told.filter(is_over).unique("item_number", keep="last")
        begun = told.unique("item_number", keep="first").join(over, on="item_number", how="anti")
        last = pl.concat([over, begun])
    return last.select("item_number", attribute)
