from pathlib import Path

import pytest

from habitue.errors import FileRefused, SettingsError
from habitue.events.encoding import as_utf8

PATH = Path("log.csv")


def decoded(content: bytes, encoding: str, size: int = 3) -> bytes:
    blocks = iter([content[at : at + size] for at in range(0, len(content), size)])
    return b"".join(as_utf8(blocks, encoding, PATH)[0])


@pytest.mark.parametrize("encoding", ["gb18030", "big5", "shift_jis", "utf-16", "utf-32"])
def test_any_encoding_becomes_utf8_even_where_blocks_cut_a_character(encoding: str) -> None:
    # The first block must hold a whole byte order mark.
    size = 3 if encoding in ("gb18030", "big5", "shift_jis") else 5

    assert decoded("時間,本\n".encode(encoding), encoding, size).decode() == "時間,本\n"


def test_byte_order_mark_is_taken_off() -> None:
    blocks, mark = as_utf8(iter([b"\xef\xbb\xbfuser,item\n"]), "utf-8", PATH)

    assert list(blocks) == [b"user,item\n"]
    assert mark == 3


def test_utf16_with_a_mark_needs_no_setting() -> None:
    assert decoded("user,item\n".encode("utf-16"), "utf-8", 100) == b"user,item\n"


def test_utf16_without_a_mark_is_refused() -> None:
    with pytest.raises(FileRefused, match="UTF-16 without a byte order mark") as refusal:
        decoded("user,item\n".encode("utf-16-le"), "utf-8", 100)
    assert refusal.value.code == "encoding"


def test_what_the_encoding_does_not_know_is_no_utf8_afterwards() -> None:
    text = decoded("好".encode("gb18030") + b"\n\xff\xff\n", "gb18030", 100)

    good, bad, _ = text.split(b"\n")
    assert good.decode() == "好"
    with pytest.raises(UnicodeDecodeError, match="utf-8"):
        bad.decode("utf-8")


def test_unknown_encoding_is_named() -> None:
    with pytest.raises(SettingsError, match="Encoding 'utf-99' is unknown"):
        decoded(b"a", "utf-99")
