from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from habitue.profiles.heads import BIN_ENDS
from habitue.profiles.labels import OTHER_CLASS
from habitue.profiles.next_predictions import (
    WHEN_COLUMNS,
    NextPredictions,
    next_rates,
    next_record_of_nobody,
    predict_next,
)
from habitue.profiles.prediction_record import PredictionRecord
from habitue.profiles.task_model import REMARK_COLUMNS
from habitue.profiles.when import told_waits
from habitue.schema import Task
from tests.profiles.log_lines import MONDAY, Line, frame_of, items_of, log_of

NEXT_EVENT = Task("next_event", "next", target="event_type")
NEXT_CATEGORY = Task("next_category", "next", target="category")
LABELS = ("view_item", "add_to_cart", "purchase")
RATES = {"view_item": 0.7, "purchase": 0.3}


def answers(
    chances: Sequence[Sequence[float]], *, rates: dict[str, float] = RATES, away: float = 1.0
) -> NextPredictions:
    num = len(chances)
    features = pl.DataFrame(
        {
            "subject_id": pl.Series(range(7, 7 + num), dtype=pl.Int64),
            "events": pl.Series([10.0] * num, dtype=pl.Float64),
            "days_since_event": pl.Series([away] * num, dtype=pl.Float64),
        }
    )
    chance_NK = np.array(chances, dtype=np.float32).reshape(num, len(LABELS))
    return predict_next(NEXT_EVENT, features, labels=LABELS, chance_NK=chance_NK, rates=rates)


def test_a_record_has_the_likeliest_answer_its_base_rate_and_the_others() -> None:
    record = answers([[0.25, 0.5, 0.25]]).record(0)
    assert (record.answer, record.probability, record.base_rate) == ("add_to_cart", 0.5, 0.0)
    assert [one.name for one in record.answers] == ["add_to_cart", "purchase", "view_item"]
    assert [one.base_rate for one in record.answers] == [0.0, 0.3, 0.7]
    assert (record.data_sufficiency, record.reason) == ("ok", "")


def test_a_record_has_the_keys_of_every_other_prediction() -> None:
    document = answers([[0.2, 0.5, 0.3]]).record(0).as_json()
    assert list(document) == list(PredictionRecord().as_json())
    assert document["interval"] is document["percentile"] is document["value"] is None
    assert document["calibrated"] is False


def test_the_table_says_what_the_records_say_in_one_schema() -> None:
    said = answers([[0.2, 0.5, 0.3], [0.0, 0.0, 0.0]])
    table = said.to_frame()
    assert list(table.columns) == [
        "subject_id",
        "answer",
        "probability",
        *REMARK_COLUMNS,
        *WHEN_COLUMNS,
    ]
    assert table["subject_id"].to_list() == [7, 8]
    for row, told in enumerate(table.iter_rows(named=True)):
        record = said.record(row)
        for name in ("answer", "probability", "base_rate", "data_sufficiency", "reason"):
            assert told[name] == getattr(record, name)
    assert answers([]).to_frame().schema == table.schema
    assert answers([[0.0, 0.0, 0.0]], rates={}).to_frame().schema == table.schema


def test_who_is_unknown_to_the_network_gets_no_answer() -> None:
    record = answers([[0.0, 0.0, 0.0]]).record(0)
    assert (record.answer, record.probability, record.answers) == (None, None, ())
    assert record.data_sufficiency == "not_enough_data"
    assert record.reason == "the network knows nothing of this person's events"


def test_the_class_of_all_others_is_never_an_answer() -> None:
    labels = ("acme", "zeta", OTHER_CLASS)
    features = pl.DataFrame(
        {"subject_id": [1], "events": [10.0], "days_since_event": [1.0]},
        schema_overrides={"subject_id": pl.Int64},
    )
    said = predict_next(
        Task("next_brand", "next", target="brand"),
        features,
        labels=labels,
        chance_NK=np.array([[0.1, 0.2, 0.7]], dtype=np.float32),
        rates={"acme": 0.2, "zeta": 0.1, OTHER_CLASS: 0.7},
    )
    record, row = said.record(0), said.to_frame().row(0, named=True)
    assert [one.name for one in record.answers] == ["zeta", "acme"]
    assert record.answer == "zeta"
    assert record.probability == pytest.approx(0.2)
    assert (row["answer"], row["probability"]) == ("zeta", pytest.approx(0.2))
    assert next_record_of_nobody(said.rates).answer == "acme"


def test_a_long_absence_is_told() -> None:
    record = answers([[0.2, 0.5, 0.3]], away=200.0).record(0)
    assert record.data_sufficiency == "limited"
    assert record.reason.startswith("not seen for 200 days; the answer is meant for persons")


def test_a_stranger_gets_what_is_most_common_and_is_told_so() -> None:
    record = next_record_of_nobody(RATES)
    assert (record.answer, record.probability, record.base_rate) == ("view_item", 0.7, 0.7)
    assert record.data_sufficiency == "not_enough_data"
    assert record.reason == "nobody has seen this person; this is the base rate"
    uncounted = next_record_of_nobody({})
    assert (uncounted.answer, uncounted.answers) == (None, ())
    assert "no base rates" in uncounted.reason


def test_base_rates_count_every_person_alike() -> None:
    lines = [Line(1, n, "view_item") for n in range(9)] + [Line(2, 1, "purchase", item=1)]
    log = log_of(frame_of(lines), items_of(["a/x", "b/y"]))
    rates = next_rates(log, [NEXT_EVENT, NEXT_CATEGORY], as_of=log.end_at)
    assert rates["next_event"] == pytest.approx({"view_item": 0.5, "purchase": 0.5})
    assert rates["next_category"] == pytest.approx({"a": 0.5, "b": 0.5})


def test_base_rates_leave_out_bots_and_the_future() -> None:
    lines = [Line(1, 1, "view_item"), Line(1, 5, "purchase"), Line(2, 1, "add_to_cart")]
    frame = frame_of(lines).with_columns(is_bot=pl.col("subject_id") == 2)
    log = log_of(frame, items_of(["a"]))
    as_of = MONDAY + 3 * 86_400_000_000
    assert next_rates(log, [NEXT_EVENT], as_of=as_of) == {"next_event": {"view_item": 1.0}}
    assert next_rates(log, [], as_of=as_of) == {}


def test_when_it_comes_is_told_in_the_record_and_in_the_table() -> None:
    risks = np.tile(0.1 * np.diff((0, *BIN_ENDS)), (2, 1))
    said = replace(answers([[0.2, 0.5, 0.3]] * 2), waits=told_waits(risks, 20.0))
    record = said.record(1)
    assert record.when is not None
    assert record.when.median_days == pytest.approx(6.93)
    assert record.when.high_days is record.when.chance_30d is None
    row = said.to_frame().row(1, named=True)
    assert {name: row[name] for name in WHEN_COLUMNS} == {
        name: getattr(record.when, name) for name in WHEN_COLUMNS
    }
    assert said.to_frame().schema == answers([[0.2, 0.5, 0.3]]).to_frame().schema
