"""The texts of an ingest that come again and again: each looked at once, and told by a number.

A column of users, items, brands or platforms repeats its texts. Such a column travels as a Polars
categorical of one kind for the whole ingest: what cleaning, hashing and numbering find out about a
text is found out once and looked up from then on. Columns of ever new texts stay texts; whoever
works on a column takes both. Knows nothing about what the texts mean.
"""

from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import Final, Generic, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from habitue.events.keys import Hashes, share_of_row

Number = TypeVar("Number", np.uint64, np.bool_)

# Texts of these are numbered later on anyway.
NUMBERED_FIELDS: Final = frozenset({"user_id", "anonymous_id", "item_id"})
# Texts of these come again and again in most logs, which the first rows confirm.
REPEATED_FIELDS: Final = frozenset(
    {
        "event_type", "platform", "device_type", "item_name", "item_category", "item_brand",
        "currency", "campaign",
    }
)  # fmt: skip
CODED_FIELDS: Final = NUMBERED_FIELDS | REPEATED_FIELDS
_OFTEN: Final = 16  # rows for each distinct text, for a column to be coded
_LOOKED_AT: Final = 50_000  # rows of a chunk


class _PerText(Generic[Number]):
    """What was found out about coded texts, each once; asked by several threads."""

    def __init__(self, find: Callable[[pl.Series], NDArray[Number]], kind: type[Number]) -> None:
        self._find: Callable[[pl.Series], NDArray[Number]] = find
        self._found: NDArray[Number] = np.zeros(1024, dtype=kind)
        self._is_found = np.zeros(1024, dtype=np.bool_)
        self._one_at_a_time = Lock()

    def of(
        self, codes: NDArray[np.uint32], texts_of: Callable[[NDArray[np.uint32]], pl.Series]
    ) -> NDArray[Number]:
        """Return what is so of each code's text."""
        last = int(codes.max(initial=0))
        with self._one_at_a_time:
            if last >= self._found.size:
                self._found = _grown(self._found, last + 1)
                self._is_found = _grown(self._is_found, last + 1)
            is_found = self._is_found[codes]
            if not is_found.all():
                new: NDArray[np.uint32] = np.unique(codes[~is_found])
                self._found[new] = self._find(texts_of(new))
                self._is_found[new] = True
            return self._found[codes]


class Words:
    """All texts of the coded columns of one ingest.

    A field may be coded in one chunk and not in another: one whose texts turn out to be ever new is
    not coded any more, so that what is held does not grow with the log.
    """

    def __init__(self, *, max_id_bytes: int) -> None:
        """`max_id_bytes` is the most that a tidy text may have."""
        self.kind = pl.Categorical(pl.Categories.random())
        # Without a column of this kind alive, Polars forgets what it numbered.
        self._held = pl.Series(dtype=self.kind)
        self._ever_new: set[str] = set()
        self._tidiness = _PerText(partial(_are_tidy, max_id_bytes), np.bool_)
        self._shares: dict[str, _PerText[np.uint64]] = {}

    def coded(self, field: str, column: pl.Series) -> pl.Series:
        """Return the texts of a field as numbers where that pays, else as texts."""
        if field not in CODED_FIELDS or not is_text(column):
            return column
        if field in REPEATED_FIELDS and not self._comes_again(field, column):
            return column.cast(pl.String)
        return column if column.dtype == self.kind else column.cast(self.kind)

    def is_coded(self, field: str) -> bool:
        """Whether the field's texts are numbered, as far as is known."""
        return field in CODED_FIELDS and field not in self._ever_new

    def texts(self, codes: NDArray[np.uint32]) -> pl.Series:
        """Return the texts of numbers."""
        return pl.Series(codes, dtype=pl.UInt32).cat.to(self.kind).cast(pl.String)

    def are_tidy(self, column: pl.Series) -> bool:
        """Whether no text of a coded column has anything about it that cleaning would look at.

        A tidy text is not blank nor longer than allowed, has no blanks around it, no control or
        invisible characters, and is in Unicode's NFC.
        """
        if column.dtype != self.kind:
            return False
        codes: NDArray[np.uint32] = column.drop_nulls().to_physical().to_numpy()
        return bool(self._tidiness.of(codes, self.texts).all())

    def share_of_row(self, name: str, column: pl.Series) -> Hashes:
        """Return what `keys.share_of_row` does."""
        if column.dtype != self.kind:
            return share_of_row(name, column)
        if name not in self._shares:
            self._shares[name] = _PerText(partial(share_of_row, name), np.uint64)
        found = self._shares[name].of(column.drop_nulls().to_physical().to_numpy(), self.texts)
        if not column.null_count():
            return found
        shares: Hashes = np.zeros(column.len(), dtype=np.uint64)
        shares[column.is_not_null().to_numpy()] = found
        return shares

    def _comes_again(self, field: str, column: pl.Series) -> bool:
        if field not in self._ever_new:
            texts = column.head(_LOOKED_AT).drop_nulls()
            num_texts = texts.n_unique()
            if num_texts > 1 and num_texts * _OFTEN > texts.len():
                self._ever_new.add(field)
        return field not in self._ever_new


def is_text(column: pl.Series) -> bool:
    """Whether a column holds texts, coded or not."""
    return column.dtype == pl.String or is_coded(column)


def is_coded(column: pl.Series) -> bool:
    """Whether a column's texts travel as numbers."""
    return isinstance(column.dtype, pl.Categorical)


def distinct_texts(column: pl.Series) -> pl.Series:
    """Return the texts of a column, each once."""
    return column.drop_nulls().unique().cast(pl.String)


def rows_where(column: pl.Series, holds: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Return in which rows `holds` is true of the text; each text of a coded column is asked once.

    A null is false.
    """
    if not is_coded(column):
        return holds(column).fill_null(False)
    distinct = column.drop_nulls().unique()
    chosen = distinct.filter(holds(distinct.cast(pl.String)).fill_null(False))
    if chosen.is_empty():
        return pl.repeat(False, column.len(), dtype=pl.Boolean, eager=True)
    is_chosen = np.zeros(1 + int(distinct.to_physical().max()), dtype=np.bool_)  # type: ignore[arg-type]
    is_chosen[chosen.to_physical().to_numpy()] = True
    rows = pl.Series(is_chosen[column.to_physical().fill_null(0).to_numpy()])
    return rows & column.is_not_null()


def changed(column: pl.Series, change: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Return the texts changed; each text of a coded column once, the column as coded as before."""
    if not is_coded(column):
        return change(column)
    distinct = column.drop_nulls().unique()
    if distinct.is_empty():
        return column
    new = change(distinct.cast(pl.String)).cast(column.dtype).to_physical()
    # Beside the new codes a place for null, which is the last.
    table = np.zeros(2 + int(distinct.to_physical().max()), dtype=np.uint32)  # type: ignore[arg-type]
    is_null = np.zeros(table.size, dtype=np.bool_)
    places = distinct.to_physical().to_numpy()
    table[places] = new.fill_null(0).to_numpy()
    is_null[places] = new.is_null().to_numpy()
    is_null[-1] = True
    codes = column.to_physical().fill_null(table.size - 1).to_numpy()
    texts = pl.Series(column.name, table[codes], dtype=pl.UInt32).cat.to(column.dtype)
    missing = is_null[codes]
    return texts.set(pl.Series(missing), None) if missing.any() else texts


def _are_tidy(max_bytes: int, texts: pl.Series) -> NDArray[np.bool_]:
    tidy = (texts.str.len_bytes() <= max_bytes) & (texts != "")
    tidy &= (texts.str.strip_chars() == texts) & ~texts.str.contains(r"[\p{Cc}\p{Cf}]")
    if (texts.str.len_bytes() != texts.str.len_chars()).any():
        tidy &= texts.str.normalize("NFC") == texts
    return tidy.to_numpy()


def _grown(array: NDArray[Number], least: int) -> NDArray[Number]:
    grown = np.zeros(max(least, 2 * array.size), dtype=array.dtype)
    grown[: array.size] = array
    return grown
