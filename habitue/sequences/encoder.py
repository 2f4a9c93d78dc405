"""A person's events as numbers: the one encoder, for whole logs and for single persons.

In: rows as `EventLog.read_bucket` returns them, the catalogue, a vocabulary. Out: `Sequences`.
Each event's numbers depend on this event and on earlier ones of the same person, never on later
ones: an event's own dwell lies in its future, so the dwell of the event before stands here.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from habitue.compute import Progress
from habitue.events.log import EventLog
from habitue.schema import DAY, EVENT_TYPE, HOUR, PLATFORM, SECOND
from habitue.sequences.content import CONTENT_FEATURES, TEXT_FEATURES
from habitue.sequences.sequences import (
    IntArray,
    Sequences,
    SequenceSet,
    SequenceWriter,
    open_sequences,
)
from habitue.sequences.vocabulary import (
    NUM_DWELL_BINS,
    NUM_GAP_BINS,
    Vocabulary,
    catalogue_rows,
)

SAME_MOMENT: int = 1
_FIRST_OF_LOG2 = 2
_NO_NUMBER = -1


def encode(frame: pl.DataFrame, items: pl.DataFrame, vocabulary: Vocabulary) -> Sequences:
    """Return the events of `frame` as numbers, one person a run of equal subject_id.

    `frame` is sorted as `EventLog.read_bucket` sorts it and `items` by item_number. An item that
    is absent or not in the vocabulary still counts as an event, and what is known of its
    category, brand, price and name is kept.
    """
    subjects = frame["subject_id"].to_numpy()
    is_first = np.ones(len(subjects), dtype=np.bool_)
    is_first[1:] = subjects[1:] != subjects[:-1]
    starts = np.flatnonzero(is_first)
    timestamps = frame["timestamp"].to_numpy()
    item_index, content = _items_and_content(frame, items, vocabulary)
    features = {
        name: np.ascontiguousarray(content[:, n]) for n, name in enumerate(CONTENT_FEATURES)
    }
    features["platform"] = _enum_numbers(frame["platform"].cast(PLATFORM))
    features["gap"] = _gaps(timestamps, is_first)
    features["dwell"] = _previous_dwells(frame["dwell_seconds"], is_first)
    features["hour"] = (timestamps // HOUR % 24 + 1).astype(np.int32)
    # 1970-01-01 was a Thursday, day 4 of a week that begins on Monday.
    features["weekday"] = ((timestamps // DAY + 3) % 7 + 1).astype(np.int32)
    is_bot = frame["is_bot"].fill_null(False).to_numpy()
    return Sequences(
        subject_ids=subjects[starts].astype(np.int64),
        offsets=np.append(starts, len(subjects)).astype(np.int64),
        timestamps=timestamps.astype(np.int64),
        event_types=_enum_numbers(frame["event_type"].cast(EVENT_TYPE)).astype(np.int8),
        items=item_index,
        is_bot=np.logical_or.reduceat(is_bot, starts) if len(starts) else is_bot,
        features=features,
    )


def write_sequences(
    log: EventLog,
    vocabulary: Vocabulary,
    *,
    folder: Path,
    progress: Progress,
    as_of: int | None = None,
) -> SequenceSet:
    """Encode a log bucket by bucket into `folder` and return it memory-mapped.

    With `as_of`, only what was known then is read.
    """
    items = log.items(as_of=as_of)
    progress.start("Encoding", log.num_buckets, "buckets")
    with SequenceWriter(folder) as writer:
        for bucket in range(log.num_buckets):
            writer.append(encode(log.read_bucket(bucket, as_of=as_of), items, vocabulary))
            progress.advance()
    progress.finish()
    return open_sequences(folder)


def gap_bins(gaps: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the bins of pauses given in microseconds, from 1.

    1: the same moment; then one bin a doubling: below 2 seconds, below 4, …, two years and more.
    """
    seconds = np.maximum(gaps / SECOND, 1.0)
    bins = _FIRST_OF_LOG2 + np.floor(np.log2(seconds)).astype(np.int64)
    return np.where(gaps <= 0, SAME_MOMENT, np.minimum(bins, NUM_GAP_BINS - 1))


def _gaps(timestamps: IntArray, is_first: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    bins = np.zeros(len(timestamps), dtype=np.int64)
    bins[1:] = gap_bins(np.diff(timestamps))
    return np.where(is_first, 0, bins).astype(np.int32)


def _previous_dwells(dwell: pl.Series, is_first: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    seconds = dwell.cast(pl.Float64).fill_null(-1).fill_nan(-1).to_numpy()
    bins = np.zeros(len(seconds), dtype=np.int64)
    bins[1:] = np.where(
        seconds[:-1] < 0, 0, 1 + np.floor(np.log2(1 + np.maximum(seconds[:-1], 0)))
    ).astype(np.int64)
    return np.where(is_first, 0, np.minimum(bins, NUM_DWELL_BINS - 1)).astype(np.int32)


def _enum_numbers(column: pl.Series) -> npt.NDArray[np.int32]:
    """Return positions in the enumeration plus 1; 0 for null."""
    return (column.to_physical().cast(pl.Int32) + 1).fill_null(0).to_numpy()


def _items_and_content(
    frame: pl.DataFrame, items: pl.DataFrame, vocabulary: Vocabulary
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Return each event's item index [E] and content features [E, len(CONTENT_FEATURES)]."""
    numbers = frame["item_number"].cast(pl.Int64).fill_null(_NO_NUMBER).to_numpy()
    # Each distinct item is looked up once, whatever the size of the catalogue.
    distinct, position = np.unique(numbers, return_inverse=True)
    index, table = _distinct_items(distinct, items, vocabulary)
    content = table[position]
    price = vocabulary.content.of_prices(frame["price"])
    price_column = CONTENT_FEATURES.index("price")
    content[:, price_column] = np.where(price > 0, price, content[:, price_column])
    typed = frame["search_query"].is_not_null().to_numpy() & (numbers == _NO_NUMBER)
    if typed.any():
        words = vocabulary.content.of_texts(frame["search_query"].filter(pl.Series(typed)))
        first = CONTENT_FEATURES.index(TEXT_FEATURES[0])
        content[typed, first : first + len(TEXT_FEATURES)] = words
    return index[position], content


def _distinct_items(
    numbers: IntArray, items: pl.DataFrame, vocabulary: Vocabulary
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    rows, found = catalogue_rows(numbers, items)
    index = vocabulary.index_of_item_numbers(numbers, items)
    content = np.zeros((len(numbers), len(CONTENT_FEATURES)), dtype=np.int32)
    # A known item keeps what was known of it at the cut, whatever the catalogue says today.
    known = (index > 0) & (index <= vocabulary.num_items)
    content[known] = vocabulary.item_content[index[known]]
    unknown = found & ~known
    if unknown.any():
        catalogue = items[rows[unknown]]
        content[unknown] = vocabulary.content.of_items(catalogue)
    return index, content
