"""The whole error tree.

    HabitueError                 everything Habitue raises on purpose
    ├── Refused                  nothing was done; the fix is the user's (exit code 2)
    │   ├── SettingsError        a setting is unknown or has a wrong value
    │   ├── FileRefused          a file cannot be read as the settings say
    │   ├── NotReady             an earlier step is missing: no events, no model, no profiles
    │   ├── NotEnoughData        the log is too small for what was asked
    │   ├── UnknownName          a task, model version, item or column nobody has heard of
    │   └── MissingExtra         an optional dependency is not installed
    └── Failed                   something broke half-way; nothing half-done stays (exit code 1)

    HabitueWarning               an answer was given, with something its reader should know

Each error carries a stable `code`, one sentence of what was wrong with its value, and `fix`:
what to do next, where possible the very command.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class HabitueError(Exception):
    """Base of all errors that Habitue raises on purpose."""

    default_code = "error"
    exit_code = 1

    def __init__(self, message: str, *, fix: str, code: str | None = None) -> None:
        super().__init__(f"{message} {fix}".strip())
        self.code = code or self.default_code
        self.message = message
        self.fix = fix

    def as_json(self) -> dict[str, dict[str, str]]:
        """Return the document that `--json` prints: `{error: {code, message, fix}}`."""
        return {"error": {"code": self.code, "message": self.message, "fix": self.fix}}


class Refused(HabitueError):
    """Nothing was done, and the fix is in the user's hands."""

    default_code = "refused"
    exit_code = 2


class SettingsError(Refused):
    """A setting is unknown or has a wrong value."""

    default_code = "settings"


class FileRefused(Refused):
    """A file cannot be read as the settings say; nothing of it was stored."""

    default_code = "file_refused"


class NotReady(Refused):
    """An earlier step is missing."""

    default_code = "not_ready"


class NotEnoughData(Refused):
    """The log is too small for what was asked."""

    default_code = "not_enough_data"


class UnknownName(Refused):
    """A name nobody has heard of: a task, a model version, an item, a column."""

    default_code = "unknown_name"


class MissingExtra(Refused):
    """An optional dependency is not installed."""

    default_code = "missing_extra"

    def __init__(self, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs packages that are not installed.",
            fix=f'Install them with: pip install "habitue[{extra}]"',
        )


class Failed(HabitueError):
    """Something broke half-way; what was there before is still there."""

    default_code = "failed"


class HabitueWarning(UserWarning):
    """An answer was given, and there is something its reader should know."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ` Did you mean 'x'?` for the known name closest to `name`, or an empty text."""
    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean '{close[0]}'?" if close else ""
