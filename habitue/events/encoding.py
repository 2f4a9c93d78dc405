"""Text of any encoding as UTF-8 bytes.

In: blocks of bytes and the encoding's name. Out: blocks of UTF-8 without a byte order mark. A
sequence that the encoding does not know comes out as bytes that are no UTF-8, so that the reader
rejects that record alone. Knows nothing about rows.
"""

import codecs
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from habitue.display import quoted
from habitue.errors import FileRefused, SettingsError
from habitue.events.compression import Salvage

_WIDE_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_LONGEST_REST = 2 << 20  # of a line that has not ended; no reader takes one as long
# What cannot be decoded becomes half of a surrogate pair, which no UTF-8 may hold. Python's own
# "surrogateescape" does so with some bytes and raises at others.
_MARKED = "habitue-marked"
codecs.register_error(_MARKED, lambda error: ("\udcff", error.end))  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Text:
    """A file's text as blocks of UTF-8.

    `start` is the number of bytes of a mark that was taken off; without `has_offsets` bytes of the
    text stand elsewhere than in the file. `repairs` counts what was mended of the file as a whole.
    """

    blocks: Iterator[bytes]
    start: int = 0
    has_offsets: bool = True
    repairs: Mapping[str, int] = field(default_factory=dict)

    def changed(self, change: Callable[[Iterator[bytes]], Iterator[bytes]]) -> "Text":
        """Return the text with other blocks; their bytes stand elsewhere than in the file."""
        return replace(self, blocks=change(self.blocks), start=0, has_offsets=False)


def is_utf8(encoding: str) -> bool:
    """Return whether the name means UTF-8 (or its part ASCII), so that nothing need be decoded.

    Raises:
        SettingsError: there is no such encoding.
    """
    try:
        bytes(4).decode(encoding, "ignore")  # not base64 and the like, which give no text
    except (LookupError, ValueError):
        raise SettingsError(
            f"Encoding '{encoding}' is unknown.",
            fix="Use a name such as utf-8, gb18030, cp1252, latin-1, shift_jis or utf-16.",
        ) from None
    return codecs.lookup(encoding).name in ("utf-8", "utf-8-sig", "ascii")


def wide_encoding(head: bytes) -> str:
    """Return the encoding that a UTF-16 or UTF-32 byte order mark names, or an empty text."""
    return next((name for mark, name in _WIDE_MARKS.items() if head.startswith(mark)), "")


def as_utf8(blocks: Iterator[bytes], encoding: str, path: Path) -> Text:
    """Return the blocks as UTF-8, without a byte order mark.

    Raises:
        FileRefused: `encoding`, for UTF-16 without a mark; it would read as text full of zeros.
        SettingsError: there is no such encoding.
    """
    first = next(blocks, b"")
    whole = chain([first], blocks)
    order = _wide_order(first[:4096])
    if wide := wide_encoding(first):
        repairs = {f"decoded_{wide.replace('-', '')}": 1}
        return Text(_transcoded(whole, wide), has_offsets=False, repairs=repairs)
    if not is_utf8(encoding):
        if codecs.lookup(encoding).name in _WIDE_MARKS.values():
            raise _without_mark(path, f"has no byte order mark, as {encoding} needs it", order)
        return Text(_transcoded(whole, encoding), has_offsets=False)
    if order:
        why = "looks like UTF-16 without a byte order mark: every other byte is zero"
        raise _without_mark(path, why, order)
    if not first.startswith(codecs.BOM_UTF8):
        return Text(whole)
    mark = len(codecs.BOM_UTF8)
    return Text(chain([first[mark:]], blocks), start=mark, repairs={"byte_order_mark": 1})


def whole_lines(text: Text, salvage: Salvage | None) -> Text:
    """Return the text without what follows the last line end, where its archive is cut off."""
    if salvage is None:
        return text

    def blocks() -> Iterator[bytes]:
        rest = b""
        for block in text.blocks:
            joined = rest + block
            end = max(joined.rfind(b"\n"), joined.rfind(b"\r")) + 1
            if len(joined) - end > _LONGEST_REST:
                end = len(joined)
            rest = joined[end:]
            if end:
                yield joined[:end]
        if rest and salvage.refusal is None:
            yield rest

    return replace(text, blocks=blocks())


def head_as_utf8(head: bytes) -> bytes:
    """Return the beginning of a text without its mark, in UTF-8 where the mark says how."""
    if wide := wide_encoding(head):
        return head.decode(wide, "ignore").encode("utf-8", "ignore")
    return head.removeprefix(codecs.BOM_UTF8)


def undecodable(blocks: Iterator[bytes], encoding: str, path: Path) -> FileRefused | None:
    """Return what to raise where a text cannot be decoded, naming the first bad byte.

    None where it can be decoded after all.
    """
    first = next(blocks, b"")
    name = wide_encoding(first) or ("utf-8" if is_utf8(encoding) else encoding)
    decoder = codecs.getincrementaldecoder(name)()
    num_bytes, num_lines = 0, 1
    for block in chain([first], blocks, [b""]):
        num_bytes += len(block)
        try:
            num_lines += decoder.decode(block, final=not block).count("\n")
        except UnicodeDecodeError as error:
            at = num_bytes - len(error.object) + error.start
            line = num_lines + error.object.count(b"\n", 0, error.start)
            return FileRefused(
                f"{path} is not {name.upper()} text: byte {at} (0x{error.object[error.start]:02x}),"
                f" in line {line}, cannot be decoded.",
                fix="Name its encoding with --encoding gb18030 (or cp1252, …), or as encoding in "
                f"its source; to find it out: habitue init --from {quoted(path)}",
                code="not_utf8",
            )
    return None


def _without_mark(path: Path, why: str, order: str) -> FileRefused:
    name = f"utf-16-{order or 'le'}"
    return FileRefused(
        f"{path} {why}.",
        fix=f'Name its encoding: --encoding {name}, or encoding = "{name}" in its source.',
        code="encoding",
    )


def _wide_order(head: bytes) -> str:
    """Return "le" or "be" where many bytes are zero, nearly all of them one half of a pair."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if (even + odd) * 5 <= len(head) or min(even, odd) * 10 > max(even, odd):
        return ""
    return "le" if odd > even else "be"


def _transcoded(blocks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)(errors=_MARKED)
    is_start = True
    for block in blocks:
        text = decoder.decode(block)
        yield (text.removeprefix("\ufeff") if is_start else text).encode("utf-8", "surrogatepass")
        is_start = is_start and not text
    rest = decoder.decode(b"", final=True)
    yield rest.encode("utf-8", "surrogatepass")
