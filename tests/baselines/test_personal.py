from pathlib import Path

import numpy as np
import pytest

from habitue.baselines.personal import PersonalFrequency
from habitue.schema import DAY, POSITIVE_EVENT_TYPES
from tests.histories import Event, day, make_sequences, with_future


def test_scores_are_decayed_shares_of_the_persons_own_items() -> None:
    sequences = make_sequences([[(0, 0), (10, 1), (20, 1)], [(20, 2)], []])
    scores = PersonalFrequency(4, half_life_days=10).scores(sequences, as_of=day(20) + 1)
    assert scores[0] == pytest.approx([0.25 / 1.75, 1.5 / 1.75, 0, 0], abs=1e-6)
    assert scores[1] == pytest.approx([0, 0, 1, 0])
    assert scores[2].sum() == 0


def test_a_view_weighs_less_than_a_purchase() -> None:
    sequences = make_sequences([[(1, 0, "view_item"), (1, 1), (1, 2, "remove_from_cart")]])
    scores = PersonalFrequency(3, other_weight=0.25).scores(sequences, as_of=day(2))
    assert scores[0] == pytest.approx([0.2, 0.8, 0])


def test_someone_long_gone_still_gets_their_own_order() -> None:
    sequences = make_sequences([[(0, 1), (1, 0), (2, 0)]])
    scores = PersonalFrequency(2, half_life_days=1).scores(sequences, as_of=day(2000))
    assert scores[0, 0] > scores[0, 1] > 0
    assert scores[0].sum() == pytest.approx(1)


def loyal_shop(switch_day: float) -> list[list[Event]]:
    """Persons who take one item daily, and from `switch_day` on another one."""
    return [
        [(float(n), person if n < switch_day else person + 60) for n in range(100)]
        for person in range(60)
    ]


def test_a_short_half_life_is_chosen_where_tastes_change() -> None:
    # Ten days of the new item against eighty of the old one.
    sequences = make_sequences(loyal_shop(switch_day=80))
    chosen = PersonalFrequency.fit([sequences], num_items=120, as_of=day(100), window=10 * DAY)
    assert chosen.half_life_days <= 14


def test_a_long_half_life_is_chosen_where_tastes_last() -> None:
    rng = np.random.default_rng(0)
    histories: list[list[Event]] = []
    for _ in range(60):
        favourites = rng.permutation(60)[:20]
        share = 1 / np.arange(1, 21)
        drawn = rng.choice(favourites, size=200, p=share / share.sum())
        histories.append([(n / 2, int(column)) for n, column in enumerate(drawn)])
    chosen = PersonalFrequency.fit(
        [make_sequences(histories)], num_items=60, as_of=day(100), window=10 * DAY
    )
    assert chosen.half_life_days >= 30


def test_views_count_where_they_tell_what_is_bought() -> None:
    # Each day one item is viewed, and bought on the day after; never the same again.
    viewed: list[list[Event]] = [
        [event for n in range(1, 40) for event in ((float(n), n - 1), (n + 0.5, n, "view_item"))]
        for _ in range(40)
    ]
    chosen = PersonalFrequency.fit(
        [make_sequences(viewed)], num_items=50, as_of=day(30), window=round(0.3 * DAY)
    )
    assert chosen.other_weight > 0


def test_a_given_half_life_is_kept() -> None:
    sequences = make_sequences(loyal_shop(switch_day=80))
    chosen = PersonalFrequency.fit(
        [sequences], num_items=120, as_of=day(100), window=10 * DAY, half_life_days=99
    )
    assert chosen.half_life_days == 99


def test_too_few_persons_leave_the_defaults() -> None:
    for batches in ([], [make_sequences([[(1, 0), (2, 0)]])]):
        chosen = PersonalFrequency.fit(batches, num_items=3, as_of=day(3), window=DAY)
        assert chosen == PersonalFrequency(3)


def test_future_events_change_neither_choice_nor_scores() -> None:
    sequences = make_sequences(loyal_shop(switch_day=80))
    future = with_future(sequences, day(90), num_items=120)

    def fit(batch: object) -> PersonalFrequency:
        return PersonalFrequency.fit(
            [batch],  # type: ignore[list-item]
            num_items=120,
            as_of=day(90),
            window=10 * DAY,
        )

    assert fit(sequences) == fit(future)
    before = fit(sequences).scores(sequences, as_of=day(90))
    assert np.array_equal(before, fit(future).scores(future, as_of=day(90)))


def test_saved_and_loaded_is_the_same(tmp_path: Path) -> None:
    fitted = PersonalFrequency(7, POSITIVE_EVENT_TYPES, 3.5, 0.3)
    fitted.save(tmp_path)
    assert PersonalFrequency.load(tmp_path) == fitted
