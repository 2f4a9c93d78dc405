from pathlib import Path

import polars as pl

from habitue.predicting import write_tables


def test_a_header_is_written_once_also_after_empty_buckets(tmp_path: Path) -> None:
    empty = pl.DataFrame(schema={"user_id": pl.String, "score": pl.Float64})
    some = pl.DataFrame({"user_id": ["007"], "score": [0.5]})
    assert write_tables([empty, empty, some, some], tmp_path / "a.csv") == 2
    assert (tmp_path / "a.csv").read_text() == "user_id,score\n007,0.5\n007,0.5\n"
    assert write_tables([empty, some], tmp_path / "a.parquet") == 1
    assert pl.read_parquet(tmp_path / "a.parquet").to_dicts() == [{"user_id": "007", "score": 0.5}]
