"""The words of the command line: English where they are used, other languages in their tables.

A text is looked up by its English template. Knows nothing about what is told.
"""

from collections.abc import Mapping
from typing import Final

from habitue.cli.texts_zh import LABELS, SENTENCES, WORK
from habitue.languages import Language, retold, told

_LABELS: Final[dict[Language, Mapping[str, str]]] = {"en": {}, "zh": LABELS}
_WORK: Final[dict[Language, Mapping[str, str]]] = {"en": {}, "zh": WORK}
_SENTENCES: Final[dict[Language, Mapping[str, str]]] = {"en": {}, "zh": SENTENCES}


def label(word: str) -> str:
    """Return the head of a column, or the name of a value, in the spoken language."""
    return told(_LABELS).get(word, word)


def say(template: str, **values: str) -> str:
    """Return a sentence in the spoken language, its gaps filled.

    >>> say("{shown} more; all with --json.", shown="3")
    '3 more; all with --json.'
    """
    return told(_SENTENCES).get(template, template).format(**values)


def retold_sentence(text: str) -> str:
    """Return a sentence that arose in English in the spoken language; a lone word is a name."""
    return retold(text) if " " in text else text


def work(word: str) -> str:
    """Return what is being done, or the unit it is counted in."""
    return told(_WORK).get(word, word)
