"""Rows on their way to their buckets: in memory while they fit, else in files.

Comes in: frames with a `_bucket` column. Goes out: one bucket's rows in the order in which they
came. Columns of few words lie there as numbers. Knows nothing about events.
"""

from pathlib import Path
from typing import Final

import polars as pl

MEMORY_BYTES: Final = 256 << 20
# A column whose words come this often each, in the first rows seen, is one of few words.
_OFTEN: Final = 16


class Spill:
    """Rows dealt onto buckets in bounded memory."""

    def __init__(self, folder: Path, *, memory_bytes: int = MEMORY_BYTES) -> None:
        self._folder = folder
        self._memory_bytes = memory_bytes
        self._waiting: list[pl.DataFrame] = []
        self._num_waiting_bytes = 0
        self._num_written = 0
        self._dealt: dict[int, pl.DataFrame] = {}  # what waited when the reading began
        self._words: dict[str, pl.Series | None] = {}  # empty columns that hold their words

    def add(self, frame: pl.DataFrame) -> None:
        """Take rows; write what has gathered to files once it is much."""
        frame = self._with_numbers(frame)
        self._waiting.append(frame)
        self._num_waiting_bytes += int(frame.estimated_size())
        if self._num_waiting_bytes > self._memory_bytes:
            self._write()

    def read(self, bucket: int) -> pl.DataFrame:
        """Return a bucket's rows, without `_bucket`; nothing is added any more."""
        pieces = [pl.read_ipc(path) for path in sorted(self._folder.glob(f"{bucket:04d}-*.arrow"))]
        if self._waiting:
            self._dealt = _by_bucket(self._waiting)
            self._waiting = []
        if bucket in self._dealt:
            pieces.append(self._dealt[bucket])
        if not pieces:
            return pl.DataFrame()
        rows = pl.concat(pieces, how="diagonal_relaxed").drop("_bucket")
        return rows.with_columns(
            pl.col(name).cat.to(words.dtype).cast(pl.String)
            for name, words in self._words.items()
            if words is not None and name in rows.columns
        )

    def _with_numbers(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the frame with numbers in place of words that come again and again."""
        texts = [name for name, kind in frame.schema.items() if kind == pl.String]
        for name in texts:
            if name not in self._words and frame[name].null_count() < frame.height:
                self._words[name] = _words_of(frame[name])
        coded = [(name, words) for name in texts if (words := self._words.get(name)) is not None]
        return frame.with_columns(
            pl.col(name).cast(words.dtype).to_physical() for name, words in coded
        )

    def _write(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        for bucket, piece in _by_bucket(self._waiting).items():
            name = f"{bucket:04d}-{self._num_written:06d}.arrow"
            piece.write_ipc(self._folder / name, compression="lz4")
        self._num_written += 1
        self._waiting, self._num_waiting_bytes = [], 0


def _by_bucket(frames: list[pl.DataFrame]) -> dict[int, pl.DataFrame]:
    rows = pl.concat(frames, how="diagonal_relaxed")
    return {key[0]: piece for key, piece in rows.partition_by("_bucket", as_dict=True).items()}


def _words_of(texts: pl.Series) -> pl.Series | None:
    """Return an empty column of a kind of its own for columns of few words, else None."""
    there = texts.drop_nulls().to_frame("text")
    num_words = there.select(pl.col("text").approx_n_unique()).item()
    if num_words * _OFTEN > there.height:
        return None
    # Without a column of this kind alive, Polars forgets what it numbered.
    return pl.Series(dtype=pl.Categorical(pl.Categories.random()))
