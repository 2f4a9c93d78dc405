from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl
import pytest

from habitue.errors import FileRefused
from habitue.schema import parse_time
from tests.events.adapters.exports import Shop

AT = "2022-09-01 10:00:00"
FILES: Mapping[str, Mapping[str, Sequence[object]]] = {
    "product_buy": {"client_id": [1, 1], "timestamp": [AT, AT], "sku": [100, 100]},
    "add_to_cart": {"client_id": [1], "timestamp": ["2022-09-01 10:00:05"], "sku": [100]},
    "remove_from_cart": {"client_id": [2], "timestamp": ["2022-09-01 10:00:10"], "sku": [101]},
    "page_visit": {"client_id": [2], "timestamp": ["2022-09-01 10:01"], "url": [7001]},
    "search_query": {
        "client_id": [2],
        "timestamp": ["2022-09-01 10:02:00"],
        "query": ["[12 7 255 3]"],
    },
    "product_properties": {
        "sku": [100, 101],
        "category": [5, 6],
        "price": [42, 99],
        "name": ["[1 2 3]", "[1 2 9]"],
    },
}


def write_files(folder: Path) -> list[Path]:
    for name, columns in FILES.items():
        pl.DataFrame(columns).write_parquet(folder / f"{name}.parquet")
    return [folder / f"{name}.parquet" for name in FILES]


def test_each_file_is_an_event_type_of_its_own(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "recsys2025")
    paths = write_files(tmp_path)

    report = shop.ingest(*paths)

    assert (report.received, report.accepted, report.event_rows) == (8, 8, 6)
    assert shop.events("event_type", "user", "item", "list_id", "search_query", "value") == [
        ("purchase", "1", "100", None, None, None),
        ("purchase", "1", "100", None, None, None),
        ("add_to_cart", "1", "100", None, None, None),
        ("remove_from_cart", "2", "101", None, None, None),
        ("view_item_list", "2", None, "7001", None, None),
        ("search", "2", None, None, "[12 7 255 3]", None),
    ]
    assert shop.events("timestamp")[0] == (parse_time("2022-09-01T10:00:00Z"),)
    assert shop.store.items().select("item_id", "category", "price", "text").rows() == [
        ("100", "5", 42.0, "[1 2 3]"),
        ("101", "6", 99.0, "[1 2 9]"),
    ]
    again = shop.ingest(*paths)
    assert (again.accepted, again.duplicates) == (0, 8)


def test_rows_without_client_or_time_are_set_aside(tmp_path: Path) -> None:
    columns = {"client_id": [1, None, 3], "timestamp": [AT, AT, "now"], "sku": [5, 6, 7]}
    path = tmp_path / "product_buy.parquet"
    pl.DataFrame(columns, schema_overrides={"client_id": pl.Int64}).write_parquet(path)
    shop = Shop(tmp_path, "recsys2025")
    report = shop.ingest(path)
    assert (report.received, report.accepted) == (3, 1)
    assert shop.quarantined() == [
        (2, "no_subject", "user_id"),
        (3, "time_not_readable", "timestamp"),
    ]


def test_a_file_by_another_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "relevant_clients.parquet"
    pl.DataFrame({"client_id": [1]}).write_parquet(path)
    with pytest.raises(FileRefused, match=r"says nothing of what it holds.*product_buy"):
        Shop(tmp_path, "recsys2025").ingest(path)
