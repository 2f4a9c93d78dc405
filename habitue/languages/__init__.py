"""The languages in which Habitue speaks to people; see docs/languages.md."""

from habitue.languages.current import (
    LANGUAGES,
    Language,
    answers_in_own_language,
    language,
    speak,
    speaking,
    told,
)
from habitue.languages.retelling import retold

__all__ = [
    "LANGUAGES",
    "Language",
    "answers_in_own_language",
    "language",
    "retold",
    "speak",
    "speaking",
    "told",
]
