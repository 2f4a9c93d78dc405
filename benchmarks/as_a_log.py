"""What a shop whose log holds nothing but who had which item when gets from `habitue train`.

    HABITUE_BENCHMARK_DATA=… python benchmarks/as_a_log.py [Beauty] [--set training.epochs=6] …

A published file of sequences becomes a CSV of purchases on made-up days: everybody's last item
falls into the holdout, the one before into the validation window, the others earlier, in their
order. So `habitue evaluate` asks the questions of the published protocol: all items ranked, the
person's own left out. The row of the network may be laid beside those of `habitue benchmark`; the
others and the blend may not, for a shop counts again up to the cut, with what the protocol keeps
for validation. Nothing is set but what `--set` says. Prints one JSON document.
"""

import argparse
import csv
import json
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
from network_on_sequences import read_sequences

from habitue.model.plain_sequences import Items
from habitue.workspace import Workspace

BEGINNING: Final = datetime(2014, 1, 1, tzinfo=UTC)
HOLDOUT_DAYS: Final = 28.0
_EARLY: Final = (0.0, 300.0)
_VALIDATION: Final = (305.0, 331.0)
_TEST: Final = (333.0, 360.0)


def days_of(num_items: int, rng: np.random.Generator) -> list[float]:
    """Return on which day somebody with so many items has each, in their order."""
    early = np.sort(rng.uniform(*_EARLY, size=max(num_items - 2, 0)))
    return [*early.tolist(), rng.uniform(*_VALIDATION), rng.uniform(*_TEST)]


def write_log(path: Path, persons: Sequence[Items]) -> None:
    """Write sequences as a CSV of purchases."""
    rng = np.random.default_rng(0)
    with path.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["user_id", "item_id", "timestamp", "event_type"])
        for number, items in enumerate(persons):
            for item, day in zip(items, days_of(len(items), rng), strict=True):
                moment = BEGINNING + timedelta(days=day)
                lines.writerow([f"u{number}", f"i{item}", moment.isoformat(), "purchase"])


def nested(pairs: Sequence[str]) -> dict[str, dict[str, object]]:
    """Return `stage.name=value` pairs as a workspace takes them, and the length of the holdout."""
    found: dict[str, dict[str, object]] = {"training": {"holdout_days": HOLDOUT_DAYS}}
    for pair in pairs:
        name, value = pair.split("=", 1)
        stage, setting = name.split(".", 1)
        found.setdefault(stage, {})[setting] = value
    return found


def run(persons: Sequence[Items], settings: Sequence[str], folder: Path) -> dict[str, Any]:
    """Ingest, train and evaluate as anybody would; return what was reached."""
    write_log(folder / "events.csv", persons)
    shop = Workspace(folder / "shop", settings=nested(settings))
    shop.init([folder / "events.csv"])
    shop.ingest(folder / "events.csv")
    began = time.monotonic()
    trained: dict[str, Any] = shop.train().as_json()
    seconds = time.monotonic() - began
    found: Any = shop.evaluate().as_json()["recommendation"]
    return {
        "set": list(settings),
        "seconds": round(seconds, 1),
        "epochs": trained["epochs"],
        "architecture": trained["architecture"],
        "validation": trained["validation"],
        "n": found["n"],
        "blend": found["metrics"],
        "parts": found["baselines"],
        "weights": found["weights"],
        "seen_items": found["seen_items"],
    }


def main() -> None:
    """Run once and print."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    asked.add_argument("name", nargs="?", default="Beauty")
    asked.add_argument("--set", action="append", default=[], metavar="stage.name=value")
    asked.add_argument("--persons", type=int, help="the first ones only, to try the script")
    given = asked.parse_args()
    persons = read_sequences(given.name)[: given.persons]
    with tempfile.TemporaryDirectory() as folder:
        found = run(persons, given.set, Path(folder))
    print(json.dumps({"data": given.name, **found}, indent=1))


if __name__ == "__main__":
    main()
