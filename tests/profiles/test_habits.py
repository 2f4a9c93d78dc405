import polars as pl
import pytest

from habitue.profiles.facts import LogTraits
from habitue.profiles.habits import (
    habit_shares,
    habit_spans,
    price_ranks,
    visit_occasions,
)
from habitue.schema import DAY
from tests.profiles.log_lines import MONDAY, Line, frame_of

TRAITS = LogTraits(has_orders=True, has_money=True, has_clock=False)


def shares_of(lines: list[Line], half_lives: dict[str, int]) -> dict[str, tuple[float, float]]:
    table = habit_shares(visit_occasions(frame_of(lines), TRAITS), half_lives)
    named = table.filter(pl.col("kind") == "platform")
    return {row["name"]: (row["share"], row["evidence"]) for row in named.iter_rows(named=True)}


def test_a_visit_a_half_life_ago_counts_half() -> None:
    lines = [Line(1, 0, platform="web"), Line(1, 10, platform="app")]
    faded = shares_of(lines, {"platform": 10 * DAY})
    assert faded["app"][0] == pytest.approx(1 / 1.5)
    assert faded["web"][0] == pytest.approx(0.5 / 1.5)
    assert faded["app"][1] == pytest.approx(1.5**2 / 1.25)


def test_a_habit_without_a_half_life_does_not_fade() -> None:
    lines = [Line(1, 0, platform="web"), Line(1, 1000, platform="app")]
    assert shares_of(lines, {}) == {"web": (0.5, 2.0), "app": (0.5, 2.0)}


def test_one_event_and_two_in_a_visit_are_one_visit() -> None:
    lines = [Line(1, 0, platform="web"), Line(1, 0.1, platform="web"), Line(1, 1, platform="app")]
    assert shares_of(lines, {})["web"][0] == 0.5


def test_spans_tell_the_shares_before_and_since() -> None:
    lines = [Line(1, d, platform="web" if d < 3 else "app") for d in range(8)]
    occasions = visit_occasions(frame_of(lines), TRAITS)
    spans = habit_spans(occasions, as_of=MONDAY + 8 * DAY, period=4 * DAY)
    row = spans.filter(pl.col("name") == "app").row(0, named=True)
    assert (row["earlier_share"], row["recent_share"]) == (0.25, 1.0)
    assert (row["earlier"], row["recent"]) == (4, 4)
    assert row["first_seen"] == MONDAY + 3 * DAY


def test_the_price_level_moves_with_what_was_chosen_lately() -> None:
    known = pl.DataFrame(
        {"item_number": [0, 1], "price_rank": [0.0, 1.0]},
        schema_overrides={"item_number": pl.Int32},
    )
    frame = frame_of([Line(1, 0, item=0), Line(1, 20, item=1)])
    plain, faded = (price_ranks(frame, known, half_life=one) for one in (None, 20 * DAY))
    assert plain["mean_rank"].item() == 0.5
    assert faded["mean_rank"].item() == pytest.approx(1 / 1.5)
