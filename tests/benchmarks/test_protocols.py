import numpy as np
import pytest

from habitue.baselines.item_histories import ItemHistories
from habitue.benchmarks.protocols import leave_one_out, session_questions


def rows(histories: ItemHistories) -> list[list[int]]:
    return [histories.rows(row, row + 1).items.tolist() for row in range(len(histories))]


def test_the_last_item_is_tested_and_the_one_before_it_chosen_by() -> None:
    histories = ItemHistories.of([[0, 1, 2, 3], [4, 5], [3, 2, 1]])
    trial = leave_one_out(histories, name="x", sha256="", num_items=6)
    assert rows(trial.training) == [[0, 1], [4, 5], [3]]
    assert trial.everything is trial.training
    assert rows(trial.validation.histories) == [[0, 1], [3]]
    assert trial.validation.answers.tolist() == [2, 2]
    assert trial.validation_items.tolist() == [2, -1, 2]
    assert rows(trial.test.histories) == [[0, 1, 2], [3, 2]]
    assert trial.test.answers.tolist() == [3, 1]


def test_a_model_reads_fifty_items_and_the_whole_history_is_hidden() -> None:
    trial = leave_one_out(ItemHistories.of([list(range(70))]), name="x", sha256="", num_items=70)
    assert rows(trial.test.histories) == [list(range(19, 69))]
    assert trial.test.hidden is not None
    assert rows(trial.test.hidden) == [list(range(69))]
    assert rows(trial.validation.histories) == [list(range(18, 68))]


def test_short_histories_and_hidden_answers_are_counted_and_told() -> None:
    histories = ItemHistories.of([[0, 1, 2], [1], [2, 2, 2], [0, 1, 0]])
    trial = leave_one_out(histories, name="x", sha256="", num_items=3, empty_users=5)
    assert trial.counts["test_examples"] == 3
    assert trial.counts["users_too_short"] == 1
    assert trial.counts["users_without_items"] == 5
    assert trial.counts["answers_in_history"] == 2
    assert "1 users have fewer than three items" in trial.notes[0]
    assert "2 test answers stand in the user's own history" in trial.notes[1]


def test_no_part_of_a_history_that_comes_later_is_learned_from() -> None:
    histories = ItemHistories.of([[0, 1, 2, 3, 4]])
    changed = ItemHistories.of([[0, 1, 2, 9, 8]])
    first = leave_one_out(histories, name="x", sha256="", num_items=10)
    second = leave_one_out(changed, name="x", sha256="", num_items=10)
    assert rows(first.training) == rows(second.training)
    assert rows(first.validation.histories) == rows(second.validation.histories)


def test_the_last_click_of_the_last_tenth_of_sessions_is_chosen_by() -> None:
    sessions = ItemHistories.of([[0, 1, 2]] * 18 + [[1, 2, 3], [4]])
    questions = ItemHistories.of([[0, 1], [4]])
    trial = session_questions(
        sessions, questions, np.array([2, 5]), name="x", sha256="", num_items=6
    )
    assert rows(trial.training) == [[0, 1, 2]] * 18 + [[1, 2], [4]]
    assert rows(trial.everything) == rows(sessions)
    assert rows(trial.validation.histories) == [[1, 2]]
    assert trial.validation.answers.tolist() == [3]
    assert trial.validation_items.tolist() == [-1] * 18 + [3, -1]
    assert trial.test.hidden is None
    assert trial.counts["answers_unknown"] == 1
    assert trial.counts["training_examples"] == 18 * 2 + 2


@pytest.mark.parametrize("num_sessions", [1, 3, 12])
def test_few_sessions_are_split_too(num_sessions: int) -> None:
    sessions = ItemHistories.of([[0, 1]] * num_sessions)
    trial = session_questions(
        sessions, ItemHistories.of([[0]]), np.array([1]), name="x", sha256="", num_items=2
    )
    assert 1 <= len(trial.validation) <= max(1, num_sessions // 5)
