"""The learning rate, found by trying: ever larger ones for a few steps each, until the loss rises.

In: a run that has not begun. Out: a rate; the run is as it was before. After Smith, "Cyclical
learning rates" (arXiv 1506.01186): the rate at which the smoothed loss fell most steeply.
"""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

LOWEST, HIGHEST = 1e-5, 0.3
STEPS = 120
_SMOOTHING = 0.9
_DIVERGED = 1.5  # times the best loss so far: going on would only break the weights
_FALLBACK = 1e-3


def find_rate(step_at: Callable[[float], float]) -> float:
    """Return the best peak learning rate; `step_at` takes a step at a rate and returns its loss."""
    rates = LOWEST * (HIGHEST / LOWEST) ** (np.arange(STEPS) / (STEPS - 1))
    losses: list[float] = []
    mean = 0.0
    for number, rate in enumerate(rates, start=1):
        loss = step_at(float(rate))
        if not math.isfinite(loss):
            break
        mean = _SMOOTHING * mean + (1 - _SMOOTHING) * loss
        losses.append(mean / (1 - _SMOOTHING**number))
        if losses[-1] > _DIVERGED * min(losses):
            break
    return _steepest(rates[: len(losses)], np.array(losses))


def _steepest(rates: npt.NDArray[np.float64], losses: npt.NDArray[np.float64]) -> float:
    lowest = int(losses.argmin()) if len(losses) else 0
    if lowest < 3:
        return _FALLBACK
    slope = np.gradient(losses[: lowest + 1], np.log(rates[: lowest + 1]))
    return float(rates[int(slope.argmin())])
