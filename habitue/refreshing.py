"""Everyone's profile, predictions and recommendations at one moment, as files.

    profiles/0003/          one refresh: table/, offers/, history/ and memory/ by bucket,
                            recommender/, summary.json
    profiles/current.json   {"refresh": "0003"}, sealed

In: a model version and the log. Out: a folder that appears whole or not at all, then becomes the
current one by an atomic swap. What the one before knows already of persons whose events are the
same is taken over, and changes no byte. Knows nothing about what is done with the files.
"""

import json
import shutil
import time
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

import polars as pl

from habitue.actions.blend import Blend
from habitue.actions.reasons import Catalogue
from habitue.actions.recommend import Adviser
from habitue.answering import Scored, Version, recounted
from habitue.baselines.cooccurrence import CoOccurrence
from habitue.baselines.popularity import Popularity
from habitue.checksums import (
    CHECKSUMS_FILE,
    building_sealed_folder,
    check_folder,
    read_sealed,
    write_sealed,
)
from habitue.compute import Progress
from habitue.config import Settings
from habitue.errors import Failed, HabitueWarning, NotReady
from habitue.events.arrived import ArrivedLog
from habitue.events.lock import ReaderLock
from habitue.events.log import EventLog
from habitue.events.store import EventStore
from habitue.files import Json, write_json
from habitue.profiles.history import Moved, continued, entries_of, moves_of, no_entries
from habitue.profiles.labels import population
from habitue.profiles.profile import table_and_tags
from habitue.reusing import MEMORY, is_whole, kept_memory, network_key, whole_key
from habitue.schema import format_time
from habitue.sequences.sequences import Sequences

if TYPE_CHECKING:
    from habitue.model.remembering import Memory, RememberingNetwork

CURRENT_FILE = "current.json"
SUMMARY_FILE = "summary.json"
AGAIN = "Compute it again: habitue refresh"
HISTORY_AGAIN = (
    "Restore a backup, or let the next refresh begin the history of these persons anew: "
    "habitue refresh"
)


@dataclass(frozen=True)
class Refresh:
    """One refresh on disk."""

    folder: Path
    as_of: int
    model_version: str
    data_fingerprint: str
    persons: int
    seconds: float
    known_at: int | None = None  # what arrived after `as_of` counted, up to this moment
    recomputed: int = 0  # persons of whom the network had to think anew
    reused: int = 0  # and of whom it remembered
    network_key: str = ""  # of `reusing`, like the next
    whole_key: str = ""

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the folder of a refresh; what is read later is checked when it is read.

        Raises:
            NotReady: another release of Habitue made it.
            Failed: `corrupt_file`, naming the file that is damaged or missing.
        """
        if (folder / CHECKSUMS_FILE).is_file():
            check_folder(folder, SUMMARY_FILE, fix=AGAIN)
            summary = json.loads((folder / SUMMARY_FILE).read_text(encoding="utf-8"))
            with suppress(TypeError):  # of what this release knows, something lacks or is too much
                return cls(folder=folder, **summary)
        raise NotReady(
            f"The refresh {folder} is not whole, or another release of Habitue made it.",
            fix=AGAIN,
            code="refresh_broken",
        )

    def holds(
        self, model_version: str, *, as_of: int, fingerprint: str, known_at: int | None = None
    ) -> bool:
        """Whether this is the refresh of that version, moment and log, as it was known then."""
        own = (self.model_version, self.as_of, self.data_fingerprint, self.known_at)
        return own == (model_version, as_of, fingerprint, known_at)

    @cached_property
    def table(self) -> pl.DataFrame:
        """The profile table: one row a person."""
        check_folder(self.folder, "table", fix=AGAIN)
        return pl.read_parquet(sorted((self.folder / "table").glob("*.parquet")))

    def history(self, bucket: int) -> pl.DataFrame:
        """Return how the persons of a bucket moved; of nobody where an earlier release made it.

        Raises:
            Failed: `corrupt_file`, naming the file that is damaged.
        """
        part = f"history/{bucket:04d}.parquet"
        check_folder(self.folder, part, fix=HISTORY_AGAIN)
        path = self.folder / part
        return pl.read_parquet(path) if path.is_file() else no_entries()

    def moves(
        self, subject_id: int, user_id: str, bucket: int, *, as_of: int, known_at: int
    ) -> tuple[Moved, ...]:
        """Return how one person moved, as it could be told then; see `moves_of`."""
        own = (pl.col("subject_id") == subject_id) & (pl.col("user_id") == user_id)
        return moves_of(self.history(bucket).filter(own), as_of=as_of, known_at=known_at)

    def as_json(self) -> dict[str, Json]:
        """Return the document of `refresh`."""
        return {
            "persons": self.persons,
            "seconds": self.seconds,
            "persons_per_second": round(self.persons / max(self.seconds, 1e-9)),
            "as_of": format_time(self.as_of),
            "model_version": self.model_version,
            "recomputed": self.recomputed,
            "reused": self.reused,
        }


def current_refresh(folder: Path) -> Refresh:
    """Return the last refresh of the folder `profiles`.

    Raises:
        NotReady: there was none.
    """
    pointer = folder / CURRENT_FILE
    if not pointer.is_file():
        raise NotReady(
            "Nobody's profile has been computed yet.", fix="Compute them: habitue refresh"
        )
    return Refresh.open(folder / str(read_sealed(pointer, fix=AGAIN)["refresh"]))


def refresh_everyone(
    version: Version,
    store: EventStore,
    log: EventLog,
    settings: Settings,
    *,
    as_of: int,
    folder: Path,
    progress: Progress,
    from_scratch: bool = False,
) -> Refresh:
    """Compute everyone with an event before `as_of` and make it the current refresh.

    Who calls holds the writer's lock of `folder`. With `from_scratch` nothing but history is taken
    over from the refresh before; the answers are the same.
    """
    name, before = next_name(folder), _last_whole(folder)
    known = None if from_scratch else before
    key = whole_key(
        version,
        settings,
        as_of=as_of,
        known_at=known_at_of(log, as_of),
        fingerprint=store.fingerprint,
    )
    if known and known.whole_key == key and is_whole(known.folder):
        _copy(known, folder / name)
    else:
        with building_sealed_folder(folder / name) as building:
            work = _Work(
                version, store, log, settings, as_of, key, building, before, known, progress
            )
            work.write()
    write_sealed(folder / CURRENT_FILE, {"refresh": name})
    readers = ReaderLock(folder)
    readers.hold()
    if readers.is_alone():
        for old in refreshes_in(folder)[:-2]:
            shutil.rmtree(old)
    return Refresh.open(folder / name)


def _copy(refresh: Refresh, folder: Path) -> None:
    """Make a refresh of the very same moment, log, version and settings: it is the same."""
    began = time.monotonic()
    with building_sealed_folder(folder) as building:
        left_out = shutil.ignore_patterns(CHECKSUMS_FILE)
        shutil.copytree(refresh.folder, building, dirs_exist_ok=True, ignore=left_out)
        seconds = round(time.monotonic() - began, 2)
        again = {"seconds": seconds, "recomputed": 0, "reused": refresh.persons}
        summary = json.loads((building / SUMMARY_FILE).read_text(encoding="utf-8"))
        write_json(building / SUMMARY_FILE, summary | again)


@dataclass(frozen=True)
class _Work:
    """What a refresh does bucket by bucket, and all it needs for it."""

    version: Version
    store: EventStore
    log: EventLog
    settings: Settings
    as_of: int
    whole_key: str
    building: Path
    before: Refresh | None  # whose history goes on
    known: Refresh | None  # what is known already
    progress: Progress

    def write(self) -> None:
        """Write all files of the refresh."""
        began = time.monotonic()
        for counted in self.adviser.blend.components:
            if isinstance(counted, CoOccurrence | Popularity):
                counted.save(self.building / "recommender")
        for part in ("table", "offers", "history", MEMORY):
            (self.building / part).mkdir()
        persons = recomputed = 0
        self.progress.start("Profiles", self.store.num_subjects, "persons")
        for bucket in range(self.log.num_buckets):
            done = self.write_bucket(bucket)
            persons += done
            recomputed += self.network.recomputed
            self.progress.advance(done)
        self.progress.finish()
        summary: dict[str, Json] = {
            "as_of": self.as_of,
            "model_version": self.version.card.version,
            "data_fingerprint": self.store.fingerprint,
            "persons": persons,
            "seconds": round(time.monotonic() - began, 2),
            "known_at": self.known_at,
            "recomputed": recomputed,
            "reused": persons - recomputed,
            "network_key": self.network_key,
            "whole_key": self.whole_key,
        }
        write_json(self.building / SUMMARY_FILE, summary)

    @cached_property
    def network_key(self) -> str:
        return network_key(self.version)

    @cached_property
    def network(self) -> "RememberingNetwork":
        from habitue.model.remembering import RememberingNetwork

        return RememberingNetwork(self.version.network)

    @cached_property
    def adviser(self) -> Adviser:
        blend = recounted(self.version, self.log, as_of=self.as_of, progress=self.progress)
        parts = (part for part in blend.components if part.name != self.network.name)
        blend = blend.with_components((*parts, self.network))
        return _adviser(self.version, blend, self.log, self.settings, as_of=self.as_of)

    @property
    def known_at(self) -> int | None:
        return known_at_of(self.log, self.as_of)

    @cached_property
    def items(self) -> pl.DataFrame:
        return self.log.items(as_of=self.as_of)

    def write_bucket(self, bucket: int) -> int:
        """Write all files of a bucket, and return how many persons are in it."""
        as_of, name, version = self.as_of, f"{bucket:04d}.parquet", self.version
        self.network.begin(self.memory(bucket))
        frame = self.log.read_bucket(bucket, as_of=as_of)
        scored = version.score(
            frame, self.items, as_of=as_of, tasks=version.task_models, network=self.network
        )
        predictions = population_predictions(frame, scored)
        table, tags = table_and_tags(
            frame,
            self.items,
            as_of=as_of,
            norms=version.norms,
            settings=self.settings.profiles,
            user_ids=self.store.outside_ids,
            predictions=predictions,
            groups=version.group_names(scored),
        )
        table.write_parquet(self.building / "table" / name)
        self.network.look(scored.sequences, as_of=as_of)
        self.offers(scored.sequences).write_parquet(self.building / "offers" / name)
        self.network.memory.frame().write_parquet(self.building / MEMORY / name)
        history = self.history(bucket, table, tags, predictions)
        history.write_parquet(self.building / "history" / name)
        return table.height

    def memory(self, bucket: int) -> "Memory":
        """Return what the network remembers of the persons of a bucket."""
        from habitue.model.remembering import Memory

        if self.known is None or self.known.network_key != self.network_key:
            return Memory.empty(self.network.width)
        return kept_memory(self.known.folder, bucket, self.network.width)

    def offers(self, sequences: Sequences) -> pl.DataFrame:
        """Return what to offer to each person."""
        return self.adviser.offer_rows(
            sequences,
            self.store.outside_ids(sequences.subject_ids).to_list(),
            as_of=self.as_of,
            k=self.settings.recommend.k,
        )

    def history(
        self,
        bucket: int,
        table: pl.DataFrame,
        tags: pl.DataFrame,
        predictions: Mapping[str, pl.DataFrame],
    ) -> pl.DataFrame:
        """Return how the persons of a bucket moved, up to now."""
        known_at = self.known_at or self.as_of
        entries = entries_of(
            table,
            tags,
            predictions,
            as_of=self.as_of,
            known_at=known_at,
            model_version=self.version.card.version,
        )
        return continued(
            _kept_history(self.before, bucket, self.store),
            entries,
            as_of=self.as_of,
            known_at=known_at,
            settings=self.settings.profiles,
        )


def _last_whole(folder: Path) -> Refresh | None:
    """Return the last refresh that can be read; what is damaged is told and passed over."""
    if not (folder / CURRENT_FILE).is_file():
        return None
    try:
        return current_refresh(folder)
    except (NotReady, Failed) as error:
        warnings.warn(str(error), HabitueWarning, stacklevel=2)
    for path in reversed(refreshes_in(folder)):
        with suppress(NotReady, Failed):
            return Refresh.open(path)
    return None


def _kept_history(before: Refresh | None, bucket: int, store: EventStore) -> pl.DataFrame:
    """Return how the persons of a bucket moved up to now; what is damaged is told and left out."""
    if before is None:
        return no_entries()
    try:
        kept = before.history(bucket)
    except Failed as error:
        warnings.warn(str(error), HabitueWarning, stacklevel=2)
        return no_entries()
    # In a store that was made anew a subject's number may be another person's.
    return kept.filter(store.outside_ids(kept["subject_id"]) == kept["user_id"])


def next_name(folder: Path) -> str:
    """Return the name of the next refresh in the folder `profiles`."""
    return f"{max((int(path.name) for path in refreshes_in(folder)), default=0) + 1:04d}"


def refreshes_in(folder: Path) -> list[Path]:
    """Return the refreshes in the folder `profiles`, oldest first."""
    return sorted(folder.glob("[0-9]*"), key=lambda path: int(path.name))


def adviser_of(
    version: Version,
    log: EventLog,
    settings: Settings,
    *,
    as_of: int,
    fingerprint: str,
    refresh: Refresh | None,
    progress: Progress,
) -> Adviser:
    """Return the adviser for one moment, its counting recommenders counted up to that moment.

    `fingerprint` is the log's. Counts of this very log and moment are taken from the refresh or
    from the version where they have them; else the log is counted, in one pass.
    """
    card = version.card
    known_at = known_at_of(log, as_of)
    counted = card.trained_until, card.data_fingerprint
    if refresh and refresh.holds(
        card.version, as_of=as_of, fingerprint=fingerprint, known_at=known_at
    ):
        blend = _blend_of(refresh, version)
    elif (known_at or as_of) <= as_of and counted == (as_of, fingerprint):
        blend = version.blend
    else:
        blend = recounted(version, log, as_of=as_of, progress=progress)
    return _adviser(version, blend, log, settings, as_of=as_of)


def known_at_of(log: EventLog, as_of: int) -> int | None:
    """Return until when arrivals count at `as_of`; None where that is `as_of` itself."""
    return log.known_at if isinstance(log, ArrivedLog) and log.at == as_of else None


def _adviser(
    version: Version, blend: Blend, log: EventLog, settings: Settings, *, as_of: int
) -> Adviser:
    return Adviser(
        blend=blend,
        catalogue=Catalogue.of(version.vocabulary.item_ids, log.items(as_of=as_of)),
        language=settings.shop.language,
        model_version=version.card.version,
        min_persons=settings.recommend.min_persons,
    )


def _blend_of(refresh: Refresh, version: Version) -> Blend:
    """Return the version's blend with what the refresh counted."""
    check_folder(refresh.folder, "recommender", fix=AGAIN)
    counted = refresh.folder / "recommender"
    together, sold = CoOccurrence.load(counted), Popularity.load(counted)
    return version.blend.with_components((*version.lasting_parts, together, sold))


def population_predictions(frame: pl.DataFrame, scored: Scored) -> dict[str, pl.DataFrame]:
    """Return each task's predictions of the persons it is about, as frames by task."""
    found = {}
    for name, predictions in scored.predictions.items():
        asked = population(frame, predictions.task, as_of=scored.as_of)
        found[name] = predictions.to_frame().join(
            asked, on="subject_id", how="semi", maintain_order="left"
        )
    return found
