import csv
import io
import random
from functools import partial
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from habitue.errors import FileRefused
from habitue.events import delimited
from habitue.events.compression import read_blocks
from habitue.events.delimited import read_delimited, read_header, vouched_starts
from habitue.events.records import RecordChunk
from tests.examples import examples

NAMES = ["user", "item", "note"]
HEADER = b"user,item,note\n"


def read(
    path: Path, delimiter: str = ",", encoding: str = "utf-8", names: list[str] | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    pieces = list(
        read_delimited(
            path, delimiter=delimiter, encoding=encoding, names=names or NAMES, has_header=True
        )
    )
    return (
        pl.concat([piece.frame for piece in pieces]),
        pl.concat([piece.rejected for piece in pieces]),
    )


def read_bytes(tmp_path: Path, content: bytes, **how: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    path = tmp_path / "log.csv"
    path.write_bytes(content)
    return read(path, how.get("delimiter", ","), how.get("encoding", "utf-8"))


def rows(frame: pl.DataFrame) -> list[tuple[str | None, ...]]:
    return frame.select(NAMES).rows()


def small_blocks(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(delimited, "read_blocks", partial(read_blocks, block_bytes=size))


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
def test_every_line_end_is_read(tmp_path: Path, end: bytes) -> None:
    frame, rejected = read_bytes(
        tmp_path, HEADER.strip() + end + b"u1,i1,a" + end + b"u2,i2,b" + end
    )

    assert rows(frame) == [("u1", "i1", "a"), ("u2", "i2", "b")]
    assert frame["_line"].to_list() == [2, 3]
    assert rejected.is_empty()


def test_mixed_line_ends_and_blank_lines_are_read(tmp_path: Path) -> None:
    frame, rejected = read_bytes(tmp_path, HEADER + b"u1,i1,a\r\n\nu2,i2,b\ru3,i3,c")

    assert frame["user"].to_list() == ["u1", "u2", "u3"]
    assert frame["_line"].to_list() == [2, 4, 5]
    assert frame["_record"].to_list() == [1, 2, 3]
    assert rejected.is_empty()


def test_every_value_stays_the_text_it_was(tmp_path: Path) -> None:
    content = HEADER + b"007,1e5,1.0\n9007199254740993,null,NaN\ntrue,2020-01-01, x \n"

    frame, _ = read_bytes(tmp_path, content)

    assert rows(frame) == [
        ("007", "1e5", "1.0"),
        ("9007199254740993", "null", "NaN"),
        ("true", "2020-01-01", " x "),
    ]


@pytest.mark.parametrize("bad", [b"", b"broken\n"], ids=["vouched", "careful"])
def test_empty_and_quoted_empty_are_both_null(tmp_path: Path, bad: bytes) -> None:
    frame, _ = read_bytes(tmp_path, HEADER + b'u1,,""\n' + bad)

    assert rows(frame) == [("u1", None, None)]


@pytest.mark.parametrize("bad", [b"", b"broken\n"], ids=["vouched", "careful"])
def test_newlines_and_quotes_within_quotes_belong_to_the_field(tmp_path: Path, bad: bytes) -> None:
    content = HEADER + b'u1,i1,"two\nlines, ""quoted"""\nu2,i2,b\n' + bad

    frame, _ = read_bytes(tmp_path, content)

    assert rows(frame) == [("u1", "i1", 'two\nlines, "quoted"'), ("u2", "i2", "b")]
    assert frame["_line"].to_list() == [2, 4]
    assert frame["_offset"].to_list() == [len(HEADER), content.index(b"u2")]


def test_quote_within_an_unquoted_field_stands_for_itself(tmp_path: Path) -> None:
    frame, rejected = read_bytes(tmp_path, HEADER + b'u1,i1,5" screen\nu2,i2,7" tablet\n')

    assert frame["note"].to_list() == ['5" screen', '7" tablet']
    assert rejected.is_empty()


def test_unicode_line_separators_do_not_split_a_line(tmp_path: Path) -> None:
    note = "a\u2028b\u0085c\x1cd\x0be"

    frame, _ = read_bytes(tmp_path, HEADER + f"u1,i1,{note}\n".encode())

    assert frame["note"].to_list() == [note]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"u9,i9", "columns 2!=3"),
        (b"u9,i9,a,b", "columns 4!=3"),
        (b"u9,i9,\xff\xfe", "not_utf8"),
        (b"u9,i\x009,a", "control_char"),
        (b'u9,i9,"never closed', "text_after_quote"),
        (b'u9,i9,"never closed', "unclosed_quote"),
        (b'u9,i9,"closed"then more', "text_after_quote"),
        (b"u9,i9," + b"x" * 140_000, "field_too_long"),
        (b"u9,i9," + b"x" * 1_100_000, "line_too_long"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_broken_line_costs_that_line_alone(tmp_path: Path, line: bytes, code: str) -> None:
    before = b"".join(b"u%d,i%d,n\n" % (n, n) for n in range(50))
    note = b"n" if code == "unclosed_quote" else b'"n"'
    after = b"".join(b"u%d,i%d,%s\n" % (n, n, note) for n in range(50, 90))

    frame, rejected = read_bytes(tmp_path, HEADER + before + line + b"\n" + after)

    assert frame["user"].to_list() == [f"u{n}" for n in range(90)]
    assert rejected["code"].to_list() == [code]
    assert rejected["_record"].to_list() == [51]
    assert rejected["_line"].to_list() == [52]
    assert rejected["_offset"].to_list() == [len(HEADER + before)]
    assert rejected["raw"][0].startswith("u9,i")
    assert len(rejected["raw"][0]) <= 2_000
    assert frame["_record"].to_list() == [*range(1, 51), *range(52, 92)]
    assert frame["_line"].to_list() == [*range(2, 52), *range(53, 93)]


def test_endless_line_is_skipped_in_bounded_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_blocks(monkeypatch, 1 << 18)
    longest = 0
    cut = delimited._BlockReader.cut

    def watched(
        self: delimited._BlockReader, buffer: bytes, *, is_last: bool
    ) -> RecordChunk | None:
        nonlocal longest
        longest = max(longest, len(buffer))
        return cut(self, buffer, is_last=is_last)

    monkeypatch.setattr(delimited._BlockReader, "cut", watched)

    frame, rejected = read_bytes(
        tmp_path, HEADER + b"u1,i1,a\n" + b"x" * 5_000_000 + b"\nu2,i2,b\n"
    )

    assert frame["user"].to_list() == ["u1", "u2"]
    assert frame["_line"].to_list() == [2, 4]
    assert rejected["code"].to_list() == ["line_too_long"]
    assert longest < 2 << 20


def test_truncated_last_line_ends_as_one_rejected_row(tmp_path: Path) -> None:
    frame, rejected = read_bytes(tmp_path, HEADER + b"u1,i1,a\nu2,i2,b\nu3,i")

    assert frame.height == 2
    assert rejected.select("_line", "code", "raw").rows() == [(4, "columns 2!=3", "u3,i")]


@pytest.mark.parametrize("delimiter", [";", "\t", "|", "\x01", "::", "whitespace"])
def test_any_delimiter_is_read(tmp_path: Path, delimiter: str) -> None:
    mark = "   " if delimiter == "whitespace" else delimiter
    lines = [mark.join(cells) for cells in (NAMES, ["u1", "i1", "a"], ["u2", "i2", "b"])]

    frame, rejected = read_bytes(tmp_path, "\r\n".join(lines).encode(), delimiter=delimiter)

    assert rows(frame) == [("u1", "i1", "a"), ("u2", "i2", "b")]
    assert rejected.is_empty()


def test_gbk_file_is_read_and_only_its_bad_line_rejected(tmp_path: Path) -> None:
    content = "user,item,note\nu1,i1,时间\n".encode("gb18030") + b"u2,i2,\xff\xff\nu3,i3,x\n"

    frame, rejected = read_bytes(tmp_path, content, encoding="gb18030")

    assert rows(frame) == [("u1", "i1", "时间"), ("u3", "i3", "x")]
    assert rejected["code"].to_list() == ["not_utf8"]
    assert frame["_offset"].null_count() == 2  # bytes of the decoded text are not the file's


def test_header_only_gives_no_rows_but_the_columns(tmp_path: Path) -> None:
    frame, rejected = read_bytes(tmp_path, HEADER)

    assert frame.columns == [*NAMES, "_record", "_line", "_offset"]
    assert frame.is_empty()
    assert rejected.is_empty()


def test_header_may_be_quoted_and_span_lines(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(b'\xef\xbb\xbf"user\nid","item, id",note\nu1,i1,a\n')

    assert read_header(path, ",", "utf-8") == ["user\nid", "item, id", "note"]
    assert read(path)[0]["_line"].to_list() == [3]


@pytest.mark.parametrize("size", [5, 64, 1000])
@pytest.mark.parametrize("seed", range(4))
def test_blocks_may_be_cut_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, size: int
) -> None:
    rng = random.Random(seed)
    cells = ["a", "b,c", 'd"e', "f\ng", "h\r\ni", "", "日本", " j ", "k" * 30, '"', '""', "\n"]
    table = [[f"u{n}", rng.choice(cells), rng.choice(cells)] for n in range(200)]
    text = io.StringIO()
    csv.writer(text, lineterminator=rng.choice(["\n", "\r\n"])).writerows([NAMES, *table])
    small_blocks(monkeypatch, size)

    frame, rejected = read_bytes(tmp_path, text.getvalue().encode())

    assert rejected.is_empty()
    assert rows(frame) == [tuple(cell or None for cell in row) for row in table]
    assert frame["_record"].to_list() == list(range(1, 201))
    content = text.getvalue().encode()
    assert all(
        content[offset:].startswith(user.encode() + b",")
        for user, offset in frame.select("user", "_offset").rows()
    )
    lines = [content[:offset].count(b"\n") + 1 for offset in frame["_offset"]]
    assert frame["_line"].to_list() == lines


@settings(max_examples=examples(150), deadline=None)
@given(
    body=st.lists(st.sampled_from([b'"', b",", b"\n", b"\r", b"a", b"u1,i1,x\n", b"\xff", b"\0"]))
)
def test_whatever_comes_every_line_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, body: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "log.csv"
    path.write_bytes(HEADER + b"".join(body))

    try:
        frame, rejected = read(path)
    except FileRefused as refusal:
        assert refusal.code == "encoding"  # noqa: PT017
        return

    records = sorted([*frame["_record"].to_list(), *rejected["_record"].to_list()])
    assert records == list(range(1, len(records) + 1))


@settings(max_examples=examples(150), deadline=None)
@given(
    body=st.lists(st.sampled_from([b'"', b",", b"\n", b"a", b"u1,i1,x\n", b'"p","q,","r"\n'])),
    size=st.integers(1, 50),
)
def test_fast_and_careful_reading_agree(
    tmp_path_factory: pytest.TempPathFactory, body: list[bytes], size: int
) -> None:
    path = tmp_path_factory.mktemp("agree") / "log.csv"
    path.write_bytes(HEADER + b"".join(body))
    with pytest.MonkeyPatch.context() as patch:
        small_blocks(patch, size)
        fast = read(path)
        patch.setattr(delimited, "vouched_starts", lambda *_: None)
        careful = read(path)

    assert fast[0].equals(careful[0])
    assert fast[1].equals(careful[1])


@pytest.mark.parametrize(
    "block",
    [
        b"a,b\nc\n",
        b"a,b,c\nd,e\n",
        b'a,"b\n',
        b'a,b"c\n',
        b"a,b\n\nc,d\n",
        b"a,b\0\n",
        b"a,b\rc,d\n",
    ],
)
def test_only_flawless_blocks_are_vouched_for(block: bytes) -> None:
    assert vouched_starts(block, 2, ",") is None


def test_vouched_block_ends_with_its_last_whole_record() -> None:
    found = vouched_starts(b'a,"x\ny"\nb,c\nd,', 2, ",")

    assert found is not None
    assert found[0].tolist() == [0, 8]
    assert found[1] == 12


def test_without_quoting_a_quote_is_a_letter(tmp_path: Path) -> None:
    path = tmp_path / "log.tsv"
    path.write_bytes(b'user\titem\tnote\n1\t"a\t5" wide\n2\tb"\t"c"\nshort "line\n3\td\t\n')
    pieces = list(
        read_delimited(
            path, delimiter="\t", encoding="utf-8", names=NAMES, has_header=True, quoting=False
        )
    )
    assert rows(pl.concat([piece.frame for piece in pieces])) == [
        ("1", '"a', '5" wide'),
        ("2", 'b"', '"c"'),
        ("3", "d", None),
    ]
    rejected = pl.concat([piece.rejected for piece in pieces])
    assert rejected.select("_line", "_offset", "code", "raw").rows() == [
        (4, 37, "columns 1!=3", 'short "line')
    ]
