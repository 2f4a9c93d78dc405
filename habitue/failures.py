"""What went wrong without anybody raising an error of ours, as an error of ours.

In: an exception of Python or of the operating system. Out: a `HabitueError` with a sentence and a
fix. Knows nothing about what was being done.
"""

import errno
import tempfile
import traceback

from habitue.errors import Failed, HabitueError, Refused

WRONG_PLACE = (
    FileNotFoundError,
    PermissionError,
    FileExistsError,
    IsADirectoryError,
    NotADirectoryError,
)


def system_error(error: OSError) -> HabitueError:
    """Return what the operating system did not let us do: refused a place, or failed at it."""
    where = f"{error.filename}: " if error.filename else ""
    message = f"{where}{error.strerror or error}."
    if isinstance(error, WRONG_PLACE) or error.errno in (errno.ENAMETOOLONG, errno.EROFS):
        return Refused(message, fix="Check the path and its permissions.", code="bad_path")
    return Failed(
        message,
        fix="Free space or mend the disk, then try again; what was there before is still there.",
        code="write_failed",
    )


def unexpected_error(error: Exception) -> HabitueError:
    """Return a fault of ours, its traceback kept in a file."""
    with tempfile.NamedTemporaryFile(
        "w", prefix="habitue-error-", suffix=".log", delete=False
    ) as file:
        traceback.print_exception(error, file=file)
    return Failed(
        f"Something broke inside Habitue: {type(error).__name__}: {error}",
        fix=f"Nothing half-done was kept. Please report it with the details in {file.name}",
        code="internal",
    )
