"""Amounts carried on beyond the horizons whose windows the log has finished.

In: what a person is expected to spend within a horizon that could be learnt, and the lifetime-value
models of that moment. Out: the same for a longer one. Two ways are joined by their geometric mean:
the amount times what BG/NBD expects of orders in the longer time over the shorter, and what BG/NBD
and Gamma-Gamma tell of the longer time alone. Knows nothing about how the amount was learnt.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from habitue.baselines.lifetime import Lifetime

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Extrapolation:
    """From which horizon an answer was carried on, and why."""

    days: float
    reason: str


def carried_on(
    expected_N: Floats, lifetime: Lifetime, columns_NF: Floats, *, days: float, to_days: float
) -> Floats:
    """Return the amount expected within `to_days` of who is expected to bring so much in `days`.

    `columns_NF` are `LIFETIME_COLUMNS`. Of who never bought the models tell nothing: theirs grows
    as time does.
    """
    orders = lifetime.order_days(columns_NF, days=days)
    ratio = lifetime.order_days(columns_NF, days=to_days) / np.where(orders > 0, orders, np.nan)
    own = expected_N * np.where(np.isnan(ratio), to_days / days, ratio)
    alone = lifetime.value(columns_NF, days=to_days)
    return np.sqrt(own * np.where(np.isnan(alone), own, alone))
