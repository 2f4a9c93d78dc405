import json
from pathlib import Path

import polars as pl
import pytest

from habitue.checksums import digest_of
from habitue.errors import Failed, Refused
from habitue.events.manifest import (
    MANIFEST_FILE,
    STORE_FORMAT,
    IngestRecord,
    Manifest,
    Part,
    check_part,
    packed_part,
    read_manifest,
    remove_leftovers,
    write_manifest,
    write_part,
)
from habitue.files import Json


def part(table: str = "events", content: int = 1, bucket: int = 0) -> Part:
    return Part(table, f"{table}/x.parquet", bucket, 1, 0, 1, 10, "00", content)


def manifest(*parts: Part) -> Manifest:
    record = IngestRecord("2024-01-01T00:00:00Z", ("é.csv",), 3, 1, 1, 1, 1)
    return Manifest(4, parts=parts, ingests=(record,))


def test_a_manifest_comes_back_as_it_was_written(tmp_path: Path) -> None:
    written = manifest(part(content=2**64 - 1))
    write_manifest(tmp_path, written)
    assert read_manifest(tmp_path) == written


def test_where_nothing_is_stored_there_is_no_manifest(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) is None


def test_any_changed_byte_of_the_manifest_is_noticed(tmp_path: Path) -> None:
    write_manifest(tmp_path, manifest(part()))
    path = tmp_path / MANIFEST_FILE
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[place] ^= 4
        path.write_bytes(damaged)
        with pytest.raises(Failed, match=r"manifest\.json is damaged"):
            read_manifest(tmp_path)


def test_a_cut_manifest_is_named(tmp_path: Path) -> None:
    write_manifest(tmp_path, manifest(part()))
    path = tmp_path / MANIFEST_FILE
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(Failed, match=r"manifest\.json is damaged: it does not match"):
        read_manifest(tmp_path)


def test_a_store_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / MANIFEST_FILE
    body: dict[str, Json] = {"format_version": STORE_FORMAT + 1, "anything": "else"}
    path.write_text(json.dumps({"sha256": digest_of(body), "manifest": body}))
    before = path.read_bytes()
    with pytest.raises(
        Refused,
        match=rf"has format {STORE_FORMAT + 1}; this version of Habitue knows formats up to "
        rf"{STORE_FORMAT}",
    ):
        read_manifest(tmp_path)
    assert path.read_bytes() == before


def test_a_damaged_or_missing_part_is_named(tmp_path: Path) -> None:
    frame = pl.DataFrame({"n": range(1000)})
    written = write_part(
        tmp_path, packed_part("events", 7, frame, content=1, bucket=3, times=frame["n"])
    )
    assert written.path == "events/bucket=0003/part-000007.parquet"
    assert (written.rows, written.start_at, written.end_at) == (1000, 0, 1000)
    path = check_part(tmp_path, written)
    assert pl.read_parquet(path).equals(frame)
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(Failed, match=r"part-000007\.parquet is damaged"):
        check_part(tmp_path, written)
    path.unlink()
    with pytest.raises(Failed, match=r"part-000007\.parquet is missing"):
        check_part(tmp_path, written)


def test_the_fingerprint_sees_content_but_neither_layout_nor_quarantine() -> None:
    one = manifest(part(content=5), part(content=7)).fingerprint
    assert manifest(part(content=12, bucket=1)).fingerprint == one
    assert manifest(part(content=12), part("quarantine")).fingerprint == one
    assert manifest(part(content=13)).fingerprint != one
    assert manifest(part(content=12), part("texts")).fingerprint != one


def test_leftovers_go_and_listed_parts_stay(tmp_path: Path) -> None:
    frame = pl.DataFrame({"n": [1]})
    kept = write_part(tmp_path, packed_part("events", 1, frame, content=1, bucket=0))
    left = write_part(tmp_path, packed_part("events", 2, frame, content=1, bucket=0))
    (tmp_path / ".manifest.json.1.tmp").write_text("half")
    write_manifest(tmp_path, manifest(kept))
    remove_leftovers(tmp_path, read_manifest(tmp_path), retired=True)
    assert (tmp_path / kept.path).exists()
    assert not (tmp_path / left.path).exists()
    assert not (tmp_path / ".manifest.json.1.tmp").exists()
    assert json.loads((tmp_path / MANIFEST_FILE).read_text())["manifest"]["num_buckets"] == 4


def test_a_part_that_is_there_is_never_replaced(tmp_path: Path) -> None:
    rows = pl.DataFrame({"n": [1]})
    write_part(tmp_path, packed_part("items", 1, rows, content=1))
    with pytest.raises(RuntimeError, match="items/part-000001"):
        write_part(tmp_path, packed_part("items", 1, rows, content=1))
