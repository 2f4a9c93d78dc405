"""The table of options: each row is one change, measured once."""

import gzip
import json
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _scripts_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [str(ROOT / "benchmarks"), str(ROOT / "scripts")]
    monkeypatch.setattr(sys, "path", [*folders, *sys.path])


@pytest.fixture
def small_beauty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty persons who go around a ring of thirty items, in the layout of the published file."""
    folder = tmp_path / "amazon_s3rec"
    folder.mkdir()
    lines = [
        " ".join(str(number) for number in [person, *((person + np.arange(6)) % 30 + 1)])
        for person in range(40)
    ]
    with gzip.open(folder / "Beauty.txt.gz", "wt") as file:
        file.write("\n".join(lines))
    with gzip.open(folder / "Beauty_item2attributes.json.gz", "wt") as file:
        json.dump({str(item): [1 + item % 3] for item in range(1, 31)}, file)
    monkeypatch.setenv("HABITUE_BENCHMARK_DATA", str(tmp_path))


def test_each_row_changes_the_recipe_and_has_a_file_of_its_own() -> None:
    from ablations import Bench, rows

    bench = Bench([], [], epochs=8)
    told = rows()
    recipes = [
        json.dumps([bench.recipe(row)[key] for key in ("model", "training")]) for row in told
    ]
    with_attributes = [r for r, row in zip(recipes, told, strict=True) if row.has_attributes]
    assert len(set(with_attributes)) == len(with_attributes)
    assert len({row.file_name for row in told}) == len(told)
    assert {row.against for row in told} <= {row.name for row in told}


@pytest.mark.usefixtures("small_beauty")
def test_what_is_there_is_not_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import ablations

    asked = ["--only", "baseline", "--only", "dropout 0.2", "--epochs", "1"]
    out = tmp_path / "results"
    ablations.main([*asked, "--out", str(out)])
    first = capsys.readouterr().out
    assert {path.name for path in out.iterdir()} == {"baseline.json", "dropout_0.2.json"}
    monkeypatch.setattr(ablations.Bench, "measure", None)
    ablations.main([*asked, "--out", str(out)])
    assert capsys.readouterr().out == first
    with pytest.raises(TypeError, match="not callable"):
        ablations.main([*asked, "--epochs", "2", "--out", str(out)])


@pytest.mark.usefixtures("small_beauty")
def test_a_row_tells_its_change_and_what_it_took(tmp_path: Path) -> None:
    import ablations

    make_ablation_table = import_module("make_ablation_table")
    out = tmp_path / "results"
    ablations.main(["--only", "samples prefix", "--only", "baseline", "--only", "reorder",
                    "--epochs", "1", "--out", str(out)])  # fmt: skip
    results = [json.loads(path.read_bytes()) for path in sorted(out.iterdir())]
    results[0] |= {"test_ndcg": 0.0512, "seconds": 61.4}
    results[1] |= {"test_ndcg": 0.0523}
    results[2] |= {"test_ndcg": 0.05}
    assert [one["name"] for one in results] == ["baseline", "prefix reorder 0.3", "samples prefix"]
    table = make_ablation_table.section(results)
    assert "40 persons, 1 epochs, seed 0" in table
    lines = [line.split(" | ") for line in table.splitlines() if line.startswith("| ")][1:]
    assert [line[0] for line in lines] == ["| baseline", "| prefix reorder 0.3", "| samples prefix"]
    assert lines[1][1] == "`training.samples=prefix`, `training.reorder=0.3`"
    assert [line[4] for line in lines] == ["", "+.0023 (to samples prefix)", "-.0012"]
    assert lines[0][5] == "61 |"


def test_parts_share_all_rows_among_them() -> None:
    from ablations import chosen_rows, rows

    parts = [chosen_rows([], f"{part}/3") for part in (1, 2, 3)]
    assert sorted(row.name for part in parts for row in part) == sorted(r.name for r in rows())
