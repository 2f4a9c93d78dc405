"""What events show of their items, and since when: names, categories, brands and prices.

In: event rows, bucket by bucket. Out: rows for the catalogue's `versions`, only those that can
still be the answer at some `as_of`; which these are does not depend on how the rows were dealt.
Most rows show what an earlier one showed already, and are left out without sorting anything. Knows
nothing about catalogue files.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from habitue.events.catalogue import EVENT_ATTRIBUTES, PRICE_STRETCH, VERSION_COLUMNS
from habitue.events.ordering import sorted_by
from habitue.events.words import is_coded

_VALIDITY: Final = ("item_number", "valid_from", "known_at")
_NO_WORD: Final = -1

Places = NDArray[np.int64]


class ToldInEvents:
    """Gathers what event rows show of their items, in bounded memory.

    What is kept does not depend on how the rows were dealt onto buckets.
    """

    def __init__(self, *, max_rows: int = 2_000_000) -> None:
        self._max_rows = max_rows
        self._earliest = _EarliestShown()
        self._words = pl.DataFrame(schema=VERSION_COLUMNS)
        self._prices = pl.DataFrame(schema=VERSION_COLUMNS).select(*_VALIDITY, "price")
        self._waiting_words: list[pl.DataFrame] = []
        self._waiting_prices: list[pl.DataFrame] = []

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
        if "price" in rows.columns:
            self._waiting_prices.append(rows.select(*_VALIDITY, "price").drop_nulls("price"))
            rows = rows.drop("price")
        self._waiting_words.append(self._earliest.telling_more(rows))
        if sum(frame.height for frame in self._waiting_words) > self._max_rows:
            self._reduce_words()
        if sum(frame.height for frame in self._waiting_prices) > self._max_rows:
            self._reduce_prices()

    def new_versions(self, stored: pl.DataFrame) -> Iterator[pl.DataFrame]:
        """Yield what was gathered and tells more than the versions that are stored.

        By item number, some items at a time; first what is told of words, then the prices.
        """
        self._reduce_words()
        self._reduce_prices()
        of_events = stored.filter(pl.col("row_key").is_null())
        for gathered, more in ((self._words, _more_words), (self._prices, _more_prices)):
            for range_of_items in _ranges(gathered["item_number"], self._max_rows):
                new = _of_items(gathered, *range_of_items)
                items = new.select("item_number").unique()
                yield more(new, of_events.join(items, on="item_number", how="semi"))

    def _reduce_prices(self) -> None:
        prices = pl.concat([self._prices, *self._waiting_prices])
        self._waiting_prices = []
        # Some items at a time: what it takes to tell is several times as large as the rows.
        ranges = _ranges(prices["item_number"], self._max_rows // 2)
        kept = [_perhaps_asked_for(_of_items(prices, *items)) for items in ranges]
        self._prices = pl.concat([prices.clear(), *kept])

    def _reduce_words(self) -> None:
        if not self._waiting_words:
            return
        rows = pl.concat(_alike(self._waiting_words), how="diagonal")
        self._waiting_words = []
        words = _words_of(rows)
        # What is first of all its words together is much less, and holds what is first of each.
        first = _first_known(_perhaps_first(rows.select(*_VALIDITY, *words), words), words)
        first = first.with_columns(pl.col(*words).cast(pl.String)) if words else first
        pieces = [first.select(_VALIDITY)]
        pieces += [first.select(*_VALIDITY, word).drop_nulls(word) for word in words]
        both = pl.concat([self._words, *pieces], how="diagonal")
        found = [_first_known(rows, attribute) for attribute, rows in _by_attribute(both)]
        self._words = pl.concat(found)


class _EarliestShown:
    """Of each item one row that is kept: the earliest so far, and the words that it shows.

    Nearly all rows show what that one shows, not before it and not known before it: they tell
    nothing, whatever else is kept.
    """

    def __init__(self) -> None:
        self._valid_from = np.zeros(0, dtype=np.int64)
        self._known_at = np.zeros(0, dtype=np.int64)
        self._shown: dict[str, Places] = {}  # numbers of words
        # Texts that come as such are numbered here; a word comes in one of the two ways only.
        self._kind = pl.Categorical(pl.Categories.random())
        self._held = pl.Series(dtype=self._kind)
        self._kinds: dict[str, str] = {}

    def telling_more(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows that may tell more than what was kept of their items."""
        words = _words_of(rows)
        kinds = {word: str(rows[word].dtype) for word in words}
        if rows.is_empty() or any(self._kinds.setdefault(w, k) != k for w, k in kinds.items()):
            return rows
        item = rows["item_number"].to_numpy().astype(np.int64)
        codes = {word: _codes(rows[word], self._kind) for word in words}
        self._make_room(int(item.max()) + 1, words)
        valid_from, known_at = rows["valid_from"].to_numpy(), rows["known_at"].to_numpy()
        tells = (valid_from < self._valid_from[item]) | (known_at < self._known_at[item])
        for word, shown in codes.items():
            tells |= (shown != self._shown[word][item]) & (shown != _NO_WORD)
        places = np.flatnonzero(tells)
        self._keep(places, item[places], valid_from[places], known_at, codes)
        return rows[places]

    def _keep(
        self,
        places: Places,
        item: Places,
        valid_from: NDArray[np.int64],
        known_at: NDArray[np.int64],
        codes: dict[str, Places],
    ) -> None:
        """Keep the earliest of some rows for each of their items, where it is earlier."""
        # Written latest first: what is written last is the earliest.
        order = np.argsort(-valid_from, kind="stable")
        order = order[valid_from[order] < self._valid_from[item[order]]]
        item, places = item[order], places[order]
        self._valid_from[item] = valid_from[order]
        self._known_at[item] = known_at[places]
        for word, shown in self._shown.items():
            shown[item] = codes[word][places] if word in codes else _NO_WORD

    def _make_room(self, num_items: int, words: list[str]) -> None:
        missing = max(0, num_items - self._valid_from.size)
        if missing:
            missing = max(missing, self._valid_from.size)
            never = np.full(missing, np.iinfo(np.int64).max)
            self._valid_from = np.concatenate([self._valid_from, never])
            self._known_at = np.concatenate([self._known_at, never])
        for word in {*self._shown, *words}:
            before = self._shown.get(word, np.zeros(0, dtype=np.int64))
            none = np.full(self._valid_from.size - before.size, _NO_WORD)
            self._shown[word] = np.concatenate([before, none])


def _words_of(rows: pl.DataFrame) -> list[str]:
    return [name for name in EVENT_ATTRIBUTES if name in rows.columns and name != "price"]


def _alike(frames: list[pl.DataFrame]) -> list[pl.DataFrame]:
    """Return frames of which none has texts where another has numbers for texts."""
    kinds = [{(name, str(kind)) for name, kind in frame.schema.items()} for frame in frames]
    if len({name for name, _ in set().union(*kinds)}) == len(set().union(*kinds)):
        return frames
    return [frame.with_columns(pl.col(pl.Categorical).cast(pl.String)) for frame in frames]


def _ranges(items: pl.Series, most_rows: int) -> Iterator[tuple[int, int]]:
    """Yield the first and the last of successive items that have about so many rows."""
    rows_up_to = np.cumsum(np.bincount(items.to_numpy()))
    first = 0
    while first < rows_up_to.size:
        before = int(rows_up_to[first - 1]) if first else 0
        last = max(first, int(np.searchsorted(rows_up_to, before + most_rows, side="right")) - 1)
        yield first, last
        first = last + 1


def _of_items(rows: pl.DataFrame, first: int, last: int) -> pl.DataFrame:
    return rows.filter(pl.col("item_number").is_between(first, last))


def _more_words(new: pl.DataFrame, stored: pl.DataFrame) -> pl.DataFrame:
    """Return the new versions of some items that tell more of words than those stored."""
    if stored.is_empty():
        return new.sort(*_VALIDITY, *EVENT_ATTRIBUTES)
    both = pl.concat([stored.with_columns(_new=False), new.with_columns(_new=True)])
    found = [
        _first_known(rows, attribute, "_new")
        for attribute, rows in _by_attribute(both)
        if attribute != ["price"]
    ]
    kept = pl.concat(found).filter("_new").drop("_new")
    return kept.sort(*_VALIDITY, *EVENT_ATTRIBUTES)


def _more_prices(new: pl.DataFrame, stored: pl.DataFrame) -> pl.DataFrame:
    """Return the new prices of some items that are asked for beside those stored."""
    stored = stored.select(*_VALIDITY, "price").drop_nulls("price")
    if stored.is_empty():
        return _asked_for(new)
    both = pl.concat([stored.with_columns(_new=False), new.with_columns(_new=True)])
    told = both.sort("_new").unique([*_VALIDITY, "price"], keep="first")
    return _asked_for(told).filter("_new").drop("_new")


def _by_attribute(rows: pl.DataFrame) -> list[tuple[list[str], pl.DataFrame]]:
    """Return the rows that tell each attribute, and those that tell only that the item is."""
    told = [([name], rows.filter(pl.col(name).is_not_null())) for name in EVENT_ATTRIBUTES]
    bare = rows.filter(pl.all_horizontal(pl.col(name).is_null() for name in EVENT_ATTRIBUTES))
    return [([], bare), *told]


def _perhaps_first(rows: pl.DataFrame, words: list[str]) -> pl.DataFrame:
    """Return the rows that `_first_known` may keep, and few others.

    Left out is what shows the words of an earlier row of its item that was known no later.
    """
    if rows.is_empty():
        return rows
    item = rows["item_number"].to_numpy().astype(np.int64)
    known_at = rows["known_at"].to_numpy()
    is_first, first = _earliest(item, rows["valid_from"].to_numpy())
    is_kept = is_first | (known_at < known_at[first])
    for word in words:
        codes = _codes(rows[word])
        is_kept |= codes != codes[first]
    return rows.filter(pl.Series(is_kept))


def _perhaps_asked_for(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that `_asked_for` may keep, and few others.

    Left out is what comes after a price of its item that was known no later, and before one of
    its stretch that is asked for no later.
    """
    if rows.is_empty():
        return rows
    item = rows["item_number"].to_numpy().astype(np.int64)
    valid_from, known_at = rows["valid_from"].to_numpy(), rows["known_at"].to_numpy()
    stretch = valid_from // PRICE_STRETCH
    asked_at = np.maximum(known_at, (stretch + 1) * PRICE_STRETCH)
    is_first, first = _earliest(item, valid_from)
    is_last, last = _earliest(_dense(item, stretch), -valid_from)
    is_kept = is_first | is_last | (known_at < known_at[first]) | (asked_at < asked_at[last])
    return rows.filter(pl.Series(is_kept))


def _earliest(group: Places, at: NDArray[np.int64]) -> tuple[NDArray[np.bool_], Places]:
    """Return which rows are a group's earliest, and for each row the place of one of those."""
    least = np.full(int(group.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(least, group, at)
    is_earliest = at == least[group]
    places = np.flatnonzero(is_earliest)
    standing: Places = np.zeros(least.size, dtype=np.int64)
    standing[group[places]] = places
    return is_earliest, standing[group]


def _dense(item: Places, stretch: NDArray[np.int64]) -> Places:
    """Return a small number for each item and stretch."""
    item, begin = item - item.min(), int(stretch.min())
    num_stretches = int(stretch.max()) - begin + 1
    if num_stretches * (int(item.max()) + 1) > 16 * item.size:
        stretch = np.unique(stretch, return_inverse=True)[1].astype(np.int64)
        pairs = item * (int(stretch.max()) + 1) + stretch
        dense: Places = np.unique(pairs, return_inverse=True)[1].astype(np.int64)
        return dense
    return item * num_stretches + (stretch - begin)


def _codes(texts: pl.Series, kind: pl.Categorical | None = None) -> Places:
    """Return a number for each text, -1 for null; texts that are not coded yet as of a kind."""
    kind = kind or pl.Categorical(pl.Categories.random())
    coded = texts if is_coded(texts) else texts.cast(kind)
    codes: Places = coded.to_physical().cast(pl.Int64).fill_null(_NO_WORD).to_numpy()
    return codes


def _asked_for(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the prices that can still be the answer at some `as_of`.

    Of an item the first and, in each stretch, the last; and whatever was known before those,
    should they have arrived late.
    """
    rows = sorted_by(rows, (*_VALIDITY, "price"))
    item, stretch = pl.col("item_number"), pl.col("valid_from") // PRICE_STRETCH
    begins = rows.select(
        item=(item != item.shift(1)).fill_null(True),
        stretch=((item != item.shift(-1)) | (stretch != stretch.shift(-1))).fill_null(True),
    )
    known_at = rows["known_at"].to_numpy()
    # The last price of a stretch is asked for only once the stretch is over.
    over_at = rows.select((stretch + 1) * PRICE_STRETCH).to_series().to_numpy()
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
