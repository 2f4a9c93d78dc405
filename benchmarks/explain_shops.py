"""Shops that the benchmarks of explanations ask: a log, and a model for each of two seeds.

A shop is made once in a folder and found there again. Knows nothing about what is measured.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from logs import files_of

from habitue.simulation.simulate import simulate
from habitue.workspace import Workspace

SIMULATED = "simulated"
SETTINGS: Mapping[str, Mapping[str, object]] = {"training": {"epochs": 1}}


def shop_of(log: str, folder: Path, *, size: str, seeds: int) -> Workspace:
    """Return the shop of a log with `seeds` versions, version n trained with seed n."""
    shop = Workspace(folder / log, settings={**SETTINGS, "model": {"size": size}})
    if not (shop.folder / "habitue.toml").is_file():
        files = _simulated(folder) if log == SIMULATED else files_of(log)
        shop.init(files)
        shop.ingest(*files)
    for seed in range(len(list((shop.folder / "models").glob("0*"))), seeds):
        shop.train(seed=seed)
    return shop


def _simulated(folder: Path) -> list[Path]:
    made = Path(tempfile.mkdtemp(dir=folder))
    simulate(users=2_000, events=120_000, out=made / "made", seed=0)
    return [*sorted((made / "made").glob("events-*")), made / "made" / "items.parquet"]
