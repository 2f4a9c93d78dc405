"""The public surface: what `habitue` exports, and verbs that are the same everywhere."""

import inspect
import resource
import subprocess
import sys

import typer

import habitue
from habitue.cli import app
from habitue.workspace import Workspace

# Command-line verbs and the methods of `Workspace` that they call.
METHODS = {
    "models list": "models",
    "models show": "model",
    "models publish": "publish",
    "models rollback": "rollback",
    "quarantine show": "quarantine",
    "quarantine retry": "quarantine_retry",
    "alerts churn": "churn_alerts",
}
WITHOUT_METHOD = {"benchmark next-item", "benchmark session", "demo", "simulate", "version"}
WITHOUT_SHOP = WITHOUT_METHOD - {"demo"}
LATER = {"serve", "stream", "erase", "export", "privacy", "identity"}


def verbs() -> dict[str, list[str]]:
    """Every verb and its options."""
    found = {}
    group = typer.main.get_command(app)
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        children = getattr(command, "commands", None)
        for child, inner in (children or {"": command}).items():
            found[f"{name} {child}".strip()] = [parameter.name for parameter in inner.params]
    return found


def test_all_is_sorted_and_importable() -> None:
    assert habitue.__all__ == sorted(habitue.__all__)
    for name in habitue.__all__:
        assert getattr(habitue, name) is not None


def test_every_verb_is_a_method_of_workspace_with_the_same_options() -> None:
    renamed = {"everyone": None, "workspace": None, "as_json": None, "more": None, "lang": None}
    for verb, options in verbs().items():
        if verb in WITHOUT_METHOD:
            continue
        method = getattr(Workspace, METHODS.get(verb, verb))
        parameters = set(inspect.signature(method).parameters)
        if verb == "recommend":
            parameters |= set(inspect.signature(Workspace.recommend_all).parameters)
        asked = {option for option in options if option not in renamed}
        assert asked <= parameters, f"{verb}: {asked - parameters}"


def test_verbs_that_do_not_work_yet_are_not_shown() -> None:
    assert LATER.isdisjoint({verb.split()[0] for verb in verbs()})


def test_every_verb_prints_json_on_request() -> None:
    for verb, options in verbs().items():
        if verb != "version":
            assert "as_json" in options, verb
        if verb not in WITHOUT_SHOP:
            assert "workspace" in options, verb


def test_simulate_is_a_function_with_the_same_options() -> None:
    options = set(verbs()["simulate"]) - {"as_json", "lang"}
    assert options == set(inspect.signature(habitue.simulate).parameters) - {"progress"}


def test_help_answers_before_anything_heavy_is_imported() -> None:
    code = (
        "import sys; sys.argv = ['habitue', '--help']\n"
        "from habitue.cli import app\n"
        "app(standalone_mode=False)\n"
        "heavy = {'polars', 'torch', 'numpy', 'lightgbm', 'pydantic', 'scipy', 'sklearn'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, f"imported by --help: {done.stderr}"


def test_verbs_on_the_log_do_without_the_network_library() -> None:
    code = (
        "import sys, habitue.results, habitue.events.ingest, habitue.events.guess\n"
        "sys.exit(', '.join(sorted({'torch', 'lightgbm', 'sklearn'} & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, f"imported by ingest: {done.stderr}"


def seconds_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_help_names_every_verb_in_a_blink() -> None:
    began = seconds_of_children()
    done = subprocess.run(
        [sys.executable, "-m", "habitue", "--help"], capture_output=True, text=True
    )
    # The promise is 0.3 s. Of the processor's time, for a busy machine makes everything late, and
    # ten times as much, for it makes everything slow.
    assert seconds_of_children() - began < 3
    for verb in {verb.split()[0] for verb in verbs()}:
        assert verb in done.stdout
