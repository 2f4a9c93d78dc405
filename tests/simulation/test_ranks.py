import numpy as np
import pytest

from habitue.simulation.ranks import draw_ranks, rank_shares


@pytest.mark.parametrize("exponent", [0.6, 1.2])
def test_drawn_ranks_follow_the_shares(exponent: float) -> None:
    available = np.full(200_000, 30)
    drawn = draw_ranks(np.random.default_rng(0).random(200_000), available, exponent)
    share = rank_shares(np.arange(40), np.full(40, 30), exponent)
    assert share.sum() == pytest.approx(1)
    assert (share[30:] == 0).all()
    error = np.sqrt(share * (1 - share) / 200_000)
    seen = np.bincount(drawn, minlength=40) / 200_000
    assert (np.abs(seen - share) <= 4.9 * error).all()


def test_first_ranks_sell_most() -> None:
    share = rank_shares(np.arange(30), np.full(30, 30), 0.8)
    assert (np.diff(share) < 0).all()


def test_single_item_is_always_drawn() -> None:
    drawn = draw_ranks(np.array([0.0, 0.5, 1 - 1e-16]), np.ones(3, dtype=np.int64), 0.6)
    assert drawn.tolist() == [0, 0, 0]
