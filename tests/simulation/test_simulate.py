"""The folder that `simulate` makes: exact numbers, the contract's columns, the same bytes."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from habitue.compute import Silent
from habitue.errors import Refused, UnknownName
from habitue.schema import DAY, EVENT_FIELDS, EVENT_TYPES, HOUR, ITEM_FIELDS, PLATFORMS, parse_time
from habitue.simulation.presets import PRESETS
from habitue.simulation.simulate import Simulated, run_plan, simulate
from tests.simulation.plans import small_plan


def events_of(folder: Path) -> pl.DataFrame:
    return pl.read_parquet(folder / "events-*.parquet")


def truth_of(shop: Simulated, name: str) -> pl.DataFrame:
    return pl.read_parquet(shop.path / "truth" / f"{name}.parquet")


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_users_and_events_are_exactly_those_asked_for(shop: Simulated) -> None:
    events = events_of(shop.path)
    assert events.height == 20_000
    assert events["event_id"].n_unique() == 20_000
    whose = truth_of(shop, "identities")
    seen = pl.concat([events["user_id"], events["anonymous_id"]]).unique()
    assert whose.filter(pl.col("id").is_in(seen.implode()))["person_id"].n_unique() == 300
    assert truth_of(shop, "persons").height == 300


def test_answer_has_the_keys_of_the_contract(shop: Simulated) -> None:
    document = shop.as_json()
    assert document["users"] == 300
    assert document["events"] == 20_000
    assert document["path"] == str(shop.path)
    assert document["truth"] == str(shop.path / "truth")
    assert sum(shop.by_type.values()) == 20_000


def test_columns_are_fields_of_events_and_items(shop: Simulated) -> None:
    events = events_of(shop.path)
    assert set(events.columns) <= set(EVENT_FIELDS)
    assert set(pl.read_parquet(shop.path / "items.parquet").columns) <= set(ITEM_FIELDS)
    assert set(events["event_type"]) <= set(EVENT_TYPES)
    assert set(events["platform"]) == set(PLATFORMS) - {"other"}
    assert events["timestamp"].dtype == pl.Int64
    assert events.filter(pl.col("user_id").is_null() & pl.col("anonymous_id").is_null()).is_empty()


def test_events_lie_within_the_log_in_order_of_time(tmp_path: Path) -> None:
    plan = small_plan(slice_rows=4_000)
    run_plan(plan, tmp_path / "shop", processes=1, progress=Silent())
    files = sorted((tmp_path / "shop").glob("events-*"))
    assert len(files) == 5
    at = pl.concat([pl.read_parquet(file)["timestamp"] for file in files])
    assert at.is_sorted()
    assert at[0] >= parse_time("2023-01-01")
    assert at[-1] < parse_time("2023-01-01") + 365 * DAY


@pytest.mark.slow
@pytest.mark.parametrize("format", ["parquet", "csv"])
def test_bytes_are_the_same_whatever_the_number_of_processes(tmp_path: Path, format: str) -> None:
    plan = small_plan(
        block_events=5_000, slice_rows=7_000, bots=0.2, dirt=0.05, format=format, days=60
    )
    plan = replace(plan, truth_days=(30,))
    assert plan.num_blocks == 5
    for processes in (1, 2, 3):
        run_plan(plan, tmp_path / str(processes), processes=processes, progress=Silent())
    assert digests(tmp_path / "1") == digests(tmp_path / "2") == digests(tmp_path / "3")


def test_same_seed_same_bytes_other_seed_other_events(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        simulate(tmp_path / name, users=50, events=2_000, seed=seed, processes=1)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert digests(tmp_path / "a") != digests(tmp_path / "c")


@pytest.mark.parametrize(
    ("like", "carts", "purchases"),
    [
        pytest.param({}, 0.059, 0.023, marks=pytest.mark.slow),
        ({"like": "taobao"}, 0.059, 0.023),
        pytest.param({"like": "retailrocket"}, 0.026, 0.008, marks=pytest.mark.slow),
        pytest.param({"like": "rees46"}, 0.010, 0.013, marks=pytest.mark.slow),
        pytest.param({"like": "grocery"}, 0.25, 0.20, marks=pytest.mark.slow),
    ],
)
def test_funnel_is_that_of_the_shop_it_is_like(
    tmp_path: Path, like: dict[str, str], carts: float, purchases: float
) -> None:
    made = simulate(tmp_path / "shop", users=8_000, events=400_000, processes=1, **like)  # type: ignore[arg-type]
    views = made.by_type["view_item"]
    assert made.by_type["add_to_cart"] / views == pytest.approx(carts, rel=0.1)
    assert made.by_type["purchase"] / views == pytest.approx(purchases, rel=0.1)
    assert 0 < made.by_type["refund"] < 0.1 * made.by_type["purchase"]


def test_the_first_day_and_week_are_as_busy_as_the_others(tmp_path: Path) -> None:
    simulate(tmp_path / "shop", users=2_000, events=200_000, days=28, processes=1)
    day = events_of(tmp_path / "shop")["timestamp"] // DAY
    per_day = day.value_counts().sort("timestamp")["count"].to_numpy()
    assert per_day.size == 28
    assert 0.75 < per_day[0] / per_day.mean() < 1.25
    assert 0.85 < per_day[:7].mean() / per_day.mean() < 1.15


@pytest.mark.parametrize("like", sorted(PRESETS))
def test_hours_of_the_day_are_those_of_the_shop_it_is_like(tmp_path: Path, like: str) -> None:
    simulate(tmp_path / "shop", users=3_000, events=100_000, like=like, processes=1)
    first = events_of(tmp_path / "shop").group_by("session_id").agg(pl.col("timestamp").min())
    hour = (first["timestamp"] // HOUR % 24).to_numpy()
    share = np.bincount(hour, minlength=24) / hour.size
    assert np.abs(share - PRESETS[like].hours).sum() / 2 < 0.05


def test_baskets_of_a_grocery_are_large_and_mixed(tmp_path: Path) -> None:
    simulate(tmp_path / "shop", users=200, events=100_000, like="grocery", processes=1)
    bought = events_of(tmp_path / "shop").filter(pl.col("event_type") == "purchase")
    orders = bought.group_by("order_id").agg(
        lines=pl.len(), categories=pl.col("item_category").n_unique()
    )
    assert orders["lines"].mean() == pytest.approx(9.4, rel=0.1)
    assert orders.filter(pl.col("lines") == 10)["categories"].mean() > 5  # type: ignore[operator]


def test_funnel_and_repeats_can_be_asked_for(tmp_path: Path) -> None:
    again = {}
    for repeats in (0.0, 0.8):
        out = tmp_path / str(repeats)
        made = simulate(
            out, users=300, events=60_000, carts=0.04, purchases=0.06, repeats=repeats, processes=1
        )
        views = made.by_type["view_item"]
        assert made.by_type["add_to_cart"] / views == pytest.approx(0.04, rel=0.15)
        assert made.by_type["purchase"] / views == pytest.approx(0.06, rel=0.15)
        bought = events_of(out).filter(pl.col("event_type") == "purchase")
        pairs = bought.select(pl.struct("user_id", "item_id").n_unique()).item()
        again[repeats] = 1 - pairs / bought.height
    assert again[0.8] > again[0.0] + 0.2


def test_visits_go_from_looking_to_buying(shop: Simulated) -> None:
    events = events_of(shop.path).with_row_index("place")
    bought = events.filter(
        pl.col("event_type") == "purchase", pl.col("platform") != "store"
    ).select("session_id", "item_id", bought="place")
    viewed = (
        events.filter(pl.col("event_type") == "view_item")
        .group_by("session_id", "item_id")
        .agg(viewed=pl.col("place").min())
    )
    both = bought.join(viewed, on=["session_id", "item_id"], how="left")
    assert both.height > 100
    assert (both["viewed"] < both["bought"]).all()
    refunds = events.filter(pl.col("event_type") == "refund")
    orders = events.filter(pl.col("event_type") == "purchase")
    assert refunds.join(orders, on=["order_id", "item_id"], how="anti").is_empty()
    assert (refunds["value"] < 0).all()


def test_nothing_is_sold_before_it_is_in_the_catalogue(shop: Simulated) -> None:
    items = pl.read_parquet(shop.path / "items.parquet")
    assert items.height == shop.plan.items
    sold = events_of(shop.path).filter(pl.col("item_id").is_not_null())
    both = sold.join(items, on="item_id", how="left", validate="m:1")
    assert (both["created_at"] <= both["timestamp"]).all()
    assert (both["category"] == both["item_category"]).all()
    assert (both["price"] <= both["price_right"]).all()  # less in a campaign, never more


def test_outside_ids_are_all_in_the_truth_and_tell_nothing(shop: Simulated) -> None:
    events = events_of(shop.path)
    known = set(truth_of(shop, "identities")["id"]) | set(truth_of(shop, "bots")["id"])
    for column in ("user_id", "anonymous_id"):
        assert set(events[column].drop_nulls()) <= known
    per_person = truth_of(shop, "identities").group_by("person_id", "kind").len()
    assert per_person.filter(pl.col("kind") == "user")["len"].max() == 2
    assert per_person.filter(pl.col("kind") == "anonymous")["len"].max() > 2  # type: ignore[operator]


def test_bots_have_their_share_and_are_told(shop: Simulated) -> None:
    bots = truth_of(shop, "bots")
    assert bots["events"].sum() == 2_000
    events = events_of(shop.path)
    subject = pl.coalesce("user_id", "anonymous_id")
    theirs = events.filter(subject.is_in(bots["id"].implode()))
    assert theirs.height == 2_000
    assert (theirs["timestamp"] // DAY).n_unique() == 1


def test_memory_is_bounded_by_a_block_and_a_slice_whatever_the_size() -> None:
    for users, events in ((10_000_000, 1_000_000_000), (10_000, 1_000_000_000), (10**8, 10**9)):
        plan = small_plan(users, events)
        assert plan.quota(0) <= 1.01 * plan.block_events + events / users
        assert len(plan.persons_of(0)) * plan.days <= 3_000_000
        assert events / plan.num_slices <= plan.slice_rows


def test_quotas_add_up() -> None:
    plan = small_plan(1_003, 50_021, bots=0.1, dirt=0.07, block_events=3_000)
    blocks = range(plan.num_person_blocks)
    assert [n for block in blocks for n in plan.persons_of(block)] == list(range(1_003))
    good = sum(plan.quota(block) for block in blocks)
    bad = sum(plan.bad_rows_of(block) for block in blocks)
    bots = [
        plan.bot_events_of(bot)
        for block in range(plan.num_person_blocks, plan.num_blocks)
        for bot in plan.bots_of(block)
    ]
    assert len(bots) == plan.num_bots
    assert (sum(bots), bad) == (5_002, 3_501)
    assert good + bad + sum(bots) == 50_021


@pytest.mark.parametrize(
    ("users", "events"),
    [(1, 4), (2, 9), (3, 40_000), (40, 160), pytest.param(1, 1_000_000, marks=pytest.mark.slow)],
)
def test_smallest_and_busiest_shops_have_exactly_their_events(
    tmp_path: Path, users: int, events: int
) -> None:
    simulate(tmp_path / "shop", users=users, events=events, processes=1)
    frame = events_of(tmp_path / "shop")
    assert frame.height == events
    assert frame["event_id"].n_unique() == events


def test_folder_that_is_there_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "note").write_text("mine", encoding="utf-8")
    with pytest.raises(Refused, match="is there already") as refused:
        simulate(tmp_path, users=10, events=100)
    assert refused.value.code == "folder_exists"
    assert [path.name for path in tmp_path.iterdir()] == ["note"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"users": 0}, "--users is 0"),
        ({"events": 30}, "--events is 30"),
        ({"seed": -1}, "--seed is -1"),
        ({"bots": 0.9}, "--bots is 0.9"),
        ({"dirt": 0.3}, "--dirt is 0.3"),
        ({"purchases": 0.5}, "--purchases is 0.5"),
        ({"carts": -0.1}, "--carts is -0.1"),
        ({"days": 3}, "--days is 3"),
        ({"items": 5}, "--items is 5"),
        ({"processes": 0}, "--processes is 0"),
        ({"format": "xml"}, "No format 'xml'"),
        ({"start": "2024-01-01T05:00"}, "in the middle of a day"),
        ({"start": "2999-01-01"}, "would end in the future"),
        ({"truth_at": ["2030-01-01"]}, "The truth at 2030-01-01 cannot be told"),
        ({"truth_at": ["2024-02-01T03:00"]}, "changes at midnight"),
    ],
)
def test_what_cannot_be_made_is_refused_at_once(
    tmp_path: Path, options: dict[str, object], message: str
) -> None:
    wanted: dict[str, object] = {"users": 10, "events": 1_000, **options}
    with pytest.raises(Refused, match=message):
        simulate(tmp_path / "shop", **wanted)  # type: ignore[arg-type]
    assert not (tmp_path / "shop").exists()


def test_unknown_shop_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'taobao'"):
        simulate(tmp_path / "shop", users=10, events=100, like="taobap")


def test_a_time_without_events_has_a_file_without_rows(tmp_path: Path) -> None:
    plan = small_plan(1, 40, slice_rows=2, format="csv")
    run_plan(plan, tmp_path / "shop", processes=1, progress=Silent())
    files = sorted((tmp_path / "shop").glob("events-*"))
    frames = [pl.read_csv(file, infer_schema=False) for file in files]
    assert len(frames) == 20
    assert sum(frame.height for frame in frames) == 40
    assert min(frame.height for frame in frames) == 0
    assert {tuple(frame.columns) for frame in frames} == {tuple(frames[0].columns)}


def test_parquet_is_read_without_arrows_own_schema(shop: Simulated) -> None:
    schema = pq.read_schema(next(shop.path.glob("events-*.parquet")))
    assert schema.field("event_type").type == "string"
