"""Writes docs/commands.md and docs/settings.md from the code, so that they cannot lag behind it.

python scripts/make_reference.py          write both
python scripts/make_reference.py --check  exit 1 when one is out of date
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import typer
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from habitue.cli import app
from habitue.config import Settings, SourceSettings, TaskSettings

Command = TyperCommand | TyperGroup
DOCS = Path(__file__).parent.parent / "docs"
NOTE = "<!-- Made by scripts/make_reference.py; do not edit. -->\n"
COMMON = {"workspace", "as_json", "lang", "help"}


def commands_page() -> str:
    """Return the reference of the command line as Markdown."""
    lines = [
        NOTE,
        "# Commands\n",
        "Every verb takes `-w/--workspace FOLDER` (default `./shop`, or `HABITUE_WORKSPACE`) and "
        "`--json`, which prints exactly one JSON document on stdout; progress and messages go to "
        "stderr; and `--lang en|zh` (or `HABITUE_LANG`), the language of what is told, else that "
        "of the shop's settings. Exit code 0: done; 1: failed; 2: refused, with the reason and the "
        "fix (under `--json` as `{error: {code, message, fix}}`).\n",
    ]
    for name, command in _walk("habitue", typer.main.get_command(app)):
        lines += [f"## `{name}`\n", f"{(command.help or '').strip()}\n"]
        rows = [row for parameter in command.params if (row := _parameter_row(parameter))]
        if rows:
            lines += ["| option | meaning |", "|---|---|", *rows, ""]
    return "\n".join(lines).rstrip() + "\n"


def settings_page() -> str:
    """Return the reference of the settings as Markdown."""
    lines = [
        NOTE,
        "# Settings\n",
        "Read from `habitue.toml` in the workspace, then from `HABITUE_*` variables (two "
        "underscores between stage and field: `HABITUE_TRAINING__EPOCHS=3`), then from a verb's "
        "options. `habitue init` writes the `[[sources]]`; everything else has a default.\n",
    ]
    for name, field in Settings.model_fields.items():
        heading, model = f"[{name}]", field.annotation
        if name == "sources":
            heading, model = "[[sources]]", SourceSettings
        elif name == "tasks":
            heading, model = "[tasks.NAME]", TaskSettings
        assert isinstance(model, type)
        assert issubclass(model, BaseModel)
        lines += [f"## `{heading}`\n", f"{(model.__doc__ or '').strip()}\n"]
        lines += ["| field | default | meaning |", "|---|---|---|"]
        lines += [
            f"| `{key}` | {_default(value)} | {_escape(value.description or '')} |"
            for key, value in model.model_fields.items()
        ]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _walk(name: str, command: Command) -> Iterator[tuple[str, Command]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield name, command
        return
    for child, inner in children.items():
        yield from _walk(f"{name} {child}", inner)


def _parameter_row(parameter: TyperArgument | TyperOption) -> str | None:
    if parameter.name in COMMON:
        return None
    is_option = isinstance(parameter, TyperOption)
    label = ", ".join(parameter.opts) if is_option else (parameter.name or "").upper()
    metavar = f" {parameter.metavar}" if is_option and parameter.metavar else ""
    if not is_option and parameter.metavar:
        label = parameter.metavar
    return f"| `{label}{metavar}` | {_escape(getattr(parameter, 'help', '') or '')} |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    choices = get_args(field.annotation)
    text = f"`{value!r}`" if value is not None else "none"
    if choices and all(isinstance(choice, str) for choice in choices):
        others = [choice for choice in choices if choice != value]
        text += " (or " + ", ".join(f"`{choice!r}`" for choice in others) + ")"
    return _escape(text)


def _escape(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> int:
    """Write or check the pages."""
    pages = {"commands.md": commands_page(), "settings.md": settings_page()}
    stale = [n for n, text in pages.items() if not _is_current(DOCS / n, text)]
    if "--check" in sys.argv:
        for name in stale:
            print(f"docs/{name} is out of date; run: python scripts/make_reference.py")
        return 1 if stale else 0
    for name, text in pages.items():
        (DOCS / name).write_text(text, encoding="utf-8")
    return 0


def _is_current(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
