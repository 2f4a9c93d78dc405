import json
from collections.abc import Callable
from pathlib import Path

import pytest

from habitue.config import Settings, ShopSettings, SourceSettings
from habitue.errors import FileRefused, SettingsError
from habitue.events.guess import guess_sources
from habitue.events.ingest import ingest_files
from habitue.events.store import EventStore
from habitue.events.validate import Finding, ValidationReport, validate_files
from tests.shop import make_shop, write_csv

SOURCE = SourceSettings(
    name="web",
    columns={
        "user_id": "user",
        "item_id": "item",
        "timestamp": "at",
        "event_type": "event",
        "price": "price",
        "quantity": "quantity",
    },
)
SETTINGS = Settings(sources=[SOURCE])
AMOUNTS = ("price", "quantity")
HEADER = "user,item,at,event,price,quantity"

Row = Callable[[int], str]


def good(n: int) -> str:
    day, hour = 1 + n // 8 % 28, n % 24
    return f"u{n % 40},i{n % 30},2024-03-{day:02d} {hour:02d}:00:0{n % 10},view,9.{n:03d},1"


def write_log(path: Path, rows: list[str]) -> Path:
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path


def found(report: ValidationReport, rule: str) -> Finding:
    return next(finding for finding in report.findings if finding.rule == rule)


def validate(tmp_path: Path, rows: list[str]) -> ValidationReport:
    return validate_files([write_log(tmp_path / "log.csv", rows)], SETTINGS)


def test_sound_log_passes_every_rule(tmp_path: Path) -> None:
    report = validate(tmp_path, [good(n) for n in range(400)])

    assert [(one.rule, one.status) for one in report.findings if one.status != "PASS"] == []
    assert report.status == "PASS"
    assert found(report, "files_readable").message == "1 files, 400 rows"


def test_guessed_settings_of_a_made_up_shop_pass(tmp_path: Path) -> None:
    path = write_csv(make_shop(), tmp_path / "shop.csv")

    report = validate_files([path], Settings(sources=guess_sources([path]).sources))

    assert report.status == "PASS"


@pytest.mark.parametrize(
    ("rule", "row"),
    [
        ("users_present", ",i1,2024-03-01,view,1,1"),
        ("users_present", "guest,i1,2024-03-01,view,1,1"),
        ("ids_well_formed", f"{'x' * 300},i1,2024-03-01,view,1,1"),
        ("times_parse", "u1,i1,yesterday,view,1,1"),
        ("times_parse", "u1,i1,,view,1,1"),
        ("times_plausible", "u1,i1,1985-01-01,view,1,1"),
        ("times_plausible", "u1,i1,2999-01-01,view,1,1"),
        ("event_types_known", "u1,i1,2024-03-01,heartbeat,1,1"),
        ("amounts_plausible", "u1,i1,2024-03-01,purchase,free,1"),
        ("amounts_plausible", "u1,i1,2024-03-01,purchase,1e9,1"),
        ("amounts_plausible", "u1,i1,2024-03-01,purchase,1,-3"),
        ("rows_parse", "u1,i1,2024-03-01"),
    ],
)
def test_broken_row_is_counted_under_its_rule_with_an_example(
    tmp_path: Path, rule: str, row: str
) -> None:
    report = validate(tmp_path, [*[good(n) for n in range(200)], row])

    finding = found(report, rule)
    assert (finding.status, finding.count) == ("WARN", 1)
    assert "log.csv line 202: " in finding.examples[0]
    assert row.split(",")[0][:50] in finding.examples[0]
    others = {one.rule for one in report.findings if one.status != "PASS"} - {rule}
    assert others <= {"time_gaps"}
    assert report.status == "WARN"


def test_numbers_in_another_unit_are_recognised(tmp_path: Path) -> None:
    source = SOURCE.model_copy(update={"time_unit": "s"})
    rows = [f"u{n % 40},i1,{1709251200 + n * 5000},view,{n},1" for n in range(200)]
    path = write_log(tmp_path / "log.csv", [*rows, "u1,i1,1709251200000,view,1,1"])

    report = validate_files([path], Settings(sources=[source]))

    assert found(report, "time_unit_consistent").count == 1


def test_many_broken_rows_fail_with_at_most_five_examples(tmp_path: Path) -> None:
    rows = [good(n) for n in range(90)] + ["u1,i1,yesterday,view,1,1"] * 10

    finding = found(validate(tmp_path, rows), "times_parse")

    assert (finding.status, finding.count) == ("FAIL", 10)
    assert len(finding.examples) == 5


def test_equal_rows_are_counted_and_said_to_be_dropped(tmp_path: Path) -> None:
    finding = found(validate(tmp_path, [good(n) for n in range(100)] * 2), "duplicates")

    assert (finding.status, finding.count) == ("WARN", 100)
    assert "the later ones will be dropped" in finding.message


def test_long_gap_in_time_is_noticed(tmp_path: Path) -> None:
    rows = [good(n) for n in range(200)]
    late = [row.replace("2024-03", "2024-09") for row in rows]

    finding = found(validate(tmp_path, rows + late), "time_gaps")

    assert (finding.status, finding.count) == ("WARN", 1)
    assert "after 2024-03-25" in finding.examples[0]


def test_one_user_with_most_events_is_noticed(tmp_path: Path) -> None:
    rows = [good(n) for n in range(300)]
    crowd = [f"bot,i{n},2024-03-02 10:00:00,view,{n},1" for n in range(700)]

    finding = found(validate(tmp_path, rows + crowd), "one_user_share")

    assert finding.status == "FAIL"
    assert finding.examples[0] == "bot"


def test_log_of_a_few_hours_is_said_to_be_short(tmp_path: Path) -> None:
    finding = found(validate(tmp_path, [good(n) for n in range(5)]), "time_span")

    assert finding.status == "WARN"
    assert "too short" in finding.message


def test_empty_and_unfitting_files_fail_and_the_rest_is_still_read(tmp_path: Path) -> None:
    fine = write_log(tmp_path / "a.csv", [good(n) for n in range(400)])
    unfit = tmp_path / "b.csv"
    unfit.write_text("user,item,event,price,quantity\nu1,i1,view,1,1\n")
    empty = tmp_path / "c.csv"
    empty.touch()

    report = validate_files([fine, unfit, empty], SETTINGS)

    assert report.status == "FAIL"
    assert found(report, "files_readable").count == 2
    assert found(report, "columns_mapped").status == "FAIL"
    assert "lacks the column 'at'" in found(report, "columns_mapped").examples[0]
    assert found(report, "users_present").status == "PASS"
    assert "27.3 days" in found(report, "time_span").message


@pytest.mark.parametrize(("name", "code"), [("none.csv", "file_missing"), ("", "is_folder")])
def test_path_without_a_file_is_refused(tmp_path: Path, name: str, code: str) -> None:
    fine = write_log(tmp_path / "a.csv", [good(n) for n in range(4)])

    with pytest.raises(FileRefused, match=r"does not exist|is a folder") as refusal:
        validate_files([fine, tmp_path / name], SETTINGS)
    assert refusal.value.code == code


def test_source_that_maps_too_little_is_refused(tmp_path: Path) -> None:
    path = write_log(tmp_path / "log.csv", [good(1)])
    source = SourceSettings(name="web", columns={"user_id": "user"})

    with pytest.raises(SettingsError, match="maps no event_type and no timestamp"):
        validate_files([path], Settings(sources=[source]))


def test_rules_that_no_row_was_read_for_are_named_and_not_passed(tmp_path: Path) -> None:
    unfit = tmp_path / "b.csv"
    unfit.write_text("user,item,event,price,quantity\nu1,i1,view,1,1\n")

    report = validate_files([unfit], SETTINGS)

    assert [one.rule for one in report.findings] == ["files_readable", "columns_mapped"]
    assert {one.status for one in report.findings} == {"FAIL"}
    message = found(report, "files_readable").message
    assert "14 rules were not checked, for no row was read: rows_parse, users_present" in message


def test_rules_about_what_is_not_mapped_are_named_and_not_passed(tmp_path: Path) -> None:
    columns = {name: column for name, column in SOURCE.columns.items() if name not in AMOUNTS}
    source = SOURCE.model_copy(update={"columns": columns})
    path = write_log(tmp_path / "log.csv", [good(n) for n in range(400)])

    report = validate_files([path], Settings(sources=[source]))

    assert report.status == "PASS"
    assert "amounts_plausible" not in [one.rule for one in report.findings]
    assert found(report, "columns_mapped").message.endswith(
        "2 rules were not checked, for nothing that is mapped speaks of it: "
        "amounts_plausible, categories_sound"
    )


def test_json_row_that_breaks_a_rule_counts_as_parsed(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    row = {"user": "u1", "item": "i1", "at": "2024-03-01T10:00:00Z", "event": "view"}
    rows = [row | {"item": f"i{n}"} for n in range(40)]
    path.write_text("\n".join(json.dumps(one) for one in [*rows, row | {"user": True}]))
    fields = {"user_id": "user", "item_id": "item", "timestamp": "at", "event_type": "event"}
    source = SourceSettings(name="web", format="jsonl", columns=fields)

    report = validate_files([path], Settings(sources=[source]))

    assert found(report, "rows_parse").status == "PASS"
    assert found(report, "ids_well_formed").message.startswith("1 of 41 rows")


def test_file_that_would_be_refused_for_its_bad_lines_fails(tmp_path: Path) -> None:
    rows = [good(n) for n in range(50)] + ["broken"] * 50

    finding = found(validate(tmp_path, rows), "rows_parse")

    assert (finding.status, finding.count) == ("FAIL", 50)
    assert "50 of 100 lines" in finding.message


def test_header_alone_is_a_warning(tmp_path: Path) -> None:
    report = validate(tmp_path, [])

    assert report.status == "WARN"
    assert found(report, "files_readable").message.startswith("files without a single row; 14 ")
    assert [one.rule for one in report.findings] == ["files_readable", "columns_mapped"]


def test_columns_that_nobody_uses_are_named(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(f"{HEADER},colour\n" + "\n".join(f"{good(n)},red" for n in range(50)))

    finding = found(validate_files([path], SETTINGS), "columns_mapped")

    assert finding.examples == ["log.csv: colour"]


def test_nothing_is_written(tmp_path: Path) -> None:
    validate(tmp_path, [good(n) for n in range(50)])

    assert [path.name for path in tmp_path.iterdir()] == ["log.csv"]


def test_words_that_are_none_of_a_shops_are_counted_and_no_fault(tmp_path: Path) -> None:
    rows = [good(n).replace("view", "scroll") if n % 2 else good(n) for n in range(400)]
    source = SOURCE.model_copy(update={"ignored_events": ["scroll"]})
    path = write_log(tmp_path / "log.csv", rows)
    report = validate_files([path], Settings(sources=[source]))
    assert report.status == "PASS"
    assert "200 of them are left out" in found(report, "files_readable").message


def test_column_renamed_within_a_file_fails(tmp_path: Path) -> None:
    rows = [good(n) for n in range(5)]

    report = validate(tmp_path, [*rows, HEADER.replace("price", "cost"), *rows[:2]])

    finding = found(report, "columns_keep_their_names")
    assert (finding.status, finding.count) == ("FAIL", 3)
    assert "3 of 8 rows (37.50%) will be set aside: schema_drift (3)" in finding.message


def test_file_whose_header_cannot_be_decoded_fails(tmp_path: Path) -> None:
    path = tmp_path / "gbk.csv"
    path.write_bytes("用户,商品,时间,行为\n用户一,商品一,2024-03-01,view\n".encode("gbk"))

    report = validate_files([path], SETTINGS)

    assert report.status == "FAIL"
    readable = found(report, "files_readable")
    assert (readable.status, readable.count) == ("FAIL", 1)
    assert "1 of 1 files cannot be read as the settings say" in readable.message
    assert "UTF-8" in readable.examples[0]
    assert [finding.rule for finding in report.findings] == ["files_readable"]


def test_file_whose_rows_cannot_be_decoded_fails(tmp_path: Path) -> None:
    path = tmp_path / "gbk.csv"
    path.write_bytes(f"{HEADER}\n用户一,商品一,2024-03-01,view,1,1\n".encode("gbk"))

    report = validate_files([path], SETTINGS)

    assert report.status == "FAIL"
    assert found(report, "rows_parse").status == "FAIL"


@pytest.mark.parametrize(
    ("currencies", "shop", "count"),
    [(["EUR", "USD", ""], "", 20), (["EUR", "", ""], "", 0), (["EUR", "USD", ""], "EUR", 0)],
    ids=["several", "one", "the shop names its own"],
)
def test_money_without_a_currency_is_told_as_ingest_will_judge_it(
    tmp_path: Path, currencies: list[str], shop: str, count: int
) -> None:
    path = tmp_path / "log.csv"
    rows = [f"u{n},i1,2024-03-01 10:00:{n:02d},purchase,5,{currencies[n % 3]}" for n in range(60)]
    path.write_text("\n".join(["user,item,at,event,price,currency", *rows]) + "\n")
    columns = {name: column for name, column in SOURCE.columns.items() if name != "quantity"}
    source = SourceSettings(name="web", columns={**columns, "currency": "currency"})
    settings = Settings(sources=[source], shop=ShopSettings(currency=shop))

    finding = found(validate_files([path], settings), "amounts_plausible")

    report = ingest_files(EventStore(tmp_path / "store"), [path], settings)
    assert finding.count == count == report.quarantined
    if count:
        assert "currency" in finding.message
        assert finding.examples[0].startswith("log.csv line 4: ")


def test_example_begins_with_the_value_that_is_wrong_however_long_the_row(tmp_path: Path) -> None:
    rows = [good(n) for n in range(50)]
    columns = {**SOURCE.columns, "item_name": "title", "price": "cost"}
    settings = Settings(sources=[SOURCE.model_copy(update={"columns": columns})])
    title = "x" * 300
    path = tmp_path / "log.csv"
    lines = [f"{title},{row}" for row in [*rows, good(50).replace("9.050", "free")]]
    path.write_text("\n".join(["title," + HEADER.replace("price", "cost"), *lines]) + "\n")
    finding = found(validate_files([path], settings), "amounts_plausible")
    assert finding.examples[0].startswith('log.csv line 52: price=free in {"title":"xxx')
