from pathlib import Path

import numpy as np
import pytest

from habitue.baselines import cooccurrence
from habitue.baselines.cooccurrence import CoOccurrence, CoOccurrenceSettings
from habitue.sequences.sequences import Sequences
from tests.histories import Event, day, make_sequences, with_future

PLAIN = CoOccurrenceSettings(shrinkage=0, damping=0)


def checkerboard(num_persons: int = 40, num_items: int = 12) -> Sequences:
    """Even persons take even items, odd persons odd ones, each in an order of their own."""
    rng = np.random.default_rng(0)
    histories: list[list[Event]] = []
    for person in range(num_persons):
        columns = rng.permutation(np.arange(person % 2, num_items, 2))[:4]
        histories.append([(float(step), int(column)) for step, column in enumerate(columns)])
    return make_sequences(histories)


def test_a_checkerboard_is_completed_on_its_own_colour() -> None:
    sequences = checkerboard()
    fitted = CoOccurrence.fit([sequences], num_items=12, as_of=day(10))
    scores = fitted.scores(sequences, as_of=day(10))
    for person in range(len(sequences)):
        assert scores[person, person % 2 :: 2].sum() == pytest.approx(1, abs=1e-5)
        assert scores[person, 1 - person % 2 :: 2].sum() == 0


def test_later_moments_follow_earlier_ones_and_not_the_other_way_round() -> None:
    fitted = CoOccurrence.fit([make_sequences([[(1, 0), (2, 1)]])], num_items=2, as_of=day(9))
    assert fitted.matrix.toarray()[0, 1] > 0
    assert fitted.matrix.toarray()[1, 0] == 0


def test_items_of_one_basket_go_both_ways() -> None:
    fitted = CoOccurrence.fit([make_sequences([[(1, 0), (1, 1)]])], num_items=2, as_of=day(9))
    assert fitted.matrix.toarray()[0, 1] == pytest.approx(fitted.matrix.toarray()[1, 0])
    assert fitted.matrix.toarray()[0, 1] > 0


def test_each_step_further_ahead_counts_the_decay_less() -> None:
    history = make_sequences([[(1, 0), (2, 1), (3, 2), (4, 3)]])
    row = CoOccurrence.fit([history], num_items=4, as_of=day(9), settings=PLAIN).matrix.toarray()[0]
    assert row[2] / row[1] == pytest.approx(0.7)
    assert row[3] / row[1] == pytest.approx(0.49)


def test_a_view_and_the_purchase_after_it_are_one_moment() -> None:
    history = make_sequences([[(1, 0, "view_item"), (1.1, 0), (2, 1)]])
    weights = CoOccurrence.fit([history], num_items=2, as_of=day(9)).history_weights(
        history, as_of=day(9)
    )
    assert weights.toarray()[0] == pytest.approx([2 * 0.7, 1])


def test_popular_items_are_damped() -> None:
    # Everyone buys item 0; who buys 1 also buys 2.
    everyone: list[list[Event]] = [[(1, n % 20 + 3), (2, 0)] for n in range(100)]
    pairs: list[list[Event]] = [[(1, 1), (1, 2), (2, 0)] for _ in range(10)]
    strong = CoOccurrenceSettings(damping=0.5)
    fitted = CoOccurrence.fit(
        [make_sequences(everyone + pairs)], num_items=23, as_of=day(9), settings=strong
    )
    assert fitted.similar(1, 1)[0].tolist() == [2]


def test_one_busy_person_does_not_outvote_ten() -> None:
    busy: list[Event] = [(float(n), n % 2) for n in range(60)]
    ten: list[list[Event]] = [[(1, 0), (2, 2)] for _ in range(20)]
    fitted = CoOccurrence.fit([make_sequences([busy, *ten])], num_items=3, as_of=day(90))
    assert fitted.similar(0, 1)[0].tolist() == [2]


def test_bots_are_left_out() -> None:
    fitted = CoOccurrence.fit(
        [make_sequences([[(1, 0), (2, 1)], [(1, 0), (2, 2)]], bots=[0])], num_items=3, as_of=day(9)
    )
    assert fitted.similar(0)[0].tolist() == [2]


def test_old_pairs_fade_when_asked_to() -> None:
    old: list[list[Event]] = [[(1, 0), (2, 1)] for _ in range(3)]
    new: list[list[Event]] = [[(99, 0), (99.5, 2)] for _ in range(2)]
    sequences = make_sequences(old + new)
    fading = CoOccurrenceSettings(half_life_days=10)
    plain = CoOccurrence.fit([sequences], num_items=3, as_of=day(100))
    faded = CoOccurrence.fit([sequences], num_items=3, as_of=day(100), settings=fading)
    assert plain.similar(0, 1)[0].tolist() == [1]
    assert faded.similar(0, 1)[0].tolist() == [2]


def test_rows_keep_their_strongest_entries() -> None:
    histories: list[list[Event]] = [
        [(1, 0), (2, other)] for other in range(1, 8) for _ in range(other)
    ]
    narrow = CoOccurrenceSettings(row_entries=3, shrinkage=0, damping=0)
    fitted = CoOccurrence.fit(
        [make_sequences(histories)], num_items=8, as_of=day(9), settings=narrow
    )
    assert fitted.similar(0)[0].tolist() == [7, 6, 5]


def test_an_item_never_goes_with_itself() -> None:
    fitted = CoOccurrence.fit(
        [make_sequences([[(1, 0), (2, 0), (3, 1), (4, 0)]])], num_items=2, as_of=day(9)
    )
    assert fitted.matrix.diagonal().tolist() == [0, 0]


def test_blocks_and_batches_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    sequences = checkerboard()
    whole = CoOccurrence.fit([sequences], num_items=12, as_of=day(10))
    monkeypatch.setattr(cooccurrence, "_BLOCK_PAIRS", 20)
    parts = [sequences.slice(0, 7), sequences.slice(7, 40)]
    pieces = CoOccurrence.fit(parts, num_items=12, as_of=day(10))
    assert np.allclose(whole.matrix.toarray(), pieces.matrix.toarray(), rtol=1e-5)


def test_a_huge_log_is_sampled_by_person_and_stays_within_bounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cooccurrence, "_MAX_EVENTS", 60)
    monkeypatch.setattr(cooccurrence, "_MAX_EVENTS_OF_ITEM", 1)
    monkeypatch.setattr(cooccurrence, "_MAX_PAIRS", 30)
    sequences = checkerboard()
    fitted = CoOccurrence.fit(
        [sequences.slice(0, 20), sequences.slice(20, 40)], num_items=12, as_of=day(10)
    )
    monkeypatch.undo()
    whole = CoOccurrence.fit([sequences], num_items=12, as_of=day(10)).matrix
    assert 0 < fitted.matrix.nnz < whole.nnz
    scores = fitted.scores(sequences, as_of=day(10))
    assert all(scores[p, 1 - p % 2 :: 2].sum() == 0 for p in range(len(sequences)))


def test_the_same_persons_are_drawn_however_batches_are_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cooccurrence, "_MAX_EVENTS", 60)
    monkeypatch.setattr(cooccurrence, "_MAX_EVENTS_OF_ITEM", 1)
    sequences = checkerboard()
    pieces = [sequences.slice(start, start + 4) for start in range(0, 40, 4)]
    whole, cut = (
        CoOccurrence.fit(batches, num_items=12, as_of=day(10)).matrix.toarray()
        for batches in ([sequences], pieces)
    )
    assert np.allclose(whole, cut)


def test_a_large_catalogue_is_counted_from_more_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cooccurrence, "_MAX_EVENTS", 60)
    monkeypatch.setattr(cooccurrence, "_MAX_EVENTS_OF_ITEM", 5)
    sequences = checkerboard()
    sampled, full = (
        CoOccurrence.fit([sequences], num_items=num_items, as_of=day(10)).matrix
        for num_items in (12, sequences.num_events)
    )
    assert sequences.num_events > 60
    assert sampled.sum() < full.sum()


def test_an_empty_log_knows_nothing() -> None:
    sequences = make_sequences([[], [(1, 0)]])
    fitted = CoOccurrence.fit([], num_items=3, as_of=day(9))
    assert fitted.scores(sequences, as_of=day(9)).sum() == 0
    assert len(fitted.similar(0)[0]) == 0


def test_support_reads_single_entries() -> None:
    fitted = CoOccurrence.fit([checkerboard()], num_items=12, as_of=day(10))
    full = fitted.matrix.toarray()
    rows, columns = np.divmod(np.arange(144), 12)
    assert fitted.support(rows, columns).tolist() == full[rows, columns].tolist()


def test_future_events_change_neither_matrix_nor_scores() -> None:
    sequences = checkerboard()
    future = with_future(sequences, day(10), num_items=12)
    before = CoOccurrence.fit([sequences], num_items=12, as_of=day(10))
    after = CoOccurrence.fit([future], num_items=12, as_of=day(10))
    assert np.array_equal(before.matrix.toarray(), after.matrix.toarray())
    assert np.array_equal(
        before.scores(sequences, as_of=day(10)), after.scores(future, as_of=day(10))
    )


def test_saved_and_loaded_is_the_same(tmp_path: Path) -> None:
    settings = CoOccurrenceSettings(step_decay=0.5)
    fitted = CoOccurrence.fit([checkerboard()], num_items=12, as_of=day(10), settings=settings)
    fitted.save(tmp_path)
    loaded = CoOccurrence.load(tmp_path)
    assert loaded.settings == settings
    assert np.array_equal(loaded.matrix.toarray(), fitted.matrix.toarray())
