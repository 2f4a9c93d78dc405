"""Measures the memory of `ingest`, and what a day costs that is added to a year; prints JSON.

    python benchmarks/ingest_memory.py [MILLIONS …] [--data FOLDER] [--limit-mb MB]

A log of each number of millions of rows (default: 10, 30 and 50) is simulated as Parquet, stored by
`habitue ingest` in a process of its own, and its peak of resident memory read. The largest is
stored under a hard limit (default: 2,048 MB) where the system lets us set one: a control group's,
which counts the file cache too; a process that needs more is killed. Then, with the first log:

- `whale`: the same with one person who has a million events more.
- `day`: a day's rows are added to the store of the others, and on their own to an empty one.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl
from ingest import SETTINGS, Run, make_log, measure

GROUPS = (
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),  # version 1
    (Path("/sys/fs/cgroup"), "memory.max"),
)
WHALE_EVENTS = 1_000_000
MB = 1 << 20


@contextmanager
def limited_group(limit_mb: int) -> Iterator[Path | None]:
    """Yield a control group with a limit of memory; None where the system has none to give."""
    for root, limit in GROUPS:
        group = root / f"habitue-{os.getpid()}"
        try:
            group.mkdir()
            (group / limit).write_text(str(limit_mb * MB))
        except OSError:
            continue
        try:
            yield group
        finally:
            group.rmdir()
        return
    yield None


def shop_in(folder: Path) -> Path:
    """Return a new workspace that reads logs of `make_log`."""
    shop = Path(tempfile.mkdtemp(dir=folder))
    (shop / "habitue.toml").write_text(SETTINGS.format(format="parquet"))
    return shop


def stored(logs: Sequence[Path], shop: Path, group: Path | None = None) -> Run:
    """Store logs in a workspace, within a control group if there is one."""
    files = [str(log) for log in logs]
    ingest = [sys.executable, "-m", "habitue", "ingest", *files, "-w", str(shop), "--json"]
    if group is not None:
        ingest = ["sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh", *ingest]
    return measure(ingest, "event_rows")


def by_size(folder: Path, millions: Sequence[int], limit_mb: int) -> Iterator[dict[str, object]]:
    """Yield what storing a log of each size took; the largest under the limit."""
    for size in millions:
        log = make_log(folder, size, "parquet")
        with limited_group(limit_mb) as group:
            within = group if size == max(millions) else None
            shop = shop_in(folder)
            found: dict[str, object] = {"log": log.name, "limit_mb": limit_mb if within else None}
            try:
                found |= stored([log], shop, within).__dict__
            except SystemExit as error:  # more than the limit
                found["failed"] = str(error).rpartition(" ended ")[2]
            finally:
                shutil.rmtree(shop)
            yield found


def with_whale(folder: Path, log: Path) -> Path:
    """Return the log with a million events more, all of its first person."""
    path = folder / f"{log.stem}-whale.parquet"
    if not path.exists():
        rows = pl.scan_parquet(log).head(WHALE_EVENTS)
        whale = rows.with_columns(user_id=pl.col("user_id").first())
        pl.concat([pl.scan_parquet(log), whale]).sink_parquet(path, compression="zstd")
    return path


def day_added(folder: Path, log: Path) -> dict[str, object]:
    """Return what the log's last day costs: added to the others, and on its own."""
    last = pl.scan_parquet(log).select(pl.col("event_time").dt.date().max()).collect().item()
    is_last = pl.col("event_time").dt.date() == last
    day, others = folder / "day.parquet", folder / "others.parquet"
    pl.scan_parquet(log).filter(is_last).sink_parquet(day)
    pl.scan_parquet(log).filter(~is_last).sink_parquet(others)
    grown, alone = shop_in(folder), shop_in(folder)
    try:
        stored([others], grown)
        return {
            "added": stored([day], grown).__dict__,
            "alone": stored([day], alone).__dict__,
        }
    finally:
        for path in (grown, alone):
            shutil.rmtree(path)
        day.unlink()
        others.unlink()


def main() -> None:
    """Measure each."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("millions", nargs="*", type=int, default=[10, 30, 50])
    asked.add_argument("--data", type=Path)
    asked.add_argument("--limit-mb", type=int, default=2048)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as spare:
        folder = given.data or Path(spare)
        folder.mkdir(parents=True, exist_ok=True)
        sizes = list(by_size(folder, given.millions, given.limit_mb))
        first = make_log(folder, given.millions[0], "parquet")
        shop = shop_in(folder)
        whale = stored([with_whale(folder, first)], shop)
        shutil.rmtree(shop)
        found = {"sizes": sizes, "whale": whale.__dict__, "day": day_added(folder, first)}
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
