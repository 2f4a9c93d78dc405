from pathlib import Path

import pytest

from habitue.config import SourceSettings
from habitue.events import whole_columns
from habitue.events.whole_columns import look_through

SOURCE = SourceSettings(
    name="log",
    columns={
        "user_id": "user",
        "item_id": "item",
        "order_id": "order",
        "quantity": "n",
        "timestamp": ["day", "clock"],
        "event_type": "event",
    },
)
HEADER = "user,item,order,n,day,clock,event\n"


def written(path: Path, rows: list[str]) -> Path:
    path.write_text(HEADER + "\n".join(rows))
    return path


def test_whole_columns_are_seen_whatever_the_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [f"{n % 5}.0,i{n},A{n},1,2024-01-01,10:00,view" for n in range(95)]
    rows += [f"7,POST,C{n},-1,2024-01-02,11:00,refund" for n in range(5)]
    path = written(tmp_path / "a.csv", [*rows, "broken"])
    monkeypatch.setattr(whole_columns, "_CHUNK_ROWS", 7)

    whole = look_through([path], SOURCE)

    assert (whole.num_rows, whole.num_unparsed) == (100, 1)
    assert whole.words == {"view": 95, "refund": 5}
    assert whole.order_prefixes == {"A": (95, 0), "C": (5, 5)}
    assert whole.negative_rows == 5
    assert whole.items["POST"] == 5
    assert whole.letter_codes()[0] == ["POST"]
    assert whole.point_zero["user_id"] == (95, 5, 100)
    assert whole.times[-1].to_list()[-1] == "2024-01-02 11:00"
    assert sum(map(len, whole.times)) == 100


def test_equal_rows_are_counted_within_a_file_and_not_across_files(tmp_path: Path) -> None:
    rows = [f"u{n},i1,A1,1,2024-01-01,10:00,view" for n in range(20)]
    one = written(tmp_path / "a.csv", [*rows, rows[3], rows[3]])
    other = written(tmp_path / "b.csv", rows)

    assert look_through([one, other], SOURCE).num_equal_rows == 2


def test_very_long_log_is_looked_at_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "a.csv", [f"u{n},i,A,1,2024-01-01,10:00,view" for n in range(100)])
    monkeypatch.setattr(whole_columns, "_CHUNK_ROWS", 10)
    monkeypatch.setattr(whole_columns, "MAX_ROWS", 30)

    whole = look_through([path], SOURCE)

    assert whole.num_rows == 30
    assert not whole.is_complete
