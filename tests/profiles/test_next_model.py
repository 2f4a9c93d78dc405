from dataclasses import replace

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from habitue.profiles import next_model
from habitue.profiles.labels import OTHER_CLASS
from habitue.profiles.next_model import (
    NETWORK,
    NextModel,
    class_codes,
    expectations,
    fit_next,
    mixture_shares,
)
from habitue.schema import DAY, Task
from tests.profiles.frames import Row, catalogue, events
from tests.shop import MemoryLog, make_shop

TASK = Task("next_category", "next", target="category", active_days=60)
CLASSES = ("home", "outdoor", "toys")
BRAND = Task("next_brand", "next", target="brand", active_days=60)
BRANDS = ("brand0", "brand1", OTHER_CLASS)  # two more in the shop
SHOP = make_shop(num_persons=200, days=120)
CUT = SHOP.start_at + 80 * DAY
LATER = CUT + 28 * DAY


def no_idea(
    frame: pl.DataFrame, items: pl.DataFrame, subject_ids: npt.NDArray[np.int64], as_of: int
) -> npt.NDArray[np.floating]:
    return np.full((len(subject_ids), 3), 1 / 3)


def clairvoyant(
    frame: pl.DataFrame, items: pl.DataFrame, subject_ids: npt.NDArray[np.int64], as_of: int
) -> npt.NDArray[np.floating]:
    top = [CLASSES.index(SHOP.favourite[int(one)].split("/")[0]) for one in subject_ids]
    sure = np.full((len(top), 3), 0.1)
    sure[np.arange(len(top)), top] = 0.8
    return sure


def test_the_likeliest_part_gets_the_share() -> None:
    rng = np.random.default_rng(0)
    good = rng.uniform(0.5, 0.9, 400)
    shares = mixture_shares(np.stack([good, 0.3 * good, np.full(400, 0.1)], axis=1))
    assert shares.sum() == pytest.approx(1)
    assert shares[0] > 0.95
    assert (shares > 0).all()


def test_parts_that_know_different_persons_share() -> None:
    half = np.r_[np.full(200, 0.9), np.full(200, 0.05)]
    assert mixture_shares(np.stack([half, half[::-1]], axis=1)) == pytest.approx([0.5, 0.5])


def test_nobody_to_choose_on_means_equal_shares() -> None:
    assert mixture_shares(np.zeros((0, 4))) == pytest.approx([0.25] * 4)


def test_expectations_follow_the_past() -> None:
    frame = events(*(Row(1, at, item=0) for at in range(6)), Row(1, 7, item=1), Row(2, 5, item=1))
    past = pl.DataFrame(
        {"subject_id": frame["subject_id"], "class": ["home"] * 6 + ["toys", "toys"]}
    )
    found = expectations(past, np.array([1, 2, 3]), CLASSES, np.full(3, 1 / 3))
    for part in found.values():
        assert part.sum(axis=1) == pytest.approx(1)
        assert part[2] == pytest.approx(1 / 3)  # nobody knows the third
    assert found["personal"][0].argmax() == 0
    assert found["last"][0].argmax() == 2
    # What came lately weighs more than in the plain count.
    assert found["recent"][0][2] > found["personal"][0][2]


def test_a_network_without_a_clue_is_hardly_heard() -> None:
    log = MemoryLog(SHOP)
    poor = fit_next(log, TASK, CLASSES, ask=no_idea, valid_from=CUT, as_of=LATER)
    rich = fit_next(log, TASK, CLASSES, ask=clairvoyant, valid_from=CUT, as_of=LATER)
    assert poor.persons == rich.persons > 50
    assert poor.shares[NETWORK] < 0.3 < rich.shares[NETWORK]
    assert sum(rich.shares.values()) == pytest.approx(1)


def test_nothing_after_the_cut_is_read() -> None:
    log = MemoryLog(SHOP)
    model = fit_next(log, TASK, CLASSES, ask=clairvoyant, valid_from=CUT, as_of=LATER)
    ended = replace(SHOP, events=SHOP.events.filter(pl.col("timestamp") < LATER))
    again = fit_next(MemoryLog(ended), TASK, CLASSES, ask=clairvoyant, valid_from=CUT, as_of=LATER)
    assert model == again


def test_predictions_are_probabilities_for_everyone() -> None:
    model = NextModel(
        TASK,
        CLASSES,
        {"home": 0.5, "outdoor": 0.3, "toys": 0.2},
        {NETWORK: 0.5, "popularity": 0.1, "personal": 0.4},
        9,
    )
    frame = events(*(Row(1, at, item=1) for at in range(6)))
    items = catalogue("home/x", "toys/y")
    known = np.array([1, 2])
    network = np.array([[0.2, 0.7, 0.1], [0.0, 0.0, 0.0]], dtype=np.float32)
    found = model.predict(frame, items, subject_ids=known, network_NK=network, as_of=10)
    assert found.sum(axis=1) == pytest.approx(1)
    assert found[0, 2] > 0.3  # toys: their own habit
    assert found[1] == pytest.approx([0.5, 0.3, 0.2], abs=1e-3)


def knows_brands(
    frame: pl.DataFrame, items: pl.DataFrame, subject_ids: npt.NDArray[np.int64], as_of: int
) -> npt.NDArray[np.floating]:
    """Return what truly came next, read from the whole shop."""
    later = SHOP.events.filter(pl.col("timestamp") >= as_of, pl.col("item_number").is_not_null())
    first = later.sort("timestamp").group_by("subject_id").agg(pl.col("item_number").first())
    came = dict(first.iter_rows())
    sure = np.full((len(subject_ids), 3), 0.05)
    for row, subject in enumerate(subject_ids.tolist()):
        sure[row, min(came.get(subject, 0) % 4, 2)] = 0.9
    return sure


def test_names_without_a_class_of_their_own_are_the_other_class() -> None:
    codes = class_codes(pl.Series(["brand1", "brand3", "new"]), BRANDS)
    assert codes.tolist() == [1, 2, 2]


def test_a_network_that_tells_nothing_of_brands_is_left_out() -> None:
    log = MemoryLog(SHOP)
    poor = fit_next(log, BRAND, BRANDS, ask=no_idea, valid_from=CUT, as_of=LATER)
    rich = fit_next(log, BRAND, BRANDS, ask=knows_brands, valid_from=CUT, as_of=LATER)
    assert rich.asks_network
    assert rich.shares[NETWORK] > 0.5
    assert not replace(poor, shares={"popularity": 1.0}).asks_network
    assert sum(poor.shares.values()) == pytest.approx(1)


def test_a_share_too_small_for_its_price_goes_to_the_others() -> None:
    good = np.random.default_rng(0).uniform(0.5, 0.9, 500)
    likely = np.stack([0.01 * good, good, good], axis=1)
    names = (NETWORK, "popularity", "personal")
    assert next_model._shares(likely, names, least=0.0).keys() == set(names)
    left = next_model._shares(likely, names, least=0.03)
    assert left == pytest.approx({"popularity": 0.5, "personal": 0.5})


def test_rates_of_brands_sum_to_one_with_the_other_class() -> None:
    model = fit_next(MemoryLog(SHOP), BRAND, BRANDS, ask=no_idea, valid_from=CUT, as_of=LATER)
    assert set(model.rates) == set(BRANDS)
    assert sum(model.rates.values()) == pytest.approx(1)
    assert model.rates[OTHER_CLASS] > 0.3


def test_brands_are_told_without_the_network_and_in_pieces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = MemoryLog(SHOP)
    model = fit_next(log, BRAND, BRANDS, ask=no_idea, valid_from=CUT, as_of=LATER)
    alone = replace(model, shares={"popularity": 0.2, "personal": 0.8})
    frame = log.read_bucket(0, as_of=LATER)
    persons = frame["subject_id"].unique().sort().to_numpy()

    def asked() -> npt.NDArray[np.floating]:
        return alone.predict(frame, log.items(), subject_ids=persons, network_NK=None, as_of=LATER)

    whole = asked()
    monkeypatch.setattr(next_model, "MAX_CELLS", 9)  # three persons at a time
    assert np.array_equal(asked(), whole)
    assert whole.sum(axis=1) == pytest.approx(1)
    again = fit_next(log, BRAND, BRANDS, ask=no_idea, valid_from=CUT, as_of=LATER)
    assert again == model
