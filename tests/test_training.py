from dataclasses import replace
from typing import get_args

import polars as pl
import pytest

from habitue.config import Settings
from habitue.errors import NotEnoughData
from habitue.profiles.task_model import Form
from habitue.schema import DAY
from habitue.training import FORMS, Plan, plan_training
from tests.late_log import LateLog, arriving
from tests.shop import MemoryLog, make_shop

SHOP = make_shop(num_persons=40, days=200)


def test_every_form_a_prediction_may_take_has_a_sentence() -> None:
    assert set(FORMS) == set(get_args(Form))


def test_a_moment_long_after_the_log_teaches_nothing_of_the_silence() -> None:
    log = MemoryLog(SHOP)
    plan = plan_training(log, Settings(), as_of=log.end_at + 300 * DAY)
    assert log.end_at <= plan.cuts.as_of < log.end_at + DAY
    # Nor does the silence make the log long enough for horizons that do not fit.
    assert task_status(plan)["churn_90d"] == "not_enough_data"


def test_events_after_the_cut_do_not_decide_what_is_learnt() -> None:
    log = MemoryLog(SHOP)
    cut = plan_training(log, Settings()).cuts.as_of
    is_early_purchase = (pl.col("timestamp") < cut) & (pl.col("event_type") == "purchase")
    opening = MemoryLog(replace(SHOP, events=SHOP.events.filter(~is_early_purchase)))
    found = task_status(plan_training(opening, Settings()))
    assert found["purchase_30d"] == "not_enough_data"
    assert any(name.startswith("visit_") for name in found)


def test_a_log_that_arrived_after_its_cut_is_told_so() -> None:
    end_at = MemoryLog(SHOP).end_at
    log = LateLog(arriving(SHOP, end_at + DAY, which=pl.lit(True)))
    with pytest.raises(NotEnoughData, match=r"had arrived by then.*take received_at out of the"):
        plan_training(log, Settings())


def task_status(plan: Plan) -> dict[str, str]:
    return {one.task.name: one.status for one in plan.tasks}
