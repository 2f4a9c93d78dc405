"""Every bad input gets what it must, from the command line to the store and the quarantine.

One folder a case; what stands in its `expected.json` is told in `cases`.
"""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from habitue.config import SETTINGS_FILE
from tests.bad_inputs.cases import EXPECTED, KEYS, Case, all_cases
from tests.bad_inputs.makers import MAKERS
from tests.bad_inputs.running import Run, run_here, run_measured
from tests.bad_inputs.stored import Row, is_untouched, set_aside_rows, stored_rows

CASES = all_cases()
ROWS = {*range(1, 75)} - {72}  # logs that are too small are in `test_small_logs`
LONG_LISTS = {"41b-long-list", "41c-list-of-a-million"}

Json = dict[str, Any]


def is_large(case: Case) -> bool:
    """Whether it takes seconds: a long list, or what is measured in a process of its own."""
    return "peak_mb" in case.expected or case.folder.name in LONG_LISTS


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.folder.name, marks=[pytest.mark.slow] if is_large(case) else [])
        for case in CASES
    ],
)
def test_bad_input_gets_what_it_must(
    case: Case,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    exports, shop = tmp_path / "exports", tmp_path / "shop"
    stop = _lay_out(case, exports)
    shop.mkdir()
    monkeypatch.chdir(exports)
    expected = case.expected
    files = [exports / name for name in expected["files"]]  # /dev/zero stays /dev/zero
    if expected.get("init"):
        ran = run_here(monkeypatch, capsys, "init", "-w", shop, *case.words(), *files, "--json")
        assert ran.code == 0, ran.out
    else:
        (shop / SETTINGS_FILE).write_text(case.settings_text(), encoding="utf-8")
    for name in expected.get("before", []):
        ran = run_here(monkeypatch, capsys, "ingest", "-w", shop, exports / name, "--json")
        assert ran.code == 0, ran.out
    there_before = _all_files(tmp_path, shop)
    words = ["ingest", "-w", shop, *case.words(), "--json", *files]
    try:
        measured = "peak_mb" in expected
        ran = run_measured(*words) if measured else run_here(monkeypatch, capsys, *words)
    finally:
        stop()
    assert ran.peak_mb < expected.get("peak_mb", 1)
    assert _all_files(tmp_path, shop) == there_before, "something was written beside the store"
    _check(expected, ran, shop / "store")


def _check(expected: Json, ran: Run, store: Path) -> None:
    assert ran.code == expected["exit"], ran.out
    assert "Traceback" not in ran.out + ran.err
    told = json.loads(ran.out)
    if "error" in expected:
        _check_error(expected["error"], told["error"])
        if not expected.get("before"):
            assert is_untouched(store)
        return
    _check_report(expected["report"], told)
    if "stored" in expected or "num_stored" in expected:
        _check_stored(expected, stored_rows(store))
    if expected.get("set_aside"):
        rows = set_aside_rows(store)
        for wanted in expected["set_aside"]:
            assert any(_is_set_aside(row, wanted) for row in rows), (wanted, rows)


def _check_error(wanted: Json, told: Json) -> None:
    assert told["code"] == wanted["code"], told
    assert re.search(wanted["message"], told["message"]), told["message"]
    assert told["fix"]
    assert re.search(wanted.get("fix", ""), told["fix"]), told["fix"]


def _check_report(wanted: Json, told: Json) -> None:
    assert told["received"] == told["accepted"] + told["duplicates"] + told["quarantined"]
    assert told["repaired"] <= told["accepted"]
    assert sum(told["by_reason"].values()) == told["quarantined"]
    plain = {key: value for key, value in wanted.items() if key != "notes"}
    assert {key: told[key] for key in plain} == plain, told
    for pattern in wanted.get("notes", []):
        assert any(re.search(pattern, note) for note in told["notes"]), (pattern, told["notes"])


def _check_stored(expected: Json, rows: list[Row]) -> None:
    assert len(rows) == expected.get("num_stored", len(rows))
    for wanted in expected.get("stored", []):
        assert any(wanted.items() <= _hashable(row).items() for row in rows), (wanted, rows[:5])


def _hashable(row: Row) -> Row:
    return {key: value for key, value in row.items() if not isinstance(value, list | dict)}


def _is_set_aside(row: Row, wanted: Json) -> bool:
    plain = {key: value for key, value in wanted.items() if key != "raw"}
    if any(row[key] != value for key, value in plain.items()):
        return False
    return re.search(wanted.get("raw", ""), row["raw"]) is not None


def _lay_out(case: Case, exports: Path) -> Callable[[], None]:
    """Put the case's files where they are read; return how to end what goes on changing them."""
    shutil.copytree(case.folder, exports, ignore=shutil.ignore_patterns(EXPECTED))
    maker = case.expected.get("made_by")
    return (MAKERS[maker](exports) if maker else None) or (lambda: None)


def _all_files(folder: Path, but: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if but not in (path, *path.parents)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.folder.name)
def test_case_says_what_it_shows(case: Case) -> None:
    expected = case.expected
    assert expected.keys() <= KEYS, expected.keys() - KEYS
    assert {"row", "what", "files", "exit"} <= expected.keys()
    assert ("error" in expected) != ("report" in expected)
    number = re.match(r"(\d\d)[a-z]?-[a-z0-9-]+$", case.folder.name)
    assert number is not None
    assert int(number[1]) == case.row


def test_every_promise_has_a_case() -> None:
    missing = sorted(ROWS - {case.row for case in CASES})
    assert not missing
