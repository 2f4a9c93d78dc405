"""Where the right answer stands among all items, exactly, in chunks of bounded memory.

Comes in: a fitted model and examples. Goes out: the rank of each answer, and measures of ranks.
An answer that is hidden is never found. Knows nothing about
protocols.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from habitue.baselines.next_item import FittedNextItem
from habitue.benchmarks.protocols import Examples
from habitue.compute import Progress
from habitue.errors import Failed

Floats = npt.NDArray[np.float32]
Ranks = npt.NDArray[np.int64]

NEVER = np.iinfo(np.int32).max  # the rank of an answer that is not offered at all
_CHUNK_SCORES = 8_000_000  # of 4 bytes, held at once for one model


def ranks(
    model: FittedNextItem, examples: Examples, *, num_items: int, progress: Progress
) -> Ranks:
    """Return the rank of each answer among all items, from 1; ties count against the model.

    Raises:
        Failed: `nan_scores`, a score is not a number.
    """
    found = np.empty(len(examples), dtype=np.int64)
    for start, stop in chunks(len(examples), num_items):
        part = examples.rows(start, stop)
        scores = visible_scores(model, part)
        found[start:stop] = ranks_in(scores, part.answers)
        progress.advance(stop - start)
    return found


def chunks(num_examples: int, num_items: int) -> Iterator[tuple[int, int]]:
    """Yield the bounds of chunks whose scores fit in memory."""
    size = max(1, _CHUNK_SCORES // max(num_items, 1))
    for start in range(0, num_examples, size):
        yield start, min(start + size, num_examples)


def visible_scores(model: FittedNextItem, examples: Examples) -> Floats:
    """Return the scores [N, num_items], minus infinity for what is hidden."""
    scores = model.scores(examples.histories)
    if bad := int(np.isnan(scores).sum()):
        raise Failed(
            f"{bad:,} of {scores.size:,} scores are not a number (NaN).",
            fix="The model that made them is broken: train it again with a lower learning rate.",
            code="nan_scores",
        )
    if examples.hidden is not None:
        scores[examples.hidden.persons, examples.hidden.items] = -np.inf
    return scores


def ranks_in(scores: Floats, answers: npt.NDArray[np.int64]) -> Ranks:
    """Return how many items score at least as high as each answer, itself counted."""
    own = scores[np.arange(len(answers)), answers]
    found = np.count_nonzero(scores >= own[:, None], axis=1)
    return np.where(np.isneginf(own), NEVER, found).astype(np.int64)


def measures(found: Ranks, names: Sequence[str]) -> dict[str, float]:
    """Return the mean of each measure `name@k` over the ranks of one answer each.

    >>> measures(np.array([1, 3, 30]), ["recall@10", "mrr@10"])
    {'recall@10': 0.6666666666666666, 'mrr@10': 0.4444444444444444}
    """
    return {name: _measure(found, *name.split("@")) for name in names}


def _measure(found: Ranks, name: str, cut: str) -> float:
    gains: Mapping[str, npt.NDArray[np.float64]] = {
        "recall": np.ones(len(found)),
        "ndcg": 1 / np.log2(found + 1),
        "mrr": 1 / found,
    }
    return float(np.where(found <= int(cut), gains[name], 0).mean()) if len(found) else 0.0
