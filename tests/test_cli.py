"""The command line at its edges: help, exit codes, broken pipes, messages a person understands."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from habitue import __version__, cli
from habitue.cli import model_verbs
from habitue.errors import HabitueWarning, NotReady

SETTINGS = '[[sources]]\nname = "log"\n[sources.columns]\nuser_id = "user"\n'


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run the command line in this process; return exit code, stdout and stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["habitue", *arguments])
        monkeypatch.setattr("warnings.showwarning", None)
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        captured = capsys.readouterr()
        assert isinstance(stopped.value.code, int)
        return stopped.value.code, captured.out, captured.err

    return run


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A shop with settings and nothing else."""
    (tmp_path / "habitue.toml").write_text(SETTINGS)
    return tmp_path


def test_the_version_is_told_in_three_ways(run: Run) -> None:
    assert run("--version") == run("version") == (0, f"habitue {__version__}\n", "")
    code, out, _ = run("version", "--json")
    assert (code, json.loads(out)) == (0, {"version": __version__})


def test_options_are_called_as_in_the_contract() -> None:
    contract = {
        "init": {"files": "FILE…", "more": "FILE…"},
        "validate": {"files": "FILE…"},
        "ingest": {"files": "FILE…"},
        "train": {"architecture": "A", "size": "S", "seed": "N", "epochs": "N", "as_of": "TIME"},
        "profile": {"user": "USER", "as_of": "TIME", "workspace": "WORKSPACE"},
        "predict": {"task": "T", "out": "FILE"},
        "recommend": {"user": "USER", "k": "K", "out": "FILE"},
        "similar": {"item": "ITEM", "k": "K"},
        "audience": {"rule": "RULE", "name": "NAME", "out": "FILE"},
    }
    commands = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]
    for verb, expected in contract.items():
        metavars = {one.name: one.metavar for one in commands[verb].params}
        assert expected.items() <= metavars.items(), verb


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("evalute",), "There is no verb 'evalute'. Did you mean 'evaluate'"),
        (("models", "shw"), "There is no verb 'shw'. Did you mean 'show'?"),
        (("popular", "-k", "0"), "'-k': expected a number greater than or equal to 1"),
        (("popular", "-k", "x"), "'-k': expected an integer"),
        (("predict",), "Missing option '--task'."),
        (("recommend",), "Name one customer, or everyone with --all."),
        (("recommend", "u1", "--all"), "Name one customer, or everyone with --all."),
        (("recommend", "u1", "--out", "x.csv"), "--out goes with --all only."),
    ],
)
def test_wrong_usage_is_told_plainly(run: Run, arguments: tuple[str, ...], sentence: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert sentence in err
    assert "See: habitue" in err
    assert "Input" not in err
    code, out, _ = run(*arguments, "--json")
    assert code == 2
    assert json.loads(out)["error"]["code"] == "usage"


def test_wrong_usage_names_the_same_command_however_it_was_called() -> None:
    command = [sys.executable, "-m", "habitue", "ingest", "--no-such"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 2
    assert told.stderr.endswith("See: habitue ingest --help\n")


def test_the_next_command_is_about_the_same_shop(run: Run, empty: Path) -> None:
    _, _, err = run("train", "-w", str(empty))
    assert f"habitue ingest -w {empty} FILE…" in err
    _, out, _ = run("models", "rollback", "-w", str(empty), "--json")
    assert json.loads(out)["error"]["fix"] == f"Train one: habitue train -w {empty}"
    _, out, _ = run("models", "list", "-w", str(empty))
    assert f"There is no model yet. Train one: habitue train -w {empty}" in out.replace("\n", "")
    _, out, _ = run("quarantine", "show", "-w", str(empty))
    assert f"habitue ingest -w {empty} FILE…" in out


def test_in_the_default_shop_the_next_command_names_none(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "habitue.toml").write_text(SETTINGS)
    _, _, err = run("models", "rollback")
    assert err.endswith("Train one: habitue train\n")
    monkeypatch.setenv("HABITUE_WORKSPACE", str(tmp_path / "shop"))
    _, _, err = run("models", "rollback")
    assert err.endswith("Train one: habitue train\n")


def test_empty_lists_are_documents_for_programs(run: Run, empty: Path) -> None:
    code, out, _ = run("models", "list", "-w", str(empty), "--json")
    assert (code, json.loads(out)) == (0, {"versions": []})
    code, out, _ = run("quarantine", "show", "-w", str(empty), "--json")
    assert (code, json.loads(out)) == (0, {"by_reason": {}, "rows": []})
    code, out, _ = run("models", "list", "-w", str(empty / "none"), "--json")
    assert (code, json.loads(out)["error"]["code"]) == (2, "no_workspace")


def test_a_wrong_variable_is_refused_without_a_traceback(
    run: Run, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HABITUE_MODEL", "tiny")
    code, _, err = run("train", "-w", str(empty))
    assert code == 2
    assert "Setting 'model' is 'tiny'; expected a section of settings." in err


class Asked:
    """A workspace whose every verb meets the same fate."""

    def __init__(self, fate: BaseException | None, warning: str = "") -> None:
        self.fate, self.warning = fate, warning

    def models(self) -> "Asked":
        import warnings

        if self.warning:
            warnings.warn(self.warning, HabitueWarning, stacklevel=1)
        if self.fate:
            raise self.fate
        return self

    def as_json(self) -> dict[str, object]:
        return {"versions": []}


@pytest.mark.parametrize(
    ("fate", "exit_code", "code"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "/data/x"), 2, "bad_path"),
        (FileNotFoundError(errno.ENOENT, "No such file", "/data/x"), 2, "bad_path"),
        (OSError(errno.EROFS, "Read-only file system", "/data/x"), 2, "bad_path"),
        (OSError(errno.ENOSPC, "No space left on device", "/data/x"), 1, "write_failed"),
        (NotReady("There is nothing.", fix="Do something."), 2, "not_ready"),
        (RuntimeError("torn"), 1, "internal"),
        (KeyboardInterrupt(), 1, "stopped"),
    ],
)
def test_every_error_is_a_sentence_with_its_exit_code(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    fate: BaseException,
    exit_code: int,
    code: str,
) -> None:
    monkeypatch.setattr(model_verbs, "open_shop", lambda _: Asked(fate))
    found, out, _ = run("models", "list", "--json")
    error = json.loads(out)["error"]
    assert (found, error["code"]) == (exit_code, code)
    if isinstance(fate, OSError):
        assert error["message"] == f"/data/x: {fate.strerror}."
    found, out, err = run("models", "list")
    assert (found, out) == (exit_code, "")
    assert "Traceback" not in err


def test_a_warning_is_a_note_on_stderr(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_verbs, "open_shop", lambda _: Asked(None, "The log ends."))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("warnings.filters", [])
        code, out, err = run("models", "list", "--json")
    assert (code, err) == (0, "Note: The log ends.\n")
    assert json.loads(out) == {"versions": []}


def habitue(*arguments: str, stdout: int) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "habitue", *arguments],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    "arguments", [("version",), ("version", "--json"), ("--help",), ("nonsense", "--json")]
)
def test_a_full_disk_below_stdout_is_told_in_a_sentence(arguments: tuple[str, ...]) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    done = habitue(*arguments, stdout=full)
    os.close(full)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("is_json", [pytest.param(True, marks=pytest.mark.slow), False])
def test_a_reader_that_went_away_is_no_fault(empty: Path, is_json: bool) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    options = ["--json"] if is_json else []
    done = habitue("models", "list", "-w", str(empty), *options, stdout=write_end)
    os.close(write_end)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_closed_stdout_is_no_fault() -> None:
    command = f"{sys.executable} -m habitue version >&-"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
