from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from habitue.compute import Silent
from habitue.config import TrainingSettings
from habitue.schema import DAY, HOUR, MINUTE, SECOND, parse_time
from habitue.sequences.content import TEXT_FEATURES, word_buckets
from habitue.sequences.encoder import encode, gap_bins, write_sequences
from habitue.sequences.sequences import Sequences, concatenate
from habitue.sequences.vocabulary import FEATURES, NUM_GAP_BINS, Vocabulary, build_vocabulary
from tests.shop import MemoryLog, make_shop

SHOP = make_shop(num_persons=30, days=100)
LOG = MemoryLog(SHOP)
CUT = SHOP.start_at + 70 * DAY
EVENTS = SHOP.events.sort("subject_id", "timestamp", "received_at", "event_key")


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return build_vocabulary(LOG, as_of=CUT, settings=TrainingSettings(), progress=Silent())


def assert_same(left: Sequences, right: Sequences) -> None:
    assert left.subject_ids.tolist() == right.subject_ids.tolist()
    for name in ("offsets", "timestamps", "event_types", "items", "is_bot"):
        assert getattr(left, name).tolist() == getattr(right, name).tolist(), name
    for name in FEATURES:
        assert left.features[name].tolist() == right.features[name].tolist(), name


def person(events: pl.DataFrame, number: int) -> pl.DataFrame:
    return events.filter(pl.col("subject_id") == number)


def test_every_event_becomes_one_number_in_its_own_order(vocabulary: Vocabulary) -> None:
    sequences = encode(EVENTS, SHOP.items, vocabulary)
    assert sequences.num_events == EVENTS.height
    ids = EVENTS.join(SHOP.items, on="item_number", how="left", maintain_order="left")["item_id"]
    assert sequences.items.tolist() == [vocabulary.index_of(item) for item in ids]
    assert sequences.timestamps.tolist() == EVENTS["timestamp"].to_list()
    assert sequences.subject_ids.tolist() == sorted(EVENTS["subject_id"].unique().to_list())


def test_features_stay_within_their_sizes(vocabulary: Vocabulary) -> None:
    sequences = encode(EVENTS, SHOP.items, vocabulary)
    assert tuple(sequences.features) == FEATURES
    for name, column in sequences.features.items():
        assert column.dtype == np.int32
        assert 0 <= column.min() <= column.max() < vocabulary.feature_sizes[name], name


def test_one_person_alone_is_encoded_as_in_the_batch(vocabulary: Vocabulary) -> None:
    everyone = encode(EVENTS, SHOP.items, vocabulary)
    for row, subject in enumerate(everyone.subject_ids[:10]):
        alone = encode(person(EVENTS, int(subject)), SHOP.items, vocabulary)
        assert_same(alone, everyone.take([row]))


def test_later_events_change_no_earlier_number(vocabulary: Vocabulary) -> None:
    """Event by event, as a live shop sees them, and derived columns as they were then."""
    whole = encode(EVENTS, SHOP.items, vocabulary)
    for as_of in (CUT - 20 * DAY, CUT - 7 * HOUR, CUT):
        then = EVENTS.filter(pl.col("timestamp") < as_of)
        is_last = pl.col("subject_id") != pl.col("subject_id").shift(-1)
        # What follows is not there yet, so the last event's dwell is unknown.
        then = then.with_columns(
            dwell_seconds=pl.when(is_last.fill_null(True)).then(None).otherwise("dwell_seconds")
        )
        early = whole.before(as_of)
        present = np.flatnonzero(early.lengths > 0)
        assert_same(encode(then, SHOP.items, vocabulary), early.take(present))


def test_an_unknown_item_keeps_its_content(vocabulary: Vocabulary) -> None:
    items = SHOP.items.with_columns(item_id=pl.format("X{}", "item_number"))
    known = encode(EVENTS, SHOP.items, vocabulary)
    unknown = encode(EVENTS, items, vocabulary)
    assert (unknown.items > vocabulary.num_items).all()
    for name in ("category_1", "category_2", "brand", "price", *TEXT_FEATURES):
        assert unknown.features[name].tolist() == known.features[name].tolist()


def test_an_event_without_an_item_counts(vocabulary: Vocabulary) -> None:
    none = EVENTS.with_columns(
        item_number=pl.lit(None, dtype=pl.Int32), price=pl.lit(None, dtype=pl.Float64)
    )
    sequences = encode(none, SHOP.items, vocabulary)
    assert sequences.num_events == EVENTS.height
    assert not sequences.items.any()
    assert not sequences.features["category_1"].any()
    assert not sequences.features["price"].any()


def test_a_catalogue_change_after_the_cut_moves_no_known_item(vocabulary: Vocabulary) -> None:
    renamed = SHOP.items.with_columns(category=pl.lit("all/new"), name=pl.lit("renamed"))
    past = EVENTS.filter(pl.col("timestamp") < CUT)
    assert_same(encode(past, renamed, vocabulary), encode(past, SHOP.items, vocabulary))


def test_words_of_a_search_are_read(vocabulary: Vocabulary) -> None:
    one = person(EVENTS, 0)[:2].with_columns(
        item_number=pl.Series([None, 3], dtype=pl.Int32), search_query=pl.lit("Blue tent")
    )
    sequences = encode(one, SHOP.items, vocabulary)
    words = [tuple(sequences.features[name][n] for name in TEXT_FEATURES) for n in (0, 1)]
    assert words[0] == word_buckets("blue tent")
    name = SHOP.items.filter(pl.col("item_number") == 3)["name"][0]
    assert words[1] == word_buckets(name)  # an event about an item is about its name


def test_the_price_paid_counts_before_the_catalogue(vocabulary: Vocabulary) -> None:
    dear = person(EVENTS, 0).with_columns(price=pl.lit(1e5))
    found = encode(dear, SHOP.items, vocabulary).features["price"]
    assert set(found.tolist()) == {vocabulary.feature_sizes["price"] - 1}


def test_the_dwell_is_that_of_the_event_before(vocabulary: Vocabulary) -> None:
    one = person(EVENTS, 0)[:3].with_columns(
        dwell_seconds=pl.Series([1.0, None, 3.0], dtype=pl.Float32)
    )
    assert encode(one, SHOP.items, vocabulary).features["dwell"].tolist() == [0, 2, 0]


def test_hours_and_weekdays_are_those_of_the_calendar(vocabulary: Vocabulary) -> None:
    at = parse_time("2024-01-06T23:10:00")  # a Saturday
    one = person(EVENTS, 0)[:1].with_columns(timestamp=pl.lit(at))
    features = encode(one, SHOP.items, vocabulary).features
    assert (features["hour"][0], features["weekday"][0]) == (24, 6)


def test_pauses_double_from_bin_to_bin() -> None:
    pauses = np.array([-SECOND, 0, 1, SECOND, 2 * SECOND, 4 * SECOND, MINUTE, DAY, 10_000 * DAY])
    assert gap_bins(pauses).tolist() == [1, 1, 2, 2, 3, 4, 7, 18, NUM_GAP_BINS - 1]


def test_a_bot_is_a_bot_in_all_its_events(vocabulary: Vocabulary) -> None:
    flagged = EVENTS.with_columns(
        is_bot=(pl.col("subject_id") == 2) & (pl.int_range(pl.len()).over("subject_id") == 1)
    )
    sequences = encode(flagged, SHOP.items, vocabulary)
    assert sequences.subject_ids[sequences.is_bot].tolist() == [2]


def test_nobody_encodes_to_nobody(vocabulary: Vocabulary) -> None:
    sequences = encode(EVENTS[:0], SHOP.items, vocabulary)
    assert (len(sequences), sequences.num_events) == (0, 0)


def test_a_log_on_disk_is_its_buckets_encoded(tmp_path: Path, vocabulary: Vocabulary) -> None:
    written = write_sequences(LOG, vocabulary, folder=tmp_path, progress=Silent(), as_of=CUT)
    frames = [LOG.read_bucket(bucket, as_of=CUT) for bucket in range(LOG.num_buckets)]
    parts = [encode(frame, SHOP.items, vocabulary) for frame in frames]
    assert_same(written.everyone, concatenate(parts))
    for bucket, part in enumerate(parts):
        assert_same(written.bucket(bucket), part)


def test_an_empty_bucket_is_no_trouble(tmp_path: Path, vocabulary: Vocabulary) -> None:
    even = replace(SHOP, events=EVENTS.filter(pl.col("subject_id") % 2 == 0))
    written = write_sequences(MemoryLog(even), vocabulary, folder=tmp_path, progress=Silent())
    assert len(written.bucket(1)) == 0
    assert written.everyone.num_events == even.events.height
