from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from habitue.errors import Failed
from habitue.profiles.next_evaluation import (
    NextTruth,
    collect_next,
    evaluate_next,
    next_measures,
)
from habitue.profiles.next_model import UNKNOWN_CLASS
from habitue.schema import DAY, Task
from tests.late_log import LateLog, arriving, with_burst
from tests.shop import MemoryLog, make_shop

CATEGORY = Task("next_category", "next", target="category", active_days=60)
EVENT = Task("next_event", "next", target="event_type", active_days=60)
SHOP = make_shop(num_persons=200, days=120)
CUT = SHOP.start_at + 80 * DAY


@pytest.fixture(scope="module")
def truth() -> NextTruth:
    return collect_next(MemoryLog(SHOP), CATEGORY, as_of=CUT, until=SHOP.end_at)


def test_classes_are_top_levels_seen_before(truth: NextTruth) -> None:
    assert truth.classes == ("home", "outdoor", "toys")
    assert (truth.labels >= 0).all()
    assert len(truth.labels) == len(truth.subject_ids) == len(truth.buckets)


def test_rivals_give_probabilities(truth: NextTruth) -> None:
    assert set(truth.baselines) == {"popularity", "personal", "recent", "last"}
    for rival in truth.baselines.values():
        assert rival.shape == (len(truth.labels), 3)
        assert rival.sum(axis=1) == pytest.approx(1)
        assert (rival > 0).all()


def test_own_habits_beat_what_everyone_does(truth: NextTruth) -> None:
    measured = evaluate_next(truth, None).baselines
    assert measured["personal"]["accuracy"] > measured["popularity"]["accuracy"] + 0.1
    assert measured["personal"]["log_loss"] < measured["popularity"]["log_loss"]


def test_perfect_probabilities_are_perfect(truth: NextTruth) -> None:
    perfect = np.eye(3)[truth.labels]
    measured = evaluate_next(truth, perfect).metrics
    assert measured["accuracy"] == measured["mrr"] == 1
    assert measured["log_loss"] == pytest.approx(0, abs=1e-9)


def test_rivals_read_nothing_at_or_after_the_cut(truth: NextTruth) -> None:
    turned = SHOP.events.with_columns(
        item_number=pl.when(pl.col("timestamp") >= CUT).then(0).otherwise("item_number")
    ).cast({"item_number": pl.Int32})
    log = MemoryLog(replace(SHOP, events=turned))
    other = collect_next(log, CATEGORY, as_of=CUT, until=SHOP.end_at)
    for name, rival in truth.baselines.items():
        assert np.array_equal(rival, other.baselines[name])


def test_the_next_event_types_of_the_caller_are_used() -> None:
    truth = collect_next(
        MemoryLog(SHOP), EVENT, as_of=CUT, until=SHOP.end_at, classes=("purchase",)
    )
    assert set(truth.labels.tolist()) <= {0, UNKNOWN_CLASS}
    assert (truth.labels == UNKNOWN_CLASS).any()


def test_ties_rank_the_truth_last() -> None:
    measured = next_measures(np.array([0, 1]), np.full((2, 4), 0.25))
    assert measured["accuracy"] == 0
    assert measured["hit_rate@3"] == 0
    assert measured["mrr"] == 0.25


def test_a_class_nobody_knew_is_a_miss() -> None:
    measured = next_measures(np.array([UNKNOWN_CLASS]), np.array([[0.6, 0.4]]))
    assert measured["accuracy"] == 0
    assert measured["mrr"] == 0
    assert measured["log_loss"] > 10


def test_a_class_that_is_never_an_answer_stands_in_no_others_way_and_is_a_miss() -> None:
    said = np.array([[0.3, 0.1, 0.6], [0.3, 0.1, 0.6]])
    measured = next_measures(np.array([0, 2]), said, hidden=2)
    assert (measured["accuracy"], measured["mrr"]) == (0.5, 0.5)
    assert measured["log_loss"] == pytest.approx(-np.log([0.3, 0.6]).mean())


def test_nobody_has_no_measures() -> None:
    assert next_measures(np.empty(0, np.int64), np.empty((0, 3))) == {}


def test_probabilities_of_another_shape_are_refused(truth: NextTruth) -> None:
    with pytest.raises(Failed, match=r"Probabilities have the shape \(1, 2\), the truth"):
        evaluate_next(truth, np.zeros((1, 2)))


def test_probabilities_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(Failed, match=r"not numbers \(NaN\)"):
        next_measures(np.array([0]), np.array([[np.nan, 1.0]]))


def test_who_turns_out_to_be_a_bot_is_judged_all_the_same(truth: NextTruth) -> None:
    subject = int(truth.subject_ids[0])
    shop = with_burst(SHOP, subject, SHOP.end_at - DAY, count=80)
    found = collect_next(LateLog(shop, events_per_day=60), CATEGORY, as_of=CUT, until=SHOP.end_at)
    assert found.subject_ids.tolist() == truth.subject_ids.tolist()


def test_rivals_do_not_know_what_arrived_after_the_cut() -> None:
    late = pl.col("timestamp").is_between(CUT - 20 * DAY, CUT - 1)
    log = LateLog(arriving(SHOP, CUT + DAY, which=late))
    without = LateLog(replace(SHOP, events=SHOP.events.filter(~late)))
    one, other = (
        collect_next(each, CATEGORY, as_of=CUT, until=SHOP.end_at) for each in (log, without)
    )
    assert one.subject_ids.tolist() == other.subject_ids.tolist()
    for name, rival in one.baselines.items():
        assert np.array_equal(rival, other.baselines[name])
