import gzip
import os
import tracemalloc
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from habitue.config import SourceSettings
from habitue.errors import FileRefused
from habitue.events.sources import file_format, match_source, open_source

CSV = SourceSettings(name="web", columns={"user_id": "user", "item_id": "item", "timestamp": "at"})
HEADERLESS = CSV.model_copy(update={"header": False, "column_names": ["user", "item", "at"]})
JSON = CSV.model_copy(update={"format": "jsonl"})
PARQUET = CSV.model_copy(update={"format": "parquet"})
GOOD = b"user,item,at\nu1,i1,2024-01-01\nu2,i2,2024-01-02\n"


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def read(path: Path, source: SourceSettings) -> pl.DataFrame:
    return pl.concat([chunk.frame for chunk in open_source(path, source)])


def refusal_of(path: Path, source: SourceSettings) -> FileRefused:
    with pytest.raises(FileRefused, match=str(path)) as refusal:
        list(open_source(path, source))
    return refusal.value


def test_gzip_under_any_name_is_read(tmp_path: Path) -> None:
    frame = read(written(tmp_path / "log.csv", gzip.compress(GOOD)), CSV)

    assert frame["user"].to_list() == ["u1", "u2"]


def test_parquet_that_is_called_csv_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    pq.write_table(pa.table({"user": [1], "item": ["a"], "at": [5]}), path)

    assert file_format(path) == "parquet"
    assert read(path, CSV)["user"].to_list() == [1]


def test_reordered_and_further_columns_are_read_by_name(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", b"at, user ,colour,item\n2024,u1,red,i1\n")

    assert read(path, CSV).select("user", "item", "at", "colour").row(0) == (
        "u1",
        "i1",
        "2024",
        "red",
    )


def test_file_without_header_is_read_by_the_given_names(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", b"u1,i1,5\nu2,i2,6\n")

    assert read(path, HEADERLESS)["user"].to_list() == ["u1", "u2"]


def test_header_alone_is_no_error(tmp_path: Path) -> None:
    assert read(written(tmp_path / "a.csv", b"user,item,at\n"), CSV).is_empty()


def test_empty_file_is_refused(tmp_path: Path) -> None:
    assert refusal_of(written(tmp_path / "a.csv", b""), CSV).code == "empty_file"


@pytest.mark.parametrize(("mark", "shown"), [(b";", ";"), (b"\t", "\\t"), (b"|", "|")])
def test_wrong_delimiter_is_named_and_the_right_one_proposed(
    tmp_path: Path, mark: bytes, shown: str
) -> None:
    path = written(tmp_path / "a.csv", GOOD.replace(b",", mark))

    refusal = refusal_of(path, CSV)

    assert refusal.code == "one_column_found"
    assert "has one column only" in refusal.message
    assert f'Set delimiter = "{shown}"' in refusal.fix
    assert refusal_of(path, HEADERLESS).code == "one_column_found"


def test_column_named_twice_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", b"user,item,user,at\n1,2,3,4\n")

    refusal = refusal_of(path, CSV)

    assert refusal.code == "duplicate_column"
    assert "has the column 'user' twice" in refusal.message


def test_missing_column_is_named_with_the_nearest(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", b"userr,item,at\nu1,2,3\n")

    refusal = refusal_of(path, CSV)

    assert refusal.code == "missing_column"
    assert "lacks the column 'user'" in refusal.message
    assert "Did you mean 'userr'?" in refusal.message


def test_missing_header_is_told_from_a_missing_column(tmp_path: Path) -> None:
    refusal = refusal_of(written(tmp_path / "a.csv", b"17,i1,2024\n18,i2,2025\n"), CSV)

    assert refusal.code == "header_missing"
    assert "expects the columns user, item, at" in refusal.message


def test_headerless_source_must_name_its_columns(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", b"u1,i1,5\n")
    source = CSV.model_copy(update={"header": False})

    assert "names no columns" in refusal_of(path, source).message


def test_text_where_parquet_or_json_is_expected_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", GOOD)

    assert "is no Parquet file" in refusal_of(path, PARQUET).message
    assert "is no JSON lines file" in refusal_of(path, JSON).message


def test_packed_parquet_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"user": [1]}), tmp_path / "a.parquet")
    path = written(tmp_path / "a.gz", gzip.compress((tmp_path / "a.parquet").read_bytes()))

    assert refusal_of(path, PARQUET).code == "packed_parquet"


def test_ids_kept_as_floats_are_refused_unless_their_zero_is_stripped(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"user": [1.0, 2.0], "item": ["a", "b"], "at": [1, 2]}), path)

    refusal = refusal_of(path, PARQUET)

    assert refusal.code == "id_is_float"
    assert 'strip_decimal = ["user_id"]' in refusal.fix
    assert read(path, PARQUET.model_copy(update={"strip_decimal": ["user_id"]})).height == 2


@pytest.mark.parametrize("source", [CSV, JSON, PARQUET], ids=["csv", "jsonl", "parquet"])
def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path, source: SourceSettings) -> None:
    os.mkfifo(tmp_path / "pipe")

    assert refusal_of(tmp_path / "pipe", source).code == "not_a_file"
    assert refusal_of(tmp_path, source).code == "is_folder"
    assert refusal_of(tmp_path / "none", source).code == "file_missing"


def test_file_of_another_encoding_is_refused_with_the_place(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", GOOD + "甲,乙,丙\n".encode("gb18030") * 5)
    named = written(tmp_path / "b.csv", "用户,user,item,at\n".encode("gb18030"))

    assert refusal_of(path, CSV).code == "not_utf8"
    assert f"byte {len(GOOD)}" in refusal_of(path, CSV).message
    assert refusal_of(named, CSV).code == "not_utf8"


def test_truncated_gzip_is_refused_at_the_latest_when_drawn(tmp_path: Path) -> None:
    body = b"".join(b"u%d,i%d,%d\n" % (n, n * 7919 % 1000, n) for n in range(50_000))
    path = written(tmp_path / "a.csv.gz", gzip.compress(b"user,item,at\n" + body)[:-5000])

    assert refusal_of(path, CSV).code == "gzip_truncated"


def test_no_more_than_some_blocks_are_held(tmp_path: Path) -> None:
    line = b"u12345,item-12345,2024-01-01T00:00:00\n"
    path = written(tmp_path / "a.csv", b"user,item,at\n" + line * 1_500_000)
    tracemalloc.start()
    num_rows = sum(chunk.frame.height for chunk in open_source(path, CSV, chunk_rows=50_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert num_rows == 1_500_000
    # Ten bytes of positions for each byte of an eight-megabyte block are the most it takes.
    assert peak < 120e6


def test_source_that_maps_most_of_the_file_is_chosen(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", GOOD)
    small = SourceSettings(name="small", columns={"user_id": "user", "timestamp": "at"})
    other = SourceSettings(name="other", columns={"user_id": "user", "item_id": "sku"})

    assert match_source(path, [other, small, CSV, JSON]).name == "web"


def test_file_that_fits_no_source_names_what_is_missing_in_the_nearest(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", GOOD)
    far = SourceSettings(name="far", columns={"user_id": "x", "item_id": "y"})
    near = SourceSettings(name="near", columns={"user_id": "user", "item_id": "sku"})

    with pytest.raises(FileRefused, match="lacks the column 'sku' that source 'near' maps"):
        match_source(path, [far, near])


def test_settings_without_sources_ask_for_init(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="No source in the settings") as refusal:
        match_source(written(tmp_path / "a.csv", GOOD), [])
    assert "habitue init --from" in refusal.value.fix


def test_commands_to_copy_quote_the_name_of_the_file(tmp_path: Path) -> None:
    path = written(tmp_path / "a; touch b.csv", GOOD)
    with pytest.raises(FileRefused) as refusal:
        match_source(path, [])
    assert refusal.value.fix.endswith(f"habitue init --from '{path}'")


def test_json_columns_are_matched_by_their_dotted_names(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", b'{"user": {"id": 1}, "items": [{"sku": 2}], "at": 3}\n')
    source = SourceSettings(
        name="shop",
        format="jsonl",
        columns={"user_id": "user.id", "item_id": "items.sku", "timestamp": "at"},
    )

    assert match_source(path, [JSON, source]).name == "shop"
    assert refusal_of(path, JSON).code == "missing_column"
