import numpy as np
import pytest

from habitue import metrics
from habitue.baselines.rfm import RFM_COLUMNS, fit_amount_baselines, fit_chance_baselines


def persons(num: int = 1500, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of RFM_COLUMNS, who comes back, and what they spend: the recent and the frequent."""
    rng = np.random.default_rng(seed)
    recency = rng.exponential(30, num)
    orders = 1 + rng.poisson(3, num)
    spend = orders * rng.lognormal(3, 0.5, num)
    column = {
        "days_since_event": recency,
        "days_since_purchase": recency,
        "events": orders,
        "orders": orders,
        "spend": spend,
        "tenure_days": recency + 100,
        "recent_spend": spend,
    }
    rows = np.column_stack([column[name] for name in RFM_COLUMNS]).astype(np.float32)
    chance = 1 / (1 + np.exp(recency / 20 - orders / 2))
    came = (rng.random(num) < chance).astype(float)
    return rows, came, came * spend


def test_each_rival_of_a_probability_tells_persons_apart() -> None:
    rows, came, _ = persons()
    said = fit_chance_baselines(rows[:1000], came[:1000]).predict(rows[1000:])
    assert set(said) == {"base_rate", "recency", "rfm_logistic", "rfm_boosted"}
    area = {name: metrics.auc(came[1000:] > 0, score) for name, score in said.items()}
    assert area["base_rate"] == 0.5
    assert 0.65 < area["recency"] < min(area["rfm_logistic"], area["rfm_boosted"])
    assert all(((score >= 0) & (score <= 1)).all() for score in said.values())


def test_shuffled_outcomes_leave_the_rivals_at_chance() -> None:
    rows, came, _ = persons(3000)
    shuffled = np.random.default_rng(1).permutation(came)
    said = fit_chance_baselines(rows[:2000], shuffled[:2000]).predict(rows[2000:])
    for score in said.values():
        assert abs(metrics.auc(shuffled[2000:] > 0, score) - 0.5) < 0.06


def test_rivals_of_an_amount_beat_its_mean() -> None:
    rows, _, amount = persons()
    said = fit_amount_baselines(rows[:1000], amount[:1000]).predict(rows[1000:])
    assert set(said) == {"mean", "recent_spend", "rfm_linear", "rfm_boosted"}
    error = {name: metrics.mae(amount[1000:], value) for name, value in said.items()}
    assert max(error["rfm_linear"], error["rfm_boosted"]) < error["mean"]
    assert said["recent_spend"] == pytest.approx(rows[1000:, RFM_COLUMNS.index("recent_spend")])
    assert all((value >= 0).all() for value in said.values())


def test_what_rivals_expect_adds_up_while_what_they_call_typical_does_not() -> None:
    rows, _, amount = persons()
    rivals = fit_amount_baselines(rows, amount)
    typical, expected = rivals.predict(rows), rivals.expected(rows)
    for name in ("rfm_linear", "rfm_boosted"):
        assert expected[name].sum() == pytest.approx(amount.sum())
        assert abs(typical[name].sum() / amount.sum() - 1) > 0.02
    for name in ("mean", "recent_spend"):
        assert expected[name] == pytest.approx(typical[name])


def test_a_rival_that_tells_nothing_is_not_blown_up() -> None:
    rows, _, _ = persons(200)
    amount = np.zeros(200)
    amount[:3] = 1000.0
    expected = fit_amount_baselines(rows, amount).expected(rows)
    assert max(value.max() for value in expected.values()) < 10_000


def test_who_never_bought_is_judged_by_the_last_visit() -> None:
    rows, came, _ = persons()
    rows[:, RFM_COLUMNS.index("days_since_purchase")] = np.nan
    said = fit_chance_baselines(rows, came).predict(rows)
    assert metrics.auc(came > 0, said["recency"]) > 0.6
