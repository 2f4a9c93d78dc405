"""One shop the whole way, from raw files to the report, through the command line's JSON."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from habitue.actions.blend import Blend
from habitue.answering import Version
from habitue.compute import Progress
from habitue.errors import (
    HabitueWarning,
    NotEnoughData,
    NotReady,
    Refused,
    SettingsError,
    UnknownName,
)
from habitue.events.log import EventLog
from habitue.files import Json
from habitue.schema import DAY, EXPECTED_SUFFIX, PROFILE_COLUMNS, format_time
from habitue.workspace import Workspace
from tests.bad_inputs.running import run_here
from tests.shop import START_AT, Shop, make_shop, write_csv

DAYS = 420
CUT = START_AT + 300 * DAY
QUICK: Mapping[str, Mapping[str, object]] = {
    "model": {"size": "tiny"},
    "training": {"epochs": 2, "seed": 1},
}
pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Ready:
    """A trained, evaluated and refreshed workspace, and what the verbs answered on the way."""

    shop: Workspace
    truth: Shop
    answers: Mapping[str, Mapping[str, Json]]


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Ready:
    folder = tmp_path_factory.mktemp("shop")
    truth = make_shop(num_persons=150, days=DAYS)
    raw = write_csv(truth, folder / "log.csv")
    shop = Workspace(folder / "ws", settings=QUICK)
    return Ready(
        shop,
        truth,
        {
            "init": shop.init([raw]).as_json(),
            "validate": shop.validate(raw).as_json(),
            "ingest": shop.ingest(raw).as_json(),
            "again": shop.ingest(raw).as_json(),
            "train": shop.train().as_json(),
            "evaluate": shop.evaluate().as_json(),
            "refresh": shop.refresh().as_json(),
            "alerts churn": shop.churn_alerts().as_json(),
            "audience": shop.audience('segment = "lost" and orders >= 1').as_json(),
            "report": shop.report().as_json(),
        },
    )


def run(shop: Workspace, *arguments: str) -> tuple[int, dict[str, Any], str]:
    """Run a verb with --json; return exit code, the one document on stdout, and stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "habitue", *arguments, "-w", str(shop.folder), "--json"],
        capture_output=True,
        text=True,
    )
    return done.returncode, json.loads(done.stdout), done.stderr


@pytest.fixture
def answered(
    ready: Ready, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., dict[str, Any]]:
    """Runs a verb with --json in this process, and returns the one document on stdout."""

    def answer(*words: str) -> dict[str, Any]:
        shop = str(ready.shop.folder)
        done = run_here(monkeypatch, capsys, *words, "-w", shop, "--json")
        assert done.code == 0, done.err
        document: dict[str, Any] = json.loads(done.out)
        return document

    return answer


def test_every_answer_has_the_keys_of_the_contract(ready: Ready) -> None:
    keys = {
        "init": {"mapping", "guesses"},
        "validate": {"status", "findings"},
        "ingest": {
            "received", "accepted", "repaired", "duplicates", "quarantined", "by_reason",
            "event_rows", "items", "seconds", "events_per_second",
        },
        "train": {
            "model_version", "architecture", "parameters", "epochs", "seconds",
            "events_per_second", "validation",
        },
        "evaluate": {"tasks", "recommendation"},
        "refresh": {"persons", "seconds", "persons_per_second"},
        "alerts churn": {"alerts"},
        "audience": {"persons", "path", "rule"},
        "report": {"path"},
    }  # fmt: skip
    for verb, expected in keys.items():
        assert expected <= set(ready.answers[verb]), verb
        json.dumps(ready.answers[verb], allow_nan=False)


def test_an_evaluation_leaves_a_model_card_in_each_language(ready: Ready) -> None:
    version = ready.shop.folder / "models" / str(ready.answers["train"]["model_version"])
    english = (version / "model_card.en.md").read_text(encoding="utf-8")
    assert "## What it must not be used for" in english
    assert "`churn" in english
    assert "## 不得用于什么" in (version / "model_card.zh.md").read_text(encoding="utf-8")


def test_a_version_tells_its_model_card_in_short_and_where_it_lies(
    ready: Ready, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = str(ready.answers["train"]["model_version"])
    assert ready.answers["train"]["model_card"] is None
    told = ready.shop.model().as_json()["model_card"]
    assert isinstance(told, Mapping)
    path = ready.shop.folder / "models" / name / "model_card.en.md"
    assert told["path"] == str(path)
    assert any("the best simple method" in str(line) for line in told["summary"])  # type: ignore[union-attr]
    listed = ready.shop.models().as_json()["versions"]
    assert str(path) in str(listed)
    shown = run_here(monkeypatch, capsys, "models", "show", "-w", str(ready.shop.folder))
    assert "model card" in shown.out
    assert "model_card.en.md" in shown.out.replace("\n", "")


def test_the_report_holds_the_model_card(ready: Ready) -> None:
    page = Path(str(ready.answers["report"]["path"])).read_text(encoding="utf-8")
    assert "What it must not be used for" in page


def test_the_same_file_again_adds_nothing(ready: Ready) -> None:
    first, again = ready.answers["ingest"], ready.answers["again"]
    assert first["accepted"] == ready.truth.events.height
    assert again["accepted"] == 0
    assert again["duplicates"] == first["accepted"]


def test_the_blend_is_not_behind_popularity(ready: Ready) -> None:
    advice = ready.answers["evaluate"]["recommendation"]
    assert isinstance(advice, Mapping)
    ours, rivals = advice["metrics"], advice["baselines"]
    assert isinstance(ours, Mapping)
    assert isinstance(rivals, Mapping)
    assert {"popularity_7d", "cooccurrence", "personal_frequency"} <= set(rivals)
    popular = rivals["popularity_7d"]
    assert isinstance(popular, Mapping)
    assert ours["ndcg@10"] > popular["ndcg@10"]  # type: ignore[operator]


def test_tasks_are_judged_beside_baselines(ready: Ready) -> None:
    tasks = ready.answers["evaluate"]["tasks"]
    assert isinstance(tasks, Mapping)
    assert {"purchase_7d", "purchase_30d", "churn_90d", "value_90d"} <= set(tasks)
    for task in tasks.values():
        assert isinstance(task, Mapping)
        assert {"metrics", "baselines", "n", "base_rate"} <= set(task)
        assert task["baselines"]


def test_a_profile_knows_what_the_person_loves(ready: Ready) -> None:
    hits = asked = 0
    for subject, love in list(ready.truth.favourite.items())[:40]:
        profile = ready.shop.profile(f"u{subject:04d}").as_json()
        assert profile["user_id"] == f"u{subject:04d}"
        names = [str(tag["name"]) for tag in profile["tags"] if tag["kind"] == "category"]  # type: ignore[index, union-attr, call-overload]
        if names:
            asked += 1
            hits += love in " ".join(names[:2])
    assert asked > 20
    assert hits / asked > 0.7


def test_the_command_line_answers_like_python(
    ready: Ready, answered: Callable[..., dict[str, Any]]
) -> None:
    document = answered("profile", "u0003")
    assert document["facts"] == json.loads(json.dumps(ready.shop.profile("u0003").facts))
    document = answered("recommend", "u0003", "-k", "5")
    assert document["items"] == ready.shop.recommend("u0003", k=5).as_json()["items"]
    items = document["items"]
    assert isinstance(items, list)
    assert len(items) == 5
    for item in items:
        assert isinstance(item, Mapping)
        assert {"item_id", "score", "source", "reason"} <= set(item)


def test_somebody_unknown_gets_a_labelled_fallback(answered: Callable[..., dict[str, Any]]) -> None:
    document = answered("recommend", "nobody")
    assert document["fallback"] == "popular"
    assert document["items"]
    profile, known = answered("profile", "nobody"), answered("profile", "u0003")
    assert profile["data_sufficiency"] == "not_enough_data"
    assert profile["fallback"] == "base_rates"
    for part in ("facts", "predictions"):
        assert set(profile[part]) == set(known[part])
    for prediction in profile["predictions"].values():
        assert prediction["base_rate"] is not None
        assert "base rate" in prediction["reason"]


def test_leavers_get_higher_churn_than_stayers(ready: Ready) -> None:
    late = START_AT + 330 * DAY
    table = ready.shop.predict("churn_90d", out=ready.shop.folder / "churn.csv")
    scores = pl.read_csv(table.path)
    left = {f"u{s:04d}" for s, at in ready.truth.leaves_at.items() if at > late}
    gone = scores.filter(pl.col("user_id").is_in(left))["probability"].mean()
    stay = scores.filter(~pl.col("user_id").is_in([f"u{s:04d}" for s in ready.truth.leaves_at]))[
        "probability"
    ].mean()
    assert gone > stay  # type: ignore[operator]


def test_everyones_offers_and_scores_are_written_under_the_shops_own_ids(ready: Ready) -> None:
    offers = ready.shop.recommend_all(k=3, out=ready.shop.folder / "offers.parquet")
    table = pl.read_parquet(offers.path)
    assert table["user_id"].n_unique() == offers.persons == 150
    assert table["user_id"].str.contains(r"^u\d{4}$").all()
    assert offers.as_json()["as_of"] == ready.answers["refresh"]["as_of"]
    with pytest.raises(Refused, match=r"'offers.txt' ends in '.txt'"):
        ready.shop.recommend_all(out="offers.txt")


def test_similar_and_popular_name_items(ready: Ready) -> None:
    popular = ready.shop.popular(k=3).as_json()
    assert popular["items"]
    assert popular["as_of"] == ready.answers["refresh"]["as_of"]
    similar = ready.shop.similar("P000", k=3).as_json()["items"]
    assert len(similar) == 3  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match="knows no item 'P00'"):
        ready.shop.similar("P00")


def test_what_was_counted_for_a_moment_is_kept(
    ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []

    def recounted(version: Version, log: EventLog, *, as_of: int, progress: Progress) -> Blend:
        counted.append(as_of)
        return version.blend

    monkeypatch.setattr("habitue.refreshing.recounted", recounted)
    shop = Workspace(ready.shop.folder, settings=QUICK)
    moment = format_time(START_AT + 400 * DAY)
    for user in ("u0003", "nobody", "u0004"):
        shop.recommend(user, as_of=moment)
    assert counted == [START_AT + 400 * DAY]
    # The refresh has counted for its own moment.
    shop.popular()
    assert len(counted) == 1


def test_the_report_is_one_offline_page(ready: Ready) -> None:
    page = Path(str(ready.answers["report"]["path"])).read_text(encoding="utf-8")
    assert 'src="http' not in page
    assert "u00" in page
    assert "Offers come from" in page
    assert "What they will do next" in page
    assert "Everyone in the group “champion”." in page
    assert "&amp;#" not in page


def test_a_moment_before_the_model_is_refused_with_the_next_command(ready: Ready) -> None:
    with pytest.raises(NotReady, match=r"would know the future.*habitue train --as-of"):
        ready.shop.profile("u0003", as_of="2024-02-01")
    with pytest.raises(UnknownName, match=r"no task 'churn_9d'\. Did you mean 'churn_90d'"):
        ready.shop.predict("churn_9d")


def test_no_column_of_the_profiles_is_free_for_the_name_of_a_task(ready: Ready) -> None:
    refresh = ready.shop.last_refresh()
    assert refresh is not None
    version = Version.open(ready.shop.folder / "models" / refresh.model_version)
    tasks = {task for name in version.task_names for task in (name, f"{name}{EXPECTED_SUFFIX}")}
    assert set(refresh.table.columns) - tasks == PROFILE_COLUMNS


def test_a_moment_may_be_a_time_or_a_text(ready: Ready) -> None:
    end = ready.shop.log.end_at
    day = date.fromisoformat(format_time(end + DAY)[:10])
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    asked = [ready.shop.profile("u0003", as_of=one) for one in (day, midnight, day.isoformat())]
    assert asked[0].as_json() == asked[1].as_json() == asked[2].as_json()


def test_a_moment_after_the_log_is_answered_with_a_warning(ready: Ready) -> None:
    late = format_time(ready.shop.log.end_at + 20 * DAY)
    with pytest.warns(HabitueWarning, match="Nothing is known of the 20 days"):
        assert ready.shop.recommend("u0003", as_of=late).as_json()["as_of"] == late
    code, document, err = run(ready.shop, "profile", "u0003", "--as-of", late)
    assert (code, document["as_of"]) == (0, late)
    assert err.startswith("Note: The log ends on ")
    with pytest.raises(NotEnoughData, match="no events after"):
        ready.shop.evaluate(as_of=late)


def test_popular_says_what_it_counts(ready: Ready) -> None:
    document = ready.shop.popular(k=3).as_json()
    assert (document["window_days"], document["event_types"]) == (7.0, ["purchase"])


def test_appended_future_events_change_nothing(tmp_path: Path) -> None:
    """Learnt and asked as of one moment, a log and the same log with a future answer alike."""
    truth = make_shop(num_persons=100, days=DAYS)
    past = replace(truth, events=truth.events.filter(pl.col("timestamp") < CUT))
    answers = []
    for name, shop_truth in (("past", past), ("whole", truth)):
        raw = write_csv(shop_truth, tmp_path / f"{name}.csv")
        shop = Workspace(tmp_path / name, settings=QUICK)
        shop.init([raw])
        shop.ingest(raw)
        moment = format_time(CUT)
        shop.train(as_of=moment)
        shop.refresh(as_of=moment)
        scores = shop.predict("purchase_30d", as_of=moment, out=tmp_path / f"{name}.out.csv")
        answers.append(
            (
                [shop.profile(f"u{n:04d}", as_of=moment).as_json() for n in range(0, 40, 5)],
                [shop.recommend(f"u{n:04d}", as_of=moment).as_json() for n in range(0, 40, 5)],
                scores.path.read_text(),
                shop.popular(as_of=moment).as_json(),
            )
        )
        weights = list((shop.folder / "models" / "0001" / "network").glob("*.safetensors"))
        answers[-1] = (*answers[-1][:4], weights[0].name)  # type: ignore[assignment]
    assert answers[0] == answers[1]


def test_an_empty_workspace_says_how_to_begin(tmp_path: Path) -> None:
    shop = Workspace(tmp_path / "none")
    for verb in (
        shop.train, shop.evaluate, shop.refresh, shop.report, shop.churn_alerts, shop.popular
    ):  # fmt: skip
        with pytest.raises(NotReady, match="habitue init"):
            verb()
    code, document, _ = run(shop, "profile", "u1")
    assert code == 2
    error = document["error"]
    assert isinstance(error, Mapping)
    assert set(error) == {"code", "message", "fix"}
    assert "habitue init" in str(error["fix"])


def test_a_typo_in_a_setting_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "habitue.toml").write_text("[training]\nepoch = 3\n")
    with pytest.raises(SettingsError, match=r"'training.epoch'.*Did you mean 'epochs'"):
        Workspace(tmp_path).settings()


def test_too_little_data_is_one_clear_sentence(tmp_path: Path) -> None:
    raw = tmp_path / "log.csv"
    raw.write_text(
        "user_id,item_id,event_type,timestamp\n"
        "a,1,view,2024-01-01T10:00:00Z\n"
        "b,2,view,2024-01-02T10:00:00Z\n"
    )
    shop = Workspace(tmp_path / "ws")
    shop.init([raw])
    shop.ingest(raw)
    with pytest.raises(Refused) as caught:
        shop.train()
    assert caught.value.code == "not_enough_data"
    assert shop.models().as_json() == {"versions": []}


def test_a_model_of_an_older_moment_does_not_answer_for_today(ready: Ready) -> None:
    now = ready.shop.model().card.version
    older = ready.shop.train(as_of="2024-09-01", epochs=1)
    assert not older.published
    assert older.why_not.startswith("Not published: it learned until 2024-09-01T00:00:00Z")
    assert older.as_json()["notes"][0] == older.why_not  # type: ignore[index]
    assert ready.shop.profile("u0003").model_version == now
    asked = ready.shop.profile("u0003", as_of="2024-09-15")
    assert asked.model_version == older.card.version


def test_rollback_lets_the_earlier_version_answer(ready: Ready) -> None:
    first = ready.shop.model().card.version
    second = ready.shop.train(epochs=1, architecture="gru").card.version
    assert ready.shop.profile("u0003").model_version == second
    ready.shop.rollback()
    assert ready.shop.profile("u0003").model_version == first
