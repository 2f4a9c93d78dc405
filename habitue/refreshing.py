"""Everyone's profile, predictions and recommendations at one moment, as files.

    profiles/0003/          one refresh: table/ and offers/ by bucket, recommender/, summary.json
    profiles/current.json   {"refresh": "0003"}

In: a model version and the log. Out: a folder that appears whole or not at all, then becomes the
current one by an atomic swap. Knows nothing about what is done with the files.
"""

import json
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import polars as pl

from habitue.actions.reasons import Catalogue
from habitue.actions.recommend import Adviser, Offers
from habitue.answering import Scored, Version
from habitue.baselines.cooccurrence import CoOccurrence
from habitue.baselines.popularity import Popularity
from habitue.compute import Progress
from habitue.config import Settings
from habitue.errors import NotReady
from habitue.events.log import EventLog
from habitue.events.store import EventStore
from habitue.files import Json, building_folder, write_json
from habitue.profiles.labels import population
from habitue.profiles.profile import profile_table
from habitue.schema import format_time
from habitue.sequences.encoder import encode
from habitue.sequences.sequences import Sequences

OFFER_COLUMNS = {
    "user_id": pl.String(),
    "rank": pl.Int32(),
    "item_id": pl.String(),
    "score": pl.Float64(),
    "source": pl.String(),
    "reason": pl.String(),
}


@dataclass(frozen=True)
class Refresh:
    """One refresh on disk."""

    folder: Path
    as_of: int
    model_version: str
    data_fingerprint: str
    persons: int
    seconds: float

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the folder of a refresh."""
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        return cls(folder=folder, **summary)

    @cached_property
    def table(self) -> pl.DataFrame:
        """The profile table: one row a person."""
        return pl.read_parquet(sorted((self.folder / "table").glob("*.parquet")))

    def as_json(self) -> dict[str, Json]:
        """Return the document of `refresh`."""
        return {
            "persons": self.persons,
            "seconds": self.seconds,
            "persons_per_second": round(self.persons / max(self.seconds, 1e-9)),
            "as_of": format_time(self.as_of),
            "model_version": self.model_version,
        }


def current_refresh(folder: Path) -> Refresh:
    """Return the last refresh of the folder `profiles`.

    Raises:
        NotReady: there was none.
    """
    pointer = folder / "current.json"
    if not pointer.is_file():
        raise NotReady(
            "Nobody's profile has been computed yet.", fix="Compute them: habitue refresh"
        )
    name = json.loads(pointer.read_text(encoding="utf-8"))["refresh"]
    return Refresh.open(folder / name)


def refresh_everyone(
    version: Version,
    store: EventStore,
    log: EventLog,
    settings: Settings,
    *,
    as_of: int,
    folder: Path,
    progress: Progress,
) -> Refresh:
    """Compute everyone with an event before `as_of` and make it the current refresh."""
    began = time.monotonic()
    name = f"{max((int(p.name) for p in folder.glob('[0-9]*')), default=0) + 1:04d}"
    with building_folder(folder / name) as building:
        adviser = recount(version, log, settings, as_of=as_of, progress=progress)
        for part in adviser.blend.components:
            if isinstance(part, CoOccurrence | Popularity):
                part.save(building / "recommender")
        (building / "table").mkdir()
        (building / "offers").mkdir()
        items = log.items(as_of=as_of)
        persons = 0
        progress.start("Profiles", store.num_subjects, "persons")
        for bucket in range(log.num_buckets):
            frame = log.read_bucket(bucket, as_of=as_of)
            scored = version.score(frame, items, as_of=as_of)
            table = profile_table(
                frame,
                items,
                as_of=as_of,
                norms=version.norms,
                settings=settings.profiles,
                user_ids=store.outside_ids,
                predictions=population_predictions(frame, scored),
            )
            table.write_parquet(building / "table" / f"{bucket:04d}.parquet")
            offers = adviser.recommend(
                scored.sequences,
                store.outside_ids(scored.sequences.subject_ids).to_list(),
                as_of=as_of,
                k=settings.recommend.k,
            )
            offer_rows(offers).write_parquet(building / "offers" / f"{bucket:04d}.parquet")
            persons += table.height
            progress.advance(table.height)
        progress.finish()
        summary: dict[str, Json] = {
            "as_of": as_of,
            "model_version": version.card.version,
            "data_fingerprint": store.fingerprint,
            "persons": persons,
            "seconds": round(time.monotonic() - began, 2),
        }
        write_json(building / "summary.json", summary)
    write_json(folder / "current.json", {"refresh": name})
    for old in sorted(folder.glob("[0-9]*"))[:-2]:
        shutil.rmtree(old)
    return Refresh.open(folder / name)


def recount(
    version: Version, log: EventLog, settings: Settings, *, as_of: int, progress: Progress
) -> Adviser:
    """Return an adviser whose counting recommenders know everything before `as_of`.

    The network's weights and the blend's stay those of the version.
    """
    blend = version.blend
    num_items = version.vocabulary.num_items
    # Two passes, each over all buckets, so that no more than one bucket is in memory.
    progress.start("Counting", 2 * log.num_buckets, "buckets")
    popularity = Popularity.fit(
        _encoded(version, log, as_of, progress),
        num_items=num_items,
        as_of=as_of,
        target_types=blend.target_types,
    )
    together = CoOccurrence.fit(
        _encoded(version, log, as_of, progress),
        num_items=num_items,
        as_of=as_of,
        target_types=blend.target_types,
        settings=version.cooccurrence.settings,
    )
    progress.finish()
    parts = (version.network, version.habit, version.personal, together, popularity)
    return Adviser(
        blend=blend.with_components(parts),
        catalogue=Catalogue.of(version.vocabulary.item_ids, log.items(as_of=as_of)),
        language=settings.shop.language,
        model_version=version.card.version,
    )


def adviser_of(
    version: Version, log: EventLog, settings: Settings, *, as_of: int, refresh: Refresh | None
) -> Adviser:
    """Return the adviser for one moment: the refresh's counts where they are not from later."""
    blend = version.blend
    if refresh and refresh.model_version == version.card.version and refresh.as_of <= as_of:
        counted = refresh.folder / "recommender"
        blend = blend.with_components(
            (
                version.network,
                version.habit,
                version.personal,
                CoOccurrence.load(counted),
                Popularity.load(counted),
            )
        )
    return Adviser(
        blend=blend,
        catalogue=Catalogue.of(version.vocabulary.item_ids, log.items(as_of=as_of)),
        language=settings.shop.language,
        model_version=version.card.version,
    )


def population_predictions(frame: pl.DataFrame, scored: Scored) -> dict[str, pl.DataFrame]:
    """Return each task's predictions of the persons it is about, as frames by task."""
    found = {}
    for name, predictions in scored.predictions.items():
        asked = population(frame, predictions.task, as_of=scored.as_of)
        found[name] = predictions.to_frame().join(
            asked, on="subject_id", how="semi", maintain_order="left"
        )
    return found


def offer_rows(offers: Iterable[Offers]) -> pl.DataFrame:
    """Return offers as rows of `OFFER_COLUMNS`."""
    rows = [
        (one.user_id, rank, item.item_id, item.score, item.source, item.reason)
        for one in offers
        for rank, item in enumerate(one.items, start=1)
    ]
    return pl.DataFrame(rows, schema=OFFER_COLUMNS, orient="row")


def _encoded(
    version: Version, log: EventLog, as_of: int, progress: Progress
) -> Iterator[Sequences]:
    items = log.items(as_of=as_of)
    for bucket in range(log.num_buckets):
        yield encode(log.read_bucket(bucket, as_of=as_of), items, version.vocabulary)
        progress.advance()
