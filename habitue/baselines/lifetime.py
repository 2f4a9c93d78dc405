"""Lifetime-value models as rivals of a prediction: "bg_nbd" and "bg_nbd_gamma_gamma".

In: four columns a person (`LIFETIME_COLUMNS`), nothing of what came after. Out: the chance to buy
within some days, or the amount. A purchase is a day with an order, as in the papers: in a Poisson
process nobody comes back within the hour as a matter of course. The two models say nothing of
persons who never bought; such get the mean of theirs among those learnt from. Knows nothing about
tasks or events.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from habitue.baselines.bg_nbd import BgNbd, fit_bg_nbd
from habitue.baselines.gamma_gamma import GammaGamma, fit_gamma_gamma
from habitue.errors import NotEnoughData

Floats = npt.NDArray[np.floating]
Asked = Literal["return", "absence", "value"]

LIFETIME_COLUMNS: Final = (
    "order_days",  # missing of persons who never bought
    "last_repeat_days",
    "customer_days",
    "spend",
)


@dataclass(frozen=True)
class Lifetime:
    """When customers buy, and for how much; the latter is missing where nothing has a value."""

    buying: BgNbd
    spending: GammaGamma | None

    def return_chance(self, columns_NF: Floats, *, days: float) -> Floats:
        """Return the chance of an order within `days`, float64 [N], NaN of who never bought."""
        return _of_buyers(self.buying.return_chance, columns_NF, days)

    def order_days(self, columns_NF: Floats, *, days: float) -> Floats:
        """Return the expected number of days with an order within `days`, float64 [N], or NaN."""
        return _of_buyers(self.buying.purchases, columns_NF, days)

    def value(self, columns_NF: Floats, *, days: float) -> Floats:
        """Return the expected amount within `days`, float64 [N], NaN where it is not known."""
        if self.spending is None:
            return np.full(len(columns_NF), np.nan)
        order_days, _, _, spend = columns_NF.T
        of_a_day = self.spending.spend(order_days, spend / order_days)
        return np.asarray(self.order_days(columns_NF, days=days) * of_a_day)


@dataclass(frozen=True)
class LifetimeRival:
    """The models as an answer to one question about every person."""

    lifetime: Lifetime
    asked: Asked
    days: float
    never_bought: float  # the answer for those who never did

    def predict(self, columns_NF: Floats) -> dict[str, tuple[Floats, Floats]]:
        """Return (expected, typical) of each row by name; equal for a probability.

        The typical amount is 0 where a purchase is not to be expected.
        """
        chance = self.lifetime.return_chance(columns_NF, days=self.days)
        if self.asked != "value":
            chance = self._filled(1 - chance if self.asked == "absence" else chance)
            return {"bg_nbd": (chance, chance)}
        if self.lifetime.spending is None:
            return {}
        expected = self._filled(self.lifetime.value(columns_NF, days=self.days))
        typical = np.where(np.nan_to_num(chance) > 0.5, expected, 0.0)
        return {"bg_nbd_gamma_gamma": (expected, typical)}

    def _filled(self, answer_N: Floats) -> Floats:
        return np.where(np.isnan(answer_N), self.never_bought, answer_N)


def fit_lifetime(columns_NF: Floats) -> Lifetime | None:
    """Fit both models to persons as they are known today; None where too few bought again."""
    order_days, recency, age, spend = columns_NF[~np.isnan(columns_NF[:, 0])].T
    try:
        buying = fit_bg_nbd(order_days - 1, recency, age)
    except NotEnoughData:
        return None
    again = order_days > 1
    try:
        return Lifetime(
            buying, fit_gamma_gamma(order_days[again], spend[again] / order_days[again])
        )
    except NotEnoughData:
        return Lifetime(buying, None)


def fit_lifetime_rival(
    lifetime: Lifetime, columns_NF: Floats, label_N: Floats, *, asked: Asked, days: float
) -> LifetimeRival:
    """Return the rival; from labelled rows it takes the mean of those who never bought alone."""
    label = label_N[np.isnan(columns_NF[:, 0])]
    if len(label) == 0:
        label = label_N
    return LifetimeRival(lifetime, asked, days, float(label.mean()))


def _of_buyers(answer: Callable[..., Floats], columns_NF: Floats, days: float) -> Floats:
    """Return the answer about each person, NaN of those who never bought."""
    bought = ~np.isnan(columns_NF[:, 0])
    order_days, recency, age, _ = columns_NF[bought].T
    answers = np.full(len(columns_NF), np.nan)
    answers[bought] = answer(order_days - 1, recency, age, ahead=days)
    return answers
