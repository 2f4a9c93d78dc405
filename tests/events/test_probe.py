import gzip
import json
from pathlib import Path

import pytest

from habitue.events.probe import guess_delimiter, guess_encoding, guess_header, probe_file

CHINESE = "会员编号,商品名称,时间\n" + "".join(f"V{n},红色的杯子和盘子,2024\n" for n in range(99))
JAPANESE = "ユーザー,しょうひん\n" + "".join(f"u{n},あかいコップとおさら\n" for n in range(99))
GERMAN = "Kunde;Straße\n" + "".join(f"k{n};Größe für Bücher\n" for n in range(99))
RUSSIAN = "клиент,товар\n" + "".join(f"к{n},красная чашка\n" for n in range(99))


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (CHINESE, "utf-8"),
        (CHINESE, "gb18030"),
        (JAPANESE, "shift_jis"),
        (GERMAN, "cp1252"),
        (RUSSIAN, "cp1251"),
        (GERMAN, "utf-16-le"),
        (GERMAN, "utf-16-be"),
        (GERMAN, "utf-16"),
        ("user,item\nu1,i1\n", "utf-8"),
    ],
)
def test_encoding_is_found(text: str, encoding: str) -> None:
    assert guess_encoding(text.encode(encoding)) == encoding


def test_character_cut_at_the_end_of_the_sample_does_not_mislead() -> None:
    assert guess_encoding("户".encode() * 1000 + "户".encode()[:2]) == "utf-8"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "::"])
def test_delimiter_is_found_among_other_marks(delimiter: str) -> None:
    rows = [["user", "note", "price"], *[[f"u{n}", "a b c", f"{n}.5"] for n in range(30)]]

    assert guess_delimiter([delimiter.join(row) for row in rows]) == delimiter


def test_decimal_commas_do_not_hide_semicolons() -> None:
    assert guess_delimiter(["k;preis;menge", *["k1;12,50;3", "k2;9,99;1", "k3;7;2"] * 5]) == ";"


def test_commas_within_quotes_do_not_count() -> None:
    assert guess_delimiter(["a\tb", *['"x, y, z"\t"p, q, r"'] * 9]) == "\t"


def test_columns_lined_up_with_blanks_are_found() -> None:
    assert guess_delimiter([" 00001 19970101  1   11.77", " 00002 19970112 12   12.00"]) == (
        "whitespace"
    )


@pytest.mark.parametrize(
    ("rows", "header"),
    [
        ([["user", "item"], ["u1", "i1"], ["u2", "i2"]], True),
        ([["1", "2268318", "pv"], ["1", "2333346", "pv"]], False),
        ([["ann", "pv"], ["bob", "pv"], ["ann", "buy"]], False),
        ([["2024-01-01 10:00", "pv"], ["2024-01-02 10:00", "buy"]], False),
        ([["user", "price 1"], ["u1", "2"]], True),
        ([["user"]], True),
    ],
)
def test_header_is_told_from_data(rows: list[list[str]], header: bool) -> None:
    assert guess_header(rows) is header


def test_json_order_is_probed_item_by_item(tmp_path: Path) -> None:
    path = tmp_path / "orders.json.gz"
    order = {"id": 1, "items": [{"sku": "a"}, {"sku": "b"}], "notes": [{"by": "x"}]}
    path.write_bytes(gzip.compress(json.dumps(order).encode()))

    probe = probe_file(path)

    assert probe.format == "jsonl"
    assert probe.sample["items.sku"].to_list() == ["a", "b"]
    assert "items." not in probe.columns


def test_columns_without_header_are_numbered(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("1,2268318,pv,1511544070\n1,2333346,buy,1511561733\n")

    probe = probe_file(path)

    assert probe.columns == ("column_1", "column_2", "column_3", "column_4")
    assert probe.sample.height == 2
