"""Documents of other stages, as they are and as they should not be."""

import math

import pytest

from habitue.report.documents import (
    Advice,
    Alert,
    Document,
    Evaluation,
    Option,
    Prediction,
    Profile,
    as_interval,
    as_number,
)
from tests.report.sample import evaluation_document, profile_document


@pytest.mark.parametrize("entry", [None, "7", True, math.nan, math.inf, [1], {}])
def test_what_is_no_finite_number_is_none(entry: object) -> None:
    assert as_number(entry) is None


def test_interval_is_read_from_a_pair_or_from_low_and_high() -> None:
    assert as_interval([1, 2]) == (1, 2)
    assert as_interval({"mean": 1.5, "low": 1, "high": 2}) == (1, 2)
    assert as_interval([1, math.nan]) is None
    assert as_interval("1-2") is None


def test_moment_is_read_from_iso_or_microseconds() -> None:
    document = Document({"iso": "1970-01-02T00:00:00Z", "us": 5, "bad": "soon", "flag": True})
    assert document.moment("iso") == 86_400_000_000
    assert document.moment("us") == 5
    assert document.moment("bad") is None
    assert document.moment("flag") is None


def test_evaluation_keeps_every_contender_with_its_intervals() -> None:
    evaluation = Evaluation.from_json(evaluation_document())
    assert [task.task for task in evaluation.tasks] == [
        "purchase_7d", "churn_90d", "value_90d", "next_category", "next_event",
    ]  # fmt: skip
    first = evaluation.tasks[0]
    assert [scores.name for scores in first.baselines] == [
        "base_rate", "recency", "rfm_logistic", "rfm_boosted",
    ]  # fmt: skip
    assert first.gain == (0.011, 0.037)
    assert evaluation.recommendation is not None
    assert evaluation.recommendation.ours.intervals["hit_rate@10"] == (0.391, 0.433)


def test_task_without_metrics_is_told_with_its_reason() -> None:
    evaluation = Evaluation.from_json(evaluation_document())
    assert evaluation.skipped == {
        "value_365d": "the log ends less than 365 days after the cut; the outcome is not known yet"
    }


def test_tasks_that_were_passed_over_are_told_with_their_reason() -> None:
    evaluation = Evaluation.from_json({"tasks": {}, "skipped": {"churn_90d": "nobody left"}})
    assert evaluation.skipped == {"churn_90d": "nobody left"}


def test_reliability_is_read_as_rows_or_as_columns() -> None:
    columns = {"predicted": [0.1, 0.5], "observed": [0.2, 0.6], "count": [3, 4]}
    rows = [
        {"predicted": 0.1, "observed": 0.2, "n": 3},
        {"predicted": 0.5, "observed": 0.6, "n": 4},
    ]
    read = [
        Evaluation.from_json({"tasks": {"t": {"metrics": {"auc": 0.7}, "reliability": shape}}})
        for shape in (columns, rows)
    ]
    assert read[0] == read[1]
    assert [point.n for point in read[0].tasks[0].reliability] == [3, 4]


def test_gain_counts_only_over_a_simple_method() -> None:
    part = {"metrics": {"auc": 0.7}, "difference": {"interval": [0.1, 0.2]}}
    tasks = {"a": {**part, "best_baseline": "recency"}, "b": {**part, "best_baseline": "network"}}
    read = Evaluation.from_json({"tasks": tasks}).tasks
    assert [task.gain for task in read] == [(0.1, 0.2), None]


def test_empty_documents_are_read_as_nothing() -> None:
    assert Evaluation.from_json({}) == Evaluation([], None)
    profile = Profile.from_json({})
    assert (profile.user_id, profile.tags, profile.predictions) == ("", [], [])
    assert Alert.from_json({"user_id": "7"}) == Alert("7", None, None, [])


def test_profile_keeps_facts_that_can_be_shown() -> None:
    document = profile_document("u1", "champion", 0.5)
    facts = {"orders": 3, "revenue": math.nan, "platforms": ["web"], "monetary": None, "x": "y"}
    assert Profile.from_json({**document, "facts": facts}).facts == {"orders": 3, "x": "y"}


def test_amount_is_the_mean_where_both_are_given() -> None:
    assert Prediction.from_json("value", {"value": 0.0, "expected": 31.5}).value == 31.5
    assert Prediction.from_json("value", {"value": 4.0}).value == 4.0


def test_options_come_likeliest_first_without_the_hopeless() -> None:
    answers = [
        {"name": "b", "probability": 0.7, "base_rate": 0.2},
        {"name": "a", "probability": 0.1},
        {"name": "c", "probability": None},
        {"name": "d", "probability": 0.001},
    ]
    prediction = Prediction.from_json("next", {"answers": answers, "probability": 0.7})
    assert prediction.options == [Option("b", 0.7, 0.2), Option("a", 0.1, None)]
    assert not prediction.is_foregone


def test_what_can_only_come_next_is_foregone() -> None:
    answers = [{"name": "purchase", "probability": 0.999, "base_rate": 1.0}]
    assert Prediction.from_json("next_event", {"answers": answers}).is_foregone
    assert not Prediction.from_json("next_event", {"answers": []}).is_foregone


def test_reasons_are_texts_or_objects_with_a_text() -> None:
    reasons = ["quiet", {"text": "fewer orders", "effect": 0.2}, {"name": "recency_days"}]
    alert = Alert.from_json({"user_id": "u", "reasons": reasons})
    assert alert.reasons == ["quiet", "fewer orders", "recency_days"]


def test_item_without_a_name_goes_by_its_id() -> None:
    assert Advice.from_json({"item_id": "P1", "name": None}).name == "P1"
