"""A workspace with a file of each kind, made in a moment: nothing in it was learnt."""

from pathlib import Path

import numpy as np
import polars as pl
import torch
from safetensors.torch import save

from habitue.checksums import building_sealed_folder, write_sealed
from habitue.events.store import EventStore
from habitue.files import Json, write_json
from habitue.refreshing import CURRENT_FILE
from habitue.versions import PARTS, Versions, write_card
from tests.reliability.shop_files import ingest, write_files
from tests.test_versions import card_of

FILES_OF_A_VERSION = (
    "card.json",
    "tasks/churn.model.json",
    "vocabulary/item_content.npy",
    "recommender/popularity.npz",
    "norms/usual.parquet",
    "network/network.safetensors",
)


def make_workspace(folder: Path) -> Path:
    """Settings, two ingests, a published version, a refresh, an audience."""
    for number in range(2):
        ingest(folder / "store", write_files(folder.with_name("exports"), number))
    (folder / "habitue.toml").write_text('[shop]\nname = "Shop"\n')
    version = make_version(folder / "models")
    fingerprint = EventStore(folder / "store").fingerprint
    make_refresh(folder / "profiles", version, fingerprint)
    (folder / "audiences").mkdir()
    (folder / "audiences" / "lost.csv").write_text("user_id\nu1\n")
    return folder


def make_version(models: Path) -> str:
    versions = Versions(models)
    with versions.building() as (name, folder):
        for part in PARTS:
            (folder / part).mkdir()
        write_card(folder, card_of(name, "2025-01-01"))
        write_json(folder / "tasks" / "churn.model.json", {"base_rate": 0.3, "trees": ["tree"]})
        np.save(folder / "vocabulary" / "item_content.npy", np.arange(40, dtype=np.int32))
        np.savez(folder / "recommender" / "popularity.npz", counts=np.arange(40.0))
        pl.DataFrame({"n": range(40)}).write_parquet(folder / "norms" / "usual.parquet")
        weights = save({"weight": torch.arange(40, dtype=torch.float32)})
        (folder / "network" / "network.safetensors").write_bytes(weights)
    versions.publish(name)
    return name


def make_refresh(profiles: Path, version: str, fingerprint: str) -> None:
    name = f"{len(list(profiles.glob('[0-9]*'))) + 1:04d}"
    with building_sealed_folder(profiles / name) as folder:
        (folder / "table").mkdir()
        table = pl.DataFrame({"user_id": ["a", "b"], "orders": [1, 2]})
        table.write_parquet(folder / "table" / "0000.parquet")
        (folder / "history").mkdir()
        moved = {"subject_id": [1], "user_id": ["a"], "as_of": [1], "segment": ["lost"]}
        pl.DataFrame(moved).write_parquet(folder / "history" / "0000.parquet")
        summary: dict[str, Json] = {
            "as_of": 1,
            "model_version": version,
            "data_fingerprint": fingerprint,
            "persons": 2,
            "seconds": 0.5,
        }
        write_json(folder / "summary.json", summary)
    write_sealed(profiles / CURRENT_FILE, {"refresh": name})
