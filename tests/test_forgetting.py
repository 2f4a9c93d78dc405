"""Of a person who is forgotten no byte is left among what refreshes keep."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from habitue.checksums import check_folder
from habitue.errors import NotReady
from habitue.forgetting import forget
from habitue.refreshing import current_refresh, refreshes_in
from habitue.workspace import Workspace
from tests.golden.make_shop import QUICK, restored

GONE, STAYS = "u0003", "u0004"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shop = Workspace(restored(tmp_path_factory.mktemp("made") / "shop").folder, settings=QUICK)
    shop.refresh()
    shop.refresh()
    return shop.folder


@pytest.fixture
def shop(made: Path, tmp_path: Path) -> Workspace:
    return Workspace(Path(shutil.copytree(made, tmp_path / "shop")), settings=QUICK)


def holders(folder: Path, user: str, subject: int) -> Iterator[Path]:
    """Yield the files that hold a person, packed or in plain bytes."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if user.encode() in path.read_bytes():
            yield path
        elif path.suffix == ".parquet":
            rows = pl.read_parquet(path)
            own = {"user_id": user, "subject_id": subject}
            if any((rows[name] == one).any() for name, one in own.items() if name in rows.columns):
                yield path


def subject_of(shop: Workspace, user: str) -> int:
    subject = shop.store.subject_of(user)
    assert subject is not None
    return subject


def test_no_byte_of_a_forgotten_person_is_left(shop: Workspace) -> None:
    profiles, subject = shop.folder / "profiles", subject_of(shop, GONE)
    parts = {path.parent.name for path in holders(profiles, GONE, subject)}
    assert parts == {"table", "offers", "history", "memory"}
    assert forget(profiles, [subject]) > 0
    assert list(holders(profiles, GONE, subject)) == []
    assert {path.parent.name for path in holders(profiles, STAYS, subject_of(shop, STAYS))} == parts


def test_what_is_left_is_whole_and_says_of_others_what_it_said(shop: Workspace) -> None:
    profiles = shop.folder / "profiles"
    before, told = current_refresh(profiles), shop.profile(STAYS).history
    table = before.table.filter(pl.col("user_id") != GONE)
    forget(profiles, [subject_of(shop, GONE)])
    after = current_refresh(profiles)
    check_folder(after.folder)
    assert refreshes_in(profiles) == [after.folder]
    assert after.table.equals(table)
    assert after.persons == before.persons - 1
    assert shop.profile(STAYS).history == told != ()


def test_what_was_killed_half_way_is_done_by_doing_it_again(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles, subject = shop.folder / "profiles", subject_of(shop, GONE)
    with monkeypatch.context() as broken:
        broken.setattr("habitue.forgetting.refreshes_in", _broken)
        with pytest.raises(KeyboardInterrupt):
            forget(profiles, [subject])
    assert list(holders(profiles, GONE, subject)) != []
    assert forget(profiles, [subject]) == 0
    assert list(holders(profiles, GONE, subject)) == []


def _broken(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_without_a_refresh_there_is_nobody_to_forget(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match="Nobody's profile has been computed yet"):
        forget(tmp_path, [1])
