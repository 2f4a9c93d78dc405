import numpy as np
import pytest

from habitue.baselines.gamma_gamma import GammaGamma, fit_gamma_gamma
from habitue.errors import NotEnoughData
from tests.baselines.buyers import made_up_values
from tests.baselines.cdnow import cdnow_sample

PUBLISHED = GammaGamma(p=6.25, q=3.74, gamma=15.44)  # CDNOW, in dollars


def test_parameters_of_cdnow_are_the_published_ones() -> None:
    sample = cdnow_sample()
    assert (sample.frequency > 0).sum() == 946
    found = fit_gamma_gamma(sample.frequency, sample.mean_value)
    assert (found.p, found.q, found.gamma) == pytest.approx((6.25, 3.74, 15.44), abs=0.005)


def test_parameters_that_made_the_values_are_found_again() -> None:
    frequency = np.random.default_rng(1).integers(1, 9, 20_000).astype(float)
    value, truth = made_up_values(PUBLISHED, frequency)
    found = fit_gamma_gamma(frequency, value)
    assert (found.p, found.q, found.gamma) == pytest.approx((6.25, 3.74, 15.44), rel=0.1)
    told = found.spend(frequency, value)
    assert ((told - truth) ** 2).mean() < 0.9 * ((value - truth) ** 2).mean()
    assert told.mean() == pytest.approx(truth.mean(), rel=0.02)


def test_few_purchases_are_drawn_to_the_mean_of_all_and_many_speak_for_themselves() -> None:
    of_all = PUBLISHED.spend(np.zeros(1), np.zeros(1))[0]
    assert of_all == pytest.approx(6.25 * 15.44 / 2.74)
    told = PUBLISHED.spend(np.array([1.0, 5.0, 10_000.0]), np.full(3, 100.0))
    assert of_all < told[0] < told[1] < told[2]
    assert told[2] == pytest.approx(100, rel=0.001)


def test_values_of_zero_and_below_are_no_values() -> None:
    frequency = np.random.default_rng(1).integers(1, 9, 500).astype(float)
    value, _ = made_up_values(PUBLISHED, frequency)
    with_more = fit_gamma_gamma(
        np.append(frequency, [3.0, 2.0, 0.0]), np.append(value, [0.0, -7.0, 20.0])
    )
    assert with_more == fit_gamma_gamma(frequency, value)
    of_all = with_more.spend(np.zeros(1), np.zeros(1))[0]
    assert with_more.spend(np.array([3.0, 2.0]), np.array([0.0, -7.0])) == pytest.approx(of_all)


def test_values_all_alike_are_expected_again() -> None:
    model = fit_gamma_gamma(np.full(50, 4.0), np.full(50, 20.0))
    assert model.spend(np.array([0.0, 4.0]), np.array([0.0, 20.0])) == pytest.approx(20, rel=0.01)


def test_ten_thousand_purchases_beside_few_are_fitted() -> None:
    frequency = np.append(np.random.default_rng(1).integers(1, 9, 500), 10_000).astype(float)
    value, _ = made_up_values(PUBLISHED, frequency)
    model = fit_gamma_gamma(frequency, value)
    assert model.spend(frequency, value)[-1] == pytest.approx(value[-1], rel=0.001)


@pytest.mark.parametrize(("num", "value"), [(0, 5.0), (1, 5.0), (30, 0.0), (30, -2.0)])
def test_without_purchases_of_value_there_is_nothing_to_fit(num: int, value: float) -> None:
    known = num if value > 0 else 0
    with pytest.raises(NotEnoughData, match=f"Only {known} of {num} customers have .* needs 10"):
        fit_gamma_gamma(np.full(num, 2.0), np.full(num, value))
