from pathlib import Path

import polars as pl

from habitue.predicting import write_tables


def test_a_header_is_written_once_also_after_empty_buckets(tmp_path: Path) -> None:
    empty = pl.DataFrame(schema={"user_id": pl.String, "score": pl.Float64})
    some = pl.DataFrame({"user_id": ["007"], "score": [0.5]})
    assert write_tables([empty, empty, some, some], tmp_path / "a.csv").rows == 2
    assert (tmp_path / "a.csv").read_text() == "user_id,score\n007,0.5\n007,0.5\n"
    assert write_tables([empty, some], tmp_path / "a.parquet").rows == 1
    assert pl.read_parquet(tmp_path / "a.parquet").to_dicts() == [{"user_id": "007", "score": 0.5}]


HOSTILE = pl.DataFrame({"user_id": ["=1+1", "-12", "\t@x", "u1"], "score": [-0.5, 1.0, 0.0, 2.0]})


def test_texts_that_a_spreadsheet_would_run_are_escaped_and_counted(tmp_path: Path) -> None:
    written = write_tables([HOSTILE, HOSTILE], tmp_path / "a.csv")
    back = pl.read_csv(tmp_path / "a.csv")
    assert back["user_id"].to_list() == ["'=1+1", "-12", "'\t@x", "u1"] * 2
    assert back["score"].to_list() == HOSTILE["score"].to_list() * 2
    assert (written.rows, written.escaped) == (8, 4)


def test_files_for_machines_hold_every_text_as_it_is(tmp_path: Path) -> None:
    plain = write_tables([HOSTILE], tmp_path / "a.csv", for_spreadsheet=False)
    parquet = write_tables([HOSTILE], tmp_path / "a.parquet")
    assert pl.read_csv(tmp_path / "a.csv").equals(HOSTILE)
    assert pl.read_parquet(tmp_path / "a.parquet").equals(HOSTILE)
    assert plain.escaped == parquet.escaped == 0
