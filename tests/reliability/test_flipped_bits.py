"""One flipped bit anywhere is found and its file named, or it changes nothing."""

import random
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import polars as pl
import pytest
import torch

from habitue.answering import Version
from habitue.backup import back_up, restore
from habitue.checksums import CHECKSUMS_FILE
from habitue.compute import Silent
from habitue.errors import Failed, HabitueError
from habitue.events.manifest import MANIFEST_FILE, read_manifest
from habitue.events.quarantine import read_quarantine
from habitue.events.span import kept_span
from habitue.events.store import EventStore
from habitue.files import Json
from habitue.model.resume import PROGRESS_FILE, Checkpoint, TrainingState
from habitue.refreshing import current_refresh
from habitue.versions import (
    EVALUATION_FILE,
    POINTER_FILE,
    Versions,
    read_evaluation,
    write_evaluation,
)
from habitue.workspace import Workspace
from tests.golden.make_shop import restored
from tests.reliability.counts import FLIPS, SHOP_FLIPS, Count
from tests.reliability.shop_files import ingest, write_files
from tests.workspaces import FILES_OF_A_VERSION, make_refresh, make_version, make_workspace

READ: dict[str, Callable[[Path], object]] = {
    "events": lambda folder: EventStore(folder).read_bucket(0),
    "texts": lambda folder: EventStore(folder).read_bucket(0),
    "subjects": lambda folder: EventStore(folder).read_table("subjects"),
    "items": lambda folder: EventStore(folder).read_table("items"),
    "versions": lambda folder: EventStore(folder).read_table("versions"),
    "identities": lambda folder: EventStore(folder).read_table("identities"),
    "quarantine": lambda folder: read_quarantine(folder, 100)[0],
}


def flips(path: Path, num: int) -> Iterator[None]:
    """Flip one bit of the file after another, each time back again."""
    whole = path.read_bytes()
    rng = random.Random(path.name)
    for _ in range(num):
        place, bit = rng.randrange(len(whole)), rng.randrange(8)
        damaged = bytearray(whole)
        damaged[place] ^= 1 << bit
        path.write_bytes(damaged)
        yield
    path.write_bytes(whole)


def is_same(found: object, true: object) -> bool:
    if isinstance(found, pl.DataFrame) and isinstance(true, pl.DataFrame):
        return found.equals(true)
    return found == true


def silent_differences(
    path: Path,
    read: Callable[[], object],
    *,
    fault: type[Exception] = HabitueError,
    flipped: Count = FLIPS,
) -> int:
    """Flip bits, read each time, and count where the answer is another and nobody names the file.

    With another `fault` than ours, for the controls, errors need not name it.
    """
    true, silent = read(), 0
    # A control ends with the first, and must find it in every run.
    for _ in flips(path, flipped.now if fault is HabitueError else flipped.long):
        try:
            found = read()
        except fault as error:
            silent += fault is HabitueError and str(path) not in str(error)
        else:
            silent += not is_same(found, true)
        if silent and fault is not HabitueError:
            break  # one is enough for a control; what is damaged and unchecked may crash Polars
    return silent


@pytest.fixture
def store(tmp_path: Path) -> Path:
    ingest(tmp_path / "store", write_files(tmp_path / "in", 0))
    return tmp_path / "store"


def part_of(store: Path, table: str) -> Path:
    manifest = read_manifest(store)
    assert manifest is not None
    return store / manifest.of(table, 0 if table in ("events", "texts") else -1)[0].path


@pytest.mark.parametrize("table", READ)
def test_in_a_part_of_the_store(store: Path, table: str) -> None:
    path = part_of(store, table)
    assert silent_differences(path, lambda: READ[table](store)) == 0


@pytest.mark.parametrize("table", READ)
def test_in_a_part_nobody_checks(store: Path, table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: without the check flipped bits become other answers."""
    monkeypatch.setattr("habitue.events.manifest.check_file", lambda *_, **__: None)
    path = part_of(store, table)
    # A damaged file may fail in any way, panics of Polars among them.
    found = silent_differences(path, lambda: READ[table](store), fault=BaseException)  # type: ignore[arg-type]
    assert found > 0


def test_in_the_manifest(store: Path) -> None:
    assert silent_differences(store / MANIFEST_FILE, lambda: read_manifest(store)) == 0


def test_in_a_manifest_nobody_checks(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    monkeypatch.setattr("habitue.events.manifest.digest_of", lambda _: mock.ANY)
    path = store / MANIFEST_FILE
    assert silent_differences(path, lambda: read_manifest(store), fault=Exception) > 0


class AnyDigest(str):
    """A digest that fits everything."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return True


@pytest.fixture
def unsealed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sealed files are read without comparing their digest."""
    monkeypatch.setattr("habitue.checksums.digest_of", lambda _: AnyDigest())
    monkeypatch.setattr("habitue.checksums.check_file", lambda *_, **__: None)


@pytest.mark.slow
def test_in_what_is_kept_of_the_span(store: Path) -> None:
    """A cache that is damaged is computed anew."""
    log, cache = EventStore(store), store / "span.json"
    read = lambda: kept_span(log, cache, fingerprint=log.fingerprint)  # noqa: E731
    assert silent_differences(cache, read) == 0


def test_in_what_is_kept_of_the_span_and_nobody_checks(store: Path, unsealed: None) -> None:
    """The control."""
    log, cache = EventStore(store), store / "span.json"
    read = lambda: kept_span(log, cache, fingerprint=log.fingerprint)  # noqa: E731
    assert silent_differences(cache, read, fault=Exception) > 0


@pytest.fixture
def version(tmp_path: Path) -> Path:
    return tmp_path / "models" / make_version(tmp_path / "models")


def read_version(folder: Path, file: str) -> tuple[object, bytes]:
    return Version.open(folder).card, (folder / file).read_bytes()


@pytest.mark.parametrize("file", FILES_OF_A_VERSION)
def test_in_a_model_version(version: Path, file: str) -> None:
    assert silent_differences(version / file, lambda: read_version(version, file)) == 0


@pytest.mark.parametrize("file", FILES_OF_A_VERSION)
def test_in_a_model_version_nobody_checks(
    version: Path, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    monkeypatch.setattr("habitue.checksums.check_file", lambda *_, **__: None)
    read = lambda: read_version(version, file)  # noqa: E731
    assert silent_differences(version / file, read, fault=Exception) > 0


def test_in_the_checksums_of_a_model_version(version: Path) -> None:
    path = version / CHECKSUMS_FILE
    assert silent_differences(path, lambda: Version.open(version).card) == 0


def test_in_what_points_to_the_version_that_answers(version: Path) -> None:
    versions = Versions(version.parent)
    path = version.parent / POINTER_FILE
    assert silent_differences(path, lambda: versions.published) == 0
    # Whatever happened to it, publishing writes it anew.
    path.write_bytes(b"\0")
    versions.publish(version.name)
    assert versions.published == version.name


def test_in_what_points_to_a_version_when_nobody_checks(version: Path, unsealed: None) -> None:
    """The control."""
    versions = Versions(version.parent)
    path = version.parent / POINTER_FILE
    assert silent_differences(path, lambda: versions.published, fault=Exception) > 0


def evaluated(version: Path) -> Path:
    document: dict[str, Json] = {"tasks": {"churn": {"auc": 0.75, "n": 120}}, "until": "2025-01-02"}
    write_evaluation(version, document)
    return version / EVALUATION_FILE


def test_in_an_evaluation(version: Path) -> None:
    assert silent_differences(evaluated(version), lambda: read_evaluation(version)) == 0


def test_in_an_evaluation_nobody_checks(version: Path, unsealed: None) -> None:
    """The control."""
    read = lambda: read_evaluation(version)  # noqa: E731
    assert silent_differences(evaluated(version), read, fault=Exception) > 0


FILES_OF_A_REFRESH = [
    "current.json",
    "0001/summary.json",
    "0001/table/0000.parquet",
    "0001/history/0000.parquet",
]


def read_refresh(folder: Path) -> object:
    refresh = current_refresh(folder)
    return refresh.as_json(), refresh.table.rows(), refresh.history(0).rows()


@pytest.mark.parametrize("file", FILES_OF_A_REFRESH)
def test_in_a_refresh(tmp_path: Path, file: str) -> None:
    make_refresh(tmp_path, "0001", "f")
    assert silent_differences(tmp_path / file, lambda: read_refresh(tmp_path)) == 0


@pytest.mark.parametrize("file", FILES_OF_A_REFRESH[1:])
def test_in_a_refresh_nobody_checks(tmp_path: Path, file: str, unsealed: None) -> None:
    """The control. A pointer leads elsewhere, and there is nothing there."""
    make_refresh(tmp_path, "0001", "f")
    # A damaged file may fail in any way, panics of Polars among them.
    fault: type[Exception] = BaseException  # type: ignore[assignment]
    read = lambda: read_refresh(tmp_path)  # noqa: E731
    assert silent_differences(tmp_path / file, read, fault=fault) > 0


def kept_state(folder: Path, pattern: str) -> tuple[Path, Callable[[], object]]:
    checkpoint = Checkpoint(folder, "key")
    checkpoint.save(TrainingState({"step": 12}, {"t": torch.arange(9.0)}))
    (path,) = folder.glob(pattern)

    def read() -> object:
        state = checkpoint.load()
        if state is None:
            raise Failed(f"{path}", fix="")
        numbers = {name: value for name, value in state.numbers.items() if "sha256" not in name}
        return numbers, state.tensors["t"].tolist()

    return path, read


@pytest.mark.parametrize("pattern", [PROGRESS_FILE, "state-*.safetensors"])
def test_in_what_a_training_keeps(tmp_path: Path, pattern: str) -> None:
    """A damaged state is nobody's: the training begins anew."""
    path, read = kept_state(tmp_path, pattern)
    assert silent_differences(path, read) == 0


@pytest.mark.parametrize("pattern", [PROGRESS_FILE, "state-*.safetensors"])
def test_in_what_a_training_keeps_and_nobody_checks(
    tmp_path: Path, pattern: str, unsealed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    monkeypatch.setattr("habitue.model.resume.check_file", lambda *_: None)
    path, read = kept_state(tmp_path, pattern)
    assert silent_differences(path, read, fault=Exception) > 0


@pytest.mark.slow
def test_in_any_file_of_a_shop_no_verb_answers_otherwise_in_silence(tmp_path: Path) -> None:
    """Verbs check what they read themselves; nobody has to ask the doctor first."""
    folder = restored(tmp_path / "shop").folder

    def answers() -> object:
        shop = Workspace(folder)
        offers = shop.recommend("u0003", k=5).offers
        audience = shop.audience("orders >= 1", out=tmp_path / "out.csv").audience
        profile = shop.profile("u0016").as_json()
        return offers.items, audience.table.rows(), profile, shop.similar("P003", k=3).items

    places = [path for path in sorted(folder.rglob("*.*")) if path.suffix not in (".lock", ".toml")]
    assert len(places) > 40
    for path in places:
        assert silent_differences(path, answers, flipped=SHOP_FLIPS) == 0, path


@pytest.mark.slow
def test_in_a_backup(tmp_path: Path) -> None:
    shop = make_workspace(tmp_path / "shop")
    backup = back_up(shop, tmp_path / "copy.tar.zst", progress=Silent()).path
    target = tmp_path / "restored"

    def read() -> object:
        shutil.rmtree(target, ignore_errors=True)
        restore(backup, target, progress=Silent())
        return {p.relative_to(target): p.read_bytes() for p in target.rglob("*") if p.is_file()}

    assert silent_differences(backup, read) == 0
    assert not list(tmp_path.glob(".building-*"))


def test_in_a_backup_nobody_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: without our digests, those of Zstandard and tar alone let something through."""
    source = tmp_path / "plain.tar"
    with tarfile.open(source, "w") as archive:
        archive.add(make_workspace(tmp_path / "shop"), arcname="shop")

    def read() -> object:
        with tarfile.open(source) as archive:
            return [content.read() for m in archive if (content := archive.extractfile(m))]

    assert silent_differences(source, read, fault=Exception) > 0
