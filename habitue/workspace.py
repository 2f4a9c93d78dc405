"""A workspace: one shop's folder, and a method for every verb.

    shop/habitue.toml   settings          shop/profiles/   the last refresh
    shop/store/         events            shop/audiences/  saved lists
    shop/models/        model versions    shop/reports/    the HTML report

Holds what crosses stages and no more: which folder, which version answers, which moment is meant.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from habitue.compute import Progress, Silent
from habitue.config import SETTINGS_FILE, Settings, load_settings
from habitue.errors import NotReady, Refused
from habitue.files import Json, write_json
from habitue.schema import parse_time
from habitue.versions import Versions

if TYPE_CHECKING:
    import polars as pl

    from habitue.actions.recommend import Adviser
    from habitue.answering import Version
    from habitue.events.span import SpannedLog
    from habitue.events.store import EventStore
    from habitue.judging import Evaluation
    from habitue.profiles.profile import Profile
    from habitue.refreshing import Refresh
    from habitue.reporting import Sources
    from habitue.results import (
        AlertList,
        AudienceResult,
        Ingested,
        InitResult,
        ItemList,
        Predicted,
        Quarantined,
        Recommended,
        Validated,
        VersionInfo,
        VersionList,
        Written,
        WrittenOffers,
    )

Overrides = Mapping[str, Mapping[str, object]]
EVALUATION_FILE = "evaluation.json"


class Workspace:
    """One shop: its log, its models, its answers.

    >>> Workspace("/tmp/no-such-shop").folder.name
    'no-such-shop'
    """

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
        self.folder = Path(folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise Refused(
                f"{folder} is a file, not a folder.",
                fix="Name the folder of a shop with -w.",
                code="not_a_folder",
            )
        self.progress = progress or Silent()
        self._overrides: dict[str, Mapping[str, object]] = dict(settings or {})
        self._versions = Versions(self.folder / "models")
        self._store: EventStore | None = None
        self._log: SpannedLog | None = None
        self._version: Version | None = None

    # Settings and events

    def settings(self, **overrides: Mapping[str, object]) -> Settings:
        """Return the settings in force; each keyword is a stage."""
        merged = {
            stage: {**self._overrides.get(stage, {}), **overrides.get(stage, {})}
            for stage in {*self._overrides, *overrides}
        }
        return load_settings(self.folder, merged)

    def init(self, files: Sequence[str | Path], *, force: bool = False) -> "InitResult":
        """Guess what the columns of unknown files mean, and write `habitue.toml`.

        Raises:
            FileRefused: a file cannot be read.
            Refused: there are settings already, or no file has both a user and a time.
        """
        from habitue.events.guess import guess_sources
        from habitue.events.settings_file import write_settings
        from habitue.results import InitResult

        path = self.folder / SETTINGS_FILE
        if path.exists() and not force:
            raise Refused(
                f"{path} exists already.",
                fix="Edit it, name another workspace with -w, or overwrite it with --force.",
                code="settings_exist",
            )
        self.progress.start("Reading", None, "files")
        report = guess_sources(_paths(files))
        self.progress.advance(len(files))
        self.progress.finish()
        return InitResult(write_settings(self.folder, report, overwrite=force), report)

    def validate(self, *files: str | Path) -> "Validated":
        """Check files against the rules; write nothing."""
        from habitue.events.validate import validate_files
        from habitue.results import Validated

        return Validated(validate_files(_paths(files), self._settings_with_sources()))

    def ingest(self, *files: str | Path) -> "Ingested":
        """Read, clean and store files; what is stored already is counted as duplicate.

        Raises:
            FileRefused: a file cannot be read as the settings say; nothing was stored.
        """
        from habitue.events.ingest import ingest_files
        from habitue.results import Ingested

        settings = self._settings_with_sources()
        report = ingest_files(self.store, _paths(files), settings, progress=self.progress)
        self.store.reload()
        self._log = None
        return Ingested(report)

    def quarantine(self, *, limit: int = 20) -> "Quarantined":
        """Return rows that were set aside, with file, line, field and reason."""
        from habitue.events.quarantine import read_quarantine
        from habitue.results import Quarantined

        return Quarantined(*read_quarantine(self.store.folder, limit))

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
        from habitue.events.span import Span, SpannedLog, span_of

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
            fingerprint = self.store.fingerprint
            known = json.loads(cache.read_text(encoding="utf-8")) if cache.is_file() else {}
            if known.get("fingerprint") != fingerprint:
                span = span_of(self.store)
                known = {"fingerprint": fingerprint, "span": vars(span)}
                write_json(cache, known)
            self._log = SpannedLog(self.store, Span(**known["span"]))
        return self._log

    # Models

    def train(
        self,
        *,
        architecture: str | None = None,
        size: str | None = None,
        epochs: int | None = None,
        seed: int | None = None,
        as_of: str | None = None,
    ) -> "VersionInfo":
        """Learn a model version from events before `as_of`, save it and publish it.

        Without `as_of` the last part of the log is held out for `evaluate`.

        Raises:
            NotReady: nothing was ingested.
            NotEnoughData: the log is too small or too short to learn from.
        """
        from habitue.training import train_version

        model = {"architecture": architecture, "size": size}
        training = {"epochs": epochs, "seed": seed}
        settings = self.settings(model=_given(model), training=_given(training))
        log = self.log
        moment = None if as_of is None else parse_time(as_of)
        with self._versions.building() as (name, folder):
            train_version(
                log,
                settings,
                name=name,
                folder=folder,
                as_of=moment,
                fingerprint=self.store.fingerprint,
                progress=self.progress,
            )
        if self._is_newest(name):
            self._versions.publish(name)
        return self.model(name)

    def _is_newest(self, name: str) -> bool:
        """A model of an older moment is kept to answer for that moment, not for today."""
        current = self._versions.published
        if current is None:
            return True
        until = self._versions.card(current).trained_until
        return self._versions.card(name).trained_until >= until

    def models(self) -> "VersionList":
        """Return all versions, newest first."""
        from habitue.results import VersionList

        return VersionList([self.model(name) for name in reversed(self._versions.names())])

    def model(self, version: str | None = None) -> "VersionInfo":
        """Return one version's card; without a name, of the one that answers."""
        from habitue.results import VersionInfo

        name = version or self._versions.answering()
        card = self._versions.card(name)
        return VersionInfo(card, published=name == self._versions.published)

    def publish(self, version: str) -> "VersionInfo":
        """Let this version answer from now on."""
        self._versions.publish(version)
        return self.model(version)

    def rollback(self) -> "VersionInfo":
        """Let the version that answered before answer again."""
        return self.model(self._versions.rollback())

    def evaluate(self, *, as_of: str | None = None) -> "Evaluation":
        """Measure the model on the future it has not seen, beside its baselines."""
        from habitue.judging import judge_version

        moment = None if as_of is None else parse_time(as_of)
        log = self.log
        version = self._answering(moment)
        cut = version.card.trained_until if moment is None else moment
        evaluation = judge_version(version, log, as_of=cut, progress=self.progress)
        if cut == version.card.trained_until:
            write_json(version.folder / EVALUATION_FILE, evaluation.as_json())
        return evaluation

    # Customers

    def refresh(self, *, as_of: str | None = None) -> "Refresh":
        """Compute everyone's profile, predictions and recommendations."""
        from habitue.refreshing import refresh_everyone

        moment, version = self._moment_and_version(as_of)
        return refresh_everyone(
            version,
            self.store,
            self.log,
            self.settings(),
            as_of=moment,
            folder=self.folder / "profiles",
            progress=self.progress,
        )

    def profile(self, user: str, *, as_of: str | None = None) -> "Profile":
        """Tell who a customer is; of somebody unknown, say so."""
        from habitue.profiles.profile import build_profiles, prediction_records, unknown_profile

        moment, version = self._moment_and_version(as_of)
        frame = self._person(user, moment)
        if frame is None:
            return unknown_profile(user, as_of=moment, model_version=version.card.version)
        items = self.log.items(as_of=moment)
        scored = version.score(frame, items, as_of=moment)
        records = prediction_records(
            {name: one.to_frame() for name, one in scored.predictions.items()}
        )
        subject = int(frame["subject_id"][0])
        answers = records.get(subject, {})
        for name, answer in scored.next_answers.items():
            answers = {**answers, name: answer.record(0)}
        profiles = build_profiles(
            frame,
            items,
            as_of=moment,
            norms=version.norms,
            settings=self.settings().profiles,
            user_ids=self.store.outside_ids,
            predictions={subject: answers},
            model_version=version.card.version,
        )
        return profiles[0]

    def predict(
        self, task: str, *, out: str | Path | None = None, as_of: str | None = None
    ) -> "Predicted":
        """Write everyone's score for one task as CSV or Parquet."""
        from habitue.predicting import write_predictions
        from habitue.results import Predicted

        moment, version = self._moment_and_version(as_of)
        version.check_task(task)
        path = Path(out) if out else self.folder / "predictions" / f"{task}.csv"
        _check_table_path(path)
        rows = write_predictions(
            version,
            self.store,
            self.log,
            task=task,
            as_of=moment,
            path=path,
            progress=self.progress,
        )
        return Predicted(task, rows, path, moment, version.card.version)

    def recommend(self, user: str, *, k: int = 10, as_of: str | None = None) -> "Recommended":
        """Say what to offer to a customer, with source and reason for each item."""
        from habitue.results import Recommended
        from habitue.sequences.encoder import encode

        moment, version = self._moment_and_version(as_of)
        adviser = self._adviser(version, moment)
        frame = self._person(user, moment)
        if frame is None:
            offers = adviser.recommend_unknown(user, as_of=moment, k=k)
        else:
            sequences = encode(frame, self.log.items(as_of=moment), version.vocabulary)
            offers = adviser.recommend(sequences, [user], as_of=moment, k=k)[0]
        names = dict(zip(adviser.catalogue.item_ids, adviser.catalogue.names, strict=True))
        return Recommended(offers, names, moment, version.card.version)

    def recommend_all(
        self, *, k: int = 10, out: str | Path | None = None, as_of: str | None = None
    ) -> "WrittenOffers":
        """Write everyone's recommendations as CSV or Parquet."""
        from habitue.predicting import write_offers
        from habitue.results import WrittenOffers

        moment, version = self._moment_and_version(as_of)
        path = Path(out) if out else self.folder / "predictions" / "recommendations.csv"
        _check_table_path(path)
        rows, persons = write_offers(
            version,
            self._adviser(version, moment),
            self.store,
            self.log,
            as_of=moment,
            k=k,
            path=path,
            progress=self.progress,
        )
        return WrittenOffers(rows, persons, path, version.card.version)

    def similar(self, item: str, *, k: int = 10) -> "ItemList":
        """List items that go with this one.

        Raises:
            UnknownName: the model does not know the item.
        """
        from habitue.results import ItemList

        moment, version = self._moment_and_version(None)
        adviser = self._adviser(version, moment)
        return ItemList(adviser.similar(item, k), _names(adviser), version.card.version)

    def popular(self, *, k: int = 10, as_of: str | None = None) -> "ItemList":
        """List what most people want now."""
        from habitue.results import ItemList

        moment, version = self._moment_and_version(as_of)
        adviser = self._adviser(version, moment)
        return ItemList(adviser.popular(k), _names(adviser), version.card.version)

    def audience(
        self, rule: str, *, name: str | None = None, out: str | Path | None = None
    ) -> "AudienceResult":
        """Select persons by a rule over their profiles, into a CSV file.

        Raises:
            NotReady: nobody's profile has been computed.
            Refused: the rule cannot be read.
        """
        from habitue.actions.audiences import select_audience, write_audience
        from habitue.results import AudienceResult

        refresh = self._refreshed()
        audience = select_audience(refresh.table, rule, as_of=refresh.as_of, name=name)
        target = None if out is None else Path(out)
        if target is not None and target.suffix != ".csv":
            raise Refused(
                f"'{target.name}' ends in '{target.suffix}'.",
                fix="Name a file that ends in .csv.",
                code="bad_output",
            )
        saved = write_audience(audience, self.folder / "audiences", out=target)
        return AudienceResult(audience, saved, refresh.model_version)

    def churn_alerts(self, *, limit: int | None = None) -> "AlertList":
        """List whom the shop is about to lose, most value at risk first, with reasons."""
        from habitue.alerting import alerts_of

        refresh = self._refreshed()
        version = self._open(refresh.model_version)
        settings = self.settings(alerts=_given({"limit": limit})).alerts
        return alerts_of(refresh, version, self.store, self.log, settings)

    def report(self) -> "Written":
        """Write the HTML report."""
        from habitue.report import write_report
        from habitue.reporting import report_data
        from habitue.results import Written

        self.progress.start("Report", None, "pages")
        path = write_report(report_data(self._report_sources()), self.folder / "reports")
        self.progress.advance()
        self.progress.finish()
        return Written(path)

    # What crosses verbs

    def _report_sources(self) -> "Sources":
        """What the report is made from: the last refresh's version, else the one that answers."""
        from habitue.reporting import Sources

        log = self.log
        refresh = self.last_refresh()
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
            adviser=self._adviser(version, refresh.as_of) if version and refresh else None,
        )

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

    def _adviser(self, version: "Version", moment: int) -> "Adviser":
        from habitue.refreshing import adviser_of

        return adviser_of(
            version, self.log, self.settings(), as_of=moment, refresh=self.last_refresh()
        )

    def _person(self, user: str, moment: int) -> "pl.DataFrame | None":
        """Return a customer's events before `moment`; None for somebody nobody has seen."""
        subject = self.store.subject_of(user)
        if subject is None:
            return None
        bucket = self.store.bucket_of(subject)
        frame = self.log.read_bucket(bucket, as_of=moment, subject_id=subject)
        return frame if frame.height else None

    def _moment_and_version(self, as_of: str | None) -> "tuple[int, Version]":
        moment = None if as_of is None else parse_time(as_of)
        log = self.log
        version = self._answering(moment)
        # A version trained as of a moment after the last event is asked about that moment.
        now = max(log.end_at, version.card.trained_until)
        return now if moment is None else moment, version

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
            fix=f"Begin with: habitue init -w {self.folder} --from FILE…",
            code="no_workspace",
        )


def read_evaluation(folder: Path) -> Mapping[str, Json] | None:
    """Return the last evaluation in a version's folder, None where there is none."""
    path = folder / EVALUATION_FILE
    if not path.is_file():
        return None
    document: Mapping[str, Json] = json.loads(path.read_text(encoding="utf-8"))
    return document


def _paths(files: Sequence[str | Path]) -> list[Path]:
    return [Path(file) for file in files]


def _given(options: Mapping[str, object]) -> dict[str, object]:
    """Return the options that were given at all."""
    return {name: value for name, value in options.items() if value is not None}


def _names(adviser: "Adviser") -> dict[str, str]:
    return dict(zip(adviser.catalogue.item_ids, adviser.catalogue.names, strict=True))


def _check_table_path(path: Path) -> None:
    if path.is_dir():
        raise Refused(f"{path} is a folder.", fix="Name a file in it.", code="bad_output")
    if path.suffix not in (".csv", ".parquet"):
        raise Refused(
            f"'{path.name}' ends in '{path.suffix}'.",
            fix="Name a file that ends in .csv or .parquet.",
            code="bad_output",
        )
