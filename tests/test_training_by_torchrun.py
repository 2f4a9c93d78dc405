"""Processes that torchrun started train one version, which one of them writes and tells of."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from habitue.errors import Refused
from habitue.workspace import Workspace
from tests.shop import make_shop, write_csv


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    raw = write_csv(make_shop(num_persons=120, days=300), folder / "log.csv")
    shop = Workspace(folder / "ws")
    shop.init([raw])
    shop.ingest(raw)
    return folder / "ws"


def torchrun(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    return subprocess.run(
        [*command, "-m", "habitue", *arguments],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_one_version_comes_of_two_processes_and_one_of_them_speaks(ingested: Path) -> None:
    asked = ("train", "-w", str(ingested), "--size", "tiny", "--epochs", "2", "--json")
    done = torchrun(*asked)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["model_version"], told["published"]) == ("0001", True)
    assert "The network was trained by 2 processes." in told["notes"]
    assert {path.name for path in (ingested / "models").iterdir()} >= {"0001", "published.json"}
    assert not (ingested / "models" / ".training").exists()


@pytest.mark.slow
def test_a_refusal_is_told_once_and_ends_all_processes(tmp_path: Path) -> None:
    done = torchrun("train", "-w", str(tmp_path))
    assert done.returncode != 0
    assert done.stdout == ""
    assert done.stderr.count("There is no shop in") == 1


@pytest.mark.slow
def test_architectures_are_not_compared_by_several_processes(
    ingested: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    with pytest.raises(Refused, match=r"compared in one process, and torchrun started several\."):
        Workspace(ingested).train(architecture="auto")
