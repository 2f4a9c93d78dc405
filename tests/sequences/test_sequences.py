from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from habitue.errors import NotReady
from habitue.sequences.sequences import (
    Sequences,
    SequenceWriter,
    concatenate,
    joined_ranges,
    open_sequences,
)


def make(lengths: list[int], first_subject: int = 0) -> Sequences:
    """Persons whose events are numbered 0, 1, 2 … throughout, one a second."""
    total = sum(lengths)
    return Sequences(
        subject_ids=np.arange(first_subject, first_subject + len(lengths), dtype=np.int64),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        timestamps=np.concatenate([np.zeros(0), *(np.arange(n) for n in lengths)]).astype(np.int64),
        event_types=np.ones(total, dtype=np.int8),
        items=np.arange(total, dtype=np.int32),
        is_bot=np.zeros(len(lengths), dtype=np.bool_),
        features={"hour": np.arange(total, dtype=np.int32)},
    )


def items_of(sequences: Sequences) -> list[list[int]]:
    bounds = zip(sequences.offsets[:-1], sequences.offsets[1:], strict=True)
    return [sequences.items[start:stop].tolist() for start, stop in bounds]


def same(left: Sequences, right: Sequences) -> bool:
    return (
        items_of(left) == items_of(right)
        and left.subject_ids.tolist() == right.subject_ids.tolist()
        and left.is_bot.tolist() == right.is_bot.tolist()
        and left.timestamps.tolist() == right.timestamps.tolist()
        and left.event_types.tolist() == right.event_types.tolist()
        and {n: c.tolist() for n, c in left.features.items()}
        == {n: c.tolist() for n, c in right.features.items()}
    )


def test_take_picks_persons_in_the_order_asked() -> None:
    taken = make([2, 0, 3]).take([2, 0, 1])
    assert items_of(taken) == [[2, 3, 4], [0, 1], []]
    assert taken.subject_ids.tolist() == [2, 0, 1]
    assert taken.features["hour"].tolist() == [2, 3, 4, 0, 1]


def test_slice_is_a_view_of_neighbouring_persons() -> None:
    everyone = make([2, 1, 3])
    part = everyone.slice(1, 3)
    assert items_of(part) == [[2], [3, 4, 5]]
    assert np.shares_memory(part.items, everyone.items)


def test_before_drops_the_moment_itself_and_keeps_the_persons() -> None:
    cut = make([2, 1, 4]).before(1)
    assert items_of(cut) == [[0], [2], [3]]
    assert items_of(make([2, 1]).before(0)) == [[], []]


def test_last_keeps_the_newest_events() -> None:
    assert items_of(make([2, 0, 4]).last(2)) == [[0, 1], [], [4, 5]]


def test_concatenate_joins_persons() -> None:
    joined = concatenate([make([2, 1]), make([3], first_subject=9)])
    assert items_of(joined) == [[0, 1], [2], [0, 1, 2]]
    assert joined.subject_ids.tolist() == [0, 1, 9]


def test_joined_ranges_skip_empty_runs() -> None:
    assert joined_ranges(np.array([5, 0, 2]), np.array([2, 0, 3])).tolist() == [5, 6, 2, 3, 4]


@pytest.mark.parametrize("lengths", [[2, 0, 3], [0, 0], []])
def test_saved_sequences_come_back_equal(tmp_path: Path, lengths: list[int]) -> None:
    sequences = make(lengths)
    sequences.save(tmp_path)
    for mmap in (True, False):
        if mmap and sequences.num_events == 0:
            continue
        assert same(open_sequences(tmp_path, mmap=mmap).everyone, sequences)


def test_an_empty_log_can_be_mapped(tmp_path: Path) -> None:
    make([]).save(tmp_path)
    assert len(open_sequences(tmp_path).everyone) == 0


def test_opened_sequences_are_mapped_and_read_only(tmp_path: Path) -> None:
    make([2, 3]).save(tmp_path)
    everyone = open_sequences(tmp_path).everyone
    with pytest.raises(ValueError, match="read-only"):
        everyone.items[0] = 7


def test_buckets_written_one_by_one_are_found_again(tmp_path: Path) -> None:
    parts = [make([2, 1]), make([]), make([4], first_subject=5)]
    with SequenceWriter(tmp_path) as writer:
        for part in parts:
            writer.append(part)
    opened = open_sequences(tmp_path)
    assert opened.num_buckets == 3
    for number, part in enumerate(parts):
        assert same(opened.bucket(number), part)
    assert same(opened.everyone, concatenate(parts))


def test_unfinished_sequences_are_not_ready(tmp_path: Path) -> None:
    make([2]).save(tmp_path)
    with suppress(ZeroDivisionError), SequenceWriter(tmp_path) as writer:
        writer.append(make([2]))
        raise ZeroDivisionError
    with pytest.raises(NotReady, match=r"holds no encoded sequences\. Run `habitue train`"):
        open_sequences(tmp_path)
