import datetime as dt
from collections.abc import Mapping as ReadOnly
from collections.abc import Sequence

import polars as pl

from habitue.events.column_facts import column_facts
from habitue.events.guess_columns import Mapping, map_events, map_headerless, map_items

NUM = 400
TIMES = [dt.datetime(2024, 1, 1) + dt.timedelta(minutes=n) for n in range(NUM)]


def mapped(columns: ReadOnly[str, Sequence[object]], *, as_items: bool = False) -> Mapping:
    frame = pl.DataFrame(columns)
    facts = [column_facts(frame[name], place) for place, name in enumerate(frame.columns)]
    return map_items(facts, frame) if as_items else map_events(facts, frame)


def cycle(name: str, length: int) -> list[object]:
    return [f"{name}{n % length}" for n in range(NUM)]


def test_surest_name_wins_and_a_column_serves_once() -> None:
    mapping = mapped(
        {"user": cycle("a", 50), "user_id": cycle("b", 50), "product": cycle("p", 9), "time": TIMES}
    )

    assert mapping.columns == {"user_id": "user_id", "item_id": "product", "timestamp": "time"}


def test_name_is_vetoed_by_values_that_do_not_fit() -> None:
    money = [n / 8 for n in range(NUM)]

    mapping = mapped({"customer": money, "event": TIMES, "price": cycle("x", 3), "when": TIMES})

    assert not {"user_id", "event_type", "price"} & mapping.columns.keys()


def test_ids_of_ten_digits_are_not_taken_for_times() -> None:
    mapping = mapped({"user_id": cycle("a", 50), "ref": [1700000000 + n for n in range(NUM)]})

    assert "timestamp" not in mapping.columns


def test_time_is_found_by_its_values_where_no_name_says_it() -> None:
    mapping = mapped({"user_id": cycle("a", 50), "wann": TIMES})

    assert mapping.columns["timestamp"] == "wann"
    assert "timestamp" in mapping.unsure


def test_event_words_are_found_by_their_values() -> None:
    words: list[object] = [["view", "cart", "purchase"][n % 3] for n in range(NUM)]

    mapping = mapped({"user_id": cycle("a", 50), "t": TIMES, "what": words})

    assert mapping.columns["event_type"] == "what"


def test_vague_type_column_of_other_words_is_no_event_type() -> None:
    mapping = mapped({"user_id": cycle("a", 50), "time": TIMES, "type": cycle("gold", 3)})

    assert "event_type" not in mapping.columns


def test_small_whole_amount_beside_a_price_is_a_quantity() -> None:
    mapping = mapped(
        {
            "user_id": cycle("a", 50),
            "time": TIMES,
            "price": [n / 8 for n in range(NUM)],
            "amount": [1 + n % 3 for n in range(NUM)],
        }
    )

    assert mapping.columns["quantity"] == "amount"
    assert "value" not in mapping.columns


def test_category_columns_that_nest_become_a_path_and_others_do_not() -> None:
    mapping = mapped(
        {
            "product_id": [f"p{n}" for n in range(NUM)],
            "subcategory": [f"s{n % 24}" for n in range(NUM)],
            "category": [f"c{n % 6}" for n in range(NUM)],
            "section": [f"x{n * 7919 % 11}" for n in range(NUM)],
        },
        as_items=True,
    )

    assert mapping.columns["category"] == ["category", "subcategory"]


def test_catalogue_needs_an_item_on_each_row() -> None:
    mapping = mapped({"product_id": cycle("p", 90), "name": cycle("n", 90)}, as_items=True)

    assert mapping.columns == {}


def test_columns_without_names_are_told_by_what_they_hold() -> None:
    frame = pl.DataFrame(
        {
            "column_1": [f"{n // 8}" for n in range(NUM)],
            "column_2": [f"1998{n % 28 + 101:04d}" for n in range(NUM)],
            "column_3": [str(1 + n % 4) for n in range(NUM)],
            "column_4": [f"{n % 50}.37" for n in range(NUM)],
        }
    )
    facts = [column_facts(frame[name], place) for place, name in enumerate(frame.columns)]

    mapping = map_headerless(facts, frame)

    assert mapping.columns == {
        "timestamp": "column_2",
        "quantity": "column_3",
        "value": "column_4",
        "user_id": "column_1",
    }
