"""A refresh that takes over what is known already is byte for byte the one from scratch."""

import shutil
from contextlib import nullcontext
from pathlib import Path

import polars as pl
import pytest

from habitue.checksums import CHECKSUMS_FILE, check_folder, read_sealed
from habitue.errors import HabitueWarning
from habitue.model.inference import Network
from habitue.refreshing import Refresh, current_refresh
from habitue.sequences.sequences import Sequences
from habitue.workspace import Workspace
from tests.golden.make_shop import QUICK, few_trees
from tests.refreshed_shop import SHOP, bring, made_in, opened
from tests.shop import make_shop, write_csv

ANSWERS = ("table/", "offers/", "history/", "recommender/", "memory/")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_in(tmp_path_factory.mktemp("made") / "shop")


@pytest.fixture
def shop(made: Path, tmp_path: Path) -> Workspace:
    return opened(Path(shutil.copytree(made, tmp_path / "shop")))


def answers(refresh: Refresh) -> dict[str, str]:
    check_folder(refresh.folder)
    listed = read_sealed(refresh.folder / CHECKSUMS_FILE)["files"]
    return {name: digest for name, digest in listed.items() if name.startswith(ANSWERS)}


def refreshed(shop: Workspace) -> Refresh:
    """Refresh, and see that the answers are those of a refresh from scratch."""
    aside = shop.folder.with_name("aside")
    shutil.rmtree(aside, ignore_errors=True)
    shutil.copytree(shop.folder, aside)
    refresh = shop.refresh()
    scratch = opened(aside).refresh(from_scratch=True)
    assert answers(refresh) == answers(scratch)
    assert (scratch.recomputed, scratch.reused) == (scratch.persons, 0)
    assert refresh.recomputed + refresh.reused == refresh.persons
    return refresh


@pytest.fixture
def thought_of(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The subjects of whom the network made states, in the order they came."""
    found: list[int] = []
    gist = Network.gist

    def counted(network: Network, sequences: Sequences, *, as_of: int, repeats: bool = True):  # type: ignore[no-untyped-def]  # noqa: ANN202
        found.extend(sequences.subject_ids.tolist())
        return gist(network, sequences, as_of=as_of, repeats=repeats)

    monkeypatch.setattr(Network, "gist", counted)
    return found


def settle(shop: Workspace) -> None:
    """Refresh a long time after the last event of all but one, so that no pause changes its bin."""
    bring(shop, 0, days=400, of="settled")
    shop.refresh()


def test_only_who_did_something_new_is_thought_of_anew(
    shop: Workspace, thought_of: list[int]
) -> None:
    settle(shop)
    bring(shop, 3, 7, 21, days=400.01)
    thought_of.clear()
    refresh = shop.refresh()
    subjects = [shop.store.subject_of(f"u{person:04d}") for person in (3, 7, 21)]
    # Person 0 came 14 minutes ago: the pause so far is news too.
    assert {*subjects} <= {*thought_of} <= {*subjects, shop.store.subject_of("u0000")}
    assert refresh.recomputed == len(thought_of)
    assert refresh.reused == 30 - len(thought_of)
    assert refresh.as_json()["recomputed"] == refresh.recomputed


def test_new_events_of_a_few(shop: Workspace) -> None:
    settle(shop)
    bring(shop, 3, 7, 21, days=400.01)
    refresh = refreshed(shop)
    assert 0 < refresh.recomputed <= 4


def test_a_day_without_a_visit(shop: Workspace) -> None:
    bring(shop, 3, days=1)
    before = current_refresh(shop.folder / "profiles").table
    refresh = refreshed(shop)
    assert refresh.reused > 0
    calm = before.filter(pl.col("user_id") != "u0003")
    later = refresh.table.filter(pl.col("user_id") != "u0003")
    assert (later["recency_days"] > calm["recency_days"] + 0.9).all()


def test_a_late_arrival(shop: Workspace) -> None:
    settle(shop)
    bring(shop, 5, days=-0.5, of="late")
    refresh = refreshed(shop)
    assert refresh.recomputed == 1


def test_an_item_that_is_called_otherwise(shop: Workspace) -> None:
    """Of an item the model does not know, the network looks at what the catalogue says."""
    settle(shop)
    strange = SHOP.items.with_columns(item_id=pl.format("NEW{}", "item_number"))
    bring(shop, 4, days=401, of="strange", items=strange)
    shop.refresh()
    elsewhere = strange.with_columns(category=pl.lit("home/kitchen"), name=pl.lit("pan"))
    bring(shop, 9, days=402, of="renamed", items=elsewhere)
    refresh = refreshed(shop)
    assert 0 < refresh.recomputed < 30


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["transformer", "gru"])
def test_a_network_of_usual_size_says_the_same_bits_of_many(
    architecture: str, tmp_path: Path
) -> None:
    """Sums of some sizes are rounded otherwise in other company; a tiny network shows none."""
    many = make_shop(num_persons=150, days=120)
    raw = write_csv(many, tmp_path / "many.csv")
    model = {"architecture": architecture, "width": 64, "max_length": 50}
    shop = Workspace(tmp_path / "shop", settings={**QUICK, "model": model})
    shop.init([raw])
    shop.ingest(raw)
    with few_trees():
        shop.train()
    shop.refresh()
    bring(shop, *range(0, 150, 7), days=0.5, among=many)
    refresh = shop.refresh()
    assert 20 < refresh.recomputed < 150
    assert answers(refresh) == answers(shop.refresh(from_scratch=True))


def test_another_version_takes_nothing_over(shop: Workspace) -> None:
    bring(shop, 3, days=1)
    known = shop.refresh()
    with few_trees():
        shop.train()
    shop.publish("0002")
    refresh = refreshed(shop)
    assert refresh.model_version != known.model_version
    assert refresh.reused == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"cleaning": {"session_gap_minutes": 1}},
        {"profiles": {"max_tags": 2}},
        {"recommend": {"k": 3}},
        {"shop": {"language": "zh"}},
    ],
)
def test_changed_settings(shop: Workspace, changed: dict[str, dict[str, object]]) -> None:
    before = answers(current_refresh(shop.folder / "profiles"))
    settings = {**QUICK, **changed}
    aside = Path(shutil.copytree(shop.folder, shop.folder.with_name("aside")))
    refresh = Workspace(shop.folder, settings=settings).refresh()
    scratch = Workspace(aside, settings=settings).refresh(from_scratch=True)
    assert answers(refresh) == answers(scratch) != before


def test_the_very_same_again_is_taken_over_whole(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = current_refresh(shop.folder / "profiles")
    with monkeypatch.context() as nothing_counted:
        nothing_counted.delattr("habitue.refreshing.recounted")
        refresh = shop.refresh()
    assert answers(refresh) == answers(before)
    assert (refresh.recomputed, refresh.reused) == (0, 30)
    assert refresh.folder != before.folder
    assert shop.refresh(from_scratch=True).recomputed == 30


@pytest.mark.parametrize("part", ["memory/0000.parquet", "table/0000.parquet", "checksums.json"])
@pytest.mark.parametrize("is_missing", [True, False])
def test_what_is_damaged_or_missing_is_computed_anew(
    shop: Workspace, part: str, is_missing: bool
) -> None:
    before = current_refresh(shop.folder / "profiles")
    whole, path = answers(before), before.folder / part
    if is_missing:
        path.unlink()
    else:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    is_lost = part == "checksums.json"
    with pytest.warns(HabitueWarning) if is_lost else nullcontext():
        refresh = shop.refresh()
    assert answers(refresh) == whole
    known = {"memory/0000.parquet": 30 - persons_in(refresh, 0), "table/0000.parquet": 30}
    assert refresh.reused == known.get(part, 0)


def persons_in(refresh: Refresh, bucket: int) -> int:
    return pl.read_parquet(refresh.folder / "table" / f"{bucket:04d}.parquet").height
