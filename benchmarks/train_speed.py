"""Times training against RecTools' and RecBole's SASRec; prints and writes JSON.

    python benchmarks/train_speed.py --rectools-python PATH --recbole-python PATH
    python benchmarks/train_speed.py --to-quality
    python benchmarks/train_speed.py --device cuda --precision bf16 --compile \\
        --sizes small,base,large --batch-targets 4800 --out benchmarks/results/train_speed_gpu.json

Same data (Beauty), size (width 64, two blocks, dropout .5), loss and allocator for all; each also
at the length that suits it best. Every repeat is a process of its own, the contenders in turns;
speed is the median of the repeats, in training targets (next items learned from) a second after a
warm-up. `--to-quality` times our own run until validation NDCG@10 reaches .050 instead. With
`--sizes` only our own network is run, in those sizes, on the device, in the precision and with the
targets a batch asked for; each speed then stands beside the share of the machine's products that
it makes use of (see `utilisation.py`).

The peers live in environments of their own: `pip install "rectools[torch]"`, `pip install recbole`.
"""

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

import torch
from ceilings import Place, ceilings
from contenders import Contender, Interpreters, interpreters, machine, options, write
from plain_data import read_published, write_persons
from utilisation import Work

BAR = 0.05
_OURS = ("seconds_an_epoch", "peak_gpu_mb")  # told by our own runner alone
# As each trains best: RecTools' own batch is 128 persons, RecBole's is of prefixes.
PREFIX = ("--samples", "prefix", "--batch", "256")
# Places in a batch of ours that hold as many targets as RecTools' 128 persons at that length.
PLACES = {50: 930, 20: 740}
RATIOS = (
    ("habitue, sampled", "rectools, sampled", 30),
    ("habitue, full", "rectools, full", 15),
    ("habitue, prefix", "recbole, prefix", 10),
)
# Ten epochs, the learning rate falling to nothing in them; the high-pass branch learns sooner.
QUALITY = Contender(
    "habitue",
    "habitue",
    (
        *("--work", "quality", "--loss", "sampled", "--negatives", "512", "--high-pass", "0.7"),
        *("--rate", "3e-3", "--epochs", "10", "--bar", str(BAR)),
    ),
)


def contenders(negatives: int, lengths: list[int]) -> list[Contender]:
    """Return all, at each length."""
    sampled = ("--loss", "sampled", "--negatives", str(negatives))
    full = ("--loss", "full")
    kinds = [
        ("habitue, sampled", sampled),
        ("rectools, sampled", sampled),
        ("habitue, full", full),
        ("rectools, full", full),
        ("habitue, prefix", (*full, *PREFIX)),
        ("recbole, prefix", (*full, *PREFIX)),
    ]
    return [
        Contender(f"{name}, {length}", name.split(",")[0], (*given, *_at(name, length)))
        for name, given in kinds
        for length in lengths
    ]


def _at(name: str, length: int) -> tuple[str, ...]:
    """Return the options of a contender at one length."""
    if not name.startswith("habitue") or length not in PLACES:
        return ("--length", str(length))
    return ("--length", str(length), "--batch-targets", str(PLACES[length]))


def own_contenders(given: argparse.Namespace, lengths: list[int]) -> list[Contender]:
    """Return our own at each size and length, as they are to be run."""
    how = ["--device", given.device, "--precision", given.precision]
    how += ["--batch-targets", str(given.batch_targets)] + ["--compile"] * given.compile
    return [
        Contender(f"{one.name}, {size}", one.library, (*one.options, *how, "--size", size))
        for size in given.sizes.split(",")
        for one in contenders(given.negatives, lengths)
        if one.library == "habitue" and "prefix" not in one.name
    ]


def add_utilisation(
    speeds: dict[str, Any], *, num_items: int, negatives: int, gflops: float
) -> None:
    """Write beside each of our own speeds which share of the machine's products it is."""
    for name, found in speeds.items():
        rivals = negatives if "sampled" in name else num_items
        work = Work(name.split(", ")[-1], rivals)
        found["flop_utilisation"] = round(work.utilisation(_speed(found), gflops), 4)


def compare(
    asked: list[Contender], pythons: Interpreters, persons: Path, *, repeats: int, timing: list[str]
) -> dict[str, Any]:
    """Run all in turns; return the median and all runs of each."""
    runs: dict[str, list[dict[str, Any]]] = {}
    for _ in range(repeats):
        for contender in filter(pythons.has, asked):
            found = pythons.run(contender, persons, *timing)
            runs.setdefault(contender.name, []).append(found)
    return {
        name: {
            "targets_per_second": round(statistics.median(_speeds(found))),
            "of_each_run": _speeds(found),
            "peak_mb": max(run["peak_mb"] for run in found),
            "targets_a_step": round(found[0]["targets"] / found[0]["steps"]),
            "version": found[0]["version"],
            **{key: found[0][key] for key in _OURS if key in found[0]},
        }
        for name, found in runs.items()
    }


def profiles(asked: list[Contender], pythons: Interpreters, persons: Path) -> dict[str, Any]:
    """Return where the time of our own steps goes, by PyTorch's operation."""
    ours = [one for one in asked if one.library == "habitue"]
    options = ("--work", "profile", "--warm-up", "1", "--seconds", "2")
    return {one.name: pythons.run(one, persons, *options) for one in ours}


def ratios(speeds: dict[str, Any], lengths: list[int]) -> list[dict[str, Any]]:
    """Return ours by theirs, at the first length and at the best of each."""
    rows = []
    for ours, theirs, wanted in RATIOS:
        if not all(f"{name}, {at}" in speeds for name in (ours, theirs) for at in lengths):
            continue
        mine, other = ([speeds[f"{n}, {at}"] for at in lengths] for n in (ours, theirs))
        rows.append(
            {
                "ours": ours,
                "theirs": theirs,
                "wanted": wanted,
                "same_length": round(_speed(mine[0]) / _speed(other[0]), 1),
                "best_lengths": round(max(map(_speed, mine)) / max(map(_speed, other)), 1),
            }
        )
    return rows


def _speed(found: dict[str, Any]) -> float:
    return float(found["targets_per_second"])


def _speeds(runs: list[dict[str, Any]]) -> list[float]:
    return [_speed(run) for run in runs]


def _only(asked: list[Contender], given: argparse.Namespace) -> list[Contender]:
    return [one for one in asked if given.only in one.name]


def main() -> None:
    """Compare, or time one run to its quality."""
    asked = options(__doc__, "train_speed.json")
    asked.add_argument("--data", default="Beauty", help="of $HABITUE_BENCHMARK_DATA/amazon_s3rec")
    asked.add_argument("--negatives", type=int, default=256)
    asked.add_argument("--lengths", default="50,20")
    asked.add_argument("--warm-up", type=float, default=3)
    asked.add_argument("--seconds", type=float, default=6)
    asked.add_argument("--only", default="", help="contenders with this in their names")
    asked.add_argument("--to-quality", action="store_true")
    asked.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    asked.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    asked.add_argument("--compile", action="store_true")
    asked.add_argument("--sizes", default="", help="run our own alone: small,base,large")
    asked.add_argument("--batch-targets", type=int, default=768)
    given = asked.parse_args()
    if given.device == "cuda" and not given.sizes:
        asked.error("--device cuda is for our own network alone: name its --sizes")
    lengths = [int(text) for text in given.lengths.split(",")]
    pythons = interpreters(given)
    place = Place(given.device, torch.bfloat16 if given.precision == "bf16" else torch.float32)
    about = {"data": given.data, "negatives": given.negatives, "machine": machine()}
    if given.device == "cuda":
        about["gpu"] = torch.cuda.get_device_name()
    about["ceilings"] = ceilings(place)
    with tempfile.TemporaryDirectory() as folder:
        persons = Path(folder) / "persons.npz"
        everyone = read_published(given.data)
        write_persons(persons, everyone)
        if given.to_quality:
            runs = [pythons.run(QUALITY, persons) for _ in range(given.repeats)]
            path = given.out.with_name("time_to_quality.json")
            write(path, {"data": given.data, "machine": about["machine"], "runs": runs})
            return
        timing = ["--warm-up", str(given.warm_up), "--seconds", str(given.seconds)]
        own = bool(given.sizes)
        everybody = own_contenders(given, lengths) if own else contenders(given.negatives, lengths)
        chosen = _only(everybody, given)
        speeds = compare(chosen, pythons, persons, repeats=given.repeats, timing=timing)
        if own:
            num_items = max(int(person.max()) for person in everyone)
            gflops = about["ceilings"]["square_product_gflops"]
            add_utilisation(speeds, num_items=num_items, negatives=given.negatives, gflops=gflops)
        else:
            about["profiles"] = profiles(chosen, pythons, persons)
    about |= {"missing": pythons.missing, "ratios": ratios(speeds, lengths), "speeds": speeds}
    write(given.out, about)


if __name__ == "__main__":
    main()
