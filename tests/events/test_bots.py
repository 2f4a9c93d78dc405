import polars as pl

from habitue.events.bots import flag_bots
from habitue.schema import DAY


def bots(moments: dict[int, list[int]], events_per_day: int = 3) -> set[int]:
    rows = [(subject, at) for subject, own in moments.items() for at in own]
    frame = pl.DataFrame(rows, schema=["subject_id", "timestamp"], orient="row")
    flagged = flag_bots(frame, events_per_day=events_per_day)
    per_subject = flagged.group_by("subject_id").agg(pl.col("is_bot").unique())
    assert all(len(flags) == 1 for flags in per_subject["is_bot"]), "all events or none"
    return set(flagged.filter("is_bot")["subject_id"])


def test_more_events_on_one_day_than_allowed_make_a_bot() -> None:
    assert bots({1: [0, 1, 2, 3], 2: [0, 1, 2], 3: [0, 1, DAY, DAY + 1, 2 * DAY]}) == {1}


def test_days_are_those_of_utc() -> None:
    assert bots({1: [DAY - 2, DAY - 1, DAY, DAY + 1]}) == set()
    assert bots({1: [DAY, DAY + 1, DAY + 2, 2 * DAY - 1]}) == {1}


def test_a_quiet_log_has_no_bots() -> None:
    assert bots({1: [0], 2: [1]}) == set()
