"""Groups of persons whose behaviour is alike: do they last, and do they tell persons apart?

    HABITUE_BENCHMARK_DATA=... python benchmarks/groups.py --work FOLDER

Trains a network as of a cut (kept in the folder), parts the persons, and parts the same persons
again in the weeks after; then trains another network of another seed a month later and compares its
groups with those of the first at that moment. Beside them stand the rule segments, k-means on the
plain features with as many groups, and the groups dealt out at random. Agreement is the adjusted
Rand index: 1 the same, 0 chance.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
from learnt import Learnt, learnt
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from task_figures import DIGITS, Document

from habitue.answering import mean_stater
from habitue.config import ProfileSettings
from habitue.profiles.facts import build_facts
from habitue.profiles.features import build_features, item_codes
from habitue.profiles.groups import Groups, fit_groups
from habitue.profiles.norms import ShopNorms, fit_norms
from habitue.profiles.samples import feature_matrix
from habitue.profiles.segments import add_segments
from habitue.profiles.sufficiency import FEW_EVENTS
from habitue.schema import DAY

RESULTS: Final = Path(__file__).parent / "results" / "groups.json"
# Shop -> the cut, and the cut of the network that is trained later.
PLAN: Final = {
    "complete_journey": ("2017-10-01", "2017-11-01"),
    "online_retail_ii": ("2011-03-01", "2011-04-01"),
    "simulator": ("2024-10-01", "2024-11-01"),
}
WEEKS: Final = (1, 2, 4, 8)
DAYS_AFTER: Final = 30
TOP_CATEGORIES: Final = 10

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
Labels = npt.NDArray[Any]


@dataclass(frozen=True)
class Moment:
    """Persons as they were known at one moment: N rows each."""

    ids: Ints
    states: Floats  # [N, D] as groups are made from
    features: Floats  # [N, F]
    segments: npt.NDArray[np.str_]  # [N]


@dataclass(frozen=True)
class FeatureGroups:
    """K-means on plain features, as anybody would do it first."""

    middle: Floats
    spread: Floats
    centres: KMeans

    @classmethod
    def fit(cls, features_NF: Floats, number: int, *, seed: int) -> "FeatureGroups":
        """Fit to the persons of one moment."""
        tamed = _tamed(features_NF)
        middle, spread = tamed.mean(axis=0), tamed.std(axis=0) + 1e-9
        centres = KMeans(number, n_init=8, random_state=seed).fit((tamed - middle) / spread)
        return cls(middle, spread, centres)

    def assign(self, features_NF: Floats) -> Ints:
        """Return each person's group, [N]."""
        scaled = (_tamed(features_NF) - self.middle) / self.spread
        return np.asarray(self.centres.predict(scaled), np.int64)


def _tamed(features_NF: Floats) -> Floats:
    known = np.nan_to_num(np.asarray(features_NF, np.float64))
    return np.asarray(np.sign(known) * np.log1p(np.abs(known)))


def frames(one: Learnt, at: int) -> Iterator[pl.DataFrame]:
    """Yield the events of who is no machine and has enough of them, bucket by bucket."""
    for bucket in range(one.log.num_buckets):
        frame = one.log.read_bucket(bucket, as_of=at)
        enough = pl.len().over("subject_id") >= FEW_EVENTS
        is_bot = pl.col("is_bot").fill_null(value=False).any().over("subject_id")
        yield frame.filter(enough, ~is_bot)


def moment(one: Learnt, norms: ShopNorms, at: int) -> Moment:
    """Return everybody as they were known then."""
    items = one.log.items(as_of=at)
    codes, states_of = item_codes(items), mean_stater(one.network, one.vocabulary)
    ids, states, features, segments = [], [], [], []
    for frame in frames(one, at):
        found = build_features(frame, codes, as_of=at)
        facts = build_facts(frame, items, as_of=at, traits=norms.traits)
        dealt = add_segments(facts, edges=norms.edges).sort("subject_id")
        ids.append(found["subject_id"].to_numpy())
        assert dealt["subject_id"].equals(found["subject_id"])
        features.append(feature_matrix(found))
        segments.append(dealt["segment"].to_numpy().astype(np.str_))
        states.append(states_of(frame, items, as_of=at))
    return Moment(*(np.concatenate(each) for each in (ids, states, features, segments)))


def agreement(ids: Ints, labels: Labels, later_ids: Ints, later: Labels) -> float:
    """Return the adjusted Rand index over the persons of both moments."""
    _, first, second = np.intersect1d(ids, later_ids, return_indices=True)
    return float(adjusted_rand_score(labels[first], later[second]))


def explained(values_N: Floats, labels: Labels) -> float:
    """Return the part of the variance of a number that lies between groups."""
    total = float(((values_N - values_N.mean()) ** 2).sum())
    between = sum(
        (labels == one).sum() * (values_N[labels == one].mean() - values_N.mean()) ** 2
        for one in np.unique(labels)
    )
    return float(between / total) if total else 0.0


def after(one: Learnt, ids: Ints, *, most: int = TOP_CATEGORIES) -> tuple[Floats, Floats]:
    """Return the spend of the days after the cut [N], and who acted in each top category [N, C]."""
    until = one.cut + DAYS_AFTER * DAY
    items = one.log.items(as_of=until).select(
        "item_number", category=pl.col("category").str.split("/").list.slice(0, 2).list.join("/")
    )
    rows = [
        one.log.read_bucket(bucket, as_of=until)
        .filter(pl.col("timestamp") >= one.cut, pl.col("event_type") != "impression")
        .select("subject_id", "event_type", "item_number", "value")
        .join(items, on="item_number", how="left")
        for bucket in range(one.log.num_buckets)
    ]
    acted = pl.concat(rows).filter(pl.col("subject_id").is_in(pl.Series(ids).implode()))
    bought = acted.filter(pl.col("event_type") == "purchase")
    place = {subject: row for row, subject in enumerate(ids.tolist())}
    spent = np.zeros(len(ids))
    buyers = [place[subject] for subject in bought["subject_id"]]
    np.add.at(spent, buyers, bought["value"].fill_null(0).to_numpy())
    pairs = acted.drop_nulls("category").select("subject_id", "category").unique()
    counted = pairs.group_by("category").len()
    commonest = counted.sort(["len", "category"], descending=[True, False]).head(most)
    top = commonest["category"].to_list()
    came = np.zeros((len(ids), len(top)))
    for subject, category in pairs.filter(pl.col("category").is_in(top)).iter_rows():
        came[place[subject], top.index(category)] = 1
    return spent, came


def apart(spent_N: Floats, came_NC: Floats, labels: Labels) -> Document:
    """Return how far groups differ in what came after."""
    means = [float(spent_N[labels == one].mean()) for one in np.unique(labels)]
    return {
        "groups": len(means),
        "spend_explained": explained(np.log1p(np.maximum(spent_N, 0)), labels),
        "spend_lowest": min(means),
        "spend_highest": max(means),
        "categories_explained": float(np.mean([explained(each, labels) for each in came_NC.T]))
        if came_NC.shape[1]
        else None,
    }


def run(shop: str, work: Path) -> Document:
    """Return the row of one shop."""
    cut, later_cut = PLAN[shop]
    one, other = (
        learnt(shop, at, seed=seed, work=work) for seed, at in enumerate((cut, later_cut))
    )
    norms, groups = _groups(one, seed=0)
    now = moment(one, norms, one.cut)
    partition = groups.partition
    if partition is None:
        return {"groups": 0, "agreement_of_halves": groups.agreement}
    number, rng = len(groups.groups), np.random.default_rng(0)
    plain = FeatureGroups.fit(now.features, number, seed=0)

    def dealt(at: Moment) -> dict[str, Labels]:
        return {
            "groups": partition.assign(at.states),
            "segments": at.segments,
            "features": plain.assign(at.features),
            "shuffled": rng.permutation(partition.assign(at.states)),
        }

    first, weeks = dealt(now), {}
    for week in WEEKS:
        at = moment(one, norms, one.cut + week * 7 * DAY)
        then = dealt(at)
        weeks[str(week)] = {who: agreement(now.ids, first[who], at.ids, then[who]) for who in then}
    spent, came = after(one, now.ids)
    return {
        "cuts": [cut, later_cut],
        "persons": len(now.ids),
        "groups": number,
        "agreement_of_halves": groups.agreement[number],
        "named": [
            {"name": group.name, "share": group.persons / sum(g.persons for g in groups.groups)}
            for group in groups.groups
        ],
        "weeks_later": weeks,
        "retrained": _retrained(one, other, norms, groups),
        "after": {who: apart(spent, came, labels) for who, labels in first.items()},
    }


def _groups(one: Learnt, *, seed: int) -> tuple[ShopNorms, Groups]:
    norms = fit_norms(one.log, as_of=one.cut, settings=ProfileSettings(), start_at=one.log.start_at)
    states_of = mean_stater(one.network, one.vocabulary)
    return norms, fit_groups(one.log, as_of=one.cut, norms=norms, mean_states=states_of, seed=seed)


def _retrained(one: Learnt, other: Learnt, norms: ShopNorms, groups: Groups) -> Document:
    """Compare the groups of two networks at the later one's cut."""
    later_norms, later = _groups(other, seed=1)
    if groups.partition is None or later.partition is None:
        return {"groups": 0}
    mine, theirs = moment(one, norms, other.cut), moment(other, later_norms, other.cut)
    plain = [
        FeatureGroups.fit(mine.features, len(groups.groups), seed=seed).assign(mine.features)
        for seed in (0, 1)
    ]
    return {
        "groups": len(later.groups),
        "agreement": agreement(
            mine.ids,
            groups.partition.assign(mine.states),
            theirs.ids,
            later.partition.assign(theirs.states),
        ),
        "features_of_two_seeds": agreement(mine.ids, plain[0], mine.ids, plain[1]),
        "segments": agreement(mine.ids, mine.segments, theirs.ids, theirs.segments),
    }


def shortened(found: Any) -> Any:  # noqa: ANN401
    """Return a document whose numbers have as many digits as they deserve."""
    if isinstance(found, dict):
        return {name: shortened(one) for name, one in found.items()}
    if isinstance(found, list):
        return [shortened(one) for one in found]
    return round(found, DIGITS) if isinstance(found, float) else found


def main() -> None:
    """Measure the shops that are named, and add them to the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("shops", nargs="*", default=[*PLAN])
    asked = parser.parse_args()
    for shop in asked.shops:
        document = json.loads(asked.out.read_text()) if asked.out.exists() else {}
        document[shop] = shortened(run(shop, asked.work))
        asked.out.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
