"""From numbers to what a shop exports: ids, words and money, as Arrow tables.

In: events by time. Out: tables with fields of `schema.EVENT_FIELDS`, a piece at a time. Knows
nothing about files.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa

from habitue.schema import EVENT_TYPES, PLATFORMS
from habitue.simulation.arrays import Bools, Ints
from habitue.simulation.block import Shop
from habitue.simulation.catalogue import item_ids, leaf_paths
from habitue.simulation.ids import ANONYMOUS, EVENT, ORDER, USER, VISIT, id_texts
from habitue.simulation.plan import Plan
from habitue.simulation.rows import KIND, LISTS, Rows
from habitue.simulation.visits import DEVICES
from habitue.simulation.words import QUERY_FORMS, brand_name, leaf_names

_PIECE: Final = 131_072  # rows rendered at a time


@dataclass(frozen=True)
class Words:
    """The texts that numbers of the events stand for."""

    plan: Plan
    items: pa.StringArray
    leaf: Ints
    brand: Ints
    paths: pa.StringArray
    brands: pa.StringArray
    campaigns: pa.StringArray
    queries: pa.StringArray

    @classmethod
    def of(cls, shop: Shop) -> "Words":
        """Return the words of a shop."""
        catalogue = shop.catalogue
        queries = [
            form.format(style=style, category=category)
            for _, category, style in leaf_names()[: catalogue.num_leaves]
            for form in QUERY_FORMS
        ]
        return cls(
            plan=shop.plan,
            items=pa.array(item_ids(catalogue.code).to_list(), pa.string()),
            leaf=catalogue.leaf,
            brand=catalogue.brand,
            paths=_texts(leaf_paths(catalogue.num_leaves)),
            brands=_texts([brand_name(n) for n in range(int(catalogue.brand.max()) + 1)]),
            campaigns=_texts([campaign.name for campaign in shop.calendar.campaigns]),
            queries=_texts(queries),
        )


def render(rows: Rows, words: Words) -> Iterator[pa.Table]:
    """Yield the events as tables; the last column, `damage`, is the shop's no more."""
    # Where nothing happened, a file has no rows, but columns.
    for first in range(0, max(rows.size, 1), _PIECE):
        yield _table(rows[first : first + _PIECE], words)


def plain_frame(table: pa.Table) -> pl.DataFrame:
    """Return a rendered table as a frame in which all words are texts."""
    return pl.DataFrame(pl.from_arrow(table)).with_columns(pl.col(pl.Categorical).cast(pl.String))


def _table(rows: Rows, words: Words) -> pa.Table:
    plan, kind, item = words.plan, rows["kind"], rows["item"]
    has_item = item >= 0
    safe_item = np.where(has_item, item, 0)
    price = rows["cents"] / 100
    is_refund = kind == KIND["refund"]
    is_money = is_refund | (kind == KIND["purchase"])
    value = np.round(price * rows["quantity"], 2) * np.where(is_refund, -1.0, 1.0)
    columns = {
        "event_id": id_texts(rows["event"], EVENT, plan.seed),
        "event_type": _named(kind, EVENT_TYPES),
        "timestamp": rows["time"],
        "received_at": rows["time"] + rows["delay"].astype(np.int64) * 1_000,
        "user_id": id_texts(rows["user"], USER, plan.seed),
        "anonymous_id": id_texts(rows["anonymous"], ANONYMOUS, plan.seed),
        "session_id": id_texts(rows["visit"], VISIT, plan.seed),
        "platform": _named(rows["platform"], PLATFORMS),
        "device_type": _named(rows["device"], DEVICES),
        "item_id": words.items.take(_numbers(item, has_item)),
        "item_category": _named(np.where(has_item, words.leaf[safe_item], -1), words.paths),
        "item_brand": _named(np.where(has_item, words.brand[safe_item], -1), words.brands),
        "price": _numbers(price, has_item),
        "quantity": _numbers(rows["quantity"].astype(np.int64), is_money),
        "currency": _named(np.where(has_item, 0, -1), (plan.like.currency,)),
        "value": _numbers(value, is_money),
        "order_id": id_texts(rows["order"], ORDER, plan.seed),
        # No dictionary: some of its words would stand in it twice.
        "search_query": words.queries.take(_numbers(rows["query"], rows["query"] >= 0)),
        "list_id": _named(rows["list"], LISTS),
        "position": _numbers(rows["position"].astype(np.int64), rows["position"] >= 0),
        "campaign": _named(rows["campaign"], words.campaigns),
        "damage": rows["damage"],
    }
    return pa.table({name: pa.array(values) for name, values in columns.items()})


def _numbers(values: Rows, known: Bools) -> pa.Array:
    return pa.array(values, mask=~known)


def _named(numbers: Rows, names: Sequence[str] | pa.StringArray) -> pa.DictionaryArray:
    """Return a column of words by their numbers; -1 is null."""
    places = pa.array(numbers.astype(np.int32), mask=numbers < 0)
    return pa.DictionaryArray.from_arrays(places, pa.array(names, pa.string()))


def _texts(texts: list[str]) -> pa.StringArray:
    return pa.array(texts, pa.string())
