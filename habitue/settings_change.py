"""Single values of `habitue.toml` changed, and all that a person wrote beside them left alone.

In: a workspace's folder, settings and their new values. Out: the file with those values, its
comments and order as they were; the file before beside it. Knows nothing about why.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from habitue.config import SETTINGS_FILE
from habitue.errors import Refused
from habitue.events.settings_file import keep_settings
from habitue.files import write_bytes

Value = str | int | float
Changes = Mapping[tuple[str, str], Value]  # section and field

_BOM = "\ufeff"
_VALUE = r"""(?:"[^"]*"|'[^']*'|[^\s#"']+)"""


def change_settings(folder: Path, changes: Changes) -> Path | None:
    """Write the values into the file, and return where the file before is kept.

    Raises:
        Refused: `settings_layout`, the file is written in a way in which the place of a value
            cannot be told; nothing was written. Or the folder cannot be written.
    """
    path = folder / SETTINGS_FILE
    text = path.read_bytes().decode() if path.is_file() else ""
    changed = changed_text(text, changes)
    if changed is None:
        told = "; ".join(f"[{s}] {key} = {_toml(value)}" for (s, key), value in changes.items())
        raise Refused(
            f"{path} is laid out in a way that cannot be changed safely, so it was left as it is.",
            fix=f"Write into it: {told}",
            code="settings_layout",
        )
    kept = keep_settings(folder)
    write_bytes(path, changed.encode())
    return kept


def changed_text(text: str, changes: Changes) -> str | None:
    """Return the TOML `text` with these values; None where that cannot be done safely.

    >>> changed_text("[model]\\nsize = 'small'  # enough\\n", {("model", "size"): "tiny"})
    '[model]\\nsize = "tiny"  # enough\\n'
    """
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.removeprefix(_BOM).splitlines(keepends=True)
    for (section, key), value in changes.items():
        _set(lines, section, key, _toml(value), end)
    changed = (_BOM if text.startswith(_BOM) else "") + "".join(lines)
    return changed if _says(changed, text, changes) else None


def _set(lines: list[str], section: str, key: str, value: str, end: str) -> None:
    first, stop = _section(lines, section)
    if first < 0:
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += end
        lines += [*([end] if lines else []), f"[{section}]{end}", f"{key} = {value}{end}"]
        return
    for number in range(first, stop):
        found = re.match(rf"(\s*{key}\s*=\s*){_VALUE}(\s*(?:#.*)?)$", lines[number].rstrip("\r\n"))
        if found:
            lines[number] = found[1] + value + found[2] + end
            return
    while stop > first and not lines[stop - 1].strip():
        stop -= 1
    if not lines[stop - 1].endswith("\n"):
        lines[stop - 1] += end
    lines.insert(stop, f"{key} = {value}{end}")


def _section(lines: list[str], section: str) -> tuple[int, int]:
    """Return the lines of a section, without its head; -1 where there is none."""
    heads = [number for number, line in enumerate(lines) if line.lstrip().startswith("[")]
    for number in heads:
        if re.match(rf"\s*\[\s*{section}\s*\]\s*(#.*)?$", lines[number]):
            return number + 1, next((one for one in heads if one > number), len(lines))
    return -1, -1


def _says(changed: str, before: str, changes: Changes) -> bool:
    """Whether the new text means what the old one did, but for these values."""
    try:
        wanted: dict[str, Any] = tomllib.loads(before.removeprefix(_BOM))
        for (section, key), value in changes.items():
            wanted.setdefault(section, {})[key] = value
        return tomllib.loads(changed.removeprefix(_BOM)) == wanted
    except (tomllib.TOMLDecodeError, TypeError):
        return False


def _toml(value: Value) -> str:
    is_json = isinstance(value, str | bool)  # TOML writes both in the same way
    return json.dumps(value, ensure_ascii=False) if is_json else str(value)
