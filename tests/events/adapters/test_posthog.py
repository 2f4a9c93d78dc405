import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from habitue.schema import MINUTE, parse_time
from tests.events.adapters.exports import Record, Shop, write_lines

AT = parse_time("2024-03-01T10:00:00Z")
DEVICE = "018df8f0-0000-7000-8000-000000000001"


def event(word: str, number: int, properties: object = None, **cells: object) -> dict[str, object]:
    """An event as a batch export writes it, of a visitor who is not identified."""
    own = {"$lib": "web", "$device_id": DEVICE, "$session_id": "s-1", "$device_type": "Desktop"}
    given = properties if isinstance(properties, dict) else {}
    return {
        "uuid": f"018df8f0-0000-7000-8000-{number:012}",
        "event": word,
        "distinct_id": DEVICE,
        "properties": {**own, **given} if isinstance(properties, dict | None) else properties,
        "timestamp": f"2024-03-01T10:{number:02}:00.000000+00:00",
        "team_id": 1,
        "elements_chain": "",
        **cells,
    }


VIEW = event("Product Viewed", 1, {"product_id": "p1", "name": "Mug", "price": 2.5})
IDENTIFY = event("$identify", 2, {"$anon_distinct_id": DEVICE}, distinct_id="u1")
ORDER = event(
    "Order Completed",
    3,
    {
        "order_id": "o1",
        "currency": "USD",
        "products": [{"product_id": 1, "price": 2, "quantity": 3}],
    },
    distinct_id="u1",
)
NOISE = [event(word, 10 + n) for n, word in enumerate(["$pageview", "$pageleave", "$autocapture"])]


def test_events_of_visitors_and_users(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "posthog")

    report = shop.ingest(write_lines(tmp_path / "e.jsonl", VIEW, IDENTIFY, ORDER, *NOISE))

    assert report.by_reason == {"no_shop_event": 3}
    assert (report.accepted, report.event_rows) == (3, 2)
    assert shop.events("event_type", "user", "visitor", "item", "value", "order_id") == [
        ("view_item", DEVICE, DEVICE, "p1", None, None),
        ("purchase", "u1", DEVICE, "1", 6.0, "o1"),
    ]
    assert shop.events("session_id", "platform", "device_type")[0] == ("s-1", "web", "Desktop")
    assert shop.identities() == [("u1", DEVICE, AT + 2 * MINUTE)]


def test_properties_may_be_json_text_as_in_parquet(tmp_path: Path) -> None:
    records = [VIEW, IDENTIFY, ORDER]
    texts = [{**one, "properties": json.dumps(one["properties"])} for one in records]
    pq.write_table(pa.Table.from_pylist(texts), tmp_path / "e.parquet")
    shop = Shop(tmp_path, "posthog")
    shop.ingest(write_lines(tmp_path / "e.jsonl", *records))
    report = shop.ingest(tmp_path / "e.parquet")
    assert (report.accepted, report.duplicates) == (0, 3)


def test_what_the_capture_api_gets(tmp_path: Path) -> None:
    body = {
        "api_key": "phc_1",
        "event": "Product Added",
        "properties": {"distinct_id": "u7", "product_id": "p1", "quantity": 2, "price": 3},
        "timestamp": "2024-03-01T10:00:00Z",
    }
    alias = {**body, "event": "$create_alias", "properties": {"distinct_id": "u7", "alias": "old"}}
    shop = Shop(tmp_path, "posthog")
    shop.ingest(write_lines(tmp_path / "e.jsonl", body, alias))
    assert shop.events("event_type", "user", "item", "quantity") == [
        ("add_to_cart", "u7", "p1", 2.0)
    ]
    assert shop.identities() == [("u7", "old", AT)]


@pytest.mark.parametrize(
    ("cells", "code", "field"),
    [
        ({"distinct_id": None, "properties": {}}, "no_subject", "user_id"),
        ({"distinct_id": "anonymous", "properties": {}}, "placeholder_id", "user_id"),
        ({"distinct_id": ["u1"]}, "type", "user"),
        ({"uuid": 1.5}, "type", "uuid"),
        ({"properties": '{"product_id": '}, "json_syntax", "properties"),
        ({"properties": "[1]"}, "type", "properties"),
        ({"properties": {"products": 5}}, "type", "properties.products"),
        ({"timestamp": 20240301}, "time_not_readable", "timestamp"),
        ({"event": "custom thing"}, "unknown_type", "event_type"),
    ],
)
def test_a_bad_event_is_set_aside_alone(
    cells: Record, code: str, field: str, tmp_path: Path
) -> None:
    shop = Shop(tmp_path, "posthog")
    report = shop.ingest(write_lines(tmp_path / "e.jsonl", VIEW, {**VIEW, **cells}, ORDER))
    assert (report.received, report.accepted, report.quarantined) == (3, 2, 1)
    assert shop.quarantined() == [(2, code, field)]
