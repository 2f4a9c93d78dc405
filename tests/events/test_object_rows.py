from collections.abc import Sequence

from habitue.events.json_values import Flawed, JsonObject, parse_json
from habitue.events.object_rows import ObjectRows, WantedColumns


def unroll(record: JsonObject) -> Sequence[JsonObject]:
    lines = record.get("lines")
    if not isinstance(lines, list):
        raise Flawed("type", "lines")
    return [{**record, "line": line} for line in lines]


def rows_of(text: str, *columns: str, ids: Sequence[str] = ()) -> tuple[object, object]:
    wanted = WantedColumns(columns, id_columns=frozenset(ids), unroll=unroll)
    rows = ObjectRows(wanted)
    rows.add(1, 1, None, parse_json(text))
    piece = rows.piece()
    return piece.frame.select(columns).rows(), piece.rejected.select("code", "field", "raw").rows()


def test_an_unrolled_record_has_the_wanted_columns_alone() -> None:
    text = '{"who": "u", "b": {"c": [1]}, "lines": [{"sku": 7}, {"sku": 8.50, "x": true}]}'
    found, rejected = rows_of(text, "who", "line.sku", "line.x", "b.c", "none.at.all")
    assert found == [("u", "7", None, "[1]", None), ("u", "8.50", "true", "[1]", None)]
    assert rejected == []


def test_a_key_may_hold_dots_itself() -> None:
    text = '{"a.b": 1, "c": {"d.e": {"f": 2}}, "lines": [{}]}'
    assert rows_of(text, "a.b", "c.d.e.f", "c.d")[0] == [("1", "2", None)]


def test_what_unrolling_refuses_is_rejected_with_the_record() -> None:
    assert rows_of('{"lines": 5}', "who") == ([], [("type", "lines", '{"lines":5}')])


def test_ids_among_unrolled_values_are_checked() -> None:
    _, rejected = rows_of('{"lines": [{"sku": 1}, {"sku": 1.5}]}', "line.sku", ids=["line.sku"])
    assert rejected == [("type", "line.sku", '{"lines":[{"sku":1},{"sku":1.5}]}')]


def test_a_flaw_counts_only_where_it_is_wanted() -> None:
    text = '{"lines": [{"a": NaN, "b": 1}]}'
    assert rows_of(text, "line.b")[0] == [("1",)]
    assert rows_of(text, "line.a")[1] == [
        ("not_a_number", "line.a", '{"lines":[{"a":<not_a_number>,"b":1}]}')
    ]
