"""The two verbs from files to rows; what is kept, what is made again."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from habitue.benchmarks.benchmark import next_item, session
from habitue.benchmarks.cells import Cell, Shelf
from habitue.benchmarks.contenders import Built, Counted
from habitue.benchmarks.families import FAMILIES, members_tried
from habitue.benchmarks.networks import Networked
from habitue.benchmarks.protocols import Trial
from habitue.benchmarks.results import BenchmarkResult
from habitue.compute import Progress
from habitue.errors import Failed, UnknownName
from habitue.files import Json
from habitue.model.plain_sequences import PLAIN_MODEL, PLAIN_TRAINING
from tests.benchmarks.made import RING, write_ring, write_sessions

COUNTED = [family.name for family in FAMILIES]


@pytest.fixture
def ring(tmp_path: Path) -> Path:
    return write_ring(tmp_path / "Ring.txt.gz")


def told_of(result: BenchmarkResult) -> dict[str, Any]:
    """The document as a reader of JSON has it."""
    told: dict[str, Any] = json.loads(json.dumps(result.as_json(), allow_nan=False))
    return told


def cells_of(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.json"))


def test_a_certain_next_item_is_found_by_all_that_look_at_order(ring: Path, tmp_path: Path) -> None:
    told = told_of(next_item(ring, architecture="none", out=tmp_path / "out"))
    assert told["dataset"] == "Ring"
    assert told["counts"]["items"] == RING
    assert told["counts"]["test_examples"] == 60
    rows = {row["model"]: row for row in told["results"]}
    assert set(rows) == {*COUNTED, "counting_blend"}
    for name in ("markov", "cooccurrence", "linear_transition", "counting_blend"):
        assert rows[name]["metrics"]["ndcg@10"] == {"mean": 1.0, "sd": 0.0}, name
    assert rows["popularity"]["metrics"]["ndcg@10"]["mean"] < 0.8


def test_a_row_has_the_keys_of_the_contract(ring: Path, tmp_path: Path) -> None:
    told = told_of(next_item(ring, architecture="none", out=tmp_path / "out"))
    assert {"dataset", "sha256", "protocol", "counts", "results"} <= told.keys()
    for row in told["results"]:
        keys = {"model", "seeds", "metrics", "seconds", "targets_per_second", "peak_rss_mb"}
        assert keys <= row.keys()
        assert row["peak_rss_mb"] > 10


def test_sessions_are_asked_as_they_stand(tmp_path: Path) -> None:
    folder = write_sessions(tmp_path / "clicks")
    told = told_of(session(folder, architecture="none", out=tmp_path / "out"))
    rows = {row["model"]: row for row in told["results"]}
    assert rows["markov"]["metrics"]["recall@20"]["mean"] == 1.0
    assert rows["markov"]["metrics"]["mrr@20"]["mean"] == 1.0
    assert told["counts"]["test_examples"] == 40
    assert told["dataset"] == "clicks"


def test_what_is_finished_is_not_made_again(
    ring: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = told_of(next_item(ring, architecture="none", out=tmp_path / "out"))

    def refuse(*_: object) -> None:
        raise AssertionError("fitted again")

    monkeypatch.setattr(Counted, "build", refuse)
    monkeypatch.setattr(Counted, "rebuild", refuse)
    assert told_of(next_item(ring, architecture="none", out=tmp_path / "out")) == first


def test_a_run_that_broke_goes_on_where_it_was(
    ring: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Counted.build
    fitted: list[str] = []

    def build(contender: Counted, trial: Trial, progress: Progress) -> Built:
        fitted.append(contender.name)
        if fitted.count("ease") == 1 and contender.name == "ease":
            raise Failed("The power went.", fix="")
        return real(contender, trial, progress)

    monkeypatch.setattr(Counted, "build", build)
    with pytest.raises(Failed, match="The power went"):
        next_item(ring, architecture="none", out=tmp_path / "out")
    told = told_of(next_item(ring, architecture="none", out=tmp_path / "out"))
    assert len(told["results"]) == len(COUNTED) + 1
    assert fitted.count("markov") == 1
    assert fitted.count("linear_transition") == 1


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"format": 1}', b'{"format": 99}'])
def test_a_damaged_result_is_made_anew(ring: Path, tmp_path: Path, damage: bytes) -> None:
    first = next_item(ring, architecture="none", out=tmp_path / "out")
    path = first.folder / "markov-0.json"
    path.write_bytes(damage)
    again = next_item(ring, architecture="none", out=tmp_path / "out")
    assert json.loads(path.read_bytes())["metrics"]["ndcg@10"] == 1.0
    assert [row.cells[0].metrics for row in again.rows] == [
        row.cells[0].metrics for row in first.rows
    ]


def test_other_content_of_the_same_name_has_a_place_of_its_own(tmp_path: Path) -> None:
    path = write_ring(tmp_path / "Ring.txt", 60)
    first = next_item(path, architecture="none", out=tmp_path / "out")
    second = next_item(write_ring(path, 50), architecture="none", out=tmp_path / "out")
    assert first.folder != second.folder
    assert told_of(second)["counts"]["users"] == 50


def test_with_attributes_it_is_another_benchmark(ring: Path, tmp_path: Path) -> None:
    without = next_item(ring, architecture="none", out=tmp_path / "out")
    (tmp_path / "Ring_item2attributes.json").write_text('{"i1": ["red"], "i2": ["red", "old"]}')
    told = next_item(ring, architecture="none", out=tmp_path / "out")
    assert told.folder != without.folder
    assert told_of(told)["attributes"] is True
    assert told_of(told)["counts"]["items_with_attributes"] == 2
    alike = next_item(ring, architecture="none", ids_only=True, out=tmp_path / "out")
    assert alike.folder == without.folder
    other = tmp_path / "other.json"
    other.write_text('{"i1": ["blue"]}')
    assert [path.name for path in told.folder.glob("*.json")] == []  # nothing that reads them
    named = next_item(ring, architecture="none", attributes=other, out=tmp_path / "out")
    assert told_of(named)["counts"]["items_with_attributes"] == 1


def test_an_unknown_architecture_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"There is no architecture 'sasrex'\. Did you mean"):
        next_item(tmp_path / "nowhere.txt", architecture="sasrex")


def test_of_a_large_catalogue_what_is_dear_is_fitted_once() -> None:
    tried = {family.name: len(members_tried(family, 20_000)) for family in FAMILIES}
    assert tried == {**tried, "ease": 1, "linear_transition": 1, "cooccurrence": 2}
    assert all(members_tried(family, 12_000) == family.members for family in FAMILIES)


def test_a_setting_added_since_makes_no_result_of_a_network_void(tmp_path: Path) -> None:
    network = Networked("sasrec", 0, PLAIN_MODEL, PLAIN_TRAINING, tmp_path)
    shelf = Shelf(tmp_path, {"dataset": "Ring"})
    older = json.loads(json.dumps(network.recipe))
    del older["training"]["ema"]
    shelf.kept(Cell("sasrec", 0, older, {}, {}, {}, 1.0, 1.0, 1.0))
    assert shelf.find("sasrec", 0, network.recipe, network.filled) is not None
    averaged = replace(network, training=PLAIN_TRAINING.model_copy(update={"ema": 0.9}))
    assert shelf.find("sasrec", 0, averaged.recipe, averaged.filled) is None


@pytest.mark.parametrize("kept", [None, [], {}, {"model": {}}, {"model": 1, "training": {"x": 1}}])
def test_what_is_no_recipe_of_a_network_stays_what_it_is(tmp_path: Path, kept: Json) -> None:
    assert Networked("sasrec", 0, PLAIN_MODEL, PLAIN_TRAINING, tmp_path).filled(kept) == kept


@pytest.mark.slow
def test_networks_are_blended_and_their_weights_are_kept(
    ring: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = next_item(ring, seeds=2, out=tmp_path / "out")
    rows = {row["model"]: row for row in told_of(first)["results"]}
    assert list(rows)[-4:] == [
        "flagship", "flagship_blend", "flagship_ensemble", "flagship_ensemble_blend",
    ]  # fmt: skip
    assert rows["flagship"]["seeds"] == rows["flagship_blend"]["seeds"] == 2
    assert rows["flagship_blend"]["metrics"]["ndcg@10"]["mean"] > 0.95
    for path in first.folder.glob("*blend*.json"):
        path.unlink()

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr("habitue.model.plain_sequences.train_on_sequences", refuse)
    again = told_of(next_item(ring, seeds=2, out=tmp_path / "out"))
    blended = {row["model"]: row["metrics"] for row in again["results"]}
    assert blended == {name: row["metrics"] for name, row in rows.items()}


@pytest.mark.slow
def test_networks_read_attributes_and_are_read_back_with_them(ring: Path, tmp_path: Path) -> None:
    labels = {f"i{item}": [item % 2, "x"] for item in range(RING - 1)}
    (tmp_path / "Ring_item2attributes.json").write_text(json.dumps(labels))
    first = next_item(ring, out=tmp_path / "out")
    (first.folder / "flagship_blend-0.json").unlink()
    assert told_of(next_item(ring, out=tmp_path / "out"))["attributes"] is True
    again = next_item(ring, out=tmp_path / "out")
    assert [row.cells[0].metrics for row in again.rows] == [
        row.cells[0].metrics for row in first.rows
    ]


@pytest.mark.slow
def test_networks_are_asked_for_the_next_click_too(tmp_path: Path) -> None:
    folder = write_sessions(tmp_path / "clicks")
    told = told_of(session(folder, architecture="gru", out=tmp_path / "out"))
    rows = {row["model"]: row["metrics"]["recall@20"]["mean"] for row in told["results"]}
    assert {"gru", "gru_blend"} <= rows.keys()
    assert rows["gru"] == 1.0  # there are twelve items in all


@pytest.mark.slow
def test_a_killed_run_goes_on(ring: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "habitue", "benchmark", "next-item", "--data", str(ring)]
    command += ["--architecture", "none", "--out", str(tmp_path / "out"), "--json"]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not cells_of(tmp_path / "out") and running.poll() is None:
        time.sleep(0.01)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    kept = {path: path.stat().st_mtime_ns for path in cells_of(tmp_path / "out")}
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert len(json.loads(done.stdout)["results"]) == len(COUNTED) + 1
    assert all(path.stat().st_mtime_ns == kept[path] for path in kept)


@pytest.mark.parametrize("as_json", [True, False])
def test_the_verb_prints_its_rows(ring: Path, tmp_path: Path, as_json: bool) -> None:
    command = [sys.executable, "-m", "habitue", "benchmark", "next-item", "--data", str(ring)]
    command += ["--architecture", "none", "--out", str(tmp_path / "out")]
    done = subprocess.run(
        command + ["--json"] * as_json, capture_output=True, text=True, check=True
    )
    if as_json:
        assert json.loads(done.stdout)["results"][0]["model"] == "popularity"
    else:
        assert "popularity" in done.stdout
        assert "leave-one-out" in done.stdout


def test_the_verb_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("user,item\nu1,a\n")
    command = [sys.executable, "-m", "habitue", "benchmark", "next-item", "--data", str(path)]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True)
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"] == "benchmark_layout"
