"""Outside texts and their inside numbers, given in order of first appearance.

The same texts in the same order always get the same numbers. Knows nothing about what the texts
name.
"""

import polars as pl

_SCHEMA: dict[str, pl.DataType] = {"text": pl.String(), "number": pl.Int64()}


class Interner:
    """Gives each new text the next number, from 0."""

    def __init__(self, known: pl.Series | None = None) -> None:
        """Begin with `known` texts, which have the numbers 0, 1, 2 …"""
        texts = known if known is not None else pl.Series(dtype=pl.String)
        self._known = pl.DataFrame({"text": texts, "number": range(len(texts))}, schema=_SCHEMA)
        self._num_before = len(texts)

    def __len__(self) -> int:
        return self._known.height

    def numbers(self, texts: pl.Series) -> pl.Series:
        """Return the number of each text; null for null."""
        frame = pl.DataFrame({"text": texts})
        found = frame.join(self._known, on="text", how="left", maintain_order="left")["number"]
        if found.null_count() == texts.null_count():
            return found
        is_new = found.is_null() & texts.is_not_null()
        new = frame.filter(is_new).unique(maintain_order=True)
        fresh = new.with_columns(
            number=pl.int_range(len(self), len(self) + new.height, dtype=pl.Int64)
        )
        self._known = pl.concat([self._known, fresh], rechunk=True)
        return frame.join(self._known, on="text", how="left", maintain_order="left")["number"]

    def new_texts(self) -> pl.DataFrame:
        """Return the texts and numbers given since the beginning, in order."""
        return self._known[self._num_before :]
