import math
from dataclasses import replace

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from habitue.profiles.facts import build_facts
from habitue.profiles.features import FEATURES, build_features, count_events, item_codes
from habitue.schema import DAY, HOUR, MINUTE, SECOND, parse_time
from tests.profiles.frames import Row, catalogue, events
from tests.shop import make_shop

NOW = parse_time("2024-06-01")
ITEMS = catalogue("a/x", "a/y", "b/z", prices=(10.0, 20.0, 30.0))


def ago(days: float) -> int:
    return NOW - round(days * DAY)


def features_of(*rows: Row) -> dict[str, float | None]:
    return build_features(events(*rows), ITEMS, as_of=NOW).row(0, named=True)


def test_columns_are_the_documented_ones() -> None:
    shop = make_shop(num_persons=20, days=60)
    frame = build_features(shop.events, shop.items, as_of=shop.end_at)
    assert frame.columns == ["subject_id", *FEATURES]
    assert all(dtype == pl.Float64 for dtype in frame.dtypes[1:])
    assert frame["subject_id"].is_sorted()


def test_what_was_shown_to_a_person_is_no_visit() -> None:
    rows = (Row(1, ago(40)), Row(1, ago(2), "impression"), Row(2, ago(3), "impression"))
    frame = events(*rows)
    assert build_features(frame, ITEMS, as_of=NOW)["days_since_event"].to_list() == [40, 3]
    assert count_events(frame, as_of=NOW)["days_since_event"].to_list() == [40, 3]


def test_campaigns_are_counted_and_so_is_who_answered() -> None:
    person = features_of(
        Row(1, ago(100), "impression", campaign="A"),
        Row(1, ago(99), "click", campaign="A"),
        Row(1, ago(95), "click", campaign="A"),
        Row(1, ago(71), "click", campaign="B"),
        Row(1, ago(70), "impression", campaign="B"),
        Row(1, ago(40), "impression", campaign="C"),
        Row(1, ago(20), "impression", campaign="C"),
        Row(1, ago(10), "impression", campaign="D"),
        Row(1, ago(3), "click", campaign="D"),
        Row(1, ago(2), "click", campaign="never shown"),
        Row(1, ago(1), "purchase", campaign="B"),
    )
    assert person["impressions"] == 5
    assert person["impressions_30d"] == 2
    assert person["clicks"] == 5
    assert person["clicks_7d"] == 2
    assert person["click_per_impression"] == 1.0
    assert (person["days_since_impression"], person["days_since_click"]) == (10, 2)
    assert (person["campaigns"], person["answered_campaigns"]) == (4, 2)
    assert person["answered_share"] == 0.5
    assert person["open_campaigns"] == 1


def test_a_log_without_campaigns_says_nothing_of_them() -> None:
    person = features_of(Row(1, ago(10)))
    assert (person["impressions"], person["campaigns"], person["open_campaigns"]) == (0, 0, 0)
    assert person["days_since_impression"] is None
    assert person["answered_share"] is None


def test_clicks_to_come_change_nothing() -> None:
    past = (Row(1, ago(9), "impression", campaign="A"), Row(1, ago(8)))
    later = (
        Row(1, NOW, "click", campaign="A"),
        Row(1, NOW + DAY, "impression", campaign="B"),
        Row(1, ago(3), "click", campaign="A", received=NOW + DAY),
    )
    assert features_of(*past, *later) == features_of(*past)


def test_orders_and_money_are_counted_by_order() -> None:
    person = features_of(
        Row(1, ago(40), value=10.0, order="A"),
        Row(1, ago(40), value=5.0, order="A"),
        Row(1, ago(10), value=30.0, order="B"),
    )
    assert person["orders"] == 2
    assert person["spend"] == 45
    assert person["mean_order_value"] == 22.5
    assert person["last_order_value"] == 30
    assert person["orders_30d"] == 1
    assert person["spend_60d"] == 45
    assert person["mean_order_lines"] == 1.5


def test_without_order_ids_lines_of_one_visit_are_one_order_as_in_the_facts() -> None:
    rows = (
        Row(1, ago(5.02), value=10.0, session=0),
        Row(1, ago(5.01), value=20.0, session=0),
        Row(1, ago(5), value=6.0, session=1),
        Row(1, ago(2), value=4.0, session=2, order="A"),
    )
    person = features_of(*rows)
    facts = build_facts(events(*rows), ITEMS, as_of=NOW).row(0, named=True)
    assert person["orders"] == facts["orders"] == 3
    assert person["max_order_value"] == 30
    assert person["mean_order_value"] == pytest.approx(facts["monetary"]) == pytest.approx(40 / 3)


def test_sufficient_statistics_of_bg_nbd() -> None:
    person = features_of(Row(1, ago(40)), Row(1, ago(30)), Row(1, ago(10)))
    assert person["order_days"] == 3
    assert person["last_repeat_days"] == pytest.approx(30)
    assert person["customer_days"] == pytest.approx(40)


def test_two_orders_of_one_day_are_one_day_with_an_order() -> None:
    person = features_of(
        Row(1, ago(30), order="a"), Row(1, ago(30) + MINUTE, order="b"), Row(1, ago(10), order="c")
    )
    assert person["orders"] == 3
    assert person["order_days"] == 2
    assert features_of(Row(1, ago(3), "view_item"))["order_days"] is None


def test_rhythm_says_how_overdue_an_order_is() -> None:
    person = features_of(Row(1, ago(50)), Row(1, ago(40)), Row(1, ago(30)))
    assert person["gap_mean_days"] == pytest.approx(10)
    assert person["gap_sd_days"] == pytest.approx(0)
    assert person["days_since_purchase"] == pytest.approx(30)
    assert person["purchase_overdue"] == pytest.approx(3)


def test_last_gap_is_the_latest_one() -> None:
    person = features_of(Row(1, ago(50)), Row(1, ago(40)), Row(1, ago(35)))
    assert person["last_gap_days"] == pytest.approx(5)


def test_trend_counts_doublings_against_the_window_before() -> None:
    person = features_of(*(Row(1, ago(day)) for day in (1, 2, 3, 10)))
    assert person["orders_trend_7d"] == pytest.approx(math.log2((3 + 1) / (1 + 1)))


def test_open_cart_holds_what_was_neither_bought_nor_removed() -> None:
    person = features_of(
        Row(1, ago(5), "add_to_cart", item=0),
        Row(1, ago(5), "add_to_cart", item=1),
        Row(1, ago(5), "add_to_cart", item=2),
        Row(1, ago(4), "purchase", item=0),
        Row(1, ago(4), "remove_from_cart", item=1),
    )
    assert person["open_cart_items"] == 1
    assert person["purchase_per_cart"] == pytest.approx(1 / 3)


def test_conversion_shares() -> None:
    person = features_of(
        *(Row(1, ago(3), "view_item", item=number) for number in (0, 1, 2, 0)), Row(1, ago(2))
    )
    assert person["purchase_per_view"] == 0.25
    assert person["cart_per_view"] == 0


def test_refunds_are_a_share_of_spending() -> None:
    person = features_of(Row(1, ago(9), value=40.0), Row(1, ago(8), "refund", value=-10.0))
    assert person["refund_share"] == 0.25
    assert person["refunds"] == 1


def test_discounts_are_seen_against_the_usual_price() -> None:
    person = features_of(Row(1, ago(9), item=0, price=8.0), Row(1, ago(8), item=1, price=20.0))
    assert person["below_list_share"] == 0.5
    assert person["mean_discount"] == pytest.approx(0.1)
    assert person["mean_price"] == 14


def test_variety_of_categories() -> None:
    person = features_of(*(Row(1, ago(3), "view_item", item=number) for number in (0, 1, 2, 2)))
    assert person["distinct_items"] == 3
    assert person["distinct_categories"] == 2
    assert person["category_breadth"] == pytest.approx(2)
    assert person["favourite_share"] == 0.5


def test_platform_shares_leave_out_the_unknown() -> None:
    person = features_of(
        Row(1, ago(3), platform="app"), Row(1, ago(2), platform="web"), Row(1, ago(1))
    )
    assert person["app_share"] == 0.5


def test_calendar_is_that_of_the_moment() -> None:
    person = features_of(Row(1, ago(3)))
    assert person["month"] == 6
    assert person["weekday"] == 6  # 2024-06-01 was a Saturday


def test_hours_and_weekends() -> None:
    saturday_noon = parse_time("2024-05-25") + 12 * HOUR
    person = features_of(Row(1, saturday_noon))
    assert person["weekend_share"] == 1
    assert person["hour_cos"] == pytest.approx(-1)


def test_a_log_without_money_or_prices_has_no_prices() -> None:
    person = features_of(Row(1, ago(3), "view_item"))
    assert person["mean_price"] is None
    assert person["days_since_purchase"] is None
    assert person["orders"] == 0
    assert person["spend"] == 0


def test_a_catalogue_coded_once_gives_the_same() -> None:
    shop = make_shop(num_persons=20, days=60)
    coded = build_features(shop.events, item_codes(shop.items), as_of=shop.end_at)
    assert coded.equals(build_features(shop.events, shop.items, as_of=shop.end_at))


def test_events_counted_alone_are_those_of_all_features() -> None:
    shop = make_shop(num_persons=20, days=60)
    moment = shop.end_at - 20 * DAY
    late = shop.events.with_columns(received_at=pl.col("received_at") + 5 * DAY)
    counted = count_events(late, as_of=moment)
    assert_frame_equal(
        counted, build_features(late, shop.items, as_of=moment).select(counted.columns)
    )


def test_nobody_gives_no_rows() -> None:
    assert len(build_features(events(), ITEMS, as_of=NOW)) == 0
    assert len(build_features(events(Row(1, NOW)), ITEMS, as_of=NOW)) == 0


def test_future_events_change_nothing() -> None:
    shop = make_shop(num_persons=40, days=120)
    cut = shop.start_at + 60 * DAY
    before = build_features(shop.events.filter(pl.col("timestamp") < cut), shop.items, as_of=cut)
    after = build_features(shop.events, shop.items, as_of=cut)
    assert after.equals(before)


def test_dwell_that_ends_in_the_future_is_not_known() -> None:
    early = Row(1, NOW - 100 * SECOND, "view_item", dwell=40.0)
    last = Row(1, NOW - 60 * SECOND, "view_item", dwell=90.0)
    assert features_of(early, last)["mean_dwell_seconds"] == 40
    assert features_of(early, replace(last, dwell=None))["mean_dwell_seconds"] == 40


def test_an_event_received_later_is_not_known_yet() -> None:
    late = Row(1, ago(3), received=NOW + DAY)
    assert features_of(Row(1, ago(9)), late)["orders"] == 1


def test_other_persons_of_the_bucket_change_nothing() -> None:
    shop = make_shop(num_persons=30, days=90)
    everyone = build_features(shop.events, shop.items, as_of=shop.end_at)
    alone = build_features(
        shop.events.filter(pl.col("subject_id") == 7), shop.items, as_of=shop.end_at
    )
    assert everyone.filter(pl.col("subject_id") == 7).equals(alone)
