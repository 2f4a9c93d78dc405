"""The tour takes a folder of its own."""

from pathlib import Path

import pytest

from habitue.demo import MARK, _clear
from habitue.errors import Refused


@pytest.mark.parametrize(("name", "what"), [("habitue.toml", "a shop"), ("thesis.doc", "files")])
def test_a_folder_of_somebodys_own_is_never_taken(tmp_path: Path, name: str, what: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(Refused, match=rf"holds {what} already\..*habitue demo -w FOLDER"):
        _clear(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_an_earlier_demo_is_cleared_away(tmp_path: Path) -> None:
    folder = tmp_path / "demo-shop"
    _clear(folder)
    (folder / "habitue.toml").write_text("old")
    _clear(folder)
    assert [path.name for path in folder.iterdir()] == [MARK]
