"""Made shops go through `init` and `ingest` as they are; bad rows end where the truth says."""

from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from habitue.events.batch import REASONS
from habitue.simulation.damage import CUT_AFTER, DAMAGES, NUM_COLUMNS
from habitue.simulation.simulate import Simulated, simulate
from habitue.workspace import Workspace


def ingested(shop: Simulated, folder: Path) -> dict[str, object]:
    files = [*sorted(shop.path.glob("events-*")), shop.path / "items.parquet"]
    workspace = Workspace(folder)
    workspace.init(files)
    return dict(workspace.ingest(*files).as_json())


def test_every_row_of_a_clean_shop_is_accepted(shop: Simulated, tmp_path: Path) -> None:
    report = ingested(shop, tmp_path / "workspace")
    assert report["accepted"] == report["received"] == 20_000 + shop.plan.items
    assert report["repaired"] == report["duplicates"] == report["quarantined"] == 0
    assert report["repairs"] == {}


@pytest.mark.parametrize("format", ["parquet", "csv"])
def test_bad_rows_are_set_aside_each_for_its_reason(tmp_path: Path, format: str) -> None:
    made = simulate(
        tmp_path / "shop",
        users=100,
        events=8_000,
        dirt=0.1,
        format=format,
        processes=1,
    )
    report = ingested(made, tmp_path / "workspace")
    told = pl.read_parquet(made.path / "truth" / "bad_rows.parquet")
    mended = told.filter(pl.col("repair") != "")
    assert report["repairs"] == dict(mended.select("repair", "rows").iter_rows())
    assert report["repaired"] == mended["rows"].sum() == 160
    told = told.filter(pl.col("repair") == "")
    assert told["rows"].sum() == 800
    assert set(told["kind"]) | set(mended["kind"]) == {
        damage.name for damage in DAMAGES if format == "csv" or not damage.is_text
    }
    reasons: Counter[str] = Counter()
    for _, reason, _, rows in told.iter_rows():
        reasons[reason] += rows
    assert report["duplicates"] == reasons.pop("")
    assert report["by_reason"] == dict(reasons)
    assert report["accepted"] == 7_200 + made.plan.items


def test_what_truly_happened_is_read_in_spite_of_dirt(tmp_path: Path) -> None:
    stored = []
    for dirt in (0.0, 0.1):
        made = simulate(
            tmp_path / str(dirt),
            users=100,
            events=round(7_200 / (1 - dirt)),
            dirt=dirt,
            items=300,
            processes=1,
        )
        assert sum(made.by_type.values()) == 7_200
        shop = tmp_path / f"shop-{dirt}"
        ingested(made, shop)
        events = pl.read_parquet(shop / "store" / "events" / "**" / "*.parquet")
        stored.append(events.select("timestamp", "event_type", "price", "value").sort(pl.all()))
    assert stored[0].equals(stored[1])


def test_every_reason_is_one_that_ingest_knows() -> None:
    cut = f"columns {CUT_AFTER}!={NUM_COLUMNS}"
    assert {damage.reason for damage in DAMAGES} <= {*REASONS, cut, ""}
