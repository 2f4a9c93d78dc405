"""English sentences told in the language that is spoken, by their templates.

What a shop's folder keeps (a model's notes, why a task is not answered), and what is raised deep
inside, is written in English: a shop may be read in another language than it was trained in. Here
it is recognised by its template, and said again with the same values. In: an English sentence.
Out: the sentence retold, or as it was where no template fits. Knows nothing about who wrote it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from habitue.languages.current import Language, language
from habitue.languages.zh import COMMON as COMMON_ZH
from habitue.languages.zh import TEMPLATES as TEMPLATES_ZH

# English template -> the same in another language. A gap is {name}; its value is retold too,
# unless it stands in single quotes: names are nobody's to translate.
TEMPLATES: Final[Mapping[Language, Mapping[str, str]]] = {"en": {}, "zh": TEMPLATES_ZH}
# Short templates (of lengths of time, of counts) that whole sentences are not made of.
COMMON: Final[Mapping[Language, Mapping[str, str]]] = {"en": {}, "zh": COMMON_ZH}

GAP: Final = re.compile(r"\{(\w+)\}")
_SENTENCE_END: Final = re.compile(r"(?<=[.!?])\s+(?=[A-Z'/])")
_MARKS: Final[Mapping[Language, Mapping[str, str]]] = {
    "en": {},
    "zh": {"; ": "；", ", ": "、", ": ": "："},
}
_DEPTH: Final = 4


def retold(text: str) -> str:
    """Return the text in the spoken language; what nobody has translated stays English.

    >>> retold("no item of this log has a category")
    'no item of this log has a category'
    """
    if language() == "en" or not text:
        return text
    return _retold(language(), text, _DEPTH)


def is_retold(text: str) -> bool:
    """Whether the spoken language has words of its own for the whole text."""
    return language() == "en" or retold(text) != text


def _retold(spoken: Language, text: str, depth: int) -> str:
    # Sentences and clauses that are known one by one are told so, before a gap swallows several.
    for parts, mark in ((_SENTENCE_END.split(text), ""), (text.split("; "), "; ")):
        told = [_clause(spoken, part, depth) for part in parts] if len(parts) > 1 else []
        if told and all(told):
            return _MARKS[spoken].get(mark, "").join(one or "" for one in told)
    whole = _clause(spoken, text, depth)
    if whole is not None:
        return whole
    for comma in ("; ", ", "):
        parts = text.split(comma)
        entries = [_clause(spoken, part, depth) for part in parts]
        if any(one is not None for one in entries):
            pairs = zip(entries, parts, strict=True)
            return _MARKS[spoken][comma].join(part if one is None else one for one, part in pairs)
    return text


def _clause(spoken: Language, text: str, depth: int) -> str | None:
    """Return a clause that is known, or that follows a file's name and a colon."""
    whole = _matched(spoken, text, depth)
    name, colon, rest = text.partition(": ")
    if whole is not None or not colon or " " in name or not depth:
        return whole
    told = _retold(spoken, rest, depth - 1)
    return None if told == rest else f"{name}{_MARKS[spoken][': ']}{told}"


def _matched(spoken: Language, text: str, depth: int) -> str | None:
    for template in _templates(spoken):
        found = template.pattern.fullmatch(text)
        if found is not None:
            return template.fill(spoken, found.groupdict(), depth)
    return None


@dataclass(frozen=True)
class _Template:
    pattern: re.Pattern[str]
    target: str
    names: frozenset[str]  # gaps that hold names, left as they are

    def fill(self, spoken: Language, values: Mapping[str, str], depth: int) -> str:
        told = {
            gap: value if gap in self.names or not depth else _retold(spoken, value, depth - 1)
            for gap, value in values.items()
        }
        return GAP.sub(lambda gap: told[gap[1]], self.target)


@cache
def _templates(spoken: Language) -> tuple[_Template, ...]:
    """Return the templates, those with most letters of their own first."""
    known = {**COMMON[spoken], **TEMPLATES[spoken]}
    ordered = sorted(known.items(), key=lambda pair: -len(GAP.sub("", pair[0])))
    return tuple(_template(source, target) for source, target in ordered)


def _template(source: str, target: str) -> _Template:
    quoted = frozenset(re.findall(r"'\{(\w+)\}'", source))
    return _Template(re.compile("".join(_pieces(source)), re.DOTALL), target, quoted)


def _pieces(source: str) -> Iterator[str]:
    """Yield the parts of a regular expression; a gap named twice holds the same twice."""
    seen: set[str] = set()
    end = 0
    for gap in GAP.finditer(source):
        yield re.escape(source[end : gap.start()])
        number = r"[\d.,]+" if gap[1].startswith("n_") or gap[1] == "n" else r".+?"
        yield rf"(?P={gap[1]})" if gap[1] in seen else rf"(?P<{gap[1]}>{number})"
        seen.add(gap[1])
        end = gap.end()
    yield re.escape(source[end:])
