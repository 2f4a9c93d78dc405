"""What an ingest says of itself.

Everything is counted in input records: received = accepted + duplicates + quarantined, and
repaired is a part of accepted. Knows nothing about how it was done.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class FileUse:
    """Which source a file was read as, and which of its columns became which field."""

    file: str
    source: str
    columns: dict[str, str | list[str]]


@dataclass(frozen=True)
class IngestReport:
    """What an ingest did, in input records; `event_rows` and `items` are those added.

    `repairs` says what was mended, `remarks` what was seen and left as it is, each by its code;
    `notes` say in words what people should know.
    """

    received: int
    accepted: int
    repaired: int
    duplicates: int
    quarantined: int
    by_reason: dict[str, int]
    event_rows: int
    items: int
    seconds: float
    events_per_second: float
    sources: tuple[FileUse, ...]
    repairs: dict[str, int]
    remarks: dict[str, int]
    notes: tuple[str, ...]
