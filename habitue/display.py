"""Texts from outside, made fit to be shown: cut between letters as people see them, and inert.

In: any text. Out: one that is short enough, or that does nothing to a terminal. Knows nothing about
where it is shown.
"""

import re
import shlex
import unicodedata
from collections.abc import Iterator
from typing import Final

_JOINER: Final = "\u200d"
_MARKS: Final = frozenset({"Mn", "Me", "Mc"})
_SKIN_TONES: Final = range(0x1F3FB, 0x1F400)
_TAGS: Final = range(0xE0020, 0xE0080)  # of the flags of countries within countries
_FLAG_LETTERS: Final = range(0x1F1E6, 0x1F200)
# A letter may carry so many accents; what is heaped on beyond them runs over the lines around it.
_MOST_MARKS: Final = 8
_MOST_SIGNS: Final = 24  # of one letter: a family of four with skin tones has eleven
# Commands to a terminal, and marks that turn the direction of what follows them.
_ACTIVE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def shorten(text: str, most: int) -> str:
    """Return at most `most` letters as people see them, an ellipsis for the rest.

    A letter keeps its accents, and an emoji of several parts is one.

    >>> shorten("umbrella", 5)
    'umbr…'
    """
    if len(text) <= most:
        return text
    kept: list[str] = []
    for letter in letters(text):
        if len(kept) == most:
            return "".join(kept[:-1]) + "…"
        kept.append(letter)
    return "".join(kept)


def letters(text: str) -> Iterator[str]:
    """Yield the text letter by letter (grapheme clusters, after Unicode's annex 29).

    >>> [len(letter) for letter in letters("🇩🇪👍🏽a")]
    [2, 2, 1]
    """
    letter, num_marks = "", 0
    for sign in text:
        if letter and len(letter) < _MOST_SIGNS and _belongs(letter, sign):
            num_marks += 1
            if num_marks <= _MOST_MARKS or sign == _JOINER or letter.endswith(_JOINER):
                letter += sign
            continue
        if letter:
            yield letter
        letter, num_marks = sign, 0
    if letter:
        yield letter


def inert(text: str) -> str:
    r"""Return the text with control characters and turns of direction as codes to be read.

    >>> inert("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    return _ACTIVE.sub(lambda found: ascii(found[0])[1:-1], text)


def quoted(path: object) -> str:
    """Return a path as a shell takes it, for commands that people copy.

    >>> quoted("a.csv"), quoted("my orders; rm -rf x.csv")
    ('a.csv', "'my orders; rm -rf x.csv'")
    """
    return shlex.quote(str(path))


def _belongs(letter: str, sign: str) -> bool:
    """Whether a sign is a part of the letter before it."""
    code = ord(sign)
    if code < 0x300:
        return False
    if sign == _JOINER or letter.endswith(_JOINER) or unicodedata.category(sign) in _MARKS:
        return True
    if code in _SKIN_TONES or code in _TAGS:
        return True
    return code in _FLAG_LETTERS and len(letter) == 1 and ord(letter) in _FLAG_LETTERS
