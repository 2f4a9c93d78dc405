"""Few large parts instead of many small ones.

Every ingest adds parts, and each part costs a file to open and a checksum to compute. Once a
bucket of a table has many, the newest are laid together until each part is at least as large as
all that came after it, so that a row is rewritten a few times in its life and a bucket keeps a
handful of parts. What is stored stays the same, and so does its fingerprint. Knows nothing about
when that is done or what a row means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Final

import polars as pl

from habitue.events.manifest import Part, check_part, packed_part, write_part

MOST_PARTS: Final = 8
# A part of this size stays as it is: laying parts together takes all of their rows into memory.
_CLOSED_BYTES: Final = 32 << 20

Order = Mapping[str, Sequence[str]]


def compact(folder: Path, parts: Sequence[Part], number: int, *, order: Order) -> tuple[Part, ...]:
    """Return parts with the same rows, small ones laid together.

    The new ones are written as number `number`, but not listed yet; the old ones stay where they
    are. `order` names the columns that a table's rows are sorted by; rows of other tables keep
    the order of their parts.
    """
    runs = crowded_runs(parts)
    joined = {run[0].path: _joined(folder, run, number, order) for run in runs}
    gone = {part.path for run in runs for part in run[1:]}
    return tuple(joined.get(part.path, part) for part in parts if part.path not in gone)


def crowded_runs(parts: Sequence[Part]) -> list[tuple[Part, ...]]:
    """Return the runs of parts that shall become one part each."""

    def place(part: Part) -> tuple[str, int]:
        return part.table, part.bucket

    groups = (tuple(group) for _, group in groupby(sorted(parts, key=place), key=place))
    runs = (_newest(group) for group in groups if len(group) > MOST_PARTS)
    return [run for run in runs if len(run) > 1]


def _newest(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """Return a bucket's newest parts, from the first on that is smaller than what follows."""
    closed = [number for number, part in enumerate(parts) if part.bytes >= _CLOSED_BYTES]
    begin = closed[-1] + 1 if closed else 0
    while begin < len(parts) and parts[begin].rows >= sum(part.rows for part in parts[begin + 1 :]):
        begin += 1
    return parts[begin:]


def _joined(folder: Path, run: tuple[Part, ...], number: int, order: Order) -> Part:
    table = run[0].table
    frames = [pl.read_parquet(check_part(folder, part)) for part in run]
    rows = pl.concat(frames, how="diagonal")
    packed = packed_part(
        table,
        number,
        rows.sort(order[table]) if table in order else rows,
        content=sum(part.content for part in run) % 2**64,
        bucket=run[0].bucket,
        stem="joined",
    )
    joined = write_part(folder, packed)
    start_at, end_at = min(part.start_at for part in run), max(part.end_at for part in run)
    return replace(joined, start_at=start_at, end_at=end_at)
