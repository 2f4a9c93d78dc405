import math

import pytest
import torch

from habitue.model.rate_finder import HIGHEST, LOWEST, STEPS, find_rate
from tests.model.test_optimising import SETTINGS, new_run, weights_of


def bowl(curvature: float) -> float:
    """Return the rate found for descent on curvature/2 · x²; 2/curvature is too much."""
    x = 1.0

    def step_at(rate: float) -> float:
        nonlocal x
        loss = curvature / 2 * x * x
        x -= rate * curvature * x
        return loss

    return find_rate(step_at)


@pytest.mark.parametrize("curvature", [10.0, 100.0, 1000.0])
def test_the_rate_fits_the_slope(curvature: float) -> None:
    assert 0.01 / curvature < bowl(curvature) < 2 / curvature


def test_a_loss_that_breaks_ends_the_trial() -> None:
    tried: list[float] = []

    def step_at(rate: float) -> float:
        tried.append(rate)
        return math.nan if rate > 1e-2 else 5 - len(tried) / 100

    rate = find_rate(step_at)
    assert LOWEST < rate < 1e-2
    assert len(tried) < STEPS
    assert tried[-1] < 2e-2 < HIGHEST


def test_where_nothing_is_gained_a_usual_rate_is_taken() -> None:
    assert find_rate(lambda rate: 1 + rate) == 1e-3


def test_a_run_finds_its_rate_and_is_as_it_was() -> None:
    run = new_run(SETTINGS.model_copy(update={"learning_rate": 0, "ema": 0.9}))
    before, state = weights_of(run), torch.get_rng_state()
    rate = run._find_rate()
    assert LOWEST <= rate <= HIGHEST
    assert all(torch.equal(value, before[name]) for name, value in weights_of(run).items())
    assert torch.equal(torch.get_rng_state(), state)
    assert (run.at.step, run.optimizer.state_dict()["state"]) == (0, {})
    trained = run.fit()
    assert run.at.rate == rate
    assert trained.curve[-1].train_loss < trained.curve[0].train_loss
