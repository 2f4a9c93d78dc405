from types import SimpleNamespace
from typing import cast

import polars as pl

from habitue.alerting import alerts_of, value_column
from habitue.answering import Version
from habitue.config import AlertSettings
from habitue.events.store import EventStore
from habitue.profiles.predictions import fit_tasks
from habitue.profiles.tasks import ResolvedTask
from habitue.refreshing import Refresh
from habitue.schema import Task
from tests.actions.test_alerts import AS_OF, row
from tests.shop import MemoryLog, make_shop


def test_what_is_at_risk_is_never_extrapolated() -> None:
    log = MemoryLog(make_shop(num_persons=200, days=200))
    tasks = [
        ResolvedTask(Task("value_30d", "sum", horizon_days=30), "ok"),
        ResolvedTask(Task("value_365d", "sum", horizon_days=365), "not_enough_data", "too short"),
    ]
    models = fit_tasks(log, tasks, train_until=log.end_at).models
    assert set(models) == {"value_30d", "value_365d"}
    version = cast(Version, SimpleNamespace(task_models=models))
    assert value_column(version) == "value_30d_expected"


def test_alerts_say_why_a_model_knows_nothing_but_the_base_rate() -> None:
    log = MemoryLog(make_shop(num_persons=40, days=150))
    task = Task("churn_90d", "no_event", horizon_days=30)
    models = fit_tasks(log, [ResolvedTask(task, "ok", "")], train_until=log.end_at).models
    card = SimpleNamespace(version="0001")
    version = cast(Version, SimpleNamespace(task_models=models, card=card))
    table = pl.DataFrame([row(1, models["churn_90d"].base_rate)])
    refresh = cast(Refresh, SimpleNamespace(table=table, as_of=AS_OF))

    found = alerts_of(refresh, version, cast(EventStore, None), log, AlertSettings()).as_json()

    assert found["alerts"] == []
    assert found["reason"] == "only 40 persons to learn from; 100 are needed"
