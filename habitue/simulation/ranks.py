"""How sales fall with rank: a Zipf-Mandelbrot law, in closed form.

Knows nothing about what is ranked.
"""

from typing import Final

import numpy as np

from habitue.simulation.arrays import Floats, Ints

_AT_THE_TOP: Final = 1.5  # the first ranks sell nearly alike


def draw_ranks(uniform: Floats, available: Ints, exponent: float) -> Ints:
    """Turn uniform numbers into ranks 0, 1, 2 … below `available`; the exponent is not 1."""
    power = 1 - exponent
    low = _AT_THE_TOP**power
    high = (available + _AT_THE_TOP) ** power
    rank = (low + uniform * (high - low)) ** (1 / power) - _AT_THE_TOP
    found: Ints = np.clip(rank.astype(np.int64), 0, available - 1)
    return found


def rank_shares(rank: Ints, available: Ints, exponent: float) -> Floats:
    """Return the probability of each rank under `draw_ranks`; 0 from `available` on."""
    power = 1 - exponent
    low = _AT_THE_TOP**power
    high = (available + _AT_THE_TOP) ** power
    first, last = rank + _AT_THE_TOP, rank + 1 + _AT_THE_TOP
    share = (last**power - first**power) / (high - low)
    return np.where(rank < available, share, 0.0)
