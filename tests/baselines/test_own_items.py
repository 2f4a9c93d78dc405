import numpy as np
import pytest

from habitue.baselines.own_items import COLUMNS, ItemHabits, own_items
from habitue.baselines.personal import PersonalFrequency
from habitue.schema import DAY
from tests.histories import Event, day, make_sequences, with_future

NUM = 4
TENT, PEG, LAMP = 0, 1, 2
CATEGORIES = np.array([5, 5, 1, 0])  # tents and pegs are camping
PERSONAL = PersonalFrequency(NUM, half_life_days=10, other_weight=0.5)
# Ann views a tent twice, carts it, and buys pegs; Bo bought a lamp three times.
ANN: list[Event] = [
    (0, TENT, "view_item"), (4, PEG), (6, TENT, "view_item"), (8, TENT, "add_to_cart"),
]  # fmt: skip
BO: list[Event] = [(0, LAMP), (2, LAMP), (4, LAMP)]
NOBODY: list[Event] = []


def habits(**values: float) -> ItemHabits:
    names = ("frequency", "again", "taken", "persons", "recent")
    return ItemHabits(*(np.full(NUM, values.get(name, 0.0), dtype=np.float32) for name in names))


def rows(histories: list[list[Event]], as_of: int = day(10)) -> dict[int, dict[str, float]]:
    """What is known of each pair of person and item."""
    people = make_sequences(histories)
    found = own_items(people, PERSONAL, habits(taken=0.25), CATEGORIES, as_of=as_of)
    return {
        int(pair): dict(zip(COLUMNS, row.tolist(), strict=True))
        for pair, row in zip(found.pairs, found.columns, strict=True)
    }


def test_ages_times_and_kinds_are_counted_for_each_item() -> None:
    tent = rows([ANN])[TENT]
    assert (tent["days_since"], tent["days_known"]) == pytest.approx((2, 10))
    # The last view and the cart are neighbours on one item: one moment.
    assert (tent["times"], tent["moments_since"]) == (2, 0)
    assert (tent["looks"], tent["wishes"], tent["carts"], tent["purchases"]) == (2, 0, 1, 0)
    assert (tent["look_days"], tent["cart_days"]) == pytest.approx((4, 2))
    assert np.isnan([tent["wish_days"], tent["purchase_days"]]).all()
    assert tent["usual_taken"] == 0.25


def test_what_comes_at_even_gaps_says_how_far_the_next_one_is() -> None:
    in_turn: list[Event] = [(0, LAMP), (1, PEG), (2, LAMP), (3, PEG), (4, LAMP)]
    lamp = rows([NOBODY, in_turn])[NUM + LAMP]
    assert (lamp["purchases"], lamp["times"]) == (3, 3)
    assert (lamp["gap_days"], lamp["gaps_since"]) == pytest.approx((2, 3))
    assert np.isnan(rows([ANN])[PEG]["gap_days"])


def test_a_taking_in_the_category_is_told_to_its_other_items() -> None:
    found = rows([ANN])
    assert found[TENT]["category_taken_days"] == pytest.approx(6)
    assert found[TENT]["category_items"] == 2
    assert found[TENT]["category_share"] == pytest.approx(1)
    alone = rows([[*ANN, (9, LAMP)]])[LAMP]
    assert alone["category_items"] == 1
    assert alone["category_taken_days"] == pytest.approx(1)


def test_the_most_frequent_item_has_the_first_place() -> None:
    found = rows([ANN])
    weights = {item: found[item]["frequency"] for item in (TENT, PEG)}
    assert weights[PEG] == pytest.approx(0.5**0.6, rel=1e-5)
    assert [found[item]["frequency_rank"] for item in (TENT, PEG)] == [0, 1]
    assert sum(found[item]["frequency_share"] for item in (TENT, PEG)) == pytest.approx(1)


def test_the_person_as_a_whole_is_the_same_in_all_their_rows() -> None:
    found = rows([ANN, BO])
    for item in (TENT, PEG):
        assert found[item]["person_items"] == 2
        assert found[item]["person_moments"] == 3
        assert found[item]["person_purchases"] == 1
        assert found[item]["person_days"] == pytest.approx(2)
    assert found[NUM + LAMP]["person_days"] == pytest.approx(6)


def test_nobody_and_nothing_have_no_rows() -> None:
    assert rows([]) == {}
    assert rows([NOBODY]) == {}


def test_events_from_the_moment_on_are_not_looked_at() -> None:
    people = make_sequences([ANN, BO])
    later = with_future(people, day(10), num_items=NUM)
    ours, theirs = (
        own_items(some, PERSONAL, habits(), CATEGORIES, as_of=day(10)) for some in (people, later)
    )
    assert np.array_equal(ours.pairs, theirs.pairs)
    assert np.array_equal(ours.columns, theirs.columns, equal_nan=True)


def test_what_is_usual_counts_persons_not_events() -> None:
    other: list[Event] = [(9, LAMP, "view_item")]
    people = make_sequences([ANN, BO, other, [(9, LAMP)] * 7], bots=[3])
    found = ItemHabits.of([people], PERSONAL, as_of=day(10), window=3 * DAY)
    assert found.persons.tolist() == [1, 1, 2, 0]
    assert found.recent.tolist() == [1, 0, 1, 0]
    # Five pretended persons more: two touched the lamp, one took it, who took it again.
    assert found.taken[LAMP] == pytest.approx(1 / 7)
    assert found.taken[TENT] == 0
    assert found.again[PEG] == 0
