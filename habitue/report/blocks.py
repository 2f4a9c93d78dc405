"""A short document as blocks, written as Markdown; the page's template writes the same as HTML.

Knows nothing about what the blocks say.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

_MARKS: Final = (
    (re.compile(r"`([^`]+)`"), r"<code>\1</code>"),
    (re.compile(r"\*\*([^*]+)\*\*"), r"<b>\1</b>"),
    (re.compile(r"\*([^*]+)\*"), r"<em>\1</em>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d\b"), r'<span class="whole">\g<0></span>'),  # never broken
)


@dataclass(frozen=True)
class Heading:
    """A title; 1 is the document's own."""

    text: str
    level: int = 2
    kind: str = "heading"

    def as_markdown(self) -> str:
        """Return the block."""
        return f"{'#' * self.level} {self.text}"


@dataclass(frozen=True)
class Words:
    """A paragraph; `*`, `**` and backticks mark words."""

    text: str
    kind: str = "words"

    def as_markdown(self) -> str:
        """Return the block."""
        return self.text


@dataclass(frozen=True)
class Bullets:
    """A list without an order."""

    lines: Sequence[str]
    kind: str = "bullets"

    def as_markdown(self) -> str:
        """Return the block."""
        return "\n".join(f"- {line}" for line in self.lines)


@dataclass(frozen=True)
class Table:
    """Rows under columns."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    kind: str = "table"

    def as_markdown(self) -> str:
        """Return the block."""
        lines = [self.columns, ["---"] * len(self.columns), *self.rows]
        return "\n".join("| " + " | ".join(_cell(one) for one in line) + " |" for line in lines)


Block = Heading | Words | Bullets | Table


def as_markdown(blocks: Sequence[Block]) -> str:
    """Return the document."""
    return "\n\n".join(block.as_markdown() for block in blocks) + "\n"


def marked(text: str) -> Markup:
    """Return a text as HTML, escaped, with its marks as elements.

    >>> str(marked("**Worse** for `<b>`"))
    '<b>Worse</b> for <code>&lt;b&gt;</code>'
    """
    escaped = str(Markup.escape(text))
    for mark, element in _MARKS:
        escaped = mark.sub(element, escaped)
    return Markup(escaped)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
