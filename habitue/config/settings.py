"""All settings of a workspace, and where they are read from.

In: `habitue.toml`, `HABITUE_*` variables, a verb's options. Out: `Settings`, or an error that names
what is wrong and where. Knows nothing about what a setting means.
"""

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, Field, ValidationError

from habitue.config.answers import (
    AlertSettings,
    ExportSettings,
    ProfileSettings,
    RecommendSettings,
    TaskName,
    TaskSettings,
)
from habitue.config.learning import CompareSettings, ModelSettings, TrainingSettings, TuneSettings
from habitue.config.log import (
    CheckSettings,
    CleaningSettings,
    ConsentSettings,
    ShopSettings,
    SourceSettings,
    StoreSettings,
)
from habitue.config.stage import Stage
from habitue.errors import SettingsError
from habitue.setting_errors import BETWEEN, PREFIX, Layer, explain, variable_name

SETTINGS_FILE: Final = "habitue.toml"
_NO_SETTINGS: Final = (
    "HABITUE_WORKSPACE",
    "HABITUE_LANG",
    "HABITUE_BENCHMARK_DATA",
)  # read elsewhere


class Settings(Stage):
    """All settings of a workspace."""

    shop: ShopSettings = ShopSettings()
    sources: list[SourceSettings] = Field([])
    store: StoreSettings = StoreSettings()
    cleaning: CleaningSettings = CleaningSettings()
    checks: CheckSettings = CheckSettings()
    consent: ConsentSettings = ConsentSettings()
    model: ModelSettings = ModelSettings()
    training: TrainingSettings = TrainingSettings()
    compare: CompareSettings = CompareSettings()
    tune: TuneSettings = TuneSettings()
    recommend: RecommendSettings = RecommendSettings()
    profiles: ProfileSettings = ProfileSettings()
    alerts: AlertSettings = AlertSettings()
    export: ExportSettings = ExportSettings()
    tasks: dict[TaskName, TaskSettings] = Field({})


def load_settings(folder: Path, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Return the settings of the workspace `folder`; without a file, the defaults.

    `overrides` are a verb's options, nested as in the file: `{"model": {"size": "tiny"}}`.

    Raises:
        SettingsError: the file is no TOML, a key is unknown or a value is wrong.
    """
    path = folder / SETTINGS_FILE
    layers = [
        Layer(str(path), _read(path)),
        Layer("", _from_environment(os.environ), is_environment=True),
        Layer("", dict(overrides or {})),
    ]
    values: dict[str, Any] = {}
    for layer in layers:
        values = _merged(values, layer.values)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise explain(error, Settings, layers) from error


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        # Editors on Windows put a byte order mark before the text.
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{path} is not valid TOML: {error}.", fix="Correct that line and try again."
        ) from error


def _from_environment(variables: Mapping[str, str]) -> dict[str, Any]:
    """Return what the `HABITUE_*` variables set, nested as in the file.

    A variable of a whole stage, or of a list, holds JSON.

    Raises:
        SettingsError: one underscore stands where two belong.
    """
    found: dict[str, Any] = {}
    for name in sorted(variables):
        parts = name.removeprefix(PREFIX).lower().split(BETWEEN)
        if not name.startswith(PREFIX) or (len(parts) == 1 and not _is_stage(name, parts[0])):
            continue
        section = found
        for part in parts[:-1]:
            inner = section.setdefault(part, {})
            section = inner if isinstance(inner, dict) else {}
        section[parts[-1]] = _value(variables[name])
    return found


def unread_variables(variables: Mapping[str, str]) -> list[str]:
    """Return the `HABITUE_*` variables that nothing reads.

    Raises:
        SettingsError: as `load_settings`, of one underscore where two belong.
    """
    named = [name for name in sorted(variables) if name.startswith(PREFIX)]
    return [
        name
        for name in named
        if name not in _NO_SETTINGS
        and BETWEEN not in name
        and not _is_stage(name, name.removeprefix(PREFIX).lower())
    ]


def _is_stage(name: str, word: str) -> bool:
    """Whether a variable without two underscores is meant as a setting."""
    for stage, field in Settings.model_fields.items():
        model = field.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            for key in model.model_fields:
                if word == f"{stage}_{key}":
                    raise SettingsError(
                        f"The variable {name} is unknown. "
                        f"Did you mean '{variable_name((stage, key))}'?",
                        fix="Write two underscores between stage and field.",
                    )
    return word in Settings.model_fields


def _value(text: str) -> object:
    if text.lstrip()[:1] not in ("[", "{"):
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return `below` overruled by `above`, section by section."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[key] = _merged(old, value) if both else value  # type: ignore[arg-type]
    return merged
