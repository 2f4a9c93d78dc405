import tomllib
from pathlib import Path

import pytest

from habitue.config import SourceSettings, load_settings
from habitue.errors import Refused
from habitue.events.guess_report import Guess, GuessReport, LeftOut
from habitue.events.settings_file import settings_text, write_settings

ODD = 'a "quoted" \\ name\twith\n\x7f marks = [#] 商品'
EVENTS = SourceSettings(
    name="web_2024",
    delimiter="\t",
    encoding="gb18030",
    header=False,
    column_names=["user", ODD],
    columns={
        "user_id": "user",
        "timestamp": ["day", "clock"],
        "item_id": ODD,
        "event_type": "event",
    },
    constants={"currency": "EUR"},
    event_types={"Product Viewed": "view_item", "购买": "purchase", "1": "add_to_cart"},
    time_unit="ms",
    time_zone="Asia/Shanghai",
    time_format="%Y年%m月%d日 %H:%M",
    duplicate_rows="keep",
    negative_quantity="refund",
    refund_order_prefix="C",
    strip_decimal=["user_id"],
    not_products=["POST", "BANK CHARGES"],
    category_separator=" > ",
    category_fallback="cat",
    decimal_mark=",",
)
ITEMS = SourceSettings(name="goods", table="items", format="parquet", columns={"item_id": "sku"})
REPORT = GuessReport(
    sources=[EVENTS, ITEMS],
    guesses=[
        Guess("web.tsv", "user_id", "user", "the name", ["u1", "u2"]),
        Guess("web.tsv", "time_unit", "ms", "by its\nsize = big", ["1511544070000"], confirm=True),
        Guess("web.tsv", "event_types", "?", "no known event type", ["scroll"], confirm=True),
        Guess("goods.parquet", "item_id", "sku", "the name"),
    ],
    left_out=[LeftOut("people.csv", "no column says when")],
    unknown_words={"web.tsv": {"scroll\n": 412}},
    start="2024-01-01T00:00:00Z",
    end="2024-03-01T00:00:00Z",
    num_rows=12345,
)


def test_settings_are_read_back_to_the_same_sources(tmp_path: Path) -> None:
    path = write_settings(tmp_path / "shop", REPORT)

    assert path == tmp_path / "shop" / "habitue.toml"
    assert load_settings(tmp_path / "shop").sources == REPORT.sources


def test_defaults_stay_unwritten() -> None:
    plain = GuessReport([ITEMS], [Guess("g", "item_id", "sku", "x")], [], {}, "", "", 0)

    written = tomllib.loads(settings_text(plain))["sources"][0]

    assert written == {
        "name": "goods",
        "table": "items",
        "format": "parquet",
        "columns": {"item_id": "sku"},
    }


def test_reason_stands_right_above_its_setting() -> None:
    lines = settings_text(REPORT).splitlines()

    assert lines[lines.index('time_unit = "ms"') - 1] == (
        "# (?) by its size = big (1511544070000)."
    )
    assert lines[lines.index('user_id = "user"') - 1] == "# the name (u1, u2)."


def test_comment_of_the_items_name_is_not_that_of_the_sources() -> None:
    goods = ITEMS.model_copy(update={"columns": {"item_id": "sku", "name": "title"}})
    named = Guess("goods.parquet", "name", "title", "the name of the goods")
    lines = settings_text(GuessReport([goods], [named], [], {}, "", "", 0)).splitlines()

    assert lines[lines.index('name = "title"') - 1] == "# the name of the goods."
    assert lines[lines.index('name = "goods"') - 1] == "[[sources]]"
    assert sum("the name of the goods" in line for line in lines) == 1


def test_reason_for_a_field_left_out_stands_among_the_columns() -> None:
    doubt = Guess("web.tsv", "received_at", "not mapped", "all rows hold one time", confirm=True)
    lines = settings_text(GuessReport([EVENTS], [doubt], [], {}, "", "", 0)).splitlines()

    place = lines.index("# (?) received_at: all rows hold one time.")
    assert lines.index("[sources.columns]") < place < lines.index("[sources.constants]")


def test_unknown_words_are_listed_for_the_user_to_fill_in() -> None:
    text = settings_text(REPORT)

    assert "no known event type (scroll)." in text
    assert "412 rows: which event type is this?" in text
    assert "Left out: people.csv: no column says when." in text
    assert "12,345 rows of events, 2024-01-01T00:00:00Z to 2024-03-01T00:00:00Z" in text


def test_no_line_of_a_comment_escapes() -> None:
    evil = Guess("web.tsv", "user_id", "user", 'x\n[shop]\nname = "evil"\r\x1b[31m')
    report = GuessReport([EVENTS], [evil], [], {}, "", "", 0)

    assert set(tomllib.loads(settings_text(report))) == {"sources", "consent"}


def test_settings_that_exist_are_not_overwritten_unless_told(tmp_path: Path) -> None:
    path = write_settings(tmp_path, REPORT)
    path.write_text("# mine\n")

    with pytest.raises(Refused, match="exists already") as refusal:
        write_settings(tmp_path, REPORT)
    assert refusal.value.code == "settings_exist"
    assert path.read_text() == "# mine\n"
    write_settings(tmp_path, REPORT, overwrite=True)
    assert load_settings(tmp_path).sources == REPORT.sources
