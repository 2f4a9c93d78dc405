from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from habitue.profiles.fusion import Fusion, fusion_of
from habitue.profiles.prediction_reasons import explain_predictions
from habitue.profiles.predictions import fit_task
from habitue.profiles.samples import FEATURE_COLUMNS, Awaited, TaskRows
from habitue.profiles.task_model import TaskModel, load_task_model
from habitue.schema import DAY, Task
from tests.profiles.test_predictions import known

Floats = npt.NDArray[np.floating]

BUYS = Task("buys", "event", horizon_days=30, active_days=9999)
STAYS_AWAY = Task("stays_away", "no_event", horizon_days=30, active_days=9999)
SPENDS = Task("spends", "sum", horizon_days=30, active_days=9999)
UNTIL = 330 * DAY
CUTS = np.array([150, 200, 250, 300])
PERSONS = 700
WAVES = ("days_since_event", "spend_90d")


def history(task: Task, *, is_even: bool, seed: int = 0) -> tuple[TaskRows, Awaited]:
    """A shop of one hazard a person; `is_even`: a smooth function of two columns together.

    Else one of steps, which trees find and a line or a small smooth network does not.
    """
    rng = np.random.default_rng(seed)
    num = PERSONS * len(CUTS)
    features = np.full((num, len(FEATURE_COLUMNS)), np.nan, np.float32)
    features[:, FEATURE_COLUMNS.index("events")] = rng.integers(5, 50, num)
    drawn = rng.normal(size=(num, len(WAVES)))
    for place, name in enumerate(WAVES):
        features[:, FEATURE_COLUMNS.index(name)] = np.exp(drawn[:, place]) * 10
    if is_even:
        strength = np.tanh(2 * drawn[:, 0] * drawn[:, 1]) * 2
    else:
        strength = 2.5 * np.sign(np.sin(9 * drawn[:, 0]))
    wait = rng.exponential(1 / (0.02 * np.exp(strength)))
    cuts = np.repeat(CUTS, PERSONS) * DAY
    came = wait < 30
    labels = came.astype(float)
    if task.kind == "no_event":
        labels = 1 - labels
    if task.kind == "sum":
        labels = np.where(came, rng.lognormal(3, 0.5, num), 0.0)
    persons = np.tile(np.arange(PERSONS), len(CUTS))
    rows = TaskRows(persons, cuts, features, None, labels)
    return rows, Awaited(TaskRows(persons, cuts, features, None, wait), UNTIL)


def share_of(model: TaskModel) -> float:
    assert model.chance is not None
    return model.chance.head_share


def test_a_head_that_wins_on_later_windows_is_taken_and_the_choice_is_told() -> None:
    rows, awaited = history(BUYS, is_even=True)
    model = fit_task(BUYS, rows, awaited=awaited)
    losses = model.validation
    assert share_of(model) > 0
    assert losses["head_gain_low"] > 0
    best = min(losses["loss_joint"], losses["loss_fused"])
    assert best < losses["loss_features"]
    assert model.notes[-1].startswith(f"{fusion_of(share_of(model))}")
    assert f"features {losses['loss_features']:.4f}" in model.notes[-1]


def test_a_head_that_loses_is_left_out_and_its_loss_is_told() -> None:
    rows, awaited = history(BUYS, is_even=False)
    model = fit_task(BUYS, rows, awaited=awaited)
    assert share_of(model) == 0
    assert model.chance is not None
    assert model.chance.head is None
    assert model.validation["loss_joint"] > model.validation["loss_features"]
    assert model.notes[-1].startswith("features of the head's choices, by loss:")


@pytest.mark.parametrize("fusion", ["joint", "fused"])
@pytest.mark.parametrize("task", [BUYS, STAYS_AWAY, SPENDS], ids=lambda task: task.kind)
def test_a_model_with_a_head_is_saved_bit_by_bit_and_says_why(
    task: Task, fusion: Fusion, tmp_path: Path
) -> None:
    rows, awaited = history(task, is_even=True)
    asked = None if task.kind == "sum" else awaited
    model = fit_task(task, rows, awaited=asked, fusion=fusion)
    assert fusion_of(share_of(model)) == fusion
    model.save(tmp_path / "model.json")
    loaded = load_task_model(tmp_path / "model.json")
    assert loaded == model
    for told, again in zip(
        model.score_matrix(rows.features, None),
        loaded.score_matrix(rows.features, None),
        strict=True,
    ):
        assert (told == again).all()
    assert explain_predictions(loaded, known(2))[0]


def test_amounts_told_with_a_head_still_add_up() -> None:
    rows, _ = history(SPENDS, is_even=True)
    model = fit_task(SPENDS, rows, fusion="joint")
    expected, _ = model.score_matrix(rows.features, None)
    assert expected.sum() == pytest.approx(rows.labels.sum(), rel=0.01)


def test_an_absence_is_the_opposite_of_the_event() -> None:
    rows, awaited = history(STAYS_AWAY, is_even=True)
    model = fit_task(STAYS_AWAY, rows, awaited=awaited, fusion="joint")
    _, said = model.score_matrix(rows.features, None)
    assert said[rows.labels == 1].mean() > said[rows.labels == 0].mean() + 0.1


@pytest.mark.parametrize(
    ("task", "why"),
    [
        (Task("t", "event", horizon_days=0.5, active_days=9999), "the head's first bin is a day"),
        (Task("t", "event", horizon_days=181, active_days=9999), "the head reaches 180 days"),
        (
            Task("t", "no_event", horizon_days=30, active_days=9999, rhythm=2.0),
            "everybody is asked for days of their own",
        ),
    ],
)
def test_beyond_its_bins_the_features_answer_alone(task: Task, why: str) -> None:
    rows, awaited = history(task, is_even=True)
    model = fit_task(task, rows, awaited=Awaited(awaited.rows, UNTIL), fusion="joint")
    assert share_of(model) == 0
    assert model.notes[-1] == f"features alone: {why}"


def test_a_window_is_judged_by_a_head_that_saw_nothing_from_its_beginning_on() -> None:
    rows, awaited = history(BUYS, is_even=True)
    first = fit_task(BUYS, rows, awaited=awaited).validation["loss_joint"]
    # From the last cut on everything turns around; heads of earlier windows must not notice.
    waits = awaited.rows.labels.copy()
    ahead = waits + awaited.rows.cuts / DAY >= 300
    waits[ahead] = np.inf
    changed = Awaited(
        TaskRows(rows.subject_ids, rows.cuts, rows.features, None, waits), awaited.until
    )
    assert fit_task(BUYS, rows, awaited=changed).validation["loss_joint"] == first
