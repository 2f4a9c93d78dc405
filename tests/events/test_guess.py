"""Made-up exports in the layouts of well-known shops and logs, and what must be seen in them."""

import datetime as dt
import json
import os
import random
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from habitue.config import CleaningSettings, SourceSettings
from habitue.errors import FileRefused, Refused
from habitue.events.adapters.registry import settled
from habitue.events.batch import Rules
from habitue.events.clean import check_source, clean
from habitue.events.clean_words import event_types_of
from habitue.events.guess import GuessReport, guess_sources
from habitue.events.sources import open_source
from habitue.schema import parse_time

START = dt.datetime(2023, 1, 2, 8)
RULES_AT = parse_time("2026-01-01")
NUM_ROWS = 1500


def write_table(
    path: Path,
    row: Callable[[int, random.Random], list[object]],
    *,
    header: str = "",
    mark: str = ",",
    encoding: str = "utf-8",
    rows: int = NUM_ROWS,
) -> Path:
    rng = random.Random(1)
    lines = [header] if header else []
    lines += [mark.join(str(cell) for cell in row(n, rng)) for n in range(rows)]
    path.write_text("\n".join(lines) + "\n", encoding=encoding, newline="")
    return path


def guess(*files: Path) -> GuessReport:
    return guess_sources(files)


def only(report: GuessReport) -> SourceSettings:
    assert len(report.sources) == 1
    return report.sources[0]


def accepted(path: Path, source: SourceSettings) -> pl.DataFrame:
    """Return the file's events as the very cleaning of `ingest` gives them."""
    check_source(source)
    chunks = open_source(path, source)
    rules = Rules.of(CleaningSettings(), now=RULES_AT)
    return pl.concat([clean(chunk.frame, source, rules).frame for chunk in chunks])


def asked(report: GuessReport) -> set[str]:
    return {guess.field for guess in report.guesses if guess.confirm}


def taobao(n: int, rng: random.Random) -> list[object]:
    item = rng.randrange(400)
    kind = rng.choice(["pv"] * 8 + ["cart", "fav", "buy"])
    return [1 + n // 15, 2268000 + item, 149000 + item % 30, kind, 1511544070 + n * 97]


def test_log_without_header_is_told_by_its_values(tmp_path: Path) -> None:
    path = write_table(tmp_path / "UserBehavior.csv", taobao)

    report = guess(path)

    source = only(report)
    assert source.header is False
    assert source.column_names == ["user_id", "item_id", "item_category", "event_type", "timestamp"]
    assert source.time_unit == "s"
    assert "column_names" in asked(report)
    frame = accepted(path, source)
    assert frame.height == NUM_ROWS
    assert set(frame["event_type"].cast(pl.String)) == {
        "view_item",
        "add_to_cart",
        "add_to_wishlist",
        "purchase",
    }


def test_category_code_with_gaps_falls_back_on_the_category_id(tmp_path: Path) -> None:
    def row(n: int, rng: random.Random) -> list[object]:
        item = rng.randrange(200)
        code = "" if item % 3 == 0 else f"appliances.kitchen.kind_{item % 7}"
        at = START + dt.timedelta(seconds=n)
        kind = rng.choice(["view", "cart", "purchase"])
        ids = [44600000 + item, 2053013552326770000 + item % 20]
        return [f"{at} UTC", kind, *ids, code, "acme", "9.50", 5200 + n % 90, f"s-{n % 200}"]

    header = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,"
    path = write_table(tmp_path / "2019-Oct.csv", row, header=header + "session")

    source = only(guess(path))

    assert source.columns == {
        "event_type": "event_type",
        "item_brand": "brand",
        "price": "price",
        "user_id": "user_id",
        "timestamp": "event_time",
        "item_id": "product_id",
        "session_id": "session",
        "item_category": "category_code",
    }
    assert source.category_separator == "."
    assert source.category_fallback == "category_id"
    frame = accepted(path, source)
    assert frame["timestamp"][0] == parse_time("2023-01-02T08:00:00Z")
    assert frame["item_category"].str.contains("^appliances/kitchen/kind_").any()
    assert frame["item_category"].str.contains("^20530135523267700").any()


def retail_row(decimal: str) -> Callable[[int, random.Random], list[object]]:
    def row(n: int, rng: random.Random) -> list[object]:
        order, quantity = f"{489434 + n // 5}", rng.randrange(1, 12)
        if n % 50 < 5:
            order, quantity = f"C{order}", -quantity
        code = rng.choice(["POST", "BANK CHARGES", "M"]) if n % 97 == 0 else f"{84000 + n % 301}A"
        if n % 101 == 1:
            code, quantity = f"{84000 + (n - 1) % 301}A", 1
        at = START + dt.timedelta(minutes=n // 5)
        user = f"{17000 + n // 5 % 80}{decimal}" if n % 9 else ""
        return [order, code, f"THING {code}", quantity, at, f"{1 + n % 301 * 0.25:.2f}", user, "UK"]

    return row


def test_order_lines_with_refunds_postage_and_equal_rows(tmp_path: Path) -> None:
    header = "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country"
    path = write_table(tmp_path / "retail.csv", retail_row(".0"), header=header)
    with path.open("a") as file:
        file.write(path.read_text().splitlines()[-1] + "\n")

    report = guess(path)

    source = only(report)
    assert source.constants == {"event_type": "purchase"}
    assert source.refund_order_prefix == "C"
    assert source.negative_quantity == "refund"
    assert source.duplicate_rows == "keep"
    assert sorted(source.not_products) == ["BANK CHARGES", "M", "POST"]
    assert source.columns["price"] == "Price"
    assert source.strip_decimal == []  # no other file has these ids without '.0'
    why = next(one for one in report.guesses if one.field == "duplicate_rows")
    assert "no id of their own" in why.because
    assert "refund" in set(accepted(path, source)["event_type"].cast(pl.String))


def test_decimals_are_stripped_from_ids_that_another_file_has_without(tmp_path: Path) -> None:
    header = "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country"
    first = write_table(tmp_path / "a.csv", retail_row(".0"), header=header)
    header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
    second = write_table(tmp_path / "b.csv", retail_row(""), header=header)

    report = guess(first, second)

    assert [source.strip_decimal for source in report.sources] == [["user_id"], []]
    users = [accepted(path, one) for path, one in zip((first, second), report.sources, strict=True)]
    assert users[0]["subject"].equals(users[1]["subject"])


def test_log_too_long_to_be_looked_through_is_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("habitue.events.whole_columns.MAX_ROWS", NUM_ROWS // 2)

    report = guess(write_table(tmp_path / "UserBehavior.csv", taobao))

    assert [one.because[:23] for one in report.guesses if one.field == "rows"] == [
        "only so many rows were "
    ]


def test_files_of_one_schema_share_a_source(tmp_path: Path) -> None:
    files = [write_table(tmp_path / f"part{n}.csv", taobao) for n in range(3)]

    report = guess(*files)

    assert only(report).name == "part0"
    assert report.num_rows == 3 * NUM_ROWS


def test_transactions_and_catalogue_are_told_apart_and_the_rest_left_out(tmp_path: Path) -> None:
    rng = random.Random(3)
    prices = [rng.randrange(100, 900) / 100 for _ in range(60)]
    items = [n % 60 for n in range(NUM_ROWS)]
    quantities = [rng.randrange(1, 4) for _ in items]
    paths = [tmp_path / f"{name}.parquet" for name in ("sales", "products", "people")]
    pl.DataFrame(
        {
            "household_id": [1 + n % 97 for n in range(NUM_ROWS)],
            "basket_id": [31198570044 + n // 4 for n in range(NUM_ROWS)],
            "product_id": [825000 + item for item in items],
            "quantity": quantities,
            "sales_value": [prices[i] * q for i, q in zip(items, quantities, strict=True)],
            "transaction_timestamp": [START + dt.timedelta(minutes=n) for n in range(NUM_ROWS)],
        }
    ).write_parquet(paths[0])
    pl.DataFrame(
        {
            "product_id": [825000 + n for n in range(60)],
            "manufacturer_id": [n % 9 for n in range(60)],
            "department": [f"dep {n % 3}" for n in range(60)],
            "brand": ["National", "Private"] * 30,
            "product_category": [f"cat {n % 12}" for n in range(60)],
            "product_type": [f"type {n % 36}" for n in range(60)],
            "package_size": [f"{n % 5} LB" for n in range(60)],
        }
    ).write_parquet(paths[1])
    pl.DataFrame({"household_id": [1, 2], "age": ["19-24", "65+"]}).write_parquet(paths[2])

    report = guess(*paths)

    events, catalogue = report.sources
    assert events.columns["value"] == "sales_value"
    assert "price" not in events.columns
    assert events.constants == {"event_type": "purchase"}
    assert catalogue.table == "items"
    assert catalogue.columns == {
        "item_id": "product_id",
        "brand": "brand",
        "category": ["department", "product_category", "product_type"],
        # A catalogue without names: the narrowest category and the size say what an item is.
        "name": ["product_type", "package_size"],
    }
    assert [Path(left.file).name for left in report.left_out] == ["people.parquet"]
    assert "no column says when" in report.left_out[0].because
    assert accepted(paths[0], events).height == NUM_ROWS


def test_chinese_export_of_a_legacy_encoding(tmp_path: Path) -> None:
    def row(n: int, rng: random.Random) -> list[object]:
        at = START + dt.timedelta(minutes=n)
        kind = rng.choice(["浏览", "加入购物车", "收藏", "购买"])
        group = n % 20
        names = [f"第{n % 90}号商品", f"大类{group % 4}", f"小类{group}"]
        numbers = [f"{9 + n % 7}.90", 1 + n % 3, f"DD{n:08d}" if kind == "购买" else ""]
        return [
            f"VIP{n % 80:05d}",
            f"SP{n % 90:06d}",
            *names,
            kind,
            f"{at:%Y/%m/%d %H:%M}",
            *numbers,
        ]

    header = "会员编号;商品编号;商品名称;一级类目;二级类目;行为类型;时间;价格;数量;订单号"
    path = write_table(tmp_path / "导出.csv", row, header=header, mark=";", encoding="gb18030")

    report = guess(path)

    source = only(report)
    assert (source.delimiter, source.encoding) == (";", "gb18030")
    assert source.columns == {
        "item_name": "商品名称",
        "event_type": "行为类型",
        "price": "价格",
        "timestamp": "时间",
        "quantity": "数量",
        "user_id": "会员编号",
        "order_id": "订单号",
        "item_id": "商品编号",
        "item_category": ["一级类目", "二级类目"],
    }
    assert source.event_types["加入购物车"] == "add_to_cart"
    assert source.time_format == "%Y/%m/%d %H:%M"
    frame = accepted(path, source)
    assert frame.height == NUM_ROWS
    assert frame["item_category"][5] == "大类1/小类5"


def test_nested_orders_of_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "orders.jsonl"
    orders = [
        {
            "order": {
                "id": 9007199254740993 + n,
                "created_at": f"2024-05-0{1 + n % 9}T10:00:00+08:00",
            },
            "customer": {"id": f"{n % 40:05d}"},
            "items": [
                {"sku": f"S{n % 30}", "qty": 1 + k, "unit_price": 2.5 + n % 30} for k in range(2)
            ],
        }
        for n in range(300)
    ]
    path.write_text("\n".join(json.dumps(order) for order in orders))

    source = only(guess(path))

    assert source.columns["item_id"] == "items.sku"
    assert source.columns["order_id"] == "order.id"
    assert source.columns["user_id"] == "customer.id"
    frame = accepted(path, source)
    assert frame.height == 600
    assert frame["order_id"][0] == "9007199254740993"
    assert frame["timestamp"][0] == parse_time("2024-05-01T02:00:00Z")


def test_anonymous_visitors_and_unknown_words(tmp_path: Path) -> None:
    def row(n: int, rng: random.Random) -> list[object]:
        kind = rng.choice(["page_view", "add_to_cart", "Order Completed", "heartbeat"])
        user = f"u{n % 30}" if n % 3 == 0 else ""
        place = rng.choice(["ios", "web", "android"])
        return [1700000000000 + n * 61237, f"a-{n % 60}", user, kind, n % 70, place]

    header = "ts,anonymous_id,user_id,event_name,sku,platform"
    path = write_table(tmp_path / "web.csv", row, header=header)

    report = guess(path)

    source = only(report)
    assert source.time_unit == "ms"
    assert source.columns["anonymous_id"] == "anonymous_id"
    assert source.columns["platform"] == "platform"
    assert [set(words) for words in report.unknown_words.values()] == [{"heartbeat"}]
    assert "heartbeat" not in source.event_types
    assert "event_types" in asked(report)
    assert set(accepted(path, source)["subject_kind"]) == {"user", "anonymous"}


def test_us_dates_and_a_line_total(tmp_path: Path) -> None:
    def row(n: int, rng: random.Random) -> list[object]:
        item, quantity = rng.randrange(40), rng.randrange(1, 5)
        at = START + dt.timedelta(hours=3 * n)
        when = f"{at.month}/{at.day}/{at.year} {at:%H:%M}"
        return [10000 + n // 2, f"C{n % 70}", f"K-{item}", when, quantity, quantity * (item + 5)]

    header = "Order Number\tCustomer\tSKU\tOrder Date\tQty\tPrice"
    path = write_table(tmp_path / "us.tsv", row, header=header, mark="\t")

    report = guess(path)

    source = only(report)
    assert source.time_format == "%m/%d/%Y %H:%M"
    assert source.columns["value"] == "Price"  # it grows with the quantity
    assert "value" in asked(report)
    assert accepted(path, source).height == NUM_ROWS


def test_visitor_is_the_user_where_there_is_no_other(tmp_path: Path) -> None:
    def row(n: int, rng: random.Random) -> list[object]:
        kind = rng.choice(["view"] * 8 + ["addtocart", "transaction"])
        order = n if kind == "transaction" else ""
        return [1433221332117 + n * 70000, 1 + n % 300, kind, n % 250, order]

    header = "timestamp,visitorid,event,itemid,transactionid"
    path = write_table(tmp_path / "events.csv", row, header=header)

    source = only(guess(path))

    assert source.columns == {
        "timestamp": "timestamp",
        "item_id": "itemid",
        "event_type": "event",
        "order_id": "transactionid",
        "user_id": "visitorid",
    }
    assert accepted(path, source).height == NUM_ROWS


def test_pieces_bought_on_one_day_are_kept(tmp_path: Path) -> None:
    def row(n: int, rng: random.Random) -> list[object]:
        day = dt.date(2018, 9, 20) + dt.timedelta(days=n // 30)
        return [
            day,
            f"{n // 3 % 90:064x}",
            f"0{663713001 + n // 4 % 80}",
            f"0.0{10 + n // 4 % 80}",
            2,
        ]

    header = "t_dat,customer_id,article_id,price,sales_channel_id"
    path = write_table(tmp_path / "transactions.csv", row, header=header)

    report = guess(path)

    source = only(report)
    assert source.constants == {"event_type": "purchase"}
    assert source.duplicate_rows == "keep"
    assert "platform" not in source.columns  # 1 and 2 name no platform
    assert accepted(path, source)["item_id"][0] == "0663713001"


def test_days_counted_from_an_unknown_one_are_kept_as_such(tmp_path: Path) -> None:
    def row(n: int, rng: random.Random) -> list[object]:
        ids = [1 + n % 90, 26984851472 + n // 4, 1 + n // 10, 825000 + n % 70]
        return [*ids, 1 + n % 2, "2.99", 364, 900 + n % 60, 1 + n // 70]

    header = (
        "household_key,BASKET_ID,DAY,PRODUCT_ID,QUANTITY,SALES_VALUE,STORE_ID,TRANS_TIME,WEEK_NO"
    )
    path = write_table(tmp_path / "transaction_data.csv", row, header=header)

    report = guess(path)

    source = only(report)
    assert (source.columns["timestamp"], source.time_unit) == ("DAY", "days")
    assert {"time_unit", "time_origin", "timestamp"} <= asked(report)
    assert accepted(path, source)["timestamp"][0] == parse_time("2000-01-02")


def test_coded_behaviours_are_proposed_for_confirmation(tmp_path: Path) -> None:
    def row(n: int, rng: random.Random) -> list[object]:
        code = rng.choice([1] * 9 + [2, 3, 4])
        at = START + dt.timedelta(minutes=n)
        return [10001 + n % 90, 28525 + n % 200, code, 4076 + n % 20, at]

    header = "user_id,item_id,behavior_type,item_category,time"
    path = write_table(tmp_path / "tianchi.csv", row, header=header)

    report = guess(path)

    assert only(report).event_types == {
        "1": "view_item",
        "2": "add_to_wishlist",
        "3": "add_to_cart",
        "4": "purchase",
    }
    assert "event_types" in asked(report)


def test_date_and_clock_in_two_columns_and_decimal_commas(tmp_path: Path) -> None:
    def row(n: int, rng: random.Random) -> list[object]:
        at = START + dt.timedelta(minutes=37 * n)
        money = f"{rng.randrange(100, 9999) / 100:.2f}".replace(".", ",")
        return [f"{at:%d.%m.%Y}", f"{at:%H:%M}", f"k{n % 80}", f"p{n % 40}", "Home > Pans", money]

    header = "Datum;Uhrzeit;Kunde;Artikelnummer;Category;Preis"
    path = write_table(tmp_path / "shop.csv", row, header=header, mark=";", encoding="cp1252")

    source = only(guess(path))

    assert source.columns["timestamp"] == ["Datum", "Uhrzeit"]
    assert source.time_format == "%d.%m.%Y %H:%M"
    assert source.decimal_mark == ","
    assert source.category_separator == " > "
    frame = accepted(path, source)
    assert frame.height == NUM_ROWS
    assert frame["timestamp"][1] == parse_time("2023-01-02T08:37:00Z")
    assert frame["item_category"][0] == "Home/Pans"
    assert frame["price"].is_between(1, 100).all()


def test_atomic_files_with_types_in_their_header(tmp_path: Path) -> None:
    path = write_table(
        tmp_path / "ml.inter",
        lambda n, rng: [1 + n % 90, n % 200, 1 + n % 5, f"{978300760 + n * 997}.0"],
        header="user_id:token\titem_id:token\trating:float\ttimestamp:float",
        mark="\t",
    )

    report = guess(path)

    assert only(report).adapter == "recbole"
    assert "event_type" in asked(report)


def visit(n: int, rng: random.Random) -> list[object]:
    return [f"u{n % 40}", n % 70, rng.choice(["view", "cart"]), START + dt.timedelta(minutes=n)]


VISIT = "user_id,item_id,event_type,timestamp"


@pytest.mark.parametrize("junk", ["n/a", "0", "9999-12-31 00:00:00"])
def test_few_times_that_cannot_be_read_are_counted_and_asked_about(
    tmp_path: Path, junk: str
) -> None:
    def row(n: int, rng: random.Random) -> list[object]:
        return [*visit(n, rng)[:3], junk if n % 30 == 0 else visit(n, rng)[3]]

    path = write_table(tmp_path / "web.csv", row, header=VISIT)

    report = guess(path)

    told = next(one for one in report.guesses if one.field == "time_unit")
    assert told.confirm
    assert f"50 of 1,500 values looked at, such as '{junk}', cannot be read" in told.because
    assert accepted(path, only(report)).height == NUM_ROWS - 50
    assert report.end == "2023-01-03T08:59:00Z"


def test_one_time_of_arrival_for_all_rows_is_left_out_and_said_so(tmp_path: Path) -> None:
    path = write_table(
        tmp_path / "web.csv",
        lambda n, rng: [*visit(n, rng), "2024-02-01 00:00:00"],
        header=f"{VISIT},received_at",
    )

    report = guess(path)

    assert "received_at" not in only(report).columns
    told = next(one for one in report.guesses if one.field == "received_at")
    assert (told.value, told.confirm) == ("not mapped", True)
    assert "would hide all events before it" in told.because


def test_file_whose_only_time_cannot_be_read_is_refused_with_that_column(tmp_path: Path) -> None:
    path = write_table(
        tmp_path / "web.csv", lambda n, rng: [*visit(n, rng)[:3], "soon"], header=VISIT
    )

    with pytest.raises(Refused, match="'timestamp' is left out: most of its values are no times"):
        guess(path)


def test_ids_kept_as_decimal_numbers_are_read_and_asked_about(tmp_path: Path) -> None:
    path = tmp_path / "web.parquet"
    users = [float(n % 40) if n % 3 else None for n in range(NUM_ROWS)]
    rows = [visit(n, random.Random(n)) for n in range(NUM_ROWS)]
    frame = pl.DataFrame(rows, schema=VISIT.split(","), orient="row")
    frame.with_columns(user_id=pl.Series(users)).write_parquet(path)

    report = guess(path)

    assert only(report).strip_decimal == ["user_id"]
    assert "strip_decimal" in asked(report)
    assert accepted(path, only(report))["subject"][0] == "1"


def test_times_of_a_catalogue_are_read_as_they_are_written(tmp_path: Path) -> None:
    events = write_table(tmp_path / "web.csv", visit, header=VISIT)
    day = dt.date(2022, 1, 1)
    goods = write_table(
        tmp_path / "goods.csv",
        lambda n, rng: [n, f"thing {n}", f"{day + dt.timedelta(days=n):%d.%m.%Y}"],
        header="item_id,name,created_at",
        rows=300,
    )

    report = guess(events, goods)

    assert report.sources[1].time_format == "%d.%m.%Y"
    rows = accepted(goods, report.sources[1])
    assert rows["created_at"][1] == parse_time("2022-01-02")
    assert report.start == "2023-01-02T08:00:00Z"


def test_files_without_a_time_are_refused_with_what_was_seen(tmp_path: Path) -> None:
    orders = write_table(
        tmp_path / "orders.csv",
        lambda n, rng: [n, n // 10, n % 10 + 1, n % 7, 8 + n % 12],
        header="order_id,user_id,order_number,order_dow,order_hour_of_day",
    )
    lines = write_table(
        tmp_path / "order_products.csv",
        lambda n, rng: [n // 5, n % 90, n % 5 + 1, n % 2],
        header="order_id,product_id,add_to_cart_order,reordered",
    )

    with pytest.raises(Refused, match=r"orders.csv: no column says when \(a time\)") as refusal:
        guess(orders, lines)
    assert refusal.value.code == "no_mapping"
    assert "order_hour_of_day" in refusal.value.message
    assert "[sources.columns]" in refusal.value.fix


def test_catalogue_alone_is_refused(tmp_path: Path) -> None:
    path = write_table(
        tmp_path / "products.csv",
        lambda n, rng: [f"P{n}", f"thing {n}", f"group {n % 9}"],
        header="product_id,product_name,category",
    )

    with pytest.raises(Refused, match="No file of events was recognised"):
        guess(path)


def test_unreadable_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="does not exist"):
        guess(tmp_path / "none.csv")


def test_every_guess_has_a_reason_and_names_its_file(tmp_path: Path) -> None:
    report = guess(write_table(tmp_path / "UserBehavior.csv", taobao))

    assert report.guesses
    for one in report.guesses:
        assert one.because
        assert one.file.endswith("UserBehavior.csv")
    assert report.start == "2017-11-24T17:21:10Z"


BENCHMARK = os.environ.get("HABITUE_BENCHMARK_DATA", "")


@pytest.mark.skipif(not BENCHMARK, reason="HABITUE_BENCHMARK_DATA is not set")
@pytest.mark.parametrize(
    ("files", "fields", "settings"),
    [
        (
            ["taobao/UserBehavior_head.csv.gz"],
            {"user_id", "item_id", "item_category", "event_type", "timestamp"},
            {"header": False, "time_unit": "s"},
        ),
        (
            ["rees46/2019-Oct_head.csv.gz"],
            {"user_id", "item_id", "item_category", "item_brand", "event_type", "timestamp",
             "price", "session_id"},
            {"category_separator": ".", "category_fallback": "category_id"},
        ),
        pytest.param(
            ["online_retail_ii/year_2009_2010.csv.gz",
             "online_retail_ii/2010-12_to_2011-05.csv.gz"],
            {"user_id", "item_id", "item_name", "order_id", "quantity", "price", "timestamp"},
            {"refund_order_prefix": "C", "duplicate_rows": "keep", "strip_decimal": [],
             "negative_quantity": "refund", "constants": {"event_type": "purchase"}},
            marks=pytest.mark.slow,
        ),
        (
            ["cdnow/CDNOW_master.txt.gz"],
            {"user_id", "quantity", "value", "timestamp"},
            {"delimiter": "whitespace", "time_format": "%Y%m%d"},
        ),
    ],
    ids=["taobao", "rees46", "online_retail_ii", "cdnow"],
)  # fmt: skip
def test_real_files_are_read(
    files: list[str], fields: set[str], settings: dict[str, object]
) -> None:
    paths = [Path(BENCHMARK) / name for name in files]

    report = guess(*paths)

    for guessed in report.sources:
        source = settled(guessed, paths[0])
        assert set(source.columns) == fields
        assert {name: getattr(source, name) for name in settings} == settings
    assert not report.unknown_words


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (
            "Kunde;Artikel;Ereignis;Zeitpunkt;Preis;Menge;Kategorie",
            ("Ansicht", "Warenkorb", "Merkliste", "Kauf"),
        ),
        (
            "client;article;événement;date;prix;quantité;catégorie",
            ("vue", "panier", "favori", "achat"),
        ),
        (
            "cliente;artículo;evento;fecha;precio;cantidad;categoría",
            ("vista", "carrito", "favorito", "compra"),
        ),
        (
            "user_id;item_id;event;time;price;quantity;category",
            ("view", "cart", "wishlist_add", "WISH", "purchase"),
        ),
    ],
)
def test_headers_and_words_of_other_languages(
    tmp_path: Path, header: str, words: tuple[str, ...]
) -> None:
    lines = [
        f"k{n % 9};{100 + n % 20};{words[n % len(words)]};2024-01-{1 + n % 28:02d} 12:{n:02d}:00;"
        f"{n},50;1;Schuhe"
        for n in range(60)
    ]
    path = tmp_path / "shop.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    report = guess_sources([path])
    (source,) = report.sources
    user, item, event, when, price, quantity, category = header.split(";")
    assert source.columns == {
        "user_id": user,
        "item_id": item,
        "event_type": event,
        "timestamp": when,
        "price": price,
        "quantity": quantity,
        "item_category": category,
    }
    assert not report.unknown_words
    meant = event_types_of(list(words), source)
    assert set(meant) == {"view_item", "add_to_cart", "add_to_wishlist", "purchase"}


@pytest.mark.parametrize("only", ["user", "item"])
def test_a_log_of_one_person_or_one_item_is_read(tmp_path: Path, only: str) -> None:
    lines = [
        f"{'u' if only == 'user' else n % 9};{'i' if only == 'item' else n % 7};"
        f"2024-01-{1 + n % 28:02d} 12:{n % 60:02d}:00;view"
        for n in range(200)
    ]
    path = tmp_path / "log.csv"
    path.write_text("\n".join(["user;item;time;event", *lines]) + "\n")
    report = guess_sources([path])
    columns = report.sources[0].columns
    assert (columns["user_id"], columns["item_id"]) == ("user", "item")
    (guess,) = [one for one in report.guesses if one.field == f"{only}_id"]
    assert guess.confirm
    assert "all rows hold the same value" in guess.because
