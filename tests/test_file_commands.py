"""The verbs about files on the command line: what they take, and how they end."""

import json
import sys
from pathlib import Path

import pytest

from habitue.cli import main
from tests.shop import make_shop, write_csv


def run(monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> int | str | None:
    monkeypatch.setattr(sys, "argv", ["habitue", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


@pytest.mark.parametrize("option", [["--from"], []])
def test_init_takes_its_files_with_and_without_the_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: list[str]
) -> None:
    raw = write_csv(make_shop(num_persons=5, days=20), tmp_path / "log.csv")
    shop = tmp_path / "shop"
    assert run(monkeypatch, "init", "-w", shop, *option, raw) == 0
    assert (shop / "habitue.toml").is_file()


def test_init_without_a_file_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "init", "-w", tmp_path / "shop", "--json") == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "usage"
    assert "habitue init" in error["fix"]
    assert "--from FILE" in error["fix"]


def test_validate_ends_with_1_where_a_rule_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = write_csv(make_shop(num_persons=5, days=20), tmp_path / "log.csv")
    shop, other = tmp_path / "shop", tmp_path / "other.csv"
    other.write_text("who,what\nu1,view\n")
    run(monkeypatch, "init", "-w", shop, raw)
    capsys.readouterr()
    assert run(monkeypatch, "validate", "-w", shop, "--json", raw) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "PASS"
    assert run(monkeypatch, "validate", "-w", shop, "--json", raw, other) == 1
    assert json.loads(capsys.readouterr().out)["status"] == "FAIL"
    assert run(monkeypatch, "validate", "-w", shop, "--json", tmp_path / "none.csv") == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "file_missing"
