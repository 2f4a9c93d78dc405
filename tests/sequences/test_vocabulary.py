import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from habitue.compute import Silent
from habitue.config import TrainingSettings
from habitue.errors import NotEnoughData, NotReady
from habitue.schema import DAY
from habitue.sequences.vocabulary import NUM_ITEM_BUCKETS, Vocabulary, build_vocabulary
from tests.shop import MemoryLog, Shop, make_shop

SHOP = make_shop(num_persons=40, days=120)
CUT = SHOP.start_at + 80 * DAY


def build(shop: Shop = SHOP, *, as_of: int = CUT, buckets: int = 4, **settings: int) -> Vocabulary:
    return build_vocabulary(
        MemoryLog(shop, buckets),
        as_of=as_of,
        settings=TrainingSettings.model_validate(settings),
        progress=Silent(),
    )


def counts_before(cut: int) -> dict[str, int]:
    seen = SHOP.events.filter(pl.col("timestamp") < cut).join(SHOP.items, on="item_number")
    counted = seen["item_id"].value_counts()
    return dict(zip(counted["item_id"], counted["count"], strict=True))


def test_items_are_those_seen_before_the_cut_most_frequent_first() -> None:
    vocabulary = build()
    expected = counts_before(CUT)
    assert dict(zip(vocabulary.item_ids, vocabulary.item_counts, strict=True)) == expected
    assert vocabulary.item_counts.tolist() == sorted(expected.values(), reverse=True)


def test_an_item_first_seen_at_the_cut_does_not_exist() -> None:
    newcomer = SHOP.items.height
    items = pl.concat(
        [
            SHOP.items,
            SHOP.items[:1].with_columns(
                item_number=pl.lit(newcomer, dtype=pl.Int32),
                item_id=pl.lit("NEW"),
                category=pl.lit("new/kind"),
                brand=pl.lit("newbrand"),
            ),
        ]
    )
    event = SHOP.events[:1].with_columns(
        timestamp=pl.lit(CUT), item_number=pl.lit(newcomer, dtype=pl.Int32)
    )
    shop = replace(SHOP, events=pl.concat([SHOP.events, event]), items=items)
    vocabulary = build(shop)
    assert vocabulary.fingerprint == build().fingerprint
    assert "NEW" not in vocabulary.item_ids
    assert vocabulary.index_of("NEW") > vocabulary.num_items
    assert "newbrand" not in vocabulary.content.brands
    assert "new" not in vocabulary.content.categories[0]
    later = build(shop, as_of=CUT + 1)
    assert "NEW" in later.item_ids
    assert "newbrand" in later.content.brands


def test_future_events_leave_the_vocabulary_unchanged() -> None:
    past = SHOP.events.filter(pl.col("timestamp") < CUT)
    wild = SHOP.events.with_columns(
        price=pl.when(pl.col("timestamp") >= CUT).then(1e5).otherwise("price")
    )
    expected = build(replace(SHOP, events=past)).fingerprint
    assert build(replace(SHOP, events=wild)).fingerprint == expected


def test_the_number_of_buckets_changes_nothing() -> None:
    assert build(buckets=1).fingerprint == build(buckets=7).fingerprint


def test_rare_items_share_buckets() -> None:
    expected = {item for item, count in counts_before(CUT).items() if count >= 20}
    vocabulary = build(min_item_count=20)
    assert set(vocabulary.item_ids) == expected
    assert 0 < len(expected) < len(counts_before(CUT))


def test_a_large_catalogue_keeps_its_frequent_items() -> None:
    vocabulary = build(max_items=10)
    counts = sorted(counts_before(CUT).values(), reverse=True)
    assert 0 < vocabulary.num_items <= 10
    assert vocabulary.item_counts.min() > counts[10]


def test_what_is_no_product_has_no_index() -> None:
    items = SHOP.items.with_columns(is_product=pl.col("item_id") != "P000")
    vocabulary = build(replace(SHOP, items=items))
    assert "P000" in build().item_ids
    assert "P000" not in vocabulary.item_ids


def test_price_edges_part_the_prices_evenly() -> None:
    prices = np.random.default_rng(0).lognormal(3, 1, SHOP.events.height)
    events = SHOP.events.with_columns(price=pl.Series(prices))
    edges = build(replace(SHOP, events=events)).content.price_edges
    early = prices[(SHOP.events["timestamp"] < CUT).to_numpy()]
    counts = np.bincount(np.searchsorted(edges, early, side="right"))
    assert len(counts) == 20
    assert (np.abs(counts / len(early) - 0.05) < 0.02).all()


def test_a_price_that_most_goods_have_takes_one_step() -> None:
    same = SHOP.events.with_columns(price=pl.lit(9.99))
    assert len(build(replace(SHOP, events=same)).content.price_edges) == 0


def test_without_event_prices_the_catalogue_gives_them() -> None:
    events = SHOP.events.with_columns(price=pl.lit(None, dtype=pl.Float64))
    assert len(build(replace(SHOP, events=events)).content.price_edges) > 3


def test_a_log_without_prices_categories_or_brands_has_a_vocabulary() -> None:
    none = {
        "price": pl.lit(None, dtype=pl.Float64),
        "category": pl.lit(None, dtype=pl.String),
        "brand": pl.lit(None, dtype=pl.String),
        "name": pl.lit(None, dtype=pl.String),
    }
    events = SHOP.events.with_columns(price=none["price"])
    vocabulary = build(replace(SHOP, events=events, items=SHOP.items.with_columns(**none)))
    assert vocabulary.num_items == build().num_items
    assert not vocabulary.item_content.any()
    assert vocabulary.content.categories == ([], [], [])


def test_items_of_one_category_share_its_number() -> None:
    vocabulary = build()
    path_of = dict(SHOP.items.select("item_id", "category").iter_rows())
    paths = [path_of[item_id] for item_id in vocabulary.item_ids]
    pairs = set(zip(paths, vocabulary.item_categories.tolist(), strict=True))
    assert len(pairs) == len(set(paths)) == len({number for _, number in pairs}) > 1


def test_numbers_outside_the_catalogue_have_no_index() -> None:
    vocabulary = build()
    numbers = np.array([-1, 0, 10_000])
    index = vocabulary.index_of_item_numbers(numbers, SHOP.items)
    assert index.tolist() == [0, vocabulary.index_of("P000"), 0]
    assert vocabulary.item_ids[index[1] - 1] == "P000"


def test_unknown_items_fall_into_stable_buckets() -> None:
    vocabulary = build()
    found = {vocabulary.index_of(f"unknown {n}") for n in range(5000)}
    assert min(found) == vocabulary.num_items + 1
    assert max(found) == vocabulary.num_items + NUM_ITEM_BUCKETS


def test_a_saved_vocabulary_comes_back_equal(tmp_path: Path) -> None:
    vocabulary = build()
    vocabulary.save(tmp_path)
    loaded = Vocabulary.load(tmp_path)
    assert loaded.fingerprint == vocabulary.fingerprint
    assert loaded.item_ids == vocabulary.item_ids
    assert (loaded.item_counts == vocabulary.item_counts).all()
    assert loaded.as_of == CUT


def test_no_vocabulary_is_not_ready(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match=r"holds no vocabulary\. Run `habitue train` first"):
        Vocabulary.load(tmp_path)


def test_a_changed_vocabulary_is_refused(tmp_path: Path) -> None:
    build().save(tmp_path)
    path = tmp_path / "vocabulary.json"
    document = json.loads(path.read_text())
    document["brands"][0] = "forged"
    path.write_text(json.dumps(document))
    with pytest.raises(NotReady, match="was damaged: its fingerprint does not fit"):
        Vocabulary.load(tmp_path)


def test_a_log_without_items_is_too_little() -> None:
    with pytest.raises(NotEnoughData, match=r"No item has an event before the cut.*map item_id"):
        build(as_of=SHOP.start_at)
