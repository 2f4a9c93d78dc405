from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from habitue.errors import NotReady
from habitue.languages import speaking
from habitue.profiles.features import build_features
from habitue.profiles.predictions import fit_tasks
from habitue.profiles.task_model import AmountShape, TaskModel, load_task_model
from habitue.profiles.tasks import ResolvedTask
from habitue.schema import DAY, Task
from tests.shop import MemoryLog, Shop, make_shop

EMBEDDED = 3


@pytest.fixture(scope="module")
def shop() -> Shop:
    return make_shop(num_persons=150, days=200)


@pytest.fixture(scope="module")
def models(shop: Shop) -> dict[str, TaskModel]:
    tasks = [
        ResolvedTask(Task("churn", "no_event", horizon_days=30, active_days=60), "ok"),
        ResolvedTask(Task("value", "sum", horizon_days=30, active_days=60), "ok"),
    ]
    return dict(fit_tasks(MemoryLog(shop), tasks, train_until=shop.end_at).models)


@pytest.fixture(scope="module")
def features(shop: Shop) -> pl.DataFrame:
    return build_features(shop.events, shop.items, as_of=shop.end_at)


@pytest.mark.parametrize("name", ["churn", "value"])
def test_a_saved_model_says_the_same(
    models: dict[str, TaskModel], features: pl.DataFrame, name: str, tmp_path: Path
) -> None:
    path = tmp_path / "models" / f"{name}.json"
    models[name].save(path)
    loaded = load_task_model(path)
    assert loaded == models[name]
    said = models[name].predict(features).to_frame()
    assert loaded.predict(features).to_frame().equals(said)


def test_a_missing_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match=r"none.json holds no prediction model.*habitue train"):
        load_task_model(tmp_path / "none.json")


def test_a_broken_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text('{"task": 3}')
    with pytest.raises(NotReady, match="holds no prediction model: ValidationError"):
        load_task_model(path)


def test_missing_embeddings_are_refused(
    models: dict[str, TaskModel], features: pl.DataFrame
) -> None:
    model = replace(models["churn"], embedding_dim=EMBEDDED)
    with pytest.raises(NotReady, match=r"needs embeddings of 3 numbers, got none"):
        model.predict(features)
    with pytest.raises(NotReady, match=r"needs embeddings of 3 numbers, got 2 numbers"):
        model.predict(features, np.zeros((len(features), 2), np.float32))


def test_a_person_with_one_event_gets_the_rate_of_such_persons(
    models: dict[str, TaskModel], features: pl.DataFrame
) -> None:
    once = features.head(1).with_columns(events=pl.lit(1.0))
    said = models["churn"].predict(once)
    assert said.score[0] == models["churn"].thin_rate
    assert said.data_sufficiency[0] == "not_enough_data"
    assert said.reason[0] == "only 1 event: the rate of all such persons"


def test_few_events_and_long_absence_are_told(
    models: dict[str, TaskModel], features: pl.DataFrame
) -> None:
    few = features.head(1).with_columns(events=pl.lit(3.0), days_since_event=pl.lit(1.0))
    said = models["churn"].predict(few)
    assert (said.data_sufficiency[0], said.reason[0]) == ("limited", "only 3 events")
    away = few.with_columns(events=pl.lit(30.0), days_since_event=pl.lit(61.0))
    said = models["churn"].predict(away)
    assert said.data_sufficiency[0] == "limited"
    assert said.reason[0].startswith("not seen for 61 days")


def test_the_absence_that_is_asked_about_makes_nothing_stale(
    models: dict[str, TaskModel], features: pl.DataFrame
) -> None:
    churn = models["churn"]
    back = replace(churn, task=replace(churn.task, kind="event", absent_days=90))
    person = features.head(1).with_columns(
        events=pl.lit(30.0), days_since_event=pl.lit(400.0), orders=pl.lit(1.0)
    )
    said = back.predict(person)
    assert (said.data_sufficiency[0], said.reason[0]) == ("ok", "")
    assert said.record(0).asked
    assert churn.predict(person).record(0).asked
    assert not back.predict(person.with_columns(days_since_event=pl.lit(4.0))).record(0).asked
    said = back.predict(person.with_columns(orders=pl.lit(0.0)))
    assert not said.record(0).asked
    assert said.data_sufficiency[0] == "limited"
    never = "no purchase yet; the prediction was learnt from persons with one"
    assert said.reason[0] == never
    with speaking("zh"):
        assert (
            back.predict(person.with_columns(orders=pl.lit(0.0))).reason[0].startswith("从未有过")
        )
    said = back.predict(person.with_columns(days_since_event=pl.lit(4.0)))
    assert said.data_sufficiency[0] == "limited"
    assert said.reason[0] == (
        "seen in the last 90 days; the prediction was learnt from persons who were not"
    )


def test_who_is_asked_about_by_an_event_is_not_stale_for_want_of_visits(
    models: dict[str, TaskModel], features: pl.DataFrame
) -> None:
    churn = models["churn"]
    task = replace(churn.task, active_event="impression", active_days=30)
    person = features.head(1).with_columns(events=pl.lit(30.0), days_since_event=pl.lit(400.0))
    said = replace(churn, task=task).predict(
        person.with_columns(days_since_impression=pl.lit(30.0))
    )
    assert (said.data_sufficiency[0], said.reason[0]) == ("ok", "")
    without = "no impression in the last 30 days; the prediction was learnt from persons with one"
    for days in (31.0, None):
        shown = person.with_columns(days_since_impression=pl.lit(days, dtype=pl.Float64))
        said = replace(churn, task=task).predict(shown)
        assert (said.data_sufficiency[0], said.reason[0]) == ("limited", without)


@pytest.mark.parametrize("event", ["view_item", "refund", "begin_checkout"])
def test_who_is_longer_away_than_any_event_may_lie_back_was_not_asked_about(
    models: dict[str, TaskModel], features: pl.DataFrame, event: str
) -> None:
    churn = models["churn"]
    asked = replace(churn, task=replace(churn.task, active_event=event, active_days=30))
    person = features.head(1).with_columns(events=pl.lit(30.0), days_since_event=pl.lit(2000.0))
    said = asked.predict(person)
    assert (said.data_sufficiency[0], said.reason[0]) == (
        "limited",
        "not seen for 2,000 days; the prediction was learnt from persons seen in the last 30 days",
    )


@pytest.mark.parametrize("name", ["churn", "value"])
def test_the_table_has_one_schema_whatever_is_in_it(
    models: dict[str, TaskModel], features: pl.DataFrame, name: str
) -> None:
    schema = models[name].predict(features).to_frame().schema
    assert schema["calibrated"] == pl.Boolean
    assert schema["base_rate"] == pl.Float64
    assert models[name].predict(features.clear()).to_frame().schema == schema
    whole_numbers = replace(
        models[name], chance=None, base_rate=0, calibrated=False, percentiles=(0,) * 101
    )
    assert whole_numbers.predict(features).to_frame().schema == schema


def test_a_record_says_what_the_table_says(
    models: dict[str, TaskModel], features: pl.DataFrame
) -> None:
    for name, score in (("churn", "probability"), ("value", "value")):
        said = models[name].predict(features)
        row = said.to_frame().row(3, named=True)
        record = said.record(3).as_json()
        assert record["interval"] == [row.pop("interval_low"), row.pop("interval_high")]
        del row["subject_id"]
        assert {key: record[key] for key in row} == row
        assert record[score] is not None
        assert record["answers"] == []


def test_a_stranger_gets_the_base_rate_and_is_told_so(models: dict[str, TaskModel]) -> None:
    chance = models["churn"].record_of_nobody()
    amount = models["value"].record_of_nobody()
    assert chance.probability == chance.base_rate == models["churn"].base_rate
    assert amount.expected == amount.base_rate == models["value"].base_rate
    assert amount.value == models["value"].typical != amount.expected
    assert amount.probability is None
    for record in (chance, amount):
        assert (record.interval, record.percentile, record.calibrated) == (None, None, False)
        assert record.data_sufficiency == "not_enough_data"
        assert record.reason == "nobody has seen this person; this is the base rate"


def test_more_days_of_silence_never_lower_churn_much(
    models: dict[str, TaskModel], features: pl.DataFrame
) -> None:
    def churn(days: int) -> float:
        silent = features.with_columns(
            days_since_event=pl.lit(float(days)), days_since_purchase=pl.lit(float(days))
        )
        return float(models["churn"].predict(silent).score.mean())

    assert churn(40) > churn(2)


def test_the_median_is_zero_unless_a_purchase_is_likely() -> None:
    shape = AmountShape(tuple(np.linspace(-1, 1, 101).tolist()), 1.2)
    log_amount = np.log(np.full(4, 100.0))
    chance = np.array([0.1, 0.5, 0.8, 1.0])
    median = shape.median(chance, log_amount)
    assert median[:2].tolist() == [0, 0]
    assert 0 < median[2] < median[3] == pytest.approx(100)
    assert shape.mean(chance, log_amount) == pytest.approx(chance * 120)


def test_features_before_the_cut_are_all_that_is_read(
    models: dict[str, TaskModel], shop: Shop
) -> None:
    cut = shop.end_at - 40 * DAY
    past = shop.events.filter(pl.col("timestamp") < cut)
    with_future = build_features(shop.events, shop.items, as_of=cut)
    without = build_features(past, shop.items, as_of=cut)
    said = models["churn"].predict(without)
    assert np.array_equal(models["churn"].predict(with_future).score, said.score)
