"""Outside texts and their inside numbers, given in order of first appearance.

The same texts in the same order always get the same numbers. Knows nothing about what the texts
name.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

_UNKNOWN = -1


class Interner:
    """Gives each new text the next number, from 0."""

    def __init__(self, known: pl.Series | None = None) -> None:
        """Begin with `known` texts, each there once, which have the numbers 0, 1, 2 …"""
        # Polars numbers the texts too, but in whatever order its threads come upon them.
        self._kind = pl.Categorical(pl.Categories.random())
        # Without a column of this kind alive, Polars forgets what it numbered.
        self._held = pl.Series(dtype=self._kind)
        self._number_of_code = np.full(1024, _UNKNOWN, dtype=np.int64)
        self._codes: list[NDArray[np.uint32]] = []  # in order of their numbers
        self._num_texts = 0
        if known is not None:
            self.numbers(known)
        self._num_before = self._num_texts

    def __len__(self) -> int:
        return self._num_texts

    def numbers(self, texts: pl.Series) -> pl.Series:
        """Return the number of each text; null for null."""
        coded = texts.cast(pl.String).cast(self._kind).to_physical()
        self._number_new(coded)
        numbers = pl.Series("number", self._number_of_code[coded.fill_null(0).to_numpy()])
        return pl.select(pl.when(coded.is_not_null()).then(numbers)).to_series()

    def new_texts(self) -> pl.DataFrame:
        """Return the texts and numbers given since the beginning, in order."""
        codes = np.concatenate([np.zeros(0, dtype=np.uint32), *self._codes])[self._num_before :]
        numbers = pl.int_range(self._num_before, self._num_texts, dtype=pl.Int64, eager=True)
        texts = pl.Series(codes).cat.to(self._kind).cast(pl.String)
        return pl.DataFrame({"text": texts, "number": numbers})

    def _number_new(self, coded: pl.Series) -> None:
        codes: NDArray[np.uint32] = coded.drop_nulls().to_numpy()
        last = int(codes.max(initial=0))
        if last >= self._number_of_code.size:
            grown = np.full(max(last + 1, 2 * self._number_of_code.size), _UNKNOWN, dtype=np.int64)
            grown[: self._number_of_code.size] = self._number_of_code
            self._number_of_code = grown
        unknown = pl.Series(codes[self._number_of_code[codes] == _UNKNOWN])
        new: NDArray[np.uint32] = unknown.unique(maintain_order=True).to_numpy()
        self._number_of_code[new] = np.arange(self._num_texts, self._num_texts + new.size)
        self._codes.append(new)
        self._num_texts += new.size
