from dataclasses import replace

import numpy as np
import pytest

from habitue.schema import SECOND
from habitue.sequences import batches
from habitue.sequences.batches import (
    NEW_VISIT_GAP,
    NO_TARGET,
    TrainingSpan,
    Windows,
    collate,
    epoch_windows,
    last_windows,
    per_person,
    prefix_windows,
    shuffled_batches,
    sorted_batches,
    training_span,
)
from habitue.sequences.repeating import is_target
from habitue.sequences.sequences import Sequences, joined_ranges
from habitue.sequences.vocabulary import event_type_number

VIEW, SEARCH = event_type_number("view_item"), event_type_number("search")
NUM_ITEMS = 10


def make(lengths: list[int], **columns: object) -> Sequences:
    """Persons who view item 1, 2, 3 … one a second, in one visit each, unless columns say else."""
    total = sum(lengths)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    within = np.concatenate([np.arange(n) for n in lengths]).astype(np.int64)
    gap = np.where(within == 0, 0, 2)
    return Sequences(
        subject_ids=np.arange(len(lengths), dtype=np.int64),
        offsets=offsets,
        timestamps=within * 1_000_000,
        event_types=np.array(columns.get("event_types", [VIEW] * total), dtype=np.int8),
        items=np.array(columns.get("items", within % NUM_ITEMS + 1), dtype=np.int32),
        is_bot=np.array(columns.get("is_bot", [False] * len(lengths)), dtype=np.bool_),
        features={"gap": np.array(columns.get("gap", gap), dtype=np.int32)},
    )


def span_of(sequences: Sequences, *, valid_from: int = 10**12, most: int = 1000) -> TrainingSpan:
    return training_span(
        sequences, num_items=NUM_ITEMS, valid_from=valid_from, max_person_events=most
    )


def test_targets_are_wanted_known_items() -> None:
    sequences = make([4], items=[1, 11, 0, 10], event_types=[VIEW, VIEW, VIEW, SEARCH])
    assert is_target(sequences, NUM_ITEMS).tolist() == [True, False, False, False]


def test_every_event_that_a_target_follows_ends_a_window() -> None:
    sequences = make([5, 1, 3], items=[1, 0, 3, 4, 11, 6, 7, 8, 9])
    windows = prefix_windows(span_of(sequences), max_length=3)
    # The window, and the target: 3 after [0], 3 after [0, 1], 4 after [0, 1, 2] and so on.
    assert windows.starts.tolist() == [0, 0, 0, 6, 6]
    assert windows.lengths.tolist() == [1, 2, 3, 1, 2]
    longer = prefix_windows(span_of(make([6])), max_length=3)
    assert longer.starts.tolist() == [0, 0, 0, 1, 2]
    assert longer.lengths.tolist() == [1, 2, 3, 3, 3]


def test_batches_of_windows_hold_so_many_and_each_once() -> None:
    windows = Windows(np.arange(100), np.random.default_rng(0).integers(1, 9, 100))
    dealt = list(shuffled_batches(windows, batch_windows=16, rng=np.random.default_rng(1)))
    assert sorted(len(batch.starts) for batch in dealt) == [4, *[16] * 6]
    assert sorted(np.concatenate([batch.starts for batch in dealt])) == list(range(100))
    assert max(np.ptp(batch.lengths) for batch in dealt) <= 3


def test_the_next_target_skips_what_nobody_wants() -> None:
    sequences = make([5], items=[1, 0, 11, 4, 5])
    span = span_of(sequences)
    assert span.next_targets(np.arange(5)).tolist() == [3, 3, 3, 4, NO_TARGET]


def test_the_next_target_is_never_another_persons() -> None:
    span = span_of(make([2, 3], items=[1, 0, 3, 4, 5]))
    assert span.next_targets(np.array([0, 1])).tolist() == [NO_TARGET, NO_TARGET]


def test_a_later_target_stands_so_many_events_further_on_and_is_the_same_persons() -> None:
    span = span_of(make([5, 3], items=[1, 2, 0, 4, 5, 6, 7, 8]))
    every = np.arange(8)
    assert span.further_targets(every, np.zeros(8, dtype=np.int64)).tolist() == (
        span.next_targets(every).tolist()
    )
    assert span.further_targets(every, np.ones(8, dtype=np.int64)).tolist() == (
        [3, 3, 4, NO_TARGET, NO_TARGET, 7, NO_TARGET, NO_TARGET]
    )
    cut = span_of(make([6]), valid_from=4_000_000)
    assert cut.further_targets(np.array([1, 2]), np.ones(2, dtype=np.int64)).tolist() == (
        [3, NO_TARGET]
    )


def test_nothing_from_the_cut_on_is_learnt_from() -> None:
    span = span_of(make([6, 6]), valid_from=4_000_000)
    assert np.concatenate(list(span.events())).tolist() == [0, 1, 2, 3, 6, 7, 8, 9]
    assert span.next_targets(np.array([2, 3])).tolist() == [3, NO_TARGET]
    rng = np.random.default_rng(0)
    visits = span_of(make([6], gap=[0, 2, 2, 2, NEW_VISIT_GAP, 2]), valid_from=4_000_000)
    assert visits.next_visit_targets(np.arange(4), rng).tolist() == [NO_TARGET] * 4


def test_a_log_looked_at_in_blocks_is_the_same_log(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(0, 9, 40)
    sequences = make(lengths.tolist(), items=rng.integers(0, 15, lengths.sum()).tolist())
    whole = span_of(sequences)
    monkeypatch.setattr(batches, "_BLOCK_EVENTS", 3)
    parts = span_of(sequences)
    assert parts.nearest_target.tolist() == whole.nearest_target.tolist()
    blocks = list(parts.events())
    assert len(blocks) > 20
    assert np.concatenate(blocks).tolist() == np.concatenate(list(whole.events())).tolist()


def test_events_are_counted_by_person_also_where_there_are_none() -> None:
    sequences = make([2, 0, 3, 0])
    chosen = np.array([True, False, True, True, False])
    assert per_person(chosen, sequences).tolist() == [1, 0, 2, 0]
    assert per_person(np.zeros(0, dtype=np.bool_), make([0, 0])).tolist() == [0, 0]


def test_bots_and_single_events_are_left_out_and_the_busy_are_cut() -> None:
    span = span_of(make([5, 1, 6], is_bot=[True, False, False]), most=3)
    assert np.concatenate(list(span.events())).tolist() == [9, 10, 11]


def test_a_target_of_the_next_visit_is_any_of_it() -> None:
    gap = [0, 2, NEW_VISIT_GAP, 2, 2, NEW_VISIT_GAP, 0, 2]
    span = span_of(make([6, 2], gap=gap))
    rng = np.random.default_rng(0)
    drawn = np.stack([span.next_visit_targets(np.arange(8), rng) for _ in range(50)])
    assert [set(column) for column in drawn.T.tolist()] == [
        {2, 3, 4},
        {2, 3, 4},
        {5},
        {5},
        {5},
        {NO_TARGET},
        {NO_TARGET},
        {NO_TARGET},
    ]


def test_windows_of_an_epoch_hold_every_event_but_each_last_one_once() -> None:
    lengths = [2, 3, 49, 50, 51, 52, 173]
    span = span_of(make(lengths))
    last = set((np.cumsum(lengths) - 1).tolist())
    plans = set()
    for seed in range(5):
        windows = epoch_windows(span, max_length=50, rng=np.random.default_rng(seed))
        events = joined_ranges(windows.starts, windows.lengths)
        assert sorted(events.tolist()) == [n for n in range(sum(lengths)) if n not in last]
        assert windows.lengths.min() >= 1
        assert windows.lengths.max() <= 50
        plans.add(tuple(windows.starts.tolist()))
    assert len(plans) > 1


def test_who_fits_into_a_window_is_not_cut() -> None:
    windows = epoch_windows(span_of(make([51])), max_length=50, rng=np.random.default_rng(3))
    assert (windows.starts.tolist(), windows.lengths.tolist()) == ([0], [50])


def test_last_windows_are_the_newest_events() -> None:
    windows = last_windows(make([3, 60]), max_length=50)
    assert (windows.starts.tolist(), windows.lengths.tolist()) == ([0, 13], [3, 50])


def test_batches_hold_each_window_once_and_stay_within_bounds() -> None:
    rng = np.random.default_rng(0)
    windows = Windows(np.arange(500), rng.integers(1, 51, 500))
    seen: list[int] = []
    padding = 0
    for batch in shuffled_batches(windows, batch_events=400, rng=rng):
        positions = len(batch.starts) * int(batch.lengths.max())
        assert positions <= 400
        padding += positions - int(batch.lengths.sum())
        seen += batch.starts.tolist()
    assert sorted(seen) == list(range(500))
    assert padding < 0.1 * windows.lengths.sum()


def test_the_same_seed_deals_the_same_batches() -> None:
    windows = Windows(np.arange(100), np.full(100, 7))
    deals = [
        [
            b.starts.tolist()
            for b in shuffled_batches(windows, batch_events=70, rng=np.random.default_rng(seed))
        ]
        for seed in (1, 1, 2)
    ]
    assert deals[0] == deals[1] != deals[2]


def test_sorted_batches_leave_out_the_empty() -> None:
    windows = Windows(np.zeros(4, np.int64), np.array([3, 0, 1, 9]))
    rows = [part.tolist() for part in sorted_batches(windows, batch_events=6)]
    assert rows == [[2, 0], [3]]


def test_a_batch_is_padded_with_zeros_on_the_right() -> None:
    batch = collate(make([3, 1]), Windows(np.array([1, 3]), np.array([2, 1])), features=("gap",))
    assert batch.items_BT.tolist() == [[2, 3], [1, 0]]
    assert batch.event_types_BT.tolist() == [[VIEW, VIEW], [VIEW, 0]]
    assert batch.features_BTF.tolist() == [[[2], [2]], [[0], [0]]]
    assert batch.seconds_BT.tolist() == [[0, 1], [0, 0]]
    assert batch.is_event_BT.tolist() == [[True, True], [True, False]]


@pytest.mark.parametrize("start", [0, 1, 2])
def test_pauses_do_not_depend_on_where_a_window_begins(start: int) -> None:
    sequences = make([5])
    sequences.timestamps[:] = np.array([0.0, 0.7, 1.4, 2.1, 9.9]) * 1e6
    batch = collate(sequences, Windows(np.array([start]), np.array([5 - start])), features=())
    assert int(batch.seconds_BT[0, -1] - batch.seconds_BT[0, -2]) == 7


def test_a_later_target_is_any_wanted_one_of_the_time_after_and_of_nothing_else() -> None:
    at = np.array([0, 1, 3, 8, 20, 2, 3]) * SECOND  # two persons
    items = [1, 2, 11, 4, 5, 6, 7]  # 11 is not known
    sequences = replace(make([5, 2], items=items), timestamps=at)
    span, rng = span_of(sequences), np.random.default_rng(0)

    def drawn(index: int) -> set[int]:
        asked = np.full(200, index)
        found = span.later_targets(asked, rng, timestamps=at, within=10 * SECOND)
        return set(found.tolist())

    assert drawn(0) == {1, 3}
    assert drawn(1) == {3}
    assert drawn(3) == {NO_TARGET}  # the next one comes after 12 seconds
    assert drawn(4) == {NO_TARGET}  # what follows is another person's
    assert drawn(5) == {6}


def test_a_later_target_never_lies_beyond_the_span() -> None:
    sequences = make([8])
    span = span_of(sequences, valid_from=5 * SECOND)
    asked, rng = np.tile(np.arange(5), 200), np.random.default_rng(0)
    found = span.later_targets(asked, rng, timestamps=sequences.timestamps, within=100 * SECOND)
    assert (found[asked < 4] > asked[asked < 4]).all()
    assert set(found[asked == 0].tolist()) == {1, 2, 3, 4}
    assert set(found[asked == 4].tolist()) == {NO_TARGET}
