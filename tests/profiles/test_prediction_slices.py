import numpy as np
import numpy.typing as npt
import pytest

from habitue import metrics
from habitue.profiles.person_groups import GROUPS, Known, Numbers, groups_of
from habitue.profiles.prediction_slices import (
    Predicted,
    TaskSlice,
    _weighted_auc,
    known_at,
    task_slices,
)
from habitue.profiles.samples import FEATURE_COLUMNS

Floats = npt.NDArray[np.float64]

PERSONS = 200
IS_NEW = np.arange(PERSONS) < PERSONS // 2
HAPPENED = np.arange(PERSONS) % 2 == 0


def known(events: Numbers, *, cut: int = 0) -> Known:
    return Known(
        cuts=np.full(PERSONS, cut),
        days=np.where(IS_NEW, 10.0, 300.0),
        events=events,
        platforms=np.zeros(PERSONS, dtype=np.int64),
    )


def sliced(
    truth: Floats,
    score: Floats,
    *,
    expected: Floats | None = None,
    persons: npt.NDArray[np.int64] | None = None,
    is_new: npt.NDArray[np.bool_] = IS_NEW,
    is_probability: bool = True,
) -> TaskSlice:
    predicted = Predicted(
        np.arange(len(truth)) if persons is None else persons,
        truth,
        score,
        score if expected is None else expected,
    )
    [found] = task_slices(predicted, {"new": is_new}, is_probability=is_probability)
    return found


def test_a_group_told_apart_by_chance_is_worse_than_one_told_apart_rightly() -> None:
    # Among the new, one in two at each probability; among the others the likely ones did it.
    at_random = np.where(np.arange(PERSONS) % 4 < 2, 0.3, 0.7)
    rightly = np.where(HAPPENED, 0.7, 0.3)
    found = sliced(HAPPENED.astype(float), np.where(IS_NEW, at_random, rightly))
    assert found.inside.figures["auc"] == pytest.approx(0.5)
    assert found.others.figures["auc"] == 1.0
    assert found.verdict == "worse"
    swapped = sliced(HAPPENED.astype(float), np.where(IS_NEW, rightly, at_random))
    assert swapped.verdict == "better"


def test_groups_told_apart_alike_are_alike() -> None:
    score = np.where(np.arange(PERSONS) % 4 < 2, 0.3, 0.7)
    assert sliced(HAPPENED.astype(float), score).verdict == "alike"


def test_a_group_that_is_told_too_much_is_named_and_by_how_much() -> None:
    found = sliced(HAPPENED.astype(float), np.where(IS_NEW, 0.8, 0.5))
    assert found.inside.figures["base_rate"] == 0.5
    assert found.inside.figures["predicted"] == pytest.approx(0.8)
    assert found.inside.figures["level_error"] == pytest.approx(0.3)
    assert found.level == "too_high"
    others = sliced(HAPPENED.astype(float), np.where(IS_NEW, 0.8, 0.5), is_new=~IS_NEW)
    assert others.level == "right"
    assert sliced(HAPPENED.astype(float), np.where(IS_NEW, 0.2, 0.5)).level == "too_low"


def test_amounts_are_judged_by_what_is_missed_of_each_unit_of_money() -> None:
    # The others spend ten times as much and miss by a tenth of it, the new by half of theirs.
    spent = np.where(IS_NEW, 10.0, 100.0) * np.where(HAPPENED, 0.9, 1.1)
    typical = np.where(IS_NEW, 1.5, 1.1) * spent
    found = sliced(spent, typical, expected=2 * spent, is_probability=False)
    assert found.inside.figures["mae"] == pytest.approx(5.0)
    assert found.inside.figures["relative_error"] == pytest.approx(0.5)
    assert found.others.figures["mae"] == pytest.approx(10.0)
    assert found.others.figures["relative_error"] == pytest.approx(0.1)
    assert found.verdict == "worse"
    assert found.inside.figures["total_error"] == pytest.approx(1.0)
    assert found.level == "too_high"


@pytest.mark.parametrize("is_probability", [True, False])
def test_what_a_few_persons_did_is_no_slice(is_probability: bool) -> None:
    truth, told = HAPPENED.astype(float), np.where(HAPPENED, 0.9, 0.2)
    for persons, few in (
        (np.arange(PERSONS), np.arange(PERSONS) < 9),
        (np.arange(PERSONS), np.arange(PERSONS) >= 9),
        # At however many cuts, nine persons are nine persons.
        (np.where(IS_NEW, np.arange(PERSONS) % 9, np.arange(PERSONS)), IS_NEW),
    ):
        rows = Predicted(persons, truth, told, told)
        assert task_slices(rows, {"new": few}, is_probability=is_probability) == ()


def test_a_person_is_drawn_with_all_their_cuts() -> None:
    many = 50
    truth = np.tile(HAPPENED.astype(float), many)
    score = np.full(PERSONS * many, 0.5)
    own = np.arange(PERSONS * many)
    is_new = np.tile(IS_NEW, many)
    single = sliced(truth, score, persons=own, is_new=is_new).inside.level
    whole = sliced(truth, score, persons=own % PERSONS, is_new=is_new).inside.level
    alone = sliced(HAPPENED.astype(float), np.full(PERSONS, 0.5)).inside.level
    assert single
    assert whole
    assert alone
    assert whole == pytest.approx(alone)
    assert whole[1] - whole[0] > 5 * (single[1] - single[0])


def test_where_nobody_of_a_group_did_it_there_is_no_order_to_judge() -> None:
    truth = np.where(IS_NEW, 0.0, HAPPENED)
    found = sliced(truth, np.where(HAPPENED, 0.9, 0.2))
    assert found.inside.figures["auc"] is None
    assert found.verdict is None
    assert found.level == "too_high"


def test_counting_rows_twice_is_the_auc_of_the_rows_twice() -> None:
    rng = np.random.default_rng(0)
    happened, score = rng.random(60) < 0.4, rng.integers(0, 8, 60) / 10
    times = rng.integers(0, 4, 60)
    rank = np.unique(score, return_inverse=True)[1]
    drawn = np.repeat(np.arange(60), times)
    assert _weighted_auc(happened, rank, times.astype(float)) == pytest.approx(
        metrics.auc(happened[drawn], score[drawn])
    )


def test_groups_are_those_of_the_cut() -> None:
    events = np.arange(PERSONS) % 100 + 1.0
    found = groups_of(known(events))
    assert set(found) == set(GROUPS)
    assert found["new"].sum() == 100
    assert events[found["rare"]].max() == 4
    assert events[found["heavy"]].min() == 91


def test_the_tenth_with_the_most_events_is_that_of_each_cut() -> None:
    few, many = known(np.arange(PERSONS)), known(np.arange(PERSONS) + 1000.0, cut=1)
    heavy = groups_of(Known.joined([few, many]))["heavy"]
    assert heavy[:PERSONS].sum() == heavy[PERSONS:].sum() == 20


def test_features_tell_who_belongs_where() -> None:
    features = np.full((2, len(FEATURE_COLUMNS)), np.nan, dtype=np.float32)
    for name, column in {
        "tenure_days": [3.0, 60.0],
        "events": [2.0, 50.0],
        "web_share": [0.2, np.nan],
        "app_share": [0.8, np.nan],
    }.items():
        features[:, FEATURE_COLUMNS.index(name)] = column
    found = groups_of(known_at(7, features))
    assert found["new"].tolist() == [True, False]
    assert found["rare"].tolist() == [True, False]
    assert found["platform: app"].tolist() == [True, False]
    assert not found["platform: web"].any()


def test_a_group_of_nobody_or_everybody_is_left_out() -> None:
    rows = Predicted(np.arange(4), np.ones(4), np.ones(4), np.ones(4))
    groups = {"rare": np.zeros(4, dtype=bool), "new": np.ones(4, dtype=bool)}
    assert task_slices(rows, groups, is_probability=True) == ()
