"""Groups planted by construction: who loves one category has a state of its own."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from habitue.languages import speaking
from habitue.profiles.group_texts import (
    JOINT,
    NOTHING_SPECIAL,
    group_label,
    group_sentence,
    group_summary,
    name_of,
)
from habitue.profiles.group_traits import Trait, named_traits
from habitue.profiles.groups import MIN_AGREEMENT, MIN_PERSONS, Groups, fit_groups, part
from habitue.profiles.norms import ShopNorms, fit_norms
from habitue.schema import DAY
from tests.profiles.log_lines import SETTINGS
from tests.shop import CATEGORIES, MemoryLog, Shop, make_shop

SHOP = make_shop(num_persons=420, days=120)
AS_OF = SHOP.start_at + 100 * DAY
LOVES = np.array([CATEGORIES.index(SHOP.favourite[person]) for person in range(420)])
CAMPING = Trait("category", "outdoor/camping", 0.4, 0.1, 1.2)
OFTEN = Trait("orders_a_month", "high", np.log1p(4.0), np.log1p(2.0), 0.5)


def planted(frame: pl.DataFrame, items: pl.DataFrame, *, as_of: int) -> npt.NDArray[np.floating]:
    """A corner for each love, and a little noise that is each person's own."""
    known = frame.filter(pl.col("timestamp") < as_of)
    persons = known["subject_id"].unique().sort().to_numpy()
    noise = np.array([np.random.default_rng(one).normal(size=8) for one in persons])
    corners = np.eye(8)[LOVES[persons]] if len(persons) else np.empty((0, 8))
    return corners + 0.05 * noise.reshape(-1, 8)


@pytest.fixture(scope="module")
def norms() -> ShopNorms:
    return fit_norms(MemoryLog(SHOP), as_of=AS_OF, settings=SETTINGS)


@pytest.fixture(scope="module")
def groups(norms: ShopNorms) -> Groups:
    return fit_groups(MemoryLog(SHOP), as_of=AS_OF, norms=norms, mean_states=planted)


def states_of_everyone() -> npt.NDArray[np.floating]:
    return planted(SHOP.events, SHOP.items, as_of=AS_OF)


def test_planted_groups_are_found(groups: Groups) -> None:
    persons = SHOP.events.filter(pl.col("timestamp") < AS_OF)["subject_id"].unique().sort()
    dealt = groups.dealt(states_of_everyone(), np.full(len(persons), 99))
    found = [one.name if one else "" for one in dealt]
    pairs = set(zip(LOVES[persons.to_numpy()].tolist(), found, strict=True))
    assert len(groups.groups) == len(CATEGORIES) == len(pairs)


def test_names_say_what_was_planted(groups: Groups) -> None:
    loves = {name.split(JOINT)[0] for name in groups.names}
    assert loves == {path.split("/")[-1] for path in CATEGORIES}
    assert len(set(groups.names)) == len(groups.names)
    for one in groups.groups:
        assert one.traits[0].kind == "category"
        assert one.traits[0].value > 2 * one.traits[0].usual


def test_what_comes_later_changes_nothing(groups: Groups, norms: ShopNorms) -> None:
    past = SHOP.events.filter(pl.col("timestamp") < AS_OF)
    known: Shop = replace(SHOP, events=past)
    again = fit_groups(MemoryLog(known), as_of=AS_OF, norms=norms, mean_states=planted)
    assert again.groups == groups.groups
    assert again.agreement == groups.agreement


def test_saved_groups_load_as_they_were(groups: Groups, tmp_path: Path) -> None:
    groups.save(tmp_path / "groups")
    loaded = Groups.load(tmp_path / "groups")
    assert replace(loaded, partition=None) == replace(groups, partition=None)
    states, events = states_of_everyone(), np.full(len(states_of_everyone()), 9)
    assert loaded.dealt(states, events) == groups.dealt(states, events)


def test_no_groups_are_saved_with_their_reason(tmp_path: Path) -> None:
    few = part(np.zeros((MIN_PERSONS - 1, 4)), as_of=AS_OF, seed=0)
    few.save(tmp_path / "groups")
    assert Groups.load(tmp_path / "groups") == few


def test_a_small_shop_says_why_it_has_no_groups() -> None:
    few = part(np.zeros((MIN_PERSONS - 1, 4)), as_of=AS_OF, seed=0)
    assert few.dealt(np.zeros((2, 4)), np.array([9, 9])) == [None, None]
    assert few.record_of(None) == {"reason": "only 199 persons with enough events; 200 are needed"}


def test_a_version_of_before_says_it_has_no_groups(tmp_path: Path) -> None:
    reason = str(Groups.load(tmp_path).record_of(None)["reason"])
    assert reason == "this model version has no groups; train again to learn them"


def test_where_halves_disagree_there_are_no_groups() -> None:
    states = np.random.default_rng(0).normal(size=(2 * MIN_PERSONS, 16))
    found = part(states, as_of=AS_OF, seed=0)
    assert (found.why_none, found.groups, found.partition) == ("no_agreement", (), None)
    assert float(found.gaps["agreement"]) < MIN_AGREEMENT


def test_a_person_of_few_events_is_told_why_there_is_no_group(groups: Groups) -> None:
    first = states_of_everyone()[:2]
    dealt = groups.dealt(first, np.array([4, 5]))
    assert dealt[0] is None
    assert dealt[1] is not None
    reason = groups.record_of(None)["reason"]
    assert reason == "fewer than 5 events: too few to be like anybody"
    assert groups.record_of(dealt[1])["name"] == dealt[1].name


def test_a_bot_forms_no_group(groups: Groups, norms: ShopNorms) -> None:
    is_bot = pl.col("subject_id") < 50
    shop = replace(SHOP, events=SHOP.events.with_columns(is_bot=is_bot))
    found = fit_groups(MemoryLog(shop), as_of=AS_OF, norms=norms, mean_states=planted)
    all_persons = sum(one.persons for one in groups.groups)
    assert sum(one.persons for one in found.groups) <= all_persons - 45


def test_groups_of_one_strongest_trait_are_told_apart_by_a_second() -> None:
    rare = replace(OFTEN, name="low", effect=-0.4)
    brand = Trait("brand", "Acme", 0.3, 0.1, 0.9)
    low = Trait("price", "low", 0.3, 0.5, -0.6)
    chosen = named_traits(
        [[CAMPING, brand, OFTEN], [CAMPING, brand, rare], [low]], lambda t: t.name
    )
    assert chosen == [(CAMPING, brand), (CAMPING, brand, rare), (low,)]


def test_a_group_without_traits_is_like_most() -> None:
    assert name_of(()) == NOTHING_SPECIAL
    assert group_sentence(()) == "Nothing sets them clearly apart."


def test_a_name_and_a_sentence_are_told_in_both_languages() -> None:
    name = name_of((CAMPING, OFTEN))
    assert name == "camping, orders often"
    assert group_sentence((CAMPING, OFTEN)) == (
        "They give 40% of their attention to outdoor/camping (everyone: 10%); "
        "order 4.0 times a month (everyone: 2.0)."
    )
    with speaking("zh"):
        assert group_label(name) == "camping、常下单"
        told = "40%的关注给了outdoor/camping（全体：10%）；每月下单4.0次（全体：2.0）。"
        assert group_sentence((CAMPING, OFTEN)) == told


def test_the_summary_has_all_who_have_a_group_and_their_money() -> None:
    table = pl.DataFrame(
        {"group": ["a", "b", "a", None], "revenue": [1.0, 2.0, 4.0, 9.0]},
    )
    assert group_summary(table).rows() == [("a", 2, 5.0), ("b", 1, 2.0)]
    without = table.with_columns(revenue=pl.lit(None, dtype=pl.Float64))
    assert group_summary(without)["revenue"].to_list() == [None, None]
