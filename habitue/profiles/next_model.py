"""What comes next: the network's answer mixed with what simple counts expect.

In: a bucket's events and the network's probabilities for its persons. Out: probabilities of the
same classes. How much each part counts is chosen by maximum likelihood on a validation window that
no part has seen, so a part that knows nothing there is hardly listened to. Knows nothing about
networks.

Shapes: N persons, K classes, P parts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from habitue.events.log import EventLog
from habitue.profiles.labels import OTHER_CLASS, next_classes, next_labels
from habitue.profiles.next_predictions import DIGITS, next_rates
from habitue.profiles.when import WhenModel
from habitue.schema import Task

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]

# A bucket's events, the catalogue, whose rows are wanted, as of when -> [N, K].
Ask = Callable[[pl.DataFrame, pl.DataFrame, Ints, int], Floats]

NETWORK: Final = "network"
UNKNOWN_CLASS: Final = -1
_OWN_WEIGHT: Final = 5.0  # events after which one's own habits weigh as much as everyone's
_LAST_SHARE: Final = 0.9
_RECENT_WEIGHT: Final = 0.5
_RECENT_EVENTS: Final = 3.0  # half-life, counted in the person's own events
_ROUNDS: Final = 200
_PRIOR: Final = 1.0  # a validation person's worth of belief in each part
_FLOOR: Final = 1e-9
_UNSEEN: Final = 1e-4  # of all, for the classes nobody has met
_WORDS: Final = {
    NETWORK: "the network",
    "popularity": "what is common",
    "personal": "the person's own frequencies",
    "recent": "what they did lately",
    "last": "the same again",
}
# Targets of which the network must rank every item to tell anything, and what is done about it:
# it is asked about so many persons only, and left out where its share is smaller than this.
_DEAR_TARGETS: Final = ("brand",)
_DEAR_PERSONS: Final = 20_000
_LEAST_DEAR_SHARE: Final = 0.03
MAX_CELLS: Final = 4_000_000  # persons times classes, in memory at a time
_CODE: Final = {"class": pl.String(), "code": pl.Int64()}


@dataclass(frozen=True)
class NextModel:
    """One task of kind "next", fitted."""

    task: Task
    classes: tuple[str, ...]
    rates: Mapping[str, float]  # class -> the part it makes of a person's events, on average
    shares: Mapping[str, float]  # part -> its share of the answer, sum to 1
    persons: int  # whom the shares were chosen on
    when: WhenModel | None = None  # of the next event's type, where the log was long enough

    def sentence(self) -> str:
        """Say what the answer is made of."""
        ordered = sorted(self.shares.items(), key=lambda pair: (-pair[1], pair[0]))
        mixed = ", ".join(f"{_WORDS[name]} {share:.0%}" for name, share in ordered)
        return f"a mixture of {mixed}, chosen on {self.persons:,} persons"

    @property
    def asks_network(self) -> bool:
        """Whether the network has a share in the answer."""
        return NETWORK in self.shares

    def predict(
        self,
        frame: pl.DataFrame,
        items: pl.DataFrame,
        *,
        subject_ids: Ints,
        network_NK: Floats | None,
        as_of: int,
    ) -> Floats:
        """Return [N, K]; a person of whom nothing is known gets what is common.

        `network_NK` may be None where the network has no share.
        """
        past = next_classes(frame, items, self.task, as_of=as_of)
        found = np.zeros((len(subject_ids), len(self.classes)), dtype=np.float32)
        for rows in chunks(len(subject_ids), len(self.classes)):
            part_NK = None if network_NK is None else network_NK[rows]
            parts = self._parts(past, subject_ids[rows], part_NK)
            mixed = np.zeros(found[rows].shape)
            for name, share in self.shares.items():
                mixed += share * parts[name]
            mixed /= np.maximum(mixed.sum(axis=1, keepdims=True), _FLOOR)
            found[rows] = mixed
        return found

    def parts(
        self,
        frame: pl.DataFrame,
        items: pl.DataFrame,
        *,
        subject_ids: Ints,
        network_NK: Floats | None,
        as_of: int,
    ) -> dict[str, Floats]:
        """Return what each part of the mixture expects, name -> [N, K]."""
        past = next_classes(frame, items, self.task, as_of=as_of)
        return self._parts(past, subject_ids, network_NK)

    def _parts(
        self, past: pl.DataFrame, subject_ids: Ints, network_NK: Floats | None
    ) -> dict[str, Floats]:
        parts = expectations(
            past, subject_ids, self.classes, common_shares(self.classes, self.rates)
        )
        if network_NK is not None:
            knows = network_NK.any(axis=1, keepdims=True)
            parts[NETWORK] = np.where(knows, network_NK, parts["popularity"])
        return parts


def fit_next(
    log: EventLog, task: Task, classes: tuple[str, ...], *, ask: Ask, valid_from: int, as_of: int
) -> NextModel:
    """Choose the shares on what came first in [valid_from, as_of), then count up to `as_of`.

    `ask` gives the network's probabilities; a network fitted before `valid_from` is meant. Where
    they are dear (of brands) it is asked about some persons only, and a network with hardly any
    share is left out.
    """
    common = common_shares(classes, _rates(log, task, classes, as_of=valid_from))
    items, later_items = log.items(as_of=valid_from), log.items(as_of=as_of)
    names: tuple[str, ...] = ()
    found = []
    for bucket in range(log.num_buckets):
        known = log.read_bucket(bucket, as_of=valid_from)
        truth = next_labels(
            known,
            log.read_bucket(bucket, as_of=as_of),
            later_items,
            task,
            as_of=valid_from,
            until=as_of,
        )
        truth = truth.filter(class_codes(truth["label"], classes) != UNKNOWN_CLASS)
        if _is_dear(task):
            truth = truth.gather_every(-(-truth.height * log.num_buckets // _DEAR_PERSONS) or 1)
        subject_ids = truth["subject_id"].to_numpy()
        past = next_classes(known, items, task, as_of=valid_from)
        labels = class_codes(truth["label"], classes)
        for chunk in chunks(len(labels), len(classes)):
            parts = {
                NETWORK: ask(known, items, subject_ids[chunk], valid_from),
                **expectations(past, subject_ids[chunk], classes, common),
            }
            names = tuple(parts)
            rows = np.arange(len(labels[chunk]))
            own = [part[rows, labels[chunk]] for part in parts.values()]
            found.append(np.stack(own, axis=1))
    likely = np.concatenate(found)
    return NextModel(
        task=task,
        classes=classes,
        rates=_rates(log, task, classes, as_of=as_of),
        shares=_shares(likely, names, least=_LEAST_DEAR_SHARE if _is_dear(task) else 0.0),
        persons=len(likely),
    )


def chunks(num_persons: int, num_classes: int) -> list[slice]:
    """Return slices of the persons that keep the table of all classes small; one of nobody."""
    step = max(MAX_CELLS // max(num_classes, 1), 1)
    return [slice(start, start + step) for start in range(0, max(num_persons, 1), step)]


def _is_dear(task: Task) -> bool:
    return task.target in _DEAR_TARGETS


def _shares(likely_NP: Floats, names: tuple[str, ...], *, least: float) -> dict[str, float]:
    """Return each part's share; without the network where it has less than `least`."""
    shares = dict(zip(names, mixture_shares(likely_NP).tolist(), strict=True))
    if shares[NETWORK] >= least:
        return shares
    kept = [place for place, name in enumerate(names) if name != NETWORK]
    left = mixture_shares(likely_NP[:, kept]).tolist()
    return {names[place]: share for place, share in zip(kept, left, strict=True)}


def _rates(log: EventLog, task: Task, classes: tuple[str, ...], *, as_of: int) -> dict[str, float]:
    """Return the base rates; those of names without a class of their own go to the other class."""
    rates = next_rates(log, [task], as_of=as_of)[task.name]
    if OTHER_CLASS not in classes:
        return rates
    named = {name: rate for name, rate in rates.items() if name in set(classes)}
    return {**named, OTHER_CLASS: round(sum(rates.values()) - sum(named.values()), DIGITS)}


def mixture_shares(own_NP: Floats) -> Floats:
    """Return the shares [P] under which what came was likeliest, by expectation-maximisation.

    A share never falls to nothing: each part is credited with one person in advance.
    """
    count = own_NP.shape[1]
    shares = np.full(count, 1 / count)
    likely = np.maximum(own_NP, _FLOOR)
    for _ in range(_ROUNDS):
        credit = likely * shares
        credit /= credit.sum(axis=1, keepdims=True)
        shares = credit.sum(axis=0) + _PRIOR
        shares /= shares.sum()
    return shares


def common_shares(classes: tuple[str, ...], rates: Mapping[str, float]) -> Floats:
    """Return how common each class is, [K], summing to 1; none is held impossible."""
    found = np.array([rates.get(name, 0.0) for name in classes])
    found += _UNSEEN / max(len(classes), 1)
    return np.asarray(found / found.sum())


def expectations(
    past: pl.DataFrame, subject_ids: Ints, classes: tuple[str, ...], common_K: Floats
) -> dict[str, Floats]:
    """Return what simple counts expect of each person, name -> [N, K], rows summing to 1.

    `past` is what `next_classes` returns; persons without a past get what is common.
    """
    num = len(subject_ids)
    row_of = pl.DataFrame({"subject_id": subject_ids, "row": np.arange(num)})
    own = (
        past.with_columns(code=pl.Series(class_codes(past["class"], classes)))
        .filter(pl.col("code") >= 0)
        .join(row_of, on="subject_id", how="inner", maintain_order="left")
        .with_columns(age=(pl.len() - pl.int_range(pl.len()) - 1).over("row"))
    )
    rows, codes = own["row"].to_numpy(), own["code"].to_numpy()
    everyone = np.tile(common_K, (num, 1))
    counts = _OWN_WEIGHT * everyone
    np.add.at(counts, (rows, codes), 1.0)
    recent = _RECENT_WEIGHT * everyone
    np.add.at(recent, (rows, codes), 0.5 ** (own["age"].to_numpy() / _RECENT_EVENTS))
    last = np.full(num, UNKNOWN_CLASS)
    last[rows] = codes  # in order of time: the last one stays
    lasting = everyone * (1 - _LAST_SHARE)
    lasting[last >= 0, last[last >= 0]] += _LAST_SHARE
    lasting[last < 0] = common_K
    return {
        "popularity": everyone,
        "personal": counts / counts.sum(axis=1, keepdims=True),
        "recent": recent / recent.sum(axis=1, keepdims=True),
        "last": lasting,
    }


def class_codes(names: pl.Series, classes: tuple[str, ...]) -> Ints:
    """Return each name's position in `classes`; of one not among them that of the other class.

    Without such a class UNKNOWN_CLASS.
    """
    other = classes.index(OTHER_CLASS) if OTHER_CLASS in classes else UNKNOWN_CLASS
    code = pl.DataFrame({"class": classes, "code": np.arange(len(classes))}, schema=_CODE)
    coded = (
        names.cast(pl.String)
        .to_frame("class")
        .join(code, on="class", how="left", maintain_order="left")
    )
    return np.asarray(coded["code"].fill_null(other).to_numpy(), dtype=np.int64)
