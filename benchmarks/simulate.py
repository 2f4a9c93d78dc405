"""Measures how fast shops are simulated, and in how much memory; prints JSON.

    python benchmarks/simulate.py [EVENTS …]

For each number of events (default: one and ten million, fifty to a user), a shop is simulated by
a process of its own, with as many workers as cores. Prints events per second and the largest
resident memory of any process; that it does not grow with the shop is the point of two sizes.
CPU seconds are of all processes together, and tell how much of the time others took.
"""

import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from habitue.simulation.simulate import simulate

EVENTS_PER_USER = 50
SIZES = (1_000_000, 10_000_000)


def measure(events: int) -> dict[str, float]:
    """Simulate one shop here and return its row."""
    with tempfile.TemporaryDirectory() as folder:
        made = simulate(Path(folder) / "shop", users=events // EVENTS_PER_USER, events=events)
        size = sum(path.stat().st_size for path in made.path.rglob("*") if path.is_file())
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {
        "events": events,
        "users": made.plan.users,
        "seconds": round(made.seconds, 1),
        "events_per_second": round(events / made.seconds),
        "cpu_seconds": round(sum(one.ru_utime + one.ru_stime for one in used), 1),
        "peak_rss_mb_of_a_process": round(max(one.ru_maxrss for one in used) / 1024),
        "written_mb": round(size / 1e6),
    }


def main() -> None:
    """Measure each size in a process of its own: the peak of a process never falls."""
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(int(sys.argv[2]))))
        return
    rows = []
    for events in [int(text) for text in sys.argv[1:]] or SIZES:
        command = [sys.executable, __file__, "--one", str(events)]
        rows.append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
    machine = {"cores": os.cpu_count(), "python": platform.python_version()}
    print(json.dumps({"machine": machine, "shops": rows}, indent=2))


if __name__ == "__main__":
    main()
