from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from habitue import metrics
from habitue.baselines.lifetime import fit_lifetime
from habitue.config import TaskSettings
from habitue.profiles.feature_names import LIFETIME_FEATURES
from habitue.profiles.features import build_features
from habitue.profiles.predictions import FittedTasks, fit_task, fit_tasks
from habitue.profiles.samples import (
    FEATURE_COLUMNS,
    TaskRows,
    feature_matrix,
    lifetime_matrix,
)
from habitue.profiles.tasks import ResolvedTask, outline_log, resolve_tasks
from habitue.schema import DAY, Task
from tests.shop import MemoryLog, Shop, make_shop

Floats = npt.NDArray[np.floating]

CHURN = ResolvedTask(Task("churn_30d", "no_event", horizon_days=30, active_days=60), "ok")
BUYS = ResolvedTask(Task("purchase_14d", "event", horizon_days=14, active_days=60), "ok")
VALUE = ResolvedTask(Task("value_30d", "sum", horizon_days=30, active_days=60), "ok")
UNTIL_DAYS = 200


@dataclass(frozen=True)
class World:
    shop: Shop
    until: int
    fitted: FittedTasks
    features: pl.DataFrame  # of everyone, as of `until`


@pytest.fixture(scope="module")
def world() -> World:
    shop = make_shop(num_persons=200, days=240)
    until = shop.start_at + UNTIL_DAYS * DAY
    fitted = fit_tasks(MemoryLog(shop), [CHURN, BUYS, VALUE], train_until=until)
    return World(shop, until, fitted, build_features(shop.events, shop.items, as_of=until))


def rows_with(
    signal: Callable[[Floats], Floats],
    *,
    num: int = 900,
    seed: int = 0,
    dim: int = 0,
) -> TaskRows:
    """Rows over three windows whose label depends on `days_since_event` through `signal`."""
    rng = np.random.default_rng(seed)
    features = np.full((num, len(FEATURE_COLUMNS)), np.nan, np.float32)
    features[:, FEATURE_COLUMNS.index("days_since_event")] = rng.exponential(20, num)
    features[:, FEATURE_COLUMNS.index("events")] = rng.integers(2, 50, num)
    features[:, FEATURE_COLUMNS.index("spend_90d")] = rng.lognormal(3, 1, num)
    hidden = rng.normal(size=num)
    labels = signal(hidden if dim else features[:, FEATURE_COLUMNS.index("days_since_event")])
    embeddings = None
    if dim:
        embeddings = rng.normal(size=(num, dim)).astype(np.float32)
        embeddings[:, 0] = hidden
    return TaskRows(
        subject_ids=np.arange(num) % (num // 3),
        cuts=np.repeat([100, 200, 300], num // 3) * DAY,
        features=features,
        embeddings=embeddings,
        labels=labels,
    )


def coin(chance: Floats, seed: int = 9) -> Floats:
    return (np.random.default_rng(seed).random(len(chance)) < chance).astype(float)


TASK = Task("t", "event", horizon_days=30, active_days=9999)
AMOUNT = Task("v", "sum", horizon_days=90, active_days=9999)


def test_those_who_left_get_a_higher_churn(world: World) -> None:
    said = world.fitted.models["churn_30d"].predict(world.features)
    active = [
        (person, at)
        for person, at in zip(said.subject_ids.tolist(), said.score.tolist(), strict=True)
        if world.shop.leaves_at.get(person, world.until) > world.until - 60 * DAY
    ]
    left = [score for person, score in active if person in world.shop.leaves_at
            and world.shop.leaves_at[person] < world.until]  # fmt: skip
    stayed = [score for person, score in active if person not in world.shop.leaves_at]
    assert np.mean(left) > np.mean(stayed) + 0.2


def test_a_probability_comes_with_all_that_makes_it_honest(world: World) -> None:
    said = world.fitted.models["churn_30d"].predict(world.features)
    frame = said.to_frame()
    assert frame.columns == [
        "subject_id", "probability", "interval_low", "interval_high", "percentile", "base_rate",
        "calibrated", "data_sufficiency", "reason", "extrapolated",
    ]  # fmt: skip
    assert len(frame) == len(world.features)
    inside = (frame["interval_low"] <= frame["probability"]) & (
        frame["probability"] <= frame["interval_high"]
    )
    assert inside.all()
    assert frame["percentile"].is_between(0, 100).all()
    assert frame["calibrated"].all()


def test_an_amount_says_what_is_typical_and_what_adds_up(world: World) -> None:
    model = world.fitted.models["value_30d"]
    frame = model.predict(world.features).to_frame()
    assert frame.columns[:3] == ["subject_id", "value", "expected"]
    assert (frame["interval_low"] <= frame["value"]).all()
    assert (frame["value"] <= frame["interval_high"]).all()
    future = world.shop.events.filter(
        pl.col("timestamp") >= world.until, pl.col("timestamp") < world.until + 30 * DAY
    )
    active = frame.filter(pl.col("reason").str.starts_with("not seen").not_())
    true_sum = future["value"].sum()
    assert active["expected"].sum() == pytest.approx(true_sum, rel=0.3)
    bought = future.group_by("subject_id").agg(pl.col("value").sum().alias("truth"))
    both = active.join(bought, on="subject_id", how="left").fill_null(0)
    assert metrics.spearman(both["truth"].to_numpy(), both["expected"].to_numpy()) > 0.3


def test_events_after_training_change_no_model(world: World) -> None:
    past = replace(world.shop, events=world.shop.events.filter(pl.col("timestamp") < world.until))
    fitted = fit_tasks(MemoryLog(past), [CHURN], train_until=world.until)
    assert fitted.models["churn_30d"] == world.fitted.models["churn_30d"]
    assert fitted.models["churn_30d"].lifetime_rival is not None


def test_a_model_looks_at_what_the_lifetime_models_tell_today(world: World) -> None:
    model = world.fitted.models["purchase_14d"]
    assert model.form == "features"
    assert set(LIFETIME_FEATURES) <= set(model.columns)
    features_NF = feature_matrix(world.features)
    lifetime = fit_lifetime(lifetime_matrix(features_NF))
    assert lifetime is not None
    told = lifetime.return_chance(lifetime_matrix(features_NF), days=14)
    seen = model.matrix(features_NF, None)[:, model.columns.index("return_chance")]
    # Fitted bucket by bucket: the same persons in another order.
    assert seen == pytest.approx(told, rel=1e-4, nan_ok=True)


def test_amounts_are_learnt_without_the_lifetime_models(world: World) -> None:
    assert set(LIFETIME_FEATURES).isdisjoint(world.fitted.models["value_30d"].columns)


def test_without_lifetime_models_today_those_of_the_past_are_not_looked_at() -> None:
    rows = rows_with(lambda days: coin(np.exp(-days / 30)))
    told = np.random.default_rng(0).random((len(rows), 3), dtype=np.float32)
    model = fit_task(TASK, replace(rows, told=told))
    assert set(LIFETIME_FEATURES).isdisjoint(model.columns)
    assert model == fit_task(TASK, rows)


def test_shuffled_outcomes_fall_to_chance() -> None:
    rows = rows_with(lambda days: coin(1 / (1 + np.exp((days - 15) / 5))))
    assert fit_task(TASK, rows).validation["auc"] > 0.8
    shuffled = replace(rows, labels=np.random.default_rng(3).permutation(rows.labels))
    assert abs(fit_task(TASK, shuffled).validation["auc"] - 0.5) < 0.07


def test_probabilities_are_calibrated_on_fresh_persons() -> None:
    model = fit_task(TASK, rows_with(lambda days: coin(np.exp(-days / 30)), num=6000))
    fresh = rows_with(lambda days: coin(np.exp(-days / 30), seed=4), num=6000, seed=1)
    _, said = model.score_matrix(fresh.features, None)
    assert model.calibrated
    assert metrics.ece(fresh.labels > 0, said) < 0.03


def test_an_embedding_that_knows_more_is_used() -> None:
    rows = rows_with(lambda hidden: coin(1 / (1 + np.exp(-2 * hidden))), dim=4)
    model = fit_task(TASK, rows)
    assert model.form == "features+embedding"
    assert model.embedding_dim == 4


def test_an_embedding_of_noise_is_left_out() -> None:
    rows = rows_with(lambda days: coin(np.exp(-days / 30)))
    noise = np.random.default_rng(1).normal(size=(len(rows), 4)).astype(np.float32)
    assert fit_task(TASK, replace(rows, embeddings=noise)).embedding_dim == 0


def test_embeddings_are_asked_for_at_each_cut_before_it(world: World) -> None:
    asked: list[tuple[int, int]] = []

    def embed(
        subject_ids: npt.NDArray[np.int64], *, as_of: int, bucket: int
    ) -> npt.NDArray[np.float32]:
        asked.append((bucket, as_of))
        assert (subject_ids % 4 == bucket).all()
        return np.zeros((len(subject_ids), 3), np.float32)

    fitted = fit_tasks(MemoryLog(world.shop), [CHURN], train_until=world.until, embed=embed)
    assert max(moment for _, moment in asked) == world.until
    assert {bucket for bucket, _ in asked} == {0, 1, 2, 3}
    assert fitted.models["churn_30d"].embedding_dim == 0  # zeros say nothing


def season_rows() -> TaskRows:
    """Windows in which ever fewer come back."""
    rows = rows_with(lambda days: coin(0.7 - 0.01 * np.minimum(days, 40)))
    rate_of = {100 * DAY: 1.0, 200 * DAY: 0.7, 300 * DAY: 0.4}
    fewer = coin(np.array([rate_of[int(cut)] for cut in rows.cuts]), seed=4)
    return replace(rows, labels=rows.labels * fewer)


def test_an_unseen_season_is_told_and_widens_the_interval() -> None:
    task, rows = Task("purchase_30d", "event", horizon_days=30), season_rows()
    year_seen, unseen = (fit_task(task, rows, seen_days=days) for days in (500, 330))
    persons = known(50)
    sure, unsure = year_seen.predict(persons), unseen.predict(persons)
    assert set(sure.reason) == {""}
    assert set(unsure.reason) == {
        "rates moved with time and no whole year was seen: this season may differ"
    }
    np.testing.assert_array_equal(unsure.score, sure.score)
    assert (unsure.high - unsure.low > sure.high - sure.low).all()


def test_an_unseen_season_widens_amounts_too() -> None:
    task = Task("value_30d", "sum", horizon_days=30)
    rows = season_rows()
    rows = replace(rows, labels=rows.labels * 20)
    year_seen, unseen = (fit_task(task, rows, seen_days=days) for days in (500, 330))
    persons = known(50)
    assert (unseen.predict(persons).high > year_seen.predict(persons).high).all()


def test_a_model_is_told_at_the_lifetime_models_level(world: World) -> None:
    model = world.fitted.models["purchase_14d"]
    assert any("of the way to BG/NBD's" in note for note in model.notes)


def test_too_few_cases_give_the_base_rate_and_say_so() -> None:
    rows = rows_with(lambda days: (np.arange(len(days)) < 9).astype(float))
    model = fit_task(TASK, rows)
    assert model.reason == "only 9 cases among 300 persons; 30 are needed"
    expected, _ = model.score_matrix(rows.features, None)
    assert expected == pytest.approx(9.5 / 901)
    assert not model.calibrated


def test_what_never_happened_is_not_impossible() -> None:
    model = fit_task(TASK, rows_with(lambda days: np.zeros(len(days))))
    assert 0 < model.base_rate < 0.001
    low, high = model.chance_spread.interval(np.array([model.base_rate]))
    assert 0 < low[0] < model.base_rate < high[0] < 0.05


def test_too_few_persons_give_the_base_rate_and_say_so() -> None:
    model = fit_task(TASK, rows_with(lambda days: coin(np.full(len(days), 0.5)), num=60))
    assert model.reason == "only 20 persons to learn from; 100 are needed"


def test_a_person_at_several_cuts_is_one_person_and_one_case() -> None:
    rows = rows_with(lambda days: coin(np.full(len(days), 0.5)), num=390)
    twenty = replace(rows, subject_ids=np.arange(390) % 20)
    assert fit_task(TASK, twenty).reason == "only 20 persons to learn from; 100 are needed"
    nine_buy = replace(rows, labels=(rows.subject_ids < 9).astype(float))
    reason = "only 9 cases among 130 persons; 30 are needed"
    assert fit_task(TASK, nine_buy).reason == reason
    assert fit_task(AMOUNT, nine_buy).reason == reason
    nine_do_not = replace(rows, labels=(rows.subject_ids >= 9).astype(float))
    assert fit_task(TASK, nine_do_not).reason == reason


def test_amounts_agree_in_total() -> None:
    def spend(days: Floats) -> Floats:
        rng = np.random.default_rng(2)
        return coin(np.exp(-days / 40)) * rng.lognormal(4, 0.5, len(days))

    rows = rows_with(spend, num=3000)
    model = fit_task(AMOUNT, rows)
    expected, typical = model.score_matrix(rows.features, None)
    assert expected.sum() == pytest.approx(rows.labels.sum(), rel=0.01)
    assert metrics.mae(rows.labels, typical) < metrics.mae(rows.labels, expected)


def test_the_typical_amount_of_the_hardly_known_is_their_median_and_not_their_mean() -> None:
    rows = rows_with(lambda days: np.where(days < 10, 50.0, 0.0), num=900)
    thin = np.arange(900) % 3 == 0
    rows.features[thin, FEATURE_COLUMNS.index("events")] = 1
    # Of persons with one event one in four spends, of the others every second.
    labels = np.where(np.arange(900) % 12 == 0, 80.0, 0.0)
    labels[~thin] = np.where(np.arange((~thin).sum()) % 5 < 3, 80.0, 0.0)
    model = fit_task(AMOUNT, replace(rows, labels=labels))
    expected, typical = model.score_matrix(rows.features[thin], None)
    assert (typical == 0).all()
    assert expected.mean() == pytest.approx(20, rel=0.2)
    stranger = model.record_of_nobody()
    assert (stranger.value, stranger.expected) == (np.median(labels), labels.mean())


def test_a_base_rate_of_amounts_has_a_median_and_a_mean() -> None:
    labels = np.array([0.0] * 40 + [30.0] * 20)
    model = fit_task(AMOUNT, replace(rows_with(lambda days: days, num=60), labels=labels))
    expected, typical = model.score_matrix(rows_with(lambda days: days, num=3).features, None)
    assert typical.tolist() == [0, 0, 0]
    assert expected.tolist() == [10, 10, 10]


def test_an_amount_learnt_from_one_person_has_no_interval() -> None:
    one = replace(rows_with(lambda days: days, num=3), labels=np.array([0.0, 5.0, 9.0]))
    said = fit_task(AMOUNT, one).predict(known(1))
    assert said.to_frame().select("interval_low", "interval_high").row(0) == (None, None)
    assert said.record(0).interval is None
    many = rows_with(lambda days: days, num=19 * 3)
    low, high = fit_task(AMOUNT, many).predict(known(1)).to_frame().row(0)[3:5]
    assert low < np.median(many.labels) < high


def known(num: int) -> pl.DataFrame:
    """Features of persons with ten events."""
    columns = dict.fromkeys(FEATURE_COLUMNS, 10.0)
    return pl.DataFrame([{"subject_id": n, **columns} for n in range(num)])


def test_who_is_told_the_rate_of_others_is_told_nothing_calibrated() -> None:
    model = fit_task(TASK, rows_with(lambda days: coin(np.exp(-days / 30)), num=3000))
    persons = known(2).with_columns(events=pl.Series([1.0, 10.0]))
    said = model.predict(persons)
    assert said.data_sufficiency.tolist() == ["not_enough_data", "ok"]
    assert said.to_frame()["calibrated"].to_list() == [False, True]
    assert [said.record(row).calibrated for row in (0, 1)] == [False, True]


def test_a_percentile_is_a_place_in_the_population() -> None:
    rows = rows_with(lambda days: coin(np.exp(-days / 30)))
    model = fit_task(TASK, rows)
    expected, _ = model.score_matrix(rows.features, None)
    places = model.percentile_of(expected)
    assert places.mean() == pytest.approx(50, abs=2)
    assert np.corrcoef(np.argsort(np.argsort(expected)), places)[0, 1] > 0.99


def test_a_loyal_shop_is_asked_for_a_fall_in_spending() -> None:
    shop = make_shop(num_persons=200, days=240)
    loyal = [person for person in range(200) if person not in shop.leaves_at]
    events = shop.events.filter(pl.col("subject_id").is_in(loyal))
    churn = replace(CHURN.task, horizon_days=40.0)
    asked = ResolvedTask(churn, "ok", may_fall=True)
    log = MemoryLog(replace(shop, events=events))
    model = fit_tasks(log, [asked], train_until=shop.end_at).models["churn_30d"]
    assert model.task == replace(churn, fall_to=0.5)
    fixed = fit_tasks(log, [replace(asked, may_fall=False)], train_until=shop.end_at)
    assert fixed.models["churn_30d"].task == churn


def test_what_the_log_cannot_answer_is_told_with_a_reason() -> None:
    shop = make_shop(num_persons=60, days=30)
    log = MemoryLog(shop)
    own = {"visit_5d": TaskSettings(kind="event", event="any", horizon_days=5)}
    tasks = resolve_tasks(own, outline_log(log))
    fitted = fit_tasks(log, tasks, train_until=shop.end_at)
    assert fitted.unanswered["churn_90d"].startswith("the log spans 29.5 days")
    assert "visit_5d" in fitted.models


def test_without_customers_who_came_back_no_rhythm_is_known() -> None:
    shop = make_shop(num_persons=60, days=120)
    first = (pl.col("event_type") != "purchase") | (
        pl.col("timestamp")
        == pl.col("timestamp").filter(pl.col("event_type") == "purchase").min().over("subject_id")
    )
    log = MemoryLog(replace(shop, events=shop.events.filter(first)))
    asked = Task("own", "no_event", horizon_days=20, active_days=60, rhythm=2.0)
    fitted = fit_tasks(log, [ResolvedTask(asked, "ok")], train_until=shop.end_at)
    assert fitted.unanswered == {"own": "too few customers bought again to know a usual pause"}


def test_a_log_too_short_for_a_rhythm_is_told_as_too_short() -> None:
    shop = make_shop(num_persons=60, days=30)
    asked = Task("own", "no_event", horizon_days=60, active_days=60, rhythm=2.0)
    fitted = fit_tasks(MemoryLog(shop), [ResolvedTask(asked, "ok")], train_until=shop.end_at)
    assert fitted.unanswered == {
        "own": "the log up to the cut is shorter than the task's horizon needs"
    }


def test_a_cut_too_early_for_the_horizon_is_told_with_a_reason() -> None:
    shop = make_shop(num_persons=60, days=60)
    fitted = fit_tasks(MemoryLog(shop), [CHURN], train_until=shop.start_at + 20 * DAY)
    assert "shorter than the task's horizon" in fitted.unanswered["churn_30d"]


def test_the_same_seed_gives_the_same_model(world: World) -> None:
    again = fit_tasks(MemoryLog(world.shop), [CHURN], train_until=world.until)
    assert again.models["churn_30d"] == world.fitted.models["churn_30d"]
