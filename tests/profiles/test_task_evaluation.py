from dataclasses import replace

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from habitue import metrics
from habitue.profiles.predictions import fit_tasks
from habitue.profiles.task_evaluation import (
    AMOUNT_METRICS,
    CHANCE_METRICS,
    TaskEvaluation,
    amount_measures,
    evaluate_tasks,
    headline_metric,
)
from habitue.profiles.task_model import TaskModel
from habitue.profiles.tasks import ResolvedTask
from habitue.schema import DAY, Task
from tests.late_log import LateLog, arriving, with_burst
from tests.shop import MemoryLog, make_shop

SHOP = make_shop(num_persons=180, days=240)
UNTIL = SHOP.start_at + 200 * DAY
TASKS = [
    ResolvedTask(Task("churn", "no_event", horizon_days=30, active_days=60), "ok"),
    ResolvedTask(Task("value", "sum", horizon_days=30, active_days=60), "ok"),
]


@pytest.fixture(scope="module")
def models() -> dict[str, TaskModel]:
    return dict(fit_tasks(MemoryLog(SHOP), TASKS, train_until=UNTIL).models)


@pytest.fixture(scope="module")
def results(models: dict[str, TaskModel]) -> dict[str, TaskEvaluation]:
    return evaluate_tasks(MemoryLog(SHOP), models, cuts=[UNTIL])


def test_a_probability_has_all_its_measures(results: dict[str, TaskEvaluation]) -> None:
    churn = results["churn"]
    assert churn.status == "ok"
    assert set(churn.metrics) == set(CHANCE_METRICS)
    assert set(churn.baselines) == {
        "base_rate", "recency", "rfm_logistic", "rfm_boosted", "bg_nbd",
    }  # fmt: skip
    assert all(set(measures) == set(CHANCE_METRICS) for measures in churn.baselines.values())
    assert churn.metrics["auc"] > 0.7
    assert churn.baselines["base_rate"]["auc"] == 0.5


def test_an_amount_has_all_its_measures(results: dict[str, TaskEvaluation]) -> None:
    value = results["value"]
    assert set(value.metrics) == set(AMOUNT_METRICS)
    assert set(value.baselines) == {
        "mean", "recent_spend", "rfm_linear", "rfm_boosted", "bg_nbd_gamma_gamma",
    }  # fmt: skip
    assert value.metrics["mae"] < value.baselines["mean"]["mae"]


def test_rivals_of_an_amount_are_judged_by_a_total_they_mean(
    models: dict[str, TaskModel], results: dict[str, TaskEvaluation]
) -> None:
    rivals = models["value"].amount_baselines
    assert rivals is not None
    assert rivals.linear_smear > 1.2
    told = 1 + results["value"].baselines["rfm_linear"]["total_error"]
    plain = replace(models["value"], amount_baselines=replace(rivals, linear_smear=1.0))
    unsmeared = evaluate_tasks(MemoryLog(SHOP), {"value": plain}, cuts=[UNTIL])["value"]
    assert told == pytest.approx(
        rivals.linear_smear * (1 + unsmeared.baselines["rfm_linear"]["total_error"])
    )
    assert (
        unsmeared.baselines["rfm_linear"]["mae"] == results["value"].baselines["rfm_linear"]["mae"]
    )


def test_bg_nbd_tells_who_stays_away_and_what_comes_in(results: dict[str, TaskEvaluation]) -> None:
    assert results["churn"].baselines["bg_nbd"]["auc"] > 0.65
    assert results["churn"].baselines["bg_nbd"]["ece"] < 0.15
    value = results["value"].baselines
    assert abs(value["bg_nbd_gamma_gamma"]["total_error"]) < 0.3
    assert value["bg_nbd_gamma_gamma"]["gini"] > 0.2


def test_bg_nbd_stands_beside_questions_about_purchases_alone() -> None:
    asked = [
        Task("visit", "event", event="any", horizon_days=14, active_days=60),
        Task("fall", "no_event", horizon_days=30, active_days=60, fall_to=0.5),
        Task("buy", "event", horizon_days=14, active_days=60),
    ]
    tasks = [ResolvedTask(task, "ok") for task in asked]
    found = fit_tasks(MemoryLog(SHOP), tasks, train_until=UNTIL).models
    with_rival = {name for name, model in found.items() if model.lifetime_rival is not None}
    assert with_rival == {"buy"}


def test_model_and_rivals_are_judged_on_the_same_persons(
    results: dict[str, TaskEvaluation],
) -> None:
    past = SHOP.events.filter(
        pl.col("timestamp") < UNTIL,
        pl.col("timestamp") >= UNTIL - 60 * DAY,
        pl.col("event_type") == "purchase",
    )
    assert results["churn"].n == past["subject_id"].n_unique()
    assert sum(decile.count for decile in results["churn"].deciles) == results["churn"].n
    assert sum(results["churn"].reliability["count"]) == results["churn"].n


def test_deciles_go_from_the_highest_prediction_down(results: dict[str, TaskEvaluation]) -> None:
    deciles = results["churn"].deciles
    assert len(deciles) == 10
    predicted = [decile.predicted for decile in deciles]
    assert predicted == sorted(predicted, reverse=True)
    assert deciles[0].observed > deciles[-1].observed


def test_where_all_are_predicted_alike_all_deciles_are_alike(models: dict[str, TaskModel]) -> None:
    constant = replace(models["churn"], chance=None, reason="only 3 persons")
    deciles = evaluate_tasks(MemoryLog(SHOP), {"churn": constant}, cuts=[UNTIL])["churn"].deciles
    rates = [decile.observed for decile in deciles]
    assert rates == pytest.approx([np.mean(rates)] * 10)


def test_the_gain_is_over_the_best_rival(results: dict[str, TaskEvaluation]) -> None:
    churn = results["churn"]
    best = max(measures["auc"] for measures in churn.baselines.values())
    assert churn.baselines[churn.best_baseline]["auc"] == best
    assert churn.gain is not None
    assert churn.gain.mean == pytest.approx(churn.metrics["auc"] - best)
    assert churn.gain.low <= churn.gain.mean <= churn.gain.high


def test_an_outcome_not_known_yet_is_not_judged(models: dict[str, TaskModel]) -> None:
    late = evaluate_tasks(MemoryLog(SHOP), models, cuts=[SHOP.end_at - 10 * DAY])["churn"]
    assert late.status == "not_enough_data"
    assert late.reason.startswith("the log ends less than 30 days after the cut")
    assert late.metrics == {}


def test_several_cuts_are_pooled(models: dict[str, TaskModel]) -> None:
    churn = {"churn": models["churn"]}
    both = evaluate_tasks(MemoryLog(SHOP), churn, cuts=[UNTIL, UNTIL + 5 * DAY])["churn"]
    one = evaluate_tasks(MemoryLog(SHOP), churn, cuts=[UNTIL])["churn"]
    assert both.n > one.n
    # Who is asked at both cuts is one person with two outcomes.
    assert both.n > both.persons >= one.persons == one.n
    assert both.cuts == [UNTIL, UNTIL + 5 * DAY]


def test_embeddings_are_those_of_the_cut(models: dict[str, TaskModel]) -> None:
    asked: set[int] = set()

    def embed(
        subject_ids: npt.NDArray[np.int64], *, as_of: int, bucket: int
    ) -> npt.NDArray[np.float32]:
        asked.add(as_of)
        return np.zeros((len(subject_ids), 2), np.float32)

    evaluate_tasks(MemoryLog(SHOP), {"churn": models["churn"]}, cuts=[UNTIL], embed=embed)
    assert asked == {UNTIL}


def test_total_error_is_that_of_expected_amounts() -> None:
    truth = np.array([0.0, 0.0, 30.0, 10.0])
    expected = np.array([5.0, 5.0, 20.0, 20.0])
    measures = amount_measures(truth, np.array([0.0, 0.0, 20.0, 10.0]), expected)
    assert measures["total_error"] == pytest.approx(0.25)
    assert measures["mae"] == 2.5
    assert measures["rmse"] == pytest.approx(metrics.rmse(truth, expected))


def test_who_turns_out_to_be_a_bot_is_judged_all_the_same(
    models: dict[str, TaskModel], results: dict[str, TaskEvaluation]
) -> None:
    churn = {"churn": models["churn"]}
    bought = SHOP.events.filter(
        pl.col("timestamp").is_between(UNTIL - 30 * DAY, UNTIL - DAY),
        pl.col("event_type") == "purchase",
    )
    buyer = int(bought["subject_id"][0])
    later = LateLog(with_burst(SHOP, buyer, UNTIL + 5 * DAY, count=80), events_per_day=60)
    before = LateLog(with_burst(SHOP, buyer, UNTIL - 5 * DAY, count=80), events_per_day=60)
    assert evaluate_tasks(later, churn, cuts=[UNTIL])["churn"].n == results["churn"].n
    assert evaluate_tasks(before, churn, cuts=[UNTIL])["churn"].n == results["churn"].n - 1


def test_what_arrived_after_the_cut_is_not_known_at_it(models: dict[str, TaskModel]) -> None:
    churn = {"churn": models["churn"]}
    late = pl.col("timestamp").is_between(UNTIL - 20 * DAY, UNTIL - 1)
    log = LateLog(arriving(SHOP, UNTIL + DAY, which=late))
    without = LateLog(replace(SHOP, events=SHOP.events.filter(~late)))
    found = evaluate_tasks(log, churn, cuts=[UNTIL])["churn"]
    assert found == evaluate_tasks(without, churn, cuts=[UNTIL])["churn"]


def test_a_person_at_several_cuts_is_one_person_in_the_interval(
    models: dict[str, TaskModel],
) -> None:
    value = {"value": models["value"]}
    one = evaluate_tasks(MemoryLog(SHOP), value, cuts=[UNTIL])["value"].gain
    often = evaluate_tasks(MemoryLog(SHOP), value, cuts=[UNTIL] * 4)["value"].gain
    assert one is not None
    assert often is not None
    # Said four times over, the same is no surer.
    assert often.mean == pytest.approx(one.mean)
    assert often.high - often.low == pytest.approx(one.high - one.low, rel=0.01)


def test_each_kind_of_task_has_its_headline(models: dict[str, TaskModel]) -> None:
    assert headline_metric(models["churn"].task) == "auc"
    assert headline_metric(models["value"].task) == "mae"


def test_each_group_of_persons_is_judged_beside_everybody_else(
    results: dict[str, TaskEvaluation],
) -> None:
    for name, measures in (("churn", ("auc", "log_loss", "brier")), ("value", ("mae",))):
        result = results[name]
        assert {one.name for one in result.slices} == {"heavy", "platform: app", "platform: web"}
        for one in result.slices:
            assert one.inside.figures["n"] + one.others.figures["n"] == result.n  # type: ignore[operator]
            assert set(measures) <= set(one.inside.figures)
