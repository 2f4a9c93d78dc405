import os
from pathlib import Path

import pytest

from habitue.errors import FileRefused
from habitue.events.plain_files import check_path, opened

TEXT = b"user,item\nu1,i1\n"


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="does not exist") as refusal:
        check_path(tmp_path / "none.csv")
    assert refusal.value.code == "file_missing"


def test_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="is a folder") as refusal:
        check_path(tmp_path)
    assert refusal.value.code == "is_folder"


def test_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(FileRefused, match="no regular file") as refusal:
        check_path(tmp_path / "pipe")
    assert refusal.value.code == "not_a_file"


def test_device_is_refused() -> None:
    with pytest.raises(FileRefused, match="no regular file"):
        check_path(Path("/dev/zero"))


def test_file_without_permission_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "secret.csv", TEXT)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may read anything

    with pytest.raises(FileRefused, match="cannot be read: Permission denied") as refusal:
        check_path(path)
    assert refusal.value.code == "file_unreadable"


def test_unreachable_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="cannot be read: File name too long"):
        check_path(tmp_path / ("x" * 300))


def test_link_out_of_its_folder_is_refused_and_one_within_is_not(tmp_path: Path) -> None:
    target = written(tmp_path / "log.csv", TEXT)
    (tmp_path / "sub").mkdir()
    (tmp_path / "within.csv").symlink_to("log.csv")
    (tmp_path / "sub" / "out.csv").symlink_to("../log.csv")

    assert check_path(tmp_path / "within.csv").st_ino == target.stat().st_ino
    with pytest.raises(FileRefused, match=r"is a symbolic link to .*log\.csv, outside") as refusal:
        check_path(tmp_path / "sub" / "out.csv")
    assert refusal.value.code == "symlink_outside"


def test_pipe_that_takes_the_place_of_a_file_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "log.csv", TEXT)
    real_open = os.open

    def swap_then_open(name: Path, flags: int) -> int:
        path.unlink()
        os.mkfifo(path)
        return real_open(name, flags)

    monkeypatch.setattr(os, "open", swap_then_open)

    with pytest.raises(FileRefused, match="no regular file but a pipe"), opened(path):
        pass


@pytest.mark.parametrize("change", ["grow", "replace", "remove", "touch"])
def test_file_that_changes_while_it_is_open_is_refused(tmp_path: Path, change: str) -> None:
    path, other = written(tmp_path / "log.csv", TEXT), written(tmp_path / "other.csv", TEXT)
    stat = path.stat()
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    with pytest.raises(FileRefused, match="changed while it was read") as refusal, opened(path):
        if change == "grow":
            path.write_bytes(TEXT + TEXT)
        elif change == "replace":
            other.replace(path)
        elif change == "touch":
            os.utime(path, ns=(0, 0))
        else:
            path.unlink()
    assert refusal.value.code == "file_changed"
