"""Logs from which nothing can be learnt: training says what it takes, what is popular is served."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from habitue.config import SETTINGS_FILE
from tests.bad_inputs.running import run_here

SETTINGS = """
[recommend]
min_persons = 1
[[sources]]
name = "shop"
[sources.columns]
user_id = "user"
timestamp = "time"
event_type = "event"
item_id = "item"
"""
HEADER = "user,time,event,item,title,price\n"
LOGS = {
    "one event": [("u", 0, "purchase", "A")],
    "one user": [("u", day, "purchase", f"A{day % 9}") for day in range(200)],
    "one item": [(f"u{day % 30}", day, "purchase", "A") for day in range(200)],
    "few users": [(f"u{day % 9}", day, "view", f"A{day % 7}") for day in range(200)],
    "no item": [(f"u{day % 30}", day, "view", "") for day in range(200)],
    "no events but bots": [(f"u{n % 2}", n % 2, "view", f"A{n % 7}") for n in range(4000)],
}
VIEWS = [(f"u{n % 40}", n // 40, "view", f"A{n * 7 % 23}") for n in range(40 * 120)]

Json = dict[str, Any]


def lines(log: list[tuple[str, int, str, str]]) -> Iterator[str]:
    for number, (user, day, event, item) in enumerate(log):
        month, date = 1 + day // 28, 1 + day % 28
        at = f"2024-{month:02d}-{date:02d}T{number // 60 % 24:02d}:{number % 60:02d}:00Z"
        yield f"{user},{at},{event},{item},Tent,9.50\n"


class Shop:
    """A workspace with a log, asked through the command line."""

    def __init__(
        self,
        folder: Path,
        log: list[tuple[str, int, str, str]],
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        self._folder, self._monkeypatch, self._capsys = folder / "shop", monkeypatch, capsys
        self._folder.mkdir()
        (self._folder / SETTINGS_FILE).write_text(SETTINGS)
        (folder / "log.csv").write_text(HEADER + "".join(lines(log)))
        assert self.ask("ingest", folder / "log.csv")[0] == 0

    def ask(self, verb: str, *words: str | Path) -> tuple[int, Json]:
        ran = run_here(self._monkeypatch, self._capsys, verb, *words, "-w", self._folder, "--json")
        assert "Traceback" not in ran.err
        document: Json = json.loads(ran.out)
        return ran.code, document


@pytest.mark.parametrize("name", LOGS)
def test_training_says_what_it_takes_and_popular_items_are_served(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shop = Shop(tmp_path, LOGS[name], monkeypatch, capsys)
    code, told = shop.ask("train", "--size", "tiny")
    assert (code, told["error"]["code"]) == (2, "not_enough_data")
    assert told["error"]["fix"]
    code, listed = shop.ask("popular", "-k", "50")
    humans = {item for user, _, _, item in LOGS[name] if item and "bots" not in name}
    assert (code, listed["model_version"]) == (0, None)
    assert {item["item_id"] for item in listed["items"]} == humans
    assert shop.ask("recommend", "u")[0] == 2


@pytest.mark.slow
def test_a_log_without_purchases_answers_no_task_of_purchases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = Shop(tmp_path, VIEWS, monkeypatch, capsys)
    assert shop.ask("train", "--size", "tiny", "--epochs", "1")[0] == 0
    code, told = shop.ask("predict", "--task", "purchase_30d")
    assert (code, told["error"]["code"]) == (2, "not_enough_data")
    assert "purchase" in told["error"]["message"]
    code, listed = shop.ask("popular")
    assert (code, listed["items"][0]["item_id"][0]) == (0, "A")
