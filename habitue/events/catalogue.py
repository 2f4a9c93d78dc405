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

import numpy as np
import polars as pl
from numpy.typing import NDArray

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
_PRICE_STRETCH: Final = 30 * DAY
_VALIDITY: Final = ("item_number", "valid_from", "known_at")


def resolve_items(
    items: pl.DataFrame, versions: pl.DataFrame, *, as_of: int | None = None
) -> pl.DataFrame:
    """Return the catalogue as it was known: columns `schema.ITEM_COLUMNS`, by item number.

    A catalogue file says more of an item than an event does, except about its price, where what
    was last asked in the shop counts.
    """
    if as_of is not None:
        versions = versions.filter(pl.col("valid_from") < as_of, pl.col("known_at") <= as_of)
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


class ToldInEvents:
    """Gathers what event rows show of their items, in bounded memory.

    What is kept does not depend on how the rows were dealt onto buckets.
    """

    def __init__(self, *, max_rows: int = 2_000_000) -> None:
        self._max_rows = max_rows
        self._rows = pl.DataFrame(schema=VERSION_COLUMNS)
        self._waiting: list[pl.DataFrame] = []
        self._num_waiting = 0

    def add(self, events: pl.DataFrame) -> None:
        """Take rows with `item_number, timestamp, received_at, event_type` and some attributes."""
        if "item_number" not in events.columns:
            return
        # What is paid back is no price.
        is_told = pl.col("event_type") != "refund"
        told = [
            pl.when(is_told).then(field).alias(attribute)
            for attribute, field in EVENT_ATTRIBUTES.items()
            if field in events.columns
        ]
        rows = events.filter(pl.col("item_number").is_not_null())
        rows = rows.select(
            "item_number", *told, valid_from=pl.col("timestamp"), known_at=pl.col("received_at")
        )
        self._waiting.append(rows)
        self._num_waiting += self._waiting[-1].height
        if self._num_waiting > self._max_rows:
            self._reduce()

    def new_versions(self, stored: pl.DataFrame) -> pl.DataFrame:
        """Return what was gathered and tells more than the versions that are stored."""
        self._reduce()
        stored = stored.filter(pl.col("row_key").is_null()).with_columns(_new=False)
        if stored.is_empty():
            return self._rows.sort(*_VALIDITY, *EVENT_ATTRIBUTES)
        both = pl.concat([stored, self._rows.with_columns(_new=True)])
        found = []
        for attribute, rows in _by_attribute(both):
            if attribute == ["price"]:
                told = rows.sort("_new").unique([*_VALIDITY, "price"], keep="first")
                found.append(_asked_for(told))
            else:
                found.append(_first_known(rows, attribute, "_new"))
        kept = pl.concat(found).filter("_new").drop("_new")
        return kept.sort(*_VALIDITY, *EVENT_ATTRIBUTES)

    def _reduce(self) -> None:
        if not self._waiting:
            return
        rows = pl.concat(self._waiting, how="diagonal")
        self._waiting, self._num_waiting = [], 0
        words = [name for name in EVENT_ATTRIBUTES if name in rows.columns and name != "price"]
        # What is first of all its words together is much less, and holds what is first of each.
        first = _first_known(rows.select(*_VALIDITY, *words), words)
        first = first.with_columns(pl.col(*words).cast(pl.String)) if words else first
        pieces = [first.select(_VALIDITY)]
        pieces += [first.select(*_VALIDITY, word).drop_nulls(word) for word in words]
        if "price" in rows.columns:
            pieces.append(_asked_for(rows.select(*_VALIDITY, "price").drop_nulls("price")))
        both = pl.concat([self._rows, *pieces], how="diagonal")
        self._rows = pl.concat(
            _asked_for(rows) if attribute == ["price"] else _first_known(rows, attribute)
            for attribute, rows in _by_attribute(both)
        )


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
    return hash_sum(row_hashes(frame, frame.columns))


def _by_attribute(rows: pl.DataFrame) -> list[tuple[list[str], pl.DataFrame]]:
    """Return the rows that tell each attribute, and those that tell only that the item is."""
    told = [([name], rows.filter(pl.col(name).is_not_null())) for name in EVENT_ATTRIBUTES]
    bare = rows.filter(pl.all_horizontal(pl.col(name).is_null() for name in EVENT_ATTRIBUTES))
    return [([], bare), *told]


def _asked_for(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the prices that can still be the answer at some `as_of`.

    Of an item the first and, in each stretch, the last; and whatever was known before those,
    should they have arrived late.
    """
    rows = rows.sort(*_VALIDITY, "price")
    item, stretch = pl.col("item_number"), pl.col("valid_from") // _PRICE_STRETCH
    begins = rows.select(
        item=(item != item.shift(1)).fill_null(True),
        stretch=((item != item.shift(-1)) | (stretch != stretch.shift(-1))).fill_null(True),
    )
    known_at = rows["known_at"].to_numpy()
    # The last price of a stretch is asked for only once the stretch is over.
    over_at = rows.select((stretch + 1) * _PRICE_STRETCH).to_series().to_numpy()
    asked_at = np.maximum(known_at, over_at)
    is_first = _is_below_all_before(known_at, begins["item"].to_numpy())
    is_last = _is_below_all_before(asked_at[::-1], begins["stretch"].to_numpy()[::-1])[::-1]
    return rows.filter(pl.Series(is_first | is_last))


def _first_known(rows: pl.DataFrame, words: list[str], *last: str) -> pl.DataFrame:
    """Return the rows that can still be the first with their item and words at some `as_of`.

    That is the first by `valid_from`, and later ones that were known before it.
    """
    same = ["item_number", *words]
    if last:
        return _first_by_sorting(rows, same, *last)
    valid_from, known_at = pl.col("valid_from"), pl.col("known_at")
    groups = rows.group_by(same).agg(
        valid_from.min(), known_at=known_at.get(valid_from.arg_min()), _least=known_at.min()
    )
    # Only where something was known before the first event are there more rows than it.
    is_plain = pl.col("known_at") == pl.col("_least")
    plain, other = groups.filter(is_plain).drop("_least"), groups.filter(~is_plain)
    rows = rows.join(other.select(same), on=same, how="semi", nulls_equal=True)
    return pl.concat([_first_by_sorting(rows, same), plain], how="diagonal")


def _first_by_sorting(rows: pl.DataFrame, same: list[str], *last: str) -> pl.DataFrame:
    rows = rows.sort(*same, "valid_from", "known_at", *last)
    begins = rows.select(
        pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift(1)) for name in same)
    ).to_series()
    is_begin = begins.to_numpy().copy()
    is_begin[:1] = True
    is_kept = _is_below_all_before(rows["known_at"].to_numpy(), is_begin)
    return rows.filter(pl.Series(is_kept))


def _is_below_all_before(values: NDArray[np.int64], begins: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return where a value is below all earlier ones of its run; runs start where `begins`."""
    is_below = begins.copy()
    falls = np.flatnonzero(~begins[1:] & (values[1:] < values[:-1])) + 1
    if not falls.size:
        return is_below
    # Only runs that fall somewhere have more than their first.
    run = np.cumsum(begins) - 1
    rows = np.flatnonzero(np.isin(run, run[falls]))
    # Each run is moved below the one before, so that one running minimum serves all.
    ranks = np.unique(values[rows], return_inverse=True)[1].astype(np.int64)
    lowered = ranks - np.cumsum(begins[rows]) * (rows.size + 1)
    least = np.minimum.accumulate(lowered)
    is_below[rows[1:]] |= lowered[1:] < least[:-1]
    return is_below


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
        is_over = (pl.col("valid_from") // _PRICE_STRETCH + 1) * _PRICE_STRETCH <= as_of
        over = told.filter(is_over).unique("item_number", keep="last")
        begun = told.unique("item_number", keep="first").join(over, on="item_number", how="anti")
        last = pl.concat([over, begun])
    return last.select("item_number", attribute)
