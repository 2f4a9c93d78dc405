from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from habitue.baselines.popularity import Popularity
from tests.histories import day, make_sequences, with_future


def test_counts_distinct_persons_of_the_last_seven_days() -> None:
    sequences = make_sequences(
        [[(2, 0), (25, 1), (25.5, 1), (26, 1)], [(24, 1), (29, 2)], [(22.5, 0)], [(23, 2)]]
    )
    fitted = Popularity.fit([sequences], num_items=4, as_of=day(30))
    assert fitted.recent_persons.tolist() == [0, 2, 2, 0]


def test_batches_do_not_matter() -> None:
    sequences = make_sequences([[(1, 0), (2, 1)], [(2, 1)], [(3, 2)]])
    one = Popularity.fit([sequences], num_items=3, as_of=day(5))
    two = Popularity.fit([sequences.slice(0, 1), sequences.slice(1, 3)], num_items=3, as_of=day(5))
    assert np.array_equal(one.distribution, two.distribution)


def test_neither_a_bot_nor_one_busy_account_lifts_an_item() -> None:
    bot = [(1 + n / 1000, 0) for n in range(500)]
    addict = [(1 + n / 1000, 1) for n in range(500)]
    sequences = make_sequences([bot, addict, [(1, 2)], [(2, 2)]], bots=[0])
    scores = Popularity.fit([sequences], num_items=3, as_of=day(5)).distribution
    assert scores.argmax() == 2
    assert scores[0] == 0


def test_an_empty_week_falls_back_to_the_whole_log_newer_first() -> None:
    sequences = make_sequences([[(1, 0)], [(2, 0)], [(80, 1)], [(81, 1)]])
    scores = Popularity.fit([sequences], num_items=3, as_of=day(100)).distribution
    assert scores[1] > scores[0] > scores[2] == 0
    assert scores.sum() == pytest.approx(1)


def test_an_item_of_this_week_beats_a_hundred_of_last_month() -> None:
    old = [[(10.0, 0)] for _ in range(100)]
    sequences = make_sequences([*old, [(99, 1)], [(99, 1)], [(99, 1)]])
    scores = Popularity.fit([sequences], num_items=2, as_of=day(100)).distribution
    assert scores[1] > scores[0]


def test_only_target_events_count() -> None:
    sequences = make_sequences([[(1, 0, "view_item")], [(1, 1)]])
    assert Popularity.fit([sequences], num_items=2, as_of=day(2)).distribution.tolist() == [0, 1]


def test_it_knows_how_many_persons_ever_took_or_touched_an_item(tmp_path: Path) -> None:
    sequences = make_sequences(
        [[(1, 0), (2, 0), (90, 1, "view_item")], [(2, 0)], [(3, 1), (4, 1, "view_item")]]
    )
    fitted = Popularity.fit([sequences], num_items=3, as_of=day(100))
    fitted.save(tmp_path)
    for one in (fitted, Popularity.load(tmp_path)):
        assert one.taken_by(2).tolist() == [True, False, False]
        assert one.touched_by(2).tolist() == [True, True, False]
        assert one.taken_by(0).all()


def test_an_older_version_shows_only_what_enough_persons_took_lately(tmp_path: Path) -> None:
    fitted = Popularity.fit([make_sequences([[(1, 0)], [(99, 1)]])], num_items=2, as_of=day(100))
    replace(fitted, takers=None, touchers=None).save(tmp_path)
    assert Popularity.load(tmp_path).taken_by(1).tolist() == [False, True]


def test_future_events_change_nothing() -> None:
    sequences = make_sequences([[(1, 0), (3, 1)], [(2, 1)], [(2, 2)]])
    before = Popularity.fit([sequences], num_items=3, as_of=day(4))
    future = with_future(sequences, day(4), num_items=3)
    after = Popularity.fit([future], num_items=3, as_of=day(4))
    assert np.array_equal(before.distribution, after.distribution)


def test_an_empty_log_scores_nothing() -> None:
    sequences = make_sequences([[], []])
    scores = Popularity.fit([sequences], num_items=3, as_of=day(4)).scores(sequences, as_of=day(4))
    assert scores.shape == (2, 3)
    assert scores.sum() == 0


def test_saved_and_loaded_is_the_same(tmp_path: Path) -> None:
    sequences = make_sequences([[(1, 0), (3, 1)], [(2, 1)]])
    fitted = Popularity.fit([sequences], num_items=3, as_of=day(4), window_days=3)
    fitted.save(tmp_path)
    loaded = Popularity.load(tmp_path)
    assert loaded.window_days == 3
    assert np.array_equal(loaded.distribution, fitted.distribution)
