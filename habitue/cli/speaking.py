"""The language of a run: the option --lang, else HABITUE_LANG, else that of the shop asked about.

Knows nothing about texts.
"""

import inspect
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import wraps
from typing import TYPE_CHECKING, cast

from habitue.cli.options import LanguageOption
from habitue.errors import SettingsError
from habitue.languages import LANGUAGES, Language, speak

if TYPE_CHECKING:
    from habitue.workspace import Workspace

OPTION = "--lang"
_asked: list[Language] = []  # by this run; empty: the shop's own


def begin(arguments: Sequence[str]) -> None:
    """Speak what a run asks for, from its first word on; English until a shop is opened.

    Read here and not by the parser, so that the parser's own complaints are told in it too.
    """
    wanted = os.environ.get("HABITUE_LANG", "")
    for word, following in zip(arguments, [*arguments[1:], ""], strict=True):
        if word == OPTION:
            wanted = following
        elif word.startswith(f"{OPTION}="):
            wanted = word.partition("=")[2]
    _asked[:] = [one for one in LANGUAGES if one == wanted]
    speak(_asked[0] if _asked else "en")


def is_asked_for() -> bool:
    """Whether the run itself names a language."""
    return bool(_asked)


def asked_settings() -> dict[str, dict[str, object]]:
    """Return the settings that the run lays over those of a shop."""
    return {"shop": {"language": _asked[0]}} if _asked else {}


def speak_of(shop: "Workspace") -> None:
    """Speak the shop's language from now on; of settings that are wrong, the verb itself tells."""
    with suppress(SettingsError):
        speak(shop.language)


def in_any_language(verb: Callable[..., None]) -> Callable[..., None]:
    """Give a verb the option --lang, which `begin` has read already."""

    @wraps(verb)
    def run(*given: object, lang: LanguageOption = None, **options: object) -> None:
        verb(*given, **options)

    signature = inspect.signature(verb)
    option = inspect.Parameter(
        "lang", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=LanguageOption
    )
    last = [*signature.parameters.values(), option]
    run.__signature__ = signature.replace(parameters=last)  # type: ignore[attr-defined]
    run.__annotations__ = {**verb.__annotations__, "lang": LanguageOption}
    return cast(Callable[..., None], run)
