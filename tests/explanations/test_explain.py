"""A shop's explanations, through the verb: what they say is what a log without the events says."""

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from habitue.answering import Embedder, Version
from habitue.compute import Silent
from habitue.errors import Refused, UnknownName
from habitue.explanations.record import Explanation
from habitue.profiles.cuts import training_cuts
from habitue.profiles.predictions import fit_task
from habitue.profiles.samples import collect_samples, rows_of_task
from habitue.profiles.task_model import TaskModel
from habitue.schema import DAY, format_time
from habitue.workspace import Workspace
from tests.bad_inputs.running import run_here
from tests.shop import START_AT, Shop, make_shop, write_csv

DAYS = 420
USER = "u0003"
QUICK: Mapping[str, Mapping[str, object]] = {
    "model": {"size": "tiny"},
    "training": {"epochs": 1, "seed": 1},
}
KEYS = {
    "user_id", "task", "item_id", "as_of", "model_version", "unit", "base_rate", "prediction",
    "answer", "name", "source", "offer_reason", "rank", "events", "together", "heaviest_day",
    "features",
    "decision", "smallest_change", "method", "num_events", "num_groups", "num_measured",
    "fallback", "data_sufficiency", "reason", "sentences",
}  # fmt: skip
pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Ready:
    """A trained shop, and what is true of it."""

    shop: Workspace
    truth: Shop
    folder: Path

    @property
    def moment(self) -> str:
        """Just after the last event; every answer is asked for as of then."""
        return format_time(START_AT + DAYS * DAY)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Ready:
    folder = tmp_path_factory.mktemp("shop")
    truth = make_shop(num_persons=150, days=DAYS)
    raw = write_csv(truth, folder / "log.csv")
    shop = Workspace(folder / "ws", settings=QUICK)
    shop.init([raw])
    shop.ingest(raw)
    shop.train()
    return Ready(shop, truth, folder)


def explained(shop: Workspace, user: str, **asked: Any) -> Explanation:  # noqa: ANN401
    found = shop.explain(user, **asked)
    assert isinstance(found, Explanation)
    return found


def asked_of_another_log(ready: Ready, events: pl.DataFrame, name: str) -> Workspace:
    """The same model over a log of these events."""
    folder = ready.folder / name
    folder.mkdir()
    raw = write_csv(replace(ready.truth, events=events), folder / "log.csv")
    shop = Workspace(folder / "ws", settings=QUICK)
    shop.init([raw])
    shop.ingest(raw)
    shutil.copytree(ready.shop.folder / "models", shop.folder / "models")
    return shop


def rows_of(shop: Workspace) -> pl.DataFrame:
    """The events of USER as they are stored, in order of time."""
    subject = shop.store.subject_of(USER)
    assert subject is not None
    return shop.store.read_bucket(shop.store.bucket_of(subject), subject_id=subject)


def answer(shop: Workspace, task: str, moment: str) -> float:
    record = shop.profile(USER, as_of=moment).predictions[task]
    found = record.probability if record.expected is None else record.expected
    assert found is not None
    return found


def log_without(ready: Ready, found: Explanation) -> pl.DataFrame:
    """The shop's events but the cited ones of USER."""
    # The export names no events: an event's id is the store's key in hexadecimal.
    keys = [int(one, 16) for event in found.events for one in event.event_ids]
    stored = rows_of(ready.shop)
    places = stored.with_row_index("row").filter(pl.col("event_key").is_in(keys))["row"]
    own = ready.truth.events.filter(pl.col("subject_id") == 3)
    lost = own["event_key"].gather(places).to_list()
    kept = ready.truth.events.filter(~pl.col("event_key").is_in(lost))
    assert ready.truth.events.height - kept.height == len(keys)
    return kept


TASKS = ("purchase_30d", "churn_90d", "value_90d")


@pytest.mark.parametrize("count", [1, 8])
def test_a_log_without_the_cited_events_gives_the_answer_that_was_told(
    ready: Ready, count: int
) -> None:
    told = {
        task: explained(ready.shop, USER, task=task, limit=count, as_of=ready.moment)
        for task in TASKS
    }
    for task, found in told.items():
        assert len(found.events) == count
        assert found.together is not None
        kept = log_without(ready, found)
        other = asked_of_another_log(ready, kept, f"without-{task}-{count}")
        assert found.prediction == pytest.approx(answer(ready.shop, task, ready.moment), rel=1e-6)
        without = answer(other, task, ready.moment)
        assert found.together.prediction == pytest.approx(without, rel=1e-5)
        assert without != pytest.approx(found.prediction, rel=1e-3)
        if count == 1:
            assert found.events[0].verified_effect == pytest.approx(
                found.prediction - without, rel=1e-4
            )


def embedding_model(shop: Workspace, task: str) -> TaskModel:
    """A model of the task that has learnt labels which only the embedding tells."""
    version, log = shop._answering(None), shop.log
    asked, end_at = version.task_models[task].task, log.end_at
    samples = collect_samples(
        log,
        [asked],
        cuts=training_cuts([asked], start_at=log.start_at, train_until=end_at),
        train_until=end_at,
        embed=Embedder(log, version.vocabulary, version.network),
        progress=Silent(),
    )
    rows = rows_of_task(samples[:-1], asked)
    assert rows.embeddings is not None
    axis = rows.embeddings[:, 0] - rows.embeddings[:, 0].mean()
    chance = 1 / (1 + np.exp(-4 * axis / axis.std()))
    coins = np.random.default_rng(0).random(len(rows))
    # Features of noise: with their own, which may know as much, the embedding might be left out.
    noise = np.random.default_rng(1).normal(size=rows.features.shape).astype(np.float32)
    happened = (coins < chance).astype(np.float64)
    model = fit_task(asked, replace(rows, features=noise, labels=happened))
    assert model.form == "features+embedding"
    return model


def test_a_prediction_by_the_embedding_is_what_a_log_without_the_events_gives(
    ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = embedding_model(ready.shop, "purchase_30d")
    monkeypatch.setattr(Version, "task_models", property(lambda _: {"purchase_30d": model}))
    found = explained(ready.shop, USER, task="purchase_30d", limit=3, as_of=ready.moment)
    assert found.together is not None
    other = asked_of_another_log(ready, log_without(ready, found), "without-embedding")
    without = answer(other, "purchase_30d", ready.moment)
    assert found.together.prediction == pytest.approx(without, rel=1e-5)
    assert without != pytest.approx(found.prediction, rel=1e-3)


def test_appended_future_events_change_nothing(ready: Ready) -> None:
    moment = START_AT + 400 * DAY
    as_of = format_time(moment)
    past = ready.truth.events.filter(pl.col("timestamp") < moment)
    early = asked_of_another_log(ready, past, "early")
    for task, item in (("churn_90d", None), ("next_category", None), (None, "P000")):
        ours, theirs = (
            shop.explain(USER, task=task, item=item, as_of=as_of).as_json()
            for shop in (ready.shop, early)
        )
        assert ours == theirs
    drivers = [
        shop.explain(task="churn_90d", as_of=as_of).as_json() for shop in (ready.shop, early)
    ]
    assert drivers[0] == drivers[1]


def test_every_question_is_answered_with_the_same_keys(ready: Ready) -> None:
    questions: list[tuple[str, dict[str, str]]] = [
        (user, {kind: name})
        for user in (USER, "nobody")
        for kind, name in [*(("task", one) for one in (*TASKS, "next_category")), ("item", "P000")]
    ]
    for user, question in questions:
        document: Any = explained(ready.shop, user, **question).as_json()
        assert set(document) == KEYS
        assert document["model_version"] == "0001"
        assert document["sentences"]
        json.dumps(document, allow_nan=False)
        for event in document["events"]:
            assert {"event_id", "timestamp", "text", "effect", "verified_effect"} <= set(event)


def test_somebody_unknown_gets_what_holds_of_everybody(ready: Ready) -> None:
    told = explained(ready.shop, "nobody", task="churn_90d")
    assert (told.fallback, told.data_sufficiency) == ("base_rates", "not_enough_data")
    assert told.prediction == told.base_rate
    assert not told.events
    assert not told.features
    assert "Nobody has seen this person" in told.sentences[0]
    item = explained(ready.shop, "nobody", item="P000")
    assert (item.fallback, item.source) == ("popular", "popular")
    assert item.prediction == item.base_rate


def test_an_offer_is_told_as_recommend_tells_it(ready: Ready) -> None:
    offers = ready.shop.recommend(USER, k=3).offers.items
    for place, offer in enumerate(offers, start=1):
        told = explained(ready.shop, USER, item=offer.item_id)
        assert told.prediction == pytest.approx(offer.score, rel=1e-5)
        assert (told.source, told.offer_reason) == (offer.source, offer.reason)
        assert told.rank == place
        assert sum(part.effect for part in told.features) == pytest.approx(offer.score, rel=1e-3)
        assert told.events


def test_the_smallest_change_is_on_the_other_side(ready: Ready) -> None:
    sides = set()
    for user in (f"u{number:04d}" for number in range(20)):
        told = explained(ready.shop, user, task="churn_90d", threshold=0.2)
        assert told.decision is not None
        assert (told.decision.threshold, told.decision.because) == (0.2, "given")
        if told.smallest_change is not None:
            side = told.prediction > 0.2
            assert (told.smallest_change.prediction > 0.2) is not side
            sides.add(side)
    assert sides == {True, False}
    usual = explained(ready.shop, USER, task="churn_90d").decision
    assert usual is not None
    assert usual.because == "alert"


def test_what_moves_a_task_is_told_theme_by_theme(ready: Ready) -> None:
    document: Any = ready.shop.explain(task="churn_90d").as_json()
    features = document["features"]
    effects = [one["effect"] for one in features]
    assert effects == sorted(effects, reverse=True)
    assert {"name", "theme", "effect", "direction", "text"} == set(features[0])
    assert document["model_version"] == "0001"
    told = [one for one in features if one["direction"] is not None]
    assert any("…" in one["text"] and "the more, the" in one["text"] for one in told)
    mixture: Any = ready.shop.explain(task="next_category").as_json()
    assert {one["name"] for one in mixture["features"]} >= {"network", "personal"}


def test_chinese_shops_read_chinese(ready: Ready) -> None:
    shop = Workspace(ready.shop.folder, settings={**QUICK, "shop": {"language": "zh"}})
    told = explained(shop, USER, task="churn_90d")
    assert "平均为" in told.sentences[0]
    assert told.events[0].text.startswith("202")
    of_shop: Any = shop.explain(task="churn_90d").as_json()
    assert "平均" in of_shop["sentences"][0]
    assert not re.search(r"[A-Za-z_]{2,}", " ".join(of_shop["sentences"]).replace("App", ""))


def test_the_command_line_answers_like_python(
    ready: Ready, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, asked in (
        ((USER, "--task", "churn_90d", "--limit", "2"), {"task": "churn_90d", "limit": 2}),
        ((USER, "--item", "P000"), {"item": "P000"}),
    ):
        where = str(ready.shop.folder)
        done = run_here(monkeypatch, capsys, "explain", *words, "-w", where, "--json")
        assert done.code == 0, done.err
        assert json.loads(done.out) == explained(ready.shop, USER, **asked).as_json()
        shown = run_here(monkeypatch, capsys, "explain", *words, "-w", where)
        assert shown.code == 0
        assert "points" in shown.out


def test_what_cannot_be_explained_is_refused(ready: Ready) -> None:
    shop = ready.shop
    with pytest.raises(UnknownName, match=r"no task 'churn_9d'\. Did you mean 'churn_90d'"):
        shop.explain(USER, task="churn_9d")
    for user in (USER, "nobody"):
        with pytest.raises(UnknownName, match="knows no item 'P00'"):
            shop.explain(user, item="P00")
    with pytest.raises(Refused, match="A task or an item is explained, and neither was given"):
        shop.explain(USER)
    with pytest.raises(Refused, match="A task or an item is explained, and both was given"):
        shop.explain(USER, task="churn_90d", item="P000")
    with pytest.raises(Refused, match="none is named beside item 'P000'"):
        shop.explain(item="P000")
    with pytest.raises(Refused, match=r"3 is not a text, and the shop's own ids are texts"):
        shop.explain(3, task="churn_90d")  # type: ignore[arg-type]
    with pytest.raises(Refused, match=r"The threshold 0\.3 is that of a task"):
        shop.explain(USER, item="P000", threshold=0.3)
    with pytest.raises(Refused, match="limit is 0; expected a whole number of at least 1"):
        shop.explain(USER, task="churn_90d", limit=0)
