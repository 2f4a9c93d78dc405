"""Rows on their way to their buckets: in memory while they fit, else in files.

Comes in: frames with a `_bucket` column. Goes out: one bucket's rows in the order in which they
came. Knows nothing about events.
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

    def add(self, frame: pl.DataFrame) -> None:
        """Take rows; write what has gathered to files once it is much."""
        self._waiting.append(frame)
        self._num_waiting_bytes += int(frame.estimated_size())
        if self._num_waiting_bytes > self._memory_bytes:
            self._write()

    def read(self, bucket: int) -> pl.DataFrame:
        """Return a bucket's rows, without `_bucket`."""
        pieces = [pl.read_ipc(path) for path in sorted(self._folder.glob(f"{bucket:04d}-*.arrow"))]
        pieces += [frame.filter(pl.col("_bucket") == bucket) for frame in self._waiting]
        if not pieces:
            return pl.DataFrame()
        return pl.concat(pieces, how="diagonal_relaxed").drop("_bucket")

    def _write(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        rows = pl.concat(self._waiting, how="diagonal_relaxed")
        for (bucket,), piece in rows.partition_by("_bucket", as_dict=True).items():
            name = f"{bucket:04d}-{self._num_written:06d}.arrow"
            piece.write_ipc(self._folder / name, compression="lz4")
        self._num_written += 1
        self._waiting, self._num_waiting_bytes = [], 0
