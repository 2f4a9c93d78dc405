import datetime as dt
import os
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from habitue.errors import FileRefused
from habitue.events.parquet import CodedColumns, column_names, first_objects, read_parquet
from habitue.events.words import Words


def read(path: Path, columns: tuple[str, ...] = (), batch_rows: int = 1000) -> pl.DataFrame:
    pieces = read_parquet(path, columns=columns, batch_rows=batch_rows)
    return pl.concat([piece.frame for piece in pieces])


def written(path: Path, table: pa.Table) -> Path:
    pq.write_table(table, path, row_group_size=100, write_page_checksum=True)
    return path


def test_records_are_numbered_through_all_batches(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", pa.table({"user": list(range(1050))}))

    frame = read(path, batch_rows=100)

    assert frame["user"].to_list() == list(range(1050))
    assert frame["_record"].to_list() == list(range(1, 1051))
    assert frame["_line"].equals(frame["_record"], check_names=False)
    assert frame["_offset"].null_count() == 1050


def test_only_wanted_columns_are_read(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", pa.table({"user": [1], "note": ["x"], "item": [2]}))

    assert read(path, ("item", "user")).columns[:2] == ["user", "item"]


def test_native_types_stay_and_loose_ones_become_text(tmp_path: Path) -> None:
    moment = dt.datetime(2024, 1, 1, 12)
    table = pa.table(
        {
            "at": pa.array([moment], pa.timestamp("ns")),
            "price": pa.array([1.5]),
            "event": pa.array(["view"]).dictionary_encode(),
            "raw": pa.array([b"abc"]),
            "tags": pa.array([["a", "b"]]),
        }
    )

    frame = read(written(tmp_path / "a.parquet", table))

    assert frame["at"][0] == moment
    assert frame.schema["price"] == pl.Float64
    assert frame.select("event", "raw", "tags").row(0) == ("view", "abc", '["a","b"]')


def test_int96_times_are_read(tmp_path: Path) -> None:
    table = pa.table({"at": pa.array([dt.datetime(2024, 1, 1)], pa.timestamp("us"))})
    pq.write_table(table, tmp_path / "a.parquet", use_deprecated_int96_timestamps=True)

    assert read(tmp_path / "a.parquet")["at"][0] == dt.datetime(2024, 1, 1)


def test_structs_and_lists_of_structs_become_dotted_columns_and_rows(tmp_path: Path) -> None:
    table = pa.table(
        {
            "user": [{"id": "u1"}, {"id": "u2"}],
            "items": [[{"sku": "a", "qty": 1}, {"sku": "b", "qty": 2}], [{"sku": "c", "qty": 3}]],
        }
    )
    path = written(tmp_path / "a.parquet", table)

    assert column_names(path) == ["user.id", "items.sku", "items.qty"]
    frame = read(path, ("user.id", "items.sku"))
    assert frame.select("_record", "user.id", "items.sku").rows() == [
        (1, "u1", "a"),
        (1, "u1", "b"),
        (2, "u2", "c"),
    ]


def test_truncated_file_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", pa.table({"user": list(range(1000))}))
    path.write_bytes(path.read_bytes()[:-50])

    with pytest.raises(FileRefused, match="damaged or unfinished Parquet") as refusal:
        read(path)
    assert refusal.value.code == "parquet_damaged"


def test_flipped_bit_in_a_page_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", pa.table({"user": [os.urandom(8) for _ in range(1000)]}))
    content = bytearray(path.read_bytes())
    content[3000] ^= 1
    path.write_bytes(content)

    with pytest.raises(FileRefused, match="damaged or unfinished Parquet"):
        read(path)


def test_monstrous_schema_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("habitue.events.parquet.MAX_COLUMNS", 50)
    path = written(tmp_path / "a.parquet", pa.table({f"c{n}": [1] for n in range(60)}))

    with pytest.raises(FileRefused, match="has 60 columns") as refusal:
        read(path)
    assert refusal.value.code == "schema_limits"


def test_deeply_nested_schema_is_refused(tmp_path: Path) -> None:
    kind: pa.DataType = pa.int64()
    for _ in range(10):
        kind = pa.list_(kind)
    path = written(tmp_path / "a.parquet", pa.table({"a": pa.array([None], kind)}))

    with pytest.raises(FileRefused, match="nested up to 10 deep"):
        column_names(path)


def test_growing_file_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", pa.table({"user": list(range(1000))}))

    with pytest.raises(FileRefused, match="changed while it was read"):
        for _ in read_parquet(path, columns=(), batch_rows=100):
            os.utime(path, (1, 1))


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (pa.timestamp("ns", "UTC"), 1_700_000_000_123_456_789, "2023-11-14 22:13:20.123456789Z"),
        (pa.timestamp("ms", "UTC"), 400_000_000_000_000, "14645-06-30 15:06:40.000Z"),
        (pa.timestamp("us", "+08:00"), 1_700_000_000_000_000, "2023-11-15 06:13:20.000000+0800"),
        (pa.timestamp("ms"), -(10**18), "<value out of range: -1000000000000000000>"),
        (pa.date32(), 10**7, "29349-01-26"),
        (pa.duration("s"), 10**14, "100000000000000"),
    ],
)
def test_times_that_python_does_not_know_are_texts_of_objects(
    tmp_path: Path, kind: pa.DataType, value: int, text: str
) -> None:
    inner = pa.struct([("at", kind)])
    table = pa.table(
        {
            "at": pa.array([value, None, value], kind),
            "one": pa.array([{"at": value}, None, None], inner),
            "many": pa.array([[{"at": value}], None, []], pa.list_(inner)),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    found = first_objects(tmp_path / "t.parquet", 2)
    assert found[0] == {"at": text, "one": {"at": text}, "many": [{"at": text}]}
    assert found[1] == {"at": None, "one": None, "many": None}


def test_texts_come_as_numbers_of_one_kind_where_they_are_asked_for(tmp_path: Path) -> None:
    table = pa.table(
        {
            "user": ["x", None, "y"],
            "long": pa.array(["x", "y", None], pa.large_string()),
            "number": [1, 2, 3],
            "kept": pa.array(["q", "r", "q"]).dictionary_encode(),
            "numbers": pa.DictionaryArray.from_arrays(pa.array([0, 1, 0]), pa.array([5, 6])),
            "none": pa.array([None] * 3, pa.string()),
            "bytes": [b"x", b"y", None],
            "deep": [{"er": "v"}, None, {"er": "v"}],
        }
    )
    path = tmp_path / "log.parquet"
    pq.write_table(table, path)
    columns = ("user", "long", "number", "kept", "numbers", "none", "bytes", "deep.er")
    held = Words(max_id_bytes=256)
    kind = held.kind
    coded = CodedColumns((*columns, "not there"), kind)
    plain = next(read_parquet(path, columns=columns, batch_rows=10)).frame
    found = next(read_parquet(path, columns=columns, batch_rows=10, coded=coded)).frame
    in_numbers = [name for name, held in found.schema.items() if isinstance(held, pl.Categorical)]
    assert in_numbers == ["user", "long", "kept", "none"]
    assert {found.schema[name] for name in in_numbers} == {kind}
    assert found.columns == plain.columns
    assert found.with_columns(pl.col(in_numbers).cast(pl.String)).equals(plain)
