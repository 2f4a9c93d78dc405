"""Rows on their way to their buckets: in memory while they fit, else in files.

Comes in: frames with a `_bucket` column. Goes out: one bucket's rows in the order in which they
came. Columns of coded texts lie there as their numbers. Knows nothing about events.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

_CODED: Final = "#"  # after the name of a column of numbers for texts
MEMORY_BYTES: Final = 256 << 20


@dataclass(frozen=True)
class _Dealt:
    """Rows in the order of their buckets; bucket b's begin at `starts[b]`."""

    rows: pl.DataFrame
    starts: NDArray[np.int64]

    def of(self, bucket: int) -> pl.DataFrame:
        if bucket + 1 >= self.starts.size:
            return self.rows.clear()
        start, end = int(self.starts[bucket]), int(self.starts[bucket + 1])
        return self.rows.slice(start, end - start)


class Spill:
    """Rows dealt onto buckets in bounded memory."""

    def __init__(self, folder: Path, *, memory_bytes: int = MEMORY_BYTES) -> None:
        self._folder = folder
        self._memory_bytes = memory_bytes
        self._waiting: list[_Dealt] = []
        self._num_waiting_bytes = 0
        self._num_written = 0
        self._kinds: dict[str, pl.Categorical] = {}  # of coded columns

    def add(self, frame: pl.DataFrame) -> None:
        """Take rows; write what has gathered to files once it is much."""
        coded = {
            name: kind for name, kind in frame.schema.items() if isinstance(kind, pl.Categorical)
        }
        self._kinds |= coded
        # Of one column some frames may hold numbers, others texts: these never meet.
        numbers = [pl.col(name).to_physical().alias(name + _CODED) for name in coded]
        frame = frame.with_columns(numbers).drop(coded)
        self._waiting.append(_dealt(frame))
        self._num_waiting_bytes += int(frame.estimated_size())
        if self._num_waiting_bytes > self._memory_bytes:
            self._write()

    def read(self, bucket: int) -> pl.DataFrame:
        """Return a bucket's rows, without `_bucket`; nothing is added any more."""
        pieces = [pl.read_ipc(path) for path in sorted(self._folder.glob(f"{bucket:04d}-*.arrow"))]
        pieces += [piece for dealt in self._waiting if (piece := dealt.of(bucket)).height]
        if not pieces:
            return pl.DataFrame()
        return self._decoded(pl.concat(pieces, how="diagonal_relaxed", rechunk=True))

    def _decoded(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows with their coded columns, as texts where some of them came so."""
        for name, kind in self._kinds.items():
            if name + _CODED not in rows.columns:
                continue
            coded = pl.col(name + _CODED).cat.to(kind)
            if name in rows.columns:
                rows = rows.with_columns(pl.coalesce(name, coded.cast(pl.String)).alias(name))
            else:
                rows = rows.with_columns(coded.alias(name))
            rows = rows.drop(name + _CODED)
        return rows

    def _write(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        for bucket in range(max(dealt.starts.size for dealt in self._waiting) - 1):
            pieces = [piece for dealt in self._waiting if (piece := dealt.of(bucket)).height]
            if pieces:
                name = f"{bucket:04d}-{self._num_written:06d}.arrow"
                rows = pl.concat(pieces, how="diagonal_relaxed", rechunk=True)
                rows.write_ipc(self._folder / name, compression="uncompressed")
        self._num_written += 1
        self._waiting, self._num_waiting_bytes = [], 0


def _dealt(frame: pl.DataFrame) -> _Dealt:
    """Return a frame's rows bucket by bucket, in the order in which they came."""
    bucket = frame["_bucket"].to_numpy().astype(np.uint16)
    # NumPy sorts numbers of sixteen bits by counting.
    order = np.argsort(bucket, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(bucket))])
    return _Dealt(frame.drop("_bucket")[order], starts)
