"""What the settings of all stages share: how they are read, and values that several have."""

from datetime import date
from functools import cache
from typing import Annotated, Final
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

LONGEST_DAYS: Final = 3653  # ten years: no horizon, half-life or holdout is longer


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


Day = Annotated[str, BeforeValidator(_day)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]


class Stage(BaseModel):
    """One stage's settings; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
