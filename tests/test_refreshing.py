from pathlib import Path

import polars as pl
import pytest

from habitue.actions.recommend import Adviser
from habitue.answering import Version, recounted
from habitue.baselines.cooccurrence import CoOccurrence
from habitue.baselines.popularity import Popularity
from habitue.checksums import seal_folder
from habitue.compute import Silent
from habitue.config import RecommendSettings, Settings
from habitue.refreshing import Refresh, adviser_of
from habitue.schema import DAY
from tests.made_version import made_version
from tests.shop import MemoryLog, make_shop

SHOP = make_shop(num_persons=60, days=90)
LOG = MemoryLog(SHOP)
CUT = SHOP.start_at + 60 * DAY
LATER = CUT + 15 * DAY


@pytest.fixture(scope="module")
def version() -> Version:
    return made_version(LOG, as_of=CUT, fingerprint="log")


def advised(
    version: Version, as_of: int, *, refresh: Refresh | None = None, fingerprint: str = "log"
) -> Adviser:
    return adviser_of(
        version,
        LOG,
        Settings(recommend=RecommendSettings(min_persons=1)),
        as_of=as_of,
        fingerprint=fingerprint,
        refresh=refresh,
        progress=Silent(),
    )


def buyers(as_of: int) -> dict[str, float]:
    """Different persons an item in the week before."""
    week = SHOP.events.filter(
        pl.col("timestamp").is_between(as_of - 7 * DAY, as_of - 1),
        pl.col("event_type") == "purchase",
    )
    counted = week.group_by("item_number").agg(pl.col("subject_id").n_unique())
    return {f"P{item:03d}": float(persons) for item, persons in counted.iter_rows()}


@pytest.mark.parametrize("as_of", [CUT, LATER])
def test_popular_items_are_those_of_the_week_before_the_moment(
    version: Version, as_of: int
) -> None:
    listed = advised(version, as_of).popular(60)
    assert {one.item_id: one.score for one in listed if one.score} == buyers(as_of)


def test_the_unknown_user_is_told_of_the_week_before_the_moment(version: Version) -> None:
    offer = advised(version, LATER).recommend_unknown("nobody", as_of=LATER).items[0]
    persons = buyers(LATER)[offer.item_id]
    assert offer.reason == f"popular in the last 7 days: {persons:.0f} people"
    assert max(buyers(LATER).values()) == persons


def refreshed(folder: Path, version: Version, *, as_of: int, fingerprint: str = "log") -> Refresh:
    """A refresh whose counts can be told from those of any log: nothing was ever sold."""
    num_items = version.vocabulary.num_items
    nothing = {"num_items": num_items, "as_of": as_of}
    Popularity.fit([], **nothing).save(folder / "recommender")  # type: ignore[arg-type]
    CoOccurrence.fit([], **nothing).save(folder / "recommender")  # type: ignore[arg-type]
    seal_folder(folder)
    return Refresh(folder, as_of, version.card.version, fingerprint, persons=0, seconds=0.0)


def test_a_refresh_of_this_moment_and_log_has_counted_already(
    tmp_path: Path, version: Version
) -> None:
    refresh = refreshed(tmp_path, version, as_of=LATER)
    assert advised(version, LATER, refresh=refresh).popular(60) == []


def test_a_refresh_of_another_moment_or_log_does_not_answer(
    tmp_path: Path, version: Version
) -> None:
    before = refreshed(tmp_path / "a", version, as_of=LATER - DAY)
    elsewhere = refreshed(tmp_path / "b", version, as_of=LATER, fingerprint="less")
    for refresh in (before, elsewhere):
        listed = advised(version, LATER, refresh=refresh).popular(60)
        assert {one.item_id: one.score for one in listed if one.score} == buyers(LATER)


def test_the_moment_of_training_needs_no_counting(version: Version) -> None:
    assert advised(version, CUT).blend is version.blend
    # More events may have come in since, even such of before that moment.
    counted = advised(version, CUT, fingerprint="more").blend
    assert counted is not version.blend
    again = recounted(version, LOG, as_of=CUT, progress=Silent())
    assert [part.name for part in counted.components] == [part.name for part in again.components]
