"""The shop that was asked about: opened, answered for, and named in the commands of a fix."""

import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from habitue.cli.answer import Answer, print_answer
from habitue.cli.speaking import asked_settings, speak_of

if TYPE_CHECKING:
    from habitue.workspace import Workspace

SHOP = Path("shop")
# A command within the text of a fix: its verb, of two words in the groups.
COMMAND = re.compile(r"habitue (?:(?:models|quarantine|alerts) )?+[a-z]+\b(?! -w )")
_opened: list[Path] = []  # the shops asked about by this process, the last one last


def open_shop(folder: Path) -> "Workspace":
    """Return the shop of a folder, its progress shown in the terminal."""
    from habitue.cli.console import Bars
    from habitue.workspace import Workspace

    _opened.append(folder)
    shop = Workspace(folder, progress=Bars(), settings=asked_settings())
    speak_of(shop)
    return shop


def answer(result: Answer, as_json: bool, verb: str = "") -> None:
    """Print a verb's answer, the commands in it about the shop that was asked about."""
    print_answer(result, as_json, verb, where=_where())


def about_shop(text: str) -> str:
    """Return the text with the shop just asked about named in its commands."""
    return COMMAND.sub(lambda command: command[0] + _where(), text)


def _where() -> str:
    """Return the option that names the shop just asked about; empty where it is the default."""
    default = os.environ.get("HABITUE_WORKSPACE", str(SHOP))
    if not _opened or str(_opened[-1]) == default:
        return ""
    return f" -w {shlex.quote(str(_opened[-1]))}"
