import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from habitue import attempts
from habitue.attempts import Attempt, state_folder
from habitue.comparing import COMPARISON_FILE, Comparison, choose, compare_architectures
from habitue.compute import Silent
from habitue.config import ModelSettings, Settings
from habitue.errors import Refused, UnknownName
from habitue.model.fit import TrainedNetwork
from habitue.model.train import train_network
from habitue.preparing import Prepared, prepare
from habitue.sequences.sequences import Sequences
from habitue.sequences.vocabulary import Vocabulary
from habitue.training import train_version
from habitue.versions import Card
from habitue.workspace import Workspace
from tests.bad_inputs.running import run_here
from tests.shop import MemoryLog, make_shop, write_csv

PERSONS = 200


def attempt(name: str, ndcg: Sequence[float], *, seconds: float = 1.0) -> Attempt:
    return Attempt(
        name=name, ndcg_each=list(ndcg), recall_each=list(ndcg), epochs=1, best_epoch=1,
        events=100, seconds=seconds, parameters=10, is_cut_short=False,
    )  # fmt: skip


def noise(seed: int, mean: float = 0.5) -> list[float]:
    drawn = np.random.default_rng(seed).standard_normal(PERSONS)
    return list(mean + 0.1 * (drawn - drawn.mean()))


def test_of_two_alike_the_cheaper_one_is_chosen() -> None:
    dear, cheap = attempt("dear", noise(0), seconds=9), attempt("cheap", noise(0), seconds=3)
    found = choose([dear, cheap])
    assert found.chosen == found.best == "cheap"
    assert found.reason == "cheap ranks best (NDCG@10 0.5000) and is the cheapest (3 s an epoch)."


def test_a_cheaper_one_that_is_not_clearly_worse_is_chosen_and_that_is_said() -> None:
    best = attempt("best", noise(0), seconds=9)
    shift = np.linspace(-0.2, 0.199, PERSONS)
    cheap = attempt("cheap", list(np.asarray(best.ndcg_each) + shift), seconds=3)
    found = choose([best, cheap])
    assert (found.best, found.chosen) == ("best", "cheap")
    assert found.reason.startswith(
        "best ranks best (NDCG@10 0.5000), but cheap is not clearly worse (difference -0.0005, 95 %"
    )
    assert found.reason.endswith("cheaper (3 s an epoch instead of 9), so cheap is chosen.")


def test_what_is_worse_for_nearly_everybody_is_not_chosen_however_cheap() -> None:
    best = attempt("best", noise(0), seconds=9)
    worse = attempt("worse", [value - 0.01 for value in best.ndcg_each], seconds=1)
    found = choose([worse, best])
    assert found.chosen == "best"
    assert found.reason.endswith("and whatever is cheaper is clearly worse.")
    assert found.differences["worse"].high < 0


def test_the_interval_is_of_pairs_and_not_of_two_groups() -> None:
    # Persons differ by far more than the networks do: unpaired, nothing could be told.
    best = attempt("best", list(np.linspace(0, 1, PERSONS)))
    worse = attempt("worse", list(np.linspace(0, 1, PERSONS) - 0.002), seconds=0.1)
    assert choose([best, worse]).chosen == "best"


def test_a_few_persons_tell_nothing_and_the_cheapest_is_chosen() -> None:
    few = [attempt("dear", [1.0, 1.0], seconds=2), attempt("cheap", [0.0, 0.0])]
    found = choose(few)
    assert found.chosen == "cheap"
    assert found.reason.startswith("2 persons to ask are too few to tell one from another")


SETTINGS = Settings.model_validate(
    {
        "model": {"size": "tiny"},
        "training": {"epochs": 2, "patience": 2},
        "compare": {"architectures": ["gru", "cnn"]},
    }
)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("prepared")
    log = MemoryLog(make_shop(num_persons=30, days=200))
    return prepare(
        log, SETTINGS, as_of=None, folder=folder / "sequences", store=folder, progress=Silent()
    )


def compared(prepared: Prepared, folder: Path, settings: Settings = SETTINGS) -> Comparison:
    return compare_architectures(prepared, settings, folder=folder, progress=Silent())


@pytest.fixture(scope="module")
def done(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> tuple[Comparison, Path]:
    """A comparison, and the folder that keeps it."""
    folder = tmp_path_factory.mktemp("done")
    return compared(prepared, folder), folder


def within(minutes: float, *, epochs: int = 2) -> Settings:
    training = SETTINGS.training.model_copy(update={"epochs": epochs})
    compare = SETTINGS.compare.model_copy(update={"minutes": minutes})
    return SETTINGS.model_copy(update={"training": training, "compare": compare})


def test_every_architecture_is_judged_on_the_same_persons(
    done: tuple[Comparison, Path],
) -> None:
    found, folder = done
    document = found.as_json()
    table: Any = document["table"]
    assert [row["architecture"] for row in table] == ["gru", "cnn"]
    assert [row["epochs"] for row in table] == [2, 2]
    assert not any(row["out_of_time"] for row in table)
    assert sum(row["chosen"] for row in table) == 1
    assert {len(one) for one in scores(folder)} == {document["persons"]}
    chosen = next(row for row in table if row["chosen"])
    # What the attempt keeps of each person is what its training saw on the whole.
    curve = state_folder(folder, chosen["architecture"]) / "training.jsonl"
    seen = [json.loads(line)["valid_ndcg@10"] for line in curve.read_text().splitlines()]
    assert chosen["ndcg@10"] == pytest.approx(max(seen))


def scores(folder: Path) -> list[list[float]]:
    return [json.loads(path.read_text())["ndcg_each"] for path in folder.glob("*.json")]


def test_out_of_time_a_training_ends_after_its_epoch_and_is_marked(
    prepared: Prepared, tmp_path: Path
) -> None:
    table: Any = compared(prepared, tmp_path, within(1e-6)).as_json()["table"]
    assert [(row["epochs"], row["out_of_time"]) for row in table] == [(1, True), (1, True)]


def test_what_was_compared_before_a_kill_is_not_trained_again(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(attempts, "train_network", stopping_at("cnn"))
        with pytest.raises(KeyboardInterrupt):
            compared(prepared, tmp_path)
    with monkeypatch.context() as broken:
        broken.setattr(attempts, "train_network", stopping_at("gru"))
        assert len(compared(prepared, tmp_path).attempts) == 2
        # Other settings are another comparison.
        with pytest.raises(KeyboardInterrupt):
            compared(prepared, tmp_path, within(30, epochs=1))


def stopping_at(architecture: str) -> Callable[..., TrainedNetwork]:

    def train_or_stop(
        sequences: Sequences, vocabulary: Vocabulary, *, model: ModelSettings, **others: object
    ) -> TrainedNetwork:
        if model.architecture == architecture:
            raise KeyboardInterrupt
        return train_network(sequences, vocabulary, model=model, **others)  # type: ignore[arg-type]

    return train_or_stop


def test_a_damaged_attempt_is_made_again(
    prepared: Prepared, done: tuple[Comparison, Path], tmp_path: Path
) -> None:
    first, folder = done
    shutil.copytree(folder, tmp_path / "damaged")
    path = tmp_path / "damaged" / "gru.json"
    path.write_text(path.read_text().replace('"epochs": 2', '"epochs": 9'))
    again = compared(prepared, tmp_path / "damaged")
    assert again.attempts[0].epochs == 2
    assert again.attempts[0].ndcg_each == first.attempts[0].ndcg_each


@pytest.mark.slow
def test_auto_ends_with_the_network_that_training_the_chosen_one_gives(tmp_path: Path) -> None:
    log = MemoryLog(make_shop(num_persons=150, days=120))
    # Out of time after an epoch: the version's training goes on from there.
    card = train(log, within(1e-6), tmp_path / "auto", compare_in=tmp_path / "comparison")
    assert card.notes[0].startswith("Architectures compared within 1e-06 minutes by NDCG@10 on ")
    document = json.loads((tmp_path / "auto" / COMPARISON_FILE).read_text())
    assert document["chosen"] == card.architecture
    assert "Went on from epoch 2 of a training broken off." in card.notes
    model = SETTINGS.model.model_copy(update={"architecture": card.architecture})
    plain = within(1e-6).model_copy(update={"model": model})
    train(log, plain, tmp_path / "plain")
    assert weights(tmp_path / "auto") == weights(tmp_path / "plain")


def train(log: MemoryLog, settings: Settings, folder: Path, compare_in: Path | None = None) -> Card:
    folder.mkdir()
    return train_version(
        log, settings, name="0001", folder=folder, unfinished=folder / "unfinished", as_of=None,
        fingerprint="f", store=folder / "store", progress=Silent(), compare_in=compare_in,
    )  # fmt: skip


def weights(folder: Path) -> str:
    return str(json.loads((folder / "network" / "network.json").read_text())["sha256"])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    raw = write_csv(make_shop(num_persons=30, days=200), folder / "log.csv")
    shop = Workspace(folder / "ws")
    shop.init([raw])
    with (shop.folder / "habitue.toml").open("a") as settings:
        settings.write('\n[model]\nsize = "tiny"\n\n[training]\nepochs = 1\n')
    shop.ingest(raw)
    return folder / "ws"


def test_compare_answers_with_a_table_and_the_line_that_trains_the_chosen(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("compare", "--architectures", "gru,lstm", "--minutes", "1", "--seed", "3")
    done = run_here(monkeypatch, capsys, *words, "-w", str(shop), "--json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert set(document) == {
        "table", "chosen", "reason", "persons", "minutes", "trained_until", "next",
    }  # fmt: skip
    assert set(document["table"][0]) == {
        "architecture", "ndcg@10", "recall@10", "difference", "epochs", "best_epoch", "seconds",
        "seconds_per_epoch", "events_per_second", "parameters", "out_of_time", "chosen",
    }  # fmt: skip
    assert document["next"] == (
        f"habitue train -w {shop} --architecture {document['chosen']} --seed 3"
    )
    assert not (shop / "models").exists()
    # The same again is there at once, and as a table.
    told = run_here(monkeypatch, capsys, *words, "-w", str(shop))
    assert f"{document['chosen']} ✓" in told.out
    assert document["next"] in told.out


def test_training_what_was_chosen_goes_on_where_the_comparison_was(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(shop)
    chosen = workspace.compare(architectures=["gru", "cnn"]).comparison.choice.chosen
    other = "gru" if chosen == "cnn" else "cnn"
    gone_on_from: dict[str, Path] = {}

    def stop(*_: object, settings: Settings, unfinished: Path) -> None:
        gone_on_from[settings.model.architecture] = unfinished
        raise KeyboardInterrupt

    monkeypatch.setattr(
        "habitue.training.train_version",
        lambda log, settings, unfinished, **_: stop(settings=settings, unfinished=unfinished),
    )
    for architecture in (chosen, other):
        with pytest.raises(KeyboardInterrupt):
            workspace.train(architecture=architecture)
    assert gone_on_from == {
        chosen: state_folder(shop / "comparison", chosen),
        other: shop / "models" / ".training",
    }
    assert (gone_on_from[chosen] / "progress.json").is_file()


def test_an_architecture_nobody_knows_is_refused_with_the_nearest(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with pytest.raises(
        UnknownName,
        match=r"There is no architecture 'transfomer'. Did you mean 'transformer'. Architectures: "
        r"transformer, sasrec, gru, lstm, cnn.",
    ) as caught:
        workspace.compare(architectures="gru, transfomer")
    assert caught.value.code == "unknown_architecture"
    with pytest.raises(UnknownName, match=r"'atuo'. Did you mean 'auto'.*cnn, auto"):
        workspace.train(architecture="atuo")
    with pytest.raises(UnknownName, match="There is no architecture ''"):
        workspace.compare(architectures="")


def test_minutes_without_a_comparison_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"Leave --minutes out, or pass --architecture auto."):
        Workspace(tmp_path).train(architecture="gru", minutes=3)


def test_no_time_at_all_is_refused(shop: Path) -> None:
    with pytest.raises(Refused, match=r"'compare.minutes' is 0; expected a number greater than 0"):
        Workspace(shop).compare(minutes=0)


def test_what_ran_out_of_time_is_told_below_the_table(
    done: tuple[Comparison, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    from habitue.cli.views import show

    found, _ = done
    cut = replace(found, attempts=[replace(one, is_cut_short=True) for one in found.attempts])
    show("compare", cut.as_json())
    assert "2 *" in (told := capsys.readouterr().out)
    assert "* its share of the time was over; it counts with its best epoch so far." in told
