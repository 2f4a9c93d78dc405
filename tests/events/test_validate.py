from collections.abc import Callable
from pathlib import Path

import pytest

from habitue.config import Settings, SourceSettings
from habitue.events.guess import guess_sources
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


def test_unreadable_and_unfitting_files_fail_and_the_rest_is_still_read(tmp_path: Path) -> None:
    fine = write_log(tmp_path / "a.csv", [good(n) for n in range(400)])
    unfit = tmp_path / "b.csv"
    unfit.write_text("user,item,event,price,quantity\nu1,i1,view,1,1\n")

    report = validate_files([fine, unfit, tmp_path / "none.csv"], SETTINGS)

    assert report.status == "FAIL"
    assert found(report, "files_readable").count == 2
    assert found(report, "columns_mapped").status == "FAIL"
    assert "lacks the column 'at'" in found(report, "columns_mapped").examples[0]
    assert found(report, "users_present").status == "PASS"
    assert "27.3 days" in found(report, "time_span").message


def test_file_that_would_be_refused_for_its_bad_lines_fails(tmp_path: Path) -> None:
    rows = [good(n) for n in range(50)] + ["broken"] * 50

    finding = found(validate(tmp_path, rows), "rows_parse")

    assert (finding.status, finding.count) == ("FAIL", 50)
    assert "50 of 100 lines" in finding.message


def test_header_alone_is_a_warning(tmp_path: Path) -> None:
    report = validate(tmp_path, [])

    assert report.status == "WARN"
    assert found(report, "files_readable").message == "files without a single row"


def test_columns_that_nobody_uses_are_named(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(f"{HEADER},colour\n" + "\n".join(f"{good(n)},red" for n in range(50)))

    finding = found(validate_files([path], SETTINGS), "columns_mapped")

    assert finding.examples == ["log.csv: colour"]


def test_nothing_is_written(tmp_path: Path) -> None:
    validate(tmp_path, [good(n) for n in range(50)])

    assert [path.name for path in tmp_path.iterdir()] == ["log.csv"]
