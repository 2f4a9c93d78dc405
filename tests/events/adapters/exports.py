"""Small exports in the published layouts, made up, and a shop's ingest of them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from habitue.config import CleaningSettings, Settings, SourceSettings
from habitue.events.ingest import Input, ingest_inputs
from habitue.events.ingest_report import IngestReport
from habitue.events.quarantine import read_quarantine
from habitue.events.sources import match_source, open_source
from habitue.events.store import EventStore
from habitue.schema import parse_time

NOW = parse_time("2024-06-01")
Record = Mapping[str, object]


def write_lines(path: Path, *records: Record | str) -> Path:
    """One JSON object a line; a text is written as it stands."""
    lines = [record if isinstance(record, str) else json.dumps(record) for record in records]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


class Shop:
    """A store and the sources of its settings."""

    def __init__(
        self, folder: Path, adapter: str, *, max_bad: float = 0.05, **settings: object
    ) -> None:
        given = {"name": "shop", "adapter": adapter, **settings}
        self.store = EventStore(folder / "store")
        self.settings = Settings(
            sources=[SourceSettings.model_validate(given)],
            cleaning=CleaningSettings(max_bad=max_bad),
        )

    def ingest(self, *paths: Path) -> IngestReport:
        inputs = []
        for path in paths:
            source = match_source(path, self.settings.sources)
            chunks = list(open_source(path, source, max_bad=self.settings.cleaning.max_bad))
            inputs.append(Input(path.name, source, lambda chunks=chunks: chunks))  # type: ignore[misc]
        return ingest_inputs(self.store, inputs, self.settings, now=NOW)

    def events(self, *columns: str) -> list[tuple[object, ...]]:
        """The stored events in time order; `user` and `item` are the shop's own ids."""
        rows = pl.concat([self.store.read_bucket(b) for b in range(self.store.num_buckets)])
        items = self.store.items().select("item_number", item="item_id")
        rows = rows.join(items, on="item_number", how="left").with_columns(
            user=self.store.outside_ids(rows["subject_id"]),
            visitor=self.store.outside_ids(rows["anonymous_subject_id"]),
        )
        return rows.sort("timestamp", "item_number").select(columns).rows()

    def identities(self) -> list[tuple[object, ...]]:
        rows = self.store.read_table("identities")
        return rows.select(
            user=self.store.outside_ids(rows["subject_id"]),
            visitor=self.store.outside_ids(rows["anonymous_subject_id"]),
            timestamp="timestamp",
        ).rows()

    def quarantined(self) -> list[tuple[object, ...]]:
        rows, _ = read_quarantine(self.store.folder, 100)
        return rows.select("line", "code", "field").rows()


def sums_up(report: IngestReport) -> bool:
    outcome = report.accepted + report.duplicates + report.quarantined
    return report.received == outcome


def flat(path: Path, header: Sequence[str], *rows: Sequence[object], mark: str = ",") -> Path:
    """A delimited file."""
    lines = [mark.join(map(str, row)) for row in [header, *rows]]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
