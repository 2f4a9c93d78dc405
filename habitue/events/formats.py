"""What a file is, told from its bytes, never from its name.

In: a path. Out: csv, jsonl or parquet. Knows nothing about how the file is read.
"""

from pathlib import Path

from habitue.config import Format
from habitue.errors import FileRefused
from habitue.events import parquet
from habitue.events.compression import first_bytes
from habitue.events.encoding import head_as_utf8
from habitue.events.plain_files import check_path

_HEAD_BYTES = 1 << 16


def file_format(path: Path) -> Format:
    """Return what the file is by its bytes; text that is no JSON counts as csv.

    Raises:
        FileRefused: as `compression.read_blocks`; `packed_parquet` for Parquet in an archive.
    """
    check_path(path)
    if parquet.is_parquet(path):
        return "parquet"
    head = first_bytes(path, _HEAD_BYTES)
    if head[:4] == parquet.MAGIC:
        raise FileRefused(
            f"{path} is a Parquet file within an archive.",
            fix="Unpack it first; Parquet is compressed by itself.",
            code="packed_parquet",
        )
    return "jsonl" if head_as_utf8(head).lstrip()[:1] in (b"{", b"[") else "csv"
