"""Checksums: a changed bit is found, and its file named.

A sealed JSON file carries the digest of the rest of itself. A sealed folder carries
`checksums.json`, which is sealed and lists the digest of every file that was in the folder when
it was finished. What is read is checked first. Knows nothing about what is in the files.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from habitue.display import quoted
from habitue.errors import Failed, Refused
from habitue.files import Json, building_folder, error_text, json_bytes, write_bytes

CHECKSUMS_FILE: Final = "checksums.json"
_KEY: Final = "sha256"
RESTORE: Final = "Move the workspace away and restore it from a backup: habitue restore FILE"


def write_sealed(path: Path, document: Mapping[str, Json]) -> None:
    """Replace the file `path` by the JSON of `document` and its digest, in one step."""
    write_bytes(path, sealed_bytes(document))


def sealed_bytes(document: Mapping[str, Json]) -> bytes:
    """Return the JSON of `document` and its digest."""
    return json_bytes({_KEY: digest_of(document), **document})


def read_sealed(path: Path, *, fix: str = RESTORE) -> dict[str, Any]:
    """Return what `write_sealed` wrote.

    Raises:
        Failed: `corrupt_file`, the file is damaged or missing; `fix` says what to do.
        Refused: `file_unreadable`, the system does not let us read it.
    """
    try:
        document = json.loads(path.read_bytes())
        digest = document.pop(_KEY)
        is_whole = digest == digest_of(document)
    except FileNotFoundError as error:
        raise missing_file(path, fix=fix) from error
    except OSError as error:
        raise unreadable_file(path, error) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise damaged_file(path, fix=fix) from error
    if not is_whole:
        raise damaged_file(path, fix=fix)
    return dict(document)


@contextmanager
def building_sealed_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes `target`, sealed, when the block ends without an error.

    Raises:
        Refused, Failed: as `building_folder`.
    """
    with building_folder(target) as folder:
        yield folder
        seal_folder(folder)


def seal_folder(folder: Path) -> None:
    """Write the digests of all files in the folder, so that `check_folder` can compare them."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    listed: dict[str, Json] = {
        path.relative_to(folder).as_posix(): file_digest(path) for path in files
    }
    write_sealed(folder / CHECKSUMS_FILE, {"files": listed})


def check_folder(folder: Path, part: str = "", *, fix: str = RESTORE) -> None:
    """Compare the files of a sealed folder with their digests: all, or one file or folder in it.

    Files that came later are not looked at.

    Raises:
        Failed: `corrupt_file`, naming the file that is damaged or missing.
        Refused: `file_unreadable`, the system does not let us read it.
    """
    listed = read_sealed(folder / CHECKSUMS_FILE, fix=fix)["files"]
    for name, digest in listed.items():
        if not part or name == part or name.startswith(f"{part}/"):
            check_file(folder / name, digest, fix=fix)


def check_file(path: Path, digest: str, *, fix: str = RESTORE) -> None:
    """Compare a file with its digest; raises as `check_folder`."""
    try:
        found = file_digest(path)
    except FileNotFoundError as error:
        raise missing_file(path, fix=fix) from error
    except OSError as error:
        raise unreadable_file(path, error) from error
    if found != digest:
        raise damaged_file(path, fix=fix)


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of(document: Mapping[str, Json]) -> str:
    """Return the SHA-256 of a JSON document, whatever the order of its keys."""
    text = json.dumps(document, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def restore_command(shop: Path) -> str:
    """Return the commands that put a backup in the place of a damaged workspace."""
    here = shop if shop.name else shop.absolute()  # "." cannot be renamed
    aside = here.with_name(f"{here.name}.damaged")
    return f"mv {quoted(here)} {quoted(aside)} && habitue restore -w {quoted(here)} FILE"


def damaged_file(path: Path, *, fix: str) -> Failed:
    """Return the error that names a damaged file."""
    return Failed(
        f"{path} is damaged: it does not match its checksum.", fix=fix, code="corrupt_file"
    )


def missing_file(path: Path, *, fix: str) -> Failed:
    """Return the error that names a file which should be there."""
    return Failed(f"{path} is missing.", fix=fix, code="corrupt_file")


def unreadable_file(path: Path, error: OSError) -> Refused:
    """Return the error that says why the system does not let us read a file."""
    return Refused(
        f"{path} cannot be read: {error_text(error)}.",
        fix="Give yourself permission to read it, or mend the disk.",
        code="file_unreadable",
    )
