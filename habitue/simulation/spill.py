"""Where blocks wait on disk until all of them are there: made by person, written out by time.

A block's events lie in one file, by time, with a note of where each slice of time begins; so a
slice can be gathered from all blocks without reading anything else. Its tables of the truth lie
beside it. Knows nothing about what the events mean.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from habitue.simulation.block import Block
from habitue.simulation.plan import Plan
from habitue.simulation.rows import ROW, Rows, in_order_of_time


@dataclass(frozen=True)
class Spill:
    """The blocks of a plan in a folder."""

    folder: Path
    plan: Plan

    def write_block(self, number: int, block: Block) -> None:
        """Keep a block."""
        block.rows.tofile(self._path(number, "rows"))
        starts = np.searchsorted(block.rows["time"], self.plan.slice_starts())
        starts.astype(np.int64).tofile(self._path(number, "starts"))
        for name, frame in block.truth.items():
            frame.write_parquet(self._path(number, f"{name}.parquet"))
        counts = {"by_type": block.by_type, "bad_rows": block.bad_rows}
        self._path(number, "json").write_text(json.dumps(counts), encoding="utf-8")

    def read_slice(self, number: int) -> Rows:
        """Return the events of a slice of time from all blocks, by time."""
        starts = [
            np.fromfile(self._path(block, "starts"), np.int64, count=2, offset=8 * number)
            for block in range(self.plan.num_blocks)
        ]
        rows = np.empty(sum(int(last - first) for first, last in starts), ROW)
        begin = 0
        for block, (first, last) in enumerate(starts):
            end = begin + int(last - first)
            with self._path(block, "rows").open("rb") as file:
                file.seek(int(first) * ROW.itemsize)
                file.readinto(rows[begin:end].view(np.uint8).data)
            begin = end
        return in_order_of_time(rows)

    def tables(self) -> list[tuple[str, list[Path]]]:
        """Return the tables of the truth, by name, and the parts of each, in order."""
        found: dict[str, list[Path]] = {}
        for path in sorted(self.folder.glob("*.parquet")):
            found.setdefault(path.name.split(".")[1], []).append(path)
        return sorted(found.items())

    def counts(self, what: str) -> dict[str, int]:
        """Return the sums of what all blocks counted."""
        total: dict[str, int] = {}
        for block in range(self.plan.num_blocks):
            counts = json.loads(self._path(block, "json").read_text(encoding="utf-8"))[what]
            for name, count in counts.items():
                total[name] = total.get(name, 0) + count
        return total

    def _path(self, block: int, ending: str) -> Path:
        return self.folder / f"{block:07d}.{ending}"
