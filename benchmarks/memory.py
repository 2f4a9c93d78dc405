"""Measures the memory of training and of `refresh` on growing logs; prints JSON.

    python benchmarks/memory.py [MILLIONS …] [--data FOLDER]

For each number of millions of events (default: 1, 3 and 10) a shop of fifty events a person and
20,000 items is simulated and ingested; it stays in FOLDER for the next time. Then each of four
works runs in a process of its own: `encode` (the vocabulary and the sequences of a training),
`count` (what goes together, the greatest part of a `refresh`), `train` (one epoch of the tiny
network, and all the rest), `refresh`. Reported of each: the peak of
the resident memory, the peak of that part of it which is the process's own (what is mapped from
files can be dropped at any time), and the same of each stage. `growth` is the own peak over that of
the log before.
"""

import argparse
import itertools
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from habitue.baselines.cooccurrence import CoOccurrence
from habitue.compute import Silent
from habitue.sequences.encoder import write_sequences
from habitue.sequences.timelines import histories
from habitue.sequences.vocabulary import Vocabulary, build_vocabulary
from habitue.simulation.simulate import simulate
from habitue.workspace import Workspace

EVENTS_PER_USER: Final = 50
ITEMS: Final = 20_000
WORKS: Final = ("encode", "count", "train", "refresh")
SETTINGS: Final[Mapping[str, Mapping[str, object]]] = {
    "model": {"size": "tiny"},
    "training": {"epochs": 1, "seed": 0},
}
Document = dict[str, Any]


class Watch(Silent):
    """Looks at the process's own memory fifty times a second, stage by stage."""

    def __init__(self) -> None:
        self.stages: dict[str, Document] = {}
        self.own_mb = 0
        self._began = time.monotonic()
        self._label, self._stage_mb = "", 0
        threading.Thread(target=self._look, daemon=True).start()

    def start(self, label: str, total: int | None, unit: str) -> None:
        """Begin a stage."""
        del total, unit
        self._close()
        self._label = label

    def finish(self) -> None:
        """End the stage; what comes until the next one is called after it."""
        self._close()
        self._label = f"after {self._label}"

    def _close(self) -> None:
        now = time.monotonic()
        if self._label:
            self.stages[self._label] = {
                "own_mb": self._stage_mb,
                "peak_mb": peak_mb(),
                "seconds": round(now - self._began, 1),
            }
        self._began, self._stage_mb = now, 0

    def _look(self) -> None:
        while True:
            own = own_mb()
            self.own_mb, self._stage_mb = max(self.own_mb, own), max(self._stage_mb, own)
            time.sleep(0.02)


def own_mb() -> int:
    """Return the resident memory that no file backs, in MB."""
    return _status_mb("RssAnon")


def peak_mb() -> int:
    """Return the greatest resident memory so far, in MB; getrusage tells that of the parent too."""
    return _status_mb("VmHWM")


def _status_mb(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(name))) // 1024


def prepare(folder: Path, millions: float) -> Path:
    """Simulate and ingest a shop, unless it is there."""
    events = round(millions * 1e6)
    shop = Workspace(folder / f"shop-{millions:g}")
    if not (shop.folder / "store" / "manifest.json").exists():
        made = folder / f"made-{millions:g}"
        if not made.exists():
            users = events // EVENTS_PER_USER
            simulate(made, users=users, events=events, items=ITEMS, seed=1)
        files = sorted(made.glob("*.parquet"))
        shop.init(files, force=True)
        shop.ingest(*files)
    return shop.folder


def work(name: str, folder: Path) -> Document:
    """Do one work in this process and say what it took."""
    watch = Watch()
    began = time.monotonic()
    shop = Workspace(folder, progress=watch, settings=SETTINGS)
    if name in ("encode", "count"):
        vocabulary = build_vocabulary(
            shop.log, as_of=shop.log.end_at, settings=shop.settings().training, progress=watch
        )
        (_encode if name == "encode" else _count)(shop, vocabulary, watch)
    elif name == "train":
        shop.train()
    else:
        shop.refresh()
    watch.finish()
    return {
        "peak_mb": peak_mb(),
        "own_mb": watch.own_mb,
        "seconds": round(time.monotonic() - began, 1),
        "stages": watch.stages,
    }


def _encode(shop: Workspace, vocabulary: Vocabulary, watch: Watch) -> None:
    until = shop.log.end_at
    with tempfile.TemporaryDirectory(dir=shop.folder) as folder:
        write_sequences(shop.log, vocabulary, folder=Path(folder), progress=watch, as_of=until)


def _count(shop: Workspace, vocabulary: Vocabulary, watch: Watch) -> None:
    until = shop.log.end_at
    watch.start("Counting", None, "")
    CoOccurrence.fit(
        histories(shop.log, vocabulary, as_of=until, progress=Silent()),
        num_items=vocabulary.num_items,
        as_of=until,
    )


def measure(millions: float, data: Path, works: list[str]) -> Document:
    """Measure the works on one log, each in a process of its own."""
    folder = prepare(data, millions)
    found: Document = {"millions": millions, "buckets": Workspace(folder).store.num_buckets}
    for name in works:
        command = [sys.executable, __file__, "--work", name, "--shop", str(folder)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found[name] = json.loads(done.stdout.splitlines()[-1])
        print(f"{millions:g} M {name}: {found[name]}", file=sys.stderr)
    return found


def main() -> None:
    """Print the figures of all logs, or do one work for the process that measures it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("millions", nargs="*", type=float, default=[1, 3, 10])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--works", default=",".join(WORKS))
    parser.add_argument("--work", choices=WORKS)
    parser.add_argument("--shop", type=Path)
    given = parser.parse_args()
    if given.work:
        print(json.dumps(work(given.work, given.shop)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        data = given.data or Path(temporary)
        works = given.works.split(",")
        logs = [measure(millions, data, works) for millions in given.millions]
    for before, after in itertools.pairwise(logs):
        after["growth"] = {
            name: round(after[name]["own_mb"] / before[name]["own_mb"], 2) for name in works
        }
    machine = {"cores": os.cpu_count(), "python": platform.python_version()}
    print(json.dumps({"machine": machine, "logs": logs}, indent=1))


if __name__ == "__main__":
    main()
