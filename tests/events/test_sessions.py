import polars as pl

from habitue.events.sessions import add_sessions
from habitue.schema import MINUTE, SECOND


def sessions(*rows: tuple[int, int, str | None], gap_minutes: float = 30) -> pl.DataFrame:
    """Rows of (subject, moment in µs, session id) with what is derived from them."""
    frame = pl.DataFrame(
        rows, schema=["subject_id", "timestamp", "session_id"], orient="row",
        schema_overrides={"session_id": pl.String},
    )  # fmt: skip
    return add_sessions(frame, gap_minutes=gap_minutes)


def test_a_longer_pause_than_allowed_starts_a_new_session() -> None:
    frame = sessions(
        (1, 0, None),
        (1, 30 * MINUTE, None),
        (1, 60 * MINUTE + 1, None),
    )
    assert frame["session_number"].to_list() == [0, 0, 1]


def test_sessions_are_counted_for_each_subject_from_zero() -> None:
    frame = sessions((1, 0, None), (1, 90 * MINUTE, None), (2, 90 * MINUTE, None), (3, 0, None))
    assert frame["session_number"].to_list() == [0, 1, 0, 0]


def test_another_session_id_starts_a_new_session() -> None:
    frame = sessions((1, 0, "a"), (1, 1, "a"), (1, 2, "b"), (1, 3, "a"))
    assert frame["session_number"].to_list() == [0, 0, 1, 2]


def test_an_event_without_a_session_id_stays_where_it_is() -> None:
    frame = sessions(
        (1, 0, None), (1, 1, "a"), (1, 2, None), (1, 3, "a"), (1, 4, None), (1, 5, "b")
    )
    assert frame["session_number"].to_list() == [0, 0, 0, 0, 0, 1]


def test_the_same_session_id_after_a_long_pause_is_a_new_session() -> None:
    frame = sessions((1, 0, "a"), (1, 31 * MINUTE, "a"))
    assert frame["session_number"].to_list() == [0, 1]


def test_dwell_is_the_time_to_the_next_event_of_the_session() -> None:
    frame = sessions(
        (1, 0, None),
        (1, 90 * SECOND, None),
        (1, 90 * SECOND, None),
        (1, 60 * MINUTE, None),
        (2, 60 * MINUTE + SECOND, None),
    )
    assert frame["dwell_seconds"].to_list() == [90.0, 0.0, None, None, None]


def test_no_events_have_no_sessions() -> None:
    frame = sessions()
    assert frame.columns == [
        "subject_id",
        "timestamp",
        "session_id",
        "session_number",
        "dwell_seconds",
    ]
