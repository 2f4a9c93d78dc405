"""What is wrong with an installation and a workspace, and the command that mends it.

In: a workspace's folder. Out: checks that passed (maybe with a hint), that ask for something, or
that failed. Every file that carries a checksum is read; nothing is written. Knows nothing about
how things are mended.
"""

import operator
import os
import platform
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Final, Literal

from habitue import __version__
from habitue.checksums import check_folder
from habitue.compute import Progress
from habitue.config import SETTINGS_FILE, load_settings, unread_variables
from habitue.errors import HabitueError, NotReady
from habitue.events.clean import check_source
from habitue.events.lock import ReaderLock, Writer, writer_of
from habitue.events.manifest import Manifest, check_part, part_files, read_manifest
from habitue.files import Json, is_alive, leftovers_in
from habitue.refreshing import Refresh, current_refresh
from habitue.schema import format_time
from habitue.versions import Versions, read_evaluation, version_fix

Status = Literal["PASS", "WARN", "FAIL"]
PACKAGES = ("polars", "pyarrow", "torch", "numpy", "lightgbm", "safetensors", "zstandard")
FULL_BYTES = 100 << 20
LOW_BYTES = 1 << 30
_DAMAGED_SHOWN = 20
# A command within the text of a fix.
_COMMAND = re.compile(r"habitue (?:models )?+[a-z]+\b(?! -w )")
_TEMPORARY = re.compile(r"\..*\.(\d+)\.tmp")


@dataclass(frozen=True)
class Check:
    """One thing looked at."""

    name: str
    status: Status
    message: str
    fix: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """`doctor`: versions, paths and checks."""

    versions: dict[str, str]
    paths: dict[str, str]
    checks: list[Check]

    @property
    def status(self) -> Status:
        """The worst of the checks."""
        found = {check.status for check in self.checks}
        return "FAIL" if "FAIL" in found else "WARN" if "WARN" in found else "PASS"

    def as_json(self) -> dict[str, Json]:
        """Return the document."""
        return {
            "status": self.status,
            "versions": dict(self.versions),
            "paths": dict(self.paths),
            "checks": [vars(check) for check in self.checks],
        }


def examine(folder: Path, *, progress: Progress) -> Diagnosis:
    """Look at the installation and at the workspace `folder`."""
    progress.start("Checking", None, "files")
    checks = [*_packages(), *_installation(), *_variables(), *_disk(folder), *_workspace(folder)]
    if folder.is_dir():
        checks += [
            *_settings(folder),
            *_store(folder / "store", progress),
            *_models(folder / "models", progress),
            *_refresh(folder / "profiles", Versions(folder / "models"), folder / "store", progress),
            *_temporary_files(folder),
        ]
    progress.finish()
    paths = {"workspace": str(folder.absolute()), "settings": str(folder / SETTINGS_FILE)}
    return Diagnosis(_versions(), paths, [_located(check, folder) for check in checks])


def _located(check: Check, folder: Path) -> Check:
    """Return the check with the workspace named in the command that mends it."""
    where = f" -w {shlex.quote(str(folder))}"
    return replace(check, fix=_COMMAND.sub(lambda command: command[0] + where, check.fix))


def _versions() -> dict[str, str]:
    found = {"habitue": __version__, "python": platform.python_version()}
    return found | {name: version(name) for name in PACKAGES}


def _installation() -> Iterator[Check]:
    lacking = {extra: names for extra, names in _extras().items() if names}
    if not lacking:
        yield Check("extras", "PASS", "All optional packages are installed.")
    for extra, names in lacking.items():
        yield Check(
            "extras",
            "PASS",
            f"Not installed, and needed for some verbs only: {', '.join(names)}.",
            f'pip install "habitue[{extra}]"',
        )


def _packages() -> Iterator[Check]:
    """Say which needed packages are of a version that Habitue was not made for, or missing."""
    wrong = {name: (found, bounds) for name, found, bounds in _needed() if not fits(found, bounds)}
    for name, (found, bounds) in wrong.items():
        told = f"{name} {found} is installed" if found else f"{name} is not installed"
        fix = f'pip install "{name}{bounds}"'
        yield Check("packages", "FAIL", f"{told}; Habitue needs {name}{bounds}.", fix)
    if not wrong:
        yield Check("packages", "PASS", "All needed packages are of a version that fits.")


def _needed() -> Iterator[tuple[str, str, str]]:
    """Yield each needed package, the version installed (empty: none) and what it must be."""
    for line in _requirements():
        found = re.fullmatch(r"([\w.-]+)(?:\[[\w,]+\])?\s*([<>=!~\d.,\s]*)", line)
        if found:
            try:
                yield found[1], version(found[1]), found[2].replace(" ", "")
            except PackageNotFoundError:
                yield found[1], "", found[2].replace(" ", "")


def fits(installed: str, bounds: str) -> bool:
    """Return whether a version is within bounds such as ">=2.0,<3"; what is no number is not asked.

    >>> fits("2.1.0", ">=2.0,<3"), fits("1.9", ">=2.0"), fits("", "")
    (True, False, False)
    """
    if not installed:
        return False
    have = _numbers(installed)
    for bound in filter(None, bounds.split(",")):
        found = re.fullmatch(r"(>=|<=|==|!=|<|>|~=)([\d.]+)", bound)
        if found and not _COMPARE[found[1]](have, _numbers(found[2])):
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(?:\.\d+)*", version)
    numbers = tuple(map(int, found[0].split("."))) if found else ()
    return (*numbers, 0, 0, 0, 0)[:4]


_COMPARE: Final[dict[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]]] = {
    ">=": operator.ge,
    "~=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}


def _requirements() -> list[str]:
    try:
        return requires("habitue") or []
    except PackageNotFoundError:  # run from a folder that was never installed
        return []


def _extras() -> dict[str, list[str]]:
    """Return the optional packages of each extra that are not installed, those of tests apart."""
    lacking: dict[str, list[str]] = {}
    for line in _requirements():
        found = re.fullmatch(r"([\w.-]+).*extra == ['\"](\w+)['\"]", line)
        if found and found[2] != "dev":
            names = lacking.setdefault(found[2], [])
            try:
                version(found[1])
            except PackageNotFoundError:
                names.append(found[1])
    return lacking


def _variables() -> Iterator[Check]:
    try:
        unread = unread_variables(os.environ)
    except HabitueError:  # told among the settings
        return
    if unread:
        told = f"Nothing reads {', '.join(unread)}: no setting is called so."
        fix = f"Correct the name, or: unset {' '.join(unread)}"
        yield Check("variables", "WARN", told, fix)


def _disk(folder: Path) -> Iterator[Check]:
    here = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(here).free
    told = f"{free / (1 << 30):,.1f} GiB are free where {folder} lies."
    if free < FULL_BYTES:
        yield Check("disk", "FAIL", told, "Free space: writing will fail soon.")
    elif free < LOW_BYTES:
        yield Check("disk", "WARN", told, "Free space: a training may need more.")
    else:
        yield Check("disk", "PASS", told)


def _workspace(folder: Path) -> Iterator[Check]:
    if folder.is_dir():
        yield Check("workspace", "PASS", f"{folder} is a folder.")
    else:
        fix = "Begin with: habitue init --from FILE…"
        yield Check("workspace", "PASS", f"There is no shop in {folder} yet.", fix)


def _settings(folder: Path) -> Iterator[Check]:
    try:
        for source in load_settings(folder).sources:
            if not source.adapter:  # a layout's mapping shows with its file only
                check_source(source)
    except HabitueError as error:
        yield _failed("settings", error)
        return
    if (folder / SETTINGS_FILE).is_file():
        yield Check("settings", "PASS", f"{SETTINGS_FILE} can be read.")
    else:
        fix = "Begin with: habitue init --from FILE…"
        yield Check("settings", "PASS", "There are no settings yet; defaults hold.", fix)


def _store(folder: Path, progress: Progress) -> Iterator[Check]:
    readers = ReaderLock(folder)
    readers.hold()
    writer = writer_of(folder)
    try:
        manifest = read_manifest(folder)
    except HabitueError as error:
        yield _failed("store", error)
        return
    yield from _writer("store", writer, "habitue ingest FILE…")
    if manifest is None or not manifest.of("events"):
        yield Check(
            "store", "PASS", "No events are stored yet.", "Store some: habitue ingest FILE…"
        )
    if manifest is None:
        return
    damaged = 0
    for part in manifest.parts:
        try:
            check_part(folder, part)
        except HabitueError as error:
            damaged += 1
            if damaged <= _DAMAGED_SHOWN:
                yield _failed("store", error)
        progress.advance()
    if damaged > _DAMAGED_SHOWN:
        yield Check("store", "FAIL", f"{damaged} files of {folder} are damaged or missing in all.")
    if not damaged and manifest.of("events"):
        rows = sum(part.rows for part in manifest.of("events"))
        told = f"{rows:,} events in {len(manifest.parts)} files, all whole; format "
        yield Check("store", "PASS", f"{told}{manifest.format_version}.")
    if writer is None or not writer.is_alive:
        yield from _store_leftovers(folder, manifest)


def _store_leftovers(folder: Path, manifest: Manifest) -> Iterator[Check]:
    unlisted = part_files(folder) - {part.path for part in manifest.parts}
    unlisted -= set(manifest.retired)
    if unlisted:
        told = f"{len(unlisted)} files in {folder} belong to no finished ingest."
        yield Check(
            "store leftovers", "WARN", told, "The next one removes them: habitue ingest FILE…"
        )


def _models(folder: Path, progress: Progress) -> Iterator[Check]:
    versions = Versions(folder)
    writer = writer_of(folder)
    yield from _writer("models", writer, "habitue train")
    yield from _building("models leftovers", folder, "habitue train")
    if versions.unfinished.is_dir() and not (writer and writer.is_alive):
        told = "A training was broken off; with the same events and settings it goes on."
        yield Check("training", "WARN", told, "Go on: habitue train")
    names = versions.names()
    if not names:
        yield Check("models", "PASS", "There is no model yet.", "Train one: habitue train")
    for name in names:
        yield _model(versions.folder / name, progress)
    yield from _published(versions, names)


def _model(folder: Path, progress: Progress) -> Check:
    name = f"model {folder.name}"
    remove = f". Once another version answers, remove this one: rm -r {shlex.quote(str(folder))}"
    try:
        card = Versions(folder.parent).card(folder.name)
        check_folder(folder, fix=f"{version_fix(folder)}{remove}")
        read_evaluation(folder)
    except NotReady as error:
        is_older = error.code == "version_format"
        fix = f"{error.fix}{remove}" if is_older else error.fix
        return Check(name, "WARN" if is_older else "FAIL", error.message, fix)
    except HabitueError as error:
        return _failed(name, error)
    finally:
        progress.advance()
    return Check(name, "PASS", f"Whole; learnt up to {format_time(card.trained_until)}.")


def _published(versions: Versions, names: list[str]) -> Iterator[Check]:
    try:
        current = versions.published
        if current is not None:
            versions.check_there(current)
    except HabitueError as error:
        yield _failed("published model", error)
        return
    if current is not None:
        yield Check("published model", "PASS", f"Version {current} answers.")
    elif names:
        fix = f"Let one answer: habitue models publish {names[-1]}"
        yield Check("published model", "WARN", "No version answers.", fix)


def _refresh(folder: Path, versions: Versions, store: Path, progress: Progress) -> Iterator[Check]:
    readers = ReaderLock(folder)
    readers.hold()
    yield from _writer("refresh", writer_of(folder), "habitue refresh")
    yield from _building("refresh leftovers", folder, "habitue refresh")
    try:
        refresh = current_refresh(folder)
        check_folder(refresh.folder, fix="Compute it again: habitue refresh")
    except NotReady as error:
        is_broken = error.code == "refresh_broken"
        yield Check("refresh", "WARN" if is_broken else "PASS", error.message, error.fix)
        return
    except HabitueError as error:
        yield _failed("refresh", error)
        return
    finally:
        progress.advance()
    yield _age(refresh, versions, store)


def _age(refresh: Refresh, versions: Versions, store: Path) -> Check:
    """Compare a refresh with the model that answers and with the events."""
    told = f"{refresh.persons:,} persons as of {format_time(refresh.as_of)}"
    fix = "habitue refresh"
    try:
        published, manifest = versions.published, read_manifest(store)
    except HabitueError:  # told where it belongs
        return Check("refresh", "PASS", f"{told}.")
    if published not in (None, refresh.model_version):
        told = f"{told}, by model {refresh.model_version}, but model {published} answers now."
        return Check("refresh", "WARN", told, fix)
    if manifest is not None and manifest.fingerprint != refresh.data_fingerprint:
        return Check("refresh", "PASS", f"{told}; events came since.", fix)
    return Check("refresh", "PASS", f"{told}, up to date.")


def _writer(name: str, writer: Writer | None, command: str) -> Iterator[Check]:
    if writer is None:
        return
    if writer.is_alive:
        yield Check(f"{name} lock", "PASS", f"Writing now: {writer}.")
    else:
        told = f"Killed while writing: {writer}; nothing half-done counts."
        yield Check(f"{name} lock", "WARN", told, f"Run it again: {command}")


def _building(name: str, folder: Path, command: str) -> Iterator[Check]:
    found = leftovers_in(folder) if folder.is_dir() else []
    if found:
        told = f"{len(found)} unfinished folders lie in {folder}, such as {found[0].name}."
        yield Check(name, "WARN", told, f"The next run removes them: {command}")


def _temporary_files(folder: Path) -> Iterator[Check]:
    places = (path for path in folder.rglob("*.tmp") if folder / "store" not in path.parents)
    matches = ((path, _TEMPORARY.fullmatch(path.name)) for path in places)
    found = [path for path, match in matches if match and not is_alive(int(match[1]))]
    if found:
        files = " ".join(shlex.quote(str(path)) for path in found)
        told = f"{len(found)} unfinished files were left by processes that ended."
        yield Check("leftover files", "WARN", told, f"rm {files}")


def _failed(name: str, error: HabitueError) -> Check:
    return Check(name, "FAIL", error.message, error.fix)
