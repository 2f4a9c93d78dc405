"""A shop in which nobody takes the same thing twice, from its file to its offers."""

import csv
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from habitue.errors import Failed
from habitue.files import Json
from habitue.workspace import Workspace

pytestmark = pytest.mark.slow

RING = 40
NAMES = ["item_knn", "ease", "linear_transition"]
QUICK: Mapping[str, Mapping[str, object]] = {
    "model": {"size": "tiny"},
    "training": {"epochs": 1, "seed": 0, "holdout_days": 28},
}


def write_log(path: Path) -> None:
    """Everyone buys the next item of a ring, eight in all, one every 25 days or so."""
    rng = np.random.default_rng(0)
    with path.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["user_id", "item_id", "timestamp", "event_type"])
        for person in range(200):
            first, begins = int(rng.integers(RING)), float(rng.uniform(0, 20))
            for step in range(8):
                at = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=begins + 25 * step)
                item = f"i{(first + step) % RING}"
                lines.writerow([f"u{person}", item, at.isoformat(), "purchase"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ring")
    write_log(path / "log.csv")
    shop = Workspace(path / "shop", settings=QUICK)
    shop.init([path / "log.csv"])
    shop.ingest(path / "log.csv")
    shop.train()
    return path / "shop"


def test_solved_models_are_rows_of_evaluate(folder: Path) -> None:
    found = Workspace(folder, settings=QUICK).evaluate().as_json()["recommendation"]
    rows, weights = json_of(found, "baselines"), json_of(found, "weights")
    assert set(NAMES) <= set(rows) & set(weights)
    row = json_of(rows, "linear_transition")
    assert isinstance(row["hit_rate@10"], float)
    assert row["hit_rate@10"] > 0.9


def test_every_file_of_them_is_checked_before_it_answers(folder: Path) -> None:
    for name in NAMES:
        path = folder / "models" / "0001" / "recommender" / f"{name}.npz"
        whole = path.read_bytes()
        torn = bytearray(whole)
        torn[len(torn) // 2] ^= 1
        path.write_bytes(bytes(torn))
        with pytest.raises(Failed, match=f"{name}.npz") as caught:
            Workspace(folder, settings=QUICK).recommend("u1")
        assert caught.value.code == "corrupt_file"
        path.write_bytes(whole)
    assert Workspace(folder, settings=QUICK).recommend("u1").as_json()["items"]


def json_of(document: Json, key: str) -> Mapping[str, Json]:
    assert isinstance(document, dict)
    value = document[key]
    assert isinstance(value, dict)
    return value
