"""Who is timed against whom, and how: each in a process of its own, all with the same settings.

In: the interpreters that peers are installed in. Out: what their runners print. Knows nothing
about networks.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
# glibc's usual allocator maps and unmaps tensors of some megabytes at each step; page faults then
# eat up to half of the time of whoever allocates most.
ALLOCATOR: Mapping[str, str] = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "34359738368",
    "MALLOC_TOP_PAD_": "268435456",
}
RESULTS = HERE / "results"


@dataclass(frozen=True)
class Contender:
    """One way of one library to do the work."""

    name: str
    library: str  # habitue, rectools or recbole
    options: tuple[str, ...]


@dataclass(frozen=True)
class Interpreters:
    """Where each library is installed; a peer that is nowhere is left out."""

    paths: Mapping[str, str]

    @property
    def missing(self) -> list[str]:
        """Peers that no interpreter was given for."""
        return [name for name in ("rectools", "recbole") if name not in self.paths]

    def has(self, contender: Contender) -> bool:
        """Whether a contender can be run."""
        return contender.library in self.paths

    def run(self, contender: Contender, persons: Path, *options: str) -> dict[str, Any]:
        """Run a contender's script on a file of persons; return what it prints."""
        command = [
            self.paths[contender.library],
            str(HERE / f"run_{contender.library}.py"),
            str(persons),
            *contender.options,
            *options,
        ]
        # Beside the persons, for RecBole writes its logs wherever it is started.
        done = subprocess.run(
            command,
            env=environment(with_gpu="cuda" in command),
            cwd=persons.parent,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
        found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        return found


def environment(*, with_gpu: bool = False) -> dict[str, str]:
    """Return what every contender finds in its environment."""
    threads = str(os.cpu_count() or 1)
    own = {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
    if not with_gpu:
        own["CUDA_VISIBLE_DEVICES"] = ""
    # Ours is found from the folder above, also where it is not installed.
    return {**os.environ, "PYTHONPATH": str(HERE.parent), **own, **ALLOCATOR}


def options(about: str | None, results: str) -> argparse.ArgumentParser:
    """Return the options that every script of speed takes."""
    asked = argparse.ArgumentParser(description=about)
    asked.add_argument("--rectools-python", help="interpreter with rectools[torch]")
    asked.add_argument("--recbole-python", help="interpreter with recbole")
    asked.add_argument("--repeats", type=int, default=3)
    asked.add_argument("--out", type=Path, default=RESULTS / results)
    return asked


def interpreters(given: argparse.Namespace) -> Interpreters:
    """Return the interpreters asked for."""
    peers = {"rectools": given.rectools_python, "recbole": given.recbole_python}
    return Interpreters(
        {
            "habitue": sys.executable,
            **{n: str(Path(at).absolute()) for n, at in peers.items() if at},
        }
    )


def machine() -> dict[str, Any]:
    """Return what figures depend on."""
    import torch

    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "load_before": round(os.getloadavg()[0], 1),
        "allocator": dict(ALLOCATOR),
    }


def write(path: Path, found: Mapping[str, Any]) -> None:
    """Print what was found and keep it in a file."""
    text = json.dumps(found, indent=1)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text + "\n")
    print(text)


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
