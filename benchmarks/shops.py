"""Judges the recommendations of real shops by a global time split, beside simple methods.

    HABITUE_BENCHMARK_DATA=… python benchmarks/shops.py [--seeds N] [--work FOLDER] [SHOP …]

SHOP: taobao, online_retail_ii, complete_journey (comes with a package), rees46. For each: `init`
and `ingest` of the raw files; then for each seed `train` and `evaluate`, all with their defaults.
Kept are the blend's NDCG@10 and that of each of its parts alone, and what the blend is ahead of
each of them, with the paired bootstrap's interval over persons. Of several seeds, a person's
figure is the mean over them in the row "pooled". What is measured stands in
benchmarks/results/shops.json and is not measured again; the folder --work holds the shops, so that
they are read once. `scripts/make_shop_table.py` writes the table of docs/evaluation.md.
"""

import argparse
import hashlib
import json
import os
import platform
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from logs import LOGS, files_of

from habitue.answering import Version
from habitue.evaluate import Ranking, RecommendationEvaluation
from habitue.files import write_json
from habitue.metrics import bootstrap_interval, limits_of
from habitue.workspace import Workspace

RESULTS: Final = Path(__file__).parent / "results" / "shops.json"
OURS: Final = "blend"
SHOWN: Final = ("ndcg@10", "recall@10", "mrr@10", "hit_rate@10", "coverage@10")
DIGITS: Final = 5

Document = dict[str, Any]
Floats = npt.NDArray[np.float64]


def rounded(figures: Mapping[str, float]) -> dict[str, float]:
    """Return the metrics worth a place, with as many digits as they deserve."""
    return {name: round(figures[name], DIGITS) for name in SHOWN}


def differences(ndcg: Mapping[str, Floats]) -> Document:
    """Return what the blend is ahead of each other recommender, and the paired interval.

    `ndcg` holds each recommender's NDCG@10 of the same persons in the same order.
    """
    ours = ndcg[OURS]
    found: Document = {}
    for name, theirs in ndcg.items():
        if name == OURS:
            continue
        if len(theirs) != len(ours):
            raise AssertionError(f"{name} was judged on {len(theirs)} persons, not {len(ours)}")
        interval = bootstrap_interval(ours - theirs)
        limits = limits_of(interval, len(ours))
        found[name] = {
            "mean": round(interval.mean, DIGITS),
            "interval": None if limits is None else [round(limit, DIGITS) for limit in limits],
        }
    return found


def measured(advice: RecommendationEvaluation) -> Document:
    """Return what a row says of one evaluation."""
    ranking = advice.overall
    recommenders = {OURS: ranking.metrics, **ranking.baselines}
    return {
        "persons": ranking.n,
        "cold": advice.num_cold,
        "unknown_item_share": round(advice.unknown_share, DIGITS),
        "target_types": list(advice.target_types),
        "seen_items": advice.seen_items,
        "weights": {name: round(weight, 4) for name, weight in advice.weights.items()},
        "recommenders": {name: rounded(figures) for name, figures in recommenders.items()},
        "differences": differences(ranking.ndcg),
    }


def pooled(
    persons: Sequence[npt.NDArray[np.int64]], ndcg: Sequence[Mapping[str, Floats]]
) -> Document:
    """Return the differences of each person's mean over seeds; the persons are the same ones."""
    if any(not np.array_equal(persons[0], other) for other in persons):
        raise AssertionError("the seeds were judged on different persons")
    means = {name: np.mean([seed[name] for seed in ndcg], axis=0) for name in ndcg[0]}
    return {
        "seeds": len(ndcg),
        "persons": len(persons[0]),
        "ndcg@10": {name: round(float(values.mean()), DIGITS) for name, values in means.items()},
        "differences": differences(means),
    }


def digest(files: Sequence[Path]) -> str:
    """Return the first digits of the raw files' digest."""
    found = hashlib.sha256()
    for file in files:
        found.update(file.read_bytes())
    return found.hexdigest()[:8]


def opened(name: str, work: Path) -> Workspace:
    """Return the shop with its raw files read, now or earlier."""
    shop = Workspace(work / name)
    if not (work / name / "read.json").exists():
        files = files_of(name)
        shop.init(files, force=True)
        read = shop.ingest(*files).as_json()
        write_json(work / name / "read.json", {"received": read["received"]})
    return shop


def measure(name: str, seed: int, work: Path) -> Document:
    """Train and judge one seed; return its row, and keep each person's figures in `work`."""
    shop = opened(name, work)
    card = shop.train(seed=seed).as_json()
    judged = shop.evaluate()
    if judged.recommendation is None:
        raise SystemExit(f"{name}: {judged.skipped['recommendation']}")
    keep(work / name / f"seed_{seed}.npz", judged.recommendation.overall)
    told: Document = judged.as_json()
    return {
        "shop": name,
        "seed": seed,
        "sha256": digest(files_of(name)),
        "learnt_before": told["as_of"],
        "log_until": told["until"],
        "items": Version.open(shop.folder / "models" / judged.model_version).vocabulary.num_items,
        **measured(judged.recommendation),
        "validation": card["validation"],
        "protocol": told["recommendation"]["protocol"],
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "version": version("habitue"),
    }


def keep(path: Path, ranking: Ranking) -> None:
    """Write whose figures these are, and each recommender's NDCG@10."""
    np.savez(path, persons=ranking.persons, **dict(ranking.ndcg))  # type: ignore[arg-type]


def kept(path: Path) -> tuple[npt.NDArray[np.int64], dict[str, Floats]]:
    """Read what `keep` wrote."""
    with np.load(path) as arrays:
        held = dict(arrays)
    return held.pop("persons"), held


def run(names: Sequence[str], seeds: int, *, work: Path, out: Path) -> Document:
    """Measure what is missing, and return everything."""
    document: Document = {"rows": [], "pooled": {}}
    if out.exists():
        document = json.loads(out.read_bytes())
    for name in names:
        for seed in range(seeds):
            rows = document["rows"]
            if any((row["shop"], row["seed"]) == (name, seed) for row in rows):
                continue
            rows.append(measure(name, seed, work))
            rows.sort(key=lambda row: (list(LOGS).index(row["shop"]), row["seed"]))
            write_json(out, document)
            print(line(next(r for r in rows if (r["shop"], r["seed"]) == (name, seed))), flush=True)
        figures = [work / name / f"seed_{seed}.npz" for seed in range(seeds)]
        if all(path.exists() for path in figures):
            persons, ndcg = zip(*(kept(path) for path in figures), strict=True)
            document["pooled"][name] = pooled(persons, ndcg)
            write_json(out, document)
    return document


def line(row: Document) -> str:
    """Return a row in short."""
    ahead = ", ".join(
        f"{name} {one['mean']:+.4f} {one['interval']}" for name, one in row["differences"].items()
    )
    ours = row["recommenders"][OURS]["ndcg@10"]
    return f"{row['shop']} seed {row['seed']}: {ours:.4f} on {row['persons']} persons; {ahead}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the shops named on the command line, or all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("shops", nargs="*", metavar="SHOP")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "habitue_shops")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    document = run(options.shops or list(LOGS), options.seeds, work=options.work, out=options.out)
    print(json.dumps(document["pooled"], indent=1))


if __name__ == "__main__":
    main()
