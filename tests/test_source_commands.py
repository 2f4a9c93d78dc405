"""Published layouts and database tables on the command line."""

import json
import sys
from pathlib import Path

import pytest

from habitue.cli import main
from tests.events.adapters.good_files import GOOD
from tests.events.test_database import make_table


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str | Path
) -> tuple[object, dict[str, object], str]:
    """How a verb ends, its JSON document, and all that it printed."""
    monkeypatch.setattr(sys, "argv", ["habitue", *map(str, words), "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    return ended.value.code, json.loads(printed.out), printed.out + printed.err


def test_a_layout_is_recognised_and_ingested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, shop = GOOD["ga4"](tmp_path), tmp_path / "shop"

    code, told, _ = run(monkeypatch, capsys, "init", "-w", shop, "--from", path)

    assert code == 0
    guesses = told["guesses"]
    assert isinstance(guesses, list)
    assert guesses[0]["field"] == "adapter"
    assert told["mapping"] == {"ga4": {"adapter": "ga4"}}
    code, told, _ = run(monkeypatch, capsys, "ingest", "-w", shop, path)
    assert (code, told["received"], told["accepted"], told["quarantined"]) == (0, 2, 1, 1)
    assert told["by_reason"] == {"no_shop_event": 1}


def test_a_layout_may_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, shop = GOOD["segment"](tmp_path), tmp_path / "shop"
    named = ("init", "-w", shop, "--from", path, "--adapter")
    code, told, _ = run(monkeypatch, capsys, *named, "ga5")
    assert (code, told["error"]["code"]) == (2, "unknown_name")  # type: ignore[index]
    assert "Did you mean 'ga4'?" in told["error"]["message"]  # type: ignore[index]
    code, told, _ = run(monkeypatch, capsys, *named, "ga4")
    assert (code, told["error"]["code"]) == (2, "wrong_layout")  # type: ignore[index]
    code, _, _ = run(monkeypatch, capsys, *named, "segment")
    assert code == 0


def test_a_table_is_described_checked_and_ingested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url, shop = make_table(tmp_path / "shop.db"), tmp_path / "shop"
    assert run(monkeypatch, capsys, "init", "-w", shop, "--from", url)[0] == 0
    code, told, _ = run(monkeypatch, capsys, "validate", "-w", shop)
    assert (code, told["status"]) in [(0, "PASS"), (0, "WARN")]
    code, told, _ = run(monkeypatch, capsys, "ingest", "-w", shop)
    assert (code, told["accepted"]) == (0, 20)
    code, told, _ = run(monkeypatch, capsys, "ingest", "-w", shop, url)
    assert (code, told["duplicates"]) == (0, 20)


def test_a_password_in_a_url_is_never_printed_or_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = tmp_path / "shop"
    shop.mkdir()
    url = "postgresql://ann:hunter2@127.0.0.1:1/shop?table=events"
    (shop / "habitue.toml").write_text(
        f'[[sources]]\nname = "a"\nurl = "{url}"\n[sources.columns]\nuser_id = "u"\n'
    )
    for verb in (("ingest",), ("ingest", url), ("validate",), ("init", "--force", "--from", url)):
        code, _, printed = run(monkeypatch, capsys, *verb, "-w", shop)
        assert code in (1, 2)
        assert "hunter2" not in printed


def test_a_url_that_is_no_text_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "habitue.toml").write_text(
        '[[sources]]\nname = "a"\nurl = ["postgresql://ann:hunter2@db/shop"]\n'
    )
    code, told, printed = run(monkeypatch, capsys, "ingest", "-w", shop)
    assert (code, told["error"]["code"]) == (2, "settings")  # type: ignore[index]
    assert "sources.a.url" in printed
    assert "hunter2" not in printed


def test_without_a_file_and_without_a_table_the_usage_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, shop = GOOD["rees46"](tmp_path), tmp_path / "shop"
    run(monkeypatch, capsys, "init", "-w", shop, "--from", path)
    code, told, _ = run(monkeypatch, capsys, "ingest", "-w", shop)
    assert (code, told["error"]["code"]) == (2, "usage")  # type: ignore[index]
