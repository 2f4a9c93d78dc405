"""A made shop goes the whole way as it is, and what is predicted resembles the truth."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from habitue import metrics
from habitue.schema import parse_time
from habitue.simulation.simulate import simulate
from habitue.workspace import Workspace

_AS_OF, _TASK = "2024-10-02", "purchase_30d"


@pytest.mark.slow
def test_predictions_of_a_made_shop_resemble_its_truth(tmp_path: Path) -> None:
    made = simulate(tmp_path / "made", users=1_500, events=90_000, seed=5, truth_at=[_AS_OF])
    files = [*sorted(made.path.glob("events-*")), made.path / "items.parquet"]
    workspace = Workspace(tmp_path / "shop")
    workspace.init(files)
    workspace.ingest(*files)
    workspace.train(size="tiny")
    tasks = workspace.evaluate().as_json()["tasks"]
    assert {"purchase_7d", "purchase_30d", "churn_90d", "value_90d"} <= set(tasks)  # type: ignore[arg-type]
    workspace.predict(_TASK, out=tmp_path / "predicted.csv", as_of=_AS_OF)

    both = predicted_and_true(tmp_path / "predicted.csv", made.path / "truth")
    predicted, true = both["predicted"].to_numpy(), both["true"].to_numpy()
    assert both.height > 1_000
    likely = true > np.quantile(true, 0.8)
    shuffled = np.random.default_rng(0).permutation(true)
    assert metrics.spearman(true, predicted) > 0.4
    assert metrics.auc(likely, predicted) > 0.75
    assert abs(metrics.spearman(shuffled, predicted)) < 0.1
    assert 0.75 < predicted.mean() / true.mean() < 1.33


def predicted_and_true(predicted: Path, truth: Path) -> pl.DataFrame:
    """Both probabilities of each person who was known by a user id at the moment."""
    told = pl.read_parquet(truth / "predictions.parquet")
    assert told["as_of"].unique().to_list() == [parse_time(_AS_OF)]
    whose = pl.read_parquet(truth / "identities.parquet").filter(pl.col("kind") == "user")
    scores = pl.read_csv(predicted).join(whose, left_on="user_id", right_on="id")
    highest = scores.group_by("person_id").agg(predicted=pl.col("probability").max())
    return highest.join(told, on="person_id").select("predicted", true=_TASK)
