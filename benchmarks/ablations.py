"""One recipe, then each option of it changed alone: what an option is worth on Amazon Beauty.

    python benchmarks/ablations.py                  all rows that are not there yet
    python benchmarks/ablations.py --part 1/2       every second one, for two processes side by side
    python benchmarks/ablations.py --only dropout   those whose names hold a word
    python benchmarks/ablations.py --list           the rows, nothing trained

Data and protocol are those of network_on_sequences.py, with the attributes of items. The recipe is
that of bare sequences with drawn rivals, for a fixed number of epochs at whose end the schedule
ends; the epoch is chosen on validation. Each row is one JSON file; what is there is not made
again. `scripts/make_ablation_table.py` writes them into docs/experiments.md.
"""

import argparse
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, get_args

import numpy as np
import torch
from network_on_sequences import changed, judge, read_attributes, read_sequences

from habitue.compute import Silent
from habitue.config import Architecture, ModelSettings, TrainingSettings
from habitue.files import write_json
from habitue.model.plain_sequences import PLAIN_MODEL, PLAIN_TRAINING, Items, train_on_sequences

RESULTS: Final = Path(__file__).parent / "results" / "ablations"
BASELINE: Final = "baseline"
PREFIX: Final = "samples prefix"
EPOCHS: Final = 8


@dataclass(frozen=True)
class Row:
    """One recipe, and which other one it is compared with."""

    group: str
    name: str
    changes: tuple[str, ...] = ()  # stage.setting=value
    against: str = BASELINE
    has_attributes: bool = True

    @property
    def file_name(self) -> str:
        """Where its result lies."""
        return self.name.replace(" ", "_") + ".json"


def rows() -> list[Row]:
    """Return all recipes, the one that the others are compared with first."""
    return [
        Row("recipe", BASELINE),
        *(Row("recipe", f"seed {seed}", (f"training.seed={seed}",)) for seed in (1, 2)),
        Row("recipe", "ids only", has_attributes=False),
        Row("loss", "loss full", ("training.loss=full",)),
        *_each("loss", "training.rivals", "uniform", "in_batch"),
        *_each("loss", "training.negatives", 256, 4096),
        *_each("loss", "training.label_smoothing", 0.1),
        *_each("penalty", "model.dropout", 0, 0.2),
        *_each("penalty", "training.weight_decay", 0, 0.1),
        *_each("penalty", "training.embedding_decay", 0.01, 0.1),
        *_each("penalty", "training.l1", 0.001, 0.01),
        *_each("step", "training.learning_rate", 0, 0.001, 0.004),
        *_each("step", "training.accumulate", 4),
        *_each("step", "training.batch_events", 550, 3300),
        *_each("step", "training.ema", 0.99, 0.999),
        *_each("windows", "training.hidden_items", 0.08, 0.2),
        *_each("windows", "training.later_items", 0, 0.2),
        *_each("windows", "training.crop", 0.3),
        *_each("windows", "training.substitute", 0.1),
        Row("windows", PREFIX, ("training.samples=prefix",)),
        Row(
            "windows", "prefix reorder 0.3",
            ("training.samples=prefix", "training.reorder=0.3"), against=PREFIX,
        ),
        *_each("network", "model.high_pass", 0, 0.3),
        *_each("network", "model.max_length", 20),
        *_each("network", "model.heads", 2),
        Row("network", "size tiny", ("model.size=tiny",)),
        Row("network", "item bias", ("model.item_bias=true",)),
        Row("network", "repeats", ("model.repeats=true",)),
        *(
            Row("network", name, (f"model.architecture={name}",))
            for name in get_args(Architecture)
            if name != PLAIN_MODEL.architecture
        ),
    ]  # fmt: skip


def _each(group: str, setting: str, *values: float | str) -> list[Row]:
    """Return a row a value of one setting."""
    word = setting.split(".")[1].replace("_", " ")
    return [Row(group, f"{word} {value}", (f"{setting}={value}",)) for value in values]


@dataclass(frozen=True)
class Bench:
    """The data of all rows, and for how long each learns."""

    persons: list[Items]
    attributes: list[Items]  # of each item, item 1 first
    epochs: int

    @cached_property
    def sha256(self) -> str:
        """The digest of items and attributes as they were read."""
        digest = hashlib.sha256()
        for arrays in (self.persons, self.attributes):
            for one in arrays:
                digest.update(len(one).to_bytes(4, "little") + one.tobytes())
        return digest.hexdigest()

    def settings(self, row: Row) -> tuple[ModelSettings, TrainingSettings]:
        """Return a row's recipe."""
        usual = ["training.loss=sampled", f"training.epochs={self.epochs}"]
        usual.append(f"training.patience={self.epochs}")  # the schedule is run to its end
        pairs = [*usual, *row.changes]
        return changed(PLAIN_MODEL, "model", pairs), changed(PLAIN_TRAINING, "training", pairs)

    def recipe(self, row: Row) -> dict[str, Any]:
        """Return all that decides about a row's result, as JSON brings it back."""
        model, training = self.settings(row)
        told = {
            **asdict(row),
            "sha256": self.sha256,
            "persons": len(self.persons),
            "epochs": self.epochs,
            # What stands at its default goes without saying, so that a new option ages no result.
            "model": model.model_dump(exclude_defaults=True),
            "training": training.model_dump(exclude_defaults=True),
        }
        found: dict[str, Any] = json.loads(json.dumps(told))
        return found

    def measure(self, row: Row) -> dict[str, Any]:
        """Train one recipe and return what it reached."""
        model, training = self.settings(row)
        persons = self.persons
        trained = train_on_sequences(
            [person[:-2] for person in persons],
            num_items=len(self.attributes),
            attributes=self.attributes if row.has_attributes else None,
            model=model,
            training=training,
            validation=np.array([person[-2] for person in persons], dtype=np.int32),
            progress=Silent(),
        )
        test = np.array([person[-1] for person in persons], dtype=np.int32)
        recall, ndcg = judge(trained, [person[:-1] for person in persons], test)
        report = trained.report
        best = report.curve[report.best_epoch - 1]
        return {
            **self.recipe(row),
            "valid_ndcg": round(best.valid_ndcg, 5),
            "valid_recall": round(best.valid_recall, 5),
            "test_ndcg": round(ndcg, 5),
            "test_recall": round(recall, 5),
            "best_epoch": report.best_epoch,
            "seconds": report.seconds,
            "targets_per_second": round(report.targets_per_second),
            "parameters": report.parameters,
            "threads": torch.get_num_threads(),
            "version": version("habitue"),
        }


def kept(path: Path, recipe: dict[str, Any]) -> dict[str, Any] | None:
    """Return the result in a file; None where there is none, or it is another recipe's."""
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if recipe.items() <= found.items() else None


def run(bench: Bench, chosen: Sequence[Row], folder: Path) -> None:
    """Measure the rows that are not there yet, and print all of them."""
    print(f"{'option':28} {'valid N@10':>10} {'test R@10':>10} {'N@10':>7} {'change':>8} {'s':>6}")
    for row in chosen:
        path = folder / row.file_name
        found = kept(path, bench.recipe(row))
        if found is None:
            found = bench.measure(row)
            write_json(path, found)
        print(_line(row, found, folder), flush=True)


def _line(row: Row, found: dict[str, Any], folder: Path) -> str:
    by_name = {other.name: other for other in rows()}
    other = folder / by_name[row.against].file_name
    change = ""
    if other.exists():
        change = f"{found['test_ndcg'] - json.loads(other.read_bytes())['test_ndcg']:+.4f}"
    return (
        f"{row.name:28} {found['valid_ndcg']:10.4f} {found['test_recall']:10.4f} "
        f"{found['test_ndcg']:7.4f} {change:>8} {found['seconds']:6.0f}"
    )


def chosen_rows(only: Sequence[str], part: str) -> list[Row]:
    """Return the rows whose names hold one of the words, of these every n-th."""
    chosen = [row for row in rows() if not only or any(word in row.name for word in only)]
    first, step = (int(number) for number in part.split("/"))
    return chosen[first - 1 :: step]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is missing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", default=[], metavar="WORD")
    parser.add_argument("--part", default="1/1", metavar="I/N")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--persons", type=int, help="the first ones only, to try the script")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args(arguments)
    chosen = chosen_rows(options.only, options.part)
    if options.list:
        print("\n".join(f"{row.group:10} {row.name:28} {' '.join(row.changes)}" for row in chosen))
        return
    persons = read_sequences("Beauty")[: options.persons]
    attributes = read_attributes("Beauty", max(int(person.max()) for person in persons))
    run(Bench(persons, attributes, options.epochs), chosen, options.out)


if __name__ == "__main__":
    main()
