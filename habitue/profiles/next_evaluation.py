"""What comes next, judged: the network's probabilities beside simple rivals.

In: the event log, a task of kind "next", a cut. Out: the truth (whose next event was of which
class), rivals' probabilities for the same persons in the same order, and the measures of any
probabilities the caller brings. Knows nothing about networks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from habitue import metrics
from habitue.errors import Failed
from habitue.events.log import EventLog
from habitue.profiles.labels import next_classes, next_labels
from habitue.profiles.next_model import class_codes, expectations
from habitue.schema import Task

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]


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
        came = next_labels(
            known, log.read_bucket(bucket), all_items, task, as_of=as_of, until=until
        )
        labels.append(came.with_columns(bucket=pl.lit(bucket, dtype=pl.Int64)))
    past, truth = pl.concat(pasts), pl.concat(labels)
    chosen = tuple(classes) if classes is not None else tuple(sorted(past["class"].unique()))
    counts = np.bincount(
        np.maximum(class_codes(past["class"], chosen) + 1, 0), minlength=len(chosen) + 1
    )[1:]
    common = (counts + 1.0) / (counts + 1.0).sum()
    subject_ids = truth["subject_id"].to_numpy()
    return NextTruth(
        classes=chosen,
        subject_ids=subject_ids,
        buckets=truth["bucket"].to_numpy(),
        labels=class_codes(truth["label"], chosen),
        baselines=expectations(past, subject_ids, chosen, common),
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
