"""Every setting, one class a stage, a sentence a field.

Read from `habitue.toml` in the workspace, then from `HABITUE_*` variables (`__` between stage and
field: `HABITUE_TRAINING__EPOCHS=3`), then from the options of a verb. An unknown key is an error
that names the nearest known one.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from habitue.errors import SettingsError, nearest
from habitue.schema import TaskKind

SETTINGS_FILE = "habitue.toml"

Format = Literal["csv", "jsonl", "parquet"]
TimeUnit = Literal["iso", "s", "ms", "us", "ns", "days"]
Architecture = Literal["transformer", "gru"]
Size = Literal["tiny", "small"]


class Stage(BaseModel):
    """One stage's settings; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ShopSettings(Stage):
    """The shop as a whole."""

    name: str = Field("My shop", description="Shown in the report.")
    currency: str = Field("", description="ISO 4217 code of all money; empty where unknown.")
    language: Literal["en", "zh"] = Field("en", description="Of texts that people read.")


class SourceSettings(Stage):
    """How one kind of file is read: its format, and which column is which field."""

    name: str = Field(description="A name for messages and for the quarantine.")
    table: Literal["events", "items"] = Field("events", description="What the rows are.")
    format: Format = Field("csv", description="csv (any delimiter), jsonl or parquet.")
    delimiter: str = Field(
        ",", description="Between the columns of a csv file; 'whitespace' is any run of blanks."
    )
    encoding: str = Field("utf-8", description="Of a text file, as Python names it.")
    header: bool = Field(True, description="Whether the first row of a csv file names columns.")
    column_names: list[str] = Field([], description="Names for a file without a header.")
    columns: dict[str, str | list[str]] = Field(
        description="field = column; a list joins several columns (a category path, a name, "
        "a date and its time of day)."
    )
    category_separator: str = Field(
        "/", description="Between the levels of a category path that stands in one column."
    )
    category_fallback: str = Field(
        "", description="The column that names the category where the mapped ones are empty."
    )
    constants: dict[str, str] = Field({}, description="field = value for what no column says.")
    event_types: dict[str, str] = Field(
        {}, description="the file's word = event type; the usual short words need no entry."
    )
    time_unit: TimeUnit = Field("iso", description="Of the timestamp column.")
    time_format: str = Field("", description="strptime pattern where the time is not ISO 8601.")
    time_origin: str = Field(
        "1970-01-01", description="The day from which time_unit = 'days' counts."
    )
    time_zone: str = Field("UTC", description="Of times that name none.")
    decimal_mark: Literal[".", ","] = Field(
        ".", description="In prices, quantities and values written as text."
    )
    duplicate_rows: Literal["drop", "keep"] = Field(
        "drop", description="Rows equal in every mapped field, within one file."
    )
    negative_quantity: Literal["reject", "refund"] = Field(
        "reject", description="Whether a purchase of a negative quantity is a refund."
    )
    refund_order_prefix: str = Field(
        "", description="Orders whose id begins so are cancellations, hence refunds."
    )
    strip_decimal: list[str] = Field(
        [], description="Id fields whose trailing '.0' is an artefact of export and is removed."
    )
    not_products: list[str] = Field(
        [], description="Item ids that are no goods (postage, charges): money yes, advice no."
    )


class StoreSettings(Stage):
    """The event store."""

    buckets: int = Field(
        0, ge=0, le=4096, description="Parts by person; 0 chooses by the first file's size."
    )
    chunk_rows: int = Field(250_000, ge=1, description="Records cleaned at a time.")


class CleaningSettings(Stage):
    """What counts as implausible, and how visits are told apart."""

    max_bad: float = Field(
        0.05, ge=0, le=1, description="Share of unparsable lines that sinks a file."
    )
    max_price: float = Field(1e6, gt=0, description="A higher price is set aside.")
    max_quantity: float = Field(1e6, gt=0, description="A higher quantity is set aside.")
    earliest: str = Field("1990-01-01", description="Events before this day are set aside.")
    placeholder_ids: list[str] = Field(
        [
            "null", "undefined", "nan", "na", "n/a", "none", "nil", "0", "-1", "anonymous",
            "guest", "unknown", "00000000-0000-0000-0000-000000000000",
        ],
        description="User ids that mean nobody (compared without case).",
    )  # fmt: skip
    max_id_bytes: int = Field(256, description="A longer id is set aside.")
    session_gap_minutes: float = Field(30, gt=0, description="A longer pause starts a new session.")
    bot_events_per_day: int = Field(1000, description="Who has more on any day is flagged a bot.")


class ModelSettings(Stage):
    """The behaviour model's shape; `size` sets what is not set here."""

    architecture: Architecture = Field("transformer", description="The backbone.")
    size: Size = Field("small", description="tiny: width 32, one layer; small: width 64, two.")
    max_length: int = Field(50, ge=2, description="Events of a person the model looks back on.")
    dropout: float = Field(0.2, ge=0, lt=1, description="Share of activations dropped in training.")


class TrainingSettings(Stage):
    """How the behaviour model learns."""

    epochs: int = Field(
        0, ge=0, description="At most; 0 chooses by the log's size. Early stopping may end sooner."
    )
    patience: int = Field(2, ge=1, description="Evaluations without gain before stopping.")
    batch_events: int = Field(6400, ge=64, description="Events (positions) in a batch.")
    learning_rate: float = Field(2e-3, gt=0, description="Peak of the schedule.")
    weight_decay: float = Field(0.01, ge=0, description="Of AdamW; none on embeddings.")
    negatives: int = Field(512, ge=1, description="Items a true next item is told apart from.")
    min_item_count: int = Field(0, ge=0, description="Rarer items share hashed ids; 0 chooses.")
    max_items: int = Field(200_000, ge=1, description="Items with an embedding of their own.")
    max_person_events: int = Field(
        1000, ge=2, description="Of one person in training; the last ones."
    )
    seed: int = Field(0, description="Same seed, data, version and threads: same model.")
    holdout_days: float = Field(
        0,
        ge=0,
        description="Kept from training for `evaluate`; 0 takes the longest horizon that fits.",
    )


class TaskSettings(Stage):
    """A prediction task of the shop's own; see `habitue.schema.Task`."""

    kind: TaskKind = Field(description="event, no_event, sum or next.")
    event: str = Field("purchase", description="The event type it is about; any: any event.")
    horizon_days: float = Field(30, gt=0, description="How far ahead.")
    active_days: float = Field(90, gt=0, description="Asked of persons seen in so many days.")
    fall_to: float | None = Field(
        None, gt=0, le=1, description="no_event: value below this part of the time before counts."
    )
    target: str = Field("", description="next: event_type or category.")


class RecommendSettings(Stage):
    """What to offer."""

    seen_items: Literal["auto", "allow", "filter"] = Field(
        "auto", description="Whether items bought before may be offered; auto looks at repeats."
    )
    target_event: str = Field("auto", description="What counts as a hit; auto: purchase if common.")
    half_life_days: float = Field(
        0, ge=0, description="Of personal frequency; 0 chooses on validation."
    )
    k: int = Field(20, ge=1, description="Items kept for each person by `refresh`.")


class ProfileSettings(Stage):
    """Tags and interests."""

    tag_half_life_days: float = Field(
        90, gt=0, description="Interest halves in this time; a short log halves sooner."
    )
    max_tags: int = Field(12, ge=1, description="Tags shown for a person.")
    time_zone: str = Field("UTC", description="Of weekdays and hours in facts and tags.")

    @field_validator("time_zone")
    @classmethod
    def _is_a_time_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("not a time zone such as Europe/London or Asia/Shanghai")
        return value


class AlertSettings(Stage):
    """Churn early warning."""

    limit: int = Field(100, ge=1, description="Alerts listed.")
    min_lift: float = Field(
        1.5, ge=0, description="Only persons this many times likelier than the base rate."
    )


class Settings(BaseSettings):
    """All settings of a workspace."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix="HABITUE_", env_nested_delimiter="__"
    )

    shop: ShopSettings = ShopSettings()
    sources: list[SourceSettings] = []
    store: StoreSettings = StoreSettings()
    cleaning: CleaningSettings = CleaningSettings()
    model: ModelSettings = ModelSettings()
    training: TrainingSettings = TrainingSettings()
    recommend: RecommendSettings = RecommendSettings()
    profiles: ProfileSettings = ProfileSettings()
    alerts: AlertSettings = AlertSettings()
    tasks: dict[str, TaskSettings] = {}


def load_settings(folder: Path, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Return the settings of the workspace `folder`; without a file, the defaults.

    `overrides` are a verb's options, nested as in the file: `{"model": {"size": "tiny"}}`.

    Raises:
        SettingsError: the file is no TOML, a key is unknown or a value is wrong.
    """
    path = folder / SETTINGS_FILE
    values: dict[str, Any] = {}
    if path.is_file():
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"{path} is not valid TOML: {error}.", fix="Correct that line and try again."
            ) from error

    class Located(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            file_values = InitSettingsSource(settings_cls, init_kwargs=values)
            return (init_settings, env_settings, file_values)

    try:
        return Located(**dict(overrides or {}))
    except ValidationError as error:
        raise _explain(error, str(path)) from error


def _explain(error: ValidationError, where: str) -> SettingsError:
    """Turn pydantic's first complaint into one clear sentence."""
    first = error.errors()[0]
    location = [str(part) for part in first["loc"]]
    name = ".".join(location)
    if first["type"] == "extra_forbidden":
        known = _known_keys(location[:-1])
        return SettingsError(
            f"Setting '{name}' in {where} is unknown.{nearest(location[-1], known)}",
            fix=f"Known here: {', '.join(known)}.",
        )
    value = first.get("input")
    return SettingsError(
        f"Setting '{name}' is {value!r}: {first['msg']}.",
        fix=f"Correct it in {where}, or in the variable or option that set it.",
    )


def _known_keys(location: list[str]) -> list[str]:
    model: type[BaseModel] = Settings
    for part in location:
        if part.isdigit():
            continue
        annotation = model.model_fields[part].annotation if part in model.model_fields else None
        candidates = [annotation, *get_args(annotation)]
        for candidate in candidates:
            if isinstance(candidate, type) and issubclass(candidate, BaseModel):
                model = candidate
    return sorted(model.model_fields)
