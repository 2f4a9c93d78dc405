"""The items of each validation example that can decide a blend, with every component's scores.

Comes in: fitted components and examples. Goes out: one small matrix a component: the best items
of each component, all components' scores of them, and the right answer's. An item outside every
component's best has a bounded probability, so it can be told where the answer's rank among the
candidates is its rank among all. Knows nothing about weights.

Shapes: N examples, C candidates, K components, T temperatures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from habitue.baselines.next_item import FittedNextItem, ScoreKind
from habitue.benchmarks.protocols import Examples
from habitue.benchmarks.ranking import chunks, visible_scores
from habitue.compute import Progress

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

# Each the root of two times the one before: squares give two of them for one exponential.
TEMPERATURES: Final[tuple[float, ...]] = tuple(2.0 ** (half / 2) for half in range(-4, 3))
_MOST = 60  # best items of each component


@dataclass(frozen=True)
class Candidates:
    """What a blend of K components is chosen by."""

    logs: tuple[Floats, ...]  # K of [N, C]: logarithms of scores, minus infinity where padded
    norms: tuple[Floats, ...]  # K of [N, T]: logarithm of the sum over all items
    floors: tuple[Floats, ...]  # K of [N]: no item outside the candidates has a higher logarithm
    answers: npt.NDArray[np.int64]  # [N] place of the right answer among the candidates

    @classmethod
    def of(
        cls,
        components: Sequence[FittedNextItem],
        examples: Examples,
        *,
        num_items: int,
        progress: Progress,
        most: int = _MOST,
    ) -> "Candidates":
        """Score the examples chunk by chunk and keep what matters."""
        pieces = []
        for start, stop in chunks(len(examples), num_items * len(components)):
            pieces.append(_piece(components, examples.rows(start, stop), min(most, num_items)))
            progress.advance(stop - start)
        width = max(piece.logs[0].shape[1] for piece in pieces)
        padded = [[_padded(logs, width) for logs in piece.logs] for piece in pieces]
        return cls(
            logs=_joined(padded),
            norms=_joined([piece.norms for piece in pieces]),
            floors=_joined([piece.floors for piece in pieces]),
            answers=np.concatenate([piece.answers for piece in pieces]),
        )

    def probabilities(self, component: int, temperature: float) -> Floats:
        """Return one component's probability of each candidate, [N, C]."""
        norm = self.norms[component][:, TEMPERATURES.index(temperature)]
        return tempered(self.logs[component], norm, temperature)

    def floor(self, component: int, temperature: float) -> Floats:
        """Return what no item outside the candidates exceeds, [N]."""
        norm = self.norms[component][:, TEMPERATURES.index(temperature)]
        return tempered(self.floors[component][:, None], norm, temperature)[:, 0]


def log_scores(scores: Floats, kind: ScoreKind) -> Floats:
    """Return the logarithms whose tempered exponentials are probabilities, made in place."""
    if kind == "logit":
        return scores
    np.maximum(scores, 0, out=scores)
    with np.errstate(divide="ignore"):
        np.log(scores, out=scores)
    return scores


def log_norm(logs: Floats, temperature: float) -> Floats:
    """Return the logarithm of the sum of the tempered exponentials of each row, [N]."""
    highest = logs.max(axis=1)
    known = np.where(np.isneginf(highest), 0, highest)
    total = np.exp((logs - known[:, None]) / np.float32(temperature)).sum(axis=1)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(total) + known / np.float32(temperature), dtype=np.float32)


def _log_norms(logs: Floats) -> Floats:
    """Return `log_norm` at all temperatures, [N, T], with two exponentials instead of seven."""
    found = np.empty((len(logs), len(TEMPERATURES)), dtype=np.float32)
    highest = logs.max(axis=1)
    known = np.where(np.isneginf(highest), 0, highest)[:, None]
    for hottest in (len(TEMPERATURES) - 1, len(TEMPERATURES) - 2):
        powers = np.exp((logs - known) / np.float32(TEMPERATURES[hottest]))
        for place in range(hottest, -1, -2):
            with np.errstate(divide="ignore"):
                found[:, place] = np.log(powers.sum(axis=1))
            found[:, place] += known[:, 0] / np.float32(TEMPERATURES[place])
            powers *= powers
    return found


def tempered(logs: Floats, norm: Floats, temperature: float) -> Floats:
    """Return the probabilities; zeros in a row that knows nothing."""
    known = np.where(np.isneginf(norm), 0, norm)
    return np.asarray(np.exp(logs / np.float32(temperature) - known[:, None]), dtype=np.float32)


def _piece(components: Sequence[FittedNextItem], part: Examples, most: int) -> Candidates:
    rows = np.arange(len(part))
    scored = [log_scores(visible_scores(one, part), one.kind) for one in components]
    is_candidate = np.zeros(scored[0].shape, dtype=bool)
    floors = [_floor_of_best(logs, most) for logs in scored]
    for logs, floor_N in zip(scored, floors, strict=True):
        is_candidate |= _above(logs, floor_N, most)
    is_candidate[rows, part.answers] = True
    row, column = np.nonzero(is_candidate)
    place = np.arange(len(row)) - np.searchsorted(row, row)
    width = int(place.max(initial=0)) + 1

    def gathered(logs: Floats) -> Floats:
        found = np.full((len(part), width), -np.inf, dtype=np.float32)
        found[row, place] = logs[row, column]
        return found

    return Candidates(
        logs=tuple(gathered(logs) for logs in scored),
        norms=tuple(_log_norms(logs) for logs in scored),
        floors=tuple(floors),
        answers=place[column == part.answers[row]],
    )


def _floor_of_best(logs: Floats, most: int) -> Floats:
    """A bound that about the `most` best items of each row reach, and never fewer.

    The lowest of the highest maxima among disjoint parts of the row: one cheap pass, where a
    partition of the whole row costs thirty times as much.
    """
    parts = 4 * most
    width = logs.shape[1] // parts
    if width < 2:
        return np.asarray(np.sort(logs, axis=1)[:, -most])
    maxima = logs[:, : width * parts].reshape(len(logs), width, parts).max(axis=1)
    return np.asarray(np.sort(maxima, axis=1)[:, -most])


def _above(logs: Floats, floor_N: Floats, most: int) -> Bools:
    """The items that reach the floor; only those above it where a crowd stands on it."""
    found: Bools = logs >= floor_N[:, None]
    found &= logs > -np.inf
    crowded = np.count_nonzero(found, axis=1) > 3 * most
    found[crowded] = logs[crowded] > floor_N[crowded, None]
    return found


def _padded(logs: Floats, width: int) -> Floats:
    wider = ((0, 0), (0, width - logs.shape[1]))
    return np.pad(logs, wider, constant_values=-np.inf)


def _joined(pieces: Sequence[Sequence[Floats]]) -> tuple[Floats, ...]:
    return tuple(np.concatenate(parts) for parts in zip(*pieces, strict=True))
