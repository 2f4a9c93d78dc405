import polars as pl
import pytest

from habitue.profiles.habit_precision import habit_outcomes
from habitue.schema import DAY
from tests.profiles.log_lines import MONDAY, Line, frame_of, items_of, norms_of

AS_OF = MONDAY + 100 * DAY


def test_a_habit_comes_true_in_the_part_of_the_next_visits_that_follow_it() -> None:
    past = [Line(p, d, platform="web") for p in (1, 2, 3) for d in range(5)]
    later = [
        Line(1, 101, platform="app"),
        Line(1, 102, platform="app"),
        Line(1, 103, platform="web"),
    ]
    later += [Line(2, 104, platform="web"), Line(1, 140, platform="web")]
    later += [Line(9, 101, platform="app")]  # nobody that was seen before
    frame, items = frame_of(past + later), items_of(["a"])
    norms = norms_of(frame, items, as_of=AS_OF)
    tags = pl.DataFrame(
        {"subject_id": [1, 2, 3], "kind": ["platform"] * 3, "name": ["app", "app", "app"]}
    )
    found = habit_outcomes(tags, frame, items, as_of=AS_OF, norms=norms)
    assert found["subject_id"].to_list() == [1, 2]  # person 3 did not come again
    assert found["share"].to_list() == pytest.approx([2 / 3, 0])
    assert found["usual"].to_list() == pytest.approx([1 / 3, 1 / 3])
