from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from habitue.config import CleaningSettings
from habitue.errors import Failed, NotReady
from habitue.events.log import EventLog
from habitue.events.store import EventStore
from habitue.schema import DERIVED_COLUMNS, EVENT_COLUMNS, ITEM_COLUMNS, parse_time
from tests.events.made_chunks import (
    all_events,
    events_source,
    good,
    ingest_rows,
    items_source,
)


def at(day: int, clock: str = "10:00:00") -> str:
    return f"2024-01-{day:02d} {clock}"


@pytest.fixture
def store(tmp_path: Path) -> EventStore:
    store = EventStore(tmp_path / "store")
    ingest_rows(
        store,
        good(user="u1", at=at(2), item="A", name="Lamp", price="5"),
        good(user="u1", at=at(2, "10:01:30"), event="search", item=None, query="red lamp"),
        good(user="u1", at=at(4), event="purchase", item="A", price="6", order="o1"),
        good(user="u2", at=at(3), item="B", platform="iOS"),
        good(user=None, visitor="v1", at=at(5), item="A"),
    )
    return store


def test_the_store_is_an_event_log(store: EventStore) -> None:
    log: EventLog = store
    assert log.num_buckets == 2
    assert log.start_at == parse_time("2024-01-02T10:00:00Z")
    assert log.end_at == parse_time("2024-01-05T10:00:00Z") + 1


def test_events_come_with_the_columns_and_order_of_the_dictionary(store: EventStore) -> None:
    for bucket in range(store.num_buckets):
        frame = store.read_bucket(bucket)
        assert dict(frame.schema) == {**EVENT_COLUMNS, **DERIVED_COLUMNS}
        assert frame.equals(frame.sort("subject_id", "timestamp", "received_at", "event_key"))


def test_each_subject_lies_in_its_bucket_alone(store: EventStore) -> None:
    for bucket in range(store.num_buckets):
        subjects = store.read_bucket(bucket)["subject_id"].unique()
        assert all(store.bucket_of(subject) == bucket for subject in subjects)


def test_outside_ids_are_read_once_until_the_store_changes(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables: list[str] = []
    read_table = EventStore.read_table

    def counted(self: EventStore, table: str) -> pl.DataFrame:
        tables.append(table)
        return read_table(self, table)

    monkeypatch.setattr(EventStore, "read_table", counted)
    other = EventStore(store.folder)
    for _ in range(3):
        assert other.outside_ids(pl.Series([2, 0, 9])).to_list() == ["v1", "u1", None]
    assert tables == ["subjects"]
    ingest_rows(store, *(good(user=f"new{n}", at=at(6)) for n in range(7)))
    assert store.outside_ids(pl.Series([9])).to_list() == ["new6"]
    assert other.outside_ids(pl.Series([9])).to_list() == [None], "as it was when opened"
    other.reload()
    assert other.outside_ids(pl.Series([9])).to_list() == ["new6"]


def test_a_subject_is_read_alone(store: EventStore) -> None:
    subject = store.subject_of("u1")
    assert subject is not None
    alone = store.read_bucket(store.bucket_of(subject), subject_id=subject)
    assert_frame_equal(alone, all_events(store).filter(pl.col("subject_id") == subject))
    assert alone["search_query"].to_list() == [None, "red lamp", None]
    assert alone["session_number"].to_list() == [0, 0, 1]
    assert alone["dwell_seconds"].to_list() == [90.0, None, None]


def test_outside_ids_are_the_shops_own(store: EventStore) -> None:
    ids = [store.subject_of(name) for name in ("u1", "u2", "v1", "u3")]
    assert ids == [0, 1, 2, None]
    assert store.outside_ids(pl.Series([2, 0, 99])).to_list() == ["v1", "u1", None]
    assert store.item_number_of("B") == 1
    assert store.item_number_of("C") is None


def test_a_user_id_comes_before_a_visitors_of_the_same_text(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    ingest_rows(store, good(user=None, visitor="7"), good(user="7"), good(user=None, session="7"))
    assert store.num_subjects == 3
    assert store.subject_of("7") == 1
    assert store.outside_ids(pl.Series([0, 1, 2])).to_list() == ["7", "7", "7"]


def test_a_users_visitor_id_is_kept_for_linking(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    ingest_rows(
        store,
        good(user=None, visitor="v"),
        good(user="u", visitor="v", at=at(3)),
        good(user="w", at=at(4)),
    )
    pairs = all_events(store).sort("timestamp").select("subject_id", "anonymous_subject_id")
    assert pairs.rows() == [(0, 0), (1, 0), (2, None)]


def test_as_of_reads_nothing_later(store: EventStore) -> None:
    moment = parse_time("2024-01-04T10:00:00Z")
    frame = all_events(store, as_of=moment)
    assert frame["timestamp"].max() < moment  # type: ignore[operator]
    assert frame.height == 3
    assert all_events(store, as_of=moment + 1).height == 4
    assert all_events(store, as_of=0).height == 0


def test_what_is_received_later_is_not_known_yet(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    ingest_rows(store, good(at=at(2), received=at(5)), good(at=at(3), item="B"))
    known = all_events(store, as_of=parse_time("2024-01-04"))
    assert known["item_number"].to_list() == [1]
    assert store.items(as_of=parse_time("2024-01-04"))["item_id"].to_list() == ["B"]
    assert all_events(store, as_of=parse_time("2024-01-05T10:00:00Z")).height == 2


def test_later_events_change_nothing_that_was_read_before(tmp_path: Path) -> None:
    rows = [
        good(user=f"u{n % 5}", at=at(2 + n // 10, f"{n % 10:02d}:00:00"), item=f"i{n % 7}",
             name=f"n{n % 3}", price=str(n % 4), query=f"q{n}", session=f"s{n % 2}")
        for n in range(60)
    ]  # fmt: skip
    moment = parse_time("2024-01-05")
    whole, past = EventStore(tmp_path / "whole"), EventStore(tmp_path / "past")
    cleaning = CleaningSettings(bot_events_per_day=1)
    whole.cleaning = past.cleaning = cleaning
    ingest_rows(whole, *rows)
    ingest_rows(past, *[row for row in rows if str(row["at"]) < "2024-01-05"])
    assert_frame_equal(all_events(whole, as_of=moment), all_events(past))
    assert_frame_equal(whole.items(as_of=moment), past.items(as_of=moment))
    assert all_events(past)["is_bot"].any()


def test_who_becomes_a_bot_later_was_none_before(tmp_path: Path) -> None:
    store = EventStore(tmp_path, CleaningSettings(bot_events_per_day=2))
    ingest_rows(
        store, good(at=at(2)), *[good(at=at(3, f"10:00:0{n}")) for n in range(3)], good(user="u2")
    )
    assert all_events(store).group_by("subject_id").agg(pl.col("is_bot").any()).sort(
        "subject_id"
    ).rows() == [(0, True), (1, False)]
    assert not all_events(store, as_of=parse_time("2024-01-03"))["is_bot"].any()


def test_sessions_are_those_of_the_settings(tmp_path: Path) -> None:
    rows = [good(at=at(2, "10:00:00")), good(at=at(2, "10:20:00"))]
    ingest_rows(EventStore(tmp_path), *rows)
    for gap, expected in ((30.0, [0, 0]), (10.0, [0, 1])):
        store = EventStore(tmp_path, CleaningSettings(session_gap_minutes=gap))
        assert all_events(store)["session_number"].to_list() == expected


def test_parts_of_several_ingests_read_as_one(tmp_path: Path) -> None:
    rows = [good(user=f"u{n % 3}", at=at(2 + n % 20), item=f"i{n}") for n in range(40)]
    one, many = EventStore(tmp_path / "one"), EventStore(tmp_path / "many")
    ingest_rows(one, *rows)
    for start in range(0, 40, 8):
        ingest_rows(many, *rows[start : start + 8])
    assert len(many.manifest.of("events")) > len(one.manifest.of("events"))
    assert_frame_equal(all_events(one), all_events(many))
    assert one.fingerprint == many.fingerprint


def test_the_catalogue_is_what_events_and_files_told(store: EventStore) -> None:
    catalogue = items_source(not_products=["POST"])
    rows: list[dict[str, object]] = [
        {"item": "A", "name": "Desk lamp", "category": "home/light", "available": "no"},
        {"item": "POST", "name": "Postage", "created": "2024-01-04"},
    ]
    ingest_rows(store, *rows, name="items.csv", source=catalogue)
    frame = store.items()
    assert dict(frame.schema) == ITEM_COLUMNS
    assert frame.select(
        "item_id", "name", "category", "price", "available", "is_product"
    ).rows() == [
        ("A", "Desk lamp", "home/light", 6.0, False, True),
        ("B", None, None, None, True, True),
        ("POST", "Postage", None, None, True, False),
    ]
    early = store.items(as_of=parse_time("2024-01-03"))
    assert early.select("item_id", "price").rows() == [("A", 5.0)]


def test_a_store_with_nothing_in_it_says_so(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    assert (store.is_empty, store.num_events, store.num_subjects, store.num_items) == (
        True,
        0,
        0,
        0,
    )
    assert store.subject_of("u1") is None
    with pytest.raises(NotReady, match=r"There are no events in .* yet\. Store some: habitue ing"):
        store.read_bucket(0)
    ingest_rows(store, {"item": "A"}, source=items_source())
    assert store.is_empty
    assert store.read_bucket(0).is_empty()
    with pytest.raises(NotReady, match=r"There are no events in"):
        _ = store.start_at


def test_a_damaged_part_is_named_instead_of_read(store: EventStore) -> None:
    part = store.manifest.of("events")[0]
    path = store.folder / part.path
    damaged = bytearray(path.read_bytes())
    damaged[200] ^= 8
    path.write_bytes(damaged)
    with pytest.raises(Failed, match=r"events/bucket=.*parquet is damaged"):
        EventStore(store.folder).read_bucket(part.bucket)


def test_an_open_store_sees_the_state_it_was_opened_at(store: EventStore) -> None:
    reader = EventStore(store.folder)
    before = all_events(reader)
    ingest_rows(store, good(user="u9", at=at(9)))
    assert_frame_equal(all_events(reader), before)
    reader.reload()
    assert all_events(reader).height == before.height + 1


def test_words_are_stored_as_texts(tmp_path: Path) -> None:
    """So that a version with more event types or platforms can still read them."""
    store = EventStore(tmp_path)
    ingest_rows(store, good(platform="web"))
    part = store.manifest.of("events")[0]
    schema = pl.read_parquet_schema(store.folder / part.path)
    assert schema["event_type"] == schema["platform"] == pl.String


def test_a_part_goes_without_columns_that_hold_nothing(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    ingest_rows(store, good(platform="web"))
    ingest_rows(store, good(order="o1", at=at(9)))
    kept = [
        set(pl.read_parquet_schema(store.folder / part.path)) & {"platform", "order_id", "event_id"}
        for part in store.manifest.of("events")
    ]
    assert kept == [{"platform"}, {"order_id"}]
    events = all_events(store).sort("timestamp")
    assert dict(events.select(*EVENT_COLUMNS).schema) == EVENT_COLUMNS
    assert events.select("platform", "order_id", "event_id").rows() == [
        ("web", None, None),
        (None, "o1", None),
    ]


def test_a_source_of_one_shop_only_may_hold_what_another_lacks(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    bare = events_source(columns={"user_id": "user", "timestamp": "at", "event_type": "event"})
    ingest_rows(store, good(), source=bare)
    ingest_rows(store, good(query="x", properties='{"a": 1}'))
    assert all_events(store).select("item_number", "search_query").sort("item_number").rows() == [
        (None, None),
        (0, "x"),
    ]
