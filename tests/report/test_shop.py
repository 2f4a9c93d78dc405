"""Statistics of shops whose figures are known by construction."""

from dataclasses import dataclass, replace

import polars as pl
import pytest

from habitue.errors import NotReady
from habitue.report.figures import ShopStatistics
from habitue.report.shop import shop_statistics
from habitue.schema import DAY, EVENT_TYPE, HOUR, parse_time
from tests.report.sample import growing_shop
from tests.shop import MemoryLog, Shop, make_items

MONDAY = parse_time("2024-01-01")


@dataclass(frozen=True)
class Line:
    """One event of a hand-made log."""

    person: int
    at: int
    kind: str
    item: int | None = 0
    value: float | None = None
    visit: int = 0
    order: str | None = None
    is_bot: bool = False


def log_of(lines: list[Line], num_buckets: int = 3) -> MemoryLog:
    frame = pl.DataFrame(
        {
            "subject_id": pl.Series([line.person for line in lines], dtype=pl.Int64),
            "timestamp": pl.Series([line.at for line in lines], dtype=pl.Int64),
            "received_at": pl.Series([line.at for line in lines], dtype=pl.Int64),
            "event_type": pl.Series([line.kind for line in lines], dtype=EVENT_TYPE),
            "item_number": pl.Series([line.item for line in lines], dtype=pl.Int32),
            "value": pl.Series([line.value for line in lines], dtype=pl.Float64),
            "price": pl.Series([None] * len(lines), dtype=pl.Float64),
            "quantity": pl.Series([None] * len(lines), dtype=pl.Float64),
            "session_number": pl.Series([line.visit for line in lines], dtype=pl.Int32),
            "order_id": pl.Series([line.order for line in lines], dtype=pl.String),
            "is_bot": [line.is_bot for line in lines],
        }
    ).sort("subject_id", "timestamp")
    shop = Shop(frame, make_items(), {}, {}, MONDAY, MONDAY)
    return MemoryLog(shop, num_buckets)


def figures(
    lines: list[Line], *, time_zone: str = "UTC", as_of: int | None = None
) -> ShopStatistics:
    log = log_of(lines)
    return shop_statistics(log, as_of=as_of or log.end_at, time_zone=time_zone)


def test_persons_events_and_items_are_counted_once_over_all_buckets() -> None:
    lines = [
        Line(person, MONDAY + n, "view_item", item=n % 4) for person in range(7) for n in range(5)
    ]
    stats = figures(lines)
    assert (stats.num_persons, stats.num_events, stats.num_items) == (7, 35, 4)
    assert stats.events_by_type == {"view_item": 35}


def test_lines_of_one_order_are_one_order_and_without_id_those_of_one_visit() -> None:
    stats = figures(
        [
            Line(1, MONDAY, "purchase", value=5, order="a"),
            Line(1, MONDAY + 1, "purchase", value=7, order="a"),
            Line(1, MONDAY + 2, "purchase", value=1, order="b"),
            Line(2, MONDAY, "purchase", value=2, visit=0),
            Line(2, MONDAY + HOUR, "purchase", value=2, visit=0),
            Line(2, MONDAY + DAY, "purchase", value=2, visit=1),
        ]
    )
    assert stats.sales is not None
    assert (stats.sales.orders, stats.sales.buyers, stats.sales.repeat_buyers) == (4, 2, 2)
    assert stats.sales.revenue == 19


def test_refunds_lower_revenue_and_are_told_apart() -> None:
    stats = figures(
        [Line(1, MONDAY, "purchase", value=50), Line(1, MONDAY + 1, "refund", value=-20)]
    )
    assert stats.sales is not None
    assert (stats.sales.revenue, stats.sales.refunds, stats.sales.orders) == (30, 20, 1)


def test_line_without_value_is_worth_price_times_quantity() -> None:
    log = log_of([Line(1, MONDAY, "purchase"), Line(1, MONDAY + 1, "refund")])
    priced = log.shop.events.with_columns(
        price=pl.lit(4.0), quantity=pl.when(pl.col("event_type") == "purchase").then(3.0)
    )
    log = MemoryLog(replace(log.shop, events=priced))
    sales = shop_statistics(log, as_of=log.end_at).sales
    assert sales is not None
    assert (sales.revenue, sales.refunds) == (8, 4)


def test_purchases_without_amounts_have_orders_but_no_revenue() -> None:
    stats = figures([Line(1, MONDAY, "purchase"), Line(2, MONDAY + 1, "purchase", item=1)])
    assert stats.sales is not None
    assert stats.sales.revenue is None
    assert stats.items is not None
    assert stats.items.measure == "purchases"


def test_log_of_views_has_no_sales_and_ranks_by_people() -> None:
    lines = [Line(person, MONDAY, "view_item", item=3) for person in range(4)]
    lines += [Line(9, MONDAY + n, "view_item", item=5) for n in range(50)]
    stats = figures(lines)
    assert stats.sales is None
    assert stats.items is not None
    assert [(row.key, row.persons) for row in stats.items.rows] == [("P003", 4), ("P005", 1)]


def test_bots_are_left_out_and_told() -> None:
    lines = [Line(1, MONDAY, "view_item")]
    lines += [Line(2, MONDAY + n, "view_item", is_bot=True) for n in range(9)]
    lines += [Line(2, MONDAY + 9, "purchase", value=30, is_bot=True)]
    stats = figures(lines)
    assert (stats.num_persons, stats.num_events, stats.sales) == (1, 1, None)
    assert (stats.bots.persons, stats.bots.events, stats.bots.revenue) == (1, 10, 30)


def test_goods_that_are_no_products_earn_money_but_are_not_ranked() -> None:
    lines = [Line(1, MONDAY, "purchase", item=0, value=90), Line(1, MONDAY + 1, "purchase", 1, 5)]
    log = log_of(lines)
    items = make_items().with_columns(is_product=pl.col("item_number") != 0)
    log = MemoryLog(replace(log.shop, items=items))
    stats = shop_statistics(log, as_of=log.end_at)
    assert stats.sales is not None
    assert stats.sales.revenue == 95
    assert stats.items is not None
    assert [row.key for row in stats.items.rows] == ["P001"]


def test_funnel_counts_visits_that_came_at_least_so_far() -> None:
    stats = figures(
        [
            Line(1, MONDAY, "view_item", visit=0),
            Line(1, MONDAY + 1, "add_to_cart", visit=0),
            Line(1, MONDAY + 2, "purchase", visit=0),
            Line(1, MONDAY + DAY, "view_item", visit=1),
            Line(2, MONDAY, "view_item"),
            Line(2, MONDAY + 1, "purchase"),  # its cart was not logged
            Line(3, MONDAY, "view_item"),
        ]
    )
    reached = [(step.event_type, step.visits, step.persons) for step in stats.funnel]
    assert reached == [("view_item", 4, 3), ("add_to_cart", 2, 2), ("purchase", 2, 2)]


def test_log_with_one_step_has_no_funnel() -> None:
    assert figures([Line(1, MONDAY, "purchase", value=1)]).funnel == []


def test_cohorts_hold_who_came_back_in_each_whole_week() -> None:
    lines = [Line(person, MONDAY + DAY, "view_item") for person in range(4)]
    lines += [Line(person, MONDAY + 8 * DAY, "view_item") for person in range(2)]
    lines += [Line(person, MONDAY + 8 * DAY, "view_item") for person in (10, 11, 12)]
    lines += [Line(10, MONDAY + 15 * DAY, "view_item"), Line(0, MONDAY + 16 * DAY, "view_item")]
    lines += [Line(20, MONDAY + 21 * DAY + HOUR, "view_item")]  # a week that has just begun
    cohorts = figures(lines).cohorts
    assert cohorts is not None
    assert cohorts.unit == "week"
    rows = [(cohort.persons, cohort.active) for cohort in cohorts.cohorts]
    assert rows == [(4, [4, 2, 1]), (3, [3, 1])]


def test_short_log_has_no_cohorts_and_no_rhythm() -> None:
    stats = figures([Line(1, MONDAY + n * HOUR // 60, "view_item") for n in range(180)])
    assert stats.cohorts is None
    assert stats.rhythm is None
    assert stats.recent is None
    assert stats.timeline is not None
    assert stats.timeline.unit == "10 minutes"
    assert stats.timeline.counts["view_item"] == [10] * 18


def test_rhythm_is_that_of_the_time_zone() -> None:
    lines = [Line(1, MONDAY + 20 * HOUR + day * DAY, "view_item") for day in range(7)]
    lines += [Line(1, MONDAY + 2 * HOUR, "view_item")]
    utc, china = figures(lines).rhythm, figures(lines, time_zone="Asia/Shanghai").rhythm
    assert utc is not None
    assert china is not None
    assert utc[0][20] == 1
    assert china[1][4] == 1  # Monday 20:00 in UTC is Tuesday 04:00 in China
    assert china[0][10] == 1


def test_log_of_bare_dates_has_no_rhythm() -> None:
    assert figures([Line(1, MONDAY + day * DAY, "view_item") for day in range(30)]).rhythm is None


def test_new_persons_and_revenue_fall_into_their_week() -> None:
    lines = [Line(1, MONDAY + n * DAY, "purchase", value=10) for n in range(0, 140, 7)]
    lines += [Line(2, MONDAY + 15 * DAY, "purchase", value=1)]
    timeline = figures(lines).timeline
    assert timeline is not None
    assert timeline.unit == "week"
    assert timeline.new_persons[:4] == [1, 0, 1, 0]
    assert timeline.revenue[:4] == [10, 10, 11, 10]
    assert timeline.persons[:4] == [1, 1, 2, 1]
    assert (timeline.is_first_partial, timeline.is_last_partial) == (False, True)


def test_weeks_without_events_stand_as_zeros() -> None:
    lines = [Line(1, MONDAY, "view_item"), Line(1, MONDAY + 200 * DAY, "view_item")]
    timeline = figures(lines).timeline
    assert timeline is not None
    assert sum(timeline.counts["view_item"]) == 2
    assert len(timeline.starts) == 29


def test_the_last_weeks_are_compared_with_as_many_before() -> None:
    end = MONDAY + 90 * DAY
    lines = [
        Line(1, MONDAY, "purchase", value=1),
        Line(1, end - 40 * DAY, "purchase", value=10, item=0),
        Line(2, end - 5 * DAY, "purchase", value=25, item=7),
        Line(1, end - 1, "view_item"),
    ]
    recent = figures(lines).recent
    assert recent is not None
    assert recent.days == 28
    assert (recent.recent.revenue, recent.previous.revenue) == (25, 10)
    assert (recent.recent.new_persons, recent.previous.new_persons) == (1, 0)
    assert (recent.recent.new_items, recent.previous.new_items) == (1, 0)


def test_top_tenth_of_buyers_and_usual_pause() -> None:
    lines = [Line(person, MONDAY, "purchase", value=10, order="x") for person in range(9)]
    lines += [Line(9, MONDAY, "purchase", value=10, order="x")]
    lines += [
        Line(9, MONDAY + n * 4 * DAY, "purchase", value=10, order=f"y{n}") for n in range(1, 41)
    ]
    sales = figures(lines).sales
    assert sales is not None
    assert sales.top_decile_share == pytest.approx(410 / 500)
    assert sales.typical_gap_days == 4


def test_categories_add_up_their_items() -> None:
    log = MemoryLog(growing_shop())
    stats = shop_statistics(log, as_of=log.end_at, top=100)
    assert stats.categories is not None
    assert stats.items is not None
    assert stats.categories.measure == "revenue"
    for category in stats.categories.rows:
        inside = [row for row in stats.items.rows if row.category == category.key]
        assert category.revenue == pytest.approx(sum(row.revenue for row in inside))
        assert category.purchases == sum(row.purchases for row in inside)
        assert category.recent == pytest.approx(sum(row.recent for row in inside))
        assert category.persons >= max(row.persons for row in inside)
    assert stats.sales is not None
    assert stats.categories.total == pytest.approx(stats.sales.revenue)


@pytest.mark.parametrize("num_buckets", [1, 7])
def test_the_deal_onto_buckets_changes_nothing(num_buckets: int) -> None:
    shop = growing_shop()
    one, other = MemoryLog(shop), MemoryLog(shop, num_buckets)
    assert shop_statistics(one, as_of=one.end_at) == shop_statistics(other, as_of=one.end_at)


def test_events_after_as_of_change_nothing() -> None:
    shop = growing_shop()
    as_of = int(shop.events["timestamp"].median())  # type: ignore[arg-type]
    past = MemoryLog(replace(shop, events=shop.events.filter(pl.col("timestamp") < as_of)))
    future = MemoryLog(shop)
    assert future.end_at > past.end_at
    assert shop_statistics(future, as_of=as_of) == shop_statistics(past, as_of=as_of)


def test_a_moment_long_after_the_log_does_not_stretch_it() -> None:
    log = MemoryLog(growing_shop())
    late = shop_statistics(log, as_of=log.end_at + 3000 * DAY)
    assert replace(late, as_of=log.end_at) == shop_statistics(log, as_of=log.end_at)


def test_a_few_events_with_a_wrong_date_do_not_stretch_the_log() -> None:
    lines = [Line(1, MONDAY + n * HOUR // 10, "view_item") for n in range(3000)]
    strays = [Line(2, MONDAY - 400 * DAY, "view_item"), Line(1, MONDAY - 90 * DAY, "view_item")]
    strays += [Line(3, MONDAY + 5000 * DAY, "purchase", value=9)]
    stats = figures(lines + strays)
    assert stats.num_strays == 3
    assert replace(stats, num_strays=0, as_of=log_of(lines).end_at) == figures(lines)


def test_a_shop_that_began_small_is_shown_from_its_beginning() -> None:
    lines = [Line(1, MONDAY + n * DAY, "view_item") for n in range(20)]
    lines += [Line(n, MONDAY + (20 + n % 30) * DAY, "view_item") for n in range(5000)]
    stats = figures(lines)
    assert (stats.num_strays, stats.start_at) == (0, MONDAY)


def test_log_without_earlier_events_is_refused() -> None:
    log = log_of([Line(1, MONDAY, "view_item")])
    with pytest.raises(NotReady, match=r"no events before"):
        shop_statistics(log, as_of=MONDAY - DAY)


def test_log_of_bots_alone_has_no_timeline() -> None:
    stats = figures([Line(1, MONDAY + n, "view_item", is_bot=True) for n in range(3)])
    assert stats.timeline is None
    assert stats.num_persons == 0


def test_items_that_sold_nothing_are_no_ranking() -> None:
    stats = figures([Line(1, MONDAY, "search", item=None)])
    assert stats.items is None
    assert stats.categories is None
