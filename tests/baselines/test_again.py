from pathlib import Path

import numpy as np
import pytest

from habitue.baselines.again import Again
from habitue.baselines.personal import PersonalFrequency
from habitue.metrics import top_k
from habitue.schema import DAY
from habitue.sequences.sequences import Sequences
from tests.histories import Event, day, make_sequences, with_future

NUM = 40
CATEGORIES = np.zeros(NUM, dtype=np.int64)
CUT = day(12)
PERSONAL = PersonalFrequency(NUM, half_life_days=4, other_weight=1.0)


def cart_shop(num: int = 40) -> Sequences:
    """Who puts an item in the cart buys it the next day, and looks at other items in between."""
    rng = np.random.default_rng(0)
    histories: list[list[Event]] = []
    for _ in range(num):
        events: list[Event] = []
        for n in range(14):
            item, *looks = rng.permutation(NUM)[:5].tolist()
            events += [(n + 0.4, item, "add_to_cart"), (n + 1.3, item)]
            events += [(n + 0.5 + 0.1 * k, look, "view_item") for k, look in enumerate(looks)]
        histories.append(sorted(events))
    return make_sequences(histories)


def fit(people: Sequences, cut: int = CUT) -> Again:
    found = Again.fit([people], PERSONAL, categories=CATEGORIES, as_of=cut, window=DAY)
    assert found is not None
    return found


BOUGHT, CARTED, LOOKED = 3, 9, 21
SHOPPER = make_sequences(
    [[(10.4, BOUGHT, "add_to_cart"), (11.3, BOUGHT), (11.4, CARTED, "add_to_cart"),
      (11.6, LOOKED, "view_item"), (11.7, BOUGHT, "view_item")]]
)  # fmt: skip


def test_what_is_in_the_cart_comes_before_what_was_bought_already() -> None:
    scores = fit(cart_shop()).scores(SHOPPER, as_of=CUT)
    assert top_k(scores, 1)[0, 0] == CARTED
    assert scores[0, CARTED] > 2 * max(scores[0, BOUGHT], scores[0, LOOKED])
    assert top_k(PERSONAL.scores(SHOPPER, as_of=CUT), 1)[0, 0] == BOUGHT


def test_only_own_items_are_offered_and_rows_sum_to_one() -> None:
    people = make_sequences([[(11, 1), (11.5, 2, "view_item")], []])
    scores = fit(cart_shop()).scores(people, as_of=CUT)
    assert scores.sum(axis=1) == pytest.approx([1, 0])
    assert np.flatnonzero(scores[0]).tolist() == [1, 2]


def test_nobody_gets_no_row() -> None:
    assert fit(cart_shop()).scores(make_sequences([]), as_of=CUT).shape == (0, NUM)


def test_too_few_takings_teach_nothing() -> None:
    few = cart_shop(2)
    assert Again.fit([few], PERSONAL, categories=CATEGORIES, as_of=CUT, window=DAY) is None
    assert Again.fit([], PERSONAL, categories=CATEGORIES, as_of=CUT, window=DAY) is None


def test_a_log_shorter_than_two_windows_teaches_nothing() -> None:
    whole = Again.fit([cart_shop()], PERSONAL, categories=CATEGORIES, as_of=CUT, window=7 * DAY)
    assert whole is None


def test_bots_teach_nothing() -> None:
    people = cart_shop()
    bots = Sequences(**{**vars(people), "is_bot": np.ones(len(people), dtype=bool)})
    assert Again.fit([bots], PERSONAL, categories=CATEGORIES, as_of=CUT, window=DAY) is None


def test_future_events_change_neither_lessons_nor_scores() -> None:
    people = cart_shop()
    future = with_future(people, CUT, num_items=NUM)
    before, after = fit(people), fit(future)
    assert before.trees.text == after.trees.text
    assert np.array_equal(before.scores(people, as_of=CUT), after.scores(future, as_of=CUT))


def test_how_people_are_cut_into_batches_does_not_matter() -> None:
    people = cart_shop()
    pieces = [people.slice(0, 13), people.slice(13, 13), people.slice(13, len(people))]
    cut = Again.fit(pieces, PERSONAL, categories=CATEGORIES, as_of=CUT, window=DAY)
    assert cut is not None
    assert cut.trees.text == fit(people).trees.text


def test_saved_and_loaded_is_the_same(tmp_path: Path) -> None:
    assert Again.load(tmp_path) is None
    fitted = fit(cart_shop())
    fitted.save(tmp_path)
    loaded = Again.load(tmp_path)
    assert loaded is not None
    assert loaded.personal == PERSONAL
    asked = cart_shop(5)
    ours, theirs = (one.scores(asked, as_of=CUT) for one in (fitted, loaded))
    assert np.array_equal(ours, theirs)
