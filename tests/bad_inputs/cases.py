"""A case of a bad input: a folder `NN-slug` with input files and `expected.json` beside them.

Keys of `expected.json` (`row`, `what`, `exit` and one of `error` and `report` are needed):

    row         the number of the promise the case shows
    what        what is wrong with the input, in a few words
    files       given to the verb, in this order; a path outside the folder may stand here
    made_by     a function of `makers` that writes what is too big or too hostile to keep here
    before      files ingested first, with exit code 0
    init        true: the settings are those that `init` writes, not the harness's own
    settings    {"source": {…}, "cleaning": {…}, "store": {…}} laid above the harness's settings;
                a null removes a key
    options     {"encoding": "gb18030", "salvage": true}: options of the verb
    peak_mb     the most memory the whole process may take; it runs as one of its own then
    exit        0, 1 or 2
    error       {"code": …, "message": a pattern, "fix": a pattern}
    report      what `ingest` tells; keys that stand here must be equal, `repairs` and `by_reason`
                as a whole, `notes` as patterns each found in one note
    stored      rows to be found in the store, by field, as texts and numbers; `num_stored` rows
                in all
    set_aside   rows to be found in the quarantine, by field; `raw` as a pattern
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
EXPECTED = "expected.json"
KEYS = frozenset(
    (
        "row", "what", "files", "made_by", "before", "init", "settings", "options", "peak_mb",
        "exit", "error", "report", "stored", "num_stored", "set_aside",
    )
)  # fmt: skip
SOURCE: dict[str, Any] = {
    "name": "shop",
    "columns": {
        "user_id": "user",
        "timestamp": "time",
        "event_type": "event",
        "item_id": "item",
        "item_name": "title",
        "price": "price",
    },
}

Json = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One folder."""

    folder: Path

    @cached_property
    def expected(self) -> Json:
        found: Json = json.loads((self.folder / EXPECTED).read_text(encoding="utf-8"))
        return found

    @property
    def row(self) -> int:
        return int(self.expected["row"])

    def settings_text(self) -> str:
        """The settings as TOML: the harness's own below those of the case."""
        return settings_text(self.expected.get("settings", {}))

    def words(self) -> list[str]:
        """The options of the verb, as they stand on the command line."""
        words: list[str] = []
        for name, value in self.expected.get("options", {}).items():
            words += [f"--{name}"] if value is True else [f"--{name}", str(value)]
        return words


def all_cases() -> list[Case]:
    return [Case(path.parent) for path in sorted(FOLDER.glob(f"*/{EXPECTED}"))]


def settings_text(given: Mapping[str, Any]) -> str:
    """Settings as TOML: the harness's own source below the given one, then the given stages."""
    source = merged(SOURCE, given.get("source", {}))
    stages = {stage: values for stage, values in given.items() if stage != "source"}
    lines = [f"[{stage}]\n{_lines(values)}" for stage, values in stages.items()]
    return "\n".join([*lines, f"[[sources]]\n{_lines(source)}"])


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> Json:
    """`below` overruled by `above`; a null takes a key away."""
    result = dict(below)
    for key, value in above.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result


def _lines(values: Mapping[str, Any]) -> str:
    return "".join(f"{key} = {_toml(value)}\n" for key, value in values.items())


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    return json.dumps(value)
