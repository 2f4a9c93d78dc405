from pathlib import Path

import pytest

from habitue.events.bad_values import bad_value
from habitue.events.quarantine import read_quarantine, reason_text
from habitue.events.records import Rejection
from habitue.events.store import EventStore
from tests.events.made_chunks import chunk, events_source, good, ingest_chunks, ingest_rows


def test_what_was_set_aside_is_shown_with_place_and_reason(tmp_path: Path) -> None:
    unparsed = Rejection(3, 9, 450, "columns 3!=4", "", "a,b,c")
    rows = chunk([good(), good(price="free")], rejected=[unparsed])
    report = ingest_chunks(EventStore(tmp_path), rows, name="may.csv")
    shown, by_reason = read_quarantine(tmp_path)
    assert by_reason == report.by_reason == {"columns 3!=4": 1, "price_not_number": 1}
    assert shown.columns == ["file", "line", "offset", "code", "field", "value", "raw"]
    assert shown.row(0) == ("may.csv", 9, 450, "columns 3!=4", "", None, "a,b,c")
    assert shown.row(1)[:6] == ("may.csv", 3, 200, "price_not_number", "price", "free")
    assert '"price":"free"' in shown.row(1)[6]


def test_the_value_is_that_of_the_columns_that_the_source_maps(tmp_path: Path) -> None:
    columns: dict[str, object] = {**events_source().columns, "price": "cost"}
    columns["timestamp"] = ["day", "hour"]
    source = events_source(columns=columns)
    rows = [good(cost="free", day="2024-01-02", hour="10:00"), good(cost="1", day="x", hour="y")]
    ingest_rows(EventStore(tmp_path), *rows, source=source)
    for sources, values in (([source], ["free", "x y"]), ([], [None, None])):
        shown = read_quarantine(tmp_path, sources=sources)[0]
        assert shown["field"].to_list() == ["price", "timestamp"]
        assert shown["value"].to_list() == values


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ('{"user":{"id":1.5}}', "1.5"),
        ('{"user.id":""}', ""),
        ('{"user":{"name":"x"}}', None),
        (r'{"user.id":"u\udfff"}', "u?"),
        ('{"user":', None),
        ("u1,view", None),
        ('{"user.id":"%s"}' % ("x" * 100), "x" * 59 + "…"),
    ],
    ids=["nested", "empty", "missing", "lone surrogate", "broken", "line", "long"],
)
def test_value_is_looked_up_where_the_row_says_it(raw: str, value: str | None) -> None:
    assert bad_value(raw, "user.id", events_source()) == value


def test_the_limit_cuts_the_rows_and_not_the_counts(tmp_path: Path) -> None:
    ingest_rows(EventStore(tmp_path), *[good(price=f"{n} €") for n in range(30)], good(user=""))
    shown, by_reason = read_quarantine(tmp_path, 5)
    assert shown.height == 5
    assert by_reason == {"price_not_number": 30, "no_subject": 1}


def test_the_same_file_again_sets_nothing_aside_twice(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    for name in ("may.csv", "may.csv", "copy of may.csv"):
        report = ingest_rows(store, good(), good(user=""), name=name)
        assert report.quarantined == 1
    assert read_quarantine(tmp_path)[1] == {"no_subject": 1}


def test_much_that_is_set_aside_is_written_in_several_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("habitue.events.quarantine._MEMORY_BYTES", 100)
    chunks = [chunk([good(user="", item=f"i{n}")], first_record=n) for n in range(1, 6)]
    ingest_chunks(EventStore(tmp_path), *chunks)
    shown, by_reason = read_quarantine(tmp_path)
    assert by_reason == {"no_subject": 5}
    assert shown["line"].to_list() == [2, 3, 4, 5, 6]


def test_an_empty_store_has_set_nothing_aside(tmp_path: Path) -> None:
    shown, by_reason = read_quarantine(tmp_path)
    assert shown.is_empty()
    assert by_reason == {}


def test_reasons_read_as_words() -> None:
    assert reason_text("ts_future") == "the time lies more than five minutes ahead of now"
    assert reason_text("bad_unicode") == "half of a character, which no text can hold"
    assert reason_text("columns 3!=21") == "a line with 3 fields where its file has 21"
    assert reason_text("columns 1!=4") == "a line with 1 field where its file has 4"
    assert reason_text("of_later") == "of later"
