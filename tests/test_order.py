"""The order in which events arrive decides nothing: late and shuffled, profiles are the same bytes.

Only the store's own numbers of subjects and items follow the order of the files, and with them
the bucket somebody lies in; all is compared by the shop's own ids.
"""

import json
import shutil
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from habitue.events.store import EventStore
from habitue.workspace import Workspace
from tests.order_log import MOMENTS, made_rows, stored, told

ROWS = made_rows(2_000)


@pytest.fixture(scope="module")
def in_order(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    """What is told of the log that came in one file, in the order in which it happened."""
    return told(stored(tmp_path_factory.mktemp("in order"), [ROWS]))


def assert_same(found: Mapping[str, pl.DataFrame], expected: Mapping[str, pl.DataFrame]) -> None:
    assert found.keys() == expected.keys()
    for name, frame in expected.items():
        assert frame.height
        assert found[name].equals(frame), name


def shuffled(rows: pl.DataFrame, seed: int) -> pl.DataFrame:
    return rows[np.random.default_rng(seed).permutation(rows.height)]


def pieces_of(rows: pl.DataFrame, cuts: list[int]) -> list[pl.DataFrame]:
    edges = [0, *sorted(cuts), rows.height]
    return [rows[start:end] for start, end in pairwise(edges) if end > start]


def test_the_log_has_what_order_could_matter_for() -> None:
    person = pl.coalesce("user", "visitor")
    ties = ROWS.group_by(person, "at", "arrived").len().filter(pl.col("len") > 1)
    assert ties.height > 20
    assert ROWS.filter(pl.col("arrived") > pl.col("at")).height > 300
    assert ROWS.filter(pl.col("user").is_not_null() & pl.col("visitor").is_not_null()).height > 100


def test_what_arrived_late_counts_only_once_it_had(in_order: Mapping[str, pl.DataFrame]) -> None:
    named = ROWS.filter(pl.any_horizontal(pl.col("user", "visitor").is_not_null()))
    happened = named.filter(pl.col("at") < MOMENTS[0])
    known = happened.filter(pl.col("arrived") <= MOMENTS[0])
    assert known.height < happened.height
    assert in_order[f"events {MOMENTS[0]}"].height == known.height


def test_shuffled_in_one_file(in_order: Mapping[str, pl.DataFrame], tmp_path: Path) -> None:
    assert_same(told(stored(tmp_path, [shuffled(ROWS, 1)])), in_order)


def test_in_pieces_of_any_order(in_order: Mapping[str, pl.DataFrame], tmp_path: Path) -> None:
    pieces = pieces_of(ROWS, [300, 500, 1_100, 1_900])
    order = np.random.default_rng(2).permutation(len(pieces))
    assert_same(told(stored(tmp_path, [pieces[n] for n in order])), in_order)


@pytest.mark.slow
def test_in_the_order_of_arrival_a_day_at_a_time(
    in_order: Mapping[str, pl.DataFrame], tmp_path: Path
) -> None:
    """As it comes in life: what was late stands in the file of a later day."""
    days = ROWS.with_columns(day=pl.col("arrived") // (10 * 86_400_000_000)).sort("arrived")
    pieces = days.partition_by("day", maintain_order=True, include_key=False)
    assert len(pieces) > 5
    assert_same(told(stored(tmp_path, pieces)), in_order)


def test_it_would_show_if_one_event_were_another(
    in_order: Mapping[str, pl.DataFrame], tmp_path: Path
) -> None:
    """The control: one view more, and the profiles differ."""
    one_more = pl.concat([ROWS, ROWS[:1].with_columns(at=pl.col("at") + 1, event=pl.lit("view"))])
    found = told(stored(tmp_path, [one_more]))
    name = f"profiles {MOMENTS[1]}"
    assert not found[name].equals(in_order[name])


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    cuts=st.lists(st.integers(1, ROWS.height - 1), max_size=3),
)
def test_a_hundred_shuffles_in_pieces_are_read_the_same(
    in_order: Mapping[str, pl.DataFrame],
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    cuts: list[int],
) -> None:
    folder = tmp_path_factory.mktemp("shuffled")
    store = stored(folder, pieces_of(shuffled(ROWS, seed), cuts))
    found = told(store, with_profiles=False)
    shutil.rmtree(folder)
    assert_same(found, {name: in_order[name] for name in found})


# --- The whole way: one model version, two logs that arrived differently ---

TOML = """
[training]
epochs = 1
[model]
size = "tiny"
[[sources]]
name = "log"
time_unit = "us"
[sources.columns]
user_id = "user"
anonymous_id = "visitor"
event_id = "id"
event_type = "event"
timestamp = "at"
received_at = "arrived"
item_id = "item"
item_name = "name"
item_category = "category"
price = "price"
quantity = "quantity"
order_id = "order"
platform = "platform"
"""


@pytest.mark.slow
def test_one_version_answers_the_same_of_a_log_that_arrived_differently(tmp_path: Path) -> None:
    rows = made_rows(8_000, num_persons=120).filter(pl.col("event") != "search")
    # A version knows items by the store's numbers, so those must be the same; persons' differ.
    rows = rows.with_row_index("n")
    first = rows.unique("item", keep="first", maintain_order=True)
    rest = shuffled(rows.join(first, on="n", how="anti"), 3).drop("n")
    rows, first = rows.drop("n"), first.drop("n")
    pieces = {"a": [rows], "b": [first, *pieces_of(rest, [1_000, 4_000])]}
    for name, files in pieces.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "habitue.toml").write_text(TOML)
        for number, piece in enumerate(files):
            path = tmp_path / f"{name}-{number}.parquet"
            piece.write_parquet(path)
            Workspace(tmp_path / name).ingest(path)
    Workspace(tmp_path / "a").train(seed=1)
    shutil.copytree(tmp_path / "a" / "models", tmp_path / "b" / "models")
    shops = [Workspace(tmp_path / name) for name in pieces]
    users = rows["user"].drop_nulls().unique().sort().to_list()[:40]
    mine, other = (_answers(shop, users) for shop in shops)
    for name, answer in mine.items():
        assert answer == (other[name].expected if name.startswith("scores") else other[name])
    assert len(EventStore(tmp_path / "b" / "store").manifest.ingests) == 4


def _answers(shop: Workspace, users: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for user in users:
        found[f"profile {user}"] = json.dumps(shop.profile(user).as_json())
        offers: dict[str, Any] = dict(shop.recommend(user, k=5).as_json())
        # Who lies in which bucket decides in which order float32 numbers are summed; the id of the
        # advice is made from them.
        del offers["recommendation_id"]
        found[f"scores {user}"] = pytest.approx([item.pop("score") for item in offers["items"]])
        found[f"recommend {user}"] = json.dumps(offers)
    return found
