"""A small shop with bots, made once."""

import pytest

from habitue.simulation.simulate import Simulated, simulate


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    out = tmp_path_factory.mktemp("simulated") / "shop"
    return simulate(out, users=300, events=20_000, bots=0.1, seed=3)
