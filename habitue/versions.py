"""Model versions: one folder each, and a pointer to the one that answers.

    models/0001/            a version: network/, vocabulary/, recommender/, tasks/, card.json …
    models/published.json   {"version": "0002", "before": ["0001"]}, sealed
    models/.training/       how far a training is that has not ended

Publishing is one atomic swap of the pointer, rollback the same. One process trains at a time. A
folder without a card is what a killed training left: it is no version. Knows nothing about what a
version computes.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from habitue.checksums import (
    CHECKSUMS_FILE,
    building_sealed_folder,
    check_folder,
    read_sealed,
    restore_command,
    write_sealed,
)
from habitue.errors import Failed, NotReady, UnknownName, nearest
from habitue.events.lock import writer_lock
from habitue.files import Json, write_json
from habitue.schema import format_time

CARD_FILE = "card.json"
EVALUATION_FILE = "evaluation.json"
POINTER_FILE = "published.json"
PARTS = ("network", "vocabulary", "recommender", "tasks", "norms")
VERSION_FORMAT = 2  # of a version's folder; raised when an older one can no longer be read


@dataclass(frozen=True)
class Card:
    """What is known of a version without loading it."""

    version: str
    created_at: str
    architecture: str
    size: str
    seed: int
    parameters: int
    epochs: int
    events: int
    seconds: float
    events_per_second: float
    trained_until: int  # µs; nothing from then on was read
    data_fingerprint: str
    habitue_version: str
    validation: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    format_version: int = VERSION_FORMAT


class Versions:
    """The folder `models` of a workspace."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def building(self) -> Iterator[tuple[str, Path]]:
        """Yield the next version's name and a folder to fill; it appears whole or not at all.

        Raises:
            Refused: `store_locked`, another process trains here.
        """
        with writer_lock(self.folder):
            number = max((int(path.name) for path in self._folders()), default=0) + 1
            name = f"{number:04d}"
            with building_sealed_folder(self.folder / name) as folder:
                yield name, folder

    @property
    def unfinished(self) -> Path:
        """Where a training keeps how far it is, until its version answers."""
        return self.folder / ".training"

    def forget_unfinished(self) -> None:
        """Remove what a training kept: its version is there."""
        shutil.rmtree(self.unfinished, ignore_errors=True)

    def names(self) -> list[str]:
        """Return the names of all versions, oldest first."""
        found = (path for path in self._folders() if (path / CARD_FILE).is_file())
        return [path.name for path in sorted(found, key=lambda path: int(path.name))]

    def path(self, name: str) -> Path:
        """Return the folder of a version.

        Raises:
            UnknownName: there is no such version.
        """
        if name not in self.names():
            known = ", ".join(self.names()) or "none yet"
            raise UnknownName(
                f"There is no model version '{name}'.{nearest(name, self.names())}",
                fix=f"Versions here: {known}. See: habitue models list",
                code="unknown_version",
            )
        return self.folder / name

    def card(self, name: str) -> Card:
        """Return a version's card."""
        return read_card(self.path(name))

    def readable_cards(self) -> list[Card]:
        """Return the cards of the versions that this release can open, oldest first."""
        cards = []
        for name in self.names():
            with suppress(NotReady, Failed):
                cards.append(self.card(name))
        return cards

    def why_not_newest(self, name: str) -> str:
        """Say why `name` should not answer; empty where it learned as much as what answers.

        A model of an older moment is kept to answer for that moment, not for today.
        """
        current = self._pointer_if_whole()[0]
        until = {card.version: card.trained_until for card in self.readable_cards()}
        if current is None or current not in until or until[name] >= until[current]:
            return ""
        return (
            f"Not published: it learned until {format_time(until[name])}, and version {current}, "
            f"which answers, until {format_time(until[current])}. It answers where --as-of names "
            f"a moment in between; to let it always answer: habitue models publish {name}"
        )

    @property
    def published(self) -> str | None:
        """The version that answers; None before the first training."""
        return self._pointer()[0]

    def publish(self, name: str) -> None:
        """Let `name` answer from now on.

        Raises:
            UnknownName: there is no such version.
            NotReady: the version is not whole.
            Failed: `corrupt_file`, a file of it is damaged; `not_finite`, a weight is no number.
        """
        current, before = self._pointer_if_whole()
        self._check_whole(name, before)
        if current is not None and current != name:
            before = [*before, current]
        self._point(name, before)

    def rollback(self) -> str:
        """Let the version that answered before answer again, and return its name.

        Raises:
            NotReady: no version was published before the current one, or it is not whole.
        """
        current, before = self._pointer()
        if current is None:
            raise _no_model()
        if not before:
            raise NotReady(
                f"No version was published before '{current}'.",
                fix="Publish one by name: habitue models publish VERSION",
            )
        target = before[-1]
        self._check_whole(target, before)
        self._point(target, before[:-1])
        return target

    def answering(self, as_of: int | None = None) -> str:
        """Return the version to ask: the published one, or the newest that fits `as_of`.

        A version fits a moment when it learned from nothing later.

        Raises:
            NotReady: nothing was trained, or every version learned from later events.
        """
        current = self.published
        if current is None:
            raise _no_model()
        self.check_there(current)
        if as_of is None or self.card(current).trained_until <= as_of:
            return current
        learned = [(card.trained_until, card.version) for card in self.readable_cards()]
        fitting = [one for one in learned if one[0] <= as_of]
        if fitting:
            return max(fitting)[1]
        until = format_time(self.card(current).trained_until)
        raise NotReady(
            f"Every model here learned from events after {format_time(as_of)} "
            f"(version {current}: up to {until}), so they would know the future.",
            fix=f"Train one for that moment: habitue train --as-of {format_time(as_of)}",
            code="model_knows_later_events",
        )

    def _folders(self) -> list[Path]:
        """Return the folders with a version's name, whole or not."""
        if not self.folder.is_dir():
            return []
        return [path for path in self.folder.iterdir() if path.name.isdecimal() and path.is_dir()]

    def check_there(self, name: str) -> None:
        """Refuse a version that shall answer and is gone; raises `NotReady`."""
        if name not in self.names():
            raise NotReady(
                f"Model version {name}, which shall answer, is no longer in {self.folder}.",
                fix=self._another(name),
                code="version_broken",
            )

    def _check_whole(self, name: str, before: list[str]) -> None:
        """Refuse a version that could not answer, before it is let to."""
        if name in before:
            self.check_there(name)
        folder = self.path(name)
        read_card(folder)
        missing = [part for part in PARTS if not (folder / part).is_dir()]
        if missing:
            raise NotReady(
                f"Model version {name} is not whole: {', '.join(missing)} is missing.",
                fix=self._another(name),
                code="version_broken",
            )
        check_folder(folder, fix=version_fix(folder))
        for path in sorted((*folder.rglob("*.safetensors"), *folder.rglob("*.npz"))):
            _check_finite(path, fix=self._another(name))

    def _another(self, name: str) -> str:
        others = ", ".join(other for other in self.names() if other != name)
        if not others:
            return "Train again: habitue train"
        return f"Let another one answer: habitue models publish VERSION (here: {others})"

    def _pointer(self) -> tuple[str | None, list[str]]:
        path = self.folder / POINTER_FILE
        if not path.is_file():
            return None, []
        fix = "Say which version shall answer: habitue models publish VERSION"
        pointer = read_sealed(path, fix=fix)
        return pointer["version"], pointer["before"]

    def _pointer_if_whole(self) -> tuple[str | None, list[str]]:
        try:
            return self._pointer()
        except Failed:
            return None, []

    def _point(self, name: str, before: list[str]) -> None:
        write_sealed(self.folder / POINTER_FILE, {"version": name, "before": before})


def version_fix(folder: Path) -> str:
    """Return what to do about a damaged model version, the one in `folder`."""
    return (
        "Let another version answer (habitue models publish VERSION) or train again. Or restore "
        f"the workspace from a backup: {restore_command(folder.parent.parent)}"
    )


def _check_finite(path: Path, *, fix: str) -> None:
    """Refuse learnt numbers that are infinite or none at all; their file is whole, they are not."""
    import numpy as np
    from safetensors.numpy import load_file

    if path.suffix == ".safetensors":
        arrays = load_file(path)
    else:
        with np.load(path) as packed:
            arrays = dict(packed)
    for name, array in arrays.items():
        if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
            raise Failed(f"'{name}' in {path} is not finite.", fix=fix, code="not_finite")


def _no_model() -> NotReady:
    return NotReady("There is no model yet.", fix="Train one: habitue train", code="no_model")


def read_card(folder: Path) -> Card:
    """Return the card in a version's folder.

    Raises:
        NotReady: it is damaged (`version_broken`), or another release of Habitue wrote it in a form
            this one cannot read (`version_format`, `newer_format`).
    """
    fix = "Delete that version's folder, then train again: habitue train"
    try:
        document = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
        version_format = document.get("format_version")
    except (ValueError, AttributeError):
        raise NotReady(
            f"The card of model version {folder.name} is damaged ({folder / CARD_FILE}).",
            fix=fix,
            code="version_broken",
        ) from None
    # A version of a release before checksums has none; only its format can be told.
    if version_format == VERSION_FORMAT or (folder / CHECKSUMS_FILE).exists():
        try:
            check_folder(folder, CARD_FILE)
        except Failed as error:
            raise NotReady(
                f"Model version {folder.name} cannot be opened: {error.message}",
                fix=fix,
                code="version_broken",
            ) from None
    if isinstance(version_format, int) and version_format > VERSION_FORMAT:
        raise NotReady(
            f"{folder / CARD_FILE} has format {version_format}; this version of Habitue knows "
            f"formats up to {VERSION_FORMAT}.",
            fix="Upgrade Habitue: pip install --upgrade habitue",
            code="newer_format",
        )
    if version_format == VERSION_FORMAT:
        with suppress(TypeError):  # of what this release knows, something lacks or is too much
            return Card(**document)
    made_by = document.get("habitue_version", "unknown")
    raise NotReady(
        f"Model version {folder.name} was made by another release of Habitue ({made_by}) and "
        "cannot be opened by this one.",
        fix="Train again: habitue train",
        code="version_format",
    )


def read_evaluation(folder: Path) -> Mapping[str, Json] | None:
    """Return the last evaluation in a version's folder, None where there is none."""
    path = folder / EVALUATION_FILE
    if not path.is_file():
        return None
    return read_sealed(path, fix="Measure again: habitue evaluate")


def write_evaluation(folder: Path, document: Mapping[str, Json]) -> None:
    """Write an evaluation into a version's folder."""
    write_sealed(folder / EVALUATION_FILE, document)


def now_text() -> str:
    """Return this moment as ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def write_card(folder: Path, card: Card) -> None:
    """Write `card` into a version's folder."""
    write_json(folder / CARD_FILE, asdict(card))
