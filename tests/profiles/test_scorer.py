import numpy as np
import pytest

from habitue.profiles.cuts import Fold
from habitue.profiles.scorer import choose_mixture, fit_scorer

FOLDS = (Fold(np.arange(1000), np.arange(1000, 2000)),)


def rows(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(2000, 3)).astype(np.float32), rng.random(2000)


def test_a_line_is_taken_where_the_truth_is_one() -> None:
    columns, chance = rows()
    label = (chance < 1 / (1 + np.exp(-columns[:, 0]))).astype(float)
    mixture = choose_mixture(columns, label, FOLDS, objective="binary", seed=0)
    assert mixture.tree_share < 1


def test_trees_are_taken_where_signs_must_agree() -> None:
    columns, _ = rows()
    label = (columns[:, 0] * columns[:, 1] > 0).astype(float)
    mixture = choose_mixture(columns, label, FOLDS, objective="binary", seed=0)
    assert mixture.tree_share == 1


def test_judged_scores_come_from_models_that_did_not_see_the_row() -> None:
    columns, _ = rows()
    label = (np.random.default_rng(5).random(2000) < 0.5).astype(float)  # nothing to learn
    mixture = choose_mixture(columns, label, FOLDS, objective="binary", seed=0)
    assert np.array_equal(mixture.rows, FOLDS[0].judge)
    assert abs(np.corrcoef(mixture.raw, label[mixture.rows])[0, 1]) < 0.1


def test_a_windows_level_decides_nothing() -> None:
    columns, _ = rows()
    number = columns[:, 0] + np.where(np.arange(2000) < 1000, 0.0, 10.0)
    mixture = choose_mixture(columns, number, FOLDS, objective="regression", seed=0)
    assert (number[mixture.rows] - mixture.raw).mean() == pytest.approx(10, abs=0.5)
    assert (number[mixture.rows] - mixture.levelled).mean() == pytest.approx(0, abs=1e-9)


def test_contributions_add_up_to_the_score() -> None:
    columns, chance = rows()
    label = (chance < 1 / (1 + np.exp(-columns[:, 0]))).astype(float)
    mixture = choose_mixture(columns, label, FOLDS, objective="binary", seed=0)
    scorer = fit_scorer(columns, label, mixture, objective="binary", seed=0)
    assert scorer.contributions(columns).sum(axis=1) == pytest.approx(scorer.raw(columns), abs=1e-6)


def test_rows_without_a_label_are_scored_but_teach_nothing() -> None:
    columns, _ = rows()
    number = columns[:, 0].astype(np.float64)
    number[::2] = np.nan
    mixture = choose_mixture(columns, number, FOLDS, objective="regression", seed=0)
    assert len(mixture.raw) == 1000
    assert np.isfinite(mixture.raw).all()
    scorer = fit_scorer(columns, number, mixture, objective="regression", seed=0)
    assert np.corrcoef(scorer.raw(columns), columns[:, 0])[0, 1] > 0.98


def test_folds_of_one_outcome_judge_nothing() -> None:
    columns, _ = rows()
    label = np.zeros(2000)
    label[1500:] = 1
    mixture = choose_mixture(columns, label, FOLDS, objective="binary", seed=0)
    assert len(mixture.rows) == 0
    assert np.isfinite(
        fit_scorer(columns, label, mixture, objective="binary", seed=0).raw(columns)
    ).all()


def test_nobody_has_no_scores() -> None:
    columns, chance = rows()
    label = (chance < 0.5).astype(float)
    mixture = choose_mixture(columns, label, FOLDS, objective="binary", seed=0)
    scorer = fit_scorer(columns, label, mixture, objective="binary", seed=0)
    assert len(scorer.raw(columns[:0])) == 0
