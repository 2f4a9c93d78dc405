"""What a benchmark's data decide about a network's recipe."""

from pathlib import Path

import pytest

from habitue.baselines.item_histories import ItemHistories
from habitue.benchmarks.networks import Networked
from habitue.benchmarks.protocols import Trial, leave_one_out, session_questions

NUM_ITEMS = 6
ONCE_EACH = [[0, 1, 2, 3], [3, 4, 5], [2, 1, 0]] * 5
BACK_AGAIN = [[0, 1, 0, 2], [3, 4, 3, 3], [2, 1, 2]] * 5


def sessions(lists: list[list[int]]) -> Trial:
    told = ItemHistories.of(lists)
    return session_questions(
        told, told.without_newest(1), told.newest_item(), name="s", sha256="0" * 64,
        num_items=NUM_ITEMS,
    )  # fmt: skip


def users(lists: list[list[int]]) -> Trial:
    told = ItemHistories.of(lists)
    return leave_one_out(told, name="u", sha256="0" * 64, num_items=NUM_ITEMS)


def test_a_network_may_point_at_the_past_where_sessions_come_back(tmp_path: Path) -> None:
    network = Networked.of("flagship", 0, sessions(BACK_AGAIN), tmp_path)
    assert network.model.repeats
    assert (network.model.dropout, network.training.later_items) == (0.2, 0.0)


@pytest.mark.parametrize("trial", [sessions(ONCE_EACH), users(BACK_AGAIN)])
def test_it_may_not_where_nobody_comes_back_or_the_past_is_hidden(
    trial: Trial, tmp_path: Path
) -> None:
    network = Networked.of("flagship", 0, trial, tmp_path)
    assert network.model.repeats is False
    assert (network.model.dropout, network.training.later_items) == (0.5, 0.4)


def test_the_share_of_repeats_is_that_of_events_of_an_item_had_before() -> None:
    assert ItemHistories.of([[0, 1, 0, 2], [0, 1], []]).repeat_share() == pytest.approx(1 / 6)
    assert ItemHistories.of([]).repeat_share() == 0
