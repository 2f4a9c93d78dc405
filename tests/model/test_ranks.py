"""Several processes learn what one would: shares add up, and so do whole trainings."""

import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from habitue.compute import Silent
from habitue.config import ModelSettings, TrainingSettings
from habitue.errors import Refused
from habitue.model.fit import Run
from habitue.model.following import Following, following_events
from habitue.model.helping import Work
from habitue.model.objectives import behaviour_loss
from habitue.model.ranks import Ranks, joined
from habitue.model.train import _new_network
from habitue.sequences.batches import Batch, Windows, epoch_windows, training_span
from tests.model import rank_process
from tests.model.conftest import Lab
from tests.model.test_optimising import Nobody

STILL = ModelSettings(size="tiny", max_length=20, dropout=0)
PLAIN = TrainingSettings(hidden_items=0, negatives=8)


def new_run(lab: Lab, training: TrainingSettings) -> Run:
    torch.manual_seed(0)
    span = training_span(
        lab.few, num_items=lab.vocabulary.num_items, valid_from=lab.valid_from,
        max_person_events=1000,
    )  # fmt: skip
    network = _new_network(lab.few, lab.vocabulary, span, STILL)
    run = Run(network, lab.few, span, Nobody(), training, Silent())
    run.model.train()
    return run


def batch_of(run: Run, windows: Windows) -> tuple[Batch, Following]:
    rng = np.random.default_rng(0)
    batch = run._batch(windows, rng)
    return batch, following_events(run.sequences, run.span, batch, rng, run.training)


def some_windows(run: Run, count: int) -> Windows:
    windows = epoch_windows(run.span, max_length=20, rng=np.random.default_rng(0))
    return Windows(windows.starts[:count], windows.lengths[:count])


def gradients(run: Run, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    run.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    named = run.model.named_parameters()
    return {name: weight.grad.clone() for name, weight in named if weight.grad is not None}


def of_all(
    run: Run, batch: Batch, following: Following, count: int
) -> tuple[float, dict[str, torch.Tensor]]:
    total, summed = 0.0, dict[str, torch.Tensor]()
    for rank in range(count):
        loss = Ranks(rank, count).loss(
            run.model, batch, following, run.rivals, run.training, place=(1, 0)
        )
        total += float(loss.detach())
        for name, gradient in gradients(run, loss).items():
            summed[name] = summed.get(name, torch.zeros_like(gradient)) + gradient
    return total, summed


def check_same(
    found: tuple[float, dict[str, torch.Tensor]], other: tuple[float, dict[str, torch.Tensor]]
) -> None:
    assert found[0] == pytest.approx(other[0], rel=1e-5)
    assert found[1].keys() == other[1].keys()
    for name, gradient in found[1].items():
        torch.testing.assert_close(gradient, other[1][name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"loss": "full", "label_smoothing": 0.1},
        {"samples": "prefix", "label_smoothing": 0.1},
        {"rivals": "in_batch", "next_visit": 0},
        {"dense_weight": 0.3, "label_smoothing": 0.1},
        {"category_weight": 0, "event_type_weight": 0},
    ],
    ids=lambda change: "-".join(change) or "defaults",
)
def test_the_shares_of_a_batch_add_up_to_it(
    lab: Lab, change: dict[str, float | str], count: int
) -> None:
    run = new_run(lab, TrainingSettings.model_validate(PLAIN.model_dump() | change))
    batch, following = batch_of(run, some_windows(run, 23))
    alone = of_all(run, batch, following, 1)
    check_same(of_all(run, batch, following, count), alone)
    if run.training.loss == "full":
        loss = behaviour_loss(run.model, batch, following, run.rivals, run.training)
        check_same(alone, (float(loss.detach()), gradients(run, loss)))


@pytest.mark.parametrize("windows", [1, 2])
def test_a_rank_without_windows_or_wanted_items_adds_nothing(lab: Lab, windows: int) -> None:
    run = new_run(lab, PLAIN.model_copy(update={"label_smoothing": 0.1}))
    batch, following = batch_of(run, some_windows(run, windows))
    items_BQ = following.items_BQ.clone()
    items_BQ[1:] = 0  # the second window is only asked what kind of event follows
    following = replace(following, items_BQ=items_BQ)
    alone = of_all(run, batch, following, 1)
    check_same(of_all(run, batch, following, 3), alone)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_events_are_dealt_evenly(count: int) -> None:
    lengths = np.random.default_rng(0).integers(1, 50, 38)
    rows = [Ranks(rank, count).rows(lengths) for rank in range(count)]
    assert sorted(np.concatenate(rows)) == list(range(38))
    events = [int(lengths[part].sum()) for part in rows]
    assert max(events) - min(events) <= lengths.max()
    assert max(map(len, rows)) - min(map(len, rows)) <= 1


def test_rivals_are_the_same_on_all_ranks_and_masks_are_not(lab: Lab) -> None:
    run = new_run(lab, PLAIN)
    batch, following = batch_of(run, some_windows(run, 6))
    drawn = []
    draw = run.rivals.draw

    def remember(wanted_N: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        drawn.append(draw(wanted_N))
        return drawn[-1]

    run.rivals.draw = remember  # type: ignore[method-assign]
    after = []
    for rank, place in ((0, (1, 0)), (1, (1, 0)), (0, (1, 1))):
        Ranks(rank, 2).loss(run.model, batch, following, run.rivals, PLAIN, place=place)
        after.append(torch.rand(1))
    assert torch.equal(drawn[0][0], drawn[1][0])
    assert not torch.equal(drawn[0][0], drawn[2][0])
    assert len(set(map(float, after))) == 3


def test_work_travels_as_it_is(tmp_path: Path) -> None:
    work = Work(
        sequences=tmp_path / "购买", vocabulary=tmp_path / "v", checkpoint=tmp_path / "c",
        model=STILL, training=PLAIN, valid_from=3, as_of=1 << 60,
    )  # fmt: skip
    assert Work.from_json(work.as_json()) == work


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"batch_events": 0}, r"to be found \(0\), and each process would find another"),
        (
            {"coles_weight": 0.1},
            r"coles_weight is 0\.1: that objective compares persons of a batch",
        ),
    ],
)
def test_what_one_process_alone_can_do_is_refused(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, float], told: str
) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    training = TrainingSettings.model_validate(change)
    with pytest.raises(Refused, match=told), joined(training):
        pass


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port


def processes(folder: Path, work: str, count: int) -> list[subprocess.CompletedProcess[str]]:
    """Run `rank_process` so often at a time, as torchrun does."""
    shared = {
        "TORCHELASTIC_RUN_ID": "1", "WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()), "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    command = [sys.executable, "-m", "tests.model.rank_process", work, str(folder)]
    started = [
        subprocess.Popen(
            command,
            env=os.environ | shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for rank in range(count)
    ]  # fmt: skip
    done = []
    for one in started:
        out, told = one.communicate(timeout=300)
        done.append(subprocess.CompletedProcess(command, one.returncode, out, told))
    return done


@pytest.mark.slow
@pytest.mark.parametrize("work", ["full", "sampled", "accumulate"])
def test_two_processes_train_the_weights_of_one(tmp_path: Path, work: str) -> None:
    done = processes(tmp_path / "two", work, 2)
    assert [one.returncode for one in done] == [0, 0], done
    first, second = (load_file(tmp_path / "two" / f"{rank}.safetensors") for rank in (0, 1))
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    # Rivals of several processes are drawn apart, and so are those of one that torchrun started.
    if work == "full":
        rank_process.train(tmp_path / "one", work)
    else:
        assert [one.returncode for one in processes(tmp_path / "one", work, 1)] == [0]
    alone = load_file(tmp_path / "one" / "0.safetensors")
    # The loss does not depend on this one: what Adam makes of it comes from rounding alone.
    del alone["repeats.answer.bias"]
    for name, value in alone.items():
        torch.testing.assert_close(first[name], value, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_two_processes_go_on_where_they_were_killed(tmp_path: Path) -> None:
    processes(tmp_path / "whole", "dropout", 2)
    assert [one.returncode for one in processes(tmp_path / "broken", "dropout broken", 2)] == [9, 9]
    assert [one.returncode for one in processes(tmp_path / "broken", "dropout", 2)] == [0, 0]
    whole, resumed = (
        load_file(tmp_path / folder / "0.safetensors") for folder in ("whole", "broken")
    )
    assert all(torch.equal(value, resumed[name]) for name, value in whole.items())


@pytest.mark.slow
def test_processes_that_are_not_equally_far_stop(tmp_path: Path) -> None:
    done = processes(tmp_path, "apart", 2)
    assert [one.returncode for one in done] == [1, 1]
    assert all("are not equally far: from [0.0, 7.0] to [0.0, 8.0]" in one.stderr for one in done)
