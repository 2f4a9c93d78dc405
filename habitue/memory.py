"""The most memory a stretch of work held, as the system counts it, and how much there is."""

import os
import resource
from contextlib import suppress
from pathlib import Path

_LIMIT = Path("/sys/fs/cgroup/memory.max")  # of the container
_STATUS = Path("/proc/self/status")
_FORGET_PEAK = "5"


def forget_peak() -> None:
    """Begin a new stretch, where the system can forget the peak of the last one (Linux)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text(_FORGET_PEAK)


def peak_mb() -> float:
    """Return the most resident memory since `forget_peak`, or of the whole process, in MB."""
    try:
        lines = _STATUS.read_text(encoding="utf-8").splitlines()
    except OSError:  # macOS counts bytes, and has no such file
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    told = next(line for line in lines if line.startswith("VmHWM:"))
    return int(told.split()[1]) * 1024 / 1e6


def machine_mb() -> float:
    """Return the memory of this machine, or of the container that we are in, in MB."""
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with suppress(OSError, ValueError):  # no such file, or the word max
        there = min(there, int(_LIMIT.read_text(encoding="utf-8")))
    return there / 1e6
