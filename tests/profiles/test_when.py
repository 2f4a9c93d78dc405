from dataclasses import replace

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from pydantic import TypeAdapter

from habitue.profiles.heads import BIN_ENDS
from habitue.profiles.samples import FEATURE_COLUMNS, Awaited, TaskRows
from habitue.profiles.when import (
    HEAD,
    TABLES,
    LifeTable,
    WhenModel,
    collect_waits,
    come_within,
    fit_table,
    fit_when,
    told_waits,
    wait_loss,
    when_cuts,
    when_step,
)
from habitue.profiles.when_evaluation import (
    collect_wait_truth,
    judge_when,
    wait_losses,
    wait_measures,
)
from habitue.schema import DAY, Task
from tests.late_log import LateLog, arriving
from tests.profiles.log_lines import MONDAY, Line, frame_of, items_of, log_of
from tests.shop import MemoryLog, make_shop

TASK = Task("next_event", "next", target="event_type")
SHOP = make_shop(num_persons=200, days=240)
CUT = SHOP.start_at + 200 * DAY
PAUSE = FEATURE_COLUMNS.index("visit_gap_days")


def even(rate: float, *, rows: int = 1) -> npt.NDArray[np.floating]:
    """Return the risks of an event that comes at this rate a day."""
    return np.tile(rate * np.diff((0, *BIN_ENDS)), (rows, 1)).astype(float)


def awaited(
    waits: npt.NDArray[np.floating], pauses: npt.NDArray[np.floating], *, days: float
) -> Awaited:
    features = np.full((len(waits), len(FEATURE_COLUMNS)), np.nan, np.float32)
    features[:, PAUSE] = pauses
    numbers = np.arange(len(waits))
    rows = TaskRows(numbers, np.zeros(len(waits), np.int64), features, None, waits)
    return Awaited(rows, round(days * DAY))


@pytest.fixture(scope="module")
def model() -> WhenModel:
    found = fit_when(MemoryLog(SHOP), TASK, start_at=SHOP.start_at, train_until=CUT)
    assert found is not None
    return found


def test_an_even_rate_has_the_days_and_chances_of_the_exponential() -> None:
    told = told_waits(even(0.1), reach_days=180.0)
    assert told.median[0] == pytest.approx(np.log(2) / 0.1)
    assert told.low[0] == pytest.approx(-np.log(0.9) / 0.1)
    assert told.high[0] == pytest.approx(-np.log(0.1) / 0.1)
    assert told.chances[7][0] == pytest.approx(1 - np.exp(-0.7))
    assert told.chances[30][0] == pytest.approx(1 - np.exp(-3))


def test_nothing_is_told_beyond_the_reach() -> None:
    record = told_waits(even(0.01), reach_days=20.0).record(0)
    assert (record.median_days, record.high_days, record.chance_30d) == (None, None, None)
    assert record.low_days == pytest.approx(10.54, abs=0.01)
    assert record.chance_7d == pytest.approx(1 - np.exp(-0.07), abs=1e-6)
    assert record.reach_days == 20.0


def test_who_is_certain_to_come_and_who_never_does_are_told_so() -> None:
    told = told_waits(np.concatenate([even(900.0), even(0.0)]), reach_days=180.0)
    assert told.high[0] < 0.01
    assert np.isnan(told.low[1])
    assert told.chances[30].tolist() == [1.0, 0.0]


def test_a_life_table_tells_how_many_came_though_some_were_watched_briefly() -> None:
    rng = np.random.default_rng(0)
    waits = rng.exponential(10, 20_000)
    known = awaited(waits, np.full(20_000, np.nan), days=20.0)
    risks = fit_table(known, "").risks_of(known.rows.features[:1])
    assert come_within(risks, 7.0)[0] == pytest.approx(1 - np.exp(-0.7), abs=0.01)
    assert come_within(risks, 20.0)[0] == pytest.approx(1 - np.exp(-2), abs=0.01)


def test_persons_of_a_like_pause_have_a_table_of_their_own() -> None:
    rng = np.random.default_rng(0)
    pauses = np.repeat([2.0, 20.0, np.nan], 3000)
    waits = rng.exponential(np.repeat([2.0, 20.0, 60.0], 3000))
    known = awaited(waits, pauses, days=30.0)
    table = fit_table(known, "visit_gap_days")
    risks = table.risks_of(known.rows.features[[0, 3000, 6000]])
    expected = 1 - np.exp(-7 / np.array([2.0, 20.0, 60.0]))
    assert come_within(risks, 7.0) == pytest.approx(expected, abs=0.03)


def test_the_truth_has_the_least_loss() -> None:
    rng = np.random.default_rng(0)
    waits = rng.exponential(10, 5000)
    known = np.full(5000, 30.0)
    true, slow, fast = (
        wait_loss(even(rate, rows=5000), waits, known).mean() for rate in (0.1, 0.05, 0.2)
    )
    assert true < min(slow, fast)


def test_a_wait_that_is_not_over_counts_as_not_over() -> None:
    loss = wait_loss(even(0.1, rows=2), np.array([np.inf, 25.0]), np.array([20.0, 20.0]))
    assert loss == pytest.approx([2.0, 2.0])


def test_honest_days_are_measured_as_honest() -> None:
    waits = np.random.default_rng(0).exponential(10, 20_000)
    measured = wait_measures(even(0.1, rows=20_000), waits, days=60.0, reach_days=180.0)
    assert measured["below_low"] == pytest.approx(0.1, abs=0.01)
    assert measured["above_high"] == pytest.approx(0.1, abs=0.01)
    assert measured["ece_7d"] < 0.01
    assert measured["came_30d"] == pytest.approx(measured["told_30d"], abs=0.01)
    slow = wait_measures(even(0.05, rows=20_000), waits, days=60.0, reach_days=180.0)
    assert slow["brier"] > measured["brier"]
    assert slow["ece_7d"] > 0.1
    assert slow["above_high"] < 0.05 < 0.15 < slow["below_low"]


def test_days_off_end_with_the_days_watched() -> None:
    losses = wait_losses(even(0.0, rows=2), np.array([4.0, np.inf]), days=30.0, reach_days=60.0)
    assert losses[:, 2] == pytest.approx([26.0, 0.0])


def test_cuts_leave_as_much_history_as_they_look_ahead() -> None:
    assert when_step(0, 400 * DAY) == 30
    assert when_cuts(0, 400 * DAY, days=30) == tuple(
        (400 - 30 * step) * DAY for step in range(6, 0, -1)
    )
    assert when_step(0, 9 * DAY) == 1
    assert len(when_cuts(0, 5 * DAY, days=1)) == 4


def test_who_comes_every_other_day_is_expected_before_who_comes_once_a_month() -> None:
    """A shop of two kinds of persons: the head and the pauses know them apart."""
    lines = [
        Line(subject, day + subject / 200, "view_item")
        for subject in range(160)
        for day in range(subject % 30, 240, 2 if subject % 2 else 30)
    ]
    log = log_of(frame_of(lines), items_of(["a"]))
    cut = MONDAY + 200 * DAY
    found = fit_when(log, TASK, start_at=MONDAY, train_until=cut)
    assert found is not None
    truth = collect_wait_truth(log, TASK, as_of=cut)
    waits = found.waits(truth.features)
    often = truth.subject_ids % 2 == 1
    assert np.median(waits.median[often]) < 3
    assert np.nanmedian(waits.median[~often]) > 8
    assert found.chosen != "everyone"
    judged = judge_when(
        {name: table.risks_of(truth.features) for name, table in found.tables.items()}
        | {"ours": found.risks(truth.features)},
        truth,
        reach_days=found.reach_days,
    )
    assert judged["ours"]["log_loss"] < judged["everyone"]["log_loss"] - 0.2


def test_a_head_that_wins_by_no_more_than_noise_does_not_answer(model: WhenModel) -> None:
    kept = fit_when(MemoryLog(SHOP), TASK, start_at=SHOP.start_at, train_until=CUT, keep_head=True)
    assert kept is not None
    assert kept.head is not None
    features = collect_wait_truth(MemoryLog(SHOP), TASK, as_of=CUT).features
    lost, won = replace(kept, gain_low=-0.1), replace(kept, gain_low=0.1)
    assert (lost.chosen, won.chosen) == (kept.simple, HEAD)
    table = kept.tables[kept.simple].risks_of(features)
    assert np.array_equal(lost.risks(features), table)
    assert not np.array_equal(won.risks(features), table)
    assert (model.head is None) == (model.gain_low <= 0)


def test_nothing_after_the_cut_is_read(model: WhenModel) -> None:
    later = SHOP.events.with_columns(
        timestamp=pl.when(pl.col("timestamp") >= CUT)
        .then(pl.col("timestamp") // 2 + (CUT + 1) // 2)
        .otherwise("timestamp")
    ).sort("subject_id", "timestamp", "event_key")
    other = MemoryLog(replace(SHOP, events=later))
    assert fit_when(other, TASK, start_at=SHOP.start_at, train_until=CUT) == model
    ended = replace(SHOP, events=SHOP.events.filter(pl.col("timestamp") < CUT))
    again = fit_when(MemoryLog(ended), TASK, start_at=SHOP.start_at, train_until=CUT)
    assert again == model
    features = collect_wait_truth(MemoryLog(SHOP), TASK, as_of=CUT).features
    assert np.array_equal(
        collect_wait_truth(other, TASK, as_of=CUT).features, features, equal_nan=True
    )


def test_what_arrived_after_the_cut_teaches_nothing(model: WhenModel) -> None:
    late = pl.col("timestamp").is_between(CUT - 3 * DAY, CUT - 1)
    log = LateLog(arriving(SHOP, CUT + DAY, which=late))
    without = LateLog(replace(SHOP, events=SHOP.events.filter(~late)))
    one, other = (
        fit_when(each, TASK, start_at=SHOP.start_at, train_until=CUT) for each in (log, without)
    )
    assert one == other != model


def test_a_log_too_short_tells_nothing() -> None:
    short = make_shop(num_persons=150, days=3)
    log = MemoryLog(short)
    assert fit_when(log, TASK, start_at=short.start_at, train_until=short.end_at) is None
    few = make_shop(num_persons=12, days=200)
    log = MemoryLog(few)
    assert fit_when(log, TASK, start_at=few.start_at, train_until=few.end_at) is None


def test_waits_are_those_of_the_population_at_every_cut() -> None:
    known = collect_waits(MemoryLog(SHOP), TASK, start_at=SHOP.start_at, train_until=CUT)
    assert known is not None
    assert known.until == CUT
    assert np.unique((CUT - known.rows.cuts) // DAY).tolist() == [25, 50, 75, 100, 125, 150]
    assert (known.rows.labels >= 0).all()


def test_a_model_is_the_same_after_it_was_kept_as_json(model: WhenModel) -> None:
    adapter = TypeAdapter(WhenModel)
    again = adapter.validate_json(adapter.dump_json(model))
    assert again == model
    assert isinstance(again.tables["everyone"], LifeTable)
    assert set(again.tables) == set(TABLES)
    assert again.sentence() == model.sentence()
