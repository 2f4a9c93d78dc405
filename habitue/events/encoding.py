"""Text of any encoding as UTF-8 bytes.

In: blocks of bytes and the encoding's name. Out: blocks of UTF-8 without a byte order mark. A
sequence that the encoding does not know comes out as bytes that are no UTF-8, so that the reader
rejects that record alone. Knows nothing about rows.
"""

import codecs
from collections.abc import Iterator
from pathlib import Path

from habitue.errors import FileRefused, SettingsError

_WIDE_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def is_utf8(encoding: str) -> bool:
    """Return whether the name means UTF-8 (or its part ASCII), so that nothing need be decoded.

    Raises:
        SettingsError: there is no such encoding.
    """
    try:
        return codecs.lookup(encoding).name in ("utf-8", "utf-8-sig", "ascii")
    except LookupError:
        raise SettingsError(
            f"Encoding '{encoding}' is unknown.",
            fix="Use a name such as utf-8, gb18030, cp1252, latin-1, shift_jis or utf-16.",
        ) from None


def wide_encoding(head: bytes) -> str:
    """Return the encoding that a UTF-16 or UTF-32 byte order mark names, or an empty text."""
    return next((name for mark, name in _WIDE_MARKS.items() if head.startswith(mark)), "")


def as_utf8(blocks: Iterator[bytes], encoding: str, path: Path) -> tuple[Iterator[bytes], int]:
    """Return the blocks as UTF-8 and the bytes of a mark taken off; -1 where offsets are lost.

    Raises:
        FileRefused: `encoding`, for UTF-16 without a mark; it would read as text full of zeros.
        SettingsError: there is no such encoding.
    """
    first = next(blocks, b"")
    decoded_from = wide_encoding(first) or ("" if is_utf8(encoding) else encoding)
    if decoded_from:
        return _transcoded(first, blocks, decoded_from), -1
    if _looks_wide(first[:4096]):
        raise FileRefused(
            f"{path} looks like UTF-16 without a byte order mark: every other byte is zero.",
            fix='Set encoding = "utf-16-le" (or "utf-16-be") in its source.',
            code="encoding",
        )
    mark = len(codecs.BOM_UTF8) if first.startswith(codecs.BOM_UTF8) else 0
    return _chained(first[mark:], blocks), mark


def _looks_wide(head: bytes) -> bool:
    """Whether many bytes are zero, nearly all of them first (or second) halves of a pair."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    return (even + odd) * 5 > len(head) and min(even, odd) * 10 <= max(even, odd)


def _chained(first: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from blocks


def _transcoded(first: bytes, blocks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)(errors="surrogateescape")
    is_start = True
    for block in _chained(first, blocks):
        text = decoder.decode(block)
        yield (text.removeprefix("\ufeff") if is_start else text).encode("utf-8", "surrogatepass")
        is_start = is_start and not text
    rest = decoder.decode(b"", final=True)
    yield rest.encode("utf-8", "surrogatepass")
