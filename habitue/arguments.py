"""What callers hand to a workspace, checked at the border: moments, counts, ids, files.

In: a verb's arguments as a person wrote them. Out: what the stages work with. Knows nothing about
what the verbs do.
"""

import os
import warnings
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import get_args

from habitue.config import AdapterName, Architecture, Settings, TaskSettings
from habitue.errors import HabitueWarning, NotReady, Refused, UnknownName, nearest
from habitue.events.database import DatabaseTable, is_url
from habitue.events.encoding import is_utf8
from habitue.events.sources import Place
from habitue.events.span import SpannedLog
from habitue.profiles.tasks import SHIPPED_TASKS
from habitue.schema import DAY, format_date, format_time, parse_time

Moment = str | date | datetime
Files = str | Path | Iterable[str | Path]


def folder_of(folder: str | Path) -> Path:
    """Return the folder of a workspace, which need not exist yet.

    Raises:
        Refused: `not_a_folder`, it is a file or lies within one.
    """
    path = Path(folder)
    for one in (path, *path.parents):
        if one.exists() and not one.is_dir():
            raise Refused(
                f"{one} is a file, not a folder.",
                fix="Name the folder of a shop: -w FOLDER",
                code="not_a_folder",
            )
    return path


def moment_of(as_of: Moment) -> int:
    """Return a moment in µs: of a text, a date (its midnight) or a time; UTC unless it says.

    >>> from datetime import date
    >>> moment_of("2017-10-01") == moment_of(date(2017, 10, 1)) == 1506816000000000
    True

    Raises:
        Refused: it is no moment.
    """
    if isinstance(as_of, datetime):
        zoned = as_of if as_of.tzinfo else as_of.replace(tzinfo=UTC)
        return parse_time(zoned.isoformat())
    if isinstance(as_of, date):
        return parse_time(as_of.isoformat())
    if isinstance(as_of, str):
        return parse_time(as_of)
    raise Refused(
        f"{as_of!r} is not a time.",
        fix="Pass a text such as '2025-11-30', a datetime.date or a datetime.datetime.",
        code="bad_time",
    )


def asked_moment(as_of: Moment, log: SpannedLog, tasks: Mapping[str, TaskSettings]) -> int:
    """Return the moment a verb is asked about; `tasks` are the shop's own.

    Up to the end of the log's last day it means all of the log; after that it draws a
    `HabitueWarning`. Later than the log's end by more than anything is predicted ahead, or by more
    than the log itself is long, nothing could be said.

    Raises:
        NotReady: the log begins later.
        Refused: it is no moment, or the log ended long before.
    """
    moment = moment_of(as_of)
    start_at, end_at = log.start_at, log.end_at
    if moment <= start_at:
        raise NotReady(
            f"The log begins on {format_date(start_at)}: there is nothing before "
            f"{format_time(moment)} to answer from.",
            fix="Name a later --as-of.",
            code="no_events",
        )
    if moment <= end_at + -end_at % DAY:
        return moment
    days = [one.horizon_days for one in SHIPPED_TASKS]
    days += [one.horizon_days for one in tasks.values()]
    limit = end_at + min(round(max(days) * DAY), end_at - start_at)
    late = moment // DAY - end_at // DAY
    gap = f"{late:,} day{'' if late == 1 else 's'}"
    if moment > limit:
        raise Refused(
            f"The log ends on {format_date(end_at)}, {gap} before {format_date(moment)}: too long "
            "to say anything of that moment.",
            fix=f"Name an --as-of up to {format_date(limit)}, or store newer events: "
            "habitue ingest FILE…",
            code="bad_time",
        )
    warnings.warn(
        f"The log ends on {format_date(end_at)}. Nothing is known of the {gap} from then until "
        f"{format_date(moment)}, so everyone looks that much quieter than they may have been.",
        HabitueWarning,
        stacklevel=5,
    )
    return moment


def check_count(name: str, value: int) -> int:
    """Return a number of things to show.

    Raises:
        Refused: it is no whole number of at least 1.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise Refused(
            f"{name} is {value!r}; expected a whole number of at least 1.",
            fix=f"Pass {name}=1 or more.",
            code="bad_count",
        )
    return value


def check_adapter(name: str) -> str:
    """Return the name of a published layout; empty for none.

    Raises:
        UnknownName: there is no such layout.
    """
    known = [one for one in get_args(AdapterName) if one]
    if name and name not in known:
        raise UnknownName(
            f"There is no adapter '{name}'.{nearest(name, known)}",
            fix=f"Adapters: {', '.join(known)}.",
        )
    return name


def check_architectures(names: str | Iterable[str], *, others: Iterable[str] = ()) -> list[str]:
    """Return the names of architectures, given in a list or with commas between them.

    Raises:
        UnknownName: `unknown_architecture`, one is neither an architecture nor of `others`.
    """
    wanted = [name.strip() for name in (names.split(",") if isinstance(names, str) else names)]
    known = [*get_args(Architecture), *others]
    for name in wanted or [""]:
        if name not in known:
            raise UnknownName(
                f"There is no architecture '{name}'.{nearest(name, known)}",
                fix=f"Architectures: {', '.join(known)}.",
                code="unknown_architecture",
            )
    return wanted


def check_encoding(name: str) -> str:
    """Return the name of an encoding; empty for none.

    Raises:
        SettingsError: there is no such encoding.
    """
    if name:
        is_utf8(name)
    return name


def read_as(settings: Settings, encoding: str) -> Settings:
    """Return the settings with this encoding of all text files; unchanged where it is empty.

    Raises:
        SettingsError: there is no such encoding.
    """
    if not check_encoding(encoding):
        return settings
    sources = [source.model_copy(update={"encoding": encoding}) for source in settings.sources]
    return settings.model_copy(update={"sources": sources})


def check_id(value: str) -> str:
    """Return an outside id.

    Raises:
        Refused: it is no text.
    """
    if not isinstance(value, str):
        raise Refused(
            f"{value!r} is not a text, and the shop's own ids are texts.",
            fix=f"Pass '{value}'.",
            code="bad_id",
        )
    return value


def paths_of(*files: Files) -> list[Place]:
    """Return paths given one by one or in lists; a database's URL is a table.

    >>> paths_of("a.csv", ["b.csv"]) == [Path("a.csv"), Path("b.csv")]
    True

    Raises:
        Refused: there is none.
    """
    paths: list[Place] = []
    for given in files:
        paths += map(_place, [given] if isinstance(given, str | Path) else given)
    if not paths:
        raise Refused("No file was named.", fix="Name one or more files.", code="usage")
    return paths


def _place(given: str | Path) -> Place:
    return DatabaseTable(given) if isinstance(given, str) and is_url(given) else Path(given)


def table_path(out: str | Path | None, default: Path, *suffixes: str) -> Path:
    """Return where to write a table, before the work for it is done.

    Raises:
        Refused: `bad_output`, the place is a folder or ends in none of `suffixes`;
            `not_a_folder` and `not_writable`, nothing can be written there.
    """
    path = Path(out) if out else default
    endings = " or ".join(suffixes)
    if path.is_dir():
        raise Refused(
            f"{path} is a folder.",
            fix=f"Name a file in it that ends in {endings}.",
            code="bad_output",
        )
    if path.suffix not in suffixes:
        ends = f"ends in '{path.suffix}'" if path.suffix else "has no ending"
        raise Refused(
            f"The name '{path.name}' {ends}.",
            fix=f"Name a file that ends in {endings}.",
            code="bad_output",
        )
    parent = next(one for one in path.absolute().parents if one.exists())
    if not parent.is_dir():
        raise Refused(
            f"{parent} is a file, not a folder.",
            fix="Name a file in a folder.",
            code="not_a_folder",
        )
    if not os.access(parent, os.W_OK):
        raise Refused(
            f"{parent} cannot be written in: permission is lacking.",
            fix="Give yourself permission to write there, or name another place.",
            code="not_writable",
        )
    return path
