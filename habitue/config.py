"""Every setting, one class a stage, a sentence a field.

Read from `habitue.toml` in the workspace, then from `HABITUE_*` variables (`__` between stage and
field: `HABITUE_TRAINING__EPOCHS=3`), then from the options of a verb. An unknown key is an error
that names the nearest known one.
"""

import json
import os
import tomllib
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)

from habitue.errors import SettingsError
from habitue.schema import TaskKind, task_name
from habitue.setting_errors import BETWEEN, PREFIX, Layer, explain, variable_name

SETTINGS_FILE: Final = "habitue.toml"
_NO_SETTINGS: Final = ("HABITUE_WORKSPACE", "HABITUE_BENCHMARK_DATA")  # read elsewhere
LONGEST_DAYS: Final = 3653  # ten years: no horizon, half-life or holdout is longer

Format = Literal["csv", "jsonl", "parquet"]
TimeUnit = Literal["iso", "s", "ms", "us", "ns", "days"]
AdapterName = Literal[
    "", "ga4", "segment", "rudderstack", "posthog", "sensors", "recbole", "rees46", "recsys2025"
]
CheckName = Literal[
    "volume", "time_gap", "empty_field", "new_event_type", "one_user", "duplicates", "midnight",
    "price_scale", "platform_gone", "no_purchases", "unknown_items", "clock_shift",
]  # fmt: skip
PersonalData = Literal["redact", "reject", "keep"]
Architecture = Literal["transformer", "sasrec", "gru", "lstm", "cnn"]
Size = Literal["tiny", "small"]
Samples = Literal["all", "prefix"]
Loss = Literal["sampled", "full"]
RivalsKind = Literal["mixed", "uniform", "in_batch"]


def _day(value: object) -> object:
    """Take a date as TOML writes it, and as a text."""
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise ValueError("a day such as 1990-01-01") from None


@cache
def _time_zones() -> set[str]:
    """Return all time zones; looking them up on disk takes longer than all other checks."""
    return available_timezones()


def _time_zone(value: str) -> str:
    if value not in _time_zones():
        raise ValueError("a time zone such as Europe/London or Asia/Shanghai")
    return value


def _heads(value: int) -> int:
    if value not in (0, 1, 2, 4, 8):
        raise ValueError("0, 1, 2, 4 or 8")
    return value


def _found_or(least: int) -> AfterValidator:
    """0 is allowed too: the value is then found."""

    def check(value: int) -> int:
        if 0 < value < least:
            raise ValueError(f"0, or {least} and more")
        return value

    return AfterValidator(check)


TaskName = Annotated[str, AfterValidator(task_name)]
Day = Annotated[str, BeforeValidator(_day)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
Heads = Annotated[int, AfterValidator(_heads)]


class Stage(BaseModel):
    """One stage's settings; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ShopSettings(Stage):
    """The shop as a whole."""

    name: str = Field("My shop", description="Shown in the report.")
    currency: str = Field("", description="ISO 4217 code of all money; empty where unknown.")
    language: Literal["en", "zh"] = Field("en", description="Of texts that people read.")


class SourceSettings(Stage):
    """How one kind of file is read: its format, and which column is which field."""

    name: str = Field(description="A name for messages and for the quarantine.")
    adapter: AdapterName = Field(
        "", description="A published layout known by name; what is set beside it is laid above it."
    )
    url: SecretStr = Field(
        SecretStr(""),
        description="A database table instead of files: postgresql://USER@HOST/DATABASE?table=NAME "
        "or sqlite:///FILE?table=NAME. Leave the password to PGPASSWORD or ~/.pgpass.",
    )
    query: str = Field("", description="SQL whose rows are the records, in place of a table.")
    table: Literal["events", "items"] = Field("events", description="What the rows are.")
    format: Format = Field("csv", description="csv (any delimiter), jsonl or parquet.")
    delimiter: str = Field(
        ",", description="Between the columns of a csv file; 'whitespace' is any run of blanks."
    )
    encoding: str = Field("utf-8", description="Of a text file, as Python names it.")
    quoting: bool = Field(
        True, description="Whether a quote at a field's start encloses it, in a csv file."
    )
    header: bool = Field(True, description="Whether the first row of a csv file names columns.")
    column_names: list[str] = Field([], description="Names for a file without a header.")
    columns: dict[str, str | list[str]] = Field(
        {},
        description="field = column; a list joins several columns (a category path, a name, "
        "a date and its time of day).",
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
    ignored_events: list[str] = Field(
        [],
        description="Words for events that are none of a shop's, counted and not kept; 'page_*' "
        "is every word that begins so.",
    )
    time_unit: TimeUnit = Field("iso", description="Of the timestamp column.")
    time_format: str = Field("", description="strptime pattern where the time is not ISO 8601.")
    time_origin: Day = Field(
        "1970-01-01", description="The day from which time_unit = 'days' counts."
    )
    time_zone: TimeZone = Field("UTC", description="Of times that name none.")
    decimal_mark: Literal[".", ","] = Field(
        ".", description="In prices, quantities and values written as text."
    )
    duplicate_rows: Literal["drop", "keep"] = Field(
        "drop", description="Rows equal in every mapped field, within one file."
    )
    negative_quantity: Literal["reject", "refund"] = Field(
        "reject", description="Whether a purchase of a negative quantity is a refund."
    )
    fractional_quantity: Literal["reject", "accept"] = Field(
        "reject", description="Whether a quantity may be a part of a piece (0.35 kg)."
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
    earliest: Day = Field("1990-01-01", description="Events before this day are set aside.")
    placeholder_ids: list[str] = Field(
        [
            "null", "undefined", "nan", "na", "n/a", "none", "nil", "0", "-1", "anonymous",
            "guest", "unknown", "00000000-0000-0000-0000-000000000000",
        ],
        description="User ids that mean nobody (compared without case).",
    )  # fmt: skip
    personal_data: PersonalData = Field(
        "redact",
        description="E-mail addresses, telephone, card and bank account numbers and passwords in "
        "searches, properties, campaigns and names of items: redact puts [redacted] in their "
        "place, reject sets the row aside, keep leaves them. User ids are never changed.",
    )
    max_id_bytes: int = Field(256, ge=1, description="A longer id is set aside.")
    session_gap_minutes: float = Field(
        30, gt=0, le=LONGEST_DAYS * 1440, description="A longer pause starts a new session."
    )
    bot_events_per_day: int = Field(
        1000, ge=1, description="Who has more on any day is flagged a bot."
    )


class CheckSettings(Stage):
    """What `train` looks for in the log before it learns; see the page "Checks of the log"."""

    skip: list[CheckName] = Field(
        [], description="Rules left out, where what they find is how the shop was."
    )


class ConsentSettings(Stage):
    """What the shop answers for where its log does not say who agreed to being recorded."""

    assumed: str = Field(
        "",
        max_length=200,
        description="On what ground events without a consent column are kept and learnt from, in "
        "a few words; the model card repeats it, and ingest asks while it is empty.",
    )


class ModelSettings(Stage):
    """The behaviour model's shape; `size` sets what is not set here."""

    architecture: Architecture = Field("transformer", description="The backbone.")
    size: Size = Field("small", description="tiny: width 32, one layer; small: width 64, two.")
    heads: Heads = Field(0, description="Of attention: 1, 2, 4 or 8; 0 takes what suits the size.")
    max_length: int = Field(50, ge=2, description="Events of a person the model looks back on.")
    dropout: float | None = Field(
        None, ge=0, lt=1, description="Share dropped in training; not set, .2 or as repeats say."
    )
    high_pass: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="Weight of what changed lately beside what attention gathers, in each block "
        "of transformer and sasrec; not set, 0 or as repeats say.",
    )
    item_bias: bool = Field(
        True, description="Whether each item has a bias, which begins as how frequent it is."
    )
    repeats: bool | None = Field(
        None,
        description="Whether the network may point at an item of the past instead of choosing; "
        "not set, it may where at least one wanted item in a hundred had been wanted before. If it "
        "may not, sasrec has a dropout of .5 and a high_pass of .7.",
    )

    @property
    def usual_dropout(self) -> float:
        """The share as set, or as is usual."""
        return (0.5 if self._is_bare else 0.2) if self.dropout is None else self.dropout

    @property
    def usual_high_pass(self) -> float:
        """The weight as set, or as is usual."""
        return (0.7 if self._is_bare else 0.0) if self.high_pass is None else self.high_pass

    @property
    def _is_bare(self) -> bool:
        return self.architecture == "sasrec" and self.repeats is False


class TrainingSettings(Stage):
    """How the behaviour model learns."""

    epochs: int = Field(
        0, ge=0, description="At most; 0 chooses by the log's size. Early stopping may end sooner."
    )
    patience: int = Field(2, ge=1, description="Evaluations without gain before stopping.")
    samples: Samples = Field(
        "all",
        description="all: a loss after every event of a window; prefix: every event is the last "
        "one of a window of its own (dearer, above all on long histories).",
    )
    loss: Loss = Field(
        "sampled", description="Of the next item, against drawn rivals or all items."
    )
    batch_events: Annotated[int, _found_or(64)] = Field(
        6400,
        ge=0,
        description="Events (positions) in a batch of samples = 'all', at least 64; 0 finds the "
        "size that is fastest on this machine by trying.",
    )
    batch_samples: Annotated[int, _found_or(8)] = Field(
        256,
        ge=0,
        description="Windows in a batch of samples = 'prefix', at least 8; 0 finds it likewise.",
    )
    learning_rate: float = Field(
        2e-3, ge=0, description="Peak of the schedule; 0 finds one by trying for a few steps."
    )
    accumulate: int = Field(
        1, ge=1, description="Batches whose gradients are added up before the weights move."
    )
    weight_decay: float = Field(0.01, ge=0, description="L2 penalty on the weights of layers.")
    embedding_decay: float = Field(0, ge=0, description="L2 penalty on the vectors of items.")
    l1: float = Field(
        0, ge=0, description="L1 penalty on the weights of layers; makes needless ones zero."
    )
    ema: float = Field(
        0, ge=0, lt=1, description="Decay of the average of the weights that is kept; 0: the last."
    )
    label_smoothing: float = Field(
        0, ge=0, lt=1, description="Share of the next item's probability spread over all items."
    )
    negatives: int = Field(512, ge=1, description="Items a true next item is told apart from.")
    rivals: RivalsKind = Field(
        "mixed",
        description="How those are drawn: uniform, in_batch (what others of the batch wanted), or "
        "mixed, half uniform and half by frequency; all with the logQ correction.",
    )
    category_weight: float = Field(0.2, ge=0, description="Of the next item's category's loss.")
    event_type_weight: float = Field(0.2, ge=0, description="Of the next event's type's loss.")
    gap_weight: float = Field(0.1, ge=0, description="Of the next pause's loss.")
    dense_weight: float = Field(
        0, ge=0, description="Of the loss of any wanted item of the next four weeks."
    )
    coles_weight: float = Field(
        0, ge=0, description="Of the loss that brings two slices of one person together."
    )
    next_visit: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Share of events whose wanted item is one of the next visit, not the next.",
    )
    later_items: float = Field(
        0,
        ge=0,
        lt=1,
        description="Chance, as training begins, that the wanted item is not the next but one of "
        "those soon after it; falls to 0 over four fifths of the epochs.",
    )
    hidden_items: float = Field(
        0.08, ge=0, lt=1, description="Share of events whose item id is hidden, for its content."
    )
    crop: float = Field(
        0, ge=0, le=1, description="Share of windows that forget up to half of their oldest events."
    )
    reorder: float = Field(
        0,
        ge=0,
        le=1,
        description="Share of windows in which a run of events is shuffled; with samples = "
        "'prefix' alone.",
    )
    substitute: float = Field(
        0, ge=0, lt=1, description="Share of events whose item is replaced by one like it."
    )
    min_item_count: int = Field(0, ge=0, description="Rarer items share hashed ids; 0 chooses.")
    max_items: int = Field(200_000, ge=1, description="Items with an embedding of their own.")
    max_person_events: int = Field(
        1000, ge=2, description="Of one person in training; the last ones."
    )
    seed: int = Field(0, description="Same seed, data, version and threads: same model.")
    holdout_days: float = Field(
        0,
        ge=0,
        le=LONGEST_DAYS,
        description="Kept from training for `evaluate`; 0 takes the longest horizon that fits.",
    )

    @property
    def batch(self) -> int:
        """The size of a batch: windows where each sample is a prefix, else events; 0: found."""
        return self.batch_samples if self.samples == "prefix" else self.batch_events


class CompareSettings(Stage):
    """`habitue compare`, and `habitue train --architecture auto`."""

    architectures: list[Architecture] = Field(
        ["transformer", "sasrec", "gru", "lstm", "cnn"], min_length=1, description="Which ones."
    )
    minutes: float = Field(
        30, gt=0, description="For all of them; each gets an equal share, and needs not use it up."
    )


class TuneSettings(Stage):
    """`habitue tune`."""

    trials: int = Field(20, ge=1, description="Settings tried, those of earlier runs included.")
    minutes: float = Field(60, gt=0, description="Of one run; the next one goes on.")


class TaskSettings(Stage):
    """A prediction task of the shop's own; see `habitue.schema.Task`."""

    kind: TaskKind = Field(description="event, no_event, sum or next.")
    event: str = Field("purchase", description="The event type it is about; any: any event.")
    horizon_days: float = Field(30, ge=0.001, le=LONGEST_DAYS, description="How far ahead.")
    active_days: float = Field(
        90, ge=0.001, le=LONGEST_DAYS, description="Asked of persons seen in so many days."
    )
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
        0, ge=0, le=LONGEST_DAYS, description="Of personal frequency; 0 chooses on validation."
    )
    k: int = Field(20, ge=1, description="Items kept for each person by `refresh`.")
    min_persons: int = Field(
        5,
        ge=1,
        description="What fewer persons took is in no list that is the same for everyone "
        "(popular, offers to somebody unknown); what fewer showed interest in is not in similar.",
    )


class ProfileSettings(Stage):
    """Tags and interests."""

    tag_half_life_days: float = Field(
        90,
        gt=0,
        le=LONGEST_DAYS,
        description="Interest halves in this time; a short log halves sooner.",
    )
    max_tags: int = Field(12, ge=1, description="Tags shown for a person.")
    time_zone: TimeZone = Field("UTC", description="Of weekdays and hours in facts and tags.")


class AlertSettings(Stage):
    """Churn early warning."""

    limit: int = Field(100, ge=1, description="Alerts listed.")
    min_lift: float = Field(
        1.5, ge=0, description="Only persons this many times likelier than the base rate."
    )


class ExportSettings(Stage):
    """Files written for others: predictions, recommendations and audiences."""

    for_spreadsheet: bool = Field(
        True,
        description="Whether texts in CSV files that a spreadsheet would run as a formula get a "
        "leading '. Switch it off for files that only machines read; Parquet never changes.",
    )


class Settings(Stage):
    """All settings of a workspace."""

    shop: ShopSettings = ShopSettings()
    sources: list[SourceSettings] = []
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
    tasks: dict[TaskName, TaskSettings] = {}


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
