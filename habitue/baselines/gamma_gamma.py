"""Gamma-Gamma: what a customer's purchases are worth on average, few purchases not overrated.

Values of a customer's purchases are gamma with a scale of their own, which is gamma among
customers: Fader and Hardie (2013), "The Gamma-Gamma model of monetary value". In: `frequency`,
purchases of a value above 0, and their `mean_value`. Out: the mean value to expect, between the
customer's own and that of all. Knows nothing about time.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, psi

from habitue.errors import NotEnoughData

Floats = npt.NDArray[np.floating]

MIN_SPENDERS: Final = 10
_FURTHEST: Final = 10.0  # of the logarithm of a parameter from 0


@dataclass(frozen=True)
class GammaGamma:
    """Fitted parameters, `gamma` in the unit of money that was fitted with."""

    p: float
    q: float  # above 1: below there is no mean
    gamma: float

    def spend(self, frequency_N: Floats, mean_value_N: Floats) -> Floats:
        """Return the expected mean value of a purchase of each customer, float64 [N].

        Of those with no purchase, or none of a value above 0, it is that of all customers.
        """
        value = np.asarray(mean_value_N, dtype=np.float64)
        seen = np.where(value > 0, np.asarray(frequency_N, dtype=np.float64), 0.0)
        own = np.where(value > 0, value, 0.0)
        return np.asarray(self.p * (self.gamma + own * seen) / (self.p * seen + self.q - 1))


def fit_gamma_gamma(frequency_N: Floats, mean_value_N: Floats) -> GammaGamma:
    """Return the parameters of greatest likelihood of those with a purchase of a value above 0.

    Raises:
        NotEnoughData: they are fewer than `MIN_SPENDERS`.
    """
    known = (np.asarray(frequency_N) > 0) & (np.asarray(mean_value_N) > 0)
    frequency = np.asarray(frequency_N, dtype=np.float64)[known]
    value = np.asarray(mean_value_N, dtype=np.float64)[known]
    if len(value) < MIN_SPENDERS:
        raise NotEnoughData(
            f"Only {len(value)} of {len(known)} customers have purchases of a value above 0; "
            f"Gamma-Gamma needs {MIN_SPENDERS}.",
            fix="Give it a longer log, or more customers with prices.",
        )
    from scipy.optimize import minimize

    unit = float(value.mean())
    found = minimize(
        _loss,
        np.zeros(3),
        args=(frequency, value / unit),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-_FURTHEST, _FURTHEST)] * 3,
        options={"ftol": 1e-14, "gtol": 1e-8, "maxiter": 500},
    )
    p, above_one, gamma = (float(one) for one in np.exp(found.x))
    return GammaGamma(p, 1 + above_one, gamma * unit)


def _loss(logged: Floats, frequency: Floats, value: Floats) -> tuple[float, Floats]:
    """Return the mean negative log likelihood and its gradient by ln p, ln (q - 1), ln gamma.

    A term of the value alone, the same for all parameters, is left out.
    """
    p, above_one, gamma = np.exp(logged)
    q, shape, total = 1 + above_one, p * frequency, frequency * value
    log_own, log_all = np.log(total / (gamma + total)), np.log(gamma / (gamma + total))
    likelihood = gammaln(shape + q) - gammaln(shape) - gammaln(q) + q * log_all + shape * log_own
    psi_both = psi(shape + q)
    slope = np.array(
        [
            (frequency * (psi_both - psi(shape) + log_own)).mean(),
            (psi_both - psi(q) + log_all).mean(),
            q / gamma - ((shape + q) / (gamma + total)).mean(),
        ]
    )
    return -float(likelihood.mean()), -slope * np.array([p, above_one, gamma])
