import numpy as np
import pytest

from habitue.baselines.boosting import Trees, fit_trees


def checkerboard(num: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes that neither column tells alone: 1 where the signs agree."""
    columns = np.random.default_rng(0).normal(size=(num, 2)).astype(np.float32)
    return columns, (columns[:, 0] * columns[:, 1] > 0).astype(float)


def test_trees_learn_what_no_line_can() -> None:
    columns, label = checkerboard()
    trees = fit_trees(columns[:2000], label[:2000], objective="binary")
    right = (trees.raw(columns[2000:]) > 0) == (label[2000:] > 0)
    assert right.mean() > 0.9


def test_the_same_rows_give_the_same_trees() -> None:
    columns, label = checkerboard(500)
    first = fit_trees(columns, label, objective="binary", seed=3, rounds=20)
    assert fit_trees(columns, label, objective="binary", seed=3, rounds=20).text == first.text


def test_text_holds_the_whole_model() -> None:
    columns, label = checkerboard(500)
    trees = fit_trees(columns, label, objective="binary", rounds=20)
    assert np.array_equal(Trees(trees.text).raw(columns), trees.raw(columns))


@pytest.mark.parametrize("objective", ["binary", "regression", "median"])
def test_contributions_add_up_to_the_score(objective: str) -> None:
    columns, label = checkerboard(500)
    trees = fit_trees(columns, label, objective=objective, rounds=20)  # type: ignore[arg-type]
    parts = trees.contributions(columns)
    assert parts.shape == (500, 3)
    assert parts.sum(axis=1) == pytest.approx(trees.raw(columns), abs=1e-6)


def test_fewer_rounds_are_the_first_trees() -> None:
    columns, label = checkerboard(500)
    long = fit_trees(columns, label, objective="binary", rounds=40)
    short = fit_trees(columns, label, objective="binary", rounds=10)
    assert long.raw(columns, rounds=10) == pytest.approx(short.raw(columns))


def test_missing_numbers_are_allowed() -> None:
    columns, label = checkerboard(500)
    columns[::3, 0] = np.nan
    trees = fit_trees(columns, label, objective="binary", rounds=10)
    assert np.isfinite(trees.raw(columns)).all()


def test_the_median_objective_aims_at_the_median() -> None:
    amounts = np.concatenate([np.ones(600), np.full(400, 1000.0)])
    trees = fit_trees(np.zeros((1000, 1), np.float32), amounts, objective="median", rounds=10)
    assert trees.raw(np.zeros((1, 1), np.float32))[0] < 10
