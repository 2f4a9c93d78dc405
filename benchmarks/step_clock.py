"""Times a training loop from within: a warm-up, then so many seconds of whole steps.

Needs the standard library alone, so that every contender's interpreter can import it.
"""

import argparse
import resource
import time
from pathlib import Path

_LEAST_STEPS = 3


class Enough(Exception):
    """Raised in the middle of a training that has been timed."""


class StepClock:
    """Told after each step how many targets it had; raises `Enough` when the time is over."""

    def __init__(self, warm_up: float, seconds: float) -> None:
        self.warm_up = warm_up
        self.seconds = seconds
        self.steps = self.targets = self._warm_steps = 0
        self._started = time.perf_counter()
        self._began = self._ended = 0.0

    def count(self, targets: int) -> None:
        """Take note of a step that ended just now."""
        now = time.perf_counter()
        if not self._began:
            # The first step may hold all that is done once; the warm-up counts from its end.
            self._started = now if not self._warm_steps else self._started
            self._warm_steps += 1
            if now - self._started >= self.warm_up and self._warm_steps >= _LEAST_STEPS:
                self._began = now
            return
        self.steps += 1
        self.targets += targets
        self._ended = now
        if now - self._began >= self.seconds and self.steps >= _LEAST_STEPS:
            raise Enough

    def report(self) -> dict[str, float]:
        """Return what was timed."""
        seconds = self._ended - self._began
        return {
            "steps": self.steps,
            "targets": self.targets,
            "seconds": round(seconds, 3),
            "targets_per_second": round(self.targets / seconds),
            "peak_mb": peak_mb(),
        }


def peak_mb() -> int:
    """Return the most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def runner_options(about: str | None) -> argparse.ArgumentParser:
    """Return the options that every runner takes."""
    asked = argparse.ArgumentParser(description=about)
    asked.add_argument("persons", type=Path, help="written by plain_data.write_persons")
    asked.add_argument("--work", choices=["train", "profile", "score", "quality"], default="train")
    asked.add_argument("--loss", choices=["sampled", "full"], default="sampled")
    asked.add_argument("--samples", choices=["all", "prefix"], default="all")
    asked.add_argument("--negatives", type=int, default=256)
    asked.add_argument("--length", type=int, default=50)
    asked.add_argument("--batch", type=int, default=128, help="samples of a step")
    asked.add_argument("--warm-up", type=float, default=3)
    asked.add_argument("--seconds", type=float, default=6)
    return asked
