"""`simulate`: a made-up shop of any size, with its truth on the side.

Persons are generated block by block and wait on disk; then the events are gathered slice by slice
of time and written, one file a slice, as a shop's own export would be. Memory is bounded by a block
and a slice, whatever the size of the shop.
"""

import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from habitue.compute import Progress, Silent
from habitue.display import quoted
from habitue.errors import Refused
from habitue.files import Json, building_folder
from habitue.simulation.files import ITEMS_FILE, TRUTH_FOLDER, bad_rows_table, num_rows
from habitue.simulation.plan import (
    Plan,
    check_plan,
    default_items,
    default_truth_days,
    truth_days_of,
    write_plan,
)
from habitue.simulation.presets import Behaviour, behaviour_like
from habitue.simulation.spill import Spill
from habitue.simulation.worker import SPILL_FOLDER
from habitue.simulation.workers import workers

START = "2024-01-01"
DAYS = 365
FORMATS = ("parquet", "csv")


@dataclass(frozen=True)
class Simulated:
    """`simulate`: what was made, and where it lies."""

    plan: Plan
    path: Path
    by_type: dict[str, int]  # good events of each type
    bad_rows: dict[str, int]  # by kind
    seconds: float

    def as_json(self) -> dict[str, Json]:
        """Return the document of the contract."""
        plan = self.plan
        bad_rows = bad_rows_table(self.bad_rows)
        return {
            "users": plan.users,
            "events": plan.events,
            "path": str(self.path),
            "truth": str(self.path / TRUTH_FOLDER),
            "items": plan.items,
            "files": plan.num_slices,
            "outside_ids": num_rows(self.path, "identities"),
            "bots": num_rows(self.path, "bots"),
            "bot_events": plan.num_bot_events,
            "by_type": dict(self.by_type),
            "bad_rows": dict(bad_rows.select("kind", "rows").iter_rows()),
            "seconds": round(self.seconds, 2),
            "events_per_second": round(plan.events / max(self.seconds, 1e-9)),
            "next": f"habitue init --from {quoted(self.path)}/events-* "
            f"{quoted(self.path / ITEMS_FILE)}",
        }


def simulate(
    out: Path | str,
    *,
    users: int,
    events: int,
    seed: int = 0,
    format: str = "parquet",
    like: str = "taobao",
    start: str = START,
    days: int = DAYS,
    items: int | None = None,
    carts: float | None = None,
    purchases: float | None = None,
    repeats: float | None = None,
    bots: float = 0.0,
    dirt: float = 0.0,
    truth_at: Sequence[str] = (),
    processes: int | None = None,
    progress: Progress | None = None,
) -> Simulated:
    """Write a made-up shop into the new folder `out` and return what was made.

    The same arguments give the same bytes, whatever the number of `processes` (default: as many
    as cores). `like` names the behaviour (`presets.PRESETS`); `carts` and `purchases` are events
    per view, `repeats` is the share of purchases that a person makes again and again. `bots` and
    `dirt` are shares of all `events`. `truth_at` are midnights (UTC) at which the truth is told.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     made = simulate(f"{folder}/shop", users=20, events=1_000, processes=1)
    ...     sorted(path.name for path in made.path.iterdir())
    ['events-00001.parquet', 'items.parquet', 'truth']

    Raises:
        Refused: `folder_exists`, or a number is out of its range.
        UnknownName: no shop of the name `like`.
        Failed: `worker_stopped`, a process ended before its work.
    """
    path = Path(out)
    if path.exists():
        raise Refused(
            f"{path} is there already; a shop is made in a folder of its own.",
            fix=f"Pass another --out, or remove it: rm -r {path}",
            code="folder_exists",
        )
    if format not in FORMATS:
        raise Refused(
            f"No format '{format}'.", fix=f"Pass one of: {', '.join(FORMATS)}.", code="simulation"
        )
    if processes is not None and processes < 1:
        raise Refused(f"--processes is {processes}.", fix="Pass 1 or more.", code="simulation")
    behaviour = _adjusted(behaviour_like(like), carts, purchases, repeats)
    plan = Plan(
        users=users,
        events=events,
        like=behaviour,
        seed=seed,
        start=start,
        days=days,
        items=default_items(events, behaviour) if items is None else items,
        bots=bots,
        dirt=dirt,
        truth_days=truth_days_of(tuple(truth_at), start=start, days=days)
        or default_truth_days(days),
        format=format,
    )
    check_plan(plan)
    return run_plan(plan, path, processes=processes, progress=progress or Silent())


def run_plan(
    plan: Plan, path: Path, *, processes: int | None = None, progress: Progress
) -> Simulated:
    """Make the shop of a plan that was checked."""
    began = time.monotonic()
    num_processes = min(processes or os.cpu_count() or 1, max(plan.num_blocks, plan.num_slices))
    blocks = [("block", number) for number in range(plan.num_blocks)]
    with building_folder(path) as folder:
        spill = Spill(folder / SPILL_FOLDER, plan)
        spill.folder.mkdir()
        (folder / TRUTH_FOLDER).mkdir()
        write_plan(plan, spill.folder)
        with workers(plan, folder, num_processes) as hands:
            progress.start("Living the lives", plan.events, "events")
            hands.do(blocks, plan.events, progress)
            files = [("shop", 0), *(("table", number) for number in range(len(spill.tables())))]
            files += [("events", number) for number in range(plan.num_slices)]
            progress.start("Writing the files", plan.events, "events")
            hands.do(files, plan.events, progress)
            progress.finish()
        by_type, bad_rows = spill.counts("by_type"), spill.counts("bad_rows")
        shutil.rmtree(spill.folder)
    return Simulated(plan, path, by_type, bad_rows, time.monotonic() - began)


def _adjusted(
    like: Behaviour, carts: float | None, purchases: float | None, repeats: float | None
) -> Behaviour:
    """Return a behaviour with another funnel.

    Where fewer carts are asked for than purchases need, more is bought without a cart.
    """
    like = replace(
        like,
        carts=like.carts if carts is None else carts,
        purchases=like.purchases if purchases is None else purchases,
        repeats=like.repeats if repeats is None else repeats,
    )
    if like.purchases > 0:
        like = replace(like, from_cart=min(like.from_cart, like.carts / like.purchases))
    return like
