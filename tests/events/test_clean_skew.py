from pathlib import Path

import pytest

from habitue.events.store import EventStore
from habitue.schema import HOUR, MINUTE, SECOND, parse_time
from tests.events.made_chunks import cleaned, events_source, good, ingest_rows

AT = parse_time("2024-01-02T10:00:00Z")
COLUMNS = {"user_id": "user", "event_type": "event", "timestamp": "at", "item_id": "item"}


def corrected(ahead: int, *, received: object = AT, sent: object = None) -> tuple[object, ...]:
    """When an event of 10:00, by a clock so far ahead, happened; and how often it was moved."""
    columns = {**COLUMNS, "sent_at": "sent", "received_at": "received"}
    source = events_source(columns=columns, time_unit="us")
    sent = AT + ahead if sent is None else sent
    result = cleaned([good(at=AT + ahead, sent=sent, received=received)], source)
    assert "sent_at" not in result.frame.columns
    return result.frame["timestamp"][0] - AT, result.repairs.get("clock_corrected", 0)


@pytest.mark.parametrize(
    ("ahead", "left", "num_moved"),
    [
        (0, 0, 0),
        (4 * MINUTE, 4 * MINUTE, 0),
        (-4 * MINUTE, -4 * MINUTE, 0),
        (6 * MINUTE, 0, 1),
        (3 * HOUR + 20 * SECOND, 20 * SECOND, 1),
        (-24 * HOUR, 0, 1),
        (-25 * HOUR, -25 * HOUR, 0),
    ],
)
def test_a_clock_is_set_by_whole_minutes(ahead: int, left: int, num_moved: int) -> None:
    assert corrected(ahead) == (left, num_moved)


def test_what_was_on_its_way_for_seconds_is_not_moved_by_them() -> None:
    assert corrected(3 * HOUR, received=AT + 7 * SECOND) == (0, 1)


@pytest.mark.parametrize("sent", ["soon", ""])
def test_a_sending_time_that_says_nothing_corrects_nothing(sent: object) -> None:
    assert corrected(20 * MINUTE, sent=sent) == (20 * MINUTE, 0)


def test_without_an_arrival_nothing_is_corrected() -> None:
    assert corrected(20 * MINUTE, received=None) == (20 * MINUTE, 0)
    source = events_source(columns={**COLUMNS, "sent_at": "sent"}, time_unit="us")
    result = cleaned([good(at=AT, sent=AT + HOUR)], source)
    assert result.frame["timestamp"].to_list() == [AT]


@pytest.mark.parametrize("ahead", [HOUR + 29 * SECOND, 5 * MINUTE + 2 * SECOND])
def test_a_second_delivery_is_one_although_the_correction_differs(
    tmp_path: Path, ahead: int
) -> None:
    columns = {**COLUMNS, "event_id": "id", "sent_at": "sent", "received_at": "received"}
    source = events_source(columns=columns, time_unit="us")
    sent = {"at": AT + ahead, "sent": AT + ahead}
    store = EventStore(tmp_path / "store")
    rows = [good(id="e1", received=AT + way * SECOND, **sent) for way in (-2, 4)]
    times = {cleaned([row], source).frame["timestamp"][0] for row in rows}
    assert len(times) == 2
    report = ingest_rows(store, *rows, source=source)
    assert (report.accepted, report.duplicates) == (1, 1)
    again = ingest_rows(store, rows[1], name="again.csv", source=source)
    assert (again.accepted, again.duplicates) == (0, 1)
