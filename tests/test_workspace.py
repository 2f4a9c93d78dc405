"""What a workspace answers before anything is trained, and what it refuses."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from habitue.errors import HabitueWarning, NotReady, Refused, SettingsError
from habitue.events.lock import writer_lock
from habitue.schema import parse_time
from habitue.versions import PARTS, VERSION_FORMAT, Versions, write_card
from habitue.workspace import Workspace
from tests.test_versions import card_of

LOG = """customer,event_time,event_type,product_id
u1,2024-01-01T10:00:00Z,view,P1
u1,2024-01-02T10:00:00Z,purchase,P1
u2,2024-01-03T10:00:00Z,view,P2
"""


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    """A shop with three events and no model."""
    raw = tmp_path / "log.csv"
    raw.write_text(LOG)
    shop = Workspace(tmp_path / "shop")
    shop.init(str(raw))
    shop.ingest(str(raw))
    return shop


def add_version(shop: Workspace, *, version_format: int = VERSION_FORMAT) -> str:
    with Versions(shop.folder / "models").building() as (name, folder):
        for part in PARTS:
            (folder / part).mkdir()
        card = replace(card_of(name, "2024-01-03"), format_version=version_format)
        write_card(folder, card)
    return name


def test_lists_of_no_shop_say_how_to_begin(tmp_path: Path) -> None:
    nothing = Workspace(tmp_path / "my shop")
    for verb in (nothing.models, nothing.quarantine):
        with pytest.raises(NotReady, match=r"habitue init -w '.*/my shop' --from FILE…") as caught:
            verb()
        assert caught.value.code == "no_workspace"


def test_lists_of_a_shop_without_anything_are_empty(shop: Workspace) -> None:
    assert shop.models().as_json() == {"versions": []}
    assert shop.quarantine().as_json() == {"by_reason": {}, "rows": []}


def test_a_version_of_another_release_does_not_hide_the_others(shop: Workspace) -> None:
    add_version(shop, version_format=0)
    own = add_version(shop)
    with pytest.warns(HabitueWarning, match="0001 was made by another release"):
        listed = shop.models()
    assert [one.card.version for one in listed.versions] == [own]


def test_a_bare_path_stands_for_a_list_of_one(tmp_path: Path) -> None:
    raw = tmp_path / "log.csv"
    raw.write_text(LOG)
    shop = Workspace(tmp_path / "shop")
    assert shop.init(str(raw)).as_json()["settings"] == str(shop.folder / "habitue.toml")
    assert shop.validate([raw]).as_json()["findings"]
    assert shop.ingest([raw]).as_json()["accepted"] == 3
    assert shop.ingest(raw).as_json()["duplicates"] == 3


@pytest.mark.parametrize(
    "ask",
    [
        lambda shop: shop.recommend("u1", k=0),
        lambda shop: shop.recommend_all(k=0),
        lambda shop: shop.similar("P1", k=-1),
        lambda shop: shop.popular(k=0),
        lambda shop: shop.quarantine(limit=0),
    ],
)
def test_less_than_one_is_refused(shop: Workspace, ask: Callable[[Workspace], object]) -> None:
    with pytest.raises(
        Refused, match=r"(k|limit) is -?[01]; expected a whole number of at least 1"
    ):
        ask(shop)


def test_a_limit_of_no_alerts_is_refused(shop: Workspace) -> None:
    with pytest.raises(SettingsError, match=r"'alerts.limit' is 0.*Pass another value"):
        shop.settings(alerts={"limit": 0})


def test_training_and_refreshing_wait_for_nobody(shop: Workspace) -> None:
    with (
        writer_lock(shop.folder / "models"),
        pytest.raises(Refused, match=r"models is being written by process [0-9]+"),
    ):
        shop.train(epochs=1)
    add_version(shop)
    shop.publish("0001")
    with (
        writer_lock(shop.folder / "profiles"),
        pytest.raises(Refused, match=r"profiles is being written by process [0-9]+"),
    ):
        shop.refresh()


def test_a_training_of_another_moment_is_warned_and_refused_alike(shop: Workspace) -> None:
    with pytest.raises(Refused, match="log ends on 2024-01-03"):
        shop.train(as_of="2025-01-01")
    with pytest.raises(NotReady, match="log begins on 2024-01-01"):
        shop.train(as_of="2023-01-01")


def test_a_folder_that_may_only_be_read_still_tells_its_span(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, document: object) -> None:
        raise Refused(f"{path} cannot be written.", fix="", code="not_writable")

    monkeypatch.setattr("habitue.events.span.write_sealed", refuse)
    assert Workspace(shop.folder).log.end_at == parse_time("2024-01-03T10:00:00Z") + 1
