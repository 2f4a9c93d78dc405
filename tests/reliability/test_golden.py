"""Stores that earlier releases wrote are opened by this one; those of later ones are left alone.

`tests/golden/store-1` to `store-3` hold the same three ingests, written in the format they are
named after; the second with parts laid together. `shop-2.tar.zst` is a backup of a shop whose model
version has format 2, and `shop-2.json` what that version said when it was new
(`tests/golden/make_shop.py`).
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from habitue.checksums import CHECKSUMS_FILE, digest_of, seal_folder
from habitue.config import Settings
from habitue.errors import NotReady, Refused
from habitue.events.manifest import MANIFEST_FILE, STORE_FORMAT, read_manifest
from habitue.events.quarantine import read_quarantine
from habitue.events.retry import retry_quarantine
from habitue.events.store import EventStore
from habitue.files import Json
from habitue.versions import CARD_FILE, VERSION_FORMAT, Versions
from habitue.workspace import Workspace
from tests.events.made_chunks import (
    NOW,
    all_events,
    events_source,
    good,
    ingest_rows,
    items_source,
)
from tests.golden.make_shop import GOLDEN, answers, restored

FORMATS = range(1, STORE_FORMAT + 1)
LATER = rf"has format {STORE_FORMAT + 1}.*pip install --upgrade habitue"
OF_NUMBERS = "afbfc08d17acc7224162a044b46192fd"  # visitors told apart by their numbers
FINGERPRINTS = {1: OF_NUMBERS, 2: OF_NUMBERS, 3: "88e4820254895a3480f7af1e92d0c560"}


def opened(number: int, folder: Path) -> EventStore:
    """Open a copy, so that no test can change the original."""
    shutil.copytree(GOLDEN / f"store-{number}", folder)
    return EventStore(folder)


@pytest.fixture
def today(tmp_path: Path) -> EventStore:
    """The same ingests, done today."""
    store = EventStore(tmp_path / "today")
    ingest_rows(
        store,
        good(user="u1", at="2024-01-02 10:00:00", item="A", name="Lamp", category="home/light",
             price="5", id="e1"),
        good(user="u1", at="2024-01-02 10:01:30", event="search", item=None, query="red lamp"),
        good(user="u1", at="2024-01-04 09:00:00", event="purchase", item="A", price="6",
             order="o1", currency="EUR", platform="iOS"),
        good(user="u2", at="2024-01-03 11:00:00", item="B", platform="web", position="3"),
        good(user=None, visitor="v1", at="2024-01-05 10:00:00", item="A",
             properties='{"colour":"red"}'),
        good(user="guest", at="2024-01-05 10:00:00", item="A"),
        good(event="dance"),
        name="first.csv",
    )  # fmt: skip
    ingest_rows(
        store,
        {"item": "A", "name": "Desk lamp", "price": "7", "brand": "Lumo"},
        {"item": "C", "name": "Rug"},
        name="items.csv",
        source=items_source(),
    )
    ingest_rows(
        store,
        good(user="u1", at="2024-02-02 10:00:00", item="C"),
        good(user="u3", at="2024-02-03 10:00:00", event="purchase", item="B", price="9"),
        good(at="2024-02-30 10:00:00"),
        name="second.csv",
    )
    return store


@pytest.mark.parametrize("number", FORMATS)
def test_a_store_of_an_earlier_format_answers_as_one_of_today(
    tmp_path: Path, today: EventStore, number: int
) -> None:
    store = opened(number, tmp_path / "old")
    assert json.loads((store.folder / MANIFEST_FILE).read_bytes())["manifest"][
        "format_version"
    ] == (number)
    assert store.fingerprint == FINGERPRINTS[number]
    assert today.fingerprint == FINGERPRINTS[STORE_FORMAT]
    of_visitors = ["event_key"] if number < 3 else []
    assert_frame_equal(all_events(store).drop(of_visitors), all_events(today).drop(of_visitors))
    assert_frame_equal(store.items(), today.items())
    for table in ("subjects", "items", "versions"):
        before, now = store.read_table(table), today.read_table(table)
        assert_frame_equal(before, now, check_row_order=table != "versions")
    assert read_quarantine(store.folder)[1] == read_quarantine(today.folder)[1]
    assert store.manifest.ingests == today.manifest.ingests


@pytest.mark.parametrize("number", FORMATS)
def test_what_it_set_aside_can_be_fed_again_where_it_was_kept_whole(
    tmp_path: Path, number: int
) -> None:
    store = opened(number, tmp_path / "old")
    columns = {"user_id": "user", "event_type": "event", "timestamp": "at", "item_id": "item"}
    known = events_source(columns=columns, event_types={"dance": "view_item"})
    report = retry_quarantine(store, Settings(sources=[known]), now=NOW)
    if number < 3:
        assert (report.rows, dict(report.not_fed)) == (3, {"not_kept_whole": 3})
        assert store.fingerprint == FINGERPRINTS[number]
    else:
        assert report.by_reason == {"placeholder_id": 1, "time_not_readable": 1}
        assert all_events(store).height == 8


@pytest.mark.parametrize("number", FORMATS)
def test_an_ingest_takes_it_to_the_format_of_today(tmp_path: Path, number: int) -> None:
    store = opened(number, tmp_path / "old")
    row = good(user="u1", at="2024-02-02 10:00:00", item="C")
    report = ingest_rows(store, row, good(user="u9"))
    assert (report.accepted, report.duplicates) == (1, 1)
    manifest = read_manifest(store.folder)
    assert manifest is not None
    assert manifest.format_version == STORE_FORMAT
    assert all_events(EventStore(store.folder)).height == 8


@pytest.mark.parametrize("number", FORMATS)
def test_what_it_holds_is_known_when_it_is_read_again(tmp_path: Path, number: int) -> None:
    store = opened(number, tmp_path / "old")
    of_visitor = good(user=None, visitor="v1", at="2024-01-05 10:00:00", item="A",
                      properties='{"colour":"red"}')  # fmt: skip
    report = ingest_rows(store, good(user="u1", at="2024-02-02 10:00:00", item="C"), of_visitor)
    assert (report.accepted, report.duplicates) == (0, 2)
    assert store.fingerprint == FINGERPRINTS[number]


def test_a_store_of_a_later_format_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    folder = opened(STORE_FORMAT, tmp_path / "store").folder
    path = folder / MANIFEST_FILE
    body = json.loads(path.read_bytes())["manifest"] | {"format_version": STORE_FORMAT + 1}
    path.write_text(json.dumps({"sha256": digest_of(body), "manifest": body}))
    before = {one: one.read_bytes() for one in folder.rglob("*.*") if one.suffix != ".lock"}
    with pytest.raises(Refused, match=LATER) as told:
        EventStore(folder)
    assert told.value.code == "newer_format"
    shop = Workspace(tmp_path)
    checks = {check.name: check for check in shop.doctor().checks}
    assert checks["store"].status == "FAIL"
    assert f"format {STORE_FORMAT + 1}" in checks["store"].message
    for path, content in before.items():
        assert path.read_bytes() == content


def leaves_of(document: Json, place: str = "") -> Iterator[tuple[str, Json]]:
    """Yield what a JSON document says, with where it stands."""
    if isinstance(document, dict | list):
        pairs = document.items() if isinstance(document, dict) else enumerate(document)
        for name, inner in pairs:
            yield from leaves_of(inner, f"{place}/{name}")
    else:
        yield place, document


def assert_near(found: Json, told: Json) -> None:
    """Compare two documents; processors add in different orders."""
    one, other = dict(leaves_of(found)), dict(leaves_of(told))
    assert one.keys() == other.keys()
    for place, value in other.items():
        expected = value if isinstance(value, str) else pytest.approx(value, rel=1e-3, abs=1e-6)
        assert one[place] == expected, place


@pytest.mark.parametrize("number", range(2, VERSION_FORMAT + 1))
def test_a_model_version_of_an_earlier_release_answers_as_it_did(
    tmp_path: Path, number: int
) -> None:
    shop = restored(tmp_path / "shop", number)
    card = json.loads((shop.folder / "models" / "0001" / CARD_FILE).read_text())
    assert card["format_version"] == number
    assert shop.doctor().status in ("PASS", "WARN")  # of a nearly full disk
    told = json.loads((GOLDEN / f"shop-{number}.json").read_text())
    assert_near(answers(shop), told)
    assert len(shop.recommend("u0003", k=3).offers.items) == 3
    refresh = shop.last_refresh()
    assert refresh is not None
    assert refresh.table.height == refresh.persons == 30


def test_a_model_version_of_a_later_format_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    shop = restored(tmp_path / "shop", VERSION_FORMAT)
    folder = shop.folder / "models" / "0001"
    card = json.loads((folder / CARD_FILE).read_text())
    (folder / CARD_FILE).write_text(json.dumps({**card, "format_version": VERSION_FORMAT + 1}))
    (folder / CHECKSUMS_FILE).unlink()
    seal_folder(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*.*")}
    later = rf"card.json has format {VERSION_FORMAT + 1}.*pip install --upgrade habitue"
    for refused in (
        lambda: shop.popular(),
        lambda: shop.refresh(),
        lambda: shop.publish("0001"),
        lambda: Versions(folder.parent).card("0001"),
    ):
        with pytest.raises(NotReady, match=later) as told:
            refused()
        assert told.value.code == "newer_format"
    checks = {check.name: check for check in shop.doctor().checks}
    assert checks["model 0001"].status == "FAIL"
    assert f"format {VERSION_FORMAT + 1}" in checks["model 0001"].message
    assert before == {path: path.read_bytes() for path in folder.rglob("*.*")}
