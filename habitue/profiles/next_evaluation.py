"""What comes next, judged: the network's probabilities beside simple rivals.

In: the event log, a task of kind "next", a cut. Out: the truth (whose next event was of which
class), rivals' probabilities for the same persons in the same order, and the measures of any
probabilities the caller brings. Knows nothing about networks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from habitue import metrics
from habitue.errors import Failed
from habitue.events.log import EventLog
from habitue.profiles.labels import next_classes, next_labels, population
from habitue.schema import Task

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]

UNKNOWN_CLASS: Final = -1
_OWN_WEIGHT: Final = 5.0  # events after which one's own habits weigh as much as everyone's
_LAST_SHARE: Final = 0.9


@dataclass(frozen=True)
class NextTruth:
    """Persons with a next event, and what simple rivals expected of them."""

    classes: tuple[str, ...]
    subject_ids: Ints  # [N], bucket after bucket
    buckets: Ints  # [N]
    labels: Ints  # [N] position in `classes`, UNKNOWN_CLASS for one not among them
    baselines: Mapping[str, Floats]  # name -> [N, K], rows sum to 1


@dataclass(frozen=True)
class NextEvaluation:
    """Measures of one task of kind "next"."""

    metrics: Mapping[str, float]
    baselines: Mapping[str, Mapping[str, float]]
    n: int
    base_rate: float  # share of the most common class


def collect_next(
    log: EventLog, task: Task, *, as_of: int, until: int, classes: Sequence[str] | None = None
) -> NextTruth:
    """Return the truth in [as_of, until) and the rivals, which read only events before `as_of`.

    `classes` default to those seen before `as_of`, in alphabetical order.
    """
    items = log.items(as_of=as_of)
    all_items = log.items()
    pasts, labels = [], []
    for bucket in range(log.num_buckets):
        known = log.read_bucket(bucket, as_of=as_of)
        pasts.append(next_classes(known, items, task, as_of=as_of))
        # Who was there is decided by what was known; what came next, by the whole log.
        asked = population(known, task, as_of=as_of)
        came = next_labels(log.read_bucket(bucket), all_items, task, as_of=as_of, until=until)
        came = came.join(asked, on="subject_id", how="semi", maintain_order="left")
        labels.append(came.with_columns(bucket=pl.lit(bucket, dtype=pl.Int64)))
    past, truth = pl.concat(pasts), pl.concat(labels)
    chosen = tuple(classes) if classes is not None else tuple(sorted(past["class"].unique()))
    code = {name: position for position, name in enumerate(chosen)}
    return NextTruth(
        classes=chosen,
        subject_ids=truth["subject_id"].to_numpy(),
        buckets=truth["bucket"].to_numpy(),
        labels=np.array([code.get(name, UNKNOWN_CLASS) for name in truth["label"]], np.int64),
        baselines=_baselines(past, truth["subject_id"].to_numpy(), code),
    )


def evaluate_next(truth: NextTruth, probabilities_NK: Floats | None) -> NextEvaluation:
    """Return the measures of the caller's probabilities (None: of the rivals alone).

    Raises:
        Failed: the probabilities have another shape than the truth, or are not numbers.
    """
    wanted = (len(truth.labels), len(truth.classes))
    if probabilities_NK is not None and probabilities_NK.shape != wanted:
        raise Failed(
            f"Probabilities have the shape {probabilities_NK.shape}, the truth {wanted}.",
            fix="Give a row a person and a column a class of the truth.",
        )
    counts = np.bincount(truth.labels[truth.labels >= 0], minlength=len(truth.classes))
    return NextEvaluation(
        metrics={} if probabilities_NK is None else next_measures(truth.labels, probabilities_NK),
        baselines={
            name: next_measures(truth.labels, rival) for name, rival in truth.baselines.items()
        },
        n=len(truth.labels),
        base_rate=float(counts.max(initial=0) / max(len(truth.labels), 1)),
    )


def next_measures(labels_N: Ints, probabilities_NK: Floats) -> dict[str, float]:
    """Return accuracy, hit_rate@3, mrr and log_loss; a tie ranks the true class last."""
    if not len(labels_N):
        return {}
    if np.isnan(probabilities_NK).any():
        raise Failed(
            "Probabilities of the next event are not numbers (NaN).",
            fix="The network that made them is broken: train it again with a lower learning rate.",
            code="nan_scores",
        )
    known = labels_N >= 0
    rows = np.arange(len(labels_N))
    own = np.where(known, probabilities_NK[rows, np.maximum(labels_N, 0)], 0.0)
    rank = (probabilities_NK >= own[:, None]).sum(axis=1)
    rank = np.where(known, rank, probabilities_NK.shape[1] + 1)
    return {
        "accuracy": float((rank == 1).mean()),
        "hit_rate@3": float((rank <= 3).mean()),
        "mrr": float((known / rank).mean()),
        # One in a million for what was held impossible.
        "log_loss": metrics.log_loss(np.ones(len(own), bool), np.maximum(own, 1e-6)),
    }


def _baselines(past: pl.DataFrame, subject_ids: Ints, code: Mapping[str, int]) -> dict[str, Floats]:
    """Return popularity, personal frequency and the own last class, for each subject."""
    num = len(code)
    counts = np.zeros((len(subject_ids), num))
    last = np.full(len(subject_ids), UNKNOWN_CLASS)
    row_of = pl.DataFrame({"subject_id": subject_ids, "row": np.arange(len(subject_ids))})
    coded = past.with_columns(
        code=pl.col("class").replace_strict(code, default=UNKNOWN_CLASS, return_dtype=pl.Int64)
    ).filter(pl.col("code") >= 0)
    popular = np.bincount(coded["code"].to_numpy(), minlength=num) + 1.0
    popular /= popular.sum()
    own = coded.join(row_of, on="subject_id", how="inner", maintain_order="left")
    np.add.at(counts, (own["row"].to_numpy(), own["code"].to_numpy()), 1.0)
    last[own["row"].to_numpy()] = own["code"].to_numpy()  # in order of time: the last one stays
    everyone = np.tile(popular, (len(subject_ids), 1))
    personal = counts + _OWN_WEIGHT * everyone
    lasting = everyone * (1 - _LAST_SHARE)
    lasting[last >= 0, last[last >= 0]] += _LAST_SHARE
    lasting[last < 0] = popular
    return {
        "popularity": everyone,
        "personal": personal / personal.sum(axis=1, keepdims=True),
        "last": lasting,
    }
