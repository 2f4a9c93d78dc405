import math

import numpy as np
import numpy.typing as npt
import pytest
from scipy.integrate import quad
from scipy.special import hyp2f1
from scipy.stats import beta

from habitue.baselines.bg_nbd import BgNbd, fit_bg_nbd
from habitue.errors import NotEnoughData
from tests.baselines.buyers import Buyers, made_up_buyers
from tests.baselines.cdnow import WEEKS_AHEAD, cdnow_sample

PUBLISHED = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426)  # CDNOW, in weeks
FREQUENT = BgNbd(r=0.8, alpha=6.0, a=0.9, b=3.0)

Floats = npt.NDArray[np.float64]


def one(*numbers: float) -> tuple[Floats, ...]:
    return tuple(np.array([number]) for number in numbers)


@pytest.fixture(scope="module")
def buyers() -> Buyers:
    return made_up_buyers(FREQUENT, 40_000, oldest=60, ahead=20)


def test_parameters_of_cdnow_are_the_published_ones_to_three_digits() -> None:
    sample = cdnow_sample()
    assert len(sample.age) == 2357
    found = fit_bg_nbd(sample.frequency, sample.recency, sample.age)
    assert [round(one, 3) for one in (found.r, found.alpha, found.a, found.b)] == [
        0.243, 4.414, 0.793, 2.426,
    ]  # fmt: skip


def test_cdnow_is_tracked_as_published() -> None:
    sample = cdnow_sample()
    past = sample.frequency, sample.recency, sample.age
    told = PUBLISHED.purchases(*past, ahead=WEEKS_AHEAD)
    assert np.corrcoef(told, sample.came)[0, 1] == pytest.approx(0.626, abs=5e-4)
    came = float((sample.frequency + sample.came).sum())
    assert came == 2457 + 1882
    # The cohort as it was foreseen when each had bought once: in week 78, 4 % too few.
    assert _foreseen(sample.age) == pytest.approx(2457, rel=0.02)
    assert _foreseen(sample.age + WEEKS_AHEAD) == pytest.approx(0.96 * came, rel=0.005)


def _foreseen(weeks_N: Floats) -> float:
    new = one(0, 0, 0)
    weeks, counts = np.unique(weeks_N, return_counts=True)
    told = [PUBLISHED.purchases(*new, ahead=float(ahead))[0] for ahead in weeks]
    return float(np.array(told) @ counts)


# The authors' own spreadsheet: repeat purchases of a new customer within so many weeks.
@pytest.mark.parametrize(
    ("weeks", "expected"),
    [(1 / 7, 0.0078), (1, 0.0532), (3, 0.1506), (223 / 7, 1.0405), (32, 1.0437), (78, 1.8576)],
)
def test_a_new_customer_buys_as_often_as_published(weeks: float, expected: float) -> None:
    told = PUBLISHED.purchases(*one(0, 0, 0), ahead=weeks)[0]
    assert told == pytest.approx(expected, rel=0.002, abs=5e-5)


def test_a_known_customer_buys_as_often_as_published() -> None:
    told = PUBLISHED.purchases(*one(2, 30.43, 38.86), ahead=39)[0]
    assert told == pytest.approx(1.226, abs=5e-4)


def test_parameters_that_made_the_customers_are_found_again(buyers: Buyers) -> None:
    found = fit_bg_nbd(buyers.frequency, buyers.recency, buyers.age)
    assert found.r == pytest.approx(FREQUENT.r, rel=0.05)
    assert found.alpha == pytest.approx(FREQUENT.alpha, rel=0.05)
    assert found.a == pytest.approx(FREQUENT.a, rel=0.1)
    assert found.b == pytest.approx(FREQUENT.b, rel=0.1)


def test_answers_do_not_depend_on_the_unit_of_time(buyers: Buyers) -> None:
    weeks = fit_bg_nbd(buyers.frequency, buyers.recency, buyers.age)
    days = fit_bg_nbd(buyers.frequency, buyers.recency * 7, buyers.age * 7)
    assert days.alpha == pytest.approx(weeks.alpha * 7, rel=1e-4)
    assert (days.r, days.a, days.b) == pytest.approx((weeks.r, weeks.a, weeks.b), rel=1e-4)


@pytest.mark.parametrize(("least", "most"), [(0, 0), (1, 1), (2, 4), (5, 10_000)])
def test_what_is_told_of_customers_alike_comes_true(buyers: Buyers, least: int, most: int) -> None:
    alike = (buyers.frequency >= least) & (buyers.frequency <= most)
    past = buyers.frequency[alike], buyers.recency[alike], buyers.age[alike]
    came, num = buyers.came[alike], int(alike.sum())
    chance = FREQUENT.return_chance(*past, ahead=20)
    assert chance.mean() == pytest.approx((came > 0).mean(), abs=3 * 0.5 / math.sqrt(num))
    told = FREQUENT.purchases(*past, ahead=20)
    assert told.mean() == pytest.approx(came.mean(), abs=3 * came.std() / math.sqrt(num))
    stays = 1 - buyers.stopped[alike].mean()
    assert FREQUENT.alive(*past).mean() == pytest.approx(stays, abs=3 * 0.5 / math.sqrt(num))


def test_the_chance_to_return_sorts_and_holds_in_every_tenth(buyers: Buyers) -> None:
    chance = FREQUENT.return_chance(buyers.frequency, buyers.recency, buyers.age, ahead=20)
    for part in np.array_split(np.argsort(chance), 10):
        assert chance[part].mean() == pytest.approx((buyers.came[part] > 0).mean(), abs=0.025)


def test_expected_purchases_are_those_of_the_papers_closed_form() -> None:
    model, ahead = PUBLISHED, 39.0
    x = np.arange(0.0, 30)
    past = x, np.where(x > 0, 30.0, 0.0), np.full(30, 38.0)
    r, alpha, a, b = model.r, model.alpha, model.a, model.b
    power = hyp2f1(r + x, b + x, a + b + x - 1, ahead / (alpha + 38 + ahead))
    closed = (1 - ((alpha + 38) / (alpha + 38 + ahead)) ** (r + x) * power) / (a - 1)
    closed *= (a + b + x - 1) * model.alive(*past)
    assert model.purchases(*past, ahead=ahead) == pytest.approx(closed, rel=1e-9)


@pytest.mark.parametrize("frequency", [0, 1, 50, 10_000])
@pytest.mark.parametrize("model", [PUBLISHED, BgNbd(0.5, 3, 1, 2), BgNbd(2, 9, 0.4, 0.6)])
def test_long_histories_and_singular_parameters_are_no_trouble(
    model: BgNbd, frequency: int
) -> None:
    age, ahead = 40.0, 30.0
    rate, shrunk = model.r + frequency, ahead / (model.alpha + age)

    def at(stop: float) -> float:
        return -math.expm1(-rate * math.log1p(stop * shrunk)) / stop

    # Over quantiles of the beta, so that no density is infinite.
    exact, _ = quad(
        lambda share: at(max(beta.ppf(share, model.a, model.b + frequency), 1e-300)),
        0, 1, epsabs=0, epsrel=1e-9, limit=500,
    )  # fmt: skip
    past = one(frequency, age if frequency else 0, age)
    alive = model.alive(*past)[0]
    assert model.purchases(*past, ahead=ahead)[0] == pytest.approx(exact * alive, rel=1e-6)
    chance = model.return_chance(*past, ahead=ahead)[0]
    assert 0 < chance <= alive
    assert alive <= 1


def test_a_customer_silent_for_long_has_stopped_and_a_busy_one_sooner() -> None:
    few = FREQUENT.alive(*one(2, 10, 40))[0]
    many = FREQUENT.alive(*one(20, 10, 40))[0]
    assert many < few < FREQUENT.alive(*one(2, 40, 40))[0]
    assert FREQUENT.alive(*one(0, 0, 40))[0] == 1
    assert FREQUENT.alive(*one(10_000, 1, 400))[0] == 0


def test_customers_all_alike_are_told_what_they_did() -> None:
    alike = np.full(100, 6.0), np.full(100, 30.0), np.full(100, 30.0)
    model = fit_bg_nbd(*alike)
    assert model.purchases(*one(6, 30, 30), ahead=15)[0] == pytest.approx(3, rel=0.05)


def test_histories_of_ten_thousand_purchases_are_fitted() -> None:
    buyers = made_up_buyers(FREQUENT, 300, oldest=60, ahead=20)
    frequency = np.append(buyers.frequency, 10_000.0)
    model = fit_bg_nbd(frequency, np.append(buyers.recency, 60.0), np.append(buyers.age, 60.0))
    told = model.purchases(*one(10_000, 60, 60), ahead=6)[0]
    assert 900 < told < 1000


def test_purchases_all_at_one_moment_are_fitted() -> None:
    now = np.zeros(20)
    model = fit_bg_nbd(np.ones(20), now, now)
    assert np.isfinite(model.purchases(np.ones(20), now, now, ahead=10)).all()


@pytest.mark.parametrize("num", [0, 1, 200])
def test_without_repeat_customers_there_is_nothing_to_fit(num: int) -> None:
    with pytest.raises(NotEnoughData, match=f"Only 0 of {num} customers bought again; .* needs 10"):
        fit_bg_nbd(np.zeros(num), np.zeros(num), np.full(num, 30.0))


def test_one_customer_is_too_few_to_fit_and_enough_to_ask() -> None:
    with pytest.raises(NotEnoughData, match="Only 1 of 1 customers bought again"):
        fit_bg_nbd(*one(5, 20, 30))
    assert 0 < PUBLISHED.return_chance(*one(5, 20, 30), ahead=10)[0] < 1
