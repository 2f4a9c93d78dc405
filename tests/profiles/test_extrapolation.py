from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from habitue.baselines.bg_nbd import BgNbd
from habitue.baselines.gamma_gamma import GammaGamma
from habitue.baselines.lifetime import Lifetime
from habitue.config import TaskSettings
from habitue.languages import speaking
from habitue.profiles.carried import carried_on
from habitue.profiles.extrapolation import base_of
from habitue.profiles.features import build_features
from habitue.profiles.predictions import FittedTasks, fit_tasks
from habitue.profiles.task_model import load_task_model
from habitue.profiles.tasks import outline_log, resolve_tasks
from habitue.schema import DAY, Task
from habitue.training import what_ships
from tests.shop import MemoryLog, make_shop

SHOP = make_shop(num_persons=200, days=200)
CUT = SHOP.start_at + 150 * DAY
YEAR = TaskSettings(kind="sum", horizon_days=365)
WHY = "the log spans 200 days; a horizon of 365 days needs 1,460 days"
LIFETIME = Lifetime(BgNbd(0.8, 6.0, 0.9, 3.0), GammaGamma(6.25, 3.74, 15.44), 20.0)


@pytest.fixture(scope="module")
def fitted() -> FittedTasks:
    log = MemoryLog(SHOP)
    wanted = {"value_365d", "value_30d"}
    own = {"value_365d": YEAR, "value_30d": TaskSettings(kind="sum", horizon_days=30)}
    tasks = [one for one in resolve_tasks(own, outline_log(log)) if one.task.name in wanted]
    return fit_tasks(log, tasks, train_until=CUT)


def test_a_year_is_told_as_an_extrapolation_and_says_why(fitted: FittedTasks) -> None:
    features = build_features(SHOP.events, SHOP.items, as_of=CUT)
    known = features.filter(features["events"] >= 5, features["days_since_event"] < 60)
    said = fitted.models["value_365d"].predict(known)
    assert "value_365d" not in fitted.unanswered
    table = said.to_frame()
    assert table["extrapolated"].all()
    assert not table["calibrated"].any()
    assert set(said.reason) == {f"extrapolated from 30 days: {WHY}"}
    assert set(said.data_sufficiency) == {"limited"}
    record = said.record(0).as_json()
    assert record["extrapolated"] is True
    with speaking("zh"):
        assert fitted.models["value_365d"].predict(known).reason[0].startswith("由30天的预测外推")
    shorter = fitted.models["value_30d"].predict(known)
    assert not shorter.to_frame()["extrapolated"].any()
    assert (said.expected > shorter.expected).all()
    assert ((said.low <= said.score) & (said.score <= said.high)).all()
    assert np.median(said.high - said.low) > 12 * np.median(shorter.high - shorter.low)


def test_what_ships_is_told_to_be_extrapolated(fitted: FittedTasks) -> None:
    assert what_ships(fitted.models["value_365d"]) == f"extrapolated from 30 days: {WHY}"
    assert "extrapolated" not in what_ships(fitted.models["value_30d"])


def test_somebody_unknown_is_told_so_too(fitted: FittedTasks) -> None:
    record = fitted.models["value_365d"].record_of_nobody()
    assert record.extrapolated
    assert record.expected == fitted.models["value_365d"].base_rate
    assert not fitted.models["value_30d"].record_of_nobody().extrapolated


def test_an_extrapolation_is_saved_as_such(fitted: FittedTasks, tmp_path: Path) -> None:
    path = tmp_path / "value.json"
    fitted.models["value_365d"].save(path)
    assert load_task_model(path) == fitted.models["value_365d"]


def test_amounts_grow_with_the_orders_that_are_expected() -> None:
    rows = np.array([[4.0, 30.0, 40.0, 80.0], [np.nan] * 4])
    expected = np.array([10.0, 10.0])
    longer = carried_on(expected, LIFETIME, rows, days=30, to_days=300)
    orders = [LIFETIME.order_days(rows, days=days)[0] for days in (30, 300)]
    alone = LIFETIME.value(rows, days=300)[0]
    assert longer[0] == pytest.approx(np.sqrt(10 * orders[1] / orders[0] * alone))
    assert orders[1] / orders[0] < 10, "some stop for good"
    assert longer[1] == pytest.approx(100), "of who never bought nothing is told"


def test_only_value_of_everybody_far_ahead_is_carried_on(fitted: FittedTasks) -> None:
    year = Task("v", "sum", horizon_days=365)
    models = fitted.models.values()
    assert base_of(year, models) is fitted.models["value_30d"]
    for other in (
        replace(year, horizon_days=90),
        replace(year, kind="event"),
        replace(year, event="refund"),
        replace(year, absent_days=90),
        replace(year, active_event="click"),
    ):
        assert base_of(other, models) is None
    assert base_of(year, [fitted.models["value_365d"]]) is None
    shaky = replace(fitted.models["value_30d"], chance=None)
    assert base_of(year, [shaky]) is None


def test_what_the_log_can_show_is_fitted_truly() -> None:
    log = MemoryLog(make_shop(num_persons=60, days=1600))
    resolved = resolve_tasks({"value_365d": YEAR}, outline_log(log))
    (found,) = [one for one in resolved if one.task.name == "value_365d"]
    assert found.status == "ok"
    model = fit_tasks(log, [found], train_until=log.end_at).models["value_365d"]
    assert model.extrapolation is None
    assert model.base_rate > 0


def test_without_anything_to_carry_on_the_reason_stays() -> None:
    short = make_shop(num_persons=60, days=60)
    log = MemoryLog(short)
    tasks = resolve_tasks({"value_365d": YEAR}, outline_log(log))
    asked = [one for one in tasks if one.task.kind == "sum"]
    unanswered = fit_tasks(log, asked, train_until=log.end_at).unanswered
    assert unanswered["value_365d"].endswith("a horizon of 365 days needs 1,460 days")
