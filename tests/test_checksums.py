from pathlib import Path

import pytest

from habitue.checksums import (
    CHECKSUMS_FILE,
    building_sealed_folder,
    check_file,
    check_folder,
    file_digest,
    read_sealed,
    restore_command,
    write_sealed,
)
from habitue.errors import Failed, Refused
from habitue.files import Json


def test_a_sealed_file_comes_back_as_it_was_written(tmp_path: Path) -> None:
    document: dict[str, Json] = {"version": "0002", "before": ["é"], "share": 1e-5, "none": None}
    write_sealed(tmp_path / "x.json", document)
    assert read_sealed(tmp_path / "x.json") == document


def test_a_sealed_file_that_somebody_edited_is_named_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write_sealed(path, {"version": "0002"})
    path.write_text(path.read_text().replace("0002", "0003"))
    with pytest.raises(Failed, match=r"x\.json is damaged: it does not match.*Do this") as told:
        read_sealed(path, fix="Do this.")
    assert told.value.code == "corrupt_file"


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'"text"', b"\xff", b'{"sha256": 1}'])
def test_what_is_no_sealed_file_is_damaged(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(Failed, match=r"x\.json is damaged"):
        read_sealed(tmp_path / "x.json")


def test_a_workspace_is_moved_away_before_its_backup_is_restored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = restore_command(Path("my shops/one"))
    assert told == (
        "mv 'my shops/one' 'my shops/one.damaged' && habitue restore -w 'my shops/one' FILE"
    )
    monkeypatch.chdir(tmp_path)
    assert restore_command(Path()).startswith(f"mv {tmp_path} {tmp_path}.damaged && ")


def test_a_missing_file_is_told_apart_from_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"x\.json is missing\..*habitue restore FILE"):
        read_sealed(tmp_path / "x.json")
    with pytest.raises(Failed, match=r"x\.bin is missing\."):
        check_file(tmp_path / "x.bin", "00")


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(Refused, match=r"folder cannot be read: Is a directory") as told:
        read_sealed(tmp_path / "folder")
    assert told.value.code == "file_unreadable"
    with pytest.raises(Refused, match=r"folder cannot be read: Is a directory"):
        check_file(tmp_path / "folder", "00")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with building_sealed_folder(tmp_path / "sealed") as building:
        (building / "part").mkdir()
        (building / "part" / "one").write_bytes(b"1")
        (building / "two").write_bytes(b"2")
    return tmp_path / "sealed"


def test_a_sealed_folder_is_whole(folder: Path) -> None:
    check_folder(folder)
    listed = read_sealed(folder / CHECKSUMS_FILE)["files"]
    assert listed == {
        "part/one": file_digest(folder / "part" / "one"),
        "two": file_digest(folder / "two"),
    }


def test_a_file_that_came_later_is_not_looked_at(folder: Path) -> None:
    (folder / "three").write_bytes(b"3")
    check_folder(folder)


def test_a_changed_or_missing_file_of_a_folder_is_named(folder: Path) -> None:
    (folder / "part" / "one").write_bytes(b"x")
    with pytest.raises(Failed, match=r"sealed/part/one is damaged"):
        check_folder(folder)
    (folder / "part" / "one").unlink()
    with pytest.raises(Failed, match=r"sealed/part/one is missing"):
        check_folder(folder, "part")
    check_folder(folder, "two")
    (folder / CHECKSUMS_FILE).unlink()
    with pytest.raises(Failed, match=r"checksums\.json is missing"):
        check_folder(folder, "two")
