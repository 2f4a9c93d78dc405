import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from habitue import attempts, tuning
from habitue.attempts import Attempt
from habitue.checksums import write_sealed
from habitue.compute import Silent
from habitue.config import Settings, load_settings
from habitue.errors import Failed, MissingExtra
from habitue.model.fit import Epoch, GoesOn, TrainedNetwork
from habitue.model.train import train_network
from habitue.preparing import Prepared, prepare
from habitue.sequences.sequences import Sequences
from habitue.sequences.vocabulary import Vocabulary
from habitue.tuning import PRESENT, Tuning, tune_settings
from habitue.workspace import Workspace
from tests.bad_inputs.running import run_here
from tests.shop import MemoryLog, make_shop, write_csv

BEST_DROPOUT = 0.3
PERSONS = np.linspace(0, 0.1, 50)


def settings_for(trials: int, *, minutes: float = 60.0, dropout: float = 0.0) -> Settings:
    return Settings.model_validate(
        {
            "model": {"size": "tiny", "dropout": dropout},
            "training": {"epochs": 2},
            "tune": {"trials": trials, "minutes": minutes},
        }
    )


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("prepared")
    return prepare(
        MemoryLog(make_shop(num_persons=30, days=200)),
        settings_for(1),
        as_of=None,
        folder=folder / "sequences",
        store=folder,
        progress=Silent(),
    )


@dataclass
class Made:
    """Stands for training: how good settings are depends on the dropout alone."""

    tried: list[Settings] = field(default_factory=list)
    stops_at: int = 0  # this attempt, counted from 1, is killed
    diverges_at: int = 0

    def __call__(
        self, _: Prepared, settings: Settings, *, name: str, folder: Path, goes_on: GoesOn,
        **others: object,
    ) -> Attempt:  # fmt: skip
        self.tried.append(settings)
        if len(self.tried) == self.stops_at:
            raise KeyboardInterrupt
        if len(self.tried) == self.diverges_at:
            raise Failed("The loss was not finite.", fix="", code="diverged")
        quality = 0.8 - abs(settings.model.usual_dropout - BEST_DROPOUT)
        curve: list[Epoch] = []
        has_more = True
        while has_more and len(curve) < 3:
            curve.append(Epoch(len(curve) + 1, 1, 10, 1.0, quality, quality, 1.0, 0))
            has_more = goes_on(curve)
        scores = [float(quality + one - PERSONS.mean()) for one in PERSONS]
        made = Attempt(
            name=name, ndcg_each=scores, recall_each=scores, epochs=len(curve), best_epoch=1,
            events=10, seconds=1.0, parameters=1, is_cut_short=not has_more,
        )  # fmt: skip
        write_sealed(folder / f"{name}.json", {"key": "k", **asdict(made)})
        return made


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    stand_in = Made()
    monkeypatch.setattr(tuning, "make_attempt", stand_in)
    return stand_in


def tuned(prepared: Prepared, folder: Path, settings: Settings) -> Tuning:
    return tune_settings(prepared, settings, folder=folder, progress=Silent())


@pytest.fixture(scope="module")
def found(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Tuning:
    """A search of fifteen trials with the stand-in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tuning, "make_attempt", Made())
        return tuned(prepared, tmp_path_factory.mktemp("found"), settings_for(15))


def test_the_best_of_all_trials_is_chosen_and_compared_with_the_settings_in_force(
    found: Tuning,
) -> None:
    assert len(found.trials) == 16
    nearest = min(
        (trial for trial in found.trials if not trial.attempt.is_cut_short),
        key=lambda trial: abs(float(trial.values["model", "dropout"]) - BEST_DROPOUT),
    )
    assert found.best.attempt.ndcg == nearest.attempt.ndcg
    assert found.changes["model", "dropout"] == found.best.values["model", "dropout"]
    assert "in force at 0.5000: clearly better (difference +0." in found.reason()


def test_settings_that_nothing_beats_stay(prepared: Prepared, tmp_path: Path, made: Made) -> None:
    found = tuned(prepared, tmp_path, settings_for(5, dropout=BEST_DROPOUT))
    assert found.best is found.trials[0]
    assert found.changes == {}
    assert found.reason() == ("Nothing ranked better than the settings in force (NDCG@10 0.8000).")


def test_what_lags_behind_is_given_up_and_never_chosen(found: Tuning) -> None:
    pruned = [trial for trial in found.trials if trial.attempt.is_cut_short]
    assert pruned
    assert all(trial.attempt.epochs < 3 for trial in pruned)
    assert found.best not in pruned


def test_a_training_that_diverges_is_one_trial_of_many(
    prepared: Prepared, tmp_path: Path, made: Made
) -> None:
    made.diverges_at = 3
    found = tuned(prepared, tmp_path, settings_for(4))
    assert len(made.tried) == 5  # the settings in force and four trials
    assert len(found.trials) == 4


def test_a_killed_search_goes_on_with_the_trial_it_was_at(
    prepared: Prepared, tmp_path: Path, made: Made
) -> None:
    made.stops_at = 4  # the settings in force, and the third trial
    with pytest.raises(KeyboardInterrupt):
        tuned(prepared, tmp_path, settings_for(5))
    killed = made.tried[-1]
    made.tried, made.stops_at = [], 0
    found = tuned(prepared, tmp_path, settings_for(5))
    assert made.tried[1] == killed
    assert len(made.tried) == 4  # the settings in force, and the third to the fifth trial
    assert len(found.trials) == 6
    # All are done, so the same command tries nothing any more; more trials are more.
    made.tried = []
    assert tuned(prepared, tmp_path, settings_for(5)).best.values == found.best.values
    assert len(made.tried) == 1
    assert len(tuned(prepared, tmp_path, settings_for(7)).trials) == 8


def test_settings_written_in_between_do_not_begin_another_search(
    prepared: Prepared, tmp_path: Path, made: Made
) -> None:
    first = tuned(prepared, tmp_path, settings_for(3))
    better = settings_for(3, dropout=float(first.best.values["model", "dropout"]))
    again = tuned(prepared, tmp_path, better)
    assert [trial.values for trial in again.trials[1:]] == [t.values for t in first.trials[1:]]


def test_time_that_is_over_ends_the_search_and_counts_no_half_trial(
    prepared: Prepared, tmp_path: Path, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter([0.0, 0.0, 1e9])  # the beginning, before the first trial, after its first epoch
    with monkeypatch.context() as clock:
        clock.setattr(tuning, "time", SimpleNamespace(monotonic=lambda: next(moments)))
        found = tuned(prepared, tmp_path, settings_for(3))
    assert (len(found.trials), found.is_out_of_time) == (1, True)
    under_way = made.tried[-1]
    made.tried = []
    found = tuned(prepared, tmp_path, settings_for(3))
    assert made.tried[1] == under_way
    assert (len(found.trials), found.is_out_of_time) == (4, False)


def test_a_trial_under_way_goes_on_from_its_last_epoch(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter([0.0, 0.0, 1e9])
    with monkeypatch.context() as clock:
        clock.setattr(tuning, "time", SimpleNamespace(monotonic=lambda: next(moments)))
        assert tuned(prepared, tmp_path, settings_for(1)).is_out_of_time
    gone_on_from = []

    def watched(sequences: Sequences, vocabulary: Vocabulary, **others: object) -> TrainedNetwork:
        trained = train_network(sequences, vocabulary, **others)  # type: ignore[arg-type]
        gone_on_from.append(trained.went_on_from)
        return trained

    monkeypatch.setattr(attempts, "train_network", watched)
    found = tuned(prepared, tmp_path, settings_for(1))
    assert gone_on_from == [2]
    assert [trial.attempt.epochs for trial in found.trials] == [2, 2]
    assert not list((tmp_path / attempts.STATES).glob("*/*.safetensors"))
    assert (tmp_path / f"{PRESENT}.json").is_file()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    raw = write_csv(make_shop(num_persons=30, days=200), tmp_path / "log.csv")
    workspace = Workspace(tmp_path / "ws")
    workspace.init([raw])
    with (workspace.folder / "habitue.toml").open("a") as settings:
        settings.write("\n[model]\ndropout = 0.0  # by hand\n\n[training]\nepochs = 1\n")
    workspace.ingest(raw)
    return workspace.folder


def test_tune_writes_the_best_settings_and_keeps_those_before(
    shop: Path, made: Made, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (shop / "habitue.toml").read_text()
    words = ("tune", "--trials", "8", "--minutes", "5", "-w", str(shop))
    done = run_here(monkeypatch, capsys, *words, "--json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert set(document) == {
        "table", "chosen", "reason", "persons", "trials", "out_of_time", "trained_until", "written",
        "settings", "kept", "next",
    }  # fmt: skip
    assert set(document["table"][0]) == {
        "settings", "in_force", "ndcg@10", "recall@10", "difference", "epochs", "seconds", "pruned",
        "chosen",
    }  # fmt: skip
    assert document["trials"] == 8
    dropout = document["written"]["model.dropout"]
    assert dropout == document["chosen"]["model.dropout"] > 0
    after = (shop / "habitue.toml").read_text()
    assert f"dropout = {dropout}  # by hand\n" in after
    assert Path(document["kept"]).read_text() == before
    assert load_settings(shop).model.dropout == dropout
    # Again: the best is in force now, and nothing is written.
    told = run_here(monkeypatch, capsys, *words)
    assert "Nothing ranked better than the settings in force" in told.out
    assert f"│ now │ small │     {dropout:g} │" in told.out
    assert (shop / "habitue.toml").read_text() == after


def test_without_optuna_the_command_that_installs_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(
        MissingExtra,
        match=r"Searching settings needs packages that are not installed\. Install them with: "
        r'pip install "habitue\[tune\]"',
    ):
        Workspace(tmp_path).tune()
