"""One shop's folder: what its verbs share.

    shop/habitue.toml   settings          shop/profiles/   the last refresh
    shop/store/         events            shop/audiences/  saved lists
    shop/models/        model versions    shop/reports/    the HTML report
    shop/comparison/    what `compare` did    shop/tuning/     what `tune` tried

Holds what crosses stages and no more: which folder, which version answers, which moment is meant.
"""

import shlex
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from habitue.arguments import Moment, asked_moment, check_id, folder_of
from habitue.compute import Progress, Silent
from habitue.config import SETTINGS_FILE, Settings, load_settings
from habitue.errors import Failed, HabitueWarning, NotReady, SettingsError
from habitue.languages import Language, language
from habitue.versions import Versions, read_evaluation

if TYPE_CHECKING:
    import polars as pl

    from habitue.actions.recommend import Adviser
    from habitue.answering import Version
    from habitue.events.span import SpannedLog
    from habitue.events.store import EventStore
    from habitue.preparing import Prepared
    from habitue.profiles.history import Moved
    from habitue.profiles.profile import Profile
    from habitue.refreshing import Refresh
    from habitue.reporting import Sources
    from habitue.results import ItemList

Overrides = Mapping[str, Mapping[str, object]]


class Shop:
    """One shop: its settings, its log, its model versions, its last refresh."""

    def __init__(
        self,
        folder: str | Path = "shop",
        *,
        progress: Progress | None = None,
        settings: Overrides | None = None,
    ) -> None:
        """Open the workspace in `folder`, which need not exist yet.

        `settings` win over `habitue.toml` and the environment, nested as in the file:
        `{"training": {"epochs": 3}}`.
        """
        self.folder = folder_of(folder)
        self.progress = progress or Silent()
        self._overrides: dict[str, Mapping[str, object]] = dict(settings or {})
        self._versions = Versions(self.folder / "models")
        self._store: EventStore | None = None
        self._log: SpannedLog | None = None
        self._version: Version | None = None
        self._advised: tuple[tuple[str, int, int | None, str, str], Adviser] | None = None

    def settings(self, **overrides: Mapping[str, object]) -> Settings:
        """Return the settings in force; each keyword is a stage."""
        merged = {
            stage: {**self._overrides.get(stage, {}), **overrides.get(stage, {})}
            for stage in {*self._overrides, *overrides}
        }
        return load_settings(self.folder, merged)

    @property
    def language(self) -> Language:
        """The language of the shop's settings; of settings that are wrong, the one spoken now."""
        try:
            return self.settings().shop.language
        except SettingsError:
            return language()

    @property
    def store(self) -> "EventStore":
        """The event store."""
        from habitue.events.store import EventStore

        if self._store is None:
            self._store = EventStore(self.folder / "store", self.settings().cleaning)
        return self._store

    @property
    def log(self) -> "SpannedLog":
        """The log, its beginning and end freed from strays.

        Raises:
            NotReady: nothing was ingested.
        """
        from habitue.events.one_currency import OneCurrencyLog
        from habitue.events.span import SpannedLog, kept_span

        if self._log is None:
            if not self._has_settings() and self.store.is_empty:
                raise self._no_workspace()
            if self.store.is_empty:
                raise NotReady(
                    f"There are no events in {self.folder} yet.",
                    fix="Store some: habitue ingest FILE…",
                    code="no_events",
                )
            cache = self.folder / "store" / "span.json"
            span = kept_span(self.store, cache, fingerprint=self.store.fingerprint)
            money = OneCurrencyLog(self.store, self.settings().shop.currency)
            self._log = SpannedLog(money, span, folder=self.store.folder)
        return self._log

    def last_refresh(self) -> "Refresh | None":
        """Return the last refresh, None where there is none."""
        try:
            return self._refreshed()
        except NotReady:
            return None

    def _refreshed(self) -> "Refresh":
        from habitue.refreshing import current_refresh

        if not self._has_settings() and not (self.folder / "profiles").is_dir():
            raise self._no_workspace()
        return current_refresh(self.folder / "profiles")

    def _adviser(self, version: "Version", log: "SpannedLog", moment: int) -> "Adviser":
        """Return the adviser for a moment; the last one is kept, for counting takes a while."""
        from habitue.refreshing import adviser_of, known_at_of

        settings, fingerprint = self.settings(), self.store.fingerprint
        known_at = known_at_of(log, moment)
        asked = (version.card.version, moment, known_at, fingerprint, settings.shop.language)
        if self._advised is None or self._advised[0] != asked:
            adviser = adviser_of(
                version,
                log,
                settings,
                as_of=moment,
                fingerprint=fingerprint,
                refresh=self.last_refresh(),
                progress=self.progress,
            )
            self._advised = asked, adviser
        return self._advised[1]

    def _person(self, user: str, log: "SpannedLog", moment: int) -> "pl.DataFrame | None":
        """Return a customer's events before `moment`; None for somebody nobody has seen."""
        subject = self.store.subject_of(check_id(user))
        if subject is None:
            return None
        bucket = self.store.bucket_of(subject)
        frame = log.read_bucket(bucket, as_of=moment, subject_id=subject)
        return frame if frame.height else None

    def _profile(self, user: str, as_of: Moment | None) -> "Profile":
        """Return who a customer is, and how they moved; of somebody unknown, the fallback."""
        log, moment, version = self._asked(as_of)
        frame = self._person(user, log, moment)
        if frame is None:
            return version.unknown_profile(user, as_of=moment)
        found = version.profiles(
            frame,
            log.items(as_of=moment),
            as_of=moment,
            settings=self.settings().profiles,
            user_ids=self.store.outside_ids,
        )[0]
        return replace(found, history=self._history(user, log, moment))

    def _history(self, user: str, log: "SpannedLog", moment: int) -> "tuple[Moved, ...]":
        """Return how a customer moved from refresh to refresh, as it could be told at `moment`.

        Where that is damaged it is told, and a profile goes without.
        """
        from habitue.refreshing import known_at_of

        subject = self.store.subject_of(user)
        if subject is None:
            return ()
        try:
            if (refresh := self.last_refresh()) is None:
                return ()
            known_at = known_at_of(log, moment) or moment
            bucket = self.store.bucket_of(subject)
            return refresh.moves(subject, user, bucket, as_of=moment, known_at=known_at)
        except Failed as error:
            warnings.warn(str(error), HabitueWarning, stacklevel=2)
            return ()

    def _moment(self, as_of: Moment | None) -> int | None:
        return None if as_of is None else asked_moment(as_of, self.log, self.settings().tasks)

    def _asked(self, as_of: Moment | None) -> "tuple[SpannedLog, int, Version]":
        """Return the log, the moment that is meant and the version that answers.

        Now is the moment of the last event, with all that has arrived since: ages count from
        there. Of a moment that is named, what arrived later is not looked at.
        """
        log = self.log
        moment = self._moment(as_of)
        version = self._answering(moment)
        if moment is not None:
            return log, moment, version
        # A version trained as of a moment after the last event is asked about that moment.
        now = max(log.end_at, version.card.trained_until)
        return self._log_known_now(now), now, version

    def _log_known_now(self, moment: int) -> "SpannedLog":
        """Return the log that counts, at `moment`, all that has arrived."""
        return self._log_known_at(moment, self.log.span.arrived_at)

    def _log_known_at(self, moment: int, known_at: int | None) -> "SpannedLog":
        """Return the log that counts, at `moment`, what arrived up to `known_at`."""
        from habitue.events.arrived import ArrivedLog

        if known_at is None:
            return self.log
        folder = self.store.folder
        return ArrivedLog(self.store, self.log.span, self.store, moment, known_at, folder=folder)

    def _answering(self, moment: int | None) -> "Version":
        return self._open(self._versions.answering(moment))

    def _open(self, name: str) -> "Version":
        from habitue.answering import Version

        if self._version is None or self._version.card.version != name:
            self._version = Version.open(self._versions.path(name))
        return self._version

    def _settings_with_sources(self) -> Settings:
        settings = self.settings()
        if not settings.sources:
            raise self._no_workspace()
        return settings

    def _has_settings(self) -> bool:
        return (self.folder / SETTINGS_FILE).is_file()

    def _no_workspace(self) -> NotReady:
        return NotReady(
            f"There is no shop in {self.folder} yet.",
            fix=f"Begin with: habitue init -w {shlex.quote(str(self.folder))} --from FILE…",
            code="no_workspace",
        )

    @property
    def _comparison(self) -> Path:
        """Where a comparison keeps what is finished."""
        return self.folder / "comparison"

    def _unfinished(self, architecture: str) -> Path:
        """Where a training goes on from: its own state, else that of the comparison's choice."""
        from habitue.attempts import state_folder

        compared = state_folder(self._comparison, architecture)
        own = self._versions.unfinished
        return compared if compared.is_dir() and not own.is_dir() else own

    @contextmanager
    def _prepared(self, settings: Settings, as_of: Moment | None) -> "Iterator[Prepared]":
        """Yield what networks learn from, without a version; it is gone afterwards."""
        from habitue.preparing import prepare

        log, moment = self.log, self._moment(as_of)
        with TemporaryDirectory(prefix="habitue-") as folder:
            yield prepare(
                log,
                settings,
                as_of=moment,
                folder=Path(folder) / "sequences",
                store=self.store.folder,
                progress=self.progress,
            )

    def _counted_popular(self, k: int, as_of: Moment | None) -> "ItemList":
        """List what is popular in a shop without a model."""
        from habitue.actions.recommend import ScoredItem
        from habitue.baselines.popularity import WINDOW_DAYS
        from habitue.baselines.taken import most_taken
        from habitue.results import PopularItems

        wanted, moment = self.settings().recommend, self._moment(as_of)
        log = self._log_known_now(self.log.end_at) if moment is None else self.log
        moment = log.end_at if moment is None else moment
        taken = most_taken(
            log, as_of=moment, least=wanted.min_persons, k=k, setting=wanted.target_event
        )
        rows = list(taken.items.iter_rows())
        return PopularItems(
            items=[ScoredItem(item_id, float(persons)) for item_id, _, persons in rows],
            names={item_id: name for item_id, name, _ in rows},
            as_of=moment,
            model_version=None,
            event_types=taken.event_types,
            window_days=WINDOW_DAYS,
        )

    def _report_sources(self) -> "Sources":
        """What the report is made from: the last refresh's version, else the one that answers."""
        from habitue.reporting import Sources

        refresh = self.last_refresh()
        log = self._log_known_at(refresh.as_of, refresh.known_at) if refresh else self.log
        name = refresh.model_version if refresh else self._versions.published
        version = None if name is None else self._open(name)
        return Sources(
            folder=self.folder,
            log=log,
            store=self.store,
            settings=self.settings(),
            version=version,
            evaluation=None if version is None else read_evaluation(version.folder),
            refresh=refresh,
            adviser=self._adviser(version, log, refresh.as_of) if version and refresh else None,
        )
