import subprocess
import sys

import numpy as np
import polars as pl

from habitue.sequences.content import (
    CONTENT_FEATURES,
    TEXT_BUCKETS,
    Content,
    category_prefixes,
    hash_bucket,
    word_buckets,
)

CONTENT = Content(
    categories=(["home", "toys"], ["home/pans"], ["home/pans/small"]),
    brands=["Acme"],
    price_edges=np.array([1.0, 10.0]),
)


def rows(**columns: list[object]) -> list[dict[str, int]]:
    length = len(next(iter(columns.values())))
    texts = {name: pl.Series([None] * length, dtype=pl.String) for name in ("category", "brand")}
    frame = pl.DataFrame(
        texts
        | {"name": pl.Series([None] * length, dtype=pl.String)}
        | {"price": pl.Series([None] * length, dtype=pl.Float64)}
        | {name: pl.Series(values) for name, values in columns.items()}
    )
    return [
        dict(zip(CONTENT_FEATURES, row, strict=True)) for row in CONTENT.of_items(frame).tolist()
    ]


def test_category_paths_give_one_number_a_level() -> None:
    found = rows(category=["home/pans/small/red", "toys", "home/nobody knows", "new/x", None, " "])
    levels = [(r["category_1"], r["category_2"], r["category_3"]) for r in found]
    assert levels == [(1, 1, 1), (2, 0, 0), (1, 2, 0), (3, 2, 0), (0, 0, 0), (0, 0, 0)]


def test_empty_levels_are_skipped() -> None:
    assert category_prefixes("/a// b /") == ["a", "a/b"]
    assert category_prefixes("///") == []


def test_brands_not_known_at_the_cut_share_a_number() -> None:
    assert [r["brand"] for r in rows(brand=["Acme", "Other", "New", None])] == [1, 2, 2, 0]


def test_prices_fall_into_steps_and_nonsense_is_absent() -> None:
    prices = pl.Series([0.5, 1.0, 9.9, 10.0, 0.0, -3.0, float("nan"), None])
    assert CONTENT.of_prices(prices).tolist() == [1, 2, 2, 3, 0, 0, 0, 0]


def test_words_are_told_apart_by_text_alone() -> None:
    red, pan = word_buckets("Red pan")[:2]
    assert word_buckets("PAN, red!") == (pan, red, 0, 0)
    assert word_buckets("a b c d e") == word_buckets("a b c d")
    assert word_buckets("--") == (0, 0, 0, 0)
    assert all(1 <= bucket <= TEXT_BUCKETS for bucket in (red, pan))


def test_each_chinese_character_is_a_word() -> None:
    assert word_buckets("红茶") == word_buckets("红 茶")
    assert word_buckets("红茶")[0] == word_buckets("红酒")[0] != 0


def test_hashes_do_not_depend_on_the_process() -> None:
    code = "from habitue.sequences.content import hash_bucket; print(hash_bucket('tea', 4096))"
    for seed in ("1", "2"):
        environment = {"PYTHONHASHSEED": seed, "PATH": "/usr/bin"}
        out = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True
        )
        assert int(out.stdout) == hash_bucket("tea", 4096)


def test_feature_sizes_cover_every_number() -> None:
    found = rows(category=["home/pans/small", "x/y/z"], brand=["B", "B"], price=[99.0, 1.0])
    for row in found:
        assert all(row[name] < CONTENT.sizes[name] for name in CONTENT_FEATURES)
