from pathlib import Path

import pytest

from habitue.errors import SettingsError
from habitue.events.clean import check_source
from habitue.events.quarantine import read_quarantine
from habitue.events.records import Rejection
from habitue.events.store import EventStore
from tests.events.made_chunks import (
    EVENT_COLUMNS,
    all_events,
    chunk,
    cleaned,
    events_source,
    good,
    ingest_chunks,
    ingest_rows,
    items_source,
)


@pytest.mark.parametrize(
    ("word", "event_type"),
    [
        ("view_item", "view_item"),
        ("VIEW ", "view_item"),
        ("pv", "view_item"),
        ("Add To Cart", "add_to_cart"),
        ("add-to-cart", "add_to_cart"),
        ("buy", "purchase"),
        ("Order Completed", "purchase"),
        ("cancel", "refund"),
    ],
)
def test_usual_words_for_events_are_known(word: str, event_type: str) -> None:
    assert cleaned([good(event=word)]).frame["event_type"].to_list() == [event_type]


def test_the_sources_own_words_come_first() -> None:
    source = events_source(event_types={"1": "view_item", "Kauf": "purchase", "view": "impression"})
    rows = [good(event=word) for word in ("1", " KAUF", "view", "cart")]
    types = cleaned(rows, source).frame["event_type"].to_list()
    assert types == ["view_item", "purchase", "impression", "add_to_cart"]


def test_a_mapping_onto_no_event_type_is_refused_with_the_nearest() -> None:
    with pytest.raises(SettingsError, match=r"'Kauf' to the event type 'purchas'.*'purchase'"):
        check_source(events_source(event_types={"Kauf": "purchas"}))


@pytest.mark.parametrize(
    ("word", "platform"),
    [
        ("Web", "web"),
        ("iOS", "app"),
        ("mini-program", "mini_program"),
        ("Mini Program", "mini_program"),
        ("POS", "store"),
        ("fridge", "other"),
        ("", None),
        (None, None),
    ],
)
def test_platforms_are_five_words_or_nothing(word: str | None, platform: str | None) -> None:
    assert cleaned([good(platform=word)]).frame["platform"].to_list() == [platform]


@pytest.mark.parametrize(
    ("separator", "path", "expected"),
    [
        ("/", " a / b//c/ ", "a/b/c"),
        (">", "Home > Garden > Tools", "Home/Garden/Tools"),
        (".", "appliances.kitchen.oven", "appliances/kitchen/oven"),
        (">", "Food > Meat/Fish", "Food/Meat-Fish"),
        ("/", " / ", None),
    ],
)
def test_category_paths_have_one_form(separator: str, path: str, expected: str | None) -> None:
    source = events_source(category_separator=separator)
    frame = cleaned([good(category=path)], source).frame
    assert frame["item_category"].to_list() == [expected]


def test_another_column_names_the_category_where_there_is_none() -> None:
    source = events_source(category_separator=".", category_fallback="category_number")
    rows = [
        good(category="a.b", category_number="1.5/2"),
        good(category=None, category_number="1.5/2"),
        good(category="", category_number=None),
    ]
    assert cleaned(rows, source).frame["item_category"].to_list() == ["a/b", "1.5-2", None]


def test_a_position_that_is_none_is_dropped_and_counted() -> None:
    cells = ["3", "0", "-1", "2.5", "first", "", None, "1e12"]
    result = cleaned([good(position=cell) for cell in cells])
    assert result.frame["position"].to_list() == [3, 0, None, None, None, None, None, None]
    assert result.repairs["position_dropped"] == 4


def test_availability_is_yes_no_or_unknown() -> None:
    cells = ["true", "In Stock", "0", "no", "perhaps", ""]
    rows: list[dict[str, object]] = [{"item": str(n), "available": c} for n, c in enumerate(cells)]
    frame = cleaned(rows, items_source()).frame
    assert frame["available"].to_list() == [True, True, False, False, None, None]
    native: list[dict[str, object]] = [{"item": "a", "available": False}]
    assert cleaned(native, items_source()).frame["available"].to_list() == [False]


def test_ignored_words_are_left_out_unless_they_are_mapped() -> None:
    source = events_source(
        ignored_events=["page_*", "Scroll", "$*"], event_types={"page_end": "view_item_list"}
    )
    words = ("page_view", "PAGE_view", "scroll", "$click", "page_end", "view", "dance")
    result = cleaned([good(event=word) for word in words], source)
    assert result.frame["event_type"].to_list() == ["view_item_list", "view_item"]
    assert result.rejected.select("_record", "code").rows() == [
        *((n, "no_shop_event") for n in (1, 2, 3, 4)),
        (7, "unknown_type"),
    ]


@pytest.mark.parametrize(
    "word",
    ["no", "No ", "FALSE", "0", "denied", "Opt Out", "opt-out", "不同意", "withdrawn", False],
)
def test_who_said_no_is_counted_and_not_kept(tmp_path: Path, word: object) -> None:
    source = events_source(columns={**EVENT_COLUMNS, "consent": "consent"})
    rows = [good(consent=word, user=None), good(consent=word, brand=["a list"])]
    yes = good(consent=True if word is False else "granted")
    store = EventStore(tmp_path / "store")
    report = ingest_rows(store, *rows, yes, source=source)
    assert (report.accepted, report.by_reason) == (1, {"no_consent": 2})
    assert read_quarantine(store.folder)[0].is_empty()
    assert all_events(store).height == 1


def test_of_unreadable_records_that_may_say_no_nothing_is_kept(tmp_path: Path) -> None:
    torn = Rejection(1, 7, None, "json_syntax", "", '{"user": "u1", "consent": "n')
    for name, columns, raw in (
        ("with", {**EVENT_COLUMNS, "consent": "consent"}, ""),
        ("without", EVENT_COLUMNS, torn.raw),
    ):
        store = EventStore(tmp_path / name)
        rows = chunk([good()], first_record=2, rejected=[torn])
        report = ingest_chunks(store, rows, source=events_source(columns=columns))
        assert report.by_reason == {"json_syntax": 1}
        assert read_quarantine(store.folder)[0]["raw"].to_list() == [raw]


def test_a_consent_that_says_nothing_keeps_the_event() -> None:
    source = events_source(columns={**EVENT_COLUMNS, "consent": "consent"})
    rows = [good(consent=""), good(consent=None), good(consent="yes"), good(consent="granted")]
    assert cleaned(rows, source).frame.height == 4


def test_ignored_events_are_counted_only_whatever_else_is_wrong(tmp_path: Path) -> None:
    source = events_source(ignored_events=["page*"])
    rows = [good(event="page 1", user=None), good(event="Page", at="never", item="x" * 300)]
    store = EventStore(tmp_path / "store")
    report = ingest_rows(store, *rows, good(), source=source)
    assert (report.accepted, report.by_reason) == (1, {"no_shop_event": 2})
    assert read_quarantine(store.folder)[0].is_empty()
