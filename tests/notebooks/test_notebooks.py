"""The notebooks run as they are, on a Jupyter kernel, and draw; the docs show what they say."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SCRIPT = [sys.executable, "scripts/make_notebook_pages.py"]
PNG = b"\x89PNG"


def make_pages(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the script, with all that Jupyter keeps for a person in `folder`."""
    own = {"IPYTHONDIR": "ipython", "JUPYTER_DATA_DIR": "data", "JUPYTER_CONFIG_DIR": "config"}
    paths = {name: str(folder / part) for name, part in own.items()}
    return subprocess.run(
        [*SCRIPT, *arguments],
        cwd=ROOT,
        env={**os.environ, **paths, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


def test_there_are_the_three_notebooks_that_are_promised() -> None:
    assert {one.stem for one in NOTEBOOKS} == {"first_steps", "your_own_log", "comparing_models"}


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda one: one.stem)
def test_a_notebook_runs_without_errors_or_warnings_and_draws(
    notebook: Path, tmp_path: Path
) -> None:
    pages = tmp_path / "pages"
    done = make_pages(notebook.stem, "--out", str(pages), folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    shown = (pages / f"{notebook.stem}.md").read_text(encoding="utf-8")
    pictures = re.findall(r"!\[\]\((\w+\.png)\)", shown)
    assert len(pictures) >= 3
    assert sorted(pictures) == sorted(file.name for file in pages.glob("*.png"))
    assert all((pages / name).read_bytes().startswith(PNG) for name in pictures)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda one: one.stem)
def test_a_notebook_is_kept_without_what_it_printed(notebook: Path) -> None:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code)


def test_the_docs_show_the_notebooks_as_they_are(tmp_path: Path) -> None:
    done = make_pages("--check", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_a_notebook_with_a_warning_is_refused(tmp_path: Path) -> None:
    cell: dict[str, object] = {
        "cell_type": "code",
        "execution_count": None,
        "id": "one",
        "metadata": {},
        "outputs": [],
        "source": "import warnings; warnings.warn('careful')",
    }
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "careless.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    asked = ["careless", "--notebooks", str(tmp_path), "--out", str(tmp_path)]
    done = make_pages(*asked, folder=tmp_path)
    assert done.returncode != 0
    assert "UserWarning" in done.stderr
    assert "careful" in done.stderr
