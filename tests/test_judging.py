from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from habitue.compute import Silent
from habitue.errors import NotEnoughData
from habitue.judging import Evaluation, _alike, judge_version
from habitue.profiles.labels import OTHER_CLASS
from habitue.profiles.next_model import UNKNOWN_CLASS, NextModel
from habitue.profiles.predictions import fit_tasks
from habitue.profiles.task_model import TaskModel
from habitue.profiles.tasks import ResolvedTask
from habitue.profiles.when import fit_when
from habitue.schema import DAY, EVENT_TYPES, Task
from tests.late_log import LateLog, arriving, with_burst
from tests.made_version import Unlearnt, made_version
from tests.shop import MemoryLog, Shop, make_shop

SHOP = make_shop(num_persons=120, days=150)
CUT = SHOP.start_at + 100 * DAY
TASKS = [
    ResolvedTask(Task("churn", "no_event", horizon_days=15, active_days=60), "ok"),
    ResolvedTask(Task("value", "sum", horizon_days=15, active_days=60), "ok"),
]


@pytest.fixture(scope="module")
def models() -> Mapping[str, TaskModel]:
    return fit_tasks(MemoryLog(SHOP), TASKS, train_until=CUT).models


def judged(
    log: MemoryLog, *, as_of: int = CUT, models: Mapping[str, TaskModel] | None = None
) -> Evaluation:
    version = made_version(MemoryLog(SHOP), as_of=CUT, task_models=models)
    return judge_version(version, log, as_of=as_of, progress=Silent())


def without(shop: Shop, which: pl.Expr) -> Shop:
    return replace(shop, events=shop.events.filter(~which))


def test_what_arrived_after_the_cut_is_no_history() -> None:
    late = pl.col("timestamp").is_between(CUT - 10 * DAY, CUT - 1)
    found = judged(LateLog(arriving(SHOP, CUT + DAY, which=late)))
    assert found == judged(LateLog(without(SHOP, late)))
    assert found != judged(LateLog(SHOP))


def test_recommenders_are_shown_nothing_from_the_cut_on() -> None:
    version = made_version(MemoryLog(SHOP), as_of=CUT)
    judge_version(version, MemoryLog(SHOP), as_of=CUT, progress=Silent())
    network = version.network
    assert isinstance(network, Unlearnt)
    assert network.shown
    assert max(one.timestamps.max() for one in network.shown) < CUT


def test_who_turns_out_to_be_a_bot_is_ranked_all_the_same() -> None:
    taken = SHOP.events.filter(
        pl.col("timestamp").is_between(CUT, CUT + 20 * DAY), pl.col("event_type") == "purchase"
    )
    buyer = int(taken["subject_id"][0])
    later = LateLog(with_burst(SHOP, buyer, CUT + DAY, count=80), events_per_day=60)
    before = LateLog(with_burst(SHOP, buyer, CUT - DAY, count=80), events_per_day=60)
    plain = judged(MemoryLog(SHOP)).recommendation
    ranked, left_out = judged(later).recommendation, judged(before).recommendation
    assert plain
    assert ranked
    assert left_out
    assert ranked.overall.n == plain.overall.n
    assert left_out.overall.n == plain.overall.n - 1


def test_a_later_moment_is_judged_with_counts_of_that_moment() -> None:
    moment = CUT + 20 * DAY
    asked = judged(MemoryLog(SHOP), as_of=moment).recommendation
    version = made_version(MemoryLog(SHOP), as_of=moment)
    fresh = judge_version(version, MemoryLog(SHOP), as_of=moment, progress=Silent())
    assert asked
    assert fresh.recommendation
    ours, theirs = (one.overall.baselines["popularity_7d"] for one in (asked, fresh.recommendation))
    assert ours["ndcg@10"] == pytest.approx(theirs["ndcg@10"])


def test_a_tasks_difference_names_its_metric(models: Mapping[str, TaskModel]) -> None:
    document = judged(MemoryLog(SHOP), models=models).as_json()
    tasks = document["tasks"]
    assert isinstance(tasks, Mapping)
    for name, metric in (("churn", "auc"), ("value", "mae")):
        task = tasks[name]
        assert isinstance(task, Mapping)
        difference = task["difference"]
        assert isinstance(difference, Mapping)
        assert difference["metric"] == metric
        ours, rivals = task["metrics"], task["baselines"]
        assert isinstance(ours, Mapping)
        assert isinstance(rivals, Mapping)
        best = rivals[str(task["best_baseline"])]
        assert isinstance(best, Mapping)
        gain = ours[metric] - best[metric]  # type: ignore[operator]
        # Of an error, what was saved: above 0 is better throughout.
        assert difference["mean"] == pytest.approx(gain if metric == "auc" else -gain)


def test_a_base_rate_is_told_from_a_model_and_has_the_same_rivals() -> None:
    few = without(SHOP, pl.col("subject_id") >= 60)
    models = fit_tasks(MemoryLog(few), TASKS, train_until=CUT).models
    found = judged(MemoryLog(few), models=models)
    churn, value = found.tasks["churn"], found.tasks["value"]
    for task in (churn, value):
        assert str(task["reason"]).endswith("persons to learn from; 100 are needed")
    assert isinstance(churn["baselines"], Mapping)
    assert isinstance(value["baselines"], Mapping)
    assert set(churn["baselines"]) == {
        "base_rate", "recency", "rfm_logistic", "rfm_boosted", "bg_nbd",
    }  # fmt: skip
    assert set(value["baselines"]) == {
        "mean", "recent_spend", "rfm_linear", "rfm_boosted", "bg_nbd_gamma_gamma",
    }  # fmt: skip
    assert churn["best_baseline"] != "base_rate"


def test_recommendations_that_nobody_can_be_judged_by_say_why(
    models: Mapping[str, TaskModel],
) -> None:
    later = (pl.col("timestamp") >= CUT) & (pl.col("event_type") == "purchase")
    views = SHOP.events.with_columns(
        event_type=pl.when(later)
        .then(pl.lit("view_item"))
        .otherwise(pl.col("event_type"))
        .cast(SHOP.events.schema["event_type"])
    )
    found = judged(
        MemoryLog(replace(SHOP, events=views)),
        models={"visit": replace(models["churn"], task=Task("visit", "event", "any", 15))},
    )
    assert found.recommendation is None
    assert found.skipped["recommendation"].startswith("Nobody with events before 2024-04-10")
    assert "visit" in found.tasks


def test_nothing_to_judge_by_is_refused_with_every_reason(
    models: Mapping[str, TaskModel],
) -> None:
    shop = without(SHOP, (pl.col("timestamp") >= CUT) & (pl.col("event_type") == "purchase"))
    shop = without(shop, pl.col("timestamp") > CUT + 10 * DAY)
    version = made_version(
        MemoryLog(SHOP), as_of=CUT, task_models=models, unanswered={"next_category": "no names"}
    )
    told = (
        r"^Nothing could be judged on 2024-04-10 to 2024-04-\d\d\. next_category: no names; "
        r"churn, value: the log ends less than 15 days after the cut; the outcome is not known "
        r"yet; recommendation: Nobody with events before .* Hold out more of the log"
    )
    with pytest.raises(NotEnoughData, match=told) as caught:
        judge_version(version, MemoryLog(shop), as_of=CUT, progress=Silent())
    assert caught.value.code == "nothing_to_judge"


def test_a_log_that_ends_at_the_cut_is_refused() -> None:
    with pytest.raises(NotEnoughData, match="no events after 2024-04-10 to judge by"):
        judged(MemoryLog(without(SHOP, pl.col("timestamp") >= CUT)))


def test_the_days_until_the_next_event_are_judged_beside_life_tables() -> None:
    log = MemoryLog(SHOP)
    task = Task("next_event", "next", target="event_type")
    when = fit_when(log, task, start_at=SHOP.start_at, train_until=CUT)
    assert when is not None
    answered = NextModel(task, EVENT_TYPES, {}, {"popularity": 1.0}, 50, when)
    version = made_version(log, as_of=CUT)
    version.__dict__["next_models"] = {task.name: answered}
    found: dict[str, Any] = judge_version(version, log, as_of=CUT, progress=Silent()).as_json()
    told = found["when"]
    assert (told["task"], told["answers"]) == ("next_event", when.chosen)
    assert set(told["baselines"]) == {"everyone", "pause", "absence"}
    assert set(told["metrics"]) == set(told["baselines"]["everyone"]) > {"log_loss", "ece_7d"}
    assert judged(log).as_json()["when"] == {}


def test_why_nothing_is_told_apart_names_the_right_answer() -> None:
    labels = ("food", "toys", OTHER_CLASS)
    assert _alike(1, labels).startswith("nearly every next answer is 'toys',")
    assert _alike(2, labels).startswith("nearly every next answer is too rare for a name,")
    assert _alike(UNKNOWN_CLASS, labels).startswith("nearly every next answer is new since")
