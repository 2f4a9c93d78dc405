"""Stores that earlier releases wrote are opened by this one; those of later ones are left alone.

`tests/golden/store-1` and `store-2` hold the same three ingests, written in the format they are
named after; the second with parts laid together.
"""

import json
import shutil
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from habitue.checksums import digest_of
from habitue.errors import Refused
from habitue.events.manifest import MANIFEST_FILE, STORE_FORMAT, read_manifest
from habitue.events.quarantine import read_quarantine
from habitue.events.store import EventStore
from habitue.workspace import Workspace
from tests.events.made_chunks import all_events, good, ingest_rows, items_source

GOLDEN = Path(__file__).parent.parent / "golden"
FORMATS = range(1, STORE_FORMAT + 1)
LATER = rf"has format {STORE_FORMAT + 1}.*pip install --upgrade habitue"
FINGERPRINT = "afbfc08d17acc7224162a044b46192fd"


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
    assert store.fingerprint == today.fingerprint == FINGERPRINT
    assert_frame_equal(all_events(store), all_events(today))
    assert_frame_equal(store.items(), today.items())
    for table in ("subjects", "items", "versions"):
        assert_frame_equal(store.read_table(table), today.read_table(table))
    assert read_quarantine(store.folder)[1] == read_quarantine(today.folder)[1]
    assert store.manifest.ingests == today.manifest.ingests


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
