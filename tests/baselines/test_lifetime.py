from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from habitue.baselines.bg_nbd import BgNbd
from habitue.baselines.gamma_gamma import GammaGamma
from habitue.baselines.lifetime import (
    LIFETIME_COLUMNS,
    Lifetime,
    fit_lifetime,
    fit_lifetime_rival,
)
from tests.baselines.buyers import made_up_buyers, made_up_values

BUYING = BgNbd(r=0.8, alpha=6.0, a=0.9, b=3.0)
SPENDING = GammaGamma(p=6.25, q=3.74, gamma=15.44)

Floats = npt.NDArray[np.floating]


def persons(num: int = 4000) -> tuple[Floats, Floats, Floats]:
    """Rows of LIFETIME_COLUMNS, orders and money within 20 days; the first ten never bought."""
    buyers = made_up_buyers(BUYING, num, oldest=60, ahead=20)
    value, own_mean = made_up_values(SPENDING, buyers.frequency + 1)
    column = {
        "order_days": buyers.frequency + 1,
        "last_repeat_days": buyers.recency,
        "customer_days": buyers.age,
        "spend": value * (buyers.frequency + 1),
    }
    rows = np.column_stack([column[name] for name in LIFETIME_COLUMNS]).astype(np.float32)
    rows[:10] = np.nan
    return rows, buyers.came, buyers.came * own_mean


def fitted(rows: Floats) -> Lifetime:
    lifetime = fit_lifetime(rows)
    assert lifetime is not None
    return lifetime


def test_orders_and_money_to_come_are_told_of_all_who_bought() -> None:
    rows, came, spent = persons()
    lifetime = fitted(rows)
    assert np.nansum(lifetime.order_days(rows, days=20)) == pytest.approx(came[10:].sum(), rel=0.05)
    assert np.nansum(lifetime.value(rows, days=20)) == pytest.approx(spent[10:].sum(), rel=0.08)
    chance = lifetime.return_chance(rows, days=20)
    assert np.nanmean(chance) == pytest.approx((came[10:] > 0).mean(), abs=0.02)
    assert np.isnan(chance[:10]).all()
    assert not np.isnan(chance[10:]).any()


def test_a_usual_pause_is_ones_own_drawn_towards_that_of_all() -> None:
    lifetime = Lifetime(BUYING, SPENDING, pause_days=30.0)
    rows = np.array([[5, 40, 99, 1], [2, 10, 99, 1], [1, 0, 99, 1], [np.nan] * 4])
    assert lifetime.usual_pause(rows) == pytest.approx(
        [(10**4 * 30) ** (1 / 5), (10 * 30) ** 0.5, 30, 30]
    )


def test_the_pause_of_all_is_the_middle_of_their_own() -> None:
    rows = persons()[0]
    again = rows[rows[:, 0] > 1]
    assert fitted(rows).pause_days == pytest.approx(np.median(again[:, 1] / (again[:, 0] - 1)))


def test_each_may_be_asked_for_days_of_their_own() -> None:
    rows = persons(40)[0]
    lifetime = Lifetime(BUYING, SPENDING)
    days = np.where(np.arange(40) % 2, 5.0, 50.0)
    for answer in (lifetime.return_chance, lifetime.order_days, lifetime.value):
        own, few, many = (answer(rows, days=one) for one in (days, 5.0, 50.0))
        np.testing.assert_allclose(own, np.where(np.arange(40) % 2, few, many))


def test_absence_is_the_other_side_of_return() -> None:
    rows, came, _ = persons()
    label = (came > 0).astype(float)
    there = fit_lifetime_rival(fitted(rows), rows, label, asked="return", days=20)
    away = fit_lifetime_rival(fitted(rows), rows, 1 - label, asked="absence", days=20)
    assert there.predict(rows)["bg_nbd"][0] == pytest.approx(1 - away.predict(rows)["bg_nbd"][0])


def test_who_never_bought_gets_the_mean_of_such_persons() -> None:
    rows, came, _ = persons()
    came[:10] = [1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
    rival = fit_lifetime_rival(fitted(rows), rows, came, asked="return", days=20)
    assert rival.predict(rows)["bg_nbd"][0][:10] == pytest.approx(0.3)
    known = fit_lifetime_rival(fitted(rows), rows[10:], came[10:], asked="return", days=20)
    assert known.never_bought == pytest.approx(came[10:].mean())


def test_an_amount_is_typical_only_where_a_purchase_is_likely() -> None:
    rows, _, spent = persons()
    rival = fit_lifetime_rival(fitted(rows), rows, spent, asked="value", days=20)
    expected, typical = rival.predict(rows)["bg_nbd_gamma_gamma"]
    likely = np.nan_to_num(rival.lifetime.return_chance(rows, days=20)) > 0.5
    assert 0 < likely.mean() < 1
    assert (typical[~likely] == 0).all()
    assert typical[likely] == pytest.approx(expected[likely])


def test_where_orders_have_no_value_only_the_chance_is_told() -> None:
    rows, came, spent = persons()
    rows[:, LIFETIME_COLUMNS.index("spend")] = 0
    lifetime = fitted(rows)
    assert lifetime.spending is None
    assert np.isnan(lifetime.value(rows, days=20)).all()
    assert fit_lifetime_rival(lifetime, rows, spent, asked="value", days=20).predict(rows) == {}
    assert set(fit_lifetime_rival(lifetime, rows, came, asked="return", days=20).predict(rows)) == {
        "bg_nbd"
    }


def test_where_nobody_bought_again_there_is_no_model() -> None:
    rows, _, _ = persons()
    assert fit_lifetime(rows[:10]) is None
    assert fit_lifetime(rows[rows[:, 0] == 1]) is None


def test_money_is_that_of_days_with_orders_times_that_of_such_a_day() -> None:
    rows, _, _ = persons()
    lifetime = replace(fitted(rows), spending=SPENDING)
    spend = SPENDING.spend(rows[:, 0], rows[:, 3] / rows[:, 0])
    told = lifetime.value(rows, days=20)
    assert told[10:] == pytest.approx((lifetime.order_days(rows, days=20) * spend)[10:])
