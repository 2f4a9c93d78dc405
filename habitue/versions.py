"""Model versions: one folder each, and a pointer to the one that answers.

    models/0001/            a version: network/, vocabulary/, recommender/, tasks/, card.json …
    models/published.json   {"version": "0002", "before": ["0001"]}

Publishing is one atomic swap of the pointer, rollback the same. Knows nothing about what a
version computes.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from habitue.errors import NotReady, UnknownName, nearest
from habitue.files import building_folder, write_json
from habitue.schema import format_time

CARD_FILE = "card.json"
VERSION_FORMAT = 1  # of a version's folder; raised when an older one can no longer be read


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
        """Yield the next version's name and a folder to fill; it appears whole or not at all."""
        number = max((int(name) for name in self.names()), default=0) + 1
        name = f"{number:04d}"
        with building_folder(self.folder / name) as folder:
            yield name, folder

    def names(self) -> list[str]:
        """Return the names of all versions, oldest first."""
        if not self.folder.is_dir():
            return []
        return sorted(p.name for p in self.folder.iterdir() if (p / CARD_FILE).is_file())

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

    @property
    def published(self) -> str | None:
        """The version that answers; None before the first training."""
        return self._pointer()[0]

    def publish(self, name: str) -> None:
        """Let `name` answer from now on."""
        self.path(name)
        current, before = self._pointer()
        if current is not None and current != name:
            before = [*before, current]
        write_json(self.folder / "published.json", {"version": name, "before": before})

    def rollback(self) -> str:
        """Let the version that answered before answer again, and return its name.

        Raises:
            NotReady: no version was published before the current one.
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
        write_json(self.folder / "published.json", {"version": target, "before": before[:-1]})
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
        if as_of is None or self.card(current).trained_until <= as_of:
            return current
        learned = [(self.card(name).trained_until, name) for name in self.names()]
        fitting = [one for one in learned if one[0] <= as_of]
        if fitting:
            return max(fitting)[1]
        until = format_time(self.card(current).trained_until)
        raise NotReady(
            f"Every model here learned from events after {format_time(as_of)} "
            f"(version {current}: up to {until}), so its answers would know the future.",
            fix=f"Train one for that moment: habitue train --as-of {format_time(as_of)}",
            code="model_knows_later_events",
        )

    def _pointer(self) -> tuple[str | None, list[str]]:
        path = self.folder / "published.json"
        if not path.is_file():
            return None, []
        pointer = json.loads(path.read_text(encoding="utf-8"))
        return pointer["version"], pointer["before"]


def _no_model() -> NotReady:
    return NotReady("There is no model yet.", fix="Train one: habitue train", code="no_model")


def read_card(folder: Path) -> Card:
    """Return the card in a version's folder.

    Raises:
        NotReady: another release of Habitue wrote it in a form this one cannot read.
    """
    document = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
    if document.get("format_version") != VERSION_FORMAT:
        made_by = document.get("habitue_version", "unknown")
        raise NotReady(
            f"Model version {folder.name} was made by another release of Habitue ({made_by}) and "
            "cannot be opened by this one.",
            fix="Train again: habitue train",
            code="version_format",
        )
    return Card(**document)


def now_text() -> str:
    """Return this moment as ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def write_card(folder: Path, card: Card) -> None:
    """Write `card` into a version's folder."""
    write_json(folder / CARD_FILE, asdict(card))
