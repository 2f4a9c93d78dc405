import json
from pathlib import Path

import pytest

from habitue.schema import MINUTE, parse_time
from tests.events.adapters.exports import Record, Shop, sums_up, write_lines

AT = parse_time("2024-03-01T10:00:00Z")


def call(kind: str, number: int, **cells: object) -> dict[str, object]:
    """A call as Segment keeps it: its `timestamp` is by the server's clock already."""
    at = f"2024-03-01T10:{number:02}:00.000Z"
    return {
        "type": kind,
        "messageId": f"m-{number}",
        "anonymousId": "visitor-1",
        "userId": None,
        "timestamp": at,
        "originalTimestamp": at,
        "sentAt": at,
        "receivedAt": at.replace(":00.000Z", ":02.000Z"),
        "channel": "client",
        "context": {
            "library": {"name": "analytics.js", "version": "2.11.1"},
            "page": {"path": "/mug"},
            "campaign": {"name": "spring", "source": "mail"},
        },
        "integrations": {},
        **cells,
    }


def track(word: str, number: int, properties: object, **cells: object) -> dict[str, object]:
    return call("track", number, event=word, properties=properties, **cells)


def product(product_id: object, **cells: object) -> dict[str, object]:
    return {
        "product_id": product_id,
        "sku": f"SKU-{product_id}",
        "name": "Mug",
        "brand": "Acme",
        "category": "Kitchen/Mugs",
        "variant": "red",
        "price": 2.5,
        **cells,
    }


VIEW = track("Product Viewed", 1, product("p1", position=3))
LIST = track("Product List Viewed", 2, {"list_id": "hot", "products": [product(7), product(8)]})
SEARCH = track("Products Searched", 3, {"query": "red mug"})
CART = track("Product Added", 4, {"cart_id": "c", **product("p1", quantity=2)})
IDENTIFY = call("identify", 5, userId="u1", traits={"email": "ann@example.com"})
ORDER = track(
    "Order Completed",
    6,
    {
        "order_id": "o-1",
        "revenue": 99.0,
        "currency": "EUR",
        "products": [product("p1", quantity=2), product("p2", price=1)],
    },
    userId="u1",
)
REFUND = track("Order Refunded", 7, {"order_id": "o-1", "total": 6.0, "currency": "EUR"})
PAGE = call("page", 8, name="Home", properties={"path": "/"})
ALL = (VIEW, LIST, SEARCH, CART, IDENTIFY, ORDER, REFUND, PAGE)


def json_cell(value: object) -> object:
    """A cell as a table keeps it: objects as JSON text."""
    return json.dumps(value) if isinstance(value, dict | list) else value


def test_calls_become_events(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "segment")

    report = shop.ingest(write_lines(tmp_path / "calls.jsonl", *ALL))

    assert (report.received, report.accepted, report.event_rows) == (8, 7, 8)
    assert report.by_reason == {"no_shop_event": 1}
    assert report.repairs == {}
    assert shop.events("event_type", "item", "price", "quantity", "value", "order_id") == [
        ("view_item", "p1", 2.5, None, None, None),
        ("view_item_list", "7", 2.5, None, None, None),
        ("view_item_list", "8", 2.5, None, None, None),
        ("search", None, None, None, None, None),
        ("add_to_cart", "p1", 2.5, 2.0, None, None),
        ("purchase", "p1", 2.5, 2.0, 5.0, "o-1"),
        ("purchase", "p2", 1.0, 1.0, 1.0, "o-1"),
        ("refund", None, 6.0, 1.0, -6.0, "o-1"),
    ]
    told = shop.events("event_id", "list_id", "position", "search_query", "campaign", "platform")
    assert told[0] == ("m-1", None, 3, None, "spring", "web")
    assert told[1] == ("m-2", "hot", None, None, "spring", "web")
    assert told[3] == ("m-3", None, None, "red mug", "spring", "web")
    assert shop.events("user")[5:7] == [("u1",), ("u1",)]
    assert shop.store.items()["category"].unique().to_list() == ["Kitchen/Mugs"]


def test_identify_calls_are_kept_as_who_is_who(tmp_path: Path) -> None:
    alias = call("alias", 9, previousId="visitor-0", userId="u1", anonymousId=None)
    traits = call("identify", 10, userId="u2", anonymousId=None, traits={"plan": "gold"})
    path = write_lines(tmp_path / "calls.jsonl", IDENTIFY, alias, traits, VIEW)
    shop = Shop(tmp_path, "segment")

    report = shop.ingest(path)

    assert shop.identities() == [
        ("u1", "visitor-1", AT + 5 * MINUTE),
        ("u1", "visitor-0", AT + 9 * MINUTE),
    ]
    assert shop.events("event_type") == [("view_item",)]
    assert report.by_reason == {"no_shop_event": 1}  # who names one id only links nobody
    again = shop.ingest(path)
    assert (again.accepted, again.duplicates, len(shop.identities())) == (0, 3, 2)


def test_a_second_delivery_adds_nothing(tmp_path: Path) -> None:
    late = {**VIEW, "sentAt": "2024-03-01T11:00:00Z", "receivedAt": "2024-03-01T11:00:05Z"}
    shop = Shop(tmp_path, "segment")
    report = shop.ingest(write_lines(tmp_path / "calls.jsonl", VIEW, late))
    assert (report.accepted, report.duplicates) == (1, 1)


def raw(minutes_ahead: int, **cells: object) -> dict[str, object]:
    """A call as the device sent it, before anyone corrected its clock."""
    at = AT + minutes_ahead * MINUTE
    hours, minutes = divmod((at - parse_time("2024-03-01")) // MINUTE, 60)
    told = f"2024-03-0{1 + hours // 24}T{hours % 24:02}:{minutes:02}:00Z"
    times = {"timestamp": told, "sentAt": told, "receivedAt": "2024-03-01T10:00:00Z"}
    return {**VIEW, "originalTimestamp": None, **times, **cells}


def test_a_clock_that_is_wrong_is_corrected(tmp_path: Path) -> None:
    calls = [
        raw(180, messageId="ahead"),
        raw(-180, messageId="behind"),
        raw(1, messageId="close"),
    ]
    shop = Shop(tmp_path, "segment")
    report = shop.ingest(write_lines(tmp_path / "calls.jsonl", *calls))
    assert report.repairs["clock_corrected"] == 2
    assert sorted(shop.events("event_id", "timestamp")) == [
        ("ahead", AT),
        ("behind", AT),
        ("close", AT + MINUTE),
    ]


def test_a_clock_more_than_a_day_off_is_not_trusted(tmp_path: Path) -> None:
    call = raw(0, timestamp="2024-07-01T10:00:00Z", sentAt="2024-07-01T10:00:00Z")
    shop = Shop(tmp_path, "segment")
    shop.ingest(write_lines(tmp_path / "calls.jsonl", call, VIEW))
    assert shop.quarantined() == [(1, "ts_future", "timestamp")]


def test_without_a_timestamp_the_original_one_is_corrected(tmp_path: Path) -> None:
    call = raw(120)
    call["originalTimestamp"] = call.pop("timestamp")
    shop = Shop(tmp_path, "segment")
    shop.ingest(write_lines(tmp_path / "calls.jsonl", call))
    assert shop.events("timestamp", "received_at") == [(AT, AT)]


def test_a_retry_of_a_wrong_clock_gets_the_same_time(tmp_path: Path) -> None:
    first = raw(180, receivedAt="2024-03-01T10:00:01Z")
    retry = {**first, "sentAt": "2024-03-01T13:20:00Z", "receivedAt": "2024-03-01T10:20:09Z"}
    shop = Shop(tmp_path, "segment")
    report = shop.ingest(write_lines(tmp_path / "calls.jsonl", first, retry))
    assert (report.accepted, report.duplicates) == (1, 1)


def test_rudderstack_keeps_to_the_same_spec(tmp_path: Path) -> None:
    context = {
        "library": {"name": "RudderLabs Android Client SDK"},
        "app": {"name": "Shop"},
        "device": {"type": "Android"},
        "sessionId": 1709287200,
    }
    order = {**ORDER, "channel": "mobile", "context": context, "rudderId": "r-1"}
    shop = Shop(tmp_path, "rudderstack")
    shop.ingest(write_lines(tmp_path / "calls.jsonl", order))
    assert shop.events("event_type", "item", "platform", "device_type", "session_id") == [
        ("purchase", "p1", "app", "Android", "visitor-1.1709287200"),
        ("purchase", "p2", "app", "Android", "visitor-1.1709287200"),
    ]


@pytest.mark.parametrize(
    ("cells", "code", "field"),
    [
        ({"properties": {"products": "p1"}}, "type", "properties.products"),
        ({"properties": {"products": {"product_id": 1}}}, "type", "properties.products"),
        ({"properties": {"products": [["p1"]]}}, "type", "properties.products"),
        ({"properties": ["p1"]}, "type", "properties"),
        ({"properties": product(True)}, "type", "product.item_id"),
        ({"properties": product(12.5)}, "type", "product.item_id"),
        ({"properties": product("p1", price="cheap")}, "price_not_number", "price"),
        ({"context": "none"}, "type", "context"),
        ({"anonymousId": None}, "no_subject", "user_id"),
        ({"anonymousId": ["a"]}, "type", "anonymousId"),
        ({"userId": "null"}, "placeholder_id", "user_id"),
        ({"messageId": {"id": 1}}, "type", "messageId"),
        ({"timestamp": "01.03.2024 10:00"}, "time_not_readable", "timestamp"),
        ({"timestamp": None, "originalTimestamp": None}, "time_missing", "timestamp"),
        ({"event": "Button Pressed"}, "unknown_type", "event_type"),
        ({"event": ["Product Viewed"]}, "unknown_type", "event_type"),
        ({"type": "charge"}, "unknown_type", "event_type"),
    ],
)
def test_a_bad_call_is_set_aside_alone(
    cells: Record, code: str, field: str, tmp_path: Path
) -> None:
    shop = Shop(tmp_path, "segment")
    report = shop.ingest(write_lines(tmp_path / "calls.jsonl", CART, {**VIEW, **cells}, ORDER))
    assert (report.received, report.accepted, report.quarantined) == (3, 2, 1)
    assert shop.quarantined() == [(2, code, field)]


def test_lines_that_are_no_calls_are_set_aside(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "calls.jsonl", *ALL * 5, '{"type": "track"', "[1, 2]", "7", "{}")
    shop = Shop(tmp_path, "segment", max_bad=0.2)
    report = shop.ingest(path)
    assert sums_up(report)
    codes = [str(code) for _, code, _ in shop.quarantined()]
    assert sorted(codes) == ["json_syntax", "no_subject", "not_an_object", "not_an_object"]


def test_an_unreadable_sending_time_corrects_nothing(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "segment")
    shop.ingest(write_lines(tmp_path / "calls.jsonl", raw(20, sentAt="soon")))
    assert shop.events("timestamp") == [(AT + 20 * MINUTE,)]
