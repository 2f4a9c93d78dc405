"""The manifest: which files make up the store, and what is in them.

One small JSON file, replaced in one step: a part that it does not list does not exist. It carries
its own checksum and one for each part, so that a damaged file is named instead of read. Knows
nothing about events.
"""

import hashlib
import io
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from habitue.errors import Failed, Refused
from habitue.files import write_bytes, write_json
from habitue.schema import FORMAT_VERSION

MANIFEST_FILE: Final = "manifest.json"
NO_BUCKET: Final = -1
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
    format_version: int = FORMAT_VERSION

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
        text = json.dumps([self.format_version, sorted(sums.items())])
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def read_manifest(folder: Path) -> Manifest | None:
    """Return the store's manifest; None where nothing was stored yet.

    Raises:
        Failed: `corrupt_file`, the manifest is damaged.
        Refused: `newer_format`, a later version of Habitue wrote it.
    """
    path = folder / MANIFEST_FILE
    if not path.is_file():
        return None
    try:
        document = json.loads(path.read_bytes())
        checksum, body = document["sha256"], document["manifest"]
        version = int(body["format_version"])
        is_whole = checksum == _digest(body)
    except (ValueError, KeyError, TypeError) as error:
        raise _corrupt(path) from error
    if not is_whole:
        raise _corrupt(path)
    if version > FORMAT_VERSION:
        raise Refused(
            f"{path} has format {version}; this version of Habitue knows formats up to "
            f"{FORMAT_VERSION}.",
            fix="Upgrade Habitue: pip install --upgrade habitue",
            code="newer_format",
        )
    parts = tuple(Part(**part) for part in body["parts"])
    ingests = tuple(
        IngestRecord(**{**record, "files": tuple(record["files"])}) for record in body["ingests"]
    )
    return Manifest(**{**body, "parts": parts, "ingests": ingests})


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace the store's manifest in one step; from here on its parts are the store."""
    body: dict[str, Any] = json.loads(json.dumps(asdict(manifest)))
    write_json(folder / MANIFEST_FILE, {"sha256": _digest(body), "manifest": body})


def write_part(
    folder: Path,
    table: str,
    number: int,
    frame: pl.DataFrame,
    *,
    content: int,
    bucket: int = NO_BUCKET,
    times: pl.Series | None = None,
) -> Part:
    """Write a frame as a part and flush it to disk; it is not listed yet."""
    place = table if bucket == NO_BUCKET else f"{table}/bucket={bucket:04d}"
    name = f"{place}/part-{number:06d}.parquet"
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", statistics=True, row_group_size=_ROW_GROUP)
    packed = buffer.getvalue()
    write_bytes(folder / name, packed)
    has_times = times is not None and len(times) > 0
    return Part(
        table=table,
        path=name,
        bucket=bucket,
        rows=frame.height,
        start_at=int(times.min()) if times is not None and has_times else 0,  # type: ignore[arg-type]
        end_at=int(times.max()) + 1 if times is not None and has_times else 0,  # type: ignore[arg-type]
        bytes=len(packed),
        sha256=hashlib.sha256(packed).hexdigest(),
        content=content,
    )


def check_part(folder: Path, part: Part) -> Path:
    """Return the part's path once its bytes are found to be those that were written.

    Raises:
        Failed: `corrupt_file`, it is missing or a byte differs.
    """
    path = folder / part.path
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _corrupt(path) from error
    if digest != part.sha256:
        raise _corrupt(path)
    return path


def remove_leftovers(folder: Path, manifest: Manifest | None) -> None:
    """Remove the files that an interrupted ingest left behind: those no manifest lists."""
    listed = {part.path for part in manifest.parts} if manifest else set()
    for path in [*folder.glob("*/**/*"), *folder.glob(".*.tmp")]:
        if path.is_file() and path.relative_to(folder).as_posix() not in listed:
            path.unlink()


def _digest(body: Any) -> str:  # noqa: ANN401 — any JSON
    text = json.dumps(body, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _corrupt(path: Path) -> Failed:
    return Failed(
        f"{path} is damaged: it does not match its checksum.",
        fix="Restore the store from a backup, or remove its folder and ingest the files again.",
        code="corrupt_file",
    )
