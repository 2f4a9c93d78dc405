import re
from dataclasses import replace
from pathlib import Path
from typing import cast, get_args

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from habitue.actions.blend import Blend
from habitue.actions.reasons import Catalogue
from habitue.actions.recommend import Adviser
from habitue.baselines.again import Again
from habitue.baselines.item_recommender import saved_item_models
from habitue.compute import Silent
from habitue.config import Settings
from habitue.errors import NotEnoughData, Refused
from habitue.model.inference import Network
from habitue.preparing import Plan, plan_training
from habitue.profiles.fusion import Fusion, fusion_of
from habitue.profiles.predictions import fit_tasks
from habitue.profiles.task_model import Form
from habitue.profiles.tasks import ResolvedTask
from habitue.schema import DAY, Task
from habitue.sequences.sequences import Sequences
from habitue.sequences.splits import Cuts
from habitue.sequences.timelines import write_buckets
from habitue.training import (
    FORMS,
    FUSIONS,
    _fit_recommenders,
    train_version,
    what_of_the_head,
    what_ships,
)
from habitue.versions import Card
from tests.baselines.test_again import CATEGORIES, cart_shop
from tests.histories import Event, day, make_sequences
from tests.late_log import LateLog, arriving
from tests.made_version import Unlearnt
from tests.shop import MemoryLog, Shop, make_shop

SHOP = make_shop(num_persons=40, days=200)


def test_every_form_a_prediction_may_take_has_a_sentence() -> None:
    assert set(FORMS) == set(get_args(Form))


def test_a_task_of_too_few_is_said_to_tell_the_base_rate() -> None:
    log = MemoryLog(SHOP)
    tasks = [ResolvedTask(Task("churn", "no_event", horizon_days=30, active_days=60), "ok")]
    model = fit_tasks(log, tasks, train_until=log.end_at).models["churn"]
    assert what_ships(model) == (
        "everybody is told the base rate, for there are only 40 persons to learn from; "
        "100 are needed"
    )
    assert what_ships(replace(model, reason="")) == FORMS[model.form]


def test_what_a_head_was_compared_with_is_told() -> None:
    assert set(FUSIONS) == set(get_args(Fusion))
    log = MemoryLog(make_shop(num_persons=150, days=200))
    tasks = [ResolvedTask(Task("buys", "event", horizon_days=20, active_days=60), "ok")]
    model = fit_tasks(log, tasks, train_until=log.end_at).models["buys"]
    assert model.chance is not None
    taken = FUSIONS[fusion_of(model.chance.head_share)]
    figures = [f"{model.validation[f'loss_{one}']:.4f}" for one in FUSIONS]
    told = what_of_the_head(model)
    assert re.findall(r"\d\.\d{4}", told) == figures
    assert told.endswith(f", so {taken}")
    too_far = replace(model, no_head="the head reaches 180 days")
    assert what_of_the_head(too_far) == "features alone answer, for the head reaches 180 days"


def test_a_moment_long_after_the_log_teaches_nothing_of_the_silence() -> None:
    log = MemoryLog(SHOP)
    plan = plan_training(log, Settings(), as_of=log.end_at + 300 * DAY)
    assert log.end_at <= plan.cuts.as_of < log.end_at + DAY
    # Nor does the silence make the log long enough for horizons that do not fit.
    assert task_status(plan)["churn_90d"] == "not_enough_data"


def test_events_after_the_cut_do_not_decide_what_is_learnt() -> None:
    log = MemoryLog(SHOP)
    cut = plan_training(log, Settings()).cuts.as_of
    is_early_purchase = (pl.col("timestamp") < cut) & (pl.col("event_type") == "purchase")
    opening = MemoryLog(replace(SHOP, events=SHOP.events.filter(~is_early_purchase)))
    found = task_status(plan_training(opening, Settings()))
    assert found["purchase_30d"] == "not_enough_data"
    assert any(name.startswith("visit_") for name in found)


def test_a_log_that_arrived_after_its_cut_is_told_so() -> None:
    end_at = MemoryLog(SHOP).end_at
    log = LateLog(arriving(SHOP, end_at + DAY, which=pl.lit(True)))
    with pytest.raises(NotEnoughData, match=r"had arrived by then.*take received_at out of the"):
        plan_training(log, Settings())


def task_status(plan: Plan) -> dict[str, str]:
    return {one.task.name: one.status for one in plan.tasks}


def test_a_log_that_looks_broken_is_refused_before_anything_is_learnt(tmp_path: Path) -> None:
    with pytest.raises(
        Refused, match=r"the median price is about [\d,.]+ from .*\(price_scale\)"
    ) as caught:
        train(in_cents(SHOP, MemoryLog(SHOP).end_at - 20 * DAY), Settings(), tmp_path)
    assert (caught.value.code, caught.value.exit_code) == ("data_check_failed", 2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_what_is_skipped_is_learnt_from_and_what_is_old_is_noted(tmp_path: Path) -> None:
    shop = make_shop(num_persons=150, days=120)
    end_at = MemoryLog(shop).end_at
    is_early = pl.col("timestamp") < end_at - 60 * DAY
    is_told = is_early | (pl.col("event_type") == "purchase")
    changed = shop.events.with_columns(price=pl.when(is_told).then("price"))
    log = in_cents(replace(shop, events=changed), end_at - 20 * DAY)
    settings = Settings.model_validate(
        {
            "checks": {"skip": ["price_scale"]},
            "model": {"size": "tiny"},
            "training": {"epochs": 1},
        }
    )
    card = train(log, settings, tmp_path)
    found = [note for note in card.notes if note.startswith("Check of the log")]
    assert len(found) == 1
    assert "empty_field: price is empty in 100% of view_item events from 2024-03-" in found[0]


class Noise(Unlearnt):
    """Stands where the network would, and guesses."""

    def scores(self, sequences: Sequences, *, as_of: int) -> npt.NDArray[np.float32]:
        guess = np.random.default_rng(0).random((len(sequences), self.num_items))
        return np.asarray(guess / guess.sum(axis=1, keepdims=True), dtype=np.float32)


def recommenders_of(
    people: Sequences,
    folder: Path,
    *,
    network: Unlearnt | None = None,
    categories: npt.NDArray[np.int64] = CATEGORIES,
    settings: Settings | None = None,
) -> Blend:
    """What is trained beside a network, by default one that guesses."""
    valid_from, as_of = day(11), day(12)
    sequences = write_buckets([people.before(as_of)], folder / "sequences")
    blend = _fit_recommenders(
        sequences,
        sequences,
        cast(Network, network or Noise(len(categories))),
        categories=categories,
        cuts=Cuts(day(0), valid_from, as_of, as_of, as_of),
        settings=settings or Settings(),
        folder=folder / "recommender",
        progress=Silent(),
    )
    saved = Blend.load(folder / "recommender", blend.components)
    assert saved.weights == blend.weights
    return blend


def test_what_is_learnt_of_own_items_ships_where_it_is_better(tmp_path: Path) -> None:
    blend = recommenders_of(cart_shop(), tmp_path)
    assert blend.weight_of("again") > 0.5
    loaded = Again.load(tmp_path / "recommender")
    assert loaded is not None
    learnt = next(part for part in blend.components if part.name == "again")
    asked = cart_shop(3)
    ours, theirs = (part.scores(asked, as_of=day(12)) for part in (learnt, loaded))
    assert np.array_equal(ours, theirs)
    assert blend.report.single_ndcg["again"] > blend.report.single_ndcg["habit"] + 0.1


def test_what_is_learnt_of_own_items_is_left_out_where_it_adds_nothing(tmp_path: Path) -> None:
    everyone_the_same: list[list[Event]] = [
        [(n + 0.5, n, "purchase") for n in range(12)] for _ in range(60)
    ]
    blend = recommenders_of(make_sequences(everyone_the_same), tmp_path)
    assert "again" not in [part.name for part in blend.components]
    assert Again.load(tmp_path / "recommender") is None


GROUPS = 4
BEFORE, ASKED, WANTED, RARE = range(4)
NUM_SOLVED = 4 * GROUPS + 1  # one item more that goes with everything


def ordered_shop(once_more: bool = False) -> Sequences:
    """One thing is mostly followed by another, which many take; on the last day it is taken again.

    Most who had the one had a third before it, which misleads whoever does not look at order; some
    take a rare fourth after it, which misleads whoever damps what many take. Nobody takes anything
    twice, unless `once_more`.
    """
    histories: list[list[Event]] = []
    for group in range(GROUPS):
        before, asked, wanted, rare = (4 * group + kind for kind in range(4))
        twice = [(9.0, before)] * once_more
        histories += [[(1, before), (2, asked), *twice] for _ in range(150)]
        histories += [[(3, asked), (4, wanted)] for _ in range(60)]
        histories += [[(3, asked), (4, rare)] for _ in range(40)]
        histories += [[(5, NUM_SOLVED - 1), (6, wanted)] for _ in range(300)]
        histories += [[(7, asked), (11.5, wanted)] for _ in range(8)]
    return make_sequences(histories)


def asking(group: int) -> Sequences:
    return make_sequences([[(9, 4 * group + ASKED)]])


SOLVED = ("ease", "linear_transition")
NO_CATEGORIES = np.zeros(NUM_SOLVED, dtype=np.int64)


def test_solved_models_get_weight_where_one_thing_always_follows_another(tmp_path: Path) -> None:
    blend = recommenders_of(ordered_shop(), tmp_path, categories=NO_CATEGORIES)
    assert {"item_knn", *SOLVED} <= {part.name for part in blend.components}
    alone = blend.report.single_ndcg
    assert alone["linear_transition"] == pytest.approx(1)
    assert max(alone["cooccurrence"], alone["item_knn"]) < 0.7
    assert blend.weight_of("linear_transition") > 0.5


def test_where_the_network_knows_nothing_solved_models_speak(tmp_path: Path) -> None:
    mute = Unlearnt(NUM_SOLVED)
    blend = recommenders_of(ordered_shop(), tmp_path, categories=NO_CATEGORIES, network=mute)
    offers = adviser_of(blend).recommend(asking(3), ["u"], as_of=day(12), k=3)[0]
    assert mute.shown
    assert offers.fallback is None
    assert offers.items[0].item_id == f"i{4 * 3 + WANTED}"
    assert offers.items[0].source == "goes_with"


def test_solved_models_of_no_weight_still_fill_what_others_leave_empty(tmp_path: Path) -> None:
    blend = recommenders_of(ordered_shop(), tmp_path, categories=NO_CATEGORIES)
    none = tuple(0.0 for _ in blend.components)
    mute = replace(blend, weights=none, components=(Unlearnt(NUM_SOLVED), *blend.components[1:]))
    offers = adviser_of(mute).recommend(asking(3), ["u"], as_of=day(12), k=3)[0]
    assert f"i{4 * 3 + WANTED}" in [item.item_id for item in offers.items]


def test_solved_models_answer_from_disk_bit_by_bit_as_they_did(tmp_path: Path) -> None:
    blend = recommenders_of(ordered_shop(), tmp_path, categories=NO_CATEGORIES)
    saved = saved_item_models(tmp_path / "recommender")
    assert [part.name for part in saved] == ["item_knn", "ease", "linear_transition"]
    loaded = blend.with_components([*blend.components, *saved])
    asked = ordered_shop()
    expected = blend.scores(asked, as_of=day(12))
    assert np.array_equal(loaded.scores(asked, as_of=day(12)), expected)


def test_solved_models_are_left_out_where_people_repeat_or_the_shop_says_so(
    tmp_path: Path,
) -> None:
    off = Settings.model_validate({"recommend": {"item_models": "off"}})
    told = recommenders_of(ordered_shop(), tmp_path / "a", categories=NO_CATEGORIES, settings=off)
    seen = recommenders_of(ordered_shop(once_more=True), tmp_path / "b", categories=NO_CATEGORIES)
    for folder, blend in (("a", told), ("b", seen)):
        assert not {"item_knn", *SOLVED} & {part.name for part in blend.components}
        assert saved_item_models(tmp_path / folder / "recommender") == ()


def test_solved_models_learn_nothing_of_the_validation_they_are_weighed_on(tmp_path: Path) -> None:
    # What is wanted on the last day nobody took before: the weights can know nothing of it.
    histories: list[list[Event]] = [
        [(1, 4 * group + BEFORE), (2, 4 * group + ASKED), (11.5, 4 * group + WANTED)]
        for group in range(GROUPS)
        for _ in range(20)
    ]
    blend = recommenders_of(make_sequences(histories), tmp_path, categories=NO_CATEGORIES)
    for name in SOLVED:
        assert blend.report.single_ndcg[name] == 0
    # Counted again up to the cut they know it.
    solved = next(part for part in blend.components if part.name == "linear_transition")
    assert solved.scores(asking(0), as_of=day(12))[0].argmax() == WANTED


def adviser_of(blend: Blend) -> Adviser:
    ids = tuple(f"i{number}" for number in range(NUM_SOLVED))
    offered = np.ones(len(ids), dtype=bool)
    return Adviser(blend, Catalogue(ids, ids, ("",) * len(ids), offered))


def in_cents(shop: Shop, since: int) -> MemoryLog:
    is_late = pl.col("timestamp") >= since
    return MemoryLog(
        replace(
            shop,
            events=shop.events.with_columns(
                pl.when(is_late).then(pl.col(name) * 100).otherwise(name).alias(name)
                for name in ("price", "value")
            ),
        )
    )


def train(log: MemoryLog, settings: Settings, folder: Path) -> Card:
    return train_version(
        log,
        settings,
        name="0001",
        folder=folder,
        unfinished=folder / "unfinished",
        as_of=None,
        fingerprint="f",
        store=folder / "store",
        progress=Silent(),
    )
