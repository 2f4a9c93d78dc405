from pathlib import Path

import numpy as np
import polars as pl
import pytest

from habitue.compute import Silent
from habitue.config import TrainingSettings
from habitue.events.log import EventLog
from habitue.schema import DAY
from habitue.sequences.sequences import Sequences, concatenate
from habitue.sequences.timelines import histories, timelines, write_buckets
from habitue.sequences.vocabulary import Vocabulary, build_vocabulary
from tests.late_log import LateLog, arriving, with_burst
from tests.shop import make_shop

SHOP = make_shop(num_persons=30, days=90)
CUT = SHOP.start_at + 60 * DAY


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    settings = TrainingSettings(min_item_count=1)
    return build_vocabulary(LateLog(SHOP), as_of=CUT, settings=settings, progress=Silent())


def whole(log: EventLog, vocabulary: Vocabulary, until: int | None = None) -> Sequences:
    parts = timelines(log, vocabulary, as_of=CUT, until=until, progress=Silent())
    return concatenate(list(parts))


def past(log: EventLog, vocabulary: Vocabulary) -> Sequences:
    return concatenate(list(histories(log, vocabulary, as_of=CUT, progress=Silent())))


def assert_alike(one: Sequences, other: Sequences) -> None:
    assert one.subject_ids.tolist() == other.subject_ids.tolist()
    assert one.offsets.tolist() == other.offsets.tolist()
    assert one.timestamps.tolist() == other.timestamps.tolist()
    assert one.items.tolist() == other.items.tolist()
    assert one.is_bot.tolist() == other.is_bot.tolist()
    for name, column in one.features.items():
        assert column.tolist() == other.features[name].tolist(), name


def test_a_timeline_is_all_that_anybody_did(vocabulary: Vocabulary) -> None:
    found = whole(LateLog(SHOP), vocabulary)
    for position, subject in enumerate(found.subject_ids.tolist()):
        own = SHOP.events.filter(pl.col("subject_id") == subject)["timestamp"].to_list()
        assert found.slice(position, position + 1).timestamps.tolist() == own


def test_the_past_of_a_timeline_is_the_history(vocabulary: Vocabulary) -> None:
    log = LateLog(SHOP)
    known = whole(log, vocabulary).before(CUT)
    has_past = np.flatnonzero(known.lengths > 0)
    assert_alike(known.take(has_past), past(log, vocabulary))


def test_who_comes_later_has_a_timeline_without_a_past(vocabulary: Vocabulary) -> None:
    seven = pl.col("subject_id") == 7
    shop = SHOP.events.filter(~seven | (pl.col("timestamp") >= CUT))
    log = LateLog(type(SHOP)(shop, SHOP.items, {}, {}, SHOP.start_at, SHOP.end_at))
    found = whole(log, vocabulary)
    position = found.subject_ids.tolist().index(7)
    assert found.before(CUT).lengths[position] == 0
    assert found.lengths[position] > 0
    assert 7 not in past(log, vocabulary).subject_ids


def test_late_arrivals_are_neither_past_nor_future(vocabulary: Vocabulary) -> None:
    late = (pl.col("timestamp") >= CUT - 9 * DAY) & (pl.col("timestamp") < CUT)
    log = LateLog(arriving(SHOP, CUT + DAY, which=late))
    without = LateLog(
        type(SHOP)(SHOP.events.filter(~late), SHOP.items, {}, {}, SHOP.start_at, SHOP.end_at)
    )
    assert_alike(whole(log, vocabulary), whole(without, vocabulary))


def test_a_later_burst_makes_nobody_a_bot_before(vocabulary: Vocabulary) -> None:
    after = LateLog(with_burst(SHOP, 3, CUT + DAY, count=50), events_per_day=40)
    before = LateLog(with_burst(SHOP, 3, CUT - DAY, count=50), events_per_day=40)
    assert not whole(after, vocabulary).is_bot.any()
    found = whole(before, vocabulary)
    assert found.subject_ids[found.is_bot].tolist() == [3]


def test_what_came_is_read_as_it_was_known_in_the_end(vocabulary: Vocabulary) -> None:
    until = CUT + 10 * DAY
    late = pl.col("timestamp").is_between(CUT, until)
    log = LateLog(arriving(SHOP, until + DAY, which=late))
    assert whole(log, vocabulary, until).timestamps.max() < CUT
    assert whole(log, vocabulary).timestamps.max() > until


def test_buckets_lie_on_disk_as_they_came(vocabulary: Vocabulary, tmp_path: Path) -> None:
    buckets = list(timelines(LateLog(SHOP), vocabulary, as_of=CUT, progress=Silent()))
    written = write_buckets(buckets, tmp_path)
    assert written.num_buckets == len(buckets)
    assert_alike(written.bucket(2), buckets[2])
