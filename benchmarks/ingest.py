"""Measures `ingest` against a plain Polars script that applies the same rules; prints JSON.

    python benchmarks/ingest.py [MILLIONS …] [--formats parquet,csv] [--data FOLDER] [--repeats N]

For each number of millions of rows (default: 1 and 10) a log is simulated and written as Parquet
and as CSV; it stays in FOLDER for the next time. `ingest_reference.py` and `habitue ingest` then
store it in turns, each in a process of its own. Seconds are the least of the repeats, `ratio` is
ours by theirs; the peak is that of the resident memory of the process.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from habitue.simulation.simulate import simulate

EVENTS_PER_USER = 50
HERE = Path(__file__).parent
SETTINGS = """
[[sources]]
name = "log"
format = "{format}"
table = "events"
time_unit = "iso"
time_zone = "UTC"

[sources.columns]
timestamp = "event_time"
event_type = "event_type"
user_id = "user_id"
item_id = "item_id"
item_category = "category"
item_brand = "brand"
price = "price"
quantity = "quantity"
currency = "currency"
order_id = "order_id"
platform = "platform"
"""


@dataclass(frozen=True)
class Run:
    """What one process took."""

    seconds: float
    cpu_seconds: float
    peak_mb: int
    rows: int


def make_log(folder: Path, millions: int, kind: str) -> Path:
    """Return the log of that size, simulated if it is not there yet."""
    path = folder / f"log-{millions}m.{kind}"
    if path.exists():
        return path
    parquet = path.with_suffix(".parquet")
    if not parquet.exists():
        events = millions * 1_000_000
        with tempfile.TemporaryDirectory(dir=folder) as made:
            simulate(Path(made) / "shop", users=events // EVENTS_PER_USER, events=events)
            _columns(pl.scan_parquet(Path(made) / "shop" / "events-*.parquet")).sink_parquet(
                parquet, compression="zstd"
            )
    if kind == "csv":
        text = pl.col("event_time").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
        pl.scan_parquet(parquet).with_columns(text).sink_csv(path)
    return path


def _columns(events: pl.LazyFrame) -> pl.LazyFrame:
    """Return the columns of a usual export."""
    return events.select(
        event_time=pl.from_epoch("timestamp", "us").dt.replace_time_zone("UTC"),
        event_type="event_type",
        user_id=pl.coalesce("user_id", "anonymous_id", "session_id"),
        item_id="item_id",
        category="item_category",
        brand="item_brand",
        price="price",
        quantity="quantity",
        currency="currency",
        order_id="order_id",
        platform="platform",
    )


def measure(command: list[str], rows_key: str) -> Run:
    """Run a command that prints one JSON document; return what it took."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return Run(
        seconds=round(seconds, 2),
        cpu_seconds=round(used.ru_utime + used.ru_stime, 2),
        peak_mb=used.ru_maxrss // 1024,
        rows=json.loads(printed)[rows_key],
    )


def by_reference(log: Path, folder: Path) -> Run:
    """Store the log with the plain script."""
    script = str(HERE / "ingest_reference.py")
    return measure([sys.executable, script, str(log), str(folder / "reference")], "rows")


def by_habitue(log: Path, folder: Path) -> Run:
    """Store the log in a new workspace."""
    shop = folder / "shop"
    shop.mkdir()
    (shop / "habitue.toml").write_text(SETTINGS.format(format=log.suffix[1:]))
    command = [sys.executable, "-m", "habitue", "ingest", str(log), "-w", str(shop), "--json"]
    return measure(command, "event_rows")


def compare(log: Path, repeats: int) -> dict[str, object]:
    """Return both in turns, the quickest of each."""
    runs: dict[str, list[Run]] = {"reference": [], "habitue": []}
    for _ in range(repeats):
        for name, store in (("reference", by_reference), ("habitue", by_habitue)):
            folder = Path(tempfile.mkdtemp(dir=log.parent))
            try:
                runs[name].append(store(log, folder))
            finally:
                shutil.rmtree(folder)
    best = {name: min(found, key=lambda run: run.seconds) for name, found in runs.items()}
    if best["reference"].rows != best["habitue"].rows:
        raise SystemExit("The two do not store the same rows.")
    ratio = best["habitue"].seconds / best["reference"].seconds
    return {
        "log": log.name,
        "rows": best["habitue"].rows,
        "ratio": round(ratio, 2),
        **{name: run.__dict__ for name, run in best.items()},
    }


def main() -> None:
    """Compare for each size and format."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("millions", nargs="*", type=int, default=[1, 10])
    asked.add_argument("--formats", default="parquet,csv")
    asked.add_argument("--data", type=Path)
    asked.add_argument("--repeats", type=int, default=2)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as spare:
        folder = given.data or Path(spare)
        folder.mkdir(parents=True, exist_ok=True)
        rows = [
            compare(make_log(folder, millions, kind), given.repeats)
            for millions in given.millions
            for kind in given.formats.split(",")
        ]
    machine = {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "polars": pl.__version__,
        "load": os.getloadavg()[0],
    }
    print(json.dumps({"machine": machine, "logs": rows}, indent=2))


if __name__ == "__main__":
    main()
