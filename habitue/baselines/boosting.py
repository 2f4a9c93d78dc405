"""Boosted trees with this project's fixed settings: arrays in, raw scores out.

LightGBM on at most two threads, deterministic, kept as its own text format (no pickle). A raw
score is log odds for "binary", a number for "regression" and "median". Missing numbers (NaN) are
a branch of their own. Knows nothing about what the columns mean.
"""

from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from habitue.compute import wait_politely

if TYPE_CHECKING:
    from lightgbm import Booster

Floats = npt.NDArray[np.floating]
Objective = Literal["binary", "regression", "median"]

ROUNDS = 160
_LIGHTGBM_OBJECTIVES = {"binary": "binary", "regression": "l2", "median": "l1"}
_THREADS = 2
_MANY_COLUMNS = 20
# Below this many numbers a second thread waits longer than it works, most of all beside others.
_ONE_THREAD_CELLS = 5_000_000
_FEW_CELLS = 100_000  # the same, where nothing is fitted


@dataclass(frozen=True)
class Trees:
    """A fitted ensemble of trees, as LightGBM's text."""

    text: str

    @cached_property
    def _booster(self) -> "Booster":
        booster: Booster = _lightgbm().Booster(model_str=self.text)
        return booster

    def raw(self, columns_NF: Floats, *, rounds: int | None = None) -> Floats:
        """Return the raw score of each row, float64 [N], of the first `rounds` trees."""
        threads = 1 if columns_NF.size < _FEW_CELLS else _THREADS
        scores = self._booster.predict(
            columns_NF, raw_score=True, num_iteration=rounds, num_threads=threads
        )
        return np.asarray(scores, dtype=np.float64)

    def contributions(self, columns_NF: Floats) -> Floats:
        """Return what each column adds to the raw score, float64 [N, F + 1], the last the mean."""
        parts = self._booster.predict(columns_NF, pred_contrib=True, num_threads=_THREADS)
        return np.asarray(parts, dtype=np.float64)


def fit_trees(
    columns_NF: Floats,
    label_N: Floats,
    *,
    objective: Objective,
    seed: int = 0,
    rounds: int = ROUNDS,
) -> Trees:
    """Fit small trees (seven leaves: histories are short, labels noisy) and return them."""
    lightgbm = _lightgbm()
    settings = {
        "objective": _LIGHTGBM_OBJECTIVES[objective],
        "learning_rate": 0.05,
        "num_leaves": 7,
        "max_bin": 63,
        "min_data_in_leaf": int(np.clip(len(label_N) // 50, 5, 40)),
        # Of few columns each tree must see all, or it finds no interaction.
        "feature_fraction": 0.4 if columns_NF.shape[1] >= _MANY_COLUMNS else 1.0,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": 5.0,
        "num_threads": 1 if columns_NF.size < _ONE_THREAD_CELLS else _THREADS,
        "deterministic": True,
        "force_row_wise": True,
        "seed": seed,
        "verbosity": -1,
    }
    rows = lightgbm.Dataset(np.ascontiguousarray(columns_NF), np.asarray(label_N))
    return Trees(lightgbm.train(settings, rows, num_boost_round=rounds).model_to_string())


def _lightgbm() -> ModuleType:
    """Load the library only when it is needed: that takes a second."""
    wait_politely()
    import lightgbm

    return lightgbm
