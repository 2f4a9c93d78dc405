"""A real workspace is damaged, and the command that the doctor names mends it."""

import re
import shlex
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from habitue.compute import Silent
from habitue.doctor import Check, examine
from habitue.errors import HabitueWarning
from habitue.events.lock import LOCK_FILE
from habitue.workspace import Workspace
from tests.bad_inputs.running import run_here
from tests.shop import make_shop, write_csv
from tests.test_files import dead_process
from tests.test_versions import make_older

pytestmark = pytest.mark.slow
COMMAND = re.compile(r"(?:habitue|rm) .*?(?=\. |[:;()…]|, or |$)")
SETTINGS = '[model]\nsize = "tiny"\n[training]\nepochs = 1\n'


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace that went the whole way, with the file that it came from and a backup."""
    folder = tmp_path_factory.mktemp("whole")
    log = write_csv(make_shop(num_persons=80, days=200), folder / "log.csv")
    shop = Workspace(folder / "shop")
    shop.init(log)
    settings = folder / "shop" / "habitue.toml"
    settings.write_text(f"{settings.read_text()}\n{SETTINGS}")
    shop.ingest(log)
    shop.train()
    shop.refresh()
    shop.backup(out=folder / "shop.tar.zst")
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "here")


def asked(shop: Path) -> list[Check]:
    return [check for check in examine(shop, progress=Silent()).checks if check.status != "PASS"]


@pytest.fixture
def run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], None]:
    """Runs a command of ours or a removal, as somebody would who reads the fix."""

    def run_command(command: str) -> None:
        program, *words = shlex.split(command.rstrip(". "))
        words = [word for word in words if word != "FILE"]
        if "ingest" in words:
            words.append(str(folder / "log.csv"))
        if program == "habitue":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", HabitueWarning)  # of what was lost, not of the mend
                done = run_here(monkeypatch, capsys, *words)
            assert done.code == 0, done.err
        else:
            subprocess.run([program, *words], check=True)

    return run_command


def paste(line: str) -> None:
    """Run a line in a shell as it stands."""
    line = line.replace("habitue ", f"{sys.executable} -m habitue ")
    done = subprocess.run(line, shell=True, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def commands(fix: str) -> list[str]:
    return [found.strip() for found in COMMAND.findall(fix)]


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def first(folder: Path, pattern: str) -> Path:
    return sorted(folder.glob(pattern))[0]


def killed_while_writing(part: str) -> Callable[[Path], None]:
    def leave(shop: Path) -> None:
        (shop / part / LOCK_FILE).write_text(f"{dead_process()}\n")

    return leave


def half_refresh(shop: Path) -> None:
    left = shop / "profiles" / f".building-0002-{dead_process()}"
    left.mkdir()
    (left / "half").write_text("half")


def half_ingest(shop: Path) -> None:
    shutil.copy(
        first(shop, "store/subjects/*.parquet"), shop / "store/subjects/part-000099.parquet"
    )


def half_file(shop: Path) -> None:
    (shop / f".predictions.csv.{dead_process()}.tmp").write_text("half")


@pytest.mark.parametrize(
    ("spoil", "name", "verb"),
    [
        (killed_while_writing("store"), "store lock", "ingest"),
        (killed_while_writing("profiles"), "refresh lock", "refresh"),
        (half_ingest, "store leftovers", "ingest"),
        (half_refresh, "refresh leftovers", "refresh"),
        (half_file, "leftover files", "rm"),
        (lambda shop: flip(first(shop, "profiles/*/table/*.parquet")), "refresh", "refresh"),
        (lambda shop: flip(shop / "profiles" / "current.json"), "refresh", "refresh"),
        (lambda shop: (shop / "models" / "published.json").unlink(), "published model", "publish"),
        (lambda shop: flip(shop / "models" / "published.json"), "published model", "publish"),
    ],
    ids=[
        "store lock", "refresh lock", "store leftovers", "refresh leftovers", "leftover file",
        "refresh flipped", "refresh pointer", "no pointer", "pointer flipped",
    ],
)  # fmt: skip
def test_the_command_that_is_named_mends_it(
    folder: Path, run: Callable[[str], None], spoil: Callable[[Path], None], name: str, verb: str
) -> None:
    shop = folder / "shop"
    assert asked(shop) == []
    spoil(shop)
    (check,) = asked(shop)
    assert check.name == name
    (command,) = commands(check.fix)
    assert verb in command
    run(command.replace("VERSION", "0001"))
    assert asked(shop) == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda store: flip(first(store, "events/*/*.parquet")),
        lambda store: first(store, "subjects/*.parquet").unlink(),
        lambda store: (store / "manifest.json").unlink(),
        lambda store: flip(store / "manifest.json"),
    ],
    ids=["part flipped", "part missing", "manifest missing", "manifest flipped"],
)
def test_a_damaged_store_is_mended_by_either_way_that_is_named(
    folder: Path, spoil: Callable[[Path], None]
) -> None:
    shop = folder / "shop"
    spoil(shop / "store")
    check = next(check for check in asked(shop) if check.name == "store")
    assert check.status == "FAIL"
    restore, ingest = check.fix.removeprefix("Restore the workspace from a backup: ").split(
        ". Or store its files anew: "
    )
    paste(restore.replace("FILE", str(folder / "shop.tar.zst")))
    assert asked(shop) == []
    spoil(shop / "store")
    paste(ingest.replace("FILE…", str(folder / "log.csv")))
    assert asked(shop) == []
    assert (folder / "shop.damaged").is_dir()


def test_models_that_cannot_answer_are_replaced_and_removed(
    folder: Path, run: Callable[[str], None]
) -> None:
    shop = folder / "shop"
    flip(first(shop, "models/0001/network/*.safetensors"))
    killed_while_writing("models")(shop)
    found = {check.name: check for check in asked(shop)}
    assert set(found) == {"models lock", "model 0001"}
    assert ".safetensors is damaged" in found["model 0001"].message
    (train,) = commands(found["models lock"].fix)
    remove = commands(found["model 0001"].fix)[-1]
    assert remove == f"rm -r {shop}/models/0001"
    run(train)
    run(remove)
    (check,) = asked(shop)  # the refresh is of the version that was removed
    assert (check.name, check.fix) == ("refresh", f"habitue refresh -w {shop}")
    run(check.fix)
    assert asked(shop) == []


@pytest.mark.parametrize("spoil", [make_older, shutil.rmtree], ids=["older release", "gone"])
def test_a_model_that_is_gone_or_of_an_older_release_is_trained_again(
    folder: Path, run: Callable[[str], None], spoil: Callable[[Path], None]
) -> None:
    shop = folder / "shop"
    spoil(shop / "models" / "0001")
    check = next(check for check in asked(shop) if check.name in ("model 0001", "published model"))
    train = commands(check.fix)[0]
    assert train == f"habitue train -w {shop}" or train.startswith(f"habitue train -w {shop}.")
    run(train)
    if (shop / "models" / "0001").exists() and "rm -r" in check.fix:
        run(commands(check.fix)[-1])
    for check in asked(shop):
        assert check.name == "refresh"
        run(commands(check.fix)[-1])
    assert asked(shop) == []
