"""Customers made up by the very models that are tested, with what they did afterwards."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from habitue.baselines.bg_nbd import BgNbd
from habitue.baselines.gamma_gamma import GammaGamma

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Buyers:
    """A row a customer."""

    frequency: Floats
    recency: Floats
    age: Floats
    came: Floats  # purchases within the time ahead
    stopped: npt.NDArray[np.bool_]  # for good, before now


def made_up_buyers(model: BgNbd, num: int, *, oldest: float, ahead: float, seed: int = 0) -> Buyers:
    """Draw customers who first bought up to `oldest` ago, and what they do within `ahead`."""
    rng = np.random.default_rng(seed)
    age = rng.uniform(0, oldest, num)
    gap = 1 / rng.gamma(model.r, 1 / model.alpha, num)
    stop = rng.beta(model.a, model.b, num)
    frequency, came, recency, now = (np.zeros(num) for _ in range(4))
    goes_on, stopped = np.ones(num, bool), np.zeros(num, bool)
    while goes_on.any():
        now = now + rng.exponential(1, num) * gap
        before, after = goes_on & (now <= age), goes_on & (now > age) & (now <= age + ahead)
        frequency += before
        came += after
        recency = np.where(before, now, recency)
        stops = rng.random(num) < stop
        stopped |= before & stops
        goes_on = (before | after) & ~stops
    return Buyers(frequency, recency, age, came, stopped)


def made_up_values(model: GammaGamma, frequency: Floats, *, seed: int = 0) -> tuple[Floats, Floats]:
    """Return the mean value of each customer's purchases, and the customer's true mean."""
    rng = np.random.default_rng(seed)
    scale = rng.gamma(model.q, 1 / model.gamma, len(frequency))
    total = rng.gamma(model.p * frequency) / scale
    return total / frequency, model.p / scale
