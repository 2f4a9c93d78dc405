from pathlib import Path

import pytest

from habitue.errors import FileRefused
from tests.events.adapters.exports import Shop, flat

INTER = ("user_id:token", "item_id:token", "rating:float", "timestamp:float")
ITEM = ("item_id:token", "movie_title:token_seq", "release_year:token", "class:token_seq")


def test_interactions_and_items(tmp_path: Path) -> None:
    inter = flat(
        tmp_path / "ml-100k.inter",
        INTER,
        ("196", "242", 3, 881250949),
        ("186", "302", 3, "891717742.0"),
        mark="\t",
    )
    item = flat(
        tmp_path / "ml-100k.item",
        ITEM,
        ("242", '"Kolya" the film', 1996, "Comedy Drama"),
        ("302", 'L.A. 5" Confidential', 1997, "Crime"),
        mark="\t",
    )
    shop = Shop(tmp_path, "recbole")

    report = shop.ingest(inter, item)

    assert (report.received, report.accepted, report.quarantined) == (4, 4, 0)
    assert shop.events("event_type", "user", "item", "timestamp") == [
        ("view_item", "196", "242", 881250949000000),
        ("view_item", "186", "302", 891717742000000),
    ]
    assert shop.store.items().select("item_id", "name", "category").rows() == [
        ("242", '"Kolya" the film', "Comedy/Drama"),
        ("302", 'L.A. 5" Confidential', "Crime"),
    ]
    assert shop.ingest(item, inter).duplicates == 4


def test_other_columns_and_settings_win(tmp_path: Path) -> None:
    header = ("session_id:token", "item_id:token", "timestamp:float", "price:float")
    path = flat(tmp_path / "buys.inter", header, ("s1", "i1", 1404468006123, 9.5), mark="\t")
    shop = Shop(tmp_path, "recbole", time_unit="ms", constants={"event_type": "purchase"})
    shop.ingest(path)
    assert shop.events("event_type", "user", "item", "value", "timestamp") == [
        ("purchase", "s1", "i1", 9.5, 1404468006123000)
    ]


def test_bad_lines_are_set_aside(tmp_path: Path) -> None:
    rows = [("u", "i", 1, 881250949), ("u", "i", 1), ("", "i", 1, 881250950), ("u", "i", 1, "x")]
    path = flat(tmp_path / "a.inter", INTER, *rows, mark="\t")
    shop = Shop(tmp_path, "recbole")
    report = shop.ingest(path)
    assert (report.received, report.accepted) == (4, 1)
    assert shop.quarantined() == [
        (3, "columns 3!=4", ""),
        (4, "no_subject", "user_id"),
        (5, "time_not_readable", "timestamp"),
    ]


def test_atomic_files_of_another_kind_are_refused(tmp_path: Path) -> None:
    header = ("user_id:token", "age:token", "gender:token")
    path = flat(tmp_path / "ml.user", header, ("1", "24", "M"), mark="\t")
    with pytest.raises(FileRefused, match=r"neither interactions nor items.*user_id:token"):
        Shop(tmp_path, "recbole").ingest(path)
