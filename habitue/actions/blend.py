"""Several recommenders as one: a mixture of their probabilities.

Comes in: recommenders that give each person a row of probabilities, and a validation window.
Goes out: one recommender, its weights found by coordinate search on NDCG@10, and the decision
whether items taken before may be offered again. The search starts from the best single
recommender and only ever climbs, so the blend does not fall behind it on validation. Knows
nothing about how the recommenders work.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt
from scipy import sparse

from habitue.actions.targets import Wanted, Window, takers, wanted_blocks
from habitue.baselines.history import entries_at
from habitue.errors import NotReady
from habitue.metrics import hits_of, ndcg_at, top_k
from habitue.sequences.sequences import Sequences

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Part: TypeAlias = Floats | sparse.csr_array
SeenPolicy = Literal["allow", "filter"]

_K = 10
_CANDIDATES = 200  # of each recommender: what lies deeper in all of them cannot reach the top 10
_STEPS = (0.0, 0.03, 0.07, 0.15, 0.3, 0.6, 1.0, 2.0, 4.0)  # a weight beside the sum of the others
_ROUNDS = 4
_FEWEST_PERSONS, _MOST_PERSONS = 800, 4000  # weighed on; weights found on few stray
_WEIGHED_SCORES = 80_000_000  # persons times items of one recommender, unless persons are few
_LEAST_GAIN = 5e-4  # of NDCG, relative: what a component must add to be kept
_TRACE = 1e-6  # of weight: too little to reorder what the others rank, enough to fill a short list
_FIRST_COLUMNS = 64
_SCORES_AT_ONCE = 1 << 18
_FILE = "blend.json"


class Recommender(Protocol):
    """What the behaviour model and every baseline are to this module."""

    @property
    def name(self) -> str:
        """A word for tables and for the source of an offer."""

    def scores(self, sequences: Sequences, *, as_of: int) -> Floats:
        """Return probabilities [N, num_items]; a row of zeros says "I know nothing"."""


@runtime_checkable
class KnowsFew(Protocol):
    """A recommender whose scores are 0 for most items."""

    def sparse_scores(self, sequences: Sequences, *, as_of: int) -> sparse.csr_array:
        """Return the same as `scores`, float32, no zero among the entries."""


@dataclass(frozen=True)
class BlendReport:
    """What the search saw on validation."""

    num_persons: int
    repeat_share: float  # of what was taken in the window, the part taken before it
    ndcg_allow: float  # best blend where items taken before may be offered
    ndcg_filter: float  # best blend where they may not
    single_ndcg: dict[str, float]  # each recommender alone, under the chosen policy
    blend_ndcg: float

    def sentence(self, seen_items: SeenPolicy) -> str:
        """Return why items taken before are offered, or are not."""
        if self.num_persons == 0:
            return "Nobody took anything in the validation window: nothing was chosen on it."
        outcome = "may be offered again" if seen_items == "allow" else "are not offered again"
        return (
            f"{self.repeat_share:.0%} of what people took they had taken before "
            f"(NDCG@10 {self.ndcg_allow:.4f} with such items, {self.ndcg_filter:.4f} without): "
            f"items taken before {outcome}."
        )


@dataclass(frozen=True)
class Blend:
    """A mixture of recommenders; itself one."""

    components: tuple[Recommender, ...]
    weights: tuple[float, ...]  # one a component, sum 1; 0: not used
    seen_items: SeenPolicy
    target_types: tuple[str, ...]
    report: BlendReport
    name: str = "blend"

    def parts(self, sequences: Sequences, *, as_of: int) -> list[Floats]:
        """Return each component's scores, [N, num_items] each; no weight is applied."""
        return [part.scores(sequences, as_of=as_of) for part in self.components]

    def person_weights(self, parts: Sequence[Part]) -> Floats:
        """Return each person's weights, [N, components].

        A component that knows nothing of a person leaves its weight to the others. A component of
        weight 0 keeps a trace of weight, so that it fills the places that all others leave
        empty.
        """
        is_active = np.stack([_is_active(part) for part in parts], axis=1)
        return _person_weights(is_active, np.asarray(self.weights, dtype=np.float32))

    def mixed(self, sequences: Sequences, *, as_of: int) -> "Mixed":
        """Return the mixture and what it is made of; reads nothing at or after `as_of`."""
        parts = [
            part.sparse_scores(sequences, as_of=as_of)
            if isinstance(part, KnowsFew)
            else part.scores(sequences, as_of=as_of)
            for part in self.components
        ]
        weights = self.person_weights(parts)
        return Mixed(mixture(parts, weights), tuple(parts), weights)

    def scores(self, sequences: Sequences, *, as_of: int) -> Floats:
        """Return the mixture, [N, num_items]; reads nothing at or after `as_of`."""
        return self.mixed(sequences, as_of=as_of).scores

    def with_components(self, components: Iterable[Recommender]) -> "Blend":
        """Return the same mixture of newer versions of the components, matched by name.

        Counting recommenders are cheap: weights are chosen on those counted up to the
        validation window, and used on those counted up to the cut.

        Raises:
            NotReady: a component with a weight is missing.
        """
        by_name = {part.name: part for part in components}
        names = [part.name for part in self.components]
        return replace(self, components=_matched(by_name, names))

    def weight_of(self, name: str) -> float:
        """Return a component's weight; 0 where there is none of this name."""
        return dict(zip((part.name for part in self.components), self.weights, strict=True)).get(
            name, 0.0
        )

    def without(self, name: str) -> "Blend":
        """Return the blend without a component of weight 0."""
        kept = [number for number, part in enumerate(self.components) if part.name != name]
        if len(kept) == len(self.components):
            return self
        return replace(
            self,
            components=tuple(self.components[number] for number in kept),
            weights=tuple(self.weights[number] for number in kept),
        )

    def save(self, folder: Path) -> None:
        """Write names, weights and report into `folder`; components save themselves."""
        folder.mkdir(parents=True, exist_ok=True)
        document = {
            "components": [part.name for part in self.components],
            "weights": self.weights,
            "seen_items": self.seen_items,
            "target_types": self.target_types,
            "report": asdict(self.report),
        }
        (folder / _FILE).write_text(json.dumps(document, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, components: Iterable[Recommender]) -> "Blend":
        """Read what `save` wrote, and join it to the components by name.

        Raises:
            NotReady: the blend needs a component that is not among them.
        """
        document = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        by_name = {part.name: part for part in components}
        return cls(
            components=_matched(by_name, document["components"]),
            weights=tuple(document["weights"]),
            seen_items=document["seen_items"],
            target_types=tuple(document["target_types"]),
            report=BlendReport(**document["report"]),
        )


@dataclass(frozen=True)
class Mixed:
    """The scores of a block of persons, and what each component gave."""

    scores: Floats  # [N, num_items]
    parts: tuple[Part, ...]  # one a component, [N, num_items]
    weights: Floats  # [N, components]

    def shares(self, persons: Ints, columns: Ints) -> Floats:
        """Return what each component adds to the score of each pair of person and item, [M, C]."""
        values = [
            entries_at(part, persons, columns)
            if isinstance(part, sparse.csr_array)
            else part[persons, columns]
            for part in self.parts
        ]
        return np.asarray(np.stack(values, axis=1) * self.weights[persons])


def mixture(parts: Sequence[Part], person_weights: Floats) -> Floats:
    """Return the weighted sum of the parts, one row of weights a person, [N, num_items]."""
    mixed = np.zeros(parts[0].shape, dtype=np.float32)
    # A few rows at a time: all parts are then added while the processor's cache holds the sum.
    at_once = max(1, _SCORES_AT_ONCE // max(mixed.shape[1], 1))
    for start in range(0, len(mixed), at_once):
        rows = slice(start, min(start + at_once, len(mixed)))
        here = mixed[rows]
        scaled = np.empty_like(here)
        for weights, part in zip(person_weights[rows].T, parts, strict=True):
            if not weights.any():
                continue
            if isinstance(part, sparse.csr_array):
                _add_entries(here, part, weights, start)
            else:
                here += np.multiply(weights[:, None], part[rows], out=scaled)
    return mixed


def _add_entries(mixed: Floats, part: sparse.csr_array, weights: Floats, start: int) -> None:
    """Add the weighted rows of a part, from row `start` on."""
    ends = part.indptr[start : start + len(mixed) + 1]
    persons = np.repeat(np.arange(len(mixed)), np.diff(ends))
    entries = slice(ends[0], ends[-1])
    mixed[persons, part.indices[entries]] += weights[persons] * part.data[entries]


def _is_active(part: Part) -> Bools:
    """Return which rows hold anything but zeros."""
    if isinstance(part, sparse.csr_array):
        return np.asarray(np.diff(part.indptr) > 0)
    # Mostly the first columns tell.
    is_active = np.asarray(part[:, :_FIRST_COLUMNS].any(axis=1))
    rest = np.flatnonzero(~is_active)
    is_active[rest] = part[rest].any(axis=1)
    return is_active


def _matched(by_name: Mapping[str, Recommender], names: Sequence[str]) -> tuple[Recommender, ...]:
    missing = [name for name in names if name not in by_name]
    if missing:
        raise NotReady(
            f"The blend was made of '{missing[0]}', which is not here; "
            f"here are: {', '.join(by_name) or 'none'}.",
            fix="Run `habitue train` to make the recommenders and their blend anew.",
        )
    return tuple(by_name[name] for name in names)


def persons_weighed_on(num_items: int) -> int:
    """Return how many persons decide the weights, at most: 4,000, fewer on a large catalogue."""
    return min(_MOST_PERSONS, max(_FEWEST_PERSONS, _WEIGHED_SCORES // max(num_items, 1)))


def choose_blend(
    components: Sequence[Recommender],
    batches: Iterable[Sequences],
    window: Window,
    *,
    num_items: int,
    target_types: Sequence[str],
    seen_items: Literal["auto", "allow", "filter"] = "auto",
    max_persons: int | None = None,
) -> Blend:
    """Find the weights that rank best what people took in `window`.

    The components must not have read anything of the window. With nobody in it, all components
    get the same weight. Without `max_persons`, as many are asked as `persons_weighed_on` says.
    """
    types = tuple(target_types)
    most = persons_weighed_on(num_items) if max_persons is None else max_persons
    persons = takers(batches, window, target_types=types, max_persons=most)
    if persons is None:
        report = BlendReport(0, 0.0, 0.0, 0.0, {part.name: 0.0 for part in components}, 0.0)
        alike = tuple(1 / len(components) for _ in components)
        policy: SeenPolicy = "allow" if seen_items == "auto" else seen_items
        return Blend(tuple(components), alike, policy, types, report)
    blocks = wanted_blocks(persons, window, num_items=num_items, target_types=types)
    trial = _Trial.of(components, blocks, as_of=window.start_at)
    found = {policy: _search(trial, policy) for policy in ("allow", "filter")}
    scored = {policy: trial.ndcg(weights, policy) for policy, weights in found.items()}
    if seen_items != "auto":
        policy = seen_items
    else:
        # Where nobody took the same again, offering it wins on validation by chance alone.
        has_repeats = trial.repeat_share > 0
        policy = "allow" if has_repeats and scored["allow"] > scored["filter"] else "filter"
    singles = np.eye(len(components), dtype=np.float32)
    report = BlendReport(
        num_persons=len(persons),
        repeat_share=trial.repeat_share,
        ndcg_allow=scored["allow"],
        ndcg_filter=scored["filter"],
        single_ndcg={
            part.name: trial.ndcg(single, policy, strict=True)
            for part, single in zip(components, singles, strict=True)
        },
        blend_ndcg=scored[policy],
    )
    weights = tuple(float(weight) for weight in found[policy])
    return Blend(tuple(components), weights, policy, types, report)


def _person_weights(is_active: Bools, weights: Floats) -> Floats:
    mine = is_active * np.maximum(weights, np.float32(_TRACE))
    totals = mine.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(mine, totals, out=np.zeros_like(mine), where=totals > 0))


@dataclass(frozen=True)
class _Trial:
    """The candidates of each person with every component's probability: cheap to rank again.

    C columns, as many as the person with most candidates has; the rest are padding.
    """

    parts: tuple[Floats, ...]  # one a component, [P, C]
    is_padding: Bools  # [P, C]
    wanted: Bools  # [P, C]
    seen: Bools  # [P, C]
    num_wanted: npt.NDArray[np.int64]  # [P]
    is_active: Bools  # [P, components]
    repeat_share: float

    @classmethod
    def of(
        cls, components: Sequence[Recommender], blocks: Iterable[Wanted], *, as_of: int
    ) -> "_Trial":
        pieces = [_trial_of_block(components, block, as_of=as_of) for block in blocks]
        width = max(piece.wanted.shape[1] for piece in pieces)

        def joined(arrays: Iterable[npt.NDArray[np.generic]], fill: bool = False) -> Floats:
            padded = [
                np.pad(a, ((0, 0), (0, width - a.shape[1])), constant_values=fill) for a in arrays
            ]
            return np.concatenate(padded)

        num_wanted = np.concatenate([piece.num_wanted for piece in pieces])
        repeats = sum(piece.repeat_share * piece.num_wanted.sum() for piece in pieces)
        return cls(
            parts=tuple(
                joined(piece.parts[number] for piece in pieces) for number in range(len(components))
            ),
            is_padding=joined((piece.is_padding for piece in pieces), fill=True).astype(bool),
            wanted=joined(piece.wanted for piece in pieces).astype(bool),
            seen=joined(piece.seen for piece in pieces).astype(bool),
            num_wanted=num_wanted,
            is_active=np.concatenate([piece.is_active for piece in pieces]),
            repeat_share=float(repeats / max(num_wanted.sum(), 1)),
        )

    def hidden(self, policy: str) -> Bools:
        """Return which candidates may not be offered, [P, C]."""
        return self.is_padding | self.seen if policy == "filter" else self.is_padding

    def ndcg(self, weights: Floats, policy: str, *, strict: bool = False) -> float:
        """NDCG@10 of the mixture; `strict`: where it knows nothing, nobody stands in."""
        mine = _person_weights(self.is_active, weights)
        if strict:
            mine = np.broadcast_to(weights, self.is_active.shape).astype(np.float32)
        mixed = mixture(self.parts, mine)
        top = top_k(mixed, _K, exclude=self.hidden(policy), wanted=self.wanted)
        return float(ndcg_at(hits_of(top, self.wanted), self.num_wanted, _K).mean())


def _trial_of_block(components: Sequence[Recommender], block: Wanted, *, as_of: int) -> _Trial:
    parts = [part.scores(block.past, as_of=as_of) for part in components]
    is_candidate = np.zeros(block.items.shape, dtype=bool)
    rows = np.arange(len(is_candidate))[:, None]
    for part in parts:
        for hidden in (None, block.seen):
            # A padded place (-1) would mark the last column; a needless candidate does no harm.
            is_candidate[rows, top_k(part, _CANDIDATES, exclude=hidden)] = True
    row, column = np.nonzero(is_candidate)
    place = np.arange(len(row)) - np.searchsorted(row, row)
    shape = (len(is_candidate), int(place.max(initial=-1)) + 1)

    def gathered(values: npt.NDArray[np.generic], fill: bool = False) -> Floats:
        out = np.full(shape, fill, dtype=values.dtype)
        out[row, place] = values[row, column]
        return out

    repeats = (block.items & block.seen).sum()
    return _Trial(
        parts=tuple(gathered(part) for part in parts),
        is_padding=gathered(np.zeros_like(is_candidate), fill=True).astype(bool),
        wanted=gathered(block.items).astype(bool),
        seen=gathered(block.seen).astype(bool),
        num_wanted=block.num_items,
        is_active=np.stack([_is_active(part) for part in parts], axis=1),
        repeat_share=float(repeats / max(block.num_items.sum(), 1)),
    )


def _search(trial: _Trial, policy: str) -> Floats:
    """Weights by coordinate search: from the best single component, only ever upwards."""
    singles = _able(trial, policy)
    best = max(singles, key=lambda weights: trial.ndcg(weights, policy))
    best_ndcg = trial.ndcg(best, policy)
    for _ in range(_ROUNDS):
        before = best_ndcg
        for component in singles.argmax(axis=1):
            for weights in _moves(best, int(component)):
                ndcg = trial.ndcg(weights, policy)
                if ndcg > best_ndcg * (1 + _LEAST_GAIN):
                    best, best_ndcg = weights, ndcg
        if best_ndcg == before:
            break
    return _pruned(trial, policy, best, best_ndcg)


def _able(trial: _Trial, policy: str) -> Floats:
    """All the weight on one component, a row for each that puts anything forward.

    One that knows nobody, or nothing but what the policy hides, would stand for the traces of all
    others, and look like the best.
    """
    singles = np.eye(trial.is_active.shape[1], dtype=np.float32)
    hidden = trial.hidden(policy)
    is_able = np.array([bool(((part > 0) & ~hidden).any()) for part in trial.parts])
    return singles[is_able] if is_able.any() else singles


def _moves(weights: Floats, component: int) -> list[Floats]:
    """The same weights with one component's set anew beside the sum of the others."""
    others = float(weights.sum() - weights[component])
    if others <= 0:
        return []
    moves = []
    for step in _STEPS:
        moved = weights.copy()
        moved[component] = step * others
        moves.append(moved / moved.sum())
    return moves


def _pruned(trial: _Trial, policy: str, weights: Floats, ndcg: float) -> Floats:
    """Without components whose absence costs next to nothing, and never below the best single."""
    floor = max(trial.ndcg(single, policy) for single in _able(trial, policy))
    for component in np.argsort(weights, kind="stable"):
        without = weights.copy()
        without[component] = 0
        if weights[component] == 0 or without.sum() == 0:
            continue
        without /= without.sum()
        reached = trial.ndcg(without, policy)
        if reached >= max(ndcg * (1 - _LEAST_GAIN), floor):
            weights = without
    return weights
