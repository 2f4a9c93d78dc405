import numpy as np
import pytest

from habitue.baselines.linear import fit_linear


def logistic_rows(num: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    columns = rng.normal(size=(num, 3))
    odds = 1.5 * columns[:, 0] - 0.5
    return columns, (rng.random(num) < 1 / (1 + np.exp(-odds))).astype(float), odds


def test_log_odds_are_found() -> None:
    columns, label, odds = logistic_rows(20_000)
    # Compare on a column that the signed logarithm hardly bends.
    model = fit_linear(columns / 100, label, objective="binary", penalty=0.01)
    assert np.corrcoef(model.raw(columns / 100), odds)[0, 1] > 0.99
    chance = 1 / (1 + np.exp(-model.raw(columns / 100)))
    assert chance.mean() == pytest.approx(label.mean(), abs=1e-4)


def test_least_squares_find_a_line_in_logs() -> None:
    amounts = np.random.default_rng(0).lognormal(2, 1, 2000)
    model = fit_linear(amounts[:, None], 3 * np.log1p(amounts) + 1, objective="regression",
                       penalty=1e-6)  # fmt: skip
    inner = amounts[np.abs(np.log1p(amounts) - np.log1p(amounts).mean()) < 1]
    assert model.raw(inner[:, None]) == pytest.approx(3 * np.log1p(inner) + 1, abs=0.05)


def test_contributions_add_up_to_the_score() -> None:
    columns, label, _ = logistic_rows(300)
    model = fit_linear(columns, label, objective="binary")
    assert model.contributions(columns).sum(axis=1) == pytest.approx(model.raw(columns))


def test_a_stronger_penalty_draws_weights_to_zero() -> None:
    columns, label, _ = logistic_rows(300)
    weak = fit_linear(columns, label, objective="binary", penalty=1)
    strong = fit_linear(columns, label, objective="binary", penalty=1000)
    assert np.abs(strong.weight).max() < np.abs(weak.weight).max() / 2


def test_classes_that_are_wholly_apart_stay_finite() -> None:
    columns = np.linspace(-1, 1, 200)[:, None]
    model = fit_linear(columns, (columns[:, 0] > 0).astype(float), objective="binary", penalty=1)
    assert np.isfinite(model.raw(columns)).all()


def test_missing_and_constant_columns_are_harmless() -> None:
    columns, label, _ = logistic_rows(300)
    columns[::2, 1] = np.nan
    columns[:, 2] = np.nan
    model = fit_linear(columns, label, objective="binary")
    assert np.isfinite(model.raw(columns)).all()
    assert model.weight[2] == 0


def test_an_outlier_moves_no_score_beyond_bounds() -> None:
    columns, label, _ = logistic_rows(300)
    model = fit_linear(columns, label, objective="binary")
    far = columns[:1].copy()
    far[0, 0] = 1e12
    assert np.isfinite(model.raw(far)).all()
    assert abs(model.raw(far)[0]) < 5 * np.abs(model.weight).sum() + abs(model.intercept) + 1e-9
