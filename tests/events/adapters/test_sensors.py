import json
from pathlib import Path

import pytest

from habitue.events.guess import guess_sources
from habitue.schema import HOUR, MINUTE, parse_time
from tests.events.adapters.exports import Record, Shop, write_lines

AT = parse_time("2024-03-01T10:00:00Z")
DEVICE = "0f485d4daaadedae5f"


def record(kind: str, number: int, **cells: object) -> dict[str, object]:
    at = (AT + number * MINUTE) // 1000
    return {
        "distinct_id": DEVICE,
        "anonymous_id": DEVICE,
        "identities": {"$identity_android_id": DEVICE},
        "lib": {"$lib": "Android", "$lib_version": "6.6.0"},
        "time": at,
        "type": kind,
        "project": "ebiz",
        "_track_id": 1000 + number,
        "_flush_time": at + 900,
        "recv_time": at + 1200,
        **cells,
    }


def track(word: str, number: int, properties: object, **cells: object) -> dict[str, object]:
    presets = {"$lib": "Android", "$os": "Android", "$app_version": "1.3", "$wifi": True}
    if isinstance(properties, dict):
        properties = {**presets, **properties}
    return record("track", number, event=word, properties=properties, **cells)


SIGNED_IN = {
    "distinct_id": "13012345678",
    "login_id": "13012345678",
    "identities": {"$identity_login_id": "13012345678", "$identity_android_id": DEVICE},
}
PRODUCT = {
    "product_id": 12345,
    "product_name": "苹果",
    "first_commodity": "食品",
    "second_commodity": "水果",
    "product_price": 14.0,
}
VIEW = track("ViewProduct", 1, PRODUCT)
SIGNUP = record("track_signup", 2, event="$SignUp", original_id=DEVICE, properties={}, **SIGNED_IN)
PAID = track(
    "PayOrderDetail", 3, {**PRODUCT, "product_quantity": 2, "order_id": "D-1"}, **SIGNED_IN
)
PROFILE = record("profile_set", 4, properties={"gender": "男"}, **SIGNED_IN)
START = track("$AppStart", 5, {"$is_first_time": False})


def test_tracks_of_a_device_and_of_a_login(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "sensors")

    report = shop.ingest(write_lines(tmp_path / "log.json", VIEW, SIGNUP, PAID, PROFILE, START))

    assert report.by_reason == {"no_shop_event": 2}
    assert (report.accepted, report.event_rows) == (3, 2)
    assert shop.events("event_type", "user", "visitor", "item", "value", "order_id") == [
        ("view_item", DEVICE, DEVICE, "12345", None, None),
        ("purchase", "13012345678", DEVICE, "12345", 28.0, "D-1"),
    ]
    assert shop.events("timestamp", "event_id", "platform", "device_type")[0] == (
        AT + MINUTE,
        "1001",
        "app",
        "Android",
    )
    assert shop.identities() == [("13012345678", DEVICE, AT + 2 * MINUTE)]
    assert shop.store.items()["category"].to_list() == ["食品/水果"]


def test_an_older_format_says_with_a_property_who_is_signed_in(tmp_path: Path) -> None:
    old = {
        "distinct_id": "u1",
        "time": AT // 1000,
        "type": "track",
        "event": "AddToShoppingCart",
        "properties": {"$is_login_id": True, "commodity_id": "c9", "present_price": 5},
    }
    anonymous = {**old, "distinct_id": "cookie-1", "properties": {"commodity_id": "c9"}}
    shop = Shop(tmp_path, "sensors")
    shop.ingest(write_lines(tmp_path / "log.json", old, anonymous))
    kinds = shop.store.read_table("subjects").select("kind", "outside_id").rows()
    assert sorted(kinds) == [("anonymous", "cookie-1"), ("user", "u1")]


def test_chinese_words_and_names_are_mapped_in_the_settings(tmp_path: Path) -> None:
    own = track("提交了一个订单", 6, {"货号": "H-1", "实付": "9.9"})
    known = track("加入购物车", 7, {"商品ID": "H-2"})
    shop = Shop(
        tmp_path,
        "sensors",
        event_types={"提交了一个订单": "purchase"},
        columns={"item_id": ["product.id", "properties.货号"], "value": "properties.实付"},
    )
    report = shop.ingest(write_lines(tmp_path / "log.json", own, known))
    assert report.quarantined == 0
    assert shop.events("event_type", "item", "value") == [
        ("purchase", "H-1", 9.9),
        ("add_to_cart", "H-2", None),
    ]


def test_init_finds_what_a_shop_calls_its_own(tmp_path: Path) -> None:
    own = {"货号": "H-1", "单价": 5, "数量": 2, "下单人": "ann"}
    records = [track("下单", n, own) for n in range(6)]
    path = write_lines(tmp_path / "log.json", *records)

    report = guess_sources([path])

    assert report.sources[0].columns == {"item_id": "properties.货号"}
    assert [guess.field for guess in report.guesses if guess.confirm] == ["item_id"]
    shop = Shop(tmp_path, "sensors", columns=report.sources[0].columns)
    shop.ingest(path)
    assert set(shop.events("event_type", "item", "value")) == {("purchase", "H-1", 10.0)}


def test_a_device_whose_clock_is_ahead_is_corrected(tmp_path: Path) -> None:
    ahead = {"time": (AT + 3 * HOUR) // 1000, "_flush_time": (AT + 3 * HOUR) // 1000}
    shop = Shop(tmp_path, "sensors")
    report = shop.ingest(
        write_lines(tmp_path / "log.json", {**VIEW, **ahead, "recv_time": AT // 1000})
    )
    assert report.repairs == {"clock_corrected": 1}
    assert shop.events("timestamp") == [(AT,)]


def test_properties_may_be_json_text(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "sensors")
    text = {**VIEW, "properties": json.dumps(VIEW["properties"])}
    report = shop.ingest(write_lines(tmp_path / "log.json", VIEW, text))
    assert (report.accepted, report.duplicates) == (1, 1)


@pytest.mark.parametrize(
    ("cells", "code", "field"),
    [
        ({"distinct_id": None, "anonymous_id": None, "identities": {}}, "no_subject", "user_id"),
        ({"anonymous_id": {"id": 1}}, "type", "visitor"),
        ({"identities": "none"}, "type", "identities"),
        ({"properties": [1]}, "type", "properties"),
        ({"properties": {**PRODUCT, "product_id": False}}, "type", "product.id"),
        ({"properties": {**PRODUCT, "product_price": "免费"}}, "price_not_number", "price"),
        ({"time": "2024-03-01 10:00"}, "time_not_readable", "timestamp"),
        ({"time": 1709287200}, "ts_other_unit", "timestamp"),
        ({"event": "自定义"}, "unknown_type", "event_type"),
        ({"event": None}, "unknown_type", "event_type"),
        ({"type": None}, "unknown_type", "event_type"),
    ],
)
def test_a_bad_record_is_set_aside_alone(
    cells: Record, code: str, field: str, tmp_path: Path
) -> None:
    shop = Shop(tmp_path, "sensors")
    report = shop.ingest(write_lines(tmp_path / "log.json", VIEW, {**VIEW, **cells}, PAID))
    assert (report.received, report.accepted, report.quarantined) == (3, 2, 1)
    assert shop.quarantined() == [(2, code, field)]
