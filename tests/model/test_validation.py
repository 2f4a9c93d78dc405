from dataclasses import replace

import numpy as np
import numpy.typing as npt

from habitue.model.inference import Gist, Network
from habitue.model.validation import validation_persons
from habitue.sequences.sequences import Sequences
from tests.histories import day, make_sequences
from tests.model.conftest import Lab


class Oracle(Network):
    """Gives all probability to the same items for everybody."""

    def __init__(self, chosen: list[int], num_items: int) -> None:
        self.row = np.zeros(num_items, dtype=np.float32)
        self.row[chosen] = 1 / len(chosen)

    def scores(
        self, sequences: Sequences, *, as_of: int, gist: Gist | None = None
    ) -> npt.NDArray[np.float32]:
        assert (sequences.timestamps < as_of).all()
        return np.tile(self.row, (len(sequences), 1))


def test_persons_have_a_past_and_a_wish_in_the_window(lab: Lab) -> None:
    validation = lab.validation()
    assert len(validation.histories) > 50
    for row, subject in enumerate(validation.histories.subject_ids):
        person = lab.sequences.take(np.flatnonzero(lab.sequences.subject_ids == subject))
        early = person.before(lab.valid_from)
        window = person.items[early.num_events :]
        assert validation.wanted[row].tolist() == sorted(set((window - 1).tolist()))
        kept = validation.histories.slice(row, row + 1)
        assert kept.items.tolist() == early.items[-20:].tolist()


def test_perfect_advice_scores_one_and_useless_advice_nothing(lab: Lab) -> None:
    validation = lab.validation()
    same = replace(validation, wanted=[np.array([3, 5])] * len(validation.wanted))
    perfect = same.measure(Oracle([3, 5], lab.vocabulary.num_items))
    assert (perfect.ndcg, perfect.recall) == (1.0, 1.0)
    useless = same.measure(Oracle(list(range(20, 40)), lab.vocabulary.num_items))
    assert (useless.ndcg, useless.recall) == (0.0, 0.0)


def test_an_item_first_met_in_the_window_is_not_asked_for(lab: Lab) -> None:
    newcomer = 7
    items = lab.sequences.items.copy()
    is_early = lab.sequences.timestamps < lab.valid_from
    items[is_early & (items == newcomer)] = 8
    wanted = lab.validation(replace(lab.sequences, items=items)).wanted
    assert not any(newcomer - 1 in person for person in wanted)
    assert any(newcomer - 1 in person for person in lab.validation().wanted)


def test_events_from_the_cut_on_are_not_asked_for(lab: Lab) -> None:
    timestamps = lab.sequences.timestamps.copy()
    timestamps[timestamps >= lab.valid_from] += lab.as_of - lab.valid_from
    assert len(lab.validation(replace(lab.sequences, timestamps=timestamps)).wanted) == 0


def test_where_nobody_takes_the_same_twice_what_one_had_is_not_offered() -> None:
    once = make_sequences([[(1, 0), (2, 1), (5, 2)], [(1, 2), (2, 3), (5, 4)], [(1, 4)]])
    again = make_sequences([[(1, 0), (2, 0), (5, 2)], [(1, 2), (2, 3), (5, 4)], [(1, 4)]])

    def reached(sequences: Sequences) -> float:
        persons = validation_persons(
            sequences, num_items=9, valid_from=day(4), as_of=day(9), max_length=2
        )
        # Everything is on items 0 and 2 for both: the first had 0 and took 2, the second had 2.
        return float(persons.measure_each(Oracle([0, 2], 9))[0][0])

    assert reached(once) == 1.0
    assert reached(again) < 1.0
