import numpy as np
import pytest

from habitue.config import TrainingSettings
from habitue.sequences.augment import Augmentation, Substitutes, crop, reorder
from habitue.sequences.batches import Windows, collate, training_span
from habitue.sequences.sequences import Sequences, offsets_of
from habitue.sequences.vocabulary import event_type_number

NUM_ITEMS = 12


def persons(*histories: list[int]) -> Sequences:
    lengths = np.array([len(history) for history in histories])
    items = np.concatenate(histories).astype(np.int32)
    absent = np.zeros(len(items), dtype=np.int32)
    return Sequences(
        subject_ids=np.arange(len(histories)),
        offsets=offsets_of(lengths),
        timestamps=np.arange(len(items)) * 1_000_000,
        event_types=np.full(len(items), event_type_number("view_item"), dtype=np.int8),
        items=items,
        is_bot=np.zeros(len(histories), dtype=np.bool_),
        features={"gap": absent, "brand": items * 10},
    )


def substitutes(sequences: Sequences) -> Substitutes:
    span = training_span(sequences, num_items=NUM_ITEMS, valid_from=1 << 60, max_person_events=1000)
    return Substitutes.of(sequences, span, NUM_ITEMS)


def test_a_cropped_window_ends_where_it_did_and_keeps_half() -> None:
    windows = Windows(np.arange(1000) * 20, np.tile(np.arange(1, 21), 50))
    cropped = crop(windows, 0.5, np.random.default_rng(0))
    ends = windows.starts + windows.lengths
    np.testing.assert_array_equal(cropped.starts + cropped.lengths, ends)
    assert (cropped.lengths >= windows.lengths - windows.lengths // 2).all()
    is_cropped = cropped.lengths < windows.lengths
    assert not is_cropped[windows.lengths < 4].any()
    assert is_cropped[windows.lengths >= 4].mean() == pytest.approx(0.5, abs=0.06)


def test_a_reordered_window_holds_the_same_events_and_ends_with_the_same() -> None:
    windows = Windows(np.zeros(2000, np.int64), np.tile(np.arange(1, 21), 100))
    places = reorder(windows, 0.5, np.random.default_rng(0))
    np.testing.assert_array_equal(np.sort(places, axis=1), np.tile(np.arange(20), (2000, 1)))
    for row, length in zip(places, windows.lengths, strict=True):
        np.testing.assert_array_equal(row[length - 1 :], np.arange(length - 1, 20))
        moved = np.flatnonzero(row != np.arange(20))
        assert len(moved) == 0 or np.ptp(moved) < 5
    is_moved = (places != np.arange(20)).any(axis=1)[windows.lengths > 6]
    assert is_moved.mean() == pytest.approx(0.5, abs=0.06)


def test_what_is_shown_elsewhere_brings_its_features_and_leaves_moments() -> None:
    sequences = persons([1, 2, 3, 4])
    windows = Windows(np.array([0]), np.array([4]))
    places = np.array([[1, 0, 2, 3]])
    batch = collate(sequences, windows, features=("brand",), places_BT=places)
    assert batch.items_BT.tolist() == [[2, 1, 3, 4]]
    assert batch.features_BTF[0, :, 0].tolist() == [20, 10, 30, 40]
    assert batch.seconds_BT.tolist() == [[0, 1, 2, 3]]
    assert batch.index_BT.tolist() == [[0, 1, 2, 3]]


def test_a_substitute_leads_to_what_the_item_led_to() -> None:
    # 5 follows 1, 2 and 3; 9 follows 8 alone; nothing follows 5 and 9.
    walks = substitutes(persons([1, 5], [2, 5], [3, 5], [8, 9]))
    rng = np.random.default_rng(0)
    drawn = walks.draw(np.full(3000, 1), rng)
    assert set(drawn.tolist()) == {1, 2, 3}
    assert np.bincount(drawn)[1:4].min() > 850
    others = np.array([8, 5, 9, 0, NUM_ITEMS + 5])
    assert walks.draw(others, rng).tolist() == others.tolist()


def test_nothing_follows_across_persons() -> None:
    walks = substitutes(persons([1, 5], [7, 5], [7, 2]))
    drawn = walks.draw(np.full(500, 5), np.random.default_rng(0))
    assert set(drawn.tolist()) == {5}


def test_without_settings_nothing_is_changed() -> None:
    sequences = persons([1, 2, 3, 4, 5])
    span = training_span(sequences, num_items=NUM_ITEMS, valid_from=1 << 60, max_person_events=99)
    none = Augmentation.of(sequences, span, NUM_ITEMS, TrainingSettings())
    windows, rng = Windows(np.array([0]), np.array([5])), np.random.default_rng(0)
    assert none.windows(windows, rng) is windows
    assert none.places(windows, rng) is None
    items = np.array([[1, 2]])
    assert none.items(items, rng) is items
    # What every place is asked for must not be shown before it.
    whole = TrainingSettings(samples="all", reorder=1)
    assert Augmentation.of(sequences, span, NUM_ITEMS, whole).places(windows, rng) is None
