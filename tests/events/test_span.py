from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from habitue.errors import NotEnoughData, NotReady
from habitue.events.span import SpannedLog, span_of
from habitue.events.store import EventStore
from habitue.schema import DAY, parse_time
from tests.events.made_chunks import good, ingest_rows
from tests.shop import START_AT, MemoryLog, Shop, make_shop


def with_moments(shop: Shop, *moments: int) -> Shop:
    rows = [shop.events.head(1).with_columns(timestamp=pl.lit(at)) for at in moments]
    return replace(shop, events=pl.concat([shop.events, *rows]).sort("subject_id", "timestamp"))


def test_a_clean_log_keeps_its_first_and_last_event() -> None:
    shop = make_shop()
    span = span_of(MemoryLog(shop))
    assert span.start_at == shop.events["timestamp"].min()
    assert span.end_at == shop.events["timestamp"].max() + 1  # type: ignore[operator]
    assert span.strays == 0


def test_events_with_a_wrong_clock_do_not_stretch_the_log() -> None:
    shop = make_shop()
    plain = span_of(MemoryLog(shop))
    strayed = with_moments(shop, START_AT - 900 * DAY, START_AT - 899 * DAY, START_AT + 2000 * DAY)
    span = span_of(MemoryLog(strayed))
    assert (span.start_at, span.end_at, span.strays) == (plain.start_at, plain.end_at, 3)


def test_a_real_early_part_is_no_stray() -> None:
    shop = make_shop()
    early = with_moments(shop, *(START_AT - 900 * DAY + n * DAY for n in range(100)))
    assert span_of(MemoryLog(early)).start_at == START_AT - 900 * DAY


def test_the_span_at_a_moment_does_not_know_later_events() -> None:
    shop = make_shop()
    as_of = START_AT + 100 * DAY
    later = with_moments(shop, *(START_AT + n * DAY for n in range(300, 400)))
    assert span_of(MemoryLog(shop), as_of=as_of) == span_of(MemoryLog(later), as_of=as_of)


def test_a_log_that_arrived_too_late_is_told_from_an_empty_one(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    exported = "2024-03-01 00:00:00"
    ingest_rows(store, *(good(at=f"2024-01-{n:02d} 10:00:00", received=exported) for n in (1, 2)))
    with pytest.raises(NotEnoughData, match="None of the 1 events before 2024-01-02") as refusal:
        span_of(store, as_of=parse_time("2024-01-02"))
    assert "first did at 2024-03-01T00:00:00Z, says received_at" in refusal.value.message
    assert "remove the folder store beside it" in refusal.value.fix
    known = SpannedLog(store, span_of(store), folder=tmp_path / "my store")
    with pytest.raises(NotEnoughData, match="None of the 1 events") as refusal:
        span_of(known, as_of=parse_time("2024-01-02"))
    assert "take received_at out of the columns" in refusal.value.fix
    assert f"remove the folder '{tmp_path / 'my store'}', and ingest" in refusal.value.fix
    with pytest.raises(NotReady, match="holds no events before that moment"):
        span_of(store, as_of=parse_time("2023-01-02"))
    assert span_of(store, as_of=parse_time(exported)).strays == 0


def test_an_empty_log_has_no_span() -> None:
    with pytest.raises(NotReady, match="holds no events before that moment"):
        span_of(MemoryLog(make_shop()), as_of=START_AT - DAY)
