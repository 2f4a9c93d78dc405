import numpy as np
import pytest

from habitue.sequences import repeating
from habitue.sequences.repeating import repeat_share
from tests.histories import day, make_sequences

NUM_ITEMS = 9


def share(
    *histories: list[tuple[float, int] | tuple[float, int, str]], before: float = 99
) -> float:
    sequences = make_sequences(histories)
    return repeat_share(sequences, num_items=NUM_ITEMS, before=day(before))


def test_what_the_same_person_wanted_before_counts_and_nothing_else() -> None:
    assert share([(1, 0), (2, 1), (3, 0), (4, 0)]) == 2 / 4
    assert share([(1, 0)], [(2, 0)]) == 0  # of two persons
    assert share([(1, 0), (2, 0, "refund")]) == 0  # not wanted
    assert share([(1, 20), (2, 20)]) == 0  # not known
    assert share([(1, 0), (2, 0), (3, 0)], before=3) == 1 / 2
    assert share() == 0


def test_bots_do_not_count() -> None:
    sequences = make_sequences([[(1, 0), (2, 0)], [(1, 0), (2, 1)]], bots=[0])
    assert repeat_share(sequences, num_items=NUM_ITEMS, before=day(9)) == 0


def test_of_a_large_log_the_first_persons_speak_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    histories = [[(d, int(rng.integers(3))) for d in range(5)] for _ in range(40)]
    sequences = make_sequences(histories)
    monkeypatch.setattr(repeating, "_SAMPLED_EVENTS", 52)
    found = repeat_share(sequences, num_items=NUM_ITEMS, before=day(9))
    monkeypatch.undo()
    first = repeat_share(sequences.slice(0, 10), num_items=NUM_ITEMS, before=day(9))
    assert found == first
