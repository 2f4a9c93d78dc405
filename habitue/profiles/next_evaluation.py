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
from habitue.profiles.labels import OTHER_CLASS, next_classes, next_labels
from habitue.profiles.next_model import class_codes, expectations
from habitue.schema import Task

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]

_MAX_CELLS: Final = 20_000_000  # persons times classes, of each rival


@dataclass(frozen=True)
class NextTruth:
    """Persons with a next event, and what simple rivals expected of them."""

    classes: tuple[str, ...]
    subject_ids: Ints  # [N], bucket after bucket
    buckets: Ints  # [N]
    labels: Ints  # [N] position in `classes`, UNKNOWN_CLASS for one not among them
    baselines: Mapping[str, Floats]  # name -> [N, K], rows sum to 1

    @property
    def hidden(self) -> int | None:
        """The position of the class that is never an answer."""
        return self.classes.index(OTHER_CLASS) if OTHER_CLASS in self.classes else None


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

    `classes` default to those seen before `as_of`, in alphabetical order. Where persons and classes
    are too many for memory, every second, third, … person is taken.
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
    truth = truth.gather_every(-(-truth.height * len(chosen) // _MAX_CELLS) or 1)
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
    hidden = truth.hidden
    shown = truth.labels[(truth.labels >= 0) & (truth.labels != hidden)]
    counts = np.bincount(shown, minlength=len(truth.classes))
    return NextEvaluation(
        metrics={}
        if probabilities_NK is None
        else next_measures(truth.labels, probabilities_NK, hidden=hidden),
        baselines={
            name: next_measures(truth.labels, rival, hidden=hidden)
            for name, rival in truth.baselines.items()
        },
        n=len(truth.labels),
        base_rate=float(counts.max(initial=0) / max(len(truth.labels), 1)),
    )


def next_measures(
    labels_N: Ints, probabilities_NK: Floats, *, hidden: int | None = None
) -> dict[str, float]:
    """Return accuracy, hit_rate@3, mrr and log_loss; a tie ranks the true class last.

    The class `hidden` is never an answer: it stands in no other's way, and is a miss where it came.
    """
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
    rank = ranks_of_truth(labels_N, probabilities_NK, hidden=hidden)
    return {
        "accuracy": float((rank == 1).mean()),
        "hit_rate@3": float((rank <= 3).mean()),
        "mrr": float((1 / rank).mean()),
        # One in a million for what was held impossible.
        "log_loss": metrics.log_loss(np.ones(len(own), bool), np.maximum(own, 1e-6)),
    }


def ranks_of_truth(
    labels_N: Ints, probabilities_NK: Floats, *, hidden: int | None = None
) -> Floats:
    """Return the place of what came among the answers, [N]; infinite for what is no answer."""
    known = labels_N >= 0
    own = probabilities_NK[np.arange(len(labels_N)), np.maximum(labels_N, 0)]
    above = probabilities_NK >= own[:, None]
    if hidden is not None:
        above[:, hidden] = False
        known &= labels_N != hidden
    return np.where(known, above.sum(axis=1), np.inf)
