import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from habitue import doctor
from habitue.compute import Silent
from habitue.doctor import Check, Diagnosis, examine
from habitue.events.lock import LOCK_FILE
from habitue.versions import POINTER_FILE
from tests.bad_inputs.running import run_here
from tests.reliability.shop_files import ingest, write_files
from tests.test_files import dead_process
from tests.test_versions import make_older
from tests.workspaces import make_refresh, make_version, make_workspace


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_workspace(tmp_path_factory.mktemp("made") / "shop")


@pytest.fixture
def shop(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "shop")


def asked(folder: Path) -> list[Check]:
    """The checks that ask for something."""
    return [check for check in examine(folder, progress=Silent()).checks if check.status != "PASS"]


def the_one(folder: Path) -> Check:
    (check,) = asked(folder)
    return check


def test_a_workspace_with_nothing_wrong_passes(shop: Path) -> None:
    found = examine(shop, progress=Silent())
    assert found.status == "PASS"
    assert {"habitue", "python", "polars", "torch"} <= set(found.versions)
    assert found.paths["workspace"] == str(shop)
    told = {check.name: check.message for check in found.checks}
    assert told["store"] == "19 events in 18 files, all whole; format 3."
    assert told["published model"] == "Version 0001 answers."
    assert told["refresh"].endswith("up to date.")
    document = json.loads(json.dumps(found.as_json(), allow_nan=False))
    assert set(document) == {"status", "versions", "paths", "checks"}
    assert all(set(check) == {"name", "status", "message", "fix"} for check in document["checks"])


def test_what_is_missing_comes_with_the_next_command_and_is_not_wrong(tmp_path: Path) -> None:
    none = examine(tmp_path / "none", progress=Silent())
    assert none.status == "PASS"
    fixes = [check.fix for check in none.checks]
    assert f"Begin with: habitue init -w {tmp_path / 'none'} --from FILE…" in fixes
    assert not (tmp_path / "none").exists()
    (tmp_path / "empty").mkdir()
    empty = examine(tmp_path / "empty", progress=Silent())
    assert empty.status == "PASS"
    verbs = re.findall("habitue (.*?) -w", " ".join(check.fix for check in empty.checks))
    assert set(verbs) == {"init", "ingest", "train", "refresh"}
    assert list((tmp_path / "empty").iterdir()) == []


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2] + b"??")


@pytest.mark.parametrize(
    ("pattern", "name", "fix"),
    [
        ("store/events/bucket=0000/part-000001.parquet", "store", "habitue restore -w"),
        ("store/quarantine/*.parquet", "store", "habitue ingest -w"),
        ("store/manifest.json", "store", "habitue ingest -w"),
        ("models/0001/network/network.safetensors", "model 0001", "habitue models publish -w"),
        ("models/0001/checksums.json", "model 0001", "habitue train -w"),
        ("profiles/0001/table/0000.parquet", "refresh", "habitue refresh -w"),
    ],
)
@pytest.mark.parametrize("spoil", [damage, Path.unlink])
def test_a_damaged_or_missing_file_is_named_with_what_mends_it(
    shop: Path, pattern: str, name: str, fix: str, spoil: Callable[[Path], None]
) -> None:
    path = next(iter(sorted(shop.glob(pattern))))
    spoil(path)
    check = next(check for check in asked(shop) if check.name == name)
    assert check.status == "FAIL"
    assert str(path) in check.message
    assert fix in check.fix


@pytest.mark.parametrize(
    ("pointer", "name", "fix"),
    [
        ("models/published.json", "published model", "habitue models publish -w"),
        ("profiles/current.json", "refresh", "habitue refresh -w"),
    ],
)
def test_a_damaged_pointer_is_named(shop: Path, pointer: str, name: str, fix: str) -> None:
    damage(shop / pointer)
    check = the_one(shop)
    assert (check.name, check.status) == (name, "FAIL")
    assert str(shop / pointer) in check.message
    assert fix in check.fix


def test_every_damaged_file_is_named_up_to_a_number(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_DAMAGED_SHOWN", 2)
    for path in list((shop / "store").glob("*/**/*.parquet"))[:5]:
        path.unlink()
    found = asked(shop)
    assert len(found) == 3
    assert found[-1].message == f"5 files of {shop / 'store'} are damaged or missing in all."


def test_a_pointer_to_a_version_that_is_gone_fails(shop: Path) -> None:
    (shop / "models" / "0001").rename(shop / "models" / "elsewhere")
    check = next(check for check in asked(shop) if check.name == "published model")
    assert check.status == "FAIL"
    assert "0001, which shall answer, is no longer in" in check.message


def test_versions_of_which_none_answers_ask_for_one(shop: Path) -> None:
    (shop / "models" / POINTER_FILE).unlink()
    check = the_one(shop)
    assert (check.status, check.message) == ("WARN", "No version answers.")
    assert check.fix == f"Let one answer: habitue models publish -w {shop} 0001"


def test_a_version_of_an_earlier_release_is_told(shop: Path) -> None:
    make_older(shop / "models" / "0001")
    check = next(check for check in asked(shop) if check.name == "model 0001")
    assert check.status == "WARN"
    assert check.fix.startswith(f"Train again: habitue train -w {shop}. ")
    assert check.fix.endswith(f"rm -r {shop}/models/0001")


def test_a_refresh_of_another_model_asks_for_a_new_one(shop: Path) -> None:
    make_version(shop / "models")
    check = the_one(shop)
    assert (check.status, check.name) == ("WARN", "refresh")
    assert "by model 0001, but model 0002 answers now" in check.message
    assert check.fix == f"habitue refresh -w {shop}"


def test_events_that_came_since_a_refresh_are_told(shop: Path) -> None:
    ingest(shop / "store", write_files(shop / "exports", 4))
    assert asked(shop) == []
    told = [c for c in examine(shop, progress=Silent()).checks if c.name == "refresh"]
    assert told[0].message.endswith("events came since.")
    assert told[0].fix == f"habitue refresh -w {shop}"


def test_a_refresh_of_an_earlier_release_is_told(shop: Path) -> None:
    make_refresh(shop / "profiles", "0001", "f")
    (shop / "profiles" / "0002" / "checksums.json").unlink()
    assert the_one(shop).fix == f"Compute it again: habitue refresh -w {shop}"


@pytest.mark.parametrize(
    ("part", "name", "verb"),
    [("store", "store lock", "ingest"), ("models", "models lock", "train"),
     ("profiles", "refresh lock", "refresh")],
)  # fmt: skip
def test_a_writer_that_was_killed_is_told_from_one_at_work(
    shop: Path, part: str, name: str, verb: str
) -> None:
    lock, dead = shop / part / LOCK_FILE, dead_process()
    lock.write_text(f"{dead}\n")
    check = the_one(shop)
    assert (check.name, check.status) == (name, "WARN")
    assert f"Killed while writing: process {dead}" in check.message
    assert f"habitue {verb} -w {shop}" in check.fix
    lock.write_text(f"{os.getpid()}\n")
    assert asked(shop) == []


def test_leftovers_of_killed_processes_are_told(shop: Path) -> None:
    dead = dead_process()
    for name in (
        "store/events/bucket=0000/part-000099.parquet",
        f"models/.building-0002-{dead}/half",
        "models/.training/progress.json",
        f"profiles/.building-0002-{dead}/half",
        f"predictions/.churn.csv.{dead}.tmp",
    ):
        (shop / name).parent.mkdir(parents=True, exist_ok=True)
        (shop / name).write_bytes(b"half")
    found = {check.name: check for check in asked(shop)}
    assert {check.status for check in found.values()} == {"WARN"}
    assert set(found) == {
        "store leftovers", "models leftovers", "training", "refresh leftovers", "leftover files",
    }  # fmt: skip
    assert found["training"].fix == f"Go on: habitue train -w {shop}"
    assert found["leftover files"].fix == f"rm {shop}/predictions/.churn.csv.{dead}.tmp"


def test_settings_that_cannot_be_read_fail(shop: Path) -> None:
    (shop / "habitue.toml").write_text("[training]\nepoch = 3\n")
    check = the_one(shop)
    assert (check.name, check.status) == ("settings", "FAIL")
    assert "Did you mean 'epochs'" in check.message


def test_a_source_that_maps_what_does_not_exist_fails(shop: Path) -> None:
    (shop / "habitue.toml").write_text(
        '[[sources]]\nname = "log"\n[sources.columns]\nuser = "u"\ntimestamp = "t"\n'
    )
    check = the_one(shop)
    assert (check.name, check.status) == ("settings", "FAIL")
    assert "Source 'log' maps the unknown field 'user'" in check.message


def test_variables_that_nothing_reads_are_told(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HABITUE_EPOCHS", "3")
    monkeypatch.setenv("HABITUE_WORKSPACE", "shop")
    check = the_one(shop)
    assert (check.name, check.status) == ("variables", "WARN")
    assert check.message == "Nothing reads HABITUE_EPOCHS: no setting is called so."
    assert check.fix.endswith("unset HABITUE_EPOCHS")
    monkeypatch.delenv("HABITUE_EPOCHS")
    assert asked(shop) == []


@pytest.mark.parametrize("name", ["HABITUE_TRAINING_EPOCHS", "HABITUE_TRAINING__EPOCH"])
@pytest.mark.parametrize("has_file", [True, False])
def test_variables_that_miss_a_setting_fail_with_the_name_that_is_meant(
    shop: Path, monkeypatch: pytest.MonkeyPatch, name: str, has_file: bool
) -> None:
    if not has_file:
        (shop / "habitue.toml").unlink()
    monkeypatch.setenv(name, "3")
    check = the_one(shop)
    assert (check.name, check.status) == ("settings", "FAIL")
    assert name in f"{check.message} {check.fix}"
    assert "pochs'" in check.message.lower()


def test_packages_outside_their_bounds_are_told(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        "polars>=99.1",
        "numpy>=1.0,<1.5",
        "torch>=2.0",
        "no-such-package>=1",
        "x; extra == 'y'",
    ]
    monkeypatch.setattr(doctor, "requires", lambda _: lines)
    found = [check for check in asked(shop) if check.name == "packages"]
    assert [check.fix for check in found] == [
        'pip install "polars>=99.1"',
        'pip install "numpy>=1.0,<1.5"',
        'pip install "no-such-package>=1"',
    ]
    assert all(check.status == "FAIL" for check in found)
    assert found[2].message == "no-such-package is not installed; Habitue needs no-such-package>=1."


@pytest.mark.parametrize(("limit", "status"), [("FULL_BYTES", "FAIL"), ("LOW_BYTES", "WARN")])
def test_a_disk_that_fills_up_is_told(
    shop: Path, monkeypatch: pytest.MonkeyPatch, limit: str, status: str
) -> None:
    monkeypatch.setattr(doctor, limit, 1 << 62)
    check = the_one(shop)
    assert (check.name, check.status) == ("disk", status)
    assert f"GiB are free where {shop} lies" in check.message


def test_optional_packages_that_are_not_installed_are_told(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ["no-such-package>=1; extra == 'demo'", "other>=2; extra == 'dev'", "numpy>=2"]
    monkeypatch.setattr(doctor, "requires", lambda _: lines)
    extras = [c for c in examine(shop, progress=Silent()).checks if c.name == "extras"]
    assert extras == [
        Check(
            "extras",
            "PASS",
            "Not installed, and needed for some verbs only: no-such-package.",
            'pip install "habitue[demo]"',
        )
    ]


def test_the_worst_check_decides() -> None:
    def of(*statuses: str) -> str:
        return Diagnosis({}, {}, [Check("x", status, "") for status in statuses]).status  # type: ignore[arg-type]

    assert (of("PASS"), of("PASS", "WARN"), of("WARN", "FAIL")) == ("PASS", "WARN", "FAIL")


def test_the_verb_ends_with_1_where_something_is_wrong(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = run_here(monkeypatch, capsys, "doctor", "-w", shop, "--json")
    document: Mapping[str, object] = json.loads(whole.out)
    assert (whole.code, document["status"]) == (0, "PASS")
    damage(shop / "profiles" / "0001" / "summary.json")
    damaged = run_here(monkeypatch, capsys, "doctor", "-w", shop)
    assert damaged.code == 1
    assert "FAIL refresh" in damaged.out
    assert f"habitue refresh -w {shop}" in damaged.out
