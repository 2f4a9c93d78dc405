"""What every layout must keep to, and how one is told from another."""

import json
from pathlib import Path
from typing import get_args

import polars as pl
import pytest

from habitue.config import AdapterName, SourceSettings
from habitue.errors import FileRefused
from habitue.events.adapters.registry import ADAPTERS, recognise, settled
from habitue.events.clean import check_source
from habitue.events.sources import match_source
from tests.events.adapters import test_segment
from tests.events.adapters.exports import Shop, sums_up, write_lines
from tests.events.adapters.good_files import GOOD

names = pytest.mark.parametrize("name", list(ADAPTERS))


def test_the_settings_know_the_layouts_that_there_are() -> None:
    assert {name for name in get_args(AdapterName) if name} == set(ADAPTERS) == set(GOOD)


@names
def test_a_file_is_recognised_as_its_layout_and_as_no_other(name: str, tmp_path: Path) -> None:
    path = GOOD[name](tmp_path)
    found = recognise(path)
    assert found is not None
    assert found[0].name == name
    others = [ADAPTERS[other] for other in ADAPTERS if other != name]
    for other in others:
        with pytest.raises(FileRefused, match=r"not laid out as|says nothing|neither") as caught:
            settled(SourceSettings(name="x", adapter=other.name), path)
        assert caught.value.code == "wrong_layout"


@names
def test_a_layout_alone_is_a_whole_source(name: str, tmp_path: Path) -> None:
    path = GOOD[name](tmp_path)
    source = match_source(path, [SourceSettings(name="x", adapter=name)])
    check_source(source)
    assert source.name == "x"


@names
def test_the_same_export_again_adds_nothing(name: str, tmp_path: Path) -> None:
    path = GOOD[name](tmp_path)
    shop = Shop(tmp_path, name)
    first = shop.ingest(path)
    fingerprint = shop.store.fingerprint
    copy = tmp_path / f"again-{path.name}" if name != "recsys2025" else path
    copy.write_bytes(path.read_bytes())

    again = shop.ingest(copy)

    assert first.accepted > 0
    assert first.quarantined == first.by_reason.get("no_shop_event", 0)
    assert sums_up(first)
    assert sums_up(again)
    assert (again.accepted, again.event_rows) == (0, 0)
    assert shop.store.fingerprint == fingerprint


def test_a_field_is_taken_out_by_mapping_it_to_nothing(tmp_path: Path) -> None:
    path = GOOD["rees46"](tmp_path)
    source = SourceSettings(
        name="x", adapter="rees46", columns={"session_id": "", "list_id": "brand"}
    )
    columns = settled(source, path).columns
    assert "session_id" not in columns
    assert columns["list_id"] == "brand"
    assert columns["user_id"] == "user_id"


def test_rees46_as_parquet(tmp_path: Path) -> None:
    path = GOOD["rees46"](tmp_path)
    texts = pl.read_csv(path, schema_overrides={"price": pl.Float64})
    texts.write_parquet(tmp_path / "oct.parquet")
    shop = Shop(tmp_path, "rees46")
    shop.ingest(path)
    assert shop.ingest(tmp_path / "oct.parquet").duplicates == 2


def test_one_array_of_objects_is_read_as_well(tmp_path: Path) -> None:
    path = tmp_path / "calls.json"
    path.write_text(json.dumps(list(test_segment.ALL)), encoding="utf-8")
    report = Shop(tmp_path, "segment").ingest(path)
    assert (report.received, report.accepted) == (8, 7)


def test_a_table_without_rows_is_of_any_layout(tmp_path: Path) -> None:
    path = tmp_path / "none.parquet"
    pl.DataFrame(schema={"event_name": pl.String, "event_timestamp": pl.Int64}).write_parquet(path)
    report = Shop(tmp_path, "ga4").ingest(path)
    assert (report.received, report.event_rows) == (0, 0)


@names
def test_an_empty_file_is_refused_and_one_of_noise_too(name: str, tmp_path: Path) -> None:
    empty = tmp_path / "empty.json"
    empty.write_bytes(b"")
    noise = write_lines(tmp_path / "noise.json", {"a": 1}, {"b": 2})
    for path in (empty, noise):
        with pytest.raises(FileRefused, match=r"is empty|not laid out|says nothing|neither"):
            Shop(tmp_path, name).ingest(path)
