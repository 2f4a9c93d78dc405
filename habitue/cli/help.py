"""`--help` in the spoken language: the texts of verbs and options, and the parser's own words."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

import typer
from typer import rich_utils

from habitue.cli.help_zh import FRAME, HELP
from habitue.languages import Language, told

if TYPE_CHECKING:
    from typer.core import TyperCommand, TyperGroup

    Command = TyperCommand | TyperGroup

_HELP: Final[dict[Language, Mapping[str, str]]] = {"en": {}, "zh": HELP}
_MARKS: Final = re.compile(r"([；，。：、])(?=[^\s])")
_FRAME: Final[dict[Language, Mapping[str, str]]] = {"en": {}, "zh": FRAME}


def command_of(app: typer.Typer) -> "Command":
    """Return the command that `app` stands for, its help in the spoken language."""
    command: Command = typer.main.get_command(app)  # type: ignore[assignment]
    words = told(_HELP)
    if words:
        for name, word in told(_FRAME).items():
            setattr(rich_utils, name, word)
        for one, context in commands_of(command):
            if one.help:
                one.help = words.get(one.help, one.help)
            for option in (*one.params, one.get_help_option(context)):
                if text := getattr(option, "help", None):
                    setattr(option, "help", _breakable(words.get(text, text)))  # noqa: B010
    return command


def _breakable(text: str) -> str:
    """Return a text with blanks after its marks: without any, a table cuts what is too long."""
    return _MARKS.sub(r"\1 ", text)


def commands_of(
    command: "Command", name: str = "habitue", parent: typer.Context | None = None
) -> Iterator[tuple["Command", typer.Context]]:
    """Yield a command and all below it, each with a context to ask it in."""
    context = command.make_context(name, [], parent=parent, resilient_parsing=True)
    yield command, context  # type: ignore[misc]
    for below, one in getattr(command, "commands", {}).items():
        yield from commands_of(one, below, context)  # type: ignore[arg-type]
