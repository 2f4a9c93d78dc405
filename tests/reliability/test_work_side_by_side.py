"""Ingests, trainings and refreshes at one time: each is of one moment, or is refused."""

from collections.abc import Callable
from pathlib import Path
from unittest import mock

import polars as pl
import pytest

from habitue.answering import recounted
from habitue.errors import Failed, Refused
from habitue.events import compaction, store
from habitue.events.store import EventStore
from habitue.model.train import train_network
from habitue.refreshing import current_refresh
from habitue.versions import Versions
from habitue.workspace import Workspace
from tests.golden.make_shop import QUICK, few_trees, restored
from tests.reliability.verbs import weights_of

pytestmark = pytest.mark.slow


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A shop in which every ingest replaces all parts."""
    monkeypatch.setattr(compaction, "MOST_PARTS", 0)
    monkeypatch.setattr(compaction, "_newest", lambda parts: parts)
    return restored(tmp_path / "shop")


def ingest_more(shop: Workspace) -> None:
    """Store purchases of old customers, within the time of the log; twice, to remove parts."""
    columns = shop.settings().sources[0].columns
    for first in (0, 60):
        rows = [
            dict.fromkeys(columns.values(), "")
            | {
                columns["user_id"]: f"u{n % 9:04d}",
                columns["timestamp"]: f"2024-03-{1 + n % 28:02d} 12:{n % 60:02d}:00",
                columns["event_type"]: "purchase",
                columns["item_id"]: f"P{n % 60:03d}",
            }
            for n in range(first, first + 60)
        ]
        path = shop.folder.with_name("log.csv")
        pl.DataFrame(rows).write_csv(path)
        assert Workspace(shop.folder).ingest(path).report.accepted == 60


def after(first: Callable[[], object], call: Callable[..., object]) -> Callable[..., object]:
    """Return `call`, before which `first` is done."""

    def both(*given: object, **named: object) -> object:
        first()
        return call(*given, **named)

    return both


def train(shop: Workspace) -> str:
    """Train, and return the digest of the weights."""
    with few_trees():
        Workspace(shop.folder, settings=QUICK).train()
    return weights_of(shop.folder / "models" / "0002")


def test_a_training_during_an_ingest_is_of_what_was_stored_when_it_began(
    shop: Workspace, tmp_path: Path
) -> None:
    before, alone = shop.store.fingerprint, train(restored(tmp_path / "alone"))
    amid = after(lambda: ingest_more(shop), train_network)
    with mock.patch("habitue.training.train_network", amid):
        assert train(shop) == alone
    assert EventStore(shop.folder / "store").fingerprint != before
    assert Versions(shop.folder / "models").card("0002").data_fingerprint == before


def refresh_during_an_ingest(shop: Workspace) -> None:
    with mock.patch("habitue.refreshing.recounted", after(lambda: ingest_more(shop), recounted)):
        Workspace(shop.folder).refresh(from_scratch=True)


def test_a_refresh_during_an_ingest_is_of_what_was_stored_when_it_began(shop: Workspace) -> None:
    Workspace(shop.folder).refresh()  # the shop's own was made by the code of its time
    before = current_refresh(shop.folder / "profiles")
    refresh_during_an_ingest(shop)
    found = current_refresh(shop.folder / "profiles")
    assert (found.folder.name, found.data_fingerprint) == ("0003", before.data_fingerprint)
    assert found.table.equals(before.table)
    # The next one sees what came.
    Workspace(shop.folder).refresh()
    assert not current_refresh(shop.folder / "profiles").table.equals(before.table)


def test_without_a_readers_lock_a_refresh_misses_parts(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    unlocked = mock.Mock(is_alone=mock.Mock(return_value=True))
    monkeypatch.setattr(store, "ReaderLock", lambda _: unlocked)
    with pytest.raises(Failed, match=r"part-\d+\.parquet is missing"):
        refresh_during_an_ingest(shop)


def test_of_two_trainings_at_once_the_second_is_refused_and_the_first_goes_through(
    shop: Workspace,
) -> None:
    def second() -> None:
        with pytest.raises(Refused, match="is being written by process") as told:
            Workspace(shop.folder).train()
        assert told.value.code == "store_locked"

    with mock.patch("habitue.training.train_network", after(second, train_network)):
        train(shop)
    assert Versions(shop.folder / "models").names() == ["0001", "0002"]
    assert Versions(shop.folder / "models").published == "0002"
