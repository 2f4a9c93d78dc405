from pathlib import Path

import polars as pl
import pytest

from habitue.events.spill import Spill
from habitue.events.words import Words


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


@pytest.mark.parametrize("memory_bytes", [0, 1 << 20])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_numbers_for_texts_never_meet_texts(
    tmp_path: Path, memory_bytes: int, order: tuple[int, ...]
) -> None:
    held = Words(max_id_bytes=256)
    kind = held.kind
    coded = pl.Series("brand", ["x", None, "y"]).cast(kind)
    texts = pl.Series("brand", ["1", "0", None])
    nothing = pl.Series("brand", [None, None, None], dtype=pl.String)
    pieces = [coded, texts, nothing]
    spill = Spill(tmp_path / "spill", memory_bytes=memory_bytes)
    for number in order:
        spill.add(pl.DataFrame([pieces[number]]).with_columns(_bucket=pl.Series([0, 1, 2])))
    for bucket in range(3):
        expected = [pieces[number].cast(pl.String)[bucket] for number in order]
        assert spill.read(bucket)["brand"].cast(pl.String).to_list() == expected
