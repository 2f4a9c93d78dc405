"""The manifest: which files make up the store, and what is in them.

One small JSON file, replaced in one step: a part that it does not list does not exist. It carries
its own checksum and one for each part, so that a damaged file is named instead of read. Knows
nothing about events.

    format 1    parts and ingests
    format 2    parts that compaction replaced are listed as `retired`
    format 3    the quarantine keeps what it takes to read a row again; events are told apart
                without the numbers of visitors, in stores that began so; a part goes without
                the columns that hold nothing
"""

import hashlib
import io
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import polars as pl

from habitue.checksums import (
    check_file,
    damaged_file,
    digest_of,
    missing_file,
    restore_command,
    unreadable_file,
)
from habitue.display import quoted
from habitue.errors import Refused
from habitue.files import write_bytes, write_json

MANIFEST_FILE: Final = "manifest.json"
STORE_FORMAT: Final = 3
NO_BUCKET: Final = -1
# Of the hashes that `Part.content` sums up.
_CONTENT_FORMAT: Final = 1
_JOINED: Final = re.compile(r"/joined-(\d+)\.parquet$")
_NUMBER: Final = re.compile(r"-(\d+)\.parquet$")
# Small groups of rows, each with its range of subjects: one person is found without reading all.
_ROW_GROUP: Final = 16_384


@dataclass(frozen=True)
class Part:
    """One Parquet file of the store."""

    table: str
    path: str  # within the store's folder
    bucket: int
    rows: int
    start_at: int  # of its events; 0 elsewhere
    end_at: int
    bytes: int
    sha256: str
    content: int  # sum of its rows' hashes, which does not know their order


@dataclass(frozen=True)
class IngestRecord:
    """What one ingest did, in input records."""

    at: str
    files: tuple[str, ...]
    received: int
    accepted: int
    duplicates: int
    quarantined: int
    event_rows: int


@dataclass(frozen=True)
class Manifest:
    """The store at one moment."""

    num_buckets: int
    next_part: int = 1
    num_subjects: int = 0
    num_items: int = 0
    parts: tuple[Part, ...] = ()
    ingests: tuple[IngestRecord, ...] = ()
    retired: tuple[str, ...] = ()  # paths of parts that others replaced; somebody may read them
    # How events are told apart: 1, with their visitor's number, which depends on who came first;
    # 2, with the visitor's id. A store keeps to what its first events had.
    keys: int = 2
    format_version: int = STORE_FORMAT

    def of(self, table: str, bucket: int = NO_BUCKET) -> tuple[Part, ...]:
        """Return the parts of a table (and bucket), oldest first; -1 takes all buckets."""
        return tuple(
            part
            for part in self.parts
            if part.table == table and bucket in (NO_BUCKET, part.bucket)
        )

    @property
    def fingerprint(self) -> str:
        """A digest of all that is stored, except the quarantine; not of how it is laid out."""
        sums: dict[str, int] = {}
        for part in self.parts:
            if part.table != "quarantine":
                sums[part.table] = (sums.get(part.table, 0) + part.content) % 2**64
        text = json.dumps([_CONTENT_FORMAT, sorted(sums.items())])
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def read_manifest(folder: Path) -> Manifest | None:
    """Return the store's manifest; None where nothing was stored yet.

    Raises:
        Failed: `corrupt_file`, the manifest is damaged, or missing where there are parts.
        Refused: `newer_format`, a later version of Habitue wrote it; `file_unreadable`.
    """
    path = folder / MANIFEST_FILE
    try:
        if path.is_file():
            return parse_manifest(path, path.read_bytes())
        if any(folder.glob("*/**/*.parquet")):
            raise missing_file(path, fix=_mend(folder))
    except OSError as error:
        raise unreadable_file(path, error) from error
    return None


def parse_manifest(path: Path, content: bytes) -> Manifest:
    """Return the manifest that `path` holds as `content`; raises as `read_manifest`."""
    try:
        document = json.loads(content)
        checksum, body = document["sha256"], document["manifest"]
        version = int(body["format_version"])
        is_whole = checksum == digest_of(body)
    except (ValueError, KeyError, TypeError) as error:
        raise damaged_file(path, fix=_mend(path.parent)) from error
    if not is_whole:
        raise damaged_file(path, fix=_mend(path.parent))
    if version > STORE_FORMAT:
        raise Refused(
            f"{path} has format {version}; this version of Habitue knows formats up to "
            f"{STORE_FORMAT}.",
            fix="Upgrade Habitue: pip install --upgrade habitue",
            code="newer_format",
        )
    parts = tuple(Part(**part) for part in body["parts"])
    ingests = tuple(
        IngestRecord(**{**record, "files": tuple(record["files"])}) for record in body["ingests"]
    )
    retired = tuple(body.get("retired", ()))
    given = {"keys": 1, **body, "parts": parts, "ingests": ingests, "retired": retired}
    stored = Manifest(**given)
    return replace(stored, next_part=max(stored.next_part, _free_number(stored)))


def placed(stored: Sequence[Part], new: Sequence[Part], since: int | None) -> tuple[Part, ...]:
    """Return the parts in the order in which what they say was said.

    New ones come last; but where they say what ingest number `since` was told, what they say of
    items comes before what that one and later ones said, which is to outweigh it.
    """
    if since is None:
        return (*stored, *new)
    first = next(
        (
            at
            for at, part in enumerate(stored)
            if part.table == "versions" and _number_of(part) >= since
        ),
        len(stored),
    )
    early = [part for part in new if part.table == "versions"]
    late = [part for part in new if part.table != "versions"]
    return (*stored[:first], *early, *stored[first:], *late)


def _number_of(part: Part) -> int:
    found = _NUMBER.search(part.path)
    return int(found[1]) if found else 0


def _free_number(manifest: Manifest) -> int:
    """Return a number above those of joined parts: older stores may name one as the next."""
    paths = (*(part.path for part in manifest.parts), *manifest.retired)
    found = (_JOINED.search(path) for path in paths)
    return 1 + max((int(match[1]) for match in found if match), default=0)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace the store's manifest in one step; from here on its parts are the store.

    Whatever format it was read in, it is written in today's.
    """
    current = replace(manifest, format_version=STORE_FORMAT)
    body: dict[str, Any] = json.loads(json.dumps(asdict(current)))
    write_json(folder / MANIFEST_FILE, {"sha256": digest_of(body), "manifest": body})


@dataclass(frozen=True)
class PackedPart:
    """A part and the bytes of its file."""

    part: Part
    content: bytes


def packed_part(
    table: str,
    number: int,
    frame: pl.DataFrame,
    *,
    content: int,
    bucket: int = NO_BUCKET,
    times: pl.Series | None = None,
    stem: str = "part",
) -> PackedPart:
    """Return a frame as a part of this number that is to be written."""
    place = table if bucket == NO_BUCKET else f"{table}/bucket={bucket:04d}"
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", statistics=True, row_group_size=_ROW_GROUP)
    packed = buffer.getvalue()
    has_times = times is not None and len(times) > 0
    part = Part(
        table=table,
        path=f"{place}/{stem}-{number:06d}.parquet",
        bucket=bucket,
        rows=frame.height,
        start_at=int(times.min()) if times is not None and has_times else 0,  # type: ignore[arg-type]
        end_at=int(times.max()) + 1 if times is not None and has_times else 0,  # type: ignore[arg-type]
        bytes=len(packed),
        sha256=hashlib.sha256(packed).hexdigest(),
        content=content,
    )
    return PackedPart(part, packed)


def write_part(folder: Path, packed: PackedPart) -> Part:
    """Write a part and flush it to disk; it is not listed yet.

    Raises:
        RuntimeError: a part of this name is there; what a manifest may list is never replaced.
    """
    path = folder / packed.part.path
    if path.exists():
        raise RuntimeError(f"{packed.part.path} is there already")
    write_bytes(path, packed.content)
    return packed.part


def _mend(folder: Path) -> str:
    """Return the two ways to a whole store again."""
    shop = folder.parent
    return (
        f"Restore the workspace from a backup: {restore_command(shop)}. Or store its files anew: "
        f"rm -r {quoted(folder)} && habitue ingest -w {quoted(shop)} FILE…"
    )


def check_part(folder: Path, part: Part) -> Path:
    """Return the part's path once its bytes are found to be those that were written.

    Raises:
        Failed: `corrupt_file`, it is missing or a byte differs.
        Refused: `file_unreadable`, the system does not let us read it.
    """
    path = folder / part.path
    check_file(path, part.sha256, fix=_mend(folder))
    return path


def remove_leftovers(folder: Path, manifest: Manifest | None, *, retired: bool) -> None:
    """Remove the files that an interrupted ingest left behind: those no manifest lists.

    Parts that others replaced stay as well, unless `retired`.
    """
    kept = {part.path for part in manifest.parts} if manifest else set()
    if manifest and not retired:
        kept |= set(manifest.retired)
    for name in part_files(folder) - kept:
        (folder / name).unlink(missing_ok=True)


def part_files(folder: Path) -> set[str]:
    """Return the names of the files in the store's folder that a manifest would have to list."""
    found = (*folder.glob("*/**/*"), *folder.glob(".*.tmp"))
    return {path.relative_to(folder).as_posix() for path in found if path.is_file()}
