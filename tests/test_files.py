from pathlib import Path

import pytest

from habitue.files import building_folder, write_bytes, write_json


def test_a_file_is_replaced_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    target = tmp_path / "a" / "file.bin"
    write_bytes(target, b"old")
    write_bytes(target, b"new")
    assert target.read_bytes() == b"new"
    assert [path.name for path in target.parent.iterdir()] == ["file.bin"]


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
