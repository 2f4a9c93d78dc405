"""Outside texts and their inside numbers, given in order of first appearance.

The same texts in the same order always get the same numbers. A text may be of one of several kinds,
under each of which it has a number of its own. Knows nothing about what the texts name.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from habitue.events.words import Words

_UNKNOWN = -1

Kinds = NDArray[np.int64] | int


class Interner:
    """Gives each new text of a kind the next number, from 0."""

    def __init__(self, words: Words, *, num_kinds: int = 1) -> None:
        """Know nothing yet; `words` may be shared with others."""
        self._words = words
        self._num_kinds = num_kinds
        self._number_of_key = np.full(1024, _UNKNOWN, dtype=np.int32)
        self._keys: list[NDArray[np.int64]] = []  # in order of their numbers
        self._num_texts = 0
        self._num_before = 0

    def __len__(self) -> int:
        return self._num_texts

    def know(self, texts: pl.Series, kinds: Kinds = 0) -> None:
        """Begin with these, each there once, under the numbers 0, 1, 2 …"""
        self.numbers((texts, kinds))
        self._num_before = self._num_texts

    def numbers(self, *columns: tuple[pl.Series, Kinds]) -> list[pl.Series]:
        """Return the numbers of the texts of one or more equally long columns; null for null.

        Each column comes with the kinds of its texts. New texts are numbered row by row, within a
        row column by column.
        """
        keys = np.stack([self._keys_of(texts, kinds) for texts, kinds in columns], axis=1)
        there = keys >= 0
        self._number_new(keys[there] if not there.all() else keys.ravel())
        numbers = self._number_of_key[np.maximum(keys, 0)]
        return [_with_nulls(numbers[:, at], there[:, at]) for at in range(len(columns))]

    def new_texts(self) -> pl.DataFrame:
        """Return the texts, kinds and numbers given since the beginning, in order."""
        keys = np.concatenate([np.zeros(0, dtype=np.int64), *self._keys])[self._num_before :]
        numbers = pl.int_range(self._num_before, self._num_texts, dtype=pl.Int64, eager=True)
        texts = self._words.texts((keys // self._num_kinds).astype(np.uint32))
        return pl.DataFrame({"text": texts, "kind": keys % self._num_kinds, "number": numbers})

    def _keys_of(self, texts: pl.Series, kinds: Kinds) -> NDArray[np.int64]:
        """Return what stands for text and kind; -1 for a null."""
        coded = texts.cast(self._words.kind).to_physical().cast(pl.Int64)
        codes: NDArray[np.int64] = coded.fill_null(_UNKNOWN).to_numpy()
        return np.where(codes < 0, _UNKNOWN, codes * self._num_kinds + kinds)

    def _number_new(self, keys: NDArray[np.int64]) -> None:
        last = int(keys.max(initial=0))
        if last >= self._number_of_key.size:
            grown = np.full(max(last + 1, 2 * self._number_of_key.size), _UNKNOWN, dtype=np.int32)
            grown[: self._number_of_key.size] = self._number_of_key
            self._number_of_key = grown
        unknown = pl.Series(keys[self._number_of_key[keys] == _UNKNOWN])
        new: NDArray[np.int64] = unknown.unique(maintain_order=True).to_numpy()
        self._number_of_key[new] = np.arange(self._num_texts, self._num_texts + new.size)
        self._keys.append(new)
        self._num_texts += new.size


def _with_nulls(numbers: NDArray[np.int32], there: NDArray[np.bool_]) -> pl.Series:
    column = pl.Series("number", numbers, dtype=pl.Int64)
    return column if there.all() else column.set(pl.Series(~there), None)
