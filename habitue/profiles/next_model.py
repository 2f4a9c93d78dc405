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
from habitue.profiles.labels import next_classes, next_labels
from habitue.profiles.next_predictions import next_rates
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
_CODE: Final = {"class": pl.String(), "code": pl.Int64()}


@dataclass(frozen=True)
class NextModel:
    """One task of kind "next", fitted."""

    task: Task
    classes: tuple[str, ...]
    rates: Mapping[str, float]  # class -> the part it makes of a person's events, on average
    shares: Mapping[str, float]  # part -> its share of the answer, sum to 1
    persons: int  # whom the shares were chosen on

    def sentence(self) -> str:
        """Say what the answer is made of."""
        ordered = sorted(self.shares.items(), key=lambda pair: (-pair[1], pair[0]))
        mixed = ", ".join(f"{_WORDS[name]} {share:.0%}" for name, share in ordered)
        return f"a mixture of {mixed}, chosen on {self.persons:,} persons"

    def predict(
        self,
        frame: pl.DataFrame,
        items: pl.DataFrame,
        *,
        subject_ids: Ints,
        network_NK: Floats,
        as_of: int,
    ) -> Floats:
        """Return [N, K]; a person of whom nothing is known gets what is common."""
        parts = self.parts(
            frame, items, subject_ids=subject_ids, network_NK=network_NK, as_of=as_of
        )
        mixed = np.zeros(network_NK.shape)
        for name, share in self.shares.items():
            mixed += share * parts[name]
        mixed /= np.maximum(mixed.sum(axis=1, keepdims=True), _FLOOR)
        return np.asarray(mixed, dtype=np.float32)

    def parts(
        self,
        frame: pl.DataFrame,
        items: pl.DataFrame,
        *,
        subject_ids: Ints,
        network_NK: Floats,
        as_of: int,
    ) -> dict[str, Floats]:
        """Return what each part of the mixture expects, name -> [N, K]."""
        past = next_classes(frame, items, self.task, as_of=as_of)
        parts = expectations(
            past, subject_ids, self.classes, common_shares(self.classes, self.rates)
        )
        knows = network_NK.any(axis=1, keepdims=True)
        parts[NETWORK] = np.where(knows, network_NK, parts["popularity"])
        return parts


def fit_next(
    log: EventLog, task: Task, classes: tuple[str, ...], *, ask: Ask, valid_from: int, as_of: int
) -> NextModel:
    """Choose the shares on what came first in [valid_from, as_of), then count up to `as_of`.

    `ask` gives the network's probabilities; a network fitted before `valid_from` is meant.
    """
    common = common_shares(classes, next_rates(log, [task], as_of=valid_from)[task.name])
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
        truth = truth.filter(pl.col("label").is_in(classes))
        subject_ids = truth["subject_id"].to_numpy()
        past = next_classes(known, items, task, as_of=valid_from)
        parts = {
            NETWORK: ask(known, items, subject_ids, valid_from),
            **expectations(past, subject_ids, classes, common),
        }
        names = tuple(parts)
        labels = class_codes(truth["label"], classes)
        rows = np.arange(len(labels))
        found.append(np.stack([part[rows, labels] for part in parts.values()], axis=1))
    own = np.concatenate(found)
    shares = mixture_shares(own)
    return NextModel(
        task=task,
        classes=classes,
        rates=next_rates(log, [task], as_of=as_of)[task.name],
        shares=dict(zip(names, shares.tolist(), strict=True)),
        persons=len(own),
    )


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
    """Return each name's position in `classes`, UNKNOWN_CLASS for one not among them."""
    code = pl.DataFrame({"class": classes, "code": np.arange(len(classes))}, schema=_CODE)
    coded = (
        names.cast(pl.String)
        .to_frame("class")
        .join(code, on="class", how="left", maintain_order="left")
    )
    return np.asarray(coded["code"].fill_null(UNKNOWN_CLASS).to_numpy(), dtype=np.int64)
