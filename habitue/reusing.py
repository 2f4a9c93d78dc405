"""What a refresh may take over from the one before, and how it is known to be the same.

    memory/0003.parquet     what the events of a bucket's persons left in the network's memory

In: a model version, the settings, a moment, the folder of a refresh. Out: keys that are equal only
where the answers are, and a bucket's memory. What is damaged, missing or of other circumstances
costs time and is made anew. Knows nothing about how answers are computed.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl

from habitue import __version__
from habitue.answering import Version
from habitue.checksums import CHECKSUMS_FILE, check_folder, digest_of, read_sealed
from habitue.config import Settings
from habitue.errors import HabitueError

if TYPE_CHECKING:
    from habitue.model.remembering import Memory

MEMORY: Final = "memory"


def network_key(version: Version) -> str:
    """Return a digest of the network and of what may change the last bits of its answers."""
    from habitue.model.remembering import circumstances

    listed = read_sealed(version.folder / CHECKSUMS_FILE)["files"]
    network = {name: one for name, one in listed.items() if name.startswith("network/")}
    return digest_of({"network": network, "habitue": __version__, **circumstances()})


def whole_key(
    version: Version, settings: Settings, *, as_of: int, known_at: int | None, fingerprint: str
) -> str:
    """Return a digest of all that a refresh is computed from; `fingerprint` is the log's."""
    return digest_of(
        {
            "network": network_key(version),
            "version": version.card.version,
            "files": read_sealed(version.folder / CHECKSUMS_FILE)["files"],
            "settings": settings.model_dump(mode="json"),
            "as_of": as_of,
            "known_at": known_at,
            "log": fingerprint,
        }
    )


def is_whole(folder: Path) -> bool:
    """Whether no file of a refresh is damaged or missing."""
    try:
        check_folder(folder)
    except HabitueError:
        return False
    return True


def kept_memory(folder: Path, bucket: int, width: int) -> "Memory":
    """Return what a refresh remembers of a bucket's persons; of nobody where that is damaged."""
    from habitue.model.remembering import Memory

    part = f"{MEMORY}/{bucket:04d}.parquet"
    try:
        check_folder(folder, part)
    except HabitueError:
        return Memory.empty(width)
    path = folder / part
    return Memory.of_frame(pl.read_parquet(path), width) if path.is_file() else Memory.empty(width)
