"""The rivals of every prediction: what recency, frequency and money alone can say.

In: seven columns a person (`RFM_COLUMNS`) and what came after. Out, for a probability: "recency"
(one variable), "rfm_logistic", "rfm_boosted" (LightGBM) and "base_rate"; for an amount: "mean",
"recent_spend" (as much as in the equally long time before), "rfm_linear" and "rfm_boosted"
(LightGBM aiming at the median), each with what is typical and, smeared, what may be added up
(Duan 1983). Knows nothing about tasks or events.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from habitue.baselines.boosting import Trees, fit_trees
from habitue.baselines.linear import LinearModel, fit_linear

Floats = npt.NDArray[np.floating]

RFM_COLUMNS: Final = (
    "days_since_event",
    "days_since_purchase",
    "events",
    "orders",
    "spend",
    "tenure_days",
    "recent_spend",
)
_NEXT_TO_NONE: Final = 0.01
_EVENT_RECENCY: Final = RFM_COLUMNS.index("days_since_event")
_PURCHASE_RECENCY: Final = RFM_COLUMNS.index("days_since_purchase")
_RECENT_SPEND: Final = RFM_COLUMNS.index("recent_spend")


@dataclass(frozen=True)
class ChanceBaselines:
    """Fitted rivals of a probability."""

    base_rate: float
    recency: LinearModel
    logistic: LinearModel
    trees: Trees

    def predict(self, rfm_NF: Floats) -> dict[str, Floats]:
        """Return the probability of each row by each rival, float64 [N]."""
        return {
            "base_rate": np.full(len(rfm_NF), self.base_rate),
            "recency": _chance(self.recency.raw(_recency(rfm_NF))),
            "rfm_logistic": _chance(self.logistic.raw(rfm_NF)),
            "rfm_boosted": _chance(self.trees.raw(rfm_NF)),
        }


@dataclass(frozen=True)
class AmountBaselines:
    """Fitted rivals of an amount."""

    mean: float
    linear: LinearModel
    trees: Trees
    # True money for each that the two models tell, over the rows they were fitted on: what is
    # typical of many does not add up to what they spend.
    linear_smear: float = 1.0
    trees_smear: float = 1.0

    def predict(self, rfm_NF: Floats) -> dict[str, Floats]:
        """Return the typical amount of each row by each rival, float64 [N], never below 0."""
        return {
            "mean": np.full(len(rfm_NF), self.mean),
            "recent_spend": np.nan_to_num(np.asarray(rfm_NF[:, _RECENT_SPEND], np.float64)),
            "rfm_linear": _amount(self.linear.raw(rfm_NF)),
            "rfm_boosted": _amount(self.trees.raw(rfm_NF)),
        }

    def expected(self, rfm_NF: Floats) -> dict[str, Floats]:
        """Return the mean amount of each row by each rival, which may be added up."""
        smear = {"rfm_linear": self.linear_smear, "rfm_boosted": self.trees_smear}
        return {
            name: amount * smear.get(name, 1.0) for name, amount in self.predict(rfm_NF).items()
        }


def fit_chance_baselines(rfm_NF: Floats, label_N: Floats, *, seed: int = 0) -> ChanceBaselines:
    """Fit the rivals of a probability on rows of `RFM_COLUMNS` and labels 0 or 1."""
    return ChanceBaselines(
        base_rate=float(np.mean(label_N)),
        recency=fit_linear(_recency(rfm_NF), label_N, objective="binary", penalty=1.0),
        logistic=fit_linear(rfm_NF, label_N, objective="binary", penalty=1.0),
        trees=fit_trees(rfm_NF, label_N, objective="binary", seed=seed, rounds=100),
    )


def fit_amount_baselines(rfm_NF: Floats, amount_N: Floats, *, seed: int = 0) -> AmountBaselines:
    """Fit the rivals of an amount on rows of `RFM_COLUMNS` and amounts from 0."""
    logged = np.log1p(amount_N)
    linear = fit_linear(rfm_NF, logged, objective="regression", penalty=1.0)
    trees = fit_trees(rfm_NF, logged, objective="median", seed=seed, rounds=100)
    return AmountBaselines(
        mean=float(np.mean(amount_N)),
        linear=linear,
        trees=trees,
        linear_smear=_smear(amount_N, _amount(linear.raw(rfm_NF))),
        trees_smear=_smear(amount_N, _amount(trees.raw(rfm_NF))),
    )


def _smear(amount_N: Floats, said_N: Floats) -> float:
    """Return by what amounts must be multiplied for totals to agree; 1 where next to none is told.

    Where most spend nothing, what is typical of everybody may be 0, and no factor mends that.
    """
    told, true = float(said_N.sum()), float(amount_N.sum())
    return true / told if told > _NEXT_TO_NONE * true else 1.0


def _recency(rfm_NF: Floats) -> Floats:
    """Days since the last purchase [N, 1], for those without one since the last event."""
    bought = rfm_NF[:, _PURCHASE_RECENCY]
    return np.where(np.isnan(bought), rfm_NF[:, _EVENT_RECENCY], bought)[:, None]


def _chance(raw_N: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-raw_N)))


def _amount(logged_N: Floats) -> Floats:
    return np.maximum(np.expm1(np.minimum(logged_N, 50.0)), 0.0)
