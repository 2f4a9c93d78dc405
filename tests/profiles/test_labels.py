import polars as pl
import pytest

from habitue.profiles.labels import (
    ANY_EVENT,
    build_labels,
    build_waits,
    next_classes,
    next_labels,
    population,
)
from habitue.schema import DAY, Task, parse_time
from tests.profiles.frames import Row, catalogue, events
from tests.shop import make_shop

NOW = parse_time("2024-06-01")
PURCHASE = Task("p", "event", horizon_days=30, active_days=90)
CHURN = Task("c", "no_event", horizon_days=30, active_days=90)
VALUE = Task("v", "sum", horizon_days=30, active_days=90)
BACK = Task("b", "event", horizon_days=30, absent_days=90)
SHOWN = Task("s", "event", "click", 30, active_days=20, active_event="impression")
FALL = Task("f", "no_event", horizon_days=30, fall_to=0.5)


def at(days: float) -> int:
    return NOW + round(days * DAY)


def labels_of(task: Task, *rows: Row) -> dict[int, float]:
    frame = events(*rows)
    return dict(build_labels(frame, frame, task, as_of=NOW).iter_rows())


def test_an_event_counts_from_the_cut_to_just_before_the_horizon() -> None:
    known = [Row(person, at(-1), "view_item") for person in (1, 2, 3)]
    labels = labels_of(PURCHASE, *known, Row(1, at(0)), Row(2, at(30) - 1), Row(3, at(30)))
    assert labels == {1: 1, 2: 1, 3: 0}


def test_population_was_active_lately() -> None:
    labels = labels_of(PURCHASE, Row(1, at(-90)), Row(2, at(-91)), Row(3, at(5)))
    assert labels == {1: 0}


def test_who_is_to_come_back_bought_once_and_is_absent() -> None:
    labels = labels_of(
        BACK,
        *(Row(1, at(-200)), Row(1, at(5))),
        *(Row(2, at(-200)), Row(2, at(30))),
        *(Row(3, at(-200)), Row(3, at(-89), "view_item"), Row(3, at(5))),
        *(Row(4, at(-200)), Row(4, at(-90), "view_item")),
        *(Row(5, at(-200)), Row(5, at(-3), "impression"), Row(5, at(5), "view_item")),
        *(Row(6, at(-200), "view_item"), Row(6, at(5))),
        *(Row(7, at(-200), is_bot=True), Row(8, at(5))),
    )
    assert labels == {1: 1, 2: 0, 5: 0}


def test_absent_from_a_log_of_views_is_who_came_once() -> None:
    task = Task("b", "event", event=ANY_EVENT, horizon_days=30, absent_days=90)
    labels = labels_of(
        task,
        *(Row(1, at(-200), "view_item"), Row(1, at(5), "view_item")),
        *(Row(2, at(-200), "impression"), Row(3, at(-91), "search")),
    )
    assert labels == {1: 1, 3: 0}


def test_who_was_shown_something_lately_clicks_or_not() -> None:
    labels = labels_of(
        SHOWN,
        *(Row(1, at(-20), "impression"), Row(1, at(0), "click")),
        *(Row(2, at(-20), "impression"), Row(2, at(-3), "click"), Row(2, at(30), "click")),
        *(Row(3, at(-21), "impression"), Row(3, at(5), "click")),
        *(Row(4, at(-2), "click"), Row(4, at(2), "impression"), Row(4, at(5), "click")),
        *(Row(5, at(-2), "impression", is_bot=True), Row(5, at(5), "click")),
    )
    assert labels == {1: 1, 2: 0}


def test_who_looked_lately_stops_buying_or_not() -> None:
    task = Task("c", "no_event", horizon_days=30, active_days=20, active_event="view_item")
    labels = labels_of(
        task,
        *(Row(1, at(-5), "view_item"), Row(2, at(-5), "view_item"), Row(2, at(3))),
        Row(3, at(-5)),
    )
    assert labels == {1: 1, 2: 0}


def test_money_of_the_absent_is_that_of_who_bought_once() -> None:
    task = Task("v", "sum", horizon_days=30, absent_days=90)
    labels = labels_of(
        task,
        *(Row(1, at(-200), value=9.0), Row(1, at(5), value=20.0)),
        *(Row(2, at(-200), value=9.0), Row(3, at(-9), value=9.0)),
    )
    assert labels == {1: 20, 2: 0}


def test_a_wait_ends_with_the_first_event_of_the_task_however_late() -> None:
    known = [Row(person, at(-1), "view_item") for person in (1, 2, 3)]
    frame = events(
        *known, Row(1, at(4), "view_item"), Row(1, at(6)), Row(1, at(9)), Row(2, at(70.5)),
        Row(4, at(1)),
    )  # fmt: skip
    waits = build_waits(frame, frame, PURCHASE, as_of=NOW)
    assert list(waits.iter_rows()) == [(1, 6.0), (2, 70.5), (3, None)]


def test_one_cannot_stop_what_one_never_began() -> None:
    labels = labels_of(CHURN, Row(1, at(-5)), Row(2, at(-5), "view_item"), Row(2, at(3)))
    assert labels == {1: 1}


def test_without_purchases_any_sign_of_life_counts() -> None:
    task = Task("c", "no_event", event=ANY_EVENT, horizon_days=30)
    labels = labels_of(
        task,
        Row(1, at(-5), "view_item"),
        Row(1, at(3), "search"),
        Row(2, at(-5), "view_item"),
        Row(2, at(3), "impression"),
    )
    assert labels == {1: 0, 2: 1}


def test_value_deducts_refunds_and_is_never_negative() -> None:
    known = [Row(person, at(-1), value=9.0) for person in (1, 2, 3)]
    labels = labels_of(
        VALUE,
        *known,
        Row(1, at(1), value=50.0),
        Row(1, at(2), "refund", value=-20.0),
        Row(2, at(2), "refund", value=-9.0),
    )
    assert labels == {1: 30, 2: 0, 3: 0}


def test_an_order_and_its_refund_add_up_to_exactly_nothing() -> None:
    labels = labels_of(
        VALUE,
        Row(1, at(-1)),
        Row(1, at(1), value=0.1),
        Row(1, at(1), value=0.2),
        Row(1, at(2), "refund", value=-0.3),
    )
    assert labels == {1: 0}


def test_a_fall_is_against_the_equally_long_time_before() -> None:
    labels = labels_of(
        FALL,
        Row(1, at(-10), value=100.0),
        Row(1, at(10), value=49.0),
        Row(2, at(-10), value=100.0),
        Row(2, at(10), value=50.0),
        Row(3, at(-31), value=100.0),
    )
    assert labels == {1: 1, 2: 0}


def test_bots_are_nobody() -> None:
    assert labels_of(PURCHASE, Row(1, at(-1), is_bot=True), Row(2, at(-1))) == {2: 0}


def test_who_turns_out_to_be_a_bot_later_is_somebody_now() -> None:
    known = events(Row(1, at(-1)), Row(2, at(-1)))
    later = events(Row(1, at(-1), is_bot=True), Row(1, at(2), is_bot=True), Row(2, at(-1)))
    assert dict(build_labels(known, later, PURCHASE, as_of=NOW).iter_rows()) == {1: 1, 2: 0}
    task = Task("n", "next", target="event_type")
    found = next_labels(known, later, catalogue("a"), task, as_of=NOW, until=at(5))
    assert dict(found.iter_rows()) == {1: "purchase"}


def test_who_is_known_only_from_a_late_arrival_is_nobody_yet() -> None:
    known = events(Row(1, at(-1)))
    later = events(Row(1, at(-1)), Row(2, at(-1), received=at(3)), Row(2, at(2)))
    assert dict(build_labels(known, later, PURCHASE, as_of=NOW).iter_rows()) == {1: 0}


def test_population_does_not_depend_on_what_comes() -> None:
    known = [Row(1, at(-1)), Row(2, at(-200))]
    later = [Row(2, at(1)), Row(3, at(1))]
    alone = population(events(*known), PURCHASE, as_of=NOW)
    assert population(events(*known, *later), PURCHASE, as_of=NOW).equals(alone)
    assert alone["subject_id"].to_list() == [1]


@pytest.mark.parametrize(
    "task", [PURCHASE, CHURN, VALUE, BACK, SHOWN, FALL], ids=lambda task: task.name
)
def test_events_beyond_the_horizon_change_nothing(task: Task) -> None:
    shop = make_shop(num_persons=30, days=150)
    cut = shop.start_at + 80 * DAY
    within = shop.events.filter(pl.col("timestamp") < cut + task.horizon)
    labels = build_labels(shop.events, shop.events, task, as_of=cut)
    assert labels.equals(build_labels(within, within, task, as_of=cut))


def test_next_event_type_is_the_first_that_comes() -> None:
    task = Task("n", "next", target="event_type")
    frame = events(
        Row(1, at(-1)),
        Row(1, at(1), "impression"),
        Row(1, at(2), "search"),
        Row(1, at(3), "purchase"),
        Row(2, at(-1)),
        Row(2, at(9), "purchase"),
    )
    found = next_labels(frame, frame, catalogue("a"), task, as_of=NOW, until=at(5))
    assert dict(found.iter_rows()) == {1: "search"}


def test_next_category_is_that_of_the_next_item_with_one() -> None:
    task = Task("n", "next", target="category")
    frame = events(Row(1, at(-1)), Row(1, at(1), "search", item=None), Row(1, at(2), item=1))
    found = next_labels(frame, frame, catalogue("a/x", "b/y"), task, as_of=NOW, until=at(5))
    assert dict(found.iter_rows()) == {1: "b"}


def test_next_brand_is_that_of_the_next_item_with_one() -> None:
    task = Task("n", "next", target="brand")
    items = catalogue("a", "a", "b").with_columns(brand=pl.Series(["x", " ", " y "]))
    frame = events(
        Row(1, at(-1)), Row(1, at(1), "search", item=None), Row(1, at(2), item=1),
        Row(1, at(3), item=2),
    )  # fmt: skip
    found = next_labels(frame, frame, items, task, as_of=NOW, until=at(5))
    assert dict(found.iter_rows()) == {1: "y"}


def test_past_classes_end_at_the_cut() -> None:
    task = Task("n", "next", target="event_type")
    frame = events(Row(1, at(-2), "search"), Row(1, at(-1)), Row(1, at(0), "refund"))
    assert next_classes(frame, catalogue("a"), task, as_of=NOW)["class"].to_list() == [
        "search",
        "purchase",
    ]
