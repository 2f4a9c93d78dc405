import math

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from habitue.config import CleaningSettings, SourceSettings
from habitue.errors import FileRefused, SettingsError
from habitue.events.batch import REASONS, Rules
from habitue.events.clean import CATALOGUE_STEPS, CLEANING_STEPS, check_source, clean
from habitue.schema import EVENT_TYPES, MINUTE, PLATFORMS, parse_time
from tests.events.made_chunks import (
    EVENT_COLUMNS,
    NOW,
    cleaned,
    events_source,
    good,
    items_source,
)
from tests.examples import examples

# (reason, its field, a row that has only this wrong)
BAD_EVENTS: list[tuple[str, str, dict[str, object]]] = [
    ("no_subject", "user_id", good(user=None)),
    ("no_subject", "user_id", good(user="  ")),
    ("placeholder_id", "user_id", good(user="NULL")),
    ("placeholder_id", "user_id", good(user="Guest")),
    ("placeholder_id", "user_id", good(user="00000000-0000-0000-0000-000000000000")),
    ("placeholder_id", "user_id", good(user="0", session="s1")),
    ("id_too_long", "user_id", good(user="x" * 257)),
    ("id_too_long", "item_id", good(item="é" * 129)),
    ("control_char", "user_id", good(user="u\0001")),
    ("control_char", "item_id", good(item="A\tB")),
    ("control_char", "item_name", good(name="Lamp\0")),
    ("invisible_char", "user_id", good(user="u\u200b1")),
    ("invisible_char", "order_id", good(order="\u202eo1")),
    ("time_missing", "timestamp", good(at=None)),
    ("time_missing", "timestamp", good(at=" ")),
    ("time_not_readable", "timestamp", good(at="yesterday")),
    ("time_not_readable", "timestamp", good(at="2024-02-30 10:00:00")),
    ("time_not_readable", "timestamp", good(at="2024-W05-1")),
    ("time_not_readable", "timestamp", good(at="2024-01-02T24:00:00")),
    ("time_not_readable", "received_at", good(received="soon")),
    ("ts_epoch_zero", "timestamp", good(at="1970-01-01 00:00:00")),
    ("ts_too_old", "timestamp", good(at="1900-01-01 00:00:00")),
    ("ts_future", "timestamp", good(at="2024-06-01 00:06:00")),
    ("ts_future", "received_at", good(received="2031-01-01 00:00:00")),
    ("unknown_type", "event_type", good(event="veiw")),
    ("unknown_type", "event_type", good(event=None)),
    ("price_not_number", "price", good(price="12,50 €")),
    ("price_not_number", "price", good(price="free")),
    ("price_not_number", "price", good(price="NaN")),
    ("price_not_number", "price", good(price="1e400")),
    ("price_negative", "price", good(price="-1")),
    ("price_too_high", "price", good(price="1e12")),
    ("quantity_not_number", "quantity", good(quantity="two")),
    ("quantity_not_positive", "quantity", good(quantity="0")),
    ("quantity_not_positive", "quantity", good(quantity="-1", event="purchase")),
    ("quantity_fractional", "quantity", good(quantity="1.5")),
    ("quantity_too_high", "quantity", good(quantity="1e9")),
    ("value_not_number", "value", good(value="Infinity")),
    ("value_negative", "value", good(value="-5", event="purchase")),
    ("value_too_high", "value", good(value="3e6", quantity="2", event="purchase")),
    ("currency_unknown", "currency", good(currency="¥")),
    ("currency_unknown", "currency", good(currency="XYZ")),
]
BAD_ITEMS: list[tuple[str, str, dict[str, object]]] = [
    ("no_item", "item_id", {"item": " ", "name": "Lamp"}),
    ("category_too_deep", "category", {"item": "A", "category": "/".join("abcdefghijklmnopq")}),
    ("category_cycle", "category", {"item": "A", "category": "Home/Garden/Home"}),
    ("price_negative", "price", {"item": "A", "price": "-2"}),
    ("price_not_number", "price", {"item": "A", "price": "n/a"}),
    ("id_too_long", "item_id", {"item": "A" * 300}),
]


@pytest.mark.parametrize(("code", "field", "row"), BAD_EVENTS)
def test_a_bad_event_is_rejected_for_its_reason_alone(
    code: str, field: str, row: dict[str, object]
) -> None:
    result = cleaned([good(), row, good()])
    assert result.frame["_record"].to_list() == [1, 3]
    assert result.rejected.select("_record", "code", "field").rows() == [(2, code, field)]


def test_several_bad_catalogue_rows_are_set_aside_together() -> None:
    result = cleaned([{"item": "B"}, {"item": " "}, {"item": ""}], items_source())
    assert result.rejected["code"].to_list() == ["no_item", "no_item"]
    assert result.rejected["subject"].to_list() == [None, None]


def test_a_category_may_be_called_as_the_one_above_it() -> None:
    rows = [{"item": "A", "category": path} for path in ("Toys/Toys", "A/B/B/C", "")]
    assert cleaned(rows, items_source()).frame.height == 3


@pytest.mark.parametrize(("code", "field", "row"), BAD_ITEMS)
def test_a_bad_catalogue_row_is_rejected_for_its_reason(
    code: str, field: str, row: dict[str, object]
) -> None:
    result = cleaned([{"item": "B"}, row], items_source())
    assert result.rejected.select("code", "field").rows() == [(code, field)]


def test_every_reason_has_a_row_that_triggers_it() -> None:
    elsewhere = {
        "ts_other_unit",  # test_clean_times
        "number_range",  # test_clean_times
        "currency_missing",  # test_unsure_money
        "type",  # below
        "looks_like_pii",  # test_clean_personal
        "no_shop_event",  # test_clean_words
        "no_consent",  # test_clean_words
    }
    triggered = {code for code, _, _ in [*BAD_EVENTS, *BAD_ITEMS]}
    assert triggered | elsewhere == set(REASONS)


def test_true_and_false_are_no_ids() -> None:
    result = cleaned([good(user=True), good(user=None, visitor="v")])
    assert result.rejected.select("_record", "code", "field").rows() == [(1, "type", "user_id")]


def test_lists_are_no_ids() -> None:
    result = cleaned([good(item=["A", "B"])])
    assert result.rejected.select("code", "field").rows() == [("type", "item_id")]


def test_a_rejected_row_is_kept_as_the_file_had_it_with_its_place() -> None:
    rejected = cleaned([good(), good(price="free", name='5" lamp')]).rejected
    row = rejected.row(0, named=True)
    assert (row["_record"], row["_line"], row["_offset"]) == (2, 3, 200)
    assert '"price":"free"' in row["raw"]
    assert '"name":"5\\" lamp"' in row["raw"]
    assert "_record" not in row["raw"]
    assert row["subject"] == "u1"


def test_rejected_rows_are_kept_whole() -> None:
    rejected = cleaned([good(price="free", name="long " * 1000)]).rejected
    assert rejected["raw"].str.len_chars().to_list() == [5091]


@pytest.mark.parametrize("text", ["007", "7", "1e5", "1.0", "9007199254740993", "Ünï-1", "null-1"])
def test_ids_stay_as_they_are_written(text: str) -> None:
    row = cleaned([good(user=text, item=text, order=text, id=text)]).frame.row(0, named=True)
    names = ("subject", "item_id", "order_id", "event_id")
    assert {row[name] for name in names} == {text}


def test_ids_are_trimmed_and_composed_and_that_is_counted() -> None:
    result = cleaned([good(user="  u1 "), good(user="Cafe\u0301"), good(user="plain")])
    assert result.frame["subject"].to_list() == ["u1", "Caf\u00e9", "plain"]
    assert result.frame["_repaired"].to_list() == [True, True, False]
    assert result.repairs["id_trimmed"] == 1
    assert result.repairs["id_composed"] == 1


def test_case_and_full_width_forms_of_ids_are_kept_apart() -> None:
    result = cleaned([good(user="Anna"), good(user="anna"), good(user="\uff41nna")])
    assert result.frame["subject"].n_unique() == 3


def test_native_integers_are_ids_as_written() -> None:
    result = cleaned([good(user=2**53 + 1, item=7)])
    assert result.frame.select("subject", "item_id").row(0) == ("9007199254740993", "7")


def test_ids_kept_as_decimals_are_refused() -> None:
    with pytest.raises(FileRefused, match=r"'user' of source 'shop' holds ids as decimal numbers"):
        cleaned([good(user=17850.0)])


def test_decimal_ids_are_taken_where_the_source_says_they_are_whole() -> None:
    source = events_source(strip_decimal=["user_id"])
    as_float = cleaned([good(user=17850.0), good(user=None, visitor="v")], source)
    as_text = cleaned([good(user="17850.0"), good(user="007"), good(user="1.05")], source)
    assert as_float.frame["subject"].to_list() == ["17850", "v"]
    assert as_text.frame["subject"].to_list() == ["17850", "007", "1.05"]
    with pytest.raises(FileRefused, match=r"decimal numbers \(1\.5\)"):
        cleaned([good(user=1.5)], source)


def test_who_has_no_user_id_is_the_visitor_or_the_session() -> None:
    rows = [
        good(user="u", visitor="v", session="s"),
        good(user="", visitor="v", session="s"),
        good(user=None, visitor=None, session="s"),
        good(user=None, visitor="null", session="s"),
    ]
    result = cleaned(rows)
    assert result.frame.select("subject_kind", "subject").rows() == [
        ("user", "u"),
        ("anonymous", "v"),
        ("session", "s"),
        ("session", "s"),
    ]
    assert result.repairs == {"placeholder_dropped": 1}


def test_a_visitor_who_is_nobody_is_rejected_where_nothing_else_can_tell() -> None:
    columns = {key: EVENT_COLUMNS[key] for key in ("anonymous_id", "event_type", "timestamp")}
    result = cleaned([good(visitor="guest")], events_source(columns=columns))
    assert result.rejected.select("code", "field").rows() == [("placeholder_id", "anonymous_id")]


def test_the_placeholder_list_is_the_shops() -> None:
    row = good(user="walk-in")
    assert cleaned([row], placeholder_ids=["WALK-IN"]).rejected.height == 1
    assert cleaned([row, good(user="0")], placeholder_ids=[]).rejected.height == 0


def test_hostile_texts_are_kept_as_texts() -> None:
    texts = [
        "'; DROP TABLE x",
        "{{7*7}}",
        "${jndi:x}",
        "%s%n",
        "=cmd|'/c calc'!A0",
        "<script>",
        "🦊",
    ]
    result = cleaned([good(name=text, user=text) for text in texts])
    assert result.frame["item_name"].to_list() == texts
    assert result.frame["subject"].to_list() == texts


def test_a_variant_is_kept_among_the_properties() -> None:
    rows = [
        good(variant='re"d', properties=None),
        good(variant="red", properties='{"size": 4}'),
        good(variant="red", properties="{}"),
        good(variant="red", properties="no json"),
        good(variant=None, properties='{"size": 4}'),
    ]
    assert cleaned(rows).frame["properties"].to_list() == [
        '{"item_variant":"re\\"d"}',
        '{"size": 4,"item_variant":"red"}',
        '{"item_variant":"red"}',
        "no json",
        '{"size": 4}',
    ]


def test_several_columns_make_one_field() -> None:
    columns = {
        **EVENT_COLUMNS,
        "item_category": ["department", "aisle"],
        "item_name": ["title", "size"],
        "timestamp": ["day", "clock"],
        "properties": ["store", "till"],
    }
    row = good(
        department="Food ", aisle="Meat/Fish", title="Cod", size="1 kg", store="7", till=None
    )
    result = cleaned(
        [{**row, "day": "2024-01-02", "clock": "10:00:00"}], events_source(columns=columns)
    )
    frame = result.frame
    assert frame["item_category"][0] == "Food/Meat-Fish"
    assert frame["item_name"][0] == "Cod 1 kg"
    assert frame["timestamp"][0] == parse_time("2024-01-02T10:00:00Z")
    assert frame["properties"][0] == '{"store":"7","till":null}'


def test_a_constant_fills_what_no_column_says() -> None:
    source = events_source(constants={"event_type": "purchase", "platform": "store"})
    result = cleaned([good(event="", platform="app"), good(event="view", platform=None)], source)
    assert result.frame["event_type"].to_list() == ["purchase", "view_item"]
    assert result.frame["platform"].to_list() == ["app", "store"]


def test_a_mapped_column_that_a_chunk_lacks_is_empty() -> None:
    result = cleaned([{"user": "u", "event": "view"}])
    assert result.rejected["code"].to_list() == ["time_missing"]


def test_no_rows_give_no_rows() -> None:
    empty = pl.DataFrame(schema={"_record": pl.UInt64, "user": pl.String, "at": pl.String})
    result = clean(empty, events_source(), Rules.of(CleaningSettings(), now=NOW))
    assert (result.frame.height, result.rejected.height) == (0, 0)


def test_the_steps_are_named_and_each_stands_once() -> None:
    for steps in (CLEANING_STEPS, CATALOGUE_STEPS):
        assert len(set(steps)) == len(steps)
        assert all(step.__doc__ for step in steps)


def test_an_unknown_field_is_refused_with_the_nearest() -> None:
    with pytest.raises(SettingsError, match=r"unknown field 'user'.*Did you mean 'user_id'"):
        check_source(events_source(columns={**EVENT_COLUMNS, "user": "user"}))


def test_a_source_without_times_or_types_is_refused() -> None:
    source = SourceSettings(name="shop", columns={"user_id": "user"})
    with pytest.raises(SettingsError, match=r"'shop' maps no event_type and no timestamp"):
        check_source(source)


def test_a_source_without_anybody_is_refused() -> None:
    columns: dict[str, str | list[str]] = {"timestamp": "at", "event_type": "event"}
    with pytest.raises(SettingsError, match=r"maps nobody: no user_id, anonymous_id, session_id"):
        check_source(SourceSettings(name="shop", columns=columns))


def test_a_catalogue_source_without_items_is_refused() -> None:
    source = SourceSettings(name="goods", table="items", columns={"name": "name"})
    with pytest.raises(SettingsError, match=r"'goods' maps no item_id"):
        check_source(source)


def test_repairs_are_counted_by_row_and_only_of_rows_that_stay() -> None:
    rows = [good(user=" u1 ", item=" A "), good(user=" u2 ", event="heartbeat")]
    result = cleaned(rows)
    assert (result.repairs, result.remarks) == ({"id_trimmed": 1}, {"time_without_zone": 1})
    assert result.frame["_repaired"].to_list() == [True]


CELLS = st.one_of(
    st.none(),
    st.text(max_size=8),
    st.sampled_from(["", " ", "0", "-1", "1e5", "NaN", "007", "null", "\0", "\u200b", "é"]),
)
WORDS = {
    "user": st.one_of(st.sampled_from(["u1", "u2", "u3"]), CELLS),
    "visitor": CELLS,
    "session": CELLS,
    "event": st.one_of(st.sampled_from(["view", "Purchase ", "refund", "cart"]), CELLS),
    "at": st.one_of(
        st.sampled_from(["2024-01-02", "2024-01-02T10:00:00+08:00", "2024-01-02 10:00:60"]), CELLS
    ),
    "item": CELLS,
    "price": st.one_of(st.floats().map(str), CELLS),
    "quantity": st.one_of(st.integers(-3, 5).map(str), CELLS),
    "value": st.one_of(st.floats(-100, 100).map(str), CELLS),
    "currency": st.one_of(st.sampled_from(["eur", "GBP"]), CELLS),
    "category": CELLS,
    "platform": st.one_of(st.sampled_from(["iOS", "web"]), CELLS),
    "position": CELLS,
    "properties": CELLS,
    "variant": CELLS,
}
DIRTY_ROWS = st.lists(st.fixed_dictionaries(WORDS), min_size=1, max_size=12)


@settings(max_examples=examples(80), deadline=None)
@given(DIRTY_ROWS)
def test_whatever_comes_every_row_is_kept_or_has_a_reason(rows: list[dict[str, object]]) -> None:
    result = cleaned(rows)
    records = [*result.frame["_record"], *result.rejected["_record"]]
    assert sorted(records) == list(range(1, len(rows) + 1))
    assert set(result.rejected["code"]) <= set(REASONS)
    for row in result.frame.iter_rows(named=True):
        _assert_can_be_trusted(row)


def _assert_can_be_trusted(row: dict[str, object]) -> None:
    assert row["event_type"] in EVENT_TYPES
    assert row["platform"] in (None, *PLATFORMS)
    assert row["subject"]
    timestamp, received_at = row["timestamp"], row["received_at"]
    assert isinstance(timestamp, int)
    assert isinstance(received_at, int)
    assert parse_time("1990-01-01") <= timestamp <= received_at <= NOW + 5 * MINUTE
    for name in ("price", "quantity"):
        amount = row[name]
        assert amount is None or (isinstance(amount, float) and 0 <= amount <= 1e6)
    value = row["value"]
    assert value is None or (isinstance(value, float) and math.isfinite(value))
    if value:
        assert (value < 0) == (row["event_type"] == "refund")
