"""Which language is spoken just now.

In: what the command line or a shop's settings ask for. Out: the language that every table of texts
is read in. It belongs to the context, so that two shops in two threads may speak differently.
Knows no text.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from inspect import isfunction
from typing import Final, Literal, Protocol, TypeVar, cast, get_args

Language = Literal["en", "zh"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)

_current: ContextVar[Language] = ContextVar("language", default="en")
_Text = TypeVar("_Text")


def language() -> Language:
    """Return the language that is spoken just now."""
    return _current.get()


def speak(chosen: Language) -> None:
    """Speak this language from now on."""
    _current.set(chosen)


@contextmanager
def speaking(chosen: Language) -> Iterator[None]:
    """Speak this language for a while."""
    before = _current.set(chosen)
    try:
        yield
    finally:
        _current.reset(before)


def told(texts: Mapping[Language, _Text]) -> _Text:
    """Return the text, or the table of texts, of the language that is spoken.

    >>> told({"en": "yes", "zh": "是"})
    'yes'
    """
    return texts[language()]


class Speaker(Protocol):
    """Somebody with a language of their own."""

    @property
    def language(self) -> Language:
        """The language their answers are given in."""


_Class = TypeVar("_Class", bound=type)
_Method = TypeVar("_Method", bound=Callable[..., object])


def answers_in_own_language(cls: _Class) -> _Class:
    """Let every public method of a `Speaker` speak the speaker's language."""
    for name, method in list(vars(cls).items()):
        if isfunction(method) and not name.startswith("_"):
            setattr(cls, name, _in_own_language(method))
    return cls


def _in_own_language(method: _Method) -> _Method:
    @wraps(method)
    def answer(speaker: Speaker, *args: object, **options: object) -> object:
        with speaking(speaker.language):
            return method(speaker, *args, **options)

    return cast(_Method, answer)
