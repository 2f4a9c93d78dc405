"""Any recommender on a global time split, beside the baselines, on the same persons.

Comes in: a blend, and sequences that reach beyond the cut. Goes out: one record with metrics,
baselines, the interval of the difference, and the protocol in words. Everything is cut at the
same moment for everyone; what lies after it is only ever compared with. Knows nothing about
training.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from habitue.actions.blend import Blend, SeenPolicy, mixture
from habitue.actions.targets import Wanted, Window, takers, wanted_blocks
from habitue.errors import NotEnoughData
from habitue.metrics import (
    Interval,
    bootstrap_interval,
    coverage_at,
    hit_rate_at,
    hits_of,
    limits_of,
    mrr_at,
    ndcg_at,
    recall_at,
    top_k,
)
from habitue.schema import format_time
from habitue.sequences.sequences import Sequences
from habitue.slices import Groups, Slice

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Metrics = dict[str, float]

DEPTHS = (10, 20)
HEADLINE = "ndcg@10"
OWN_PARTS = ("network", "again")


@dataclass(frozen=True)
class Ranking:
    """The blend and every baseline on the same persons."""

    metrics: Metrics
    baselines: dict[str, Metrics]
    best_baseline: str  # by NDCG@10
    difference: Interval  # blend minus best baseline, NDCG@10, over persons
    n: int
    persons: Ints = field(compare=False)  # [n] subject ids
    ndcg: Mapping[str, Floats] = field(compare=False)  # each recommender's NDCG@10, [n]

    def as_json(self) -> dict[str, object]:
        """Return the part of the evaluation document."""
        return {
            "metrics": self.metrics,
            "baselines": self.baselines,
            "best_baseline": self.best_baseline,
            "difference": {
                "metric": HEADLINE,
                "mean": self.difference.mean,
                "interval": limits_of(self.difference, self.n),
            },
            "n": self.n,
        }


@dataclass(frozen=True)
class RecommendationEvaluation:
    """How good the recommendations are on a future they never saw."""

    overall: Ranking
    discovery: Ranking | None  # new items only; None where nobody took a new one
    num_cold: int  # persons who took something but have no event before the cut: not ranked
    unknown_share: float  # of what was taken, items the model does not know: counted as missed
    seen_items: SeenPolicy
    weights: dict[str, float]
    target_types: tuple[str, ...]
    protocol: str
    slices: tuple[Slice, ...] = field(default=(), compare=False)  # of NDCG@10, all wanted items

    def as_json(self) -> dict[str, object]:
        """Return the value of `recommendation` in the evaluation document."""
        return {
            **self.overall.as_json(),
            "discovery": None if self.discovery is None else self.discovery.as_json(),
            "cold": self.num_cold,
            "unknown_item_share": self.unknown_share,
            "seen_items": self.seen_items,
            "weights": self.weights,
            "target_types": list(self.target_types),
            "protocol": self.protocol,
            "slices": [one.as_json(HEADLINE) for one in self.slices],
        }


def evaluate_recommendation(
    blend: Blend,
    batches: Iterable[Sequences],
    window: Window,
    *,
    offered: Bools,
    seed: int = 0,
    max_persons: int | None = None,
) -> RecommendationEvaluation:
    """Rank what people took in `window` by the blend and by each of its components alone.

    The components must not have read anything at or after `window.start_at`. `offered` says
    which items may be offered at all, bool [num_items]; the others are hidden from every
    recommender, but still count as wanted.

    Raises:
        NotEnoughData: nobody with a history took anything in the window.
    """
    types = blend.target_types
    takers_all = takers(batches, window, target_types=types, max_persons=max_persons)
    persons, num_cold = _with_history(takers_all, window.start_at)
    if persons is None:
        raise NotEnoughData(
            f"Nobody with events before {format_time(window.start_at)} took anything until "
            f"{format_time(window.end_at)}, so there is nothing to judge recommendations by.",
            fix="Choose an earlier --as-of or a longer holdout_days.",
        )
    tally = _Tally(blend)
    groups = Groups(window.start_at)
    for block in wanted_blocks(persons, window, num_items=len(offered), target_types=types):
        tally.add(block, as_of=window.start_at, offered=offered)
        groups.add(block.past)
    overall = tally.overall.ranking(blend.name, len(offered), seed)
    if overall is None:
        raise AssertionError("takers() returns only persons who took something")
    return RecommendationEvaluation(
        overall=overall,
        discovery=tally.discovery.ranking(blend.name, len(offered), seed),
        num_cold=num_cold,
        unknown_share=tally.unknown_share,
        seen_items=blend.seen_items,
        weights={
            part.name: weight for part, weight in zip(blend.components, blend.weights, strict=True)
        },
        target_types=types,
        protocol=_protocol(blend, window, len(offered)),
        slices=groups.slices(overall.ndcg[blend.name], seed=seed),
    )


def _with_history(persons: Sequences | None, as_of: int) -> tuple[Sequences | None, int]:
    """Those with an event before the cut, and how many have none."""
    if persons is None:
        return None, 0
    has_history = np.diff(persons.before(as_of).offsets) > 0
    num_cold = int((~has_history).sum())
    if not has_history.any():
        return None, num_cold
    return persons.take(np.flatnonzero(has_history)), num_cold


class _Tally:
    """Adds up the blocks: all wanted items, and the new ones among them."""

    def __init__(self, blend: Blend) -> None:
        self._blend = blend
        self.overall = _Lists()
        self.discovery = _Lists()
        self._num_wanted = 0
        self._num_known = 0

    @property
    def unknown_share(self) -> float:
        return 1 - self._num_known / max(self._num_wanted, 1)

    def add(self, block: Wanted, *, as_of: int, offered: Bools) -> None:
        self._num_wanted += int(block.num_items.sum())
        self._num_known += int(block.items.sum())
        parts = self._blend.parts(block.past, as_of=as_of)
        blended = mixture(parts, self._blend.person_weights(parts))
        names = [part.name for part in self._blend.components]
        new_items, num_new = block.items_new, block.num_items_new
        took_new = num_new > 0
        hidden = np.broadcast_to(~offered, block.seen.shape)
        hidden_or_seen = block.seen | hidden
        policy_hides = hidden_or_seen if self._blend.seen_items == "filter" else hidden
        for name, scores in [(self._blend.name, blended), *zip(names, parts, strict=True)]:
            depth = max(DEPTHS)
            # A score of 0 says "I know nothing": such items are no offer, and earn nothing.
            top = top_k(scores, depth, exclude=policy_hides | (scores <= 0), wanted=block.items)
            self.overall.add(name, top, hits_of(top, block.items), block.num_items)
            fresh = top_k(scores, depth, exclude=hidden_or_seen | (scores <= 0), wanted=new_items)
            fresh, hits = fresh[took_new], hits_of(fresh, new_items)[took_new]
            self.discovery.add(name, fresh, hits, num_new[took_new])
        self.overall.persons.append(block.past.subject_ids)
        self.discovery.persons.append(block.past.subject_ids[took_new])


class _Lists:
    """The lists of every recommender, one row a person, and which of their places are hits."""

    def __init__(self) -> None:
        self.persons: list[Ints] = []
        self._tops: dict[str, list[Ints]] = {}
        self._hits: dict[str, list[Bools]] = {}
        self._num_wanted: dict[str, list[Ints]] = {}

    def add(
        self,
        name: str,
        top: Ints,
        hits: Bools,
        num_wanted: Ints,
    ) -> None:
        self._tops.setdefault(name, []).append(top)
        self._hits.setdefault(name, []).append(hits)
        self._num_wanted.setdefault(name, []).append(num_wanted)

    def ranking(self, ours: str, num_items: int, seed: int) -> Ranking | None:
        per_person = {name: self._per_person(name) for name in self._hits}
        n = len(per_person[ours][HEADLINE])
        if n == 0:
            return None
        metrics = {name: self._metrics(name, per_person[name], num_items) for name in per_person}
        baselines = {name: values for name, values in metrics.items() if name != ours}
        # What is learnt is a part of ours, shown for what it adds; the rival is a simple method.
        rivals = [name for name in baselines if name not in OWN_PARTS] or list(baselines)
        best = max(rivals, key=lambda name: baselines[name][HEADLINE])
        difference = per_person[ours][HEADLINE] - per_person[best][HEADLINE]
        return Ranking(
            metrics=metrics[ours],
            baselines=baselines,
            best_baseline=best,
            difference=bootstrap_interval(difference, seed=seed),
            n=n,
            persons=np.concatenate(self.persons),
            ndcg={name: values[HEADLINE] for name, values in per_person.items()},
        )

    def _per_person(self, name: str) -> Mapping[str, Floats]:
        hits = np.concatenate(self._hits[name])
        num_wanted = np.concatenate(self._num_wanted[name])
        values: dict[str, Floats] = {}
        for k in DEPTHS:
            values[f"recall@{k}"] = np.asarray(recall_at(hits, num_wanted, k))
            values[f"ndcg@{k}"] = np.asarray(ndcg_at(hits, num_wanted, k))
            values[f"mrr@{k}"] = np.asarray(mrr_at(hits, k))
            values[f"hit_rate@{k}"] = np.asarray(hit_rate_at(hits, k))
        return values

    def _metrics(self, name: str, values: Mapping[str, Floats], num_items: int) -> Metrics:
        top = np.concatenate(self._tops[name])
        metrics = {metric: float(column.mean()) for metric, column in values.items()}
        return metrics | {f"coverage@{k}": coverage_at(top, num_items, k) for k in DEPTHS}


def _protocol(blend: Blend, window: Window, num_items: int) -> str:
    hidden = "hidden" if blend.seen_items == "filter" else "allowed"
    return (
        f"Global time split: everything is learned from events before "
        f"{format_time(window.start_at)}; wanted are the distinct items of "
        f"{_listed(blend.target_types)} events from then until {format_time(window.end_at)}. "
        f"Everyone with such an event and with any event before is ranked, who was known as a bot "
        f"by then left out, over all {num_items:,} items, items taken before {hidden}; no sampled "
        f"negatives. recall is hits / wanted; wanted items unknown to the model count as missed; "
        f"ties count against the recommender. Every baseline is ranked on the same persons under "
        f"the same rules."
    )


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
