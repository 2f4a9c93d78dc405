"""The guesses written down as a commented `habitue.toml`.

In: a `GuessReport`. Out: a settings file that `config.load_settings` reads back to the very same
sources, each setting with the reason beside it, for a person to correct. Knows nothing about how
the guesses were made.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from habitue.config import SETTINGS_FILE, SourceSettings
from habitue.errors import Refused
from habitue.events.consent import QUESTION, silent_sources
from habitue.events.guess_report import Guess, GuessReport
from habitue.files import write_bytes
from habitue.schema import EVENT_FIELDS, ITEM_FIELDS

_HEAD = """\
# How Habitue reads this shop's files. Written by `habitue init`; correct it freely.
# A line marked (?) was guessed and should be looked at by someone who knows the shop.
"""
_TABLES = ("columns", "constants", "event_types")
_MAX_COMMENT = 110
_KEPT = f"{SETTINGS_FILE}.bak"


def write_settings(folder: Path, report: GuessReport, *, overwrite: bool = False) -> Path:
    """Write the report's sources as `habitue.toml` into `folder` and return its path.

    Raises:
        Refused: `settings_exist`, there is one already and `overwrite` is not set.
    """
    path = folder / SETTINGS_FILE
    if path.exists() and not overwrite:
        raise Refused(
            f"{path} exists already.",
            fix="Edit it, name another workspace with -w, or overwrite it with --force.",
            code="settings_exist",
        )
    write_bytes(path, settings_text(report).encode())
    return path


def keep_settings(folder: Path) -> Path | None:
    """Copy the `habitue.toml` of `folder` to `habitue.toml.bak`; None where there is none."""
    path = folder / SETTINGS_FILE
    if not path.is_file():
        return None
    kept = folder / _KEPT
    write_bytes(kept, path.read_bytes())
    return kept


def settings_text(report: GuessReport) -> str:
    """Return the file's text."""
    parts = [_HEAD]
    if report.start:
        parts.append(f"# {report.num_rows:,} rows of events, {report.start} to {report.end}.\n")
    for left in report.left_out:
        parts.append(_comment(f"Left out: {Path(left.file).name}: {left.because}."))
    by_source: dict[str, list[Guess]] = {}
    for guess in report.guesses:
        by_source.setdefault(guess.file, []).append(guess)
    for source, (file, guesses) in zip(report.sources, by_source.items(), strict=True):
        parts.append(_source_text(source, guesses, report.unknown_words.get(file, {})))
    if silent_sources(report.sources):
        parts.append(f'[consent]\n{_comment(f"(?) {QUESTION}")}\nassumed = ""\n')
    return "\n".join(parts)


def _source_text(source: SourceSettings, guesses: list[Guess], unknown: dict[str, int]) -> str:
    lines = ["[[sources]]"]
    plain = source.model_dump(exclude_defaults=True, exclude={*_TABLES, "url"})
    shown_always = _what_it_is(source)
    if not {"timestamp", "created_at"}.isdisjoint(source.columns):
        shown_always |= {"time_unit": source.time_unit, "time_zone": source.time_zone}
    # A field may be called as a setting is: `name` is an item's name, and the source's own.
    fields = EVENT_FIELDS if source.table == "events" else ITEM_FIELDS
    of_fields = [guess for guess in guesses if guess.field in fields]
    of_source = [guess for guess in guesses if guess.field not in fields]
    for key, value in {**shown_always, **plain}.items():
        lines += _setting(key, value, of_source)
    if source.columns or not source.adapter:
        lines += ["", "[sources.columns]"]
    for key, column in source.columns.items():
        lines += _setting(key, column, of_fields)
    given = {*source.columns, *source.constants}
    lines += [
        _comment(_reason(guess, about=f"{guess.field}: "))
        for guess in of_fields
        if guess.field not in given
    ]
    if source.constants:
        lines += ["", "[sources.constants]"]
        for key, value in source.constants.items():
            lines += _setting(key, value, of_fields)
    if source.adapter:
        lines += _implied(guesses)
    if source.event_types or unknown:
        lines += ["", "[sources.event_types]"]
        lines += [_comment(_reason(guess)) for guess in guesses if guess.field == "event_types"]
        lines += [f"{_key(word)} = {_toml(kind)}" for word, kind in source.event_types.items()]
        lines += [
            _comment(f'{_key(word)} = "..."  {count:,} rows: which event type is this?')
            for word, count in unknown.items()
        ]
    return "\n".join(lines) + "\n"


def _what_it_is(source: SourceSettings) -> dict[str, str]:
    """Return the settings that are written down whatever they are."""
    shown = {"name": source.name}
    if url := source.url.get_secret_value():
        shown["url"] = url
    if source.adapter:
        return {**shown, "adapter": source.adapter}
    return {**shown, "table": source.table} | ({} if url else {"format": source.format})


def _implied(guesses: list[Guess]) -> list[str]:
    """Return as comments what a layout settles, so that it can be seen and overruled."""
    lines = []
    for guess in guesses:
        if guess.field == "ignored_events":
            lines += ["", _comment(f"ignored_events: {guess.value}: {guess.because}.")]
        elif guess.field == "columns":
            lines += ["", _comment(f"columns: {guess.because}:"), *map(_comment, guess.examples)]
    return lines


def _setting(key: str, value: object, guesses: Sequence[Guess]) -> list[str]:
    reasons = [_comment(_reason(guess)) for guess in guesses if guess.field == key]
    return [*reasons, f"{_key(key)} = {_toml(value)}"]


def _reason(guess: Guess, *, about: str = "") -> str:
    mark = "(?) " if guess.confirm else ""
    examples = ""
    if guess.examples and not any(example in guess.because for example in guess.examples[:1]):
        examples = f" ({', '.join(guess.examples[:5])})"
    return f"{mark}{about}{guess.because}{examples}."


def _comment(text: str) -> str:
    """Return the text as comment lines of a readable width, whatever marks it holds."""
    clean = "".join(letter if letter.isprintable() else " " for letter in text)
    lines = [""]
    for word in clean.split(" "):
        if lines[-1] and len(lines[-1]) + len(word) > _MAX_COMMENT:
            lines.append("")
        lines[-1] += f" {word}"
    return "\n".join(f"#{line}" for line in lines)


def _key(key: str) -> str:
    is_bare = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if is_bare else _toml(key)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(str(k))} = {_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(_toml(entry) for entry in value) + "]"
    if isinstance(value, int | float):
        return str(value)
    # A JSON text is a TOML basic string, but for the delete character.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007F")
