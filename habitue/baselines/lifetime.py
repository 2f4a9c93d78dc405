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
Days = float | Floats
Asked = Literal["return", "absence", "value"]

LIFETIME_COLUMNS: Final = (
    "order_days",  # missing of persons who never bought
    "last_repeat_days",
    "customer_days",
    "spend",
)
_SHORTEST: Final = 1e-6  # of a pause, in days


@dataclass(frozen=True)
class Lifetime:
    """When customers buy, and for how much; the latter is missing where nothing has a value.

    `pause_days` is the middle of the mean pauses of those who bought on several days. Days ahead
    are the same for everybody, or [N].
    """

    buying: BgNbd
    spending: GammaGamma | None
    pause_days: float = 0.0

    def usual_pause(self, columns_NF: Floats) -> Floats:
        """Return each customer's usual pause in days, drawn towards that of all, float64 [N].

        That of all counts as one pause; of who never bought it stands alone.
        """
        order_days, between, _, _ = np.asarray(columns_NF, dtype=np.float64).T
        pauses = np.nan_to_num(order_days - 1).clip(0)
        own = np.where(pauses > 0, between / np.maximum(pauses, 1), self.pause_days)
        logged = pauses * np.log(own.clip(_SHORTEST)) + np.log(max(self.pause_days, _SHORTEST))
        return np.asarray(np.exp(logged / (pauses + 1)))

    def return_chance(self, columns_NF: Floats, *, days: Days) -> Floats:
        """Return the chance of an order within `days`, float64 [N], NaN of who never bought."""
        return _of_buyers(self.buying.return_chance, columns_NF, days)

    def order_days(self, columns_NF: Floats, *, days: Days) -> Floats:
        """Return the expected number of days with an order within `days`, float64 [N], or NaN."""
        return _of_buyers(self.buying.purchases, columns_NF, days)

    def value(self, columns_NF: Floats, *, days: Days) -> Floats:
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

    def predict(
        self, columns_NF: Floats, *, days: Days | None = None
    ) -> dict[str, tuple[Floats, Floats]]:
        """Return (expected, typical) of each row by name; equal for a probability.

        The typical amount is 0 where a purchase is not to be expected.
        """
        days = self.days if days is None else days
        chance = self.lifetime.return_chance(columns_NF, days=days)
        if self.asked != "value":
            chance = self._filled(1 - chance if self.asked == "absence" else chance)
            return {"bg_nbd": (chance, chance)}
        if self.lifetime.spending is None:
            return {}
        expected = self._filled(self.lifetime.value(columns_NF, days=days))
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
    pause = float(np.median(recency[again] / (order_days[again] - 1)))
    try:
        spending = fit_gamma_gamma(order_days[again], spend[again] / order_days[again])
    except NotEnoughData:
        return Lifetime(buying, None, pause)
    return Lifetime(buying, spending, pause)


def fit_lifetime_rival(
    lifetime: Lifetime, columns_NF: Floats, label_N: Floats, *, asked: Asked, days: float
) -> LifetimeRival:
    """Return the rival; from labelled rows it takes the mean of those who never bought alone."""
    label = label_N[np.isnan(columns_NF[:, 0])]
    if len(label) == 0:
        label = label_N
    return LifetimeRival(lifetime, asked, days, float(label.mean()))


def _of_buyers(answer: Callable[..., Floats], columns_NF: Floats, days: Days) -> Floats:
    """Return the answer about each person, NaN of those who never bought."""
    bought = ~np.isnan(columns_NF[:, 0])
    order_days, recency, age, _ = columns_NF[bought].T
    answers = np.full(len(columns_NF), np.nan)
    ahead = np.broadcast_to(np.asarray(days, dtype=np.float64), len(columns_NF))[bought]
    answers[bought] = answer(order_days - 1, recency, age, ahead=ahead)
    return answers
