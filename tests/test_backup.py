import io
import json
import re
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest
import zstandard

from habitue import backup
from habitue.backup import BACKUP_FORMAT, back_up, restore
from habitue.checksums import sealed_bytes
from habitue.compute import Silent
from habitue.errors import Failed, FileRefused, NotReady, Refused
from habitue.events.lock import LOCK_FILE, READERS_FILE
from habitue.workspace import Workspace
from tests.workspaces import make_workspace


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_workspace(tmp_path_factory.mktemp("made") / "shop")


@pytest.fixture
def shop(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "shop")


def copy(shop: Path, out: Path | None = None) -> Path:
    return back_up(shop, out, progress=Silent()).path


def content(folder: Path) -> dict[str, bytes]:
    """All that is meant to last."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in (LOCK_FILE, READERS_FILE)
    }


def archive(path: Path, files: Mapping[str, bytes], *, kind: bytes = tarfile.REGTYPE) -> Path:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as written:
        for name, inside in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.type = len(inside), kind
            written.addfile(info, io.BytesIO(inside))
    path.write_bytes(zstandard.ZstdCompressor().compress(plain.getvalue()))
    return path


HEADER = json.dumps({"format": 1, "habitue_version": "0", "created_at": "2025-01-01"}).encode()


def test_a_workspace_comes_back_byte_by_byte(shop: Path, tmp_path: Path) -> None:
    made = back_up(shop, tmp_path / "copy.tar.zst", progress=Silent())
    restored = restore(made.path, tmp_path / "again", progress=Silent())
    assert content(tmp_path / "again") == content(shop)
    assert made.files == restored.files == len(content(shop))
    assert made.bytes == made.path.stat().st_size
    assert made.created_at == restored.created_at
    assert restored.as_json()["path"] == str(tmp_path / "again")
    assert Workspace(tmp_path / "again").doctor().status == "PASS"


def test_file_that_is_there_is_replaced_only_where_that_is_said(shop: Path, tmp_path: Path) -> None:
    out = tmp_path / "copy.tar.zst"
    out.write_text("the only copy of something")
    told = f"{re.escape(str(out))} exists already.* habitue backup --out .* --force$"
    with pytest.raises(Refused, match=told) as refused:
        copy(shop, out)
    assert refused.value.code == "output_exists"
    assert out.read_text() == "the only copy of something"
    made = Workspace(shop).backup(out=out, force=True)
    assert restore(made.path, tmp_path / "again", progress=Silent()).files == made.files


def test_without_a_name_it_lies_beside_the_workspace_named_by_the_time(
    shop: Path, tmp_path: Path
) -> None:
    path = copy(shop)
    assert path.parent == tmp_path
    assert path.name.startswith("shop-20")
    assert path.name.endswith("Z.tar.zst")
    (tmp_path / "copies").mkdir()
    assert copy(shop, tmp_path / "copies").parent == tmp_path / "copies"
    with pytest.raises(Refused, match=r"'copy.zip' does not end in '.tar.zst'"):
        copy(shop, tmp_path / "copy.zip")


def test_what_does_not_last_is_left_out(shop: Path, tmp_path: Path) -> None:
    lasting = content(shop)
    for name in (
        "models/.building-0002-1/card.json",
        "models/.training/progress.json",
        "store/spill/0001-000001.arrow",
        "store/events/bucket=0000/part-000099.parquet",
        "predictions/.churn.csv.1.tmp",
        "copies/old.tar.zst",
    ):
        (shop / name).parent.mkdir(parents=True, exist_ok=True)
        (shop / name).write_bytes(b"x")
    restore(copy(shop, tmp_path / "copy.tar.zst"), tmp_path / "again", progress=Silent())
    assert content(tmp_path / "again") == lasting


def test_a_folder_reached_by_a_link_is_copied_once(shop: Path, tmp_path: Path) -> None:
    lasting = content(shop)
    (shop / "models").rename(tmp_path / "elsewhere")
    (shop / "models").symlink_to(tmp_path / "elsewhere")
    (shop / "models" / "round").symlink_to(shop)
    restore(copy(shop, tmp_path / "copy.tar.zst"), tmp_path / "again", progress=Silent())
    assert content(tmp_path / "again") == lasting


@pytest.mark.parametrize(
    "pattern", ["store/events/*/*.parquet", "models/0001/card.json", "profiles/0001/table/*"]
)
@pytest.mark.parametrize("loss", ["damaged", "missing"])
def test_what_is_damaged_is_named_and_nothing_is_copied(
    shop: Path, tmp_path: Path, pattern: str, loss: str
) -> None:
    path = next(shop.glob(pattern))
    if loss == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(Failed, match=rf"{path} is {loss}.*habitue doctor") as told:
        copy(shop, tmp_path / "copy.tar.zst")
    assert told.value.code == "corrupt_file"
    assert not list(tmp_path.glob("*copy.tar.zst*"))


def test_a_file_that_shrinks_meanwhile_is_told(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = backup._info
    monkeypatch.setattr(
        backup, "_info", lambda name, size: info(name, size + (name == "habitue.toml"))
    )
    with pytest.raises(Failed, match=r"changed while it was being copied") as told:
        copy(shop, tmp_path / "copy.tar.zst")
    assert told.value.code == "changed_meanwhile"


def test_a_workspace_that_holds_something_is_never_overwritten(shop: Path, tmp_path: Path) -> None:
    path = copy(shop, tmp_path / "copy.tar.zst")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_bytes(b"mine")
    with pytest.raises(Refused, match=r"taken is not empty\..*-w FOLDER") as told:
        restore(path, tmp_path / "taken", progress=Silent())
    assert told.value.code == "workspace_taken"
    assert content(tmp_path / "taken") == {"file": b"mine"}
    (tmp_path / "empty").mkdir()
    restore(path, tmp_path / "empty", progress=Silent())
    assert (tmp_path / "empty" / "habitue.toml").is_file()


def test_what_is_no_backup_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.tar.zst").write_text("text")
    files = [
        tmp_path / "text.tar.zst",
        archive(tmp_path / "other.tar.zst", {"a": b"1"}),
        archive(tmp_path / "outside.tar.zst", {"backup.json": HEADER, "../outside": b"1"}),
        archive(tmp_path / "root.tar.zst", {"backup.json": HEADER, "/tmp/outside": b"1"}),
        archive(tmp_path / "link.tar.zst", {"backup.json": b""}, kind=tarfile.SYMTYPE),
    ]
    for path in files:
        with pytest.raises(FileRefused, match=rf"{path} is no backup of Habitue") as told:
            restore(path, tmp_path / "again", progress=Silent())
        assert told.value.code == "no_backup"
    with pytest.raises(FileRefused, match=r"none\.tar\.zst does not exist"):
        restore(tmp_path / "none.tar.zst", tmp_path / "again", progress=Silent())
    assert not (tmp_path / "again").exists()
    assert not (tmp_path / "outside").exists()
    assert not list(tmp_path.glob(".building-*"))


def test_a_backup_of_a_later_release_is_left_alone(tmp_path: Path) -> None:
    later = json.loads(HEADER) | {"format": BACKUP_FORMAT + 1}
    path = archive(tmp_path / "later.tar.zst", {"backup.json": json.dumps(later).encode()})
    with pytest.raises(Refused, match=r"has format 2; this version .* up to 1\. Upgrade") as told:
        restore(path, tmp_path / "again", progress=Silent())
    assert told.value.code == "newer_format"


def test_a_backup_cut_short_or_with_more_in_it_is_damaged(shop: Path, tmp_path: Path) -> None:
    whole = copy(shop, tmp_path / "copy.tar.zst").read_bytes()
    for share in (0.5, 0.9, 0.999):
        cut = tmp_path / "cut.tar.zst"
        cut.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(Failed, match=r"cut\.tar\.zst is damaged") as told:
            restore(cut, tmp_path / "again", progress=Silent())
        assert told.value.code == "corrupt_file"
    seal = sealed_bytes({"files": {}})
    more = {"backup.json": HEADER, "stranger": b"x", "checksums.json": seal}
    for files in (more, {"backup.json": HEADER}):
        path = archive(tmp_path / "more.tar.zst", files)
        with pytest.raises(Failed, match=r"more\.tar\.zst is damaged"):
            restore(path, tmp_path / "again", progress=Silent())
    assert not (tmp_path / "again").exists()


def test_the_verbs_answer_with_the_path(shop: Path, tmp_path: Path) -> None:
    with pytest.raises(NotReady, match="no shop in"):
        Workspace(tmp_path / "none").backup()
    workspace = Workspace(shop)
    made = workspace.backup(out=tmp_path / "copy.tar.zst").as_json()
    assert {"path", "files", "bytes", "created_at", "seconds"} == set(made)
    restored = Workspace(tmp_path / "again").restore(str(made["path"])).as_json()
    assert restored["path"] == str(tmp_path / "again")
    assert Workspace(tmp_path / "again").store.fingerprint == workspace.store.fingerprint
