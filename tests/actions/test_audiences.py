import csv
import json
from pathlib import Path

import polars as pl
import pytest

from habitue.actions.audiences import (
    Audience,
    erase_from_audiences,
    saved_audiences,
    select_audience,
    write_audience,
)
from habitue.errors import Refused, UnknownName
from habitue.schema import parse_time

AS_OF = parse_time("2024-03-01")
TABLE = pl.DataFrame(
    {
        "subject_id": [1, 2, 3, 4],
        "user_id": ["007", "=cmd|'/c calc'!A0", "-12", 'd,"e\nf'],
        "segment": ["champion", "lost", "lost", "champion"],
        "orders": [4, 1, 2, 5],
        "revenue": [400.0, float("nan"), 20.0, 600.0],
        "last_seen": [AS_OF - 1, AS_OF - 1, AS_OF - 1, AS_OF - 1],
        "tags": [["@sum: x", "b"], ["b"], [], ["c"]],
    }
)


def audience(rule: str = "everyone", name: str | None = None) -> Audience:
    return select_audience(TABLE, rule, as_of=AS_OF, name=name)


def rows_of(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_an_audience_knows_its_size_and_make_up_against_everyone() -> None:
    best = audience('segment = "champion"', "best")
    assert (best.persons, best.everyone, best.share) == (2, 4, 0.5)
    assert best.table["subject_id"].to_list() == [1, 4]
    record = best.as_json()
    assert record["segments"] == {
        "champion": {"audience": 1.0, "everyone": 0.5},
        "lost": {"audience": 0.0, "everyone": 0.5},
    }
    assert record["means"] == {
        "orders": {"audience": 4.5, "everyone": 3.0},
        "revenue": {"audience": 500.0, "everyone": 340.0},
    }
    assert record["sentence"] == 'Customers with segment equal to "champion".'
    assert record["as_of"] == "2024-03-01T00:00:00Z"


def test_nan_is_unknown_and_not_a_large_number() -> None:
    assert audience("revenue > 100").table["subject_id"].to_list() == [1, 4]
    assert audience("revenue is unknown").table["subject_id"].to_list() == [2]


def test_an_audience_of_nobody_is_an_audience() -> None:
    nobody = audience("orders > 100")
    assert (nobody.persons, nobody.share) == (0, 0.0)
    assert nobody.means["orders"].audience is None


def test_the_list_has_the_shops_ids_and_the_chosen_columns(tmp_path: Path) -> None:
    saved = write_audience(audience(name="all"), tmp_path, columns=["tags", "last_seen"])
    assert saved.path == tmp_path / "all.csv"
    rows = rows_of(saved.path)
    assert rows[0] == ["user_id", "tags", "last_seen"]
    assert [row[0] for row in rows[1:]] == ["007", "'=cmd|'/c calc'!A0", "-12", 'd,"e\nf']
    assert rows[1][1:] == ["'@sum: x; b", "2024-02-29T23:59:59Z"]
    assert (saved.persons, saved.escaped) == (4, 2)


def test_a_list_for_machines_is_not_escaped(tmp_path: Path) -> None:
    saved = write_audience(audience(name="all"), tmp_path, for_spreadsheet=False)
    rows = rows_of(saved.path)
    assert [row[0] for row in rows[1:]] == TABLE["user_id"].to_list()
    assert rows[0] == ["user_id", "segment", "orders", "revenue", "last_seen"]
    assert saved.escaped == 0


def test_the_record_lies_beside_the_list(tmp_path: Path) -> None:
    out = tmp_path / "elsewhere" / "list.csv"
    saved = write_audience(audience("orders >= 2", "loyal ones"), tmp_path / "audiences", out=out)
    record = json.loads(saved.record.read_text(encoding="utf-8"))
    assert saved.record == tmp_path / "audiences" / "loyal ones.json"
    assert (record["rule"], record["persons"]) == ("orders >= 2", 3)
    assert record["path"] == str(out)
    assert out.is_file()
    assert saved_audiences(tmp_path / "audiences") == ["loyal ones"]


def test_a_column_nobody_has_heard_of_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"no column 'revenu'\. Did you mean 'revenue'\?"):
        write_audience(audience(), tmp_path, columns=["revenu"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "x" * 81, "a\nb", "ends "])
def test_a_name_that_is_no_file_name_is_refused(name: str) -> None:
    with pytest.raises(Refused, match="cannot be the name of an audience"):
        audience(name=name)


def test_different_rules_of_the_same_words_have_different_names() -> None:
    names = {audience(rule).name for rule in ("orders > 3", "orders < 3", "orders >3")}
    assert len(names) == 3
    assert all(name.startswith("orders-3-") for name in names)


def test_an_erased_person_is_gone_from_every_saved_list(tmp_path: Path) -> None:
    write_audience(audience(name="all"), tmp_path)
    write_audience(audience("orders = 4", "one"), tmp_path)
    write_audience(audience("orders = 5", "other"), tmp_path)
    assert erase_from_audiences(tmp_path, ["007", "=cmd|'/c calc'!A0"]) == ["all", "one"]
    assert [row[0] for row in rows_of(tmp_path / "all.csv")[1:]] == ["-12", 'd,"e\nf']
    assert json.loads((tmp_path / "all.json").read_text(encoding="utf-8"))["persons"] == 2
    assert rows_of(tmp_path / "one.csv")[1:] == []
