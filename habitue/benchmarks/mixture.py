"""Several next-item models as one: a mixture of their probabilities.

Comes in: fitted components and examples. Goes out: weights and temperatures, and the ranks they
give; found by coordinate search on the measure that the protocol chooses by. The search
starts from the best component and only ever climbs. Ties of a wanted item count against it, and
the same components give the same weights. Knows nothing about how the components work.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from habitue.baselines.next_item import FittedNextItem
from habitue.benchmarks.candidates import (
    TEMPERATURES,
    Candidates,
    log_norm,
    log_scores,
    tempered,
)
from habitue.benchmarks.protocols import Examples
from habitue.benchmarks.ranking import NEVER, Ranks, chunks, measures, ranks_in, visible_scores
from habitue.compute import Progress

Floats = npt.NDArray[np.float32]

_STEPS = (0.0, 0.03, 0.07, 0.15, 0.3, 0.6, 1.0, 1.7, 3.0)  # a weight beside the sum of the others
_ROUNDS = 5
_LEAST_GAIN = 2e-4  # of the measure, relative: what a change must add


@dataclass(frozen=True)
class Recipe:
    """What a mixture is made with."""

    weights: tuple[float, ...]  # sum 1; 0: not used
    temperatures: tuple[float, ...]  # above 1 a component's probabilities are levelled

    def moved(self, component: int, weight: float) -> "Recipe":
        """Return the recipe with one weight set beside the sum of the others, then scaled to 1."""
        weights = list(self.weights)
        others = sum(weights) - weights[component]
        weights[component] = weight * others
        total = sum(weights)
        return replace(self, weights=tuple(one / total for one in weights))

    def heated(self, component: int, temperature: float) -> "Recipe":
        """Return the recipe with one temperature set."""
        changed = list(self.temperatures)
        changed[component] = temperature
        return replace(self, temperatures=tuple(changed))


@dataclass(frozen=True)
class Chosen:
    """A recipe and what it reached on validation."""

    recipe: Recipe
    value: float
    uncertain: int  # examples whose rank among all items may be worse than among the candidates


def mixture(logs: Sequence[Floats], recipe: Recipe) -> Floats:
    """Return the weighted sum of the components' probabilities, [N, num_items].

    `logs` holds their scores as `log_scores` gives them; minus infinity hides an item.
    """
    mixed = np.zeros(logs[0].shape, dtype=np.float32)
    for one, weight, heat in zip(logs, recipe.weights, recipe.temperatures, strict=True):
        if weight > 0:
            mixed += np.float32(weight) * tempered(one, log_norm(one, heat), heat)
    return mixed


def mixture_ranks(
    components: Sequence[FittedNextItem],
    recipe: Recipe,
    examples: Examples,
    *,
    num_items: int,
    progress: Progress,
) -> Ranks:
    """Return the rank of each answer among all items in the mixture; ties count against it."""
    found = np.empty(len(examples), dtype=np.int64)
    used = [one for one, weight in zip(components, recipe.weights, strict=True) if weight > 0]
    lean = Recipe(
        tuple(weight for weight in recipe.weights if weight > 0),
        tuple(
            heat
            for weight, heat in zip(recipe.weights, recipe.temperatures, strict=True)
            if weight > 0
        ),
    )
    for start, stop in chunks(len(examples), num_items * len(used)):
        part = examples.rows(start, stop)
        mixed = mixture([log_scores(visible_scores(one, part), one.kind) for one in used], lean)
        # Nobody gives it any probability: it is not offered.
        mixed[mixed == 0] = -np.inf
        found[start:stop] = ranks_in(mixed, part.answers)
        progress.advance(stop - start)
    return found


def choose_recipe(candidates: Candidates, measure: str) -> Chosen:
    """Find the recipe that ranks the answers of the candidates best."""
    search = _Search(candidates, measure)
    found = search.run()
    return Chosen(found, search.value(found), search.uncertain(found))


class _Search:
    """Coordinate search over weights and temperatures, one component after the other."""

    def __init__(self, candidates: Candidates, measure: str) -> None:
        self.candidates = candidates
        self.measure = measure
        self.num = len(candidates.logs)
        self.held: dict[int, tuple[float, Floats]] = {}  # a component's probabilities as last asked

    def run(self) -> Recipe:
        """Climb from the best single component until a round gains nothing."""
        start = Recipe((0.0,) * self.num, tuple(self._likeliest(one) for one in range(self.num)))
        singles = [replace(start, weights=_only(one, self.num)) for one in range(self.num)]
        best = max(singles, key=self.value)
        value = self.value(best)
        for _ in range(_ROUNDS):
            before = value
            for component in range(self.num):
                best, value = self._improved(best, value, component)
            if value == before:
                break
        return best

    def value(self, recipe: Recipe) -> float:
        """Return the measure of a recipe."""
        return self._value_of(self._mixed(recipe))

    def uncertain(self, recipe: Recipe) -> int:
        """Count the answers ranked within the measure's cut that an item not looked at may pass."""
        mixed = self._mixed(recipe)
        own = mixed[np.arange(len(mixed)), self.candidates.answers]
        told = zip(range(self.num), recipe.weights, recipe.temperatures, strict=True)
        bounds = (w * self.candidates.floor(one, t) for one, w, t in told if w > 0)
        is_close = self._ranks(mixed) <= int(self.measure.split("@")[1])
        return int((is_close & (own <= sum(bounds))).sum())

    def _improved(self, best: Recipe, value: float, component: int) -> tuple[Recipe, float]:
        """Try other weights, then other temperatures, of one component."""
        if best.weights[component] < 1:  # beside nothing else every weight is the same
            moves = [best.moved(component, step) for step in _STEPS]
            best, value = self._best_of(best, value, moves, component)
        if best.weights[component] > 0:
            moves = [best.heated(component, temperature) for temperature in TEMPERATURES]
            best, value = self._best_of(best, value, moves, component)
        return best, value

    def _best_of(
        self, best: Recipe, value: float, moves: Sequence[Recipe], component: int
    ) -> tuple[Recipe, float]:
        mix = self._mixer(best, component)
        for move in moves:
            reached = self._value_of(mix(move))
            if reached > value * (1 + _LEAST_GAIN):
                best, value = move, reached
        return best, value

    def _mixer(self, recipe: Recipe, component: int) -> Callable[[Recipe], Floats]:
        """Return how to mix recipes that differ from this one in a single component.

        Its others are summed once; scaling all weights alike changes no rank.
        """
        told = enumerate(zip(recipe.weights, recipe.temperatures, strict=True))
        others = [(one, weight, heat) for one, (weight, heat) in told if one != component]
        rest = self._sum(others)
        scale = sum(weight for _, weight, _ in others)

        def mix(move: Recipe) -> Floats:
            left = sum(move.weights) - move.weights[component]
            weight = move.weights[component] * (scale / left if left > 0 and scale > 0 else 1.0)
            if weight == 0:
                return rest
            mine = self._probabilities(component, move.temperatures[component])
            return rest + np.float32(weight) * mine

        return mix

    def _mixed(self, recipe: Recipe) -> Floats:
        told = zip(range(self.num), recipe.weights, recipe.temperatures, strict=True)
        return self._sum(list(told))

    def _sum(self, parts: Sequence[tuple[int, float, float]]) -> Floats:
        mixed = np.zeros(self.candidates.logs[0].shape, dtype=np.float32)
        for component, weight, temperature in parts:
            if weight > 0:
                mixed += np.float32(weight) * self._probabilities(component, temperature)
        return mixed

    def _probabilities(self, component: int, temperature: float) -> Floats:
        held = self.held.get(component)
        if held is None or held[0] != temperature:
            held = (temperature, self.candidates.probabilities(component, temperature))
            self.held[component] = held
        return held[1]

    def _ranks(self, mixed: Floats) -> Ranks:
        own = mixed[np.arange(len(mixed)), self.candidates.answers]
        # Candidates that are padding, and items nobody knows, have no probability at all.
        found = np.count_nonzero(mixed >= own[:, None], axis=1)
        return np.where(own > 0, found, NEVER).astype(np.int64)

    def _value_of(self, mixed: Floats) -> float:
        return measures(self._ranks(mixed), [self.measure])[self.measure]

    def _likeliest(self, component: int) -> float:
        """The temperature at which a component gives the answers most probability.

        A hundredth of belief goes to chance, so that one answer without any decides nothing.
        """
        logs = self.candidates.logs[component]
        own = logs[np.arange(len(logs)), self.candidates.answers]

        def likelihood(temperature: float) -> float:
            norm = self.candidates.norms[component][:, TEMPERATURES.index(temperature)]
            told = tempered(own[:, None], norm, temperature)
            return float(np.log(0.99 * told + 1e-6).mean())

        return max(TEMPERATURES, key=likelihood)


def _only(component: int, num: int) -> tuple[float, ...]:
    return tuple(1.0 if one == component else 0.0 for one in range(num))
