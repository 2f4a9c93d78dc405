"""The verbs about files on the command line: what they take, and how they end."""

import gzip
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


def test_init_by_force_keeps_the_settings_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = write_csv(make_shop(num_persons=5, days=20), tmp_path / "log.csv")
    shop = tmp_path / "s"
    run(monkeypatch, "init", "-w", shop, raw, "--json")
    assert json.loads(capsys.readouterr().out)["kept"] == ""
    (shop / "habitue.toml").write_text("# mine\n")
    assert run(monkeypatch, "init", "-w", shop, "--force", raw) == 0
    told = capsys.readouterr().out.replace("\n", "")
    assert f"The settings before are kept in {shop}/habitue.toml.bak." in told
    assert (shop / "habitue.toml.bak").read_text() == "# mine\n"
    assert "[[sources]]" in (shop / "habitue.toml").read_text()


def test_validate_names_the_shop_in_what_it_advises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = write_csv(make_shop(num_persons=5, days=20), tmp_path / "log.csv")
    shop, other = tmp_path / "s", tmp_path / "other.csv"
    other.write_text("who,what\nu1,view\n")
    run(monkeypatch, "init", "-w", shop, raw)
    capsys.readouterr()
    run(monkeypatch, "validate", "-w", shop, "--json", other)
    told = json.loads(capsys.readouterr().out)["findings"][0]["examples"][0]
    assert f"habitue init -w {shop} --from" in told


def test_encoding_and_salvage_are_options_of_each_verb_that_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "user,time,event,item\n" + "".join(
        f"u{n},2024-03-{n + 1:02d}T10:00:00Z,view,Zelt{n}-ü\n" for n in range(20)
    )
    raw, cut, shop = tmp_path / "log.csv", tmp_path / "log.csv.gz", tmp_path / "shop"
    raw.write_bytes(text.encode("cp437"))
    packed = gzip.compress(text.encode("cp437"), mtime=0)
    cut.write_bytes(packed[:-30])

    assert run(monkeypatch, "init", "-w", shop, "--encoding", "cp437", raw) == 0
    assert 'encoding = "cp437"' in (shop / "habitue.toml").read_text()
    capsys.readouterr()
    for verb in ("validate", "ingest"):
        assert run(monkeypatch, verb, "-w", shop, "--encoding", "ascii", raw, "--json") != 0
        assert "cannot be decoded" in capsys.readouterr().out
        assert run(monkeypatch, verb, "-w", shop, cut, "--json") != 0
        assert "is cut off" in capsys.readouterr().out
        assert run(monkeypatch, verb, "-w", shop, "--salvage", cut, "--json") == 0
        assert "is cut off" in capsys.readouterr().out or verb == "validate"
        assert run(monkeypatch, verb, "-w", shop, "--encoding", "no-such", raw, "--json") == 2
        assert "Encoding 'no-such' is unknown" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_archive_that_is_cut_off_can_be_described_and_then_salvaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    rows = [
        {"user": f"u{n}", "time": f"2024-03-01T10:{n // 60:02d}:{n % 60:02d}Z", "event": "view"}
        for n in range(2000)
    ]
    lines = ["user,time,event", *(",".join(row.values()) for row in rows)]
    if kind == "jsonl":
        lines = [json.dumps(row) for row in rows]
    cut, shop = tmp_path / f"log.{kind}.gz", tmp_path / "shop"
    cut.write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0)[:-2000])
    assert run(monkeypatch, "init", "-w", shop, cut) == 0
    capsys.readouterr()
    assert run(monkeypatch, "ingest", "-w", shop, cut, "--json") == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "gzip_truncated"
    assert f"add --salvage to: habitue ingest -w {shop} FILE…" in error["fix"]
    assert run(monkeypatch, "ingest", "-w", shop, "--salvage", cut, "--json") == 0
    assert 0 < json.loads(capsys.readouterr().out)["accepted"] < 2000
