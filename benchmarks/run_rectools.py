"""Runs RecTools' SASRec for train_speed.py and score_speed.py, in an interpreter that has it."""

import json
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pytorch_lightning as lightning
import torch
from plain_data import read_persons
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import SASRecModel
from step_clock import Enough, StepClock, peak_mb, runner_options

TOP = 20
Batch = Mapping[str, torch.Tensor]


class _Timed(lightning.Callback):  # type: ignore[misc]
    """Counts the targets of each step."""

    def __init__(self, clock: StepClock) -> None:
        self.clock = clock

    def __deepcopy__(self, memo: object) -> "_Timed":
        # RecTools trains a copy of the trainer; the clock must stay the one that is read here.
        return self

    def on_train_batch_end(
        self, trainer: object, module: object, outputs: object, batch: Batch, batch_idx: int
    ) -> None:
        """Take note of a step."""
        self.clock.count(int((batch["y"] != 0).sum()))


def _dataset(path: Path, left_out: int) -> Dataset:
    persons = [person[: len(person) - left_out] for person in read_persons(path)]
    lengths = [len(person) for person in persons]
    places = np.concatenate([np.arange(length) for length in lengths])
    return Dataset.construct(
        pd.DataFrame(
            {
                Columns.User: np.repeat(np.arange(len(persons)), lengths),
                Columns.Item: np.concatenate(persons),
                Columns.Weight: 1.0,
                Columns.Datetime: pd.Timestamp("2020-01-01") + pd.to_timedelta(places, unit="s"),
            }
        )
    )


def _trainer_with(**settings: object) -> Callable[[], lightning.Trainer]:
    def trainer() -> lightning.Trainer:
        return lightning.Trainer(
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            **settings,
        )

    return trainer


def main() -> None:
    """Do the work asked for and print one JSON line."""
    given = runner_options(__doc__).parse_args()
    warnings.simplefilter("ignore")
    clock = StepClock(given.warm_up, given.seconds)
    settings = {"max_epochs": 1000, "callbacks": [_Timed(clock)]}
    if given.work == "score":
        settings = {"max_epochs": 1, "limit_train_batches": 1}
    model = SASRecModel(
        n_factors=64,
        n_blocks=2,
        n_heads=1,
        session_max_len=given.length,
        dropout_rate=0.5,
        loss="softmax" if given.loss == "full" else "sampled_softmax",
        n_negatives=given.negatives,
        batch_size=given.batch,
        get_trainer_func=_trainer_with(**settings),
    )
    dataset = _dataset(given.persons, 1 if given.work == "score" else 2)
    with suppress(Enough):
        model.fit(dataset)
    found = clock.report() if given.work == "train" else _score(model, dataset)
    print(json.dumps(found | {"version": version("rectools")}))


def _score(model: SASRecModel, dataset: Dataset) -> dict[str, float]:
    users = dataset.user_id_map.external_ids
    began = time.perf_counter()
    model.recommend(users, dataset, k=TOP, filter_viewed=False)
    seconds = time.perf_counter() - began
    return {
        "persons": len(users),
        "seconds": round(seconds, 3),
        "persons_per_second": round(len(users) / seconds),
        "peak_mb": peak_mb(),
    }


if __name__ == "__main__":
    main()
