"""Records of who is who: kept apart from events, and only once."""

from pathlib import Path

import polars as pl

from habitue.events.quarantine import read_quarantine
from habitue.events.store import EventStore
from habitue.schema import IDENTITY_COLUMNS, parse_time
from tests.events.made_chunks import events_source, good, ingest_rows

SOURCE = events_source(event_types={"login": "identify"})
LOGIN = good(event="login", user="u1", visitor="v1")


def identities(store: EventStore) -> pl.DataFrame:
    rows = store.read_table("identities")
    return rows.with_columns(
        user=store.outside_ids(rows["subject_id"]),
        visitor=store.outside_ids(rows["anonymous_subject_id"]),
    )


def test_a_word_that_identifies_makes_no_event(tmp_path: Path) -> None:
    store = EventStore(tmp_path / "store")
    report = ingest_rows(store, good(visitor="v1"), LOGIN, source=SOURCE)
    assert (report.received, report.accepted, report.event_rows) == (2, 2, 1)
    found = identities(store)
    assert found.select("user", "visitor").rows() == [("u1", "v1")]
    assert list(IDENTITY_COLUMNS) == found.columns[:4]
    assert found["timestamp"].to_list() == found["received_at"].to_list()


def test_the_same_record_again_adds_nothing(tmp_path: Path) -> None:
    store = EventStore(tmp_path / "store")
    ingest_rows(store, good(), LOGIN, LOGIN, source=SOURCE)
    fingerprint = store.fingerprint
    again = ingest_rows(store, LOGIN, name="copy.csv", source=SOURCE)
    assert (again.accepted, again.duplicates) == (0, 1)
    assert store.fingerprint == fingerprint


def test_of_two_ids_the_first_record_is_kept(tmp_path: Path) -> None:
    store = EventStore(tmp_path / "store")
    other = good(event="login", user="u1", visitor="v2")
    days = {day: {**LOGIN, "at": f"2024-01-0{day} 10:00:00"} for day in (1, 2, 3, 4)}
    first = ingest_rows(store, good(), days[3], other, days[2], days[4], source=SOURCE)
    assert (first.accepted, first.duplicates) == (3, 2)
    since = {row["visitor"]: row["timestamp"] for row in identities(store).to_dicts()}
    assert since == {
        "v1": parse_time("2024-01-02T10:00:00Z"),
        "v2": parse_time("2024-01-02T10:00:00Z"),
    }
    later = ingest_rows(store, days[4], days[3], name="later.csv", source=SOURCE)
    assert (later.accepted, later.duplicates) == (0, 2)
    earlier = ingest_rows(store, days[1], name="earlier.csv", source=SOURCE)
    assert earlier.accepted == 1
    assert identities(store).height == 3
    assert identities(store)["timestamp"].min() == parse_time("2024-01-01T10:00:00Z")


def test_who_names_one_id_only_is_counted_and_not_kept(tmp_path: Path) -> None:
    store = EventStore(tmp_path / "store")
    rows = [
        good(),
        good(event="login"),
        good(event="login", user=None, visitor="v1"),
        good(event="login", visitor="null"),
    ]
    report = ingest_rows(store, *rows, source=SOURCE)
    assert report.by_reason == {"no_shop_event": 3}
    assert report.received == report.accepted + report.quarantined
    assert read_quarantine(store.folder)[0].is_empty()
    assert identities(store).is_empty()


def test_a_file_of_nothing_else_is_stored_too(tmp_path: Path) -> None:
    store = EventStore(tmp_path / "store")
    report = ingest_rows(store, LOGIN, source=SOURCE)
    assert (report.accepted, report.event_rows) == (1, 0)
    assert identities(EventStore(tmp_path / "store")).height == 1
    assert store.is_empty
