import numpy as np
import polars as pl
import pytest

from habitue.languages import speaking
from habitue.profiles.feature_names import MODEL_FEATURES
from habitue.profiles.features import build_features
from habitue.profiles.prediction_reasons import (
    EMBEDDING_TEXTS,
    explain_predictions,
    sentence,
    sentence_of_anybody,
)
from habitue.profiles.predictions import fit_task, fit_tasks
from habitue.profiles.samples import FEATURE_COLUMNS, MODEL_COLUMNS, TaskRows, feature_matrix
from habitue.profiles.task_model import TaskModel
from habitue.profiles.tasks import ResolvedTask
from habitue.schema import DAY, Task
from tests.shop import MemoryLog, make_shop

SHOP = make_shop(num_persons=150, days=200)
TASKS = [
    ResolvedTask(Task("churn", "no_event", horizon_days=30, active_days=60), "ok"),
    ResolvedTask(Task("value", "sum", horizon_days=30, active_days=60), "ok"),
]
NOTHING = dict.fromkeys(MODEL_FEATURES, np.nan)


@pytest.fixture(scope="module")
def models() -> dict[str, TaskModel]:
    return dict(fit_tasks(MemoryLog(SHOP), TASKS, train_until=SHOP.end_at).models)


@pytest.fixture(scope="module")
def features() -> pl.DataFrame:
    return build_features(SHOP.events, SHOP.items, as_of=SHOP.end_at)


def test_an_overdue_order_is_told_with_the_usual_gap() -> None:
    values = {**NOTHING, "days_since_purchase": 41.2, "gap_mean_days": 9.0}
    assert sentence("days_since_purchase", values) == "no order for 41 days; usually every 9 days"


def test_an_unknown_rhythm_is_left_out() -> None:
    values = {**NOTHING, "days_since_purchase": 0.5}
    assert sentence("days_since_purchase", values) == "no order for 12 hours"


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("orders_30d", 0.0, "no order in the last 30 days"),
        ("orders_30d", 1.0, "1 order in the last 30 days"),
        ("spend_7d", 1234.5, "spent 1,234.50 in the last 7 days"),
        ("spend_7d", 0.0, "spent nothing in the last 7 days"),
        ("refund_share", 0.25, "25% of spending was refunded"),
        ("searches", 3.0, "3 searches so far"),
        ("category_breadth", 2.5, "interest spread over 2.5 categories"),
        ("days_since_event", 1.2, "last seen 1 day ago"),
        ("gap_mean_days", np.nan, "fewer than two orders"),
        ("category_breadth", 152.0, "interest spread over 152 categories"),
        ("return_chance", 0.9971, "rhythm and silence make an order over 99% likely"),
        ("order_days", 1.0, "ordered on 1 day"),
        ("return_chance", 0.34, "rhythm and silence make an order 34% likely"),
        ("order_days_to_come", 0.62, "rhythm and silence speak for 0.62 more orders"),
    ],
)
def test_numbers_are_told_as_a_person_would(name: str, value: float, text: str) -> None:
    assert sentence(name, {**NOTHING, name: value}) == text


def test_next_to_nothing_has_no_digits() -> None:
    values = {**NOTHING, "spend_90d": 0.0, "spend_trend_90d": -8.0}
    told = (
        "spent nothing in the last 90 days, less than a hundredth as much as in the 90 days before"
    )
    assert sentence("spend_trend_90d", values) == told


def test_many_times_next_to_nothing_is_not_counted() -> None:
    values = {**NOTHING, "spend_90d": 643.12, "spend_trend_90d": np.log2(644.12)}
    told = "spent 643.12 in the last 90 days, more than ten times as much as in the 90 days before"
    assert sentence("spend_trend_90d", values) == told
    with speaking("zh"):
        assert sentence("spend_trend_90d", values).endswith("约为再往前90天的10多倍")


@pytest.mark.parametrize(
    ("name", "english", "chinese"),
    [
        ("orders_30d", "… orders in the last 30 days", "过去30天下单…次"),
        ("refund_share", "…% of spending was refunded", "…%的消费金额已退款"),
        ("hour_sin", "", ""),
    ],
)
def test_a_feature_is_told_of_anybody_with_dots_for_its_number(
    name: str, english: str, chinese: str
) -> None:
    assert sentence_of_anybody(name) == english
    with speaking("zh"):
        assert sentence_of_anybody(name) == chinese


def test_every_feature_has_a_sentence() -> None:
    some = dict.fromkeys(MODEL_FEATURES, 3.0)
    for name in MODEL_FEATURES:
        text = sentence(name, some)
        assert text
        assert "{" not in text
        assert sentence(name, NOTHING) == MODEL_FEATURES[name].missing


def test_reasons_are_few_strongest_first_and_of_different_themes(
    models: dict[str, TaskModel], features: pl.DataFrame
) -> None:
    reasons = explain_predictions(models["churn"], features, limit=4)
    assert len(reasons) == len(features)
    for own in reasons:
        assert 1 <= len(own) <= 4
        effects = [abs(reason.effect) for reason in own]
        assert effects == sorted(effects, reverse=True)
        assert len({reason.theme for reason in own}) == len(own)


def test_silence_drives_churn_up_and_recent_orders_drive_it_down(
    models: dict[str, TaskModel], features: pl.DataFrame
) -> None:
    score = models["churn"].predict(features).score
    high, low = int(score.argmax()), int(score.argmin())
    reasons = explain_predictions(models["churn"], features, limit=3)
    assert sum(reason.effect for reason in reasons[high]) > 0
    assert sum(reason.effect for reason in reasons[low]) < 0


def test_a_reason_speaks_of_the_persons_own_value(
    models: dict[str, TaskModel], features: pl.DataFrame
) -> None:
    model = models["churn"]
    reasons = explain_predictions(model, features)
    values = model.chosen(MODEL_COLUMNS, feature_matrix(features))
    for row, own in zip(values, reasons, strict=True):
        for reason in own:
            value = row[MODEL_COLUMNS.index(reason.feature)]
            assert reason.value == pytest.approx(value, rel=1e-5)
            assert reason.text == sentence(
                reason.feature, dict(zip(MODEL_COLUMNS, row.tolist(), strict=True))
            )


def test_effects_on_an_amount_are_in_money(
    models: dict[str, TaskModel], features: pl.DataFrame
) -> None:
    said = models["value"].predict(features)
    reasons = explain_predictions(models["value"], features)
    best = int(said.expected.argmax())
    assert sum(reason.effect for reason in reasons[best]) > 1
    assert all(reason.effect <= said.expected[best] for reason in reasons[best])


def test_an_embedding_is_told_as_one_pattern() -> None:
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=900)
    features = np.full((900, len(FEATURE_COLUMNS)), np.nan, np.float32)
    features[:, FEATURE_COLUMNS.index("days_since_event")] = rng.exponential(20, 900)
    features[:, FEATURE_COLUMNS.index("events")] = 9
    rows = TaskRows(
        subject_ids=np.arange(900) % 300,
        cuts=np.repeat([100, 200, 300], 300) * DAY,
        features=features,
        embeddings=np.column_stack([hidden, rng.normal(size=900)]).astype(np.float32),
        labels=(rng.random(900) < 1 / (1 + np.exp(-3 * hidden))).astype(float),
    )
    model = fit_task(Task("t", "event", horizon_days=30), rows)
    frame = pl.DataFrame(
        {
            "subject_id": [1, 2],
            **{name: [9.0, 9.0] for name in FEATURE_COLUMNS},
        }
    )
    up, down = explain_predictions(model, frame, np.array([[2.0, 0], [-2, 0]], np.float32), limit=1)
    assert up[0].text == EMBEDDING_TEXTS["en"]
    assert up[0].effect > 0 > down[0].effect
    assert up[0].value is None


def test_a_base_rate_has_no_reasons(features: pl.DataFrame) -> None:
    rows = TaskRows(
        np.arange(50),
        np.zeros(50, np.int64),
        np.zeros((50, len(FEATURE_COLUMNS)), np.float32),
        None,
        np.zeros(50),
    )
    model = fit_task(Task("t", "event"), rows)
    assert explain_predictions(model, features) == [()] * len(features)


def test_nobody_has_no_reasons(models: dict[str, TaskModel], features: pl.DataFrame) -> None:
    assert explain_predictions(models["churn"], features.clear()) == []
