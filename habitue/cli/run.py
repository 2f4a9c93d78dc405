"""A run of the command line: the verb, what went wrong in a sentence, the exit code."""

import errno
import json
import os
import sys
import warnings
from contextlib import suppress
from typing import NoReturn, TextIO

import typer

from habitue.cli.answer import AnswerLost
from habitue.cli.asked import about_shop
from habitue.cli.help import command_of
from habitue.cli.speaking import begin, is_asked_for
from habitue.cli.texts import say
from habitue.cli.usage import wrong_usage
from habitue.cli.verbs import app
from habitue.display import inert
from habitue.errors import Failed, HabitueError, HabitueWarning
from habitue.failures import system_error, unexpected_error
from habitue.languages import retold

INTERRUPTED = 130  # what typer makes of Ctrl-C
STOPPED = Failed("Stopped.", fix="", code="stopped")


def main() -> NoReturn:
    """Run the command line and exit with 0, 1 or 2."""
    if sys.stdout is None:  # closed by whoever started us: nobody wants to read
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    as_json = "--json" in sys.argv[1:]
    begin(sys.argv[1:])
    warnings.showwarning = _show_warning
    try:
        code = _run(as_json)
        sys.stdout.flush()
    except (AnswerLost, OSError) as error:
        _forget_stdout(error.cause if isinstance(error, AnswerLost) else error)
        code = 1
    sys.exit(code)


def _run(as_json: bool) -> int:
    """Run the verb, tell what went wrong, and return the exit code."""
    try:
        code = command_of(app)(standalone_mode=False, prog_name="habitue")
    except HabitueError as error:
        return _tell(error, as_json)
    except AnswerLost:
        raise
    except typer.TyperException as error:
        return _tell(wrong_usage(error), as_json)
    except (typer.Abort, KeyboardInterrupt):
        return _tell(STOPPED, as_json)
    except OSError as error:
        sys.stdout.flush()  # raises anew where the answer itself cannot be written
        return _tell(system_error(error), as_json)
    except Exception as error:
        return _tell(unexpected_error(error), as_json)
    if code == INTERRUPTED:
        return _tell(STOPPED, as_json)
    return code if isinstance(code, int) else 0


def _tell(error: HabitueError, as_json: bool) -> int:
    """Print an error, the commands in its fix about the same shop, and return its exit code."""
    message, fix = error.message, error.fix
    if not as_json or is_asked_for():
        message, fix = retold(message), retold(fix)
    if not fix.endswith("--help"):
        fix = about_shop(fix)
    if as_json:
        document = {"error": {"code": error.code, "message": message, "fix": fix}}
        typer.echo(json.dumps(document, ensure_ascii=False))
    else:
        typer.echo(inert(f"{message}\n{fix}".strip()), err=True)
    return error.exit_code


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    told = say("Note: {message}", message=retold(str(message)))
    if not issubclass(category, HabitueWarning):
        told = warnings.formatwarning(message, category, filename, lineno, line)
    typer.echo(inert(told.rstrip()), err=True)


def _forget_stdout(error: OSError) -> None:
    """Point stdout at nothing, so that Python does not try once more to write what is left."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if error.errno != errno.EPIPE:  # a reader that went away, such as head, has what it wanted
        with suppress(OSError):
            typer.echo(f"The answer cannot be printed: {error.strerror or error}.", err=True)
