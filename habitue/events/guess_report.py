"""What `init` found out about a shop's files: the sources, each guess with its reason.

Records only; `guess` fills them, `settings_file` writes them down.
"""

from dataclasses import dataclass
from dataclasses import field as default

from habitue.config import SourceSettings


@dataclass(frozen=True)
class Guess:
    """One thing assumed about a file, and why; `confirm` asks a person to look at it."""

    file: str
    field: str
    value: str
    because: str
    examples: list[str] = default(default_factory=list)
    confirm: bool = False


@dataclass(frozen=True)
class LeftOut:
    """A file that is neither events nor a catalogue, and why it was taken so."""

    file: str
    because: str


@dataclass(frozen=True)
class GuessReport:
    """What `guess_sources` found.

    `start` and `end` are the span of the events as ISO 8601 (empty where unknown), `num_rows`
    their number; `unknown_words` are, by file, words for events nobody has heard of, with their
    rows.
    """

    sources: list[SourceSettings]
    guesses: list[Guess]
    left_out: list[LeftOut]
    unknown_words: dict[str, dict[str, int]]
    start: str
    end: str
    num_rows: int
