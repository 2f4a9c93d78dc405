import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from habitue.errors import Failed, HabitueError, Refused
from habitue.files import (
    building_folder,
    is_alive,
    leftovers_in,
    leftovers_of,
    replacing,
    telling_write_errors,
    write_bytes,
    write_json,
)


def test_a_file_is_replaced_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    target = tmp_path / "a" / "file.bin"
    write_bytes(target, b"old")
    write_bytes(target, b"new")
    assert target.read_bytes() == b"new"
    assert [path.name for path in target.parent.iterdir()] == ["file.bin"]


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), Failed, "write_failed"),
        (OSError("No space left on device (os error 28)"), Failed, "write_failed"),
        (RuntimeError("I/O error: No space left on device (os error 28)"), Failed, "write_failed"),
        (OSError("disk gone"), Failed, "write_failed"),
        (PermissionError(errno.EACCES, "Permission denied"), Refused, "not_writable"),
        (OSError(errno.EROFS, "Read-only file system"), Refused, "not_writable"),
    ],
)
def test_what_the_system_refuses_is_told_in_a_sentence(
    tmp_path: Path, error: Exception, kind: type[HabitueError], code: str
) -> None:
    expected = pytest.raises(kind, match=f"{tmp_path}.*: [A-Za-z -]+\\.")
    with expected as told, telling_write_errors(tmp_path):
        raise error
    assert told.value.code == code
    assert told.value.fix


def test_errors_that_are_not_the_systems_pass_as_they_are(tmp_path: Path) -> None:
    for error in (ValueError("ours"), Refused("no", fix="", code="mine")):
        with pytest.raises(type(error)) as told, telling_write_errors(tmp_path):
            raise error
        assert told.value is error


def test_a_file_in_the_way_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "shop").write_text("a file")
    expected = r"shop is a file, which is in the way of writing .*shop/deep/habitue\.toml"
    with pytest.raises(Refused, match=expected) as told:
        write_bytes(tmp_path / "shop" / "deep" / "habitue.toml", b"x")
    assert told.value.code == "not_a_folder"
    with pytest.raises(Refused, match="shop is a file"), building_folder(tmp_path / "shop" / "v1"):
        pass
    (tmp_path / "x.json").mkdir()
    with pytest.raises(Refused, match=r"x\.json is a folder, which is in the way"):
        write_json(tmp_path / "x.json", {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shop", "x.json"]


def test_a_full_disk_is_told_from_other_errors_while_building(tmp_path: Path) -> None:
    expected = pytest.raises(Failed, match="done failed: No space left on device")
    with expected, building_folder(tmp_path / "done"):
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(FileNotFoundError), building_folder(tmp_path / "done"):
        raise FileNotFoundError(errno.ENOENT, "an input that went away")
    assert list(tmp_path.iterdir()) == []


def test_a_number_that_is_none_is_never_written(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"a": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"a": float("nan")})
    assert (tmp_path / "x.json").read_text() == '{\n  "a": 1\n}\n'


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with building_folder(tmp_path / "done") as folder:
        (folder / "one").write_text("1")
        assert not (tmp_path / "done").exists()
    assert (tmp_path / "done" / "one").read_text() == "1"
    with pytest.raises(RuntimeError, match="torn"), building_folder(tmp_path / "torn") as folder:
        (folder / "one").write_text("1")
        raise RuntimeError("torn")
    assert [path.name for path in tmp_path.iterdir()] == ["done"]


def dead_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def test_what_a_killed_process_left_of_a_file_goes_with_the_next_write(tmp_path: Path) -> None:
    dead, alive = dead_process(), os.getppid()
    for process in (dead, alive):
        (tmp_path / f".file.bin.{process}.tmp").write_bytes(b"half")
    (tmp_path / f".other.bin.{dead}.tmp").write_bytes(b"half")
    assert [path.name for path in leftovers_of(tmp_path / "file.bin")] == [f".file.bin.{dead}.tmp"]
    write_bytes(tmp_path / "file.bin", b"whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["file.bin", f".file.bin.{alive}.tmp", f".other.bin.{dead}.tmp"]
    )


def test_what_a_killed_process_was_building_goes_with_the_next_folder(tmp_path: Path) -> None:
    dead, alive = dead_process(), os.getppid()
    for name in (f".building-0007-{dead}", f".building-0008-{alive}"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "half").write_bytes(b"half")
    assert [path.name for path in leftovers_in(tmp_path)] == [f".building-0007-{dead}"]
    with building_folder(tmp_path / "0009"):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == [f".building-0008-{alive}", "0009"]


def test_a_block_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    write_bytes(path, b"old")
    with pytest.raises(RuntimeError, match="no"), replacing(path) as temporary:
        temporary.write_bytes(b"half")
        raise RuntimeError("no")
    with pytest.raises(Failed, match=r"file\.csv failed: Input/output error"), replacing(path):
        raise OSError(errno.EIO, "broken")
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["file.csv"]


def test_processes_are_told_apart_by_whether_they_live() -> None:
    assert is_alive(os.getpid())
    assert is_alive(1)
    assert not is_alive(dead_process())
    assert not is_alive(10**30)
