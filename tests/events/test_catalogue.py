import random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from habitue.events.catalogue import (
    ALWAYS,
    ITEM_TABLE_COLUMNS,
    VERSION_COLUMNS,
    accept_rows,
    resolve_items,
)
from habitue.events.told import ToldInEvents
from habitue.schema import DAY, ITEM_COLUMNS

EVENT_SCHEMA = {
    "item_number": pl.Int32,
    "timestamp": pl.Int64,
    "received_at": pl.Int64,
    "event_type": pl.String,
    "item_name": pl.String,
    "price": pl.Float64,
}
Event = tuple[int | None, int, str | None, float | None]


def events(*rows: Event, late: int = 0, event_type: str = "purchase") -> pl.DataFrame:
    """Events of (item, day, name, price), received `late` days after."""
    full = [
        (item, day * DAY, (day + late) * DAY, event_type, name, price)
        for item, day, name, price in rows
    ]
    return pl.DataFrame(full, schema=EVENT_SCHEMA, orient="row")


def all_of(gathered: ToldInEvents, stored: pl.DataFrame) -> pl.DataFrame:
    nothing = pl.DataFrame(schema=VERSION_COLUMNS)
    return pl.concat([nothing, *gathered.new_versions(stored)], how="diagonal")


def told(*frames: pl.DataFrame, max_rows: int = 1000) -> pl.DataFrame:
    gathered = ToldInEvents(max_rows=max_rows)
    for frame in frames:
        gathered.add(frame)
    return all_of(gathered, pl.DataFrame(schema=VERSION_COLUMNS))


def from_file(*rows: dict[str, object]) -> pl.DataFrame:
    full = [{"valid_from": ALWAYS, "known_at": ALWAYS, **row} for row in rows]
    frame = pl.DataFrame(full, schema=VERSION_COLUMNS)
    return frame.with_columns(row_key=pl.struct(pl.all()).hash())


def items(versions: pl.DataFrame, *, day: int | None = None, num_items: int = 3) -> pl.DataFrame:
    rows = [(number, f"item{number}", True) for number in range(num_items)]
    table = pl.DataFrame(rows, schema=ITEM_TABLE_COLUMNS, orient="row")
    return resolve_items(table, versions, as_of=None if day is None else day * DAY)


def test_the_catalogue_has_the_columns_of_the_dictionary() -> None:
    frame = items(told(events((0, 1, "Lamp", 5.0))))
    assert dict(frame.schema) == ITEM_COLUMNS
    assert frame.row(0, named=True) | {
        "price": 5.0,
        "name": "Lamp",
        "available": True,
    } == frame.row(0, named=True)


def test_an_item_is_known_from_its_first_event_on() -> None:
    versions = told(events((0, 1, None, None), (1, 5, None, None), (None, 2, None, None)))
    assert items(versions, day=1)["item_id"].to_list() == []
    assert items(versions, day=2)["item_id"].to_list() == ["item0"]
    assert items(versions, day=6)["item_id"].to_list() == ["item0", "item1"]
    assert items(versions)["item_id"].to_list() == ["item0", "item1"]


def test_a_name_counts_from_its_first_event_on() -> None:
    versions = told(events((0, 1, "Lamp", None), (0, 40, "Lamp", None), (0, 80, "Light", None)))
    assert [items(versions, day=day)["name"][0] for day in (2, 80, 81)] == ["Lamp", "Lamp", "Light"]


def test_the_price_is_the_last_one_of_the_latest_whole_month() -> None:
    versions = told(
        events((0, 31, None, 5.0), (0, 35, None, 6.0), (0, 50, None, 5.0), (0, 65, None, 7.0))
    )
    seen = {day: items(versions, day=day)["price"][0] for day in (32, 51, 60, 66, 90)}
    assert seen == {32: 5.0, 51: 5.0, 60: 5.0, 66: 5.0, 90: 7.0}
    assert items(versions)["price"][0] == 7.0


def test_what_arrives_late_is_not_known_before_it_arrived() -> None:
    versions = told(events((0, 1, "Lamp", 5.0), late=10), events((0, 3, "Light", 6.0)))
    assert items(versions, day=4).select("name", "price").row(0) == ("Light", 6.0)
    assert items(versions, day=2).is_empty()
    assert items(told(events((0, 1, "Lamp", 5.0), late=10)), day=10).is_empty()
    assert items(told(events((0, 1, "Lamp", 5.0), late=10)), day=11).height == 1


ROWS = st.tuples(
    st.integers(0, 2),
    st.integers(0, 100),
    st.integers(0, 3).flatmap(lambda late: st.just(late * 15)),
    st.sampled_from(["a", "b", "c", None]),
    st.sampled_from([1.0, 2.0, 3.0, None]),
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=25), st.integers(0, 130), st.data())
def test_what_came_later_changes_nothing_of_what_was_known(
    rows: list[tuple[int, int, int, str | None, float | None]], day: int, data: st.DataObject
) -> None:
    frame = pl.concat(
        events((item, at, name, price), late=late) for item, at, late, name, price in rows
    )
    moment = day * DAY
    past = frame.filter(pl.col("timestamp") < moment, pl.col("received_at") <= moment)
    cut = data.draw(st.integers(0, frame.height))
    expected = items(told(past), day=day)
    assert_frame_equal(items(told(frame), day=day), expected)
    assert_frame_equal(items(told(frame[cut:], frame[:cut], max_rows=3), day=day), expected)
    first = told(frame[:cut])
    gathered = ToldInEvents()
    gathered.add(frame[cut:])
    both = pl.concat([first, all_of(gathered, first)])
    assert_frame_equal(items(both, day=day), expected)


def test_an_older_export_that_comes_later_leaves_the_last_price() -> None:
    first = told(events((0, 0, None, 1.0), (0, 2, None, 1.0)))
    gathered = ToldInEvents()
    gathered.add(events((0, 1, None, 2.0)))
    assert items(pl.concat([first, all_of(gathered, first)]))["price"].to_list() == [1.0]


def test_a_refund_tells_no_price() -> None:
    versions = told(events((0, 1, None, 5.0)), events((0, 2, None, 900.0), event_type="refund"))
    assert items(versions)["price"].to_list() == [5.0]


def test_what_events_tell_does_not_depend_on_how_they_were_dealt() -> None:
    rng = random.Random(0)
    rows: list[Event] = [
        (rng.randrange(5), rng.randrange(200), rng.choice(["a", "b", None]), rng.choice([1.0, 2.0]))
        for _ in range(400)
    ]
    whole = told(events(*rows))
    rng.shuffle(rows)
    dealt = [events(*rows[start::7]) for start in range(7)]
    assert told(*dealt).equals(whole)
    assert told(*dealt, max_rows=20).equals(whole), "reduced on the way"
    assert 10 < whole.height < 200


def test_what_is_stored_already_is_not_told_again() -> None:
    rows = events((0, 1, "Lamp", 5.0), (0, 40, "Light", 6.0), (1, 2, None, None))
    gathered = ToldInEvents()
    gathered.add(rows)
    assert all_of(gathered, told(rows)).is_empty()


def test_a_catalogue_file_says_more_than_an_event_except_about_the_price() -> None:
    file = from_file({"item_number": 0, "name": "Desk lamp", "brand": "Lux", "price": 8.0})
    versions = pl.concat([told(events((0, 1, "lamp", 5.0))), file])
    assert items(versions).select("name", "brand", "price").row(0) == ("Desk lamp", "Lux", 5.0)
    assert items(file).select("name", "price").row(0) == ("Desk lamp", 8.0)


def test_a_catalogue_row_counts_from_its_creation_or_always() -> None:
    dated = from_file({"item_number": 0, "valid_from": 5 * DAY, "known_at": 5 * DAY, "name": "x"})
    assert items(dated, day=5).is_empty()
    assert items(dated, day=6).height == 1
    assert items(from_file({"item_number": 0}), day=0).height == 1


def test_identical_catalogue_rows_are_duplicates() -> None:
    lamp = {"item_number": 0, "name": "Lamp"}
    light = {"item_number": 0, "name": "Light"}
    nothing = from_file()
    assert accept_rows(from_file(lamp, light, lamp), nothing).to_list() == [True, True, True]
    assert accept_rows(from_file(lamp, lamp, light), nothing).to_list() == [True, False, True]
    assert accept_rows(from_file(lamp, light), from_file(lamp, light)).to_list() == [False, False]


def test_going_back_to_what_was_said_before_is_news() -> None:
    lamp = {"item_number": 0, "name": "Lamp"}
    light = {"item_number": 0, "name": "Light"}
    stored = from_file(lamp, light)
    back = from_file(lamp)
    assert accept_rows(back, stored).to_list() == [True]
    assert items(pl.concat([stored, back]))["name"].to_list() == ["Lamp"]
    assert accept_rows(back, pl.concat([stored, back])).to_list() == [False]


def test_the_last_word_on_what_is_a_product_counts() -> None:
    table = pl.DataFrame(
        [(0, "POST", True), (1, "A", True), (0, "POST", False)],
        schema=ITEM_TABLE_COLUMNS,
        orient="row",
    )
    frame = resolve_items(table, told(events((0, 1, None, None), (1, 1, None, None))))
    assert frame.select("item_id", "is_product").rows() == [("POST", False), ("A", True)]
