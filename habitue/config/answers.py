"""Settings of what is asked and answered: predictions, offers, profiles, alerts, files."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from habitue.config.stage import LONGEST_DAYS, Stage, TimeZone
from habitue.schema import TaskKind, task_name

TaskName = Annotated[str, AfterValidator(task_name)]


class TaskSettings(Stage):
    """A prediction task of the shop's own; see `habitue.schema.Task`."""

    kind: TaskKind = Field(description="event, no_event, sum or next.")
    event: str = Field("purchase", description="The event type it is about; any: any event.")
    horizon_days: float = Field(30, ge=0.001, le=LONGEST_DAYS, description="How far ahead.")
    active_days: float = Field(
        90, ge=0.001, le=LONGEST_DAYS, description="Asked of persons seen in so many days."
    )
    active_event: str = Field(
        "",
        description="Asked of persons with this event in active_days; not set, any event of their "
        "own, and of no_event the event itself.",
    )
    fall_to: float | None = Field(
        None, gt=0, le=1, description="no_event: value below this part of the time before counts."
    )
    rhythm: float | None = Field(
        None,
        gt=0,
        le=100,
        description="no_event: no purchase within so many times the person's own usual pause, "
        "horizon_days at most.",
    )
    target: str = Field("", description="next: event_type, category or brand.")
    absent_days: float | None = Field(
        None,
        ge=0.001,
        le=LONGEST_DAYS,
        description="event, sum: asked of persons who had the event once and were not seen in so "
        "many days, in place of active_days.",
    )


class RecommendSettings(Stage):
    """What to offer."""

    seen_items: Literal["auto", "allow", "filter"] = Field(
        "auto", description="Whether items bought before may be offered; auto looks at repeats."
    )
    target_event: str = Field("auto", description="What counts as a hit; auto: purchase if common.")
    half_life_days: float = Field(
        0, ge=0, le=LONGEST_DAYS, description="Of personal frequency; 0 chooses on validation."
    )
    item_models: Literal["auto", "on", "off"] = Field(
        "auto",
        description="Whether ItemKNN, EASE and linear transitions are parts of the blend; auto: "
        "where hardly anybody takes the same thing twice, on up to 20,000 items.",
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
    history_days: float = Field(
        400, gt=0, le=LONGEST_DAYS, description="How long it is kept how a person moved."
    )
    history_entries: int = Field(
        50, ge=1, description="Moves kept of a person; of more, the older ones are thinned."
    )


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
