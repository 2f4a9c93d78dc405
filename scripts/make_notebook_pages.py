"""Executes notebooks/*.ipynb and shows them, with what they printed and drew, in docs/notebooks/.

    python scripts/make_notebook_pages.py [NAME…] [--out FOLDER] [--notebooks FOLDER]
    python scripts/make_notebook_pages.py --check

Warnings are errors in the notebooks, and so is an error. `--check` executes nothing: it says
whether the pages still show the cells that the notebooks have. Needs `pip install "habitue[dev]"`.
"""

import argparse
import base64
import re
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).parent.parent
NOTEBOOKS = ROOT / "notebooks"
PAGES = ROOT / "docs" / "notebooks"
LONGEST = 1800  # seconds that a cell, or the start, may take
STRICT = "import warnings\nwarnings.simplefilter('error')"
LENIENT = "warnings.simplefilter('default')"  # the kernel warns of itself when it ends


def main() -> int:
    """Execute and write, or check; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--out", type=Path, default=PAGES)
    parser.add_argument("--notebooks", type=Path, default=NOTEBOOKS)
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args()
    names = asked.names or sorted(path.stem for path in asked.notebooks.glob("*.ipynb"))
    if asked.check:
        old = [name for name in names if not _is_current(asked.notebooks, name, asked.out)]
        for name in old:
            print(f"docs/notebooks/{name}.md is out of date; run: python {sys.argv[0]} {name}")
        return int(bool(old))
    for name in names:
        _write(name, _executed(_read(asked.notebooks, name)), asked.out)
    return 0


def _read(folder: Path, name: str) -> NotebookNode:
    return nbformat.read(folder / f"{name}.ipynb", as_version=4)


def _executed(notebook: NotebookNode) -> NotebookNode:
    own = notebook.cells
    first, last = (nbformat.v4.new_code_cell(code) for code in (STRICT, LENIENT))
    notebook.cells = [first, *own, last]
    with tempfile.TemporaryDirectory(prefix="habitue-") as folder:
        where = {"metadata": {"path": folder}}
        client = NotebookClient(notebook, timeout=LONGEST, startup_timeout=LONGEST, resources=where)
        client.execute()
    notebook.cells = own
    return notebook


def _write(name: str, notebook: NotebookNode, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"{name}_*.png"):
        old.unlink()
    parts, pictures = [], 0
    for cell in notebook.cells:
        parts.append(_source(cell))
        for output in cell.get("outputs", []):
            picture = output.get("data", {}).get("image/png")
            if picture:
                pictures += 1
                file = folder / f"{name}_{pictures}.png"
                file.write_bytes(base64.b64decode(picture))
                parts.append(f"![]({file.name})")
            else:
                parts.append(_printed(output))
    text = "\n\n".join([parts[0], _about(name), *parts[1:]])
    (folder / f"{name}.md").write_text(text + "\n", encoding="utf-8")


def _about(name: str) -> str:
    return f"*This is `notebooks/{name}.ipynb`, executed by `scripts/make_notebook_pages.py`.*"


def _source(cell: NotebookNode) -> str:
    if cell.cell_type == "code":
        return f"```python\n{cell.source}\n```"
    text = re.sub(r"\((\w+)\.ipynb\)", r"(\1.md)", cell.source)
    return text.replace("](../docs/", "](../")


def _printed(output: NotebookNode) -> str:
    """Return a table as a table, everything else as text; refuse what went to stderr."""
    if output.output_type == "stream" and output.name == "stderr":
        raise SystemExit(f"A notebook wrote to stderr:\n{output.text}")
    shown = output.get("data", {})
    if "text/html" in shown:
        return _table(shown["text/html"])
    text = output.get("text") or shown.get("text/plain", "")
    return f"```text\n{text.rstrip()}\n```"


def _table(html: str) -> str:
    """Return Polars' table without its style, its types and the quotes around texts."""
    html = re.sub(r"<style>.*?</style>\s*|<small>.*?</small>", "", html, flags=re.DOTALL)
    html = re.sub(r"</tr>\s*<tr>(<td>[\w\[\], ]+</td>)+</tr></thead>", "</tr></thead>", html)
    html = re.sub(r"<td>&quot;(.*?)&quot;</td>", r"<td>\1</td>", html)
    return html.replace(' border="1" class="dataframe"', "").replace("\n", "")


def _is_current(notebooks: Path, name: str, folder: Path) -> bool:
    """Whether the page shows the notebook's cells, each after the one before."""
    page = folder / f"{name}.md"
    text, place = page.read_text(encoding="utf-8") if page.is_file() else "", 0
    for cell in _read(notebooks, name).cells:
        place = text.find(_source(cell), place)
        if place < 0:
            return False
    return True


if __name__ == "__main__":
    sys.exit(main())
