"""The truth is true: probabilities hold over many persons, states and seeds."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from habitue.schema import DAY, parse_time
from habitue.simulation.block import Shop, make_block
from habitue.simulation.catalogue import leaf_paths
from habitue.simulation.presets import PRESETS
from habitue.simulation.rows import KIND
from habitue.simulation.simulate import simulate
from tests.simulation.plans import small_plan

# Two-sided, with an error of one in a million.
_FAR = 4.9
_PROBABILITIES = ("purchase_7d", "visit_7d", "purchase_30d", "visit_30d", "visit_90d", "churn_90d")


@pytest.fixture(scope="module")
def predictions() -> pl.DataFrame:
    """The truth of six shops of other seeds, at three moments each."""
    frames = []
    for seed in range(6):
        plan = small_plan(1_000, 60_000, seed=seed, truth_days=(120, 200, 275))
        frames.append(make_block(Shop.of(plan), 0).truth["predictions"])
    return pl.concat(frames)


@pytest.mark.parametrize("name", _PROBABILITIES)
def test_probabilities_hold_in_every_state_and_of_every_size(
    predictions: pl.DataFrame, name: str
) -> None:
    came = pl.col(f"{name}_came").cast(pl.Float64)
    size = pl.col(name).rank("ordinal") * 4 // (pl.len() + 1)
    for group in (pl.lit("all"), pl.col("state"), pl.col("as_of"), size):
        judged = predictions.group_by(group=group).agg(
            expected=pl.col(name).sum(),
            came=came.sum(),
            variance=(pl.col(name) * (1 - pl.col(name))).sum(),
        )
        for row in judged.iter_rows(named=True):
            # Persons of one shop share nothing but rates: their outcomes are independent, but one
            # person's at three moments are not, hence the factor.
            tolerance = _FAR * np.sqrt(3 * row["variance"]) + 1e-9
            assert abs(row["came"] - row["expected"]) <= tolerance, (group, row)


@pytest.mark.slow
def test_truth_of_twenty_thousand_persons_is_calibrated(tmp_path: Path) -> None:
    """In each tenth by probability, at each moment, as many came as were to be expected."""
    made = simulate(tmp_path / "shop", users=20_000, events=800_000, seed=21)
    told = pl.read_parquet(made.path / "truth" / "predictions.parquet")
    for name in _PROBABILITIES:
        known = told.filter(pl.col(f"{name}_came").is_not_null(), pl.col("state") != "gone")
        tenth = (pl.col(name).rank("ordinal") * 10 // (pl.len() + 1)).over("as_of")
        judged = known.group_by("as_of", tenth=tenth).agg(
            persons=pl.len(),
            expected=pl.col(name).sum(),
            came=pl.col(f"{name}_came").sum(),
            spread=(pl.col(name) * (1 - pl.col(name))).sum().sqrt(),
        )
        assert judged["persons"].min() > 800  # type: ignore[operator]
        off = judged.select((pl.col("came") - pl.col("expected")).abs() / pl.col("spread"))
        assert off.to_series().max() <= _FAR, (name, judged)  # type: ignore[operator]


def test_value_is_what_is_spent_on_average(predictions: pl.DataFrame) -> None:
    for state in ("calm", "keen", "fading"):
        rows = predictions.filter(pl.col("state") == state)
        off = (rows["value_90d_came"] - rows["value_90d"]).to_numpy()
        error = off.std() * np.sqrt(3 / off.size)
        assert abs(off.mean()) <= _FAR * error, state


def test_probabilities_tell_persons_apart(predictions: pl.DataFrame) -> None:
    likely = predictions.sort("purchase_30d")
    quarter = likely.height // 4
    share = pl.col("purchase_30d_came").mean()
    most = likely.tail(quarter).select(share).item()
    least = likely.head(quarter).select(share).item()
    assert most > 0.2
    assert least == 0.0


def test_who_is_gone_never_comes_back(predictions: pl.DataFrame) -> None:
    gone = predictions.filter(pl.col("state") == "gone")
    assert gone.height > 100
    assert gone["churn_90d"].min() == 1.0
    assert not gone["visit_90d_came"].any()


def test_outcomes_are_those_of_the_events() -> None:
    plan = small_plan(200, 30_000, truth_days=(200,))
    block = make_block(Shop.of(plan), 0)
    as_of = parse_time("2023-01-01") + 200 * DAY
    rows = block.rows
    is_purchase = rows["kind"] == KIND["purchase"]
    within = is_purchase & (rows["time"] >= as_of) & (rows["time"] < as_of + 30 * DAY)
    bought = {f"person-{number:09d}" for number in (rows["event"][within] >> 24).tolist()}
    told = block.truth["predictions"].filter("purchase_30d_came")["person_id"]
    known = set(block.truth["predictions"]["person_id"])
    assert set(told) == bought & known
    assert told.len() > 5


def test_outcomes_beyond_the_end_of_the_log_are_not_known() -> None:
    plan = small_plan(50, 3_000, truth_days=(300, 365))
    table = make_block(Shop.of(plan), 0).truth["predictions"]
    last = table.filter(pl.col("as_of") == table["as_of"].max())
    assert last["purchase_7d_came"].null_count() == last.height
    assert last["churn_90d"].null_count() == 0
    earlier = table.filter(pl.col("as_of") == table["as_of"].min())
    assert earlier["purchase_30d_came"].null_count() == 0
    assert earlier["value_90d_came"].null_count() == earlier.height


def test_tastes_are_what_visits_are_about() -> None:
    plan = small_plan(60, 60_000)
    shop = Shop.of(plan)
    block = make_block(shop, 0)
    tastes = block.truth["tastes"]
    rows = block.rows[block.rows["item"] >= 0]
    leaf = shop.catalogue.leaf[rows["item"]]
    paths = np.array(sorted(set(tastes["category"])))
    seen = pl.DataFrame(
        {
            "person_id": [f"person-{number:09d}" for number in rows["event"] >> 24],
            "leaf": leaf,
        }
    )
    share = seen.group_by("person_id", "leaf").len().sort("len", descending=True)
    first = share.unique("person_id", keep="first", maintain_order=True)
    first = first.with_columns(
        category=pl.Series(leaf_paths(shop.catalogue.num_leaves)).gather(first["leaf"])
    )
    loved = tastes.group_by("person_id", "category").agg(pl.col("weight").sum())
    both = first.join(loved, on=["person_id", "category"], how="left")
    assert paths.size > 10
    assert both["weight"].is_not_null().mean() > 0.8  # type: ignore[operator]


def test_the_truth_of_a_shop_where_nobody_buys_is_a_number() -> None:
    like = replace(PRESETS["taobao"], purchases=0.0)
    plan = small_plan(50, 3_000, truth_days=(120, 200), like=like)
    for table in make_block(Shop.of(plan), 0).truth.values():
        for column in table.iter_columns():
            if column.dtype.is_float():
                assert column.is_finite().fill_null(True).all(), column.name
