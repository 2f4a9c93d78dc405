import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from habitue.schema import parse_time
from tests.events.adapters.exports import Record, Shop, sums_up, write_lines

AT = parse_time("2024-03-01T10:00:00Z")


def param(key: str, **value: object) -> dict[str, object]:
    return {"key": key, "value": value}


def item(item_id: object, **cells: object) -> dict[str, object]:
    """An item as BigQuery writes it as JSON: whole numbers are texts, nulls are left out."""
    return {
        "item_id": item_id,
        "item_name": f"Mug {item_id}",
        "item_brand": "Acme",
        "item_variant": "(not set)",
        "item_category": "Kitchen",
        "item_category2": "Mugs",
        "item_category3": "(not set)",
        "price_in_usd": 2.2,
        "price": 2.0,
        "quantity": "1",
        "coupon": "(not set)",
        "item_list_id": "(not set)",
        "item_list_name": "(not set)",
        "item_list_index": "(not set)",
        "item_params": [],
        **cells,
    }


def event(name: str, *items: dict[str, object], second: int = 0, **cells: object) -> Record:
    params = [
        param("ga_session_id", int_value="1709287000"),
        param("page_location", string_value="https://shop.example/mug"),
        param("currency", string_value="EUR"),
        param("campaign", string_value="(direct)"),
    ]
    return {
        "event_date": "20240301",
        "event_timestamp": str(AT + second * 1_000_000),
        "event_name": name,
        "event_params": [*params, *cells.pop("params", [])],  # type: ignore[misc]
        "event_bundle_sequence_id": "1",
        "event_server_timestamp_offset": "120",
        "user_pseudo_id": "123.456",
        "privacy_info": {"analytics_storage": "Yes", "ads_storage": "No"},
        "user_properties": [],
        "user_first_touch_timestamp": str(AT),
        "device": {
            "category": "mobile",
            "operating_system": "iOS",
            "web_info": {"browser": "Safari"},
        },
        "geo": {"country": "Germany"},
        "traffic_source": {"medium": "(none)", "name": "(direct)", "source": "(direct)"},
        "stream_id": "1",
        "platform": "WEB",
        "items": list(items),
        **cells,
    }


PURCHASE = event(
    "purchase",
    *(item(f"p{n}", quantity=str(n), item_revenue=2.0 * n) for n in range(1, 6)),
    second=9,
    user_id="u1",
    ecommerce={"transaction_id": "T-1", "purchase_revenue": 30.0},
)


def test_five_items_are_one_record_and_five_rows(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "ga4")

    report = shop.ingest(write_lines(tmp_path / "events.jsonl", PURCHASE))

    assert (report.received, report.accepted, report.event_rows) == (1, 1, 5)
    told = shop.events("event_type", "item", "quantity", "price", "value", "order_id", "currency")
    assert told == [("purchase", f"p{n}", n, 2.0, 2.0 * n, "T-1", "EUR") for n in range(1, 6)]
    assert set(shop.events("user", "visitor", "timestamp")) == {("u1", "123.456", AT + 9_000_000)}
    assert set(shop.events("platform", "device_type", "session_id", "campaign", "consent")) == {
        ("web", "mobile", "123.456.1709287000", None, "Yes")
    }
    items = shop.store.items()
    assert items["category"].to_list() == ["Kitchen/Mugs"] * 5
    assert items["brand"].to_list() == ["Acme"] * 5


def test_words_beyond_the_shop_are_counted_and_not_kept(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "ga4")
    names = ("page_view", "session_start", "first_visit", "scroll", "user_engagement", "click")
    path = write_lines(tmp_path / "e.jsonl", *map(event, names), event("view_item", item("p1")))

    report = shop.ingest(path)

    assert report.by_reason == {"no_shop_event": len(names)}
    assert sums_up(report)
    assert shop.events("event_type") == [("view_item",)]
    assert shop.quarantined() == []


def test_a_word_that_the_settings_map_is_not_ignored(tmp_path: Path) -> None:
    shop = Shop(
        tmp_path,
        "ga4",
        event_types={"page_view": "view_item_list"},
        columns={"list_id": "event_params.page_location"},
    )
    shop.ingest(write_lines(tmp_path / "e.jsonl", event("page_view")))
    assert shop.events("event_type", "list_id") == [("view_item_list", "https://shop.example/mug")]


def test_an_order_without_items_keeps_its_money(tmp_path: Path) -> None:
    order = event("purchase", ecommerce={"transaction_id": "T-2", "purchase_revenue": 12.5})
    refund = event("refund", ecommerce={"transaction_id": "T-2", "refund_value": 12.5}, second=5)
    shop = Shop(tmp_path, "ga4")
    shop.ingest(write_lines(tmp_path / "e.jsonl", order, refund))
    assert shop.events("event_type", "order_id", "value", "item") == [
        ("purchase", "T-2", 12.5, None),
        ("refund", "T-2", -12.5, None),
    ]


def test_searches_lists_and_promotions(tmp_path: Path) -> None:
    search = event("view_search_results", params=[param("search_term", string_value="red mug")])
    seen = event(
        "view_item_list", item("p1", item_list_name="Summer", item_list_index="3"), second=1
    )
    promoted = event("view_promotion", item("p2"), second=2)
    named = event("select_item", item("(not set)", item_name="Mug without id"), second=3)
    shop = Shop(tmp_path, "ga4")
    shop.ingest(write_lines(tmp_path / "e.jsonl", search, seen, promoted, named))
    assert shop.events("event_type", "search_query", "item", "list_id", "position") == [
        ("search", "red mug", None, None, None),
        ("view_item_list", None, "p1", "Summer", 3),
        ("impression", None, "p2", None, None),
        ("select_item", None, "Mug without id", None, None),
    ]


def test_parquet_says_the_same_as_json_lines(tmp_path: Path) -> None:
    records = [PURCHASE, event("view_item", item("p1"), second=3), event("add_to_cart", second=4)]
    native = [json.loads(json.dumps(record), parse_int=str) for record in records]
    for record in native:
        record["event_timestamp"] = int(record["event_timestamp"])
        record["items"] = [{**one, "quantity": int(one["quantity"])} for one in record["items"]]
        for one in record["event_params"]:
            value = {"string_value": None, "int_value": None, "double_value": None, **one["value"]}
            one["value"] = value | {"int_value": value["int_value"] and int(value["int_value"])}
    pq.write_table(pa.Table.from_pylist(native), tmp_path / "e.parquet")
    shop = Shop(tmp_path, "ga4")

    first = shop.ingest(write_lines(tmp_path / "e.jsonl", *records))
    second = shop.ingest(tmp_path / "e.parquet")

    assert (first.accepted, second.duplicates, second.accepted) == (3, 3, 0)


def test_events_of_one_microsecond_are_told_apart_by_their_batch(tmp_path: Path) -> None:
    one = event("add_to_cart", item("p1"), batch_page_id="17", batch_ordering_id="2")
    twins = [{**one, "batch_event_index": n} for n in ("1", "2")]
    shop = Shop(tmp_path, "ga4")
    report = shop.ingest(write_lines(tmp_path / "e.jsonl", *twins))
    assert (report.accepted, report.event_rows) == (2, 2)


@pytest.mark.parametrize(
    ("cells", "code", "field"),
    [
        ({"items": "p1"}, "type", "items"),
        ({"items": ["p1"]}, "type", "items"),
        ({"event_params": {"currency": "EUR"}}, "type", "event_params"),
        ({"event_params": [{"key": ["x"], "value": {}}]}, "type", "event_params.key"),
        ({"user_pseudo_id": None}, "no_subject", "user_id"),
        ({"user_pseudo_id": 1.5}, "type", "user_pseudo_id"),
        ({"event_timestamp": "yesterday"}, "time_not_readable", "timestamp"),
        ({"event_timestamp": "1709287200000"}, "ts_other_unit", "timestamp"),
        ({"event_timestamp": None}, "time_missing", "timestamp"),
        ({"event_name": "my_own_event"}, "unknown_type", "event_type"),
        ({"event_name": None}, "unknown_type", "event_type"),
        ({"items": [item("p1", price="free")]}, "price_not_number", "price"),
        ({"items": [item({"a": 1})]}, "type", "items.item_id"),
        ({"ecommerce": [1]}, "type", "ecommerce"),
    ],
)
def test_a_bad_record_is_set_aside_alone(
    cells: Record, code: str, field: str, tmp_path: Path
) -> None:
    bad = {**event("view_item", item("p1"), second=1), **cells}
    records = [event("view_item", item("p1")), bad, event("view_item", item("p2"), second=2)]
    shop = Shop(tmp_path, "ga4")

    report = shop.ingest(write_lines(tmp_path / "e.jsonl", *records))

    assert (report.received, report.accepted, report.quarantined) == (3, 2, 1)
    assert shop.quarantined() == [(2, code, field)]
