"""How persons moved from refresh to refresh: what a shop keeps and tells of it."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from habitue.errors import Failed, HabitueWarning
from habitue.profiles.profile import Profile
from habitue.refreshing import Refresh, current_refresh
from habitue.schema import DAY
from habitue.workspace import Workspace
from tests.golden.make_shop import restored
from tests.refreshed_shop import SHOP, bring, made_in, opened
from tests.shop import Shop, write_csv


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_in(tmp_path_factory.mktemp("made") / "shop")


@pytest.fixture
def shop(made: Path, tmp_path: Path) -> Workspace:
    return opened(Path(shutil.copytree(made, tmp_path / "shop")))


def date_of(moment: int) -> datetime:
    return datetime.fromtimestamp(moment / 1_000_000, UTC)


def history(shop: Workspace) -> pl.DataFrame:
    refresh = current_refresh(shop.folder / "profiles")
    parts = [refresh.history(bucket) for bucket in range(shop.store.num_buckets)]
    return pl.concat(parts).sort("subject_id", "as_of")


def told(profile: Profile) -> list[int]:
    return [one.as_of for one in profile.history]


def test_the_first_refresh_says_where_everybody_stands(shop: Workspace) -> None:
    refresh = current_refresh(shop.folder / "profiles")
    found = history(shop)
    assert found["user_id"].to_list() == refresh.table.sort("subject_id")["user_id"].to_list()
    profile = shop.profile("u0003")
    (moved,) = profile.history
    assert (moved.as_of, moved.model_version) == (refresh.as_of, "0001")
    assert moved.segment == profile.segment
    assert list(moved.tags) == [tag["name"] for tag in profile.tags]
    assert list(moved.tags.values()) == [tag["weight"] for tag in profile.tags]
    for task, value in moved.predictions.items():
        record = profile.predictions[task]
        answers = (record.probability, record.expected)
        assert value == pytest.approx(next(one for one in answers if one is not None), abs=1e-4)


def test_a_later_refresh_adds_what_moved(shop: Workspace) -> None:
    before = history(shop)
    bring(shop, 3, days=40)
    refresh = shop.refresh()
    found = history(shop)
    assert found.filter(pl.col("as_of") < refresh.as_of).equals(before)
    after = shop.profile("u0003")
    assert told(after) == [refresh.as_of, before["as_of"][0]]
    assert after.history[0].segment == after.segment
    document = after.as_json()["history"]
    assert isinstance(document, list)
    assert list(document[0]) == [
        "as_of", "model_version", "segment", "predictions", "tags_gained", "tags_lost", "tags",
    ]  # fmt: skip


def test_a_repeated_refresh_doubles_nothing(shop: Workspace) -> None:
    bring(shop, 3, days=40)
    shop.refresh()
    once = history(shop)
    for from_scratch in (True, False):
        shop.refresh(from_scratch=from_scratch)
        assert history(shop).equals(once)


def test_an_earlier_moment_is_told_nothing_later(shop: Workspace) -> None:
    first = current_refresh(shop.folder / "profiles").as_of
    bring(shop, 3, days=40)
    last = shop.refresh().as_of
    between = date_of(first + 20 * DAY)
    assert told(shop.profile("u0003", as_of=between)) == [first]
    shop.refresh(as_of=between)
    middle = current_refresh(shop.folder / "profiles").as_of
    assert first < middle < last
    assert last not in told(shop.profile("u0003", as_of=between))
    assert told(shop.profile("u0003"))[0] == last


def test_a_refresh_that_breaks_off_leaves_no_entry(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = history(shop)
    bring(shop, 3, days=40)
    with monkeypatch.context() as broken:
        broken.setattr("habitue.refreshing.write_sealed", _broken)
        with pytest.raises(KeyboardInterrupt):
            shop.refresh()
    assert history(shop).equals(before)
    shop.refresh()
    assert told(shop.profile("u0003"))[1:] == [before["as_of"][0]]


def _broken(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_shop_that_an_earlier_release_refreshed_has_no_history_yet(tmp_path: Path) -> None:
    shop = restored(tmp_path / "shop")
    assert shop.profile("u0003").history == ()
    opened(shop.folder).refresh()
    assert len(shop.profile("u0003").history) == 1


def test_somebody_unknown_has_no_history(shop: Workspace) -> None:
    assert shop.profile("nobody").history == ()


def test_a_backup_holds_the_history(shop: Workspace, tmp_path: Path) -> None:
    shop.backup(out=tmp_path / "copy.tar.zst")
    again = Workspace(tmp_path / "again")
    again.restore(tmp_path / "copy.tar.zst")
    assert again.profile("u0003").history == shop.profile("u0003").history != ()


def damage(refresh: Refresh) -> Path:
    return flip(next(iter(sorted((refresh.folder / "history").iterdir()))))


def flip(path: Path) -> Path:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    return path


def test_a_damaged_history_is_named(shop: Workspace) -> None:
    refresh = current_refresh(shop.folder / "profiles")
    path = damage(refresh)
    with pytest.raises(Failed, match=f"{path.name} is damaged"):
        refresh.history(0)


def test_a_refresh_goes_on_without_a_damaged_history_and_says_so(shop: Workspace) -> None:
    path = damage(current_refresh(shop.folder / "profiles"))
    bring(shop, *range(30), days=40)
    with pytest.warns(HabitueWarning, match=f"{path.name} is damaged"):
        refresh = shop.refresh()
    begun_anew = refresh.history(0)
    assert set(begun_anew["as_of"]) == {refresh.as_of}
    assert set(refresh.history(1)["as_of"]) > {refresh.as_of}


@pytest.mark.parametrize("part", ["summary.json", "checksums.json", "../current.json"])
def test_where_the_last_refresh_is_lost_history_goes_on_from_the_one_before(
    shop: Workspace, part: str
) -> None:
    before = history(shop)
    bring(shop, 3, days=40)
    flip(shop.refresh().folder / part)
    with pytest.warns(HabitueWarning, match=Path(part).name):
        shop.refresh()
    assert history(shop).filter(pl.col("as_of") < shop.log.end_at).equals(before)


@pytest.mark.parametrize("part", ["summary.json", "history/{bucket:04d}.parquet"])
def test_a_profile_goes_without_a_damaged_history_and_says_so(shop: Workspace, part: str) -> None:
    whole = shop.profile("u0003")
    subject = shop.store.subject_of("u0003")
    assert subject is not None
    name = part.format(bucket=shop.store.bucket_of(subject))
    flip(current_refresh(shop.folder / "profiles").folder / name)
    with pytest.warns(HabitueWarning, match=f"{Path(name).name} is damaged"):
        profile = shop.profile("u0003")
    assert profile == replace(whole, history=())


def test_persons_numbered_anew_do_not_get_the_history_of_others(
    shop: Workspace, tmp_path: Path
) -> None:
    first = history(shop)
    shutil.rmtree(shop.folder / "store")
    upside_down = SHOP.events.with_columns(subject_id=29 - pl.col("subject_id"))
    raw = write_csv(Shop(upside_down, SHOP.items, {}, {}, 0, 0), tmp_path / "other.csv")
    shop = opened(shop.folder)
    shop.ingest(raw)
    bring(shop, 3, days=40)
    refresh = shop.refresh()
    assert first["as_of"].unique().to_list() != [refresh.as_of]
    for user in first["user_id"]:
        assert told(shop.profile(user)) == [refresh.as_of]
