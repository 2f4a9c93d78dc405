"""On what ground the shop may keep and learn from events whose log does not say who agreed.

In: the settings. Out: the question that `init` writes down, the reminder of `ingest`, and the
sentence of a model's card. Knows nothing about single events: those of people who said no are left
out by cleaning.
"""

from collections.abc import Iterable
from typing import Final

from habitue.config import Settings, SourceSettings

QUESTION: Final = (
    "These files do not say who agreed to being recorded. On what ground may the shop keep these "
    "events and learn from them? Write it in a few words, such as 'agreed to in the cookie banner' "
    "or 'contract'; ingest asks until then, and every model's card repeats it."
)


def silent_sources(sources: Iterable[SourceSettings]) -> list[str]:
    """Return the names of sources of events that say nothing of consent."""
    return [
        source.name
        for source in sources
        if source.table == "events" and "consent" not in {*source.columns, *source.constants}
    ]


def reminder(sources: Iterable[SourceSettings], settings: Settings) -> str:
    """Return what `ingest` says where nobody has answered the question yet; else nothing."""
    silent = sorted(set(silent_sources(sources)))
    if settings.consent.assumed or not silent:
        return ""
    return (
        f"{', '.join(silent)}: nothing says who agreed to being recorded. Say in habitue.toml, "
        'under [consent], what is assumed: assumed = "..." (or map a column as consent).'
    )


def sentence(settings: Settings) -> str:
    """Return what a model's card says of consent; nothing where each source of events tells it."""
    silent = silent_sources(settings.sources)
    if settings.consent.assumed:
        return f"Consent, where the log does not tell it, is assumed: {settings.consent.assumed}."
    if silent:
        return "The log does not tell who agreed to being recorded, and nothing is assumed of it."
    return ""
