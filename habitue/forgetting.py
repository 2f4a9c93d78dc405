"""Persons taken out of what refreshes keep: profiles, offers and how they moved.

In: the folder `profiles` and the numbers of subjects. Out: the same refresh under a new number,
without them, and no other. Counts of the whole shop stay. Knows nothing about the store, from
which the next refresh would compute them again.
"""

import json
import shutil
from collections.abc import Collection
from pathlib import Path

import polars as pl

from habitue.checksums import (
    CHECKSUMS_FILE,
    building_sealed_folder,
    check_folder,
    read_sealed,
    write_sealed,
)
from habitue.files import make_folder, write_json
from habitue.refreshing import (
    AGAIN,
    CURRENT_FILE,
    SUMMARY_FILE,
    current_refresh,
    next_name,
    refreshes_in,
)


def forget(folder: Path, subjects: Collection[int]) -> int:
    """Remove all that the refreshes in `folder` hold of these subjects; return the rows removed.

    Earlier refreshes go as a whole and at once: who is reading one is told that a file is missing,
    for no reader may keep a person. Who calls holds the writer's lock of `folder`. Killed on the
    way, it is done by doing it again.

    Raises:
        NotReady: nobody's profile was computed.
        Failed: `corrupt_file`, a file of the refresh is damaged.
    """
    refresh = current_refresh(folder)
    check_folder(refresh.folder, fix=AGAIN)
    name, removed = next_name(folder), 0
    asked = _rows_of(refresh.folder, subjects)
    with building_sealed_folder(folder / name) as building:
        for part in read_sealed(refresh.folder / CHECKSUMS_FILE)["files"]:
            make_folder((building / part).parent)
            removed += _copied_without(refresh.folder / part, building / part, asked)
        persons = sum(pl.read_parquet(path).height for path in (building / "table").iterdir())
        counts = {"persons": persons, "recomputed": 0, "reused": persons, "whole_key": ""}
        summary = json.loads((building / SUMMARY_FILE).read_text(encoding="utf-8"))
        write_json(building / SUMMARY_FILE, summary | counts)
    write_sealed(folder / CURRENT_FILE, {"refresh": name})
    for other in refreshes_in(folder):
        if other.name != name:
            shutil.rmtree(other)
    return removed


def _rows_of(folder: Path, subjects: Collection[int]) -> tuple[pl.Expr, pl.Expr]:
    """Return whether a row is of these subjects: by their number, by the shop's own ids."""
    of_subject = pl.col("subject_id").is_in([*subjects])
    users: set[str] = set()
    for path in [*folder.glob("table/*.parquet"), *folder.glob("history/*.parquet")]:
        users.update(pl.read_parquet(path).filter(of_subject)["user_id"])
    return of_subject, pl.col("user_id").is_in([*users])


def _copied_without(source: Path, target: Path, asked: tuple[pl.Expr, pl.Expr]) -> int:
    """Copy a file without the rows that are asked for, and return how many these were."""
    if source.suffix != ".parquet":
        shutil.copyfile(source, target)
        return 0
    rows = pl.read_parquet(source)
    of_subject, of_user = asked
    kept = rows.filter(~(of_subject if "subject_id" in rows.columns else of_user))
    kept.write_parquet(target)
    return rows.height - kept.height
