import polars as pl
import pytest

from habitue.profiles.facts import FACTS, LogTraits, build_facts
from habitue.schema import DAY
from tests.profiles.log_lines import MONDAY, Line, frame_of, items_of, shop

ITEMS = items_of(["a", "b"])


def facts_of(lines: list[Line], *, day: float = 100) -> dict[str, object]:
    table = build_facts(frame_of(lines), ITEMS, as_of=MONDAY + round(day * DAY))
    assert table.height == 1
    return table.row(0, named=True)


def test_orders_money_and_gaps_of_a_small_history() -> None:
    facts = facts_of(
        [
            Line(1, 0, order="o1", item=0, price=10, quantity=2),
            Line(1, 0, order="o1", item=1, price=5),
            Line(1, 4, "view_item", price=None, quantity=None),
            Line(1, 10, order="o2", price=30),
            Line(1, 40, order="o3", price=45),
            Line(1, 41, "refund", price=45, value=-45),
        ]
    )
    expected = {
        "events": 6, "orders": 3, "order_days": 3, "revenue": 100.0, "refunds": 45.0,
        "spend_90d": 30.0, "monetary": 100 / 3, "average_items_per_order": 4 / 3,
        "order_gap_days": 20.0, "longest_order_gap_days": 30.0, "last_order_days": 60.0,
        "recency_days": 59.0, "tenure_days": 100.0, "active_days": 5, "usual_gap_days": 5.0,
        "first_order_at": MONDAY, "distinct_items": 2, "sessions": 5,
    }  # fmt: skip
    assert {name: facts[name] for name in expected} == pytest.approx(expected)


def test_purchases_of_one_visit_without_order_ids_are_one_order() -> None:
    facts = facts_of([Line(1, 1.1, visit=0), Line(1, 1.2, visit=0), Line(1, 1.3, visit=1)])
    assert facts["orders"] == 2


def test_a_log_of_views_knows_no_orders_and_no_money() -> None:
    facts = facts_of([Line(1, 0, "view_item"), Line(1, 1, "add_to_cart")])
    unknown = ["orders", "order_days", "frequency", "revenue", "refunds", "spend_90d", "monetary",
               "last_order_at", "last_order_days", "average_items_per_order"]  # fmt: skip
    assert [facts[name] for name in unknown] == [None] * len(unknown)


def test_a_visitor_of_a_shop_that_sells_has_zero_orders_and_zero_revenue() -> None:
    traits = LogTraits(has_orders=True, has_money=True, has_clock=True)
    frame = frame_of([Line(1, 0, "view_item")])
    facts = build_facts(frame, ITEMS, as_of=MONDAY + DAY, traits=traits).row(0, named=True)
    assert (facts["orders"], facts["revenue"], facts["monetary"]) == (0, 0.0, None)


def test_purchases_without_prices_are_orders_without_money() -> None:
    facts = facts_of([Line(1, 0, price=None), Line(1, 1, price=None)])
    assert (facts["orders"], facts["revenue"]) == (2, None)


def test_favourite_times_follow_the_time_zone_and_need_a_clock() -> None:
    # Sundays at 23:30 UTC are Mondays at 07:30 in Shanghai.
    lines = [Line(1, 6 + 7 * week + 23.5 / 24) for week in range(6)]
    as_of = MONDAY + 100 * DAY
    for zone, has_clock, expected in (
        ("UTC", True, ("Sunday", 23)),
        ("Asia/Shanghai", True, ("Monday", 7)),
        ("UTC", False, ("Sunday", None)),
    ):
        traits = LogTraits(True, True, has_clock, zone)
        row = build_facts(frame_of(lines), ITEMS, as_of=as_of, traits=traits).row(0, named=True)
        assert (row["favourite_weekday"], row["favourite_hour"]) == expected


def test_few_visits_make_no_favourite_time() -> None:
    facts = facts_of([Line(1, day + 0.4) for day in range(4)])
    assert facts["favourite_weekday"] is None


def test_platforms_are_listed_most_used_first_with_ties_by_name() -> None:
    lines = [Line(1, d, platform=p) for d, p in enumerate(["web", "store", "app", "store", "web"])]
    assert facts_of(lines)["platforms"] == ["store", "web", "app"]


def test_future_and_not_yet_received_events_leave_facts_unchanged() -> None:
    made = shop()
    as_of = made.start_at + 120 * DAY
    past = made.events.filter(pl.col("timestamp") < as_of)
    late = past.head(50).with_columns(received_at=pl.lit(as_of + 1), event_key=pl.col("event_key"))
    expected = build_facts(past, made.items, as_of=as_of)
    for frame in (made.events, pl.concat([past, late])):
        assert build_facts(frame, made.items, as_of=as_of).equals(expected)


def test_one_person_reads_as_within_the_bucket() -> None:
    made = shop()
    everyone = build_facts(made.events, made.items, as_of=made.end_at)
    alone = made.events.filter(pl.col("subject_id") == 7)
    row = build_facts(alone, made.items, as_of=made.end_at)
    assert row.equals(everyone.filter(pl.col("subject_id") == 7))


def test_an_empty_bucket_gives_an_empty_table_of_the_same_columns() -> None:
    made = shop()
    empty = build_facts(made.events.clear(), made.items, as_of=made.end_at)
    full = build_facts(made.events, made.items, as_of=made.end_at)
    assert empty.schema == full.schema
    assert empty.columns == ["subject_id", *FACTS]
