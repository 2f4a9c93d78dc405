from pathlib import Path

import numpy as np
import pytest

from habitue.baselines.habit import DEFAULT_STRENGTH, Habit
from habitue.baselines.personal import PersonalFrequency
from habitue.metrics import top_k
from habitue.schema import DAY
from habitue.sequences.sequences import Sequences
from tests.histories import Event, day, make_sequences, with_future

MILK, LAMP = 0, 1
NUM_ITEMS = 52


def milk_and_lamps(num: int = 50) -> Sequences:
    """Milk is bought every ten days, a lamp once; each person also takes odds and ends once.

    As many newcomers again bought milk once and a lamp after it, and come back for milk.
    """
    histories: list[list[Event]] = []
    for person in range(num):
        milk: list[Event] = [(10.0 * n + person % 10, MILK) for n in range(10)]
        lamp: list[Event] = [(person % 60 + 20.5, LAMP)]
        odds: list[Event] = [(person % 50 + n, 2 + (person * 7 + n) % 50) for n in range(0, 30, 3)]
        histories.append(sorted(milk + lamp + odds))
    newcomers: list[list[Event]] = [[(70, MILK), (71, LAMP), (85, MILK)] for _ in range(num)]
    return make_sequences(histories + newcomers)


def fit(sequences: Sequences, as_of: int = day(90)) -> Habit:
    personal = PersonalFrequency(NUM_ITEMS, half_life_days=60)
    return Habit.fit([sequences], personal, as_of=as_of, window=10 * DAY)


def test_who_bought_milk_and_a_lamp_once_is_offered_milk() -> None:
    newcomer = make_sequences([[(89, MILK), (89, LAMP)]])
    habit = fit(milk_and_lamps())
    assert habit.strength > 0
    scores = habit.scores(newcomer, as_of=day(90))
    assert scores[0, MILK] > scores[0, LAMP] > 0
    plain = habit.personal.scores(newcomer, as_of=day(90))
    assert plain[0, MILK] == plain[0, LAMP]


def test_only_own_items_are_offered_and_rows_sum_to_one() -> None:
    people = make_sequences([[(89, MILK), (89, LAMP)], [(1, LAMP)], []])
    scores = fit(milk_and_lamps()).scores(people, as_of=day(90))
    assert scores.sum(axis=1) == pytest.approx([1, 1, 0])
    assert np.flatnonzero(scores[0]).tolist() == [MILK, LAMP]
    assert np.flatnonzero(scores[1]).tolist() == [LAMP]


def test_strength_zero_ranks_as_personal_frequency() -> None:
    sequences = milk_and_lamps()
    personal = PersonalFrequency(NUM_ITEMS)
    habit = Habit(personal, np.ones(NUM_ITEMS, dtype=np.float32), strength=0.0)
    ours, theirs = (part.scores(sequences, as_of=day(90)) for part in (habit, personal))
    assert ours == pytest.approx(theirs, abs=1e-6)
    assert top_k(ours, 1)[:, 0].tolist() == top_k(theirs, 1)[:, 0].tolist()


def test_a_habit_of_one_account_is_no_habit_of_the_item() -> None:
    addict: list[Event] = [(float(n), LAMP) for n in range(80)]
    others: list[list[Event]] = [[(1, LAMP)] for _ in range(40)]
    milk: list[list[Event]] = [[(10.0 * n, MILK) for n in range(9)] for _ in range(40)]
    habit = fit(make_sequences([addict, *others, *milk]))
    assert habit.usual[MILK] > habit.usual[LAMP]
    bot = fit(make_sequences([addict, *others, *milk], bots=[0]))
    assert bot.usual[LAMP] < habit.usual[LAMP]


def test_too_few_persons_leave_the_default() -> None:
    assert fit(milk_and_lamps(3)).strength == DEFAULT_STRENGTH


def test_future_events_change_neither_choice_nor_scores() -> None:
    sequences = milk_and_lamps()
    future = with_future(sequences, day(90), num_items=NUM_ITEMS)
    before, after = fit(sequences), fit(future)
    assert before.strength == after.strength
    assert np.array_equal(before.usual, after.usual)
    assert np.array_equal(
        before.scores(sequences, as_of=day(90)), after.scores(future, as_of=day(90))
    )


def test_saved_and_loaded_is_the_same(tmp_path: Path) -> None:
    fitted = fit(milk_and_lamps())
    fitted.save(tmp_path)
    loaded = Habit.load(tmp_path)
    assert (loaded.personal, loaded.strength) == (fitted.personal, fitted.strength)
    assert np.array_equal(loaded.usual, fitted.usual)
