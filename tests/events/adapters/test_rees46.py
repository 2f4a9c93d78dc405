from pathlib import Path

from habitue.schema import parse_time
from tests.events.adapters.exports import Shop, flat, sums_up

HEADER = (
    "event_time", "event_type", "product_id", "category_id", "category_code", "brand", "price",
    "user_id", "user_session",
)  # fmt: skip
AT = "2019-10-01 00:00:01 UTC"
VIEW = (AT, "view", 44600062, 2103807459595387724, "", "shiseido", "35.79", 541312140, "72d7-1")
CODED = ("appliances.environment.water_heater", "", "33.20", 554748717, "9333-1")
CART = ("2019-10-01 00:00:02 UTC", "cart", 3900821, 2053013552326770905, *CODED)
GONE = ("2019-10-01 00:00:03 UTC", "remove_from_cart", *CART[2:])
BUY = ("2019-10-01 00:00:04 UTC", "purchase", *CART[2:])


def test_a_month_of_a_shop(tmp_path: Path) -> None:
    path = flat(tmp_path / "2019-Oct.csv", HEADER, VIEW, CART, GONE, BUY)
    shop = Shop(tmp_path, "rees46")

    report = shop.ingest(path)

    assert (report.received, report.accepted, report.repairs) == (4, 4, {})
    assert shop.events("event_type", "user", "item", "price", "value", "session_id") == [
        ("view_item", "541312140", "44600062", 35.79, None, "72d7-1"),
        ("add_to_cart", "554748717", "3900821", 33.2, None, "9333-1"),
        ("remove_from_cart", "554748717", "3900821", 33.2, None, "9333-1"),
        ("purchase", "554748717", "3900821", 33.2, 33.2, "9333-1"),
    ]
    assert shop.events("timestamp")[0] == (parse_time("2019-10-01T00:00:01Z"),)
    assert shop.store.items().select("item_id", "category", "brand").rows() == [
        ("44600062", "2103807459595387724", "shiseido"),
        ("3900821", "appliances/environment/water_heater", None),
    ]
    assert shop.ingest(path).duplicates == 4


def test_bad_rows_are_set_aside(tmp_path: Path) -> None:
    bad = [
        (*VIEW[:7], "", ""),
        ("2019-10-01 25:00:00 UTC", *VIEW[1:]),
        (AT, "dance", *VIEW[2:]),
        (*VIEW[:6], "-1.5", *VIEW[7:]),
        VIEW[:8],
    ]
    shop = Shop(tmp_path, "rees46", max_bad=0.5)
    report = shop.ingest(flat(tmp_path / "2019-Oct.csv", HEADER, VIEW, *bad))
    assert sums_up(report)
    assert sorted(shop.quarantined()) == [
        (3, "no_subject", "user_id"),
        (4, "time_not_readable", "timestamp"),
        (5, "unknown_type", "event_type"),
        (6, "price_negative", "price"),
        (7, "columns 8!=9", ""),
    ]
