from pathlib import Path

import pytest

from habitue.errors import FileRefused, SettingsError
from habitue.events.compression import Salvage
from habitue.events.encoding import Text, as_utf8, undecodable, whole_lines

PATH = Path("log.csv")


def decoded(content: bytes, encoding: str, size: int = 3) -> bytes:
    blocks = iter([content[at : at + size] for at in range(0, len(content), size)])
    return b"".join(as_utf8(blocks, encoding, PATH).blocks)


@pytest.mark.parametrize("encoding", ["gb18030", "big5", "shift_jis", "utf-16", "utf-32"])
def test_any_encoding_becomes_utf8_even_where_blocks_cut_a_character(encoding: str) -> None:
    # The first block must hold a whole byte order mark.
    size = 3 if encoding in ("gb18030", "big5", "shift_jis") else 5

    assert decoded("時間,本\n".encode(encoding), encoding, size).decode() == "時間,本\n"


def test_byte_order_mark_is_taken_off() -> None:
    text = as_utf8(iter([b"\xef\xbb\xbfuser,item\n"]), "utf-8", PATH)

    assert list(text.blocks) == [b"user,item\n"]
    assert (text.start, text.repairs) == (3, {"byte_order_mark": 1})


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


@pytest.mark.parametrize("name", ["utf-99", "base64", "a\0b"])
def test_unknown_encoding_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match=f"Encoding '{name}' is unknown"):
        decoded(b"a", name)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_encoding_that_goes_by_a_mark_is_refused_without_one(encoding: str) -> None:
    with pytest.raises(FileRefused, match=f"has no byte order mark, as {encoding} needs it"):
        decoded("user\n".encode(f"{encoding}-le"), encoding, 100)


def test_half_a_pair_of_utf16_is_no_utf8_afterwards() -> None:
    with pytest.raises(UnicodeDecodeError, match="utf-8"):
        decoded(b"\xff\xfea\0\0\xd8b\0", "utf-16", 100).decode("utf-8")


@pytest.mark.parametrize("size", [1, 7, 100])
def test_first_byte_that_cannot_be_decoded_is_named(size: int) -> None:
    content = "user\n時間\n".encode() + b"ab\xff\xff"
    blocks = iter([content[at : at + size] for at in range(0, len(content), size)])

    refusal = undecodable(blocks, "utf-8", PATH)

    assert refusal is not None
    assert "log.csv is not UTF-8 text: byte 14 (0xff), in line 3, cannot be" in refusal.message
    assert undecodable(iter([content[:-2]]), "utf-8", PATH) is None


@pytest.mark.parametrize("is_cut_off", [True, False])
def test_what_follows_the_last_line_end_is_dropped_where_an_archive_is_cut_off(
    is_cut_off: bool,
) -> None:
    salvage = Salvage()
    if is_cut_off:
        salvage.refusal = FileRefused("log.csv is cut off.", fix="")
    text = whole_lines(Text(iter([b"a,b\nc", b",d\ne,", b"f"])), salvage)

    assert b"".join(text.blocks) == (b"a,b\nc,d\n" if is_cut_off else b"a,b\nc,d\ne,f")
