import datetime as dt
from collections.abc import Mapping as ReadOnly
from collections.abc import Sequence

import polars as pl
import pytest

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


@pytest.mark.parametrize("name", ["Kassenbon", "BonNr", "Bonnummer", "Beleg_Nr"])
def test_a_tills_slip_is_an_order(name: str) -> None:
    mapping = mapped({"kunde": cycle("a", 50), name: cycle("b", 90), "datum": TIMES})

    assert mapping.columns["order_id"] == name


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("user_id", ["u1"] * NUM, "the name, although all rows hold the same value (user_id: u1)"),
        ("userId", ["u1"] * NUM, "although all rows hold the same value"),
        ("item_id", [n / 8 for n in range(NUM)], "although its values alone would not tell"),
        ("anonymous_id", ["a", "b", *[None] * (NUM - 2)], "although only 0.5% of the rows have"),
        ("event_type", [f"w{n}" for n in range(NUM)], "although its values alone would not tell"),
        ("price", ["free", "9.50", "1"] * (NUM // 3) + ["2"], "although its values alone"),
        ("timestamp", [str(t) if n % 3 else "??" for n, t in enumerate(TIMES)], "although its"),
    ],
)
def test_fields_own_name_wins_over_odd_values(
    name: str, values: Sequence[object], reason: str
) -> None:
    mapping = mapped({name: values, "when": TIMES, "action": cycle("x", 3)})
    field = next(field for field, column in mapping.columns.items() if column == name)

    assert field.replace("_", "") == name.replace("_", "").lower()
    assert reason in mapping.because[field]
    assert field in mapping.unsure


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [("price", ["x0", "x1"], "numbers"), ("timestamp", ["x0", "x1"], "times")],
)
def test_fields_own_name_over_values_that_cannot_be_read_is_a_doubt(
    name: str, values: Sequence[object], kind: str
) -> None:
    mapping = mapped({"user_id": cycle("a", 50), name: list(values) * (NUM // 2)})

    assert name not in mapping.columns
    assert mapping.doubts[name].startswith(
        f"column '{name}' is left out: most of its values are no {kind} ({name}: x0"
    )


def test_text_fields_own_name_is_mapped_although_the_first_rows_are_empty() -> None:
    empty: list[object] = [None] * NUM
    base: dict[str, Sequence[object]] = {
        "user_id": cycle("u", 50),
        "item_id": cycle("p", 9),
        "timestamp": TIMES,
    }
    mapping = mapped({**base, "campaign": empty, "order_id": empty, "price": empty, "x": empty})

    assert set(mapping.columns) == {*base, "campaign", "order_id"}
    assert "the first rows of the file have no value" in mapping.because["campaign"]
    assert {"campaign", "order_id"} <= mapping.unsure


def test_doubt_ends_where_another_column_serves() -> None:
    mapping = mapped({"timestamp": cycle("x", 2), "event_time": TIMES, "user_id": cycle("a", 50)})

    assert mapping.columns["timestamp"] == "event_time"
    assert mapping.doubts == {}


def test_fields_own_name_wins_over_a_surer_word_and_words_for_events() -> None:
    words: list[object] = [["view", "cart"][n % 2] for n in range(NUM)]
    mapping = mapped({"event_type": cycle("kind", 3), "action": words, "user_id": cycle("a", 9)})
    assert mapping.columns["event_type"] == "event_type"

    skus: list[object] = [f"p{n}" for n in range(NUM)]
    goods = {"sku": skus, "title": cycle("t", 9), "name": cycle("n", 9)}
    assert mapped(goods, as_items=True).columns["name"] == "name"


def test_standard_category_is_mapped_although_few_rows_have_one() -> None:
    sparse = ["lamps", "rugs", *[None] * (NUM - 2)]
    mapping = mapped({"user_id": cycle("a", 50), "time": TIMES, "item_category": sparse})

    assert mapping.columns["item_category"] == "item_category"


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
