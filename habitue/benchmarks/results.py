"""What a benchmark answers: a row a model, with mean and spread over its seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from habitue.benchmarks.cells import Cell
from habitue.benchmarks.protocols import Trial
from habitue.files import Json


@dataclass(frozen=True)
class Row:
    """One model over all its seeds."""

    cells: Sequence[Cell]

    def as_json(self) -> dict[str, Json]:
        """Return the row of the contract."""
        first = self.cells[0]
        return {
            "model": first.model,
            "seeds": len(self.cells),
            "metrics": {name: self._spread(name) for name in first.metrics},
            "validation": {
                name: round(mean(cell.validation[name] for cell in self.cells), 5)
                for name in first.validation
            },
            "seconds": round(mean(cell.seconds for cell in self.cells), 2),
            "targets_per_second": round(mean(cell.targets_per_second for cell in self.cells), 1),
            "peak_rss_mb": max(cell.peak_rss_mb for cell in self.cells),
            "chosen": dict(first.chosen),
        }

    def _spread(self, name: str) -> dict[str, float]:
        values = [cell.metrics[name] for cell in self.cells]
        spread = stdev(values) if len(values) > 1 else 0.0
        return {"mean": round(mean(values), 5), "sd": round(spread, 5)}


@dataclass(frozen=True)
class BenchmarkResult:
    """`benchmark next-item` and `benchmark session`."""

    trial: Trial
    rows: Sequence[Row]
    folder: Path

    def as_json(self) -> Mapping[str, Json]:
        """Return the document."""
        trial = self.trial
        return {
            "dataset": trial.name,
            "sha256": trial.sha256,
            "protocol": trial.protocol,
            "chosen_by": trial.chosen_by,
            "attributes": trial.attributes is not None,
            "counts": dict(trial.counts),
            "results": [row.as_json() for row in self.rows],
            "folder": str(self.folder),
            "notes": list(trial.notes),
        }
