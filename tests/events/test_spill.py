from pathlib import Path

import polars as pl
import pytest

from habitue.events.spill import Spill


@pytest.mark.parametrize("memory_bytes", [0, 60, 1 << 20])
def test_a_buckets_rows_come_back_in_their_order(tmp_path: Path, memory_bytes: int) -> None:
    spill = Spill(tmp_path / "spill", memory_bytes=memory_bytes)
    for start in range(0, 100, 10):
        numbers = range(start, start + 10)
        spill.add(pl.DataFrame({"n": numbers, "_bucket": [n % 3 for n in numbers]}))
    for bucket in range(3):
        assert spill.read(bucket)["n"].to_list() == list(range(bucket, 100, 3))
    assert spill.read(3).is_empty()
    assert (tmp_path / "spill").exists() == (memory_bytes < 1 << 20)


def test_columns_that_some_rows_lack_are_null(tmp_path: Path) -> None:
    spill = Spill(tmp_path / "spill", memory_bytes=0)
    spill.add(pl.DataFrame({"n": [1], "_bucket": [0]}))
    spill.add(pl.DataFrame({"n": [2], "text": ["x"], "_bucket": [0]}))
    assert spill.read(0).rows() == [(1, None), (2, "x")]
