"""A workspace: one shop, and a method for every verb.

Each method checks its arguments, calls the stages and returns a record with the JSON keys of the
contract. What the methods share stands in `shop`; the verbs about the folder and about versions
stand in `shop_folder` and `shop_models`.
"""

import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from habitue.arguments import (
    Files,
    Moment,
    check_adapter,
    check_architectures,
    check_count,
    check_encoding,
    check_id,
    moment_of,
    paths_of,
    read_as,
    table_path,
)
from habitue.compute import is_one_of_several
from habitue.config import SETTINGS_FILE, SourceSettings
from habitue.errors import Refused, SettingsError
from habitue.events.lock import writer_lock
from habitue.languages import answers_in_own_language
from habitue.shop_models import ShopModels
from habitue.versions import write_evaluation

if TYPE_CHECKING:
    from habitue.actions.recommend import Adviser
    from habitue.explanations.drivers import Drivers
    from habitue.explanations.record import Explanation
    from habitue.judging import Evaluation
    from habitue.profiles.profile import Profile
    from habitue.refreshing import Refresh
    from habitue.results import (
        AlertList,
        AudienceResult,
        Compared,
        Ingested,
        InitResult,
        ItemList,
        Predicted,
        Quarantined,
        Recommended,
        Retried,
        Tuned,
        Validated,
        VersionInfo,
        Written,
        WrittenOffers,
    )

TABLES = (".csv", ".parquet")
AUTO = "auto"  # the architecture that a comparison chooses


@answers_in_own_language
class Workspace(ShopModels):
    """One shop: its log, its models, its answers.

    An `as_of` is a text ("2025-11-30", "2025-11-30T18:00:00Z"), a `datetime.date` or a
    `datetime.datetime`; without a zone, in UTC. Nothing from that moment on is read. After the
    log's last day it draws a `HabitueWarning`, long after it is refused.

    >>> Workspace("/tmp/no-such-shop").folder.name
    'no-such-shop'
    """

    # Settings and events

    def init(
        self, files: Files, *, adapter: str = "", encoding: str = "", force: bool = False
    ) -> "InitResult":
        """Guess what the columns of unknown files mean, and write `habitue.toml`.

        `files` is one path or several, or database tables' URLs. Published layouts are recognised;
        `adapter` names theirs, `encoding` that of the text files. With `force`, settings that are
        there are replaced, and kept as `habitue.toml.bak`.

        Raises:
            FileRefused: a file cannot be read.
            Refused: there are settings already, or no file has both a user and a time.
        """
        from habitue.events.guess import guess_sources
        from habitue.events.settings_file import keep_settings, write_settings
        from habitue.results import InitResult

        paths = paths_of(files)
        check_adapter(adapter)
        check_encoding(encoding)
        path = self.folder / SETTINGS_FILE
        if path.exists() and not force:
            raise Refused(
                f"{path} exists already.",
                fix="Edit it, name another workspace with -w, or overwrite it with --force.",
                code="settings_exist",
            )
        self.progress.start("Reading", None, "files")
        report = guess_sources(paths, adapter=adapter, encoding=encoding)
        self.progress.advance(len(paths))
        self.progress.finish()
        kept = keep_settings(self.folder)
        return InitResult(write_settings(self.folder, report, overwrite=force), report, kept)

    def validate(self, *files: Files, encoding: str = "", salvage: bool = False) -> "Validated":
        """Check files against the rules; write nothing. Options as those of `ingest`."""
        from habitue.events.sources import places_of
        from habitue.events.validate import validate_files
        from habitue.results import Validated

        settings = read_as(self._settings_with_sources(), encoding)
        places = places_of(paths_of(*files) if files else [], settings.sources)
        return Validated(validate_files(places, settings, salvage=salvage))

    def ingest(self, *files: Files, encoding: str = "", salvage: bool = False) -> "Ingested":
        """Read, clean and store files; what is stored already is counted as duplicate.

        A database table is given by its URL. Without any, all tables of the settings are read.
        `encoding` wins over that of the settings; with `salvage`, of an archive that is cut off
        the complete rows are stored.

        Raises:
            FileRefused: a file cannot be read as the settings say; nothing was stored.
        """
        from habitue.events.ingest import ingest_files
        from habitue.events.sources import places_of
        from habitue.results import Ingested

        settings = read_as(self._settings_with_sources(), encoding)
        places = places_of(paths_of(*files) if files else [], settings.sources)
        report = ingest_files(self.store, places, settings, progress=self.progress, salvage=salvage)
        self.store.reload()
        self._log = None
        return Ingested(report)

    def quarantine(self, *, limit: int = 20) -> "Quarantined":
        """Return rows that were set aside, with file, line, field and reason.

        Raises:
            NotReady: there is no shop here.
        """
        from habitue.events.quarantine import read_quarantine
        from habitue.results import Quarantined

        check_count("limit", limit)
        if not self._has_settings() and self.store.is_empty:
            raise self._no_workspace()
        sources: list[SourceSettings] = []
        with suppress(SettingsError):  # rows are shown whatever the settings are like
            sources = self.settings().sources
        return Quarantined(*read_quarantine(self.store.folder, limit, sources))

    def quarantine_retry(self) -> "Retried":
        """Feed what was set aside again, as the settings are now.

        What is taken enters the store as if its file had been ingested so, and leaves the
        quarantine; what is still wrong stays, with its present reason.

        Raises:
            NotReady: there is no shop here.
        """
        from habitue.events.retry import retry_quarantine
        from habitue.results import Retried

        settings = self._settings_with_sources()
        report = retry_quarantine(self.store, settings, progress=self.progress)
        self._log = None
        return Retried(report)

    # Models

    def train(
        self,
        *,
        architecture: str | None = None,
        size: str | None = None,
        epochs: int | None = None,
        seed: int | None = None,
        minutes: float | None = None,
        as_of: Moment | None = None,
    ) -> "VersionInfo":
        """Learn a model version from events before `as_of`, save it and publish it.

        Without `as_of` the last part of the log is held out for `evaluate`. A training of the same
        events and settings that was broken off goes on where it was. The architecture "auto" takes
        the one that `compare` chooses within so many `minutes`, and the card says why.

        Raises:
            NotReady: nothing was ingested.
            NotEnoughData: the log is too small or too short to learn from.
            Refused: the log looks broken (`data_check_failed`), or another process trains here
                (`store_locked`).
            UnknownName: there is no such architecture.
        """
        from habitue.attempts import STATES
        from habitue.model.ranks import joined
        from habitue.training import train_version

        if architecture is not None:
            check_architectures([architecture], others=[AUTO])
        if minutes is not None and architecture != AUTO:
            raise Refused(
                "The minutes are those of a comparison, and none is wanted.",
                fix=f"Leave --minutes out, or pass --architecture {AUTO}.",
                code="usage",
            )
        if architecture == AUTO and is_one_of_several():
            raise Refused(
                "Architectures are compared in one process, and torchrun started several.",
                fix="Run `habitue compare` without torchrun, then pass the one that it took.",
                code="usage",
            )
        model = {"architecture": None if architecture == AUTO else architecture, "size": size}
        training = {"epochs": epochs, "seed": seed}
        settings = self.settings(
            model=_given(model), training=_given(training), compare=_given({"minutes": minutes})
        )
        unfinished = self._unfinished(settings.model.architecture)
        log = self.log
        moment = self._moment(as_of)
        with joined(settings.training), self._versions.building() as (name, folder):
            train_version(
                log,
                settings,
                name=name,
                folder=folder,
                unfinished=unfinished,
                as_of=moment,
                fingerprint=self.store.fingerprint,
                store=self.store.folder,
                progress=self.progress,
                compare_in=self._comparison if architecture == AUTO else None,
            )
        why_not = self._versions.why_not_newest(name)
        if not why_not:
            self._versions.publish(name)
        self._versions.forget_unfinished()
        shutil.rmtree(self._comparison / STATES, ignore_errors=True)
        return replace(self.model(name), why_not=why_not)

    def compare(
        self,
        *,
        architectures: str | Iterable[str] | None = None,
        minutes: float | None = None,
        seed: int | None = None,
        as_of: Moment | None = None,
    ) -> "Compared":
        """Train several architectures under one budget of time, and choose by validation.

        Nothing is published. A run of the same events and settings that was broken off goes on
        where it was.

        Raises:
            NotReady, NotEnoughData, Refused: as `train`.
            UnknownName: there is no such architecture.
        """
        from habitue.comparing import compare_architectures
        from habitue.results import Compared

        names = None if architectures is None else check_architectures(architectures)
        settings = self.settings(
            training=_given({"seed": seed}),
            compare=_given({"architectures": names, "minutes": minutes}),
        )
        with self._prepared(settings, as_of) as prepared:
            comparison = compare_architectures(
                prepared, settings, folder=self._comparison, progress=self.progress
            )
        return Compared(comparison, self.folder, _given({"seed": seed, "as-of": as_of}))

    def tune(
        self,
        *,
        trials: int | None = None,
        minutes: float | None = None,
        seed: int | None = None,
        as_of: Moment | None = None,
    ) -> "Tuned":
        """Search the settings that suit this shop, and write the best into `habitue.toml`.

        The file before is kept as `habitue.toml.bak`. A search of the same events that was broken
        off goes on where it was.

        Raises:
            MissingExtra: Optuna is not installed.
            NotReady, NotEnoughData, Refused: as `train`.
            Refused: `settings_layout`, the values could not be written into the file.
        """
        from habitue.results import Tuned
        from habitue.settings_change import change_settings
        from habitue.tuning import check_installed, tune_settings

        check_installed()
        settings = self.settings(
            training=_given({"seed": seed}), tune=_given({"trials": trials, "minutes": minutes})
        )
        with self._prepared(settings, as_of) as prepared:
            tuning = tune_settings(
                prepared, settings, folder=self.folder / "tuning", progress=self.progress
            )
        kept = change_settings(self.folder, tuning.changes) if tuning.changes else None
        return Tuned(tuning, self.folder / SETTINGS_FILE, kept)

    def evaluate(self, *, as_of: Moment | None = None) -> "Evaluation":
        """Measure the model on the future it has not seen, beside its baselines.

        Raises:
            NotReady: there is no model of that moment.
            NotEnoughData: there is nothing to judge by; says why, task by task.
        """
        from habitue.judging import judge_version
        from habitue.model_card import write_model_cards

        moment = None if as_of is None else moment_of(as_of)
        log = self.log
        version = self._answering(moment)
        cut = version.card.trained_until if moment is None else moment
        evaluation = judge_version(version, log, as_of=cut, progress=self.progress)
        if cut == version.card.trained_until:
            with suppress(Refused):  # a folder that may only be read still answers
                # The evaluation last: whoever finds it finds the cards that tell of it.
                write_model_cards(version.folder, version.card, evaluation.as_json())
                write_evaluation(version.folder, evaluation.as_json())
        return evaluation

    # Customers

    def refresh(self, *, as_of: Moment | None = None, from_scratch: bool = False) -> "Refresh":
        """Compute everyone's profile, predictions and recommendations.

        What is dear is taken over from the refresh before for who did nothing new; with
        `from_scratch` it is not. The answers are the same.

        Raises:
            NotReady: nothing was ingested, or there is no model of that moment.
            Refused: another process does the same (`store_locked`).
        """
        from habitue.refreshing import refresh_everyone

        log, moment, version = self._asked(as_of)
        folder = self.folder / "profiles"
        with writer_lock(folder):
            return refresh_everyone(
                version,
                self.store,
                log,
                self.settings(),
                as_of=moment,
                folder=folder,
                progress=self.progress,
                from_scratch=from_scratch,
            )

    def profile(self, user: str, *, as_of: Moment | None = None) -> "Profile":
        """Tell who a customer is; of somebody unknown, say so."""
        return self._profile(user, as_of)

    def explain(
        self,
        user: str | None = None,
        *,
        task: str | None = None,
        item: str | None = None,
        threshold: float | None = None,
        limit: int | None = None,
        as_of: Moment | None = None,
    ) -> "Explanation | Drivers":
        """Say why a prediction of a customer, or an item's score with them, is what it is.

        The customer's own dated events, each removed and everything computed again. Without
        `user`, what moves the task in this shop. `threshold` is where the decision lies, such as
        the one of an audience; left out: that of the churn alert, else the base rate. `limit` is
        how many entries are cited.

        Raises:
            Refused: it asks for both or neither of a task and an item, or for nobody's item.
            UnknownName: there is no such task, or the model does not know the item.
        """
        from habitue.explanations.asking import Asked, explain

        asked = Asked.of(user, task=task, item=item, threshold=threshold, limit=limit)
        log, moment, version = self._asked(as_of)
        return explain(
            asked,
            version,
            log,
            as_of=moment,
            settings=self.settings(),
            person=lambda name: self._person(name, log, moment),
            adviser=lambda: self._adviser(version, log, moment),
        )

    def predict(
        self, task: str, *, out: str | Path | None = None, as_of: Moment | None = None
    ) -> "Predicted":
        """Write everyone's score for one task as CSV or Parquet."""
        from habitue.predicting import write_predictions
        from habitue.results import Predicted

        log, moment, version = self._asked(as_of)
        version.check_task(task)
        default = self.folder / "predictions" / f"{task}.csv"
        path = table_path(out, default, *TABLES)
        written = write_predictions(
            version,
            self.store,
            log,
            task=task,
            as_of=moment,
            path=path,
            progress=self.progress,
            for_spreadsheet=self.settings().export.for_spreadsheet,
        )
        return Predicted(task, written.rows, written.escaped, path, moment, version.card.version)

    def recommend(self, user: str, *, k: int = 10, as_of: Moment | None = None) -> "Recommended":
        """Say what to offer to a customer, with source and reason for each item."""
        from habitue.results import Recommended
        from habitue.sequences.encoder import encode

        check_count("k", k)
        log, moment, version = self._asked(as_of)
        adviser = self._adviser(version, log, moment)
        frame = self._person(user, log, moment)
        if frame is None:
            offers = adviser.recommend_unknown(user, as_of=moment, k=k)
        else:
            sequences = encode(frame, log.items(as_of=moment), version.vocabulary)
            offers = adviser.recommend(sequences, [user], as_of=moment, k=k)[0]
        names = dict(zip(adviser.catalogue.item_ids, adviser.catalogue.names, strict=True))
        return Recommended(offers, names, moment, version.card.version)

    def recommend_all(
        self, *, k: int = 10, out: str | Path | None = None, as_of: Moment | None = None
    ) -> "WrittenOffers":
        """Write everyone's recommendations as CSV or Parquet."""
        from habitue.predicting import write_offers
        from habitue.results import WrittenOffers

        check_count("k", k)
        log, moment, version = self._asked(as_of)
        default = self.folder / "predictions" / "recommendations.csv"
        path = table_path(out, default, *TABLES)
        written, persons = write_offers(
            version,
            self._adviser(version, log, moment),
            self.store,
            log,
            as_of=moment,
            k=k,
            path=path,
            progress=self.progress,
            for_spreadsheet=self.settings().export.for_spreadsheet,
        )
        found = (written.rows, written.escaped, persons)
        return WrittenOffers(*found, path, moment, version.card.version)

    def similar(self, item: str, *, k: int = 10) -> "ItemList":
        """List items that go with this one.

        Raises:
            UnknownName: the model does not know the item.
        """
        from habitue.results import ItemList

        check_id(item)
        check_count("k", k)
        log, moment, version = self._asked(None)
        adviser = self._adviser(version, log, moment)
        return ItemList(adviser.similar(item, k), _names(adviser), moment, version.card.version)

    def popular(self, *, k: int = 10, as_of: Moment | None = None) -> "ItemList":
        """List what most people took in the last days of the log; a model is not needed for it."""
        from habitue.baselines.popularity import WINDOW_DAYS
        from habitue.results import PopularItems

        check_count("k", k)
        if not self._versions.names():
            return self._counted_popular(k, as_of)
        log, moment, version = self._asked(as_of)
        adviser = self._adviser(version, log, moment)
        return PopularItems(
            items=adviser.popular(k),
            names=_names(adviser),
            as_of=moment,
            model_version=version.card.version,
            event_types=adviser.blend.target_types,
            window_days=WINDOW_DAYS,
        )

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
        target = None if out is None else table_path(out, Path(), ".csv")
        saved = write_audience(
            audience,
            self.folder / "audiences",
            out=target,
            for_spreadsheet=self.settings().export.for_spreadsheet,
        )
        return AudienceResult(audience, saved, refresh.model_version)

    def churn_alerts(self, *, limit: int | None = None) -> "AlertList":
        """List whom the shop is about to lose, most value at risk first, with reasons."""
        from habitue.alerting import alerts_of

        refresh = self._refreshed()
        version = self._open(refresh.model_version)
        settings = self.settings(alerts=_given({"limit": limit})).alerts
        log = self._log_known_at(refresh.as_of, refresh.known_at)
        return alerts_of(refresh, version, self.store, log, settings)

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


def _given(options: Mapping[str, object]) -> dict[str, object]:
    """Return the options that were given at all."""
    return {name: value for name, value in options.items() if value is not None}


def _names(adviser: "Adviser") -> dict[str, str]:
    return dict(zip(adviser.catalogue.item_ids, adviser.catalogue.names, strict=True))
