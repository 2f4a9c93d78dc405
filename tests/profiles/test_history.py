from collections.abc import Mapping

import polars as pl
import pytest

from habitue.config import ProfileSettings
from habitue.profiles.history import (
    HISTORY_SHOWN,
    Moved,
    continued,
    entries_of,
    moves_of,
    no_entries,
)
from habitue.schema import DAY

SETTINGS = ProfileSettings()


def entry(
    as_of: int,
    *,
    segment: str = "regular",
    tags: Mapping[str, float] | None = None,
    churn: float | None = 0.30,
    value: float | None = 100.0,
    subject: int = 7,
    known_at: int | None = None,
) -> pl.DataFrame:
    """What is known of one person at one moment."""
    table = pl.DataFrame({"subject_id": [subject], "user_id": [f"u{subject}"], "segment": segment})
    shown = {"brand: Acme": 0.5} if tags is None else tags
    tagged = pl.DataFrame(
        {"subject_id": [subject] * len(shown), "tag": [*shown], "weight": [*shown.values()]},
        schema={"subject_id": pl.Int64, "tag": pl.String, "weight": pl.Float64},
    )
    predictions = {}
    if churn is not None:
        predictions["churn"] = pl.DataFrame({"subject_id": [subject], "probability": [churn]})
    if value is not None:
        amounts = {"subject_id": [subject], "value": [0.0], "expected": [value]}
        predictions["value"] = pl.DataFrame(amounts)
    return entries_of(
        table,
        tagged,
        predictions,
        as_of=as_of,
        known_at=known_at or as_of,
        model_version="0001",
    )


def kept(*entries: pl.DataFrame, settings: ProfileSettings = SETTINGS) -> pl.DataFrame:
    """What is kept after one refresh after the other."""
    found = no_entries()
    for one in entries:
        as_of, known_at = one["as_of"][0], one["known_at"][0]
        found = continued(found, one, as_of=as_of, known_at=known_at, settings=settings)
    return found


def days(found: pl.DataFrame) -> list[int]:
    return [moment // DAY for moment in found["as_of"]]


def moves(found: pl.DataFrame, as_of: int = 10_000 * DAY) -> tuple[Moved, ...]:
    return moves_of(found, as_of=as_of, known_at=as_of)


def test_an_entry_says_what_the_table_the_tags_and_the_predictions_say() -> None:
    (found,) = moves(kept(entry(DAY, tags={"brand: Acme": 0.123456}, churn=0.123456)))
    assert found == Moved(
        as_of=DAY,
        model_version="0001",
        segment="regular",
        predictions={"churn": 0.1235, "value": 100.0},
        tags={"brand: Acme": 0.1235},
        tags_gained=(),
        tags_lost=(),
    )


@pytest.mark.parametrize(
    ("moved", "is_kept"),
    [
        ({}, False),
        ({"segment": "lost"}, True),
        ({"tags": {}}, True),
        ({"tags": {"brand: Acme": 0.5, "platform: app": 0.9}}, True),
        ({"tags": {"brand: Acme": 0.9}}, False),
        ({"churn": 0.3099}, False),
        ({"churn": 0.31}, True),
        ({"churn": 0.29}, True),
        ({"churn": None}, True),
        ({"value": 104.9}, False),
        ({"value": 95.1}, False),
        ({"value": 105.0}, True),
        ({"value": 95.0}, True),
        ({"value": 0.0}, True),
        ({"value": None}, True),
    ],
)
def test_an_entry_is_kept_when_something_moved(moved: dict[str, object], is_kept: bool) -> None:
    found = kept(entry(DAY), entry(2 * DAY, **moved))  # type: ignore[arg-type]
    assert days(found) == ([1, 2] if is_kept else [1])


def test_an_amount_of_nothing_that_stays_nothing_has_not_moved() -> None:
    assert days(kept(entry(DAY, value=0.0), entry(2 * DAY, value=0.0))) == [1]


def test_slow_moves_are_kept_once_they_add_up() -> None:
    found = kept(*(entry(day * DAY, churn=0.30 + 0.004 * day) for day in range(1, 7)))
    assert days(found) == [1, 4]


def test_only_who_moved_gets_an_entry() -> None:
    both = pl.concat([entry(DAY), entry(DAY, subject=8)])
    later = pl.concat([entry(2 * DAY), entry(2 * DAY, subject=8, segment="lost")])
    found = kept(both, later)
    assert found.select("subject_id", pl.col("as_of") // DAY).rows() == [(7, 1), (8, 1), (8, 2)]


def test_tags_that_came_and_went_are_told_beside_the_entry_before() -> None:
    found = kept(
        entry(DAY, tags={"a": 0.1, "b": 0.2}),
        entry(2 * DAY, tags={"b": 0.2, "c": 0.3, "d": 0.1}),
        entry(3 * DAY, tags={}),
    )
    told = [(one.as_of // DAY, one.tags_gained, one.tags_lost) for one in moves(found)]
    assert told == [(3, (), ("b", "c", "d")), (2, ("c", "d"), ("a",)), (1, (), ())]


def test_the_same_moment_again_replaces_its_entry() -> None:
    found = kept(entry(DAY), entry(2 * DAY, segment="lost"), entry(2 * DAY, segment="new"))
    assert found["segment"].to_list() == ["regular", "new"]


def test_the_same_moment_again_that_says_nothing_new_leaves_none() -> None:
    assert days(kept(entry(DAY), entry(2 * DAY, segment="lost"), entry(2 * DAY))) == [1]


def test_a_moment_in_between_does_not_look_at_later_ones() -> None:
    found = kept(entry(DAY), entry(5 * DAY, segment="lost"), entry(3 * DAY, segment="lost"))
    assert days(found) == [1, 3, 5]
    assert [one.as_of // DAY for one in moves(found, as_of=4 * DAY)] == [3, 1]


def test_nobody_is_told_what_was_said_later() -> None:
    found = kept(*(entry(day * DAY, segment=f"s{day}") for day in (1, 2, 3)))
    assert [one.segment for one in moves(found, as_of=2 * DAY)] == ["s2", "s1"]
    assert moves(found, as_of=DAY - 1) == ()


def test_nobody_is_told_what_counted_later_arrivals() -> None:
    found = kept(entry(DAY), entry(2 * DAY, segment="lost", known_at=3 * DAY))
    assert [one.as_of // DAY for one in moves(found, as_of=2 * DAY)] == [1]
    told = moves_of(found, as_of=2 * DAY, known_at=3 * DAY)
    assert [one.as_of // DAY for one in told] == [2, 1]


def test_what_is_older_than_the_days_of_the_settings_goes() -> None:
    settings = ProfileSettings(history_days=10)
    found = kept(*(entry(d * DAY, segment=f"s{d}") for d in (1, 2, 11)), settings=settings)
    assert days(found) == [2, 11]


def test_a_person_has_no_more_entries_than_the_settings_allow() -> None:
    settings = ProfileSettings(history_entries=8, history_days=3000)
    found = no_entries()
    for day in range(1, 101):
        one = entry(day * DAY, segment=f"s{day}")
        found = continued(found, one, as_of=day * DAY, known_at=day * DAY, settings=settings)
        assert found.height <= 8
        assert days(found)[-4:] == list(range(max(1, day - 3), day + 1))[-4:]
    gaps = [later - earlier for earlier, later in zip(days(found), days(found)[1:], strict=False)]
    assert gaps == sorted(gaps, reverse=True)  # the further back, the fewer


def test_fewer_entries_allowed_than_before_cut_what_there_is() -> None:
    many = kept(*(entry(day * DAY, segment=f"s{day}") for day in range(1, 41)))
    settings = ProfileSettings(history_entries=3)
    found = continued(many, entry(41 * DAY), as_of=41 * DAY, known_at=41 * DAY, settings=settings)
    assert found.height == 3
    assert days(found)[-1] == 41


def test_a_profile_shows_the_latest_moves() -> None:
    found = kept(*(entry(day * DAY, segment=f"s{day}") for day in range(1, 31)))
    told = moves(found)
    assert [one.as_of // DAY for one in told] == list(range(30, 30 - HISTORY_SHOWN, -1))
    assert moves(no_entries()) == ()
