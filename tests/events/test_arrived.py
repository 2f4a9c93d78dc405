"""Now, all that has arrived counts; as of a moment, only what had by then."""

from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from habitue.events.arrived import ArrivedLog
from habitue.events.span import kept_span, span_of
from habitue.events.store import EventStore
from habitue.refreshing import known_at_of
from habitue.schema import DAY, parse_time
from habitue.workspace import Workspace
from tests.events.made_chunks import all_events, good, ingest_rows, items_source

DAYS = 20


@pytest.fixture
def store(tmp_path: Path) -> EventStore:
    """One view a day, each of which arrives three days later."""
    store = EventStore(tmp_path / "store")
    rows = [
        good(
            user=f"u{n % 3}",
            at=f"2024-01-{n + 1:02d} 10:00:00",
            received=f"2024-01-{n + 4:02d} 10:00:00",
            item=f"i{n}",
            price=str(n),
        )
        for n in range(DAYS)
    ]
    ingest_rows(store, *rows)
    store.reload()
    return store


def arrived(store: EventStore, at: int | None = None) -> ArrivedLog:
    span = span_of(store)
    return ArrivedLog(store, span, store, store.end_at if at is None else at, span.arrived_at)


def read(log: EventStore | ArrivedLog, as_of: int) -> pl.DataFrame:
    return pl.concat([log.read_bucket(bucket, as_of=as_of) for bucket in range(log.num_buckets)])


def test_the_span_knows_when_the_last_event_arrived(store: EventStore, tmp_path: Path) -> None:
    assert span_of(store).arrived_at == store.end_at - 1 + 3 * DAY
    cache = tmp_path / "span.json"
    first = kept_span(store, cache, fingerprint="f")
    assert kept_span(store, cache, fingerprint="f") == first == span_of(store)


def test_now_has_what_arrived_after_the_last_event(store: EventStore) -> None:
    now = store.end_at
    assert read(store, now).height == DAYS - 3
    found = read(arrived(store), now)
    assert found.height == DAYS
    assert (found["received_at"] <= now).all()  # later stages look at it once more
    columns = [name for name in found.columns if name != "received_at"]
    everything = all_events(store).select(columns)
    order = ["subject_id", "timestamp", "event_key"]
    assert_frame_equal(found.select(columns).sort(order), everything.sort(order))


def test_at_any_other_moment_only_what_had_arrived_is_there(store: EventStore) -> None:
    log = arrived(store)
    for moment in (log.end_at - DAY, log.end_at - 1, log.end_at + 1, log.end_at + 30 * DAY):
        assert_frame_equal(read(log, moment), read(store, moment))
        assert_frame_equal(log.items(as_of=moment), store.items(as_of=moment))


def test_what_comes_after_now_is_not_read(store: EventStore) -> None:
    log = arrived(store, parse_time("2024-01-11"))
    assert read(log, log.at).height == 10
    later = ArrivedLog(store, log.span, store, log.at, log.at + DAY)
    assert read(later, log.at).height == 8  # of the first eleven days, by the twelfth


def test_items_that_arrived_late_are_there_now(store: EventStore) -> None:
    now = store.end_at
    assert store.items(as_of=now).height == DAYS - 3
    assert arrived(store).items(as_of=now).height == DAYS


def test_a_workspace_asked_about_now_reads_all_and_about_a_moment_what_was_known(
    store: EventStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Workspace(tmp_path)
    card = SimpleNamespace(trained_until=0, version="0001")
    monkeypatch.setattr(shop, "_answering", lambda _: SimpleNamespace(card=card))
    log, moment, _ = shop._asked(None)
    assert moment == store.end_at  # ages count from the last event
    assert sum(log.read_bucket(b, as_of=moment).height for b in range(log.num_buckets)) == DAYS
    assert known_at_of(log, moment) == store.end_at - 1 + 3 * DAY
    assert shop._person("u1", log, moment) is not None
    log, moment, _ = shop._asked("2024-01-11")
    assert sum(log.read_bucket(b, as_of=moment).height for b in range(log.num_buckets)) == 7
    assert known_at_of(log, moment) is None
    card.trained_until = store.end_at + DAY  # trained as of a moment after the last event
    log, moment, _ = shop._asked(None)
    assert moment == store.end_at + DAY
    assert sum(log.read_bucket(b, as_of=moment).height for b in range(log.num_buckets)) == DAYS


def test_whether_an_item_can_be_had_is_said_of_today_where_no_date_is(store: EventStore) -> None:
    rows = [
        {"item": "i1", "name": "One", "available": "no"},
        {"item": "i2", "name": "Two", "available": "no", "created": "2024-01-05"},
    ]
    ingest_rows(store, *rows, source=items_source(), name="items.csv")
    store.reload()

    def available(catalogue: pl.DataFrame) -> list[bool]:
        two = catalogue.filter(pl.col("item_id").is_in(["i1", "i2"])).sort("item_id")
        assert two["name"].to_list() == ["One", "Two"]
        return two["available"].to_list()

    past, now = parse_time("2024-01-15"), store.end_at
    assert available(store.items(as_of=past)) == [True, False]
    assert available(store.items(as_of=now - 1)) == [True, False]
    for catalogue in (
        store.items(),
        store.items(as_of=now),
        store.items(as_of=now + DAY),
        arrived(store).items(as_of=now),
    ):
        assert available(catalogue) == [False, False]
