"""Rows on their way to their buckets: in memory while they fit, else in files.

Comes in: frames with a `_bucket` column. Goes out: one bucket's rows in the order in which they
came. Columns of coded texts lie there as their numbers. Knows nothing about events.
"""

from pathlib import Path
from typing import Final

import polars as pl

MEMORY_BYTES: Final = 256 << 20


class Spill:
    """Rows dealt onto buckets in bounded memory."""

    def __init__(self, folder: Path, *, memory_bytes: int = MEMORY_BYTES) -> None:
        self._folder = folder
        self._memory_bytes = memory_bytes
        self._waiting: list[pl.DataFrame] = []
        self._num_waiting_bytes = 0
        self._num_written = 0
        self._dealt: dict[int, pl.DataFrame] = {}  # what waited when the reading began
        self._kinds: dict[str, pl.Categorical] = {}  # of coded columns

    def add(self, frame: pl.DataFrame) -> None:
        """Take rows; write what has gathered to files once it is much."""
        coded = {
            name: kind for name, kind in frame.schema.items() if isinstance(kind, pl.Categorical)
        }
        self._kinds |= coded
        frame = frame.with_columns(pl.col(name).to_physical() for name in coded)
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
            pl.col(name).cat.to(kind) for name, kind in self._kinds.items() if name in rows.columns
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
