"""What the verbs of a workspace answer: small records with the JSON keys of the contract."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import polars as pl

from habitue.actions.alerts import Alert
from habitue.actions.audiences import Audience, SavedAudience
from habitue.actions.offers import Offers
from habitue.actions.recommend import ScoredItem
from habitue.config import SourceSettings
from habitue.display import quoted
from habitue.events.consent import QUESTION, silent_sources
from habitue.events.guess_report import GuessReport
from habitue.events.ingest_report import IngestReport
from habitue.events.retry import WHY_NOT_FED, RetryReport
from habitue.events.validate import ValidationReport
from habitue.files import Json
from habitue.schema import format_time
from habitue.versions import Card

if TYPE_CHECKING:  # they bring PyTorch with them
    from habitue.comparing import Comparison
    from habitue.tuning import Tuning

JsonObject = dict[str, Json]


@dataclass(frozen=True)
class InitResult:
    """`init`: the mapping, and each guess with the values that led to it."""

    path: Path
    report: GuessReport
    kept: Path | None = None  # where the settings before lie, if there were any

    def as_json(self) -> JsonObject:
        """Return the document."""
        return {
            "settings": str(self.path),
            "kept": str(self.kept or ""),
            "mapping": {
                source.name: {**_layout(source), **source.columns} for source in self.report.sources
            },
            "guesses": [
                {
                    "file": guess.file,
                    "field": guess.field,
                    "guess": _text(guess.value),
                    "because": guess.because,
                    "examples": list(guess.examples),
                    "confirm": guess.confirm,
                }
                for guess in self.report.guesses
            ],
            "left_out": [asdict(one) for one in self.report.left_out],
            "questions": [QUESTION] if silent_sources(self.report.sources) else [],
            "next": f"habitue ingest -w {quoted(self.path.parent)} FILE…",
        }


def _layout(source: SourceSettings) -> dict[str, Json]:
    if source.adapter:
        return {"adapter": source.adapter}
    return {"table": source.table, "format": source.format}


@dataclass(frozen=True)
class Validated:
    """`validate`: every rule's finding."""

    report: ValidationReport

    def told(self, located: Callable[[str], str]) -> Self:
        """Return it with `located` applied to what tells of refused files, and to no raw row."""
        findings = []
        for one in self.report.findings:
            if one.rule in ("files_readable", "columns_mapped"):
                one = replace(one, examples=[located(text) for text in one.examples])
            elif one.rule == "rows_parse":
                one = replace(one, message=located(one.message))
            findings.append(one)
        return replace(self, report=replace(self.report, findings=findings))

    def as_json(self) -> JsonObject:
        """Return the document."""
        return {
            "status": self.report.status,
            "findings": [asdict(finding) for finding in self.report.findings],
        }


@dataclass(frozen=True)
class Ingested:
    """`ingest`: what became of the records."""

    report: IngestReport

    def as_json(self) -> JsonObject:
        """Return the document."""
        document = asdict(self.report)
        document["events_per_second"] = round(self.report.events_per_second)
        document["seconds"] = round(self.report.seconds, 2)
        document["sources"] = [asdict(use) for use in self.report.sources]
        document["notes"] = list(self.report.notes)
        return document


@dataclass(frozen=True)
class Quarantined:
    """`quarantine show`: rows that were set aside."""

    rows: pl.DataFrame
    by_reason: Mapping[str, int]

    def as_json(self) -> JsonObject:
        """Return the document."""
        return {"by_reason": dict(self.by_reason), "rows": self.rows.to_dicts()}


@dataclass(frozen=True)
class Retried:
    """`quarantine retry`: what was let in, and what is still set aside."""

    report: RetryReport

    def as_json(self) -> JsonObject:
        """Return the document."""
        report, tried = self.report, self.report.tried
        return {
            "rows": report.rows,
            "by_reason": dict(report.by_reason),
            "received": tried.received,
            "accepted": tried.accepted,
            "repaired": tried.repaired,
            "duplicates": tried.duplicates,
            "quarantined": tried.quarantined,
            "event_rows": tried.event_rows,
            "items": tried.items,
            "seconds": round(tried.seconds, 2),
            "repairs": dict(tried.repairs),
            "not_fed": dict(report.not_fed),
            "notes": [*tried.notes, *_reasons_not_fed(report.not_fed)],
        }


def _reasons_not_fed(not_fed: Mapping[str, int]) -> list[str]:
    return [f"{count:,} rows were not tried: {WHY_NOT_FED[why]}" for why, count in not_fed.items()]


@dataclass(frozen=True)
class ModelCardInfo:
    """Where a version's model card lies, and what it says in short."""

    path: Path | None  # None where it could not be written
    summary: Sequence[str]

    def as_json(self) -> JsonObject:
        """Return the keys of the document."""
        return {"path": str(self.path or ""), "summary": list(self.summary)}


@dataclass(frozen=True)
class VersionInfo:
    """One model version: `train`, `models show`, `models publish`, `models rollback`."""

    card: Card
    published: bool
    why_not: str = ""  # published
    model_card: ModelCardInfo | None = None  # None before its evaluation

    def as_json(self) -> JsonObject:
        """Return the document."""
        card = self.card
        return {
            "model_version": card.version,
            "published": self.published,
            "architecture": card.architecture,
            "size": card.size,
            "parameters": card.parameters,
            "epochs": card.epochs,
            "events": card.events,
            "seconds": card.seconds,
            "events_per_second": card.events_per_second,
            "trained_until": format_time(card.trained_until),
            "seed": card.seed,
            "created_at": card.created_at,
            "data_fingerprint": card.data_fingerprint,
            "validation": dict(card.validation),
            "model_card": None if self.model_card is None else self.model_card.as_json(),
            "notes": [*([self.why_not] if self.why_not else []), *card.notes],
        }


@dataclass(frozen=True)
class Compared:
    """`compare`: quality and cost of each architecture, and the command that trains the chosen."""

    comparison: "Comparison"
    folder: Path
    options: Mapping[str, object]  # of `train` as well, as they were given

    def as_json(self) -> JsonObject:
        """Return the document."""
        told = "".join(f" --{name} {value}" for name, value in self.options.items())
        command = f"habitue train -w {quoted(self.folder)}"
        return {
            **self.comparison.as_json(),
            "next": f"{command} --architecture {self.comparison.choice.chosen}{told}",
        }


@dataclass(frozen=True)
class Tuned:
    """`tune`: every trial, the best settings, and the file they were written into."""

    tuning: "Tuning"
    path: Path
    kept: Path | None  # the file before; None where nothing was written

    def as_json(self) -> JsonObject:
        """Return the document."""
        return {
            **self.tuning.as_json(),
            "written": {f"{stage}.{key}": v for (stage, key), v in self.tuning.changes.items()},
            "settings": str(self.path),
            "kept": str(self.kept or ""),
            "next": f"habitue train -w {quoted(self.path.parent)}",
        }


@dataclass(frozen=True)
class VersionList:
    """`models list`: all versions, newest first."""

    versions: Sequence[VersionInfo]

    def as_json(self) -> JsonObject:
        """Return the document."""
        shown = ("architecture", "size", "parameters", "seconds", "trained_until", "published")
        rows = []
        for info in self.versions:
            document = info.as_json()
            path = info.model_card and info.model_card.path
            row = {"version": info.card.version, **{key: document[key] for key in shown}}
            rows.append({**row, "model_card": str(path or "")})
        return {"versions": rows}


@dataclass(frozen=True)
class Predicted:
    """`predict`: where everyone's score lies."""

    task: str
    rows: int
    escaped: int  # cells that got a leading '
    path: Path
    as_of: int
    model_version: str

    def as_json(self) -> JsonObject:
        """Return the document."""
        return {
            "task": self.task,
            "rows": self.rows,
            "escaped": self.escaped,
            "path": str(self.path),
            "as_of": format_time(self.as_of),
            "model_version": self.model_version,
        }


@dataclass(frozen=True)
class Recommended:
    """`recommend USER`: what to offer, with source and reason."""

    offers: Offers
    names: Mapping[str, str]
    as_of: int
    model_version: str

    def as_json(self) -> JsonObject:
        """Return the document."""
        items = [
            {
                "item_id": item.item_id,
                "name": self.names.get(item.item_id),
                "score": item.score,
                "source": item.source,
                "reason": item.reason,
            }
            for item in self.offers.items
        ]
        return {
            "recommendation_id": self.offers.recommendation_id,
            "user_id": self.offers.user_id,
            "as_of": format_time(self.as_of),
            "model_version": self.model_version,
            "fallback": self.offers.fallback,
            "items": items,
        }


@dataclass(frozen=True)
class WrittenOffers:
    """`recommend --all`: where everyone's offers lie."""

    rows: int
    escaped: int  # cells that got a leading '
    persons: int
    path: Path
    as_of: int
    model_version: str

    def as_json(self) -> JsonObject:
        """Return the document."""
        return {
            "rows": self.rows,
            "escaped": self.escaped,
            "persons": self.persons,
            "path": str(self.path),
            "as_of": format_time(self.as_of),
            "model_version": self.model_version,
        }


@dataclass(frozen=True)
class ItemList:
    """`similar`: items with scores."""

    items: Sequence[ScoredItem]
    names: Mapping[str, str]
    as_of: int
    model_version: str | None  # None where it was counted without a model

    def as_json(self) -> JsonObject:
        """Return the document."""
        rows = [
            {"item_id": one.item_id, "name": self.names.get(one.item_id), "score": one.score}
            for one in self.items
        ]
        return {
            "as_of": format_time(self.as_of),
            "model_version": self.model_version,
            "items": rows,
        }


@dataclass(frozen=True)
class PopularItems(ItemList):
    """`popular`: items with the number of customers who took them lately."""

    event_types: tuple[str, ...]  # what counts as taking
    window_days: float  # before as_of

    def as_json(self) -> JsonObject:
        """Return the document."""
        counted: JsonObject = {
            "event_types": list(self.event_types),
            "window_days": self.window_days,
        }
        return {**counted, **super().as_json()}


@dataclass(frozen=True)
class AudienceResult:
    """`audience`: who fits the rule, and where the list lies."""

    audience: Audience
    saved: SavedAudience
    model_version: str

    def as_json(self) -> JsonObject:
        """Return the document."""
        return {
            **self.audience.as_json(),
            "escaped": self.saved.escaped,
            "path": str(self.saved.path),
            "model_version": self.model_version,
        }


@dataclass(frozen=True)
class AlertList:
    """`alerts churn`: whom the shop is about to lose."""

    alerts: Sequence[Alert]
    task: str
    definition: str
    base_rate: float
    reason: str  # why the model tells nobody from another; empty where it does
    as_of: int
    model_version: str

    def as_json(self) -> JsonObject:
        """Return the document."""
        return {
            "task": self.task,
            "definition": self.definition,
            "base_rate": self.base_rate,
            "reason": self.reason,
            "as_of": format_time(self.as_of),
            "model_version": self.model_version,
            "alerts": [alert.as_json() for alert in self.alerts],
        }


@dataclass(frozen=True)
class Written:
    """`report`: where it lies."""

    path: Path

    def as_json(self) -> JsonObject:
        """Return the document."""
        return {"path": str(self.path)}


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return " + ".join(str(one) for one in value)
    return str(value)
