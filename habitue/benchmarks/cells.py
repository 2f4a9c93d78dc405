"""Results that stay: one JSON file a data set, model and seed.

Comes in: what was measured. Goes out: the same, when it is asked for again. A file that is
damaged, of other data, or made with other settings is no result. Knows nothing about models.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from habitue.files import Json, write_json

FORMAT = 1


@dataclass(frozen=True)
class Cell:
    """One model's result with one seed."""

    model: str
    seed: int
    recipe: Mapping[str, Json]  # what decides the result: settings tried, architecture, …
    chosen: Mapping[str, Json]  # what validation chose
    validation: Mapping[str, float]
    metrics: Mapping[str, float]
    seconds: float  # of fitting and choosing; without the test
    targets_per_second: float
    peak_rss_mb: float


@dataclass(frozen=True)
class Shelf:
    """The folder of one data set's results."""

    folder: Path
    identity: Mapping[str, Json]  # dataset, digests, protocol: stands in every file

    def find(
        self,
        model: str,
        seed: int,
        recipe: Mapping[str, Json],
        filled: Callable[[Json], Json] = lambda kept: kept,
    ) -> Cell | None:
        """Return the kept result of the same data and recipe, or None.

        `filled` adds to a kept recipe what was no setting yet when it was written.
        """
        try:
            document = json.loads(self.path(model, seed).read_bytes())
            if document.pop("format") != FORMAT:
                return None
            told = {key: document.pop(key) for key in self.identity}
            cell = Cell(**document)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        is_same = told == _plain(self.identity) and filled(cell.recipe) == _plain(recipe)
        return cell if is_same and (cell.model, cell.seed) == (model, seed) else None

    def kept(self, cell: Cell) -> Cell:
        """Write a result, replacing one of the same model and seed in one step, and return it."""
        document = {"format": FORMAT, **self.identity, **asdict(cell)}
        write_json(self.path(cell.model, cell.seed), document)
        return cell

    def path(self, model: str, seed: int) -> Path:
        """Return where a result lies."""
        return self.folder / f"{model}-{seed}.json"


def _plain(told: Mapping[str, Json]) -> Json:
    """The same as JSON brings it back: lists for tuples."""
    plain: Json = json.loads(json.dumps(told))
    return plain
