"""Groups: persons whose behaviour is alike to the network; learnt, where segments are rules.

They are called groups: "segment" is taken by the rules of `segments`, and "cluster" is the word of
the method and says nothing to who reads the name. In: the mean of a person's states over several
windows (`Network.mean_states`), which moves slowly, where an embedding follows the last events.
Standardised and turned onto its principal components it is parted by k-means; how many groups there
are is chosen by what two halves of the persons agree on. Out: `Groups`, which is saved as JSON and
safetensors. Knows nothing about networks or how groups are shown.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Protocol, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from habitue.compute import Progress, Silent
from habitue.events.log import EventLog
from habitue.files import Json, write_bytes, write_json
from habitue.profiles.facts import seen_before
from habitue.profiles.group_texts import (
    REASONS,
    group_reason,
    group_sentence,
    name_of,
    word_of,
)
from habitue.profiles.group_traits import Trait, TraitSums, named_traits, trait_sums, traits_of
from habitue.profiles.norms import ShopNorms
from habitue.profiles.sufficiency import FEW_EVENTS

WINDOWS: Final = 8  # of the network, that a person's mean state is taken over
MIN_PERSONS: Final = 200
MAX_PERSONS: Final = 20_000
NUMBERS: Final = range(4, 13)  # of groups: fewer tell nothing new, more nobody remembers
COMPONENTS: Final = 16
SPLITS: Final = 5  # into halves
STARTS: Final = 8  # of k-means
MIN_AGREEMENT: Final = 0.5  # adjusted Rand index of two halves' groups
_DIGITS: Final = 6
_NO_SPREAD: Final = 1e-6
_FILE, _ARRAYS = "groups.json", "groups.safetensors"

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]


class MeanStates(Protocol):
    """Returns the mean states of persons of one bucket as they were at a moment."""

    def __call__(self, frame: pl.DataFrame, items: pl.DataFrame, *, as_of: int) -> Floats:
        """Return float32 [N, D], a row a person of `frame` with an event before `as_of`, by id."""


@dataclass(frozen=True)
class Group:
    """One group as it was at the cut."""

    name: str  # English; what rules ask for
    traits: tuple[Trait, ...]  # that name it
    persons: int  # of those learnt from


@dataclass(frozen=True)
class Axes:
    """How a mean state becomes a point: D numbers in, P components out."""

    mean_D: Floats  # noqa: N815
    scale_D: Floats  # noqa: N815
    components_PD: Floats  # noqa: N815

    def project(self, states_ND: Floats) -> Floats:
        """Return [N, P]."""
        return (
            (np.asarray(states_ND, np.float64) - self.mean_D) / self.scale_D @ self.components_PD.T
        )


@dataclass(frozen=True)
class Partition:
    """Where K groups lie."""

    axes: Axes
    centres_KP: Floats  # noqa: N815

    def assign(self, states_ND: Floats) -> Ints:
        """Return each person's nearest group, [N]."""
        return nearest(self.axes.project(states_ND), self.centres_KP)


def nearest(points_NP: Floats, centres_KP: Floats) -> Ints:
    """Return which centre each point is nearest to, [N]."""
    # |point - centre|² less |point|², which is the same for all centres.
    distances_NK = (centres_KP**2).sum(axis=1) - 2 * points_NP @ centres_KP.T
    return np.asarray(np.argmin(distances_NK, axis=1), np.int64)


@dataclass(frozen=True)
class Groups:
    """The groups of a model version; none, with the reason, where there is nothing to part."""

    as_of: int
    groups: tuple[Group, ...]
    partition: Partition | None
    agreement: Mapping[int, float] = field(default_factory=dict)  # number of groups -> of halves
    why_none: str = ""  # of `group_texts.REASONS`
    gaps: Mapping[str, str] = field(default_factory=dict)  # of that sentence
    windows: int = WINDOWS

    @classmethod
    def none(cls, why: str, *, as_of: int = 0, **gaps: str) -> Self:
        """Return that there are no groups, and why."""
        return cls(as_of, (), None, why_none=why, gaps=gaps)

    @property
    def names(self) -> list[str]:
        """The groups' names."""
        return [group.name for group in self.groups]

    def dealt(self, states_ND: Floats, events_N: Floats) -> list[Group | None]:
        """Return each person's group; None for who has too few events to be like somebody."""
        if self.partition is None:
            return [None] * len(events_N)
        chosen = self.partition.assign(states_ND).tolist()
        enough = (events_N >= FEW_EVENTS).tolist()
        return [self.groups[one] if has else None for one, has in zip(chosen, enough, strict=True)]

    def record_of(self, group: Group | None) -> dict[str, Json]:
        """Return what a profile says of a person's group."""
        if group is None:
            few = {"n": str(FEW_EVENTS)}
            why, gaps = (self.why_none, self.gaps) if self.why_none else ("few_events", few)
            return {"reason": group_reason(why, **gaps)}
        everyone = sum(one.persons for one in self.groups)
        return {
            "name": group.name,
            "share": round(group.persons / everyone, 4),
            "sentence": group_sentence(group.traits),
        }

    def sentence(self) -> str:
        """Say in English what was learnt, for a version's notes."""
        if self.partition is None:
            return (
                f"Persons are not grouped by what is alike: {REASONS['en'][self.why_none]}.".format(
                    **self.gaps
                )
            )
        return (
            f"Persons whose behaviour is alike form {len(self.groups)} groups; two halves of them "
            f"agree by an adjusted Rand index of {self.agreement[len(self.groups)]:.2f}."
        )

    def save(self, folder: Path) -> None:
        """Write the groups into `folder`."""
        from safetensors.numpy import save

        folder.mkdir(parents=True, exist_ok=True)
        document: dict[str, Json] = {
            "as_of": self.as_of,
            "groups": [asdict(group) for group in self.groups],
            "agreement": {str(number): value for number, value in self.agreement.items()},
            "why_none": self.why_none,
            "gaps": dict(self.gaps),
            "windows": self.windows,
        }
        write_json(folder / _FILE, document)
        if self.partition is not None:
            named = {**vars(self.partition.axes), "centres_KP": self.partition.centres_KP}
            arrays = {name: np.ascontiguousarray(array) for name, array in named.items()}
            write_bytes(folder / _ARRAYS, save(arrays))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; a version of before has no groups."""
        if not (folder / _FILE).is_file():
            return cls.none("old_version")
        from safetensors.numpy import load_file

        document: dict[str, Any] = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        document["groups"] = tuple(
            Group(one["name"], tuple(Trait(**trait) for trait in one["traits"]), one["persons"])
            for one in document["groups"]
        )
        document["agreement"] = {int(key): one for key, one in document["agreement"].items()}
        if not document["groups"]:
            return cls(partition=None, **document)
        arrays = load_file(folder / _ARRAYS)
        centres_KP = arrays.pop("centres_KP")
        return cls(partition=Partition(Axes(**arrays), centres_KP), **document)


def fit_groups(
    log: EventLog,
    *,
    as_of: int,
    norms: ShopNorms,
    mean_states: MeanStates,
    seed: int = 0,
    progress: Progress | None = None,
) -> Groups:
    """Part the persons as they were known at `as_of`; of very many, a sample of them."""
    progress = progress or Silent()
    items = log.items(as_of=as_of)
    progress.start("Groups", 2 * log.num_buckets, "buckets")
    states, persons = [], []
    share = 1.0
    for bucket in range(log.num_buckets):
        frame = _known(log, bucket, as_of)
        if bucket == 0:
            share = min(1.0, MAX_PERSONS / max(frame["subject_id"].n_unique() * log.num_buckets, 1))
        frame = frame.filter(_is_drawn(share))
        persons.append(frame["subject_id"].unique().sort().to_numpy())
        states.append(mean_states(frame, items, as_of=as_of))
        progress.advance()
    found = part(np.concatenate(states), as_of=as_of, seed=seed)
    if found.partition is None:
        progress.finish()
        return found
    sums, sizes = [], np.zeros(len(found.partition.centres_KP), np.int64)
    for bucket in range(log.num_buckets):
        chosen = found.partition.assign(states[bucket])
        sizes += np.bincount(chosen, minlength=len(sizes))
        dealt = pl.DataFrame({"subject_id": persons[bucket], "group": chosen})
        frame = _known(log, bucket, as_of)
        sums.append(trait_sums(frame, items, dealt, as_of=as_of, norms=norms))
        progress.advance()
    progress.finish()
    return _named(found, sums, sizes)


def _known(log: EventLog, bucket: int, as_of: int) -> pl.DataFrame:
    """Return the events of who is no machine and has enough of them to be like somebody."""
    frame = seen_before(log.read_bucket(bucket, as_of=as_of), as_of)
    has_enough = pl.len().over("subject_id") >= FEW_EVENTS
    return frame.filter(~pl.col("is_bot").fill_null(False).any().over("subject_id"), has_enough)


def _is_drawn(share: float) -> pl.Expr:
    # Knuth's multiplicative hash: neighbours in order of first visit must not be drawn together.
    mixed = (pl.col("subject_id") % 2**31) * 2_654_435_761 % 2**32
    return mixed < round(share * 2**32)


def part(states_ND: Floats, *, as_of: int, seed: int) -> Groups:
    """Part persons by their mean states into as many groups as halves of them agree on.

    The largest number is taken whose agreement is not clearly below the best one's.
    """
    if len(states_ND) < MIN_PERSONS:
        return Groups.none(
            "few_persons", as_of=as_of, n=str(len(states_ND)), needed=str(MIN_PERSONS)
        )
    states_ND = np.asarray(states_ND, np.float64)
    axes = _axes(states_ND)
    points_NP = axes.project(states_ND)
    agreed = {number: _agreements(points_NP, number, seed) for number in NUMBERS}
    means = {number: round(float(np.mean(each)), 4) for number, each in agreed.items()}
    best = max(means, key=lambda number: means[number])
    if means[best] < MIN_AGREEMENT:
        worst = {"agreement": f"{means[best]:.2f}", "needed": f"{MIN_AGREEMENT:.2f}"}
        return Groups.none("no_agreement", as_of=as_of, **worst)
    error = float(np.std(agreed[best], ddof=1) / np.sqrt(SPLITS))
    least = max(MIN_AGREEMENT, means[best] - error)
    number = max(number for number, mean in means.items() if mean >= least)
    centres_KP = _k_means(points_NP, number, seed)
    sizes_K = np.bincount(nearest(points_NP, centres_KP), minlength=number)
    largest_first = np.argsort(-sizes_K, kind="stable")
    return Groups(as_of, (), Partition(axes, centres_KP[largest_first]), means)


def _axes(states_ND: Floats) -> Axes:
    """Return the principal components of standardised states, not whitened: the last ones are noise
    that whitening would make as large as the first.
    """
    mean_D, spread_D = states_ND.mean(axis=0), states_ND.std(axis=0)
    # What is the same for everyone tells nobody from another, and must not be blown up.
    scale_D = np.where(spread_D > _NO_SPREAD, spread_D, 1.0)
    standard_ND = (states_ND - mean_D) / scale_D
    _, vectors_DD = np.linalg.eigh(standard_ND.T @ standard_ND / len(states_ND))
    return Axes(mean_D, scale_D, vectors_DD[:, ::-1][:, :COMPONENTS].T)


def _agreements(points_NP: Floats, number: int, seed: int) -> list[float]:
    """Return how alike two halves of the persons part everyone, for several ways to halve them."""
    from sklearn.metrics import adjusted_rand_score

    found = []
    for split in range(SPLITS):
        order = np.random.default_rng([seed, split]).permutation(len(points_NP))
        halves = order[: len(order) // 2], order[len(order) // 2 :]
        said = [nearest(points_NP, _k_means(points_NP[half], number, seed)) for half in halves]
        found.append(float(adjusted_rand_score(*said)))
    return found


def _k_means(points_NP: Floats, number: int, seed: int) -> Floats:
    """Return the centres, [K, P]; rounded, for threads add up in any order."""
    from sklearn.cluster import KMeans

    fitted = KMeans(number, n_init=STARTS, random_state=seed).fit(points_NP)
    return np.round(np.asarray(fitted.cluster_centers_, np.float64), _DIGITS)


def _named(found: Groups, sums: Sequence[TraitSums], sizes: Ints) -> Groups:
    """Give each group a name of its own, made of what sets it apart."""
    chosen = named_traits(traits_of(sums, num_groups=len(sizes)), word_of)
    groups: list[Group] = []
    for traits, persons in zip(chosen, sizes.tolist(), strict=True):
        name = name_of(traits)
        taken = {one.name for one in groups}
        number = 2
        while name in taken:
            name, number = f"{name_of(traits)} {number}", number + 1
        groups.append(Group(name, traits, persons))
    return replace(found, groups=tuple(groups))
