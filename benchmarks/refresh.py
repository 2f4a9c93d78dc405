"""Times `refresh` when few persons did something new, beside a refresh from scratch; prints JSON.

    python benchmarks/refresh.py [--turns N] [--share S] [--epochs N] [--out FILE] [--shop FOLDER]

Complete Journey (comes with a package): one version is trained up to a week before its end, and
everyone refreshed a day before it. Then the last day of a share of the persons, drawn at random, is
ingested, and refreshes with and without what the one before kept take turns, each from the same
starting point. The files of both are compared byte by byte. How long the network was trained
changes nothing of the time a refresh takes. With `--shop` what was trained stays for the next run.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl
from logs import files_of

from habitue.checksums import CHECKSUMS_FILE, read_sealed
from habitue.refreshing import Refresh, current_refresh
from habitue.schema import format_time
from habitue.workspace import Workspace

TRAINED_DAYS, REFRESHED_DAYS = 7, 1  # before the end
SAME = ("table/", "offers/", "history/", "recommender/")


def split(folder: Path, share: float) -> list[Path]:
    """Write what is trained on, what came until the refresh, what came after, the catalogue."""
    log, products = (pl.read_parquet(path) for path in files_of("complete_journey"))
    moment, end = pl.col("transaction_timestamp"), log["transaction_timestamp"].max()
    learnt, known = (end - pl.duration(days=days) for days in (TRAINED_DAYS, REFRESHED_DAYS))
    drawn = log["household_id"].unique().sort().sample(fraction=share, seed=0).implode()
    parts = {
        "learnt": log.filter(moment < learnt),
        "known": log.filter(moment >= learnt, moment < known),
        "later": log.filter(moment >= known, pl.col("household_id").is_in(drawn)),
        "products": products,
    }
    for name, rows in parts.items():
        rows.write_parquet(folder / f"{name}.parquet")
    return [folder / f"{name}.parquet" for name in parts]


def made(folder: Path, share: float, epochs: int | None) -> Workspace:
    """Return the shop of before, trained and refreshed; what is there already is taken."""
    shop = Workspace(folder / "shop")
    if not (folder / "shop" / "profiles").is_dir():
        learnt, known, _, products = split(folder, share)
        shop.init([learnt, products])
        shop.ingest(learnt, products)
        shop.train(epochs=epochs)
        shop.ingest(known)
        shop.refresh()
    return shop


def contents(refresh: Refresh) -> dict[str, str]:
    """Return the digests of all that a refresh answers with."""
    listed = read_sealed(refresh.folder / CHECKSUMS_FILE)["files"]
    return {name: digest for name, digest in listed.items() if name.startswith(SAME)}


def timed(kept: Path, folder: Path, later: Path, *, from_scratch: bool) -> tuple[Refresh, float]:
    """Ingest what came later into a copy of the shop; return a refresh, its processor seconds."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(kept, folder)
    shop = Workspace(folder)
    shop.ingest(later)
    began = time.process_time()
    refresh = shop.refresh(from_scratch=from_scratch)
    return refresh, round(time.process_time() - began, 2)


def run(folder: Path, *, turns: int, share: float, epochs: int | None) -> dict[str, Any]:
    """Return the document."""
    shop = made(folder, share, epochs)
    kept = current_refresh(shop.folder / "profiles")
    timings: dict[str, list[float]] = {"from_scratch": [], "reusing": []}
    processor: dict[str, list[float]] = {"from_scratch": [], "reusing": []}
    found: dict[str, Refresh] = {}
    digests: dict[str, dict[str, str]] = {}
    for turn in range(turns):
        for name in timings if turn % 2 else reversed(timings):
            refresh, busy = timed(
                shop.folder,
                folder / "turn",
                folder / "later.parquet",
                from_scratch=name == "from_scratch",
            )
            timings[name].append(refresh.seconds)
            processor[name].append(busy)
            found[name], digests[name] = refresh, contents(refresh)
    return {
        "log": "complete_journey",
        "share": share,
        "events": shop.store.num_events,
        "persons": found["reusing"].persons,
        "refreshed_before": format_time(kept.as_of),
        "refreshed": format_time(found["reusing"].as_of),
        "recomputed": found["reusing"].recomputed,
        "reused": found["reusing"].reused,
        "seconds": timings,
        "processor_seconds": processor,
        "medians": {name: statistics.median(one) for name, one in timings.items()},
        "processor_medians": {name: statistics.median(one) for name, one in processor.items()},
        "files_equal": digests["reusing"] == digests["from_scratch"],
    }


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--shop", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = options.shop or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        found = run(place, turns=options.turns, share=options.share, epochs=options.epochs)
    text = json.dumps(found, indent=1)
    (options.out.write_text(text + "\n") if options.out else sys.stdout.write(text + "\n"))


if __name__ == "__main__":
    main()
