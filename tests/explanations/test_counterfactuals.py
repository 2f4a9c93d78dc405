import numpy as np
import pytest

from habitue.explanations.counterfactuals import (
    EXACT_ROWS,
    Answers,
    Ask,
    Bools,
    conclude,
    measure,
)

ONE_EACH = np.ones(30, dtype=np.int64)


def model(*needed: int, threshold: float = 0.5) -> Ask:
    """A model that says 0.9 as long as one of these groups is there, and 0.2 without them all."""

    def ask(removed_VG: Bools) -> Answers:
        value = np.where(removed_VG[:, list(needed)].all(axis=1), 0.2, 0.9)
        return Answers(value, value - threshold)

    return ask


def test_the_one_group_that_matters_is_cited_and_nothing_else() -> None:
    found = measure(model(7), ONE_EACH)
    assert found.is_exact
    assert found.strongest(5) == [7]
    assert found.verified[7] == pytest.approx(0.7)
    assert np.count_nonzero(found.verified) == 1


def test_the_one_group_that_matters_is_found_in_a_long_history() -> None:
    groups = int(EXACT_ROWS**0.5) * 3
    found = measure(model(100), np.ones(groups, dtype=np.int64))
    assert not found.is_exact
    assert found.strongest(5) == [100]
    measured = int(np.isfinite(found.verified).sum())
    assert measured < groups / 5
    # The run it lies in moved the answer as much, and is longer: the estimate is a part of it.
    assert 0 < found.effect[100] < found.verified[100]


def test_two_groups_of_which_one_is_enough_move_nothing_alone_and_all_together() -> None:
    ask = model(3, 4)
    found = measure(ask, ONE_EACH)
    assert found.strongest(5) == []
    assert found.value - conclude(ask, found, [3, 4]).together == pytest.approx(0.7)


def test_the_smallest_change_holds_nothing_that_it_does_not_need() -> None:
    ask = model(24, 27)  # both have to go; five younger ones lie on the way
    change = conclude(ask, measure(ask, ONE_EACH), []).change
    assert change is not None
    assert sorted(change.groups) == [24, 27]
    assert change.value == pytest.approx(0.2)


def test_a_change_to_the_other_side_is_found_from_below_too() -> None:
    def ask(removed_VG: Bools) -> Answers:
        value = 0.2 + 0.2 * removed_VG[:, [5, 9]].sum(axis=1)
        return Answers(value, value - 0.5)

    change = conclude(ask, measure(ask, ONE_EACH), []).change
    assert change is not None
    assert sorted(change.groups) == [5, 9]


def test_where_nothing_crosses_there_is_no_change() -> None:
    ask = model(7, threshold=0.1)
    assert conclude(ask, measure(ask, ONE_EACH), []).change is None


def test_where_nothing_is_decided_there_is_no_change() -> None:
    for threshold in (np.nan, 0.9):
        ask = model(7, threshold=threshold)
        assert conclude(ask, measure(ask, ONE_EACH), []).change is None


def test_of_equal_effects_the_latest_is_told_first() -> None:
    def ask(removed_VG: Bools) -> Answers:
        value = 0.9 - 0.1 * removed_VG[:, [2, 20]].sum(axis=1)
        return Answers(value, value - 0.5)

    assert measure(ask, ONE_EACH).strongest(5) == [20, 2]
