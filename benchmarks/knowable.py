"""How much of the true chances of the made-up shop its log shows, whoever looks.

    python benchmarks/knowable.py [--work FOLDER]

Boosted trees learn each person's true chance of `purchase_30d`, not what came of it, from the
features at the same cuts, a fifth of the persons left out at a time: a label without luck is worth
those of many persons. AUC is what is to be expected where coins are thrown with the true chances,
mean over the cuts; the number of trees is the best of three, taken with these figures in sight.
Printed: ours, fitted as in `tasks.py`, the truth itself, and the trees learnt from an eighth of the
persons up to all of them, from true chances and from what came.
"""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import lightgbm
import numpy as np
import numpy.typing as npt
import polars as pl
from simulated_tasks import CUTS, TRUTH, made_shop, with_truth
from task_figures import OURS
from tasks import judged_at

from habitue.events.store import EventStore
from habitue.profiles.features import build_features, item_codes
from habitue.profiles.samples import feature_matrix
from habitue.schema import Task, parse_time

ASKED: Final = Task("purchase_30d", "event", horizon_days=30)
ROUNDS: Final = (60, 150, 300)
SHARES: Final = (0.125, 0.25, 0.5, 1.0)
FOLDS: Final = 5
TREES: Final = {
    "num_leaves": 15,
    "learning_rate": 0.03,
    "min_child_samples": 40,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "objective": "cross_entropy",
    "num_threads": 1,
    "seed": 0,
    "verbose": -1,
}
Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """A row a person and cut: the features as of the cut, what was true, told, and what came."""

    features: Floats  # [N, F]
    persons: Ints
    cut: Ints
    true: Floats
    told: Floats
    came: Floats


def rows_of(log: EventStore, work: Path) -> Rows:
    """Return everybody whose true chance is known, at all cuts."""
    parts = []
    for number, cut in enumerate(CUTS):
        at = parse_time(cut)
        one = with_truth(judged_at(log, [ASKED], at)[ASKED.name], ASKED.name, log, work)
        persons, told, true = one.persons, one.said[OURS][0], one.said[TRUTH][0]
        place = np.full(len(persons), number)
        features = features_of(log, persons, at)
        parts.append((features, persons, place, true, told, (one.truth > 0).astype(np.float64)))
    return Rows(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def features_of(log: EventStore, persons: Ints, cut: int) -> Floats:
    """Return the features of these persons as of a cut."""
    catalogue = item_codes(log.items(as_of=cut))
    built = [
        build_features(log.read_bucket(bucket, as_of=cut), catalogue, as_of=cut)
        for bucket in range(log.num_buckets)
    ]
    asked = pl.DataFrame({"subject_id": persons})
    asked = asked.with_columns(pl.col("subject_id").cast(built[0]["subject_id"].dtype))
    joined = asked.join(pl.concat(built), on="subject_id", how="left", maintain_order="left")
    return feature_matrix(joined)


def expected_auc(rows: Rows, score: Floats) -> float:
    """Return the mean over cuts of how often who did ranks before who did not, by the truth."""
    found = []
    for cut in np.unique(rows.cut):
        here = rows.cut == cut
        true = rows.true[here][np.argsort(score[here], kind="stable")]
        below = np.concatenate([[0.0], np.cumsum(1 - true)[:-1]])
        found.append(float((true * below).sum() / (true.sum() * (1 - true).sum())))
    return float(np.mean(found))


def best_of_trees(rows: Rows, labels: Floats, share: float) -> float:
    """Return the expected AUC of trees learnt from a share of the other persons."""
    persons, place = np.unique(rows.persons, return_inverse=True)
    drawn = np.random.default_rng(0)
    fold = (drawn.permutation(len(persons)) % FOLDS)[place]
    taken = (drawn.random(len(persons)) < share)[place]
    found = []
    for num_trees in ROUNDS:
        score = np.zeros(len(labels))
        for one in range(FOLDS):
            learnt = (fold != one) & taken
            data = lightgbm.Dataset(rows.features[learnt], labels[learnt])
            trees = lightgbm.train(TREES, data, num_trees)
            score[fold == one] = np.asarray(trees.predict(rows.features[fold == one]))
        found.append(expected_auc(rows, score))
    return max(found)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print what is knowable."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "habitue_tasks")
    work = parser.parse_args(arguments).work
    rows = rows_of(made_shop(work), work)
    print(f"{len(rows.true)} rows, {len(np.unique(rows.persons))} persons")
    print(f"ours {expected_auc(rows, rows.told):.4f}, truth {expected_auc(rows, rows.true):.4f}")
    for share in SHARES:
        told = [best_of_trees(rows, labels, share) for labels in (rows.true, rows.came)]
        print(f"{share}: from true chances {told[0]:.4f}, from what came {told[1]:.4f}", flush=True)


if __name__ == "__main__":
    main()
