"""Runs RecBole's SASRec, prefix form, for train_speed.py, in an interpreter that has it."""

import json
import tempfile
from importlib.metadata import version
from pathlib import Path

import torch
from plain_data import read_persons
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.data.interaction import Interaction
from recbole.model.sequential_recommender import SASRec
from recbole.trainer import Trainer
from step_clock import Enough, StepClock, runner_options


def _write_atomic(path: Path, folder: Path) -> None:
    (folder / "persons").mkdir()
    with (folder / "persons" / "persons.inter").open("w") as file:
        file.write("user_id:token\titem_id:token\ttimestamp:float\n")
        for number, person in enumerate(read_persons(path)):
            file.writelines(f"{number}\t{item}\t{at}\n" for at, item in enumerate(person))


def _settings(folder: Path, length: int, batch: int) -> dict[str, object]:
    return {
        "data_path": str(folder),
        "checkpoint_dir": str(folder),
        "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
        "eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full"},
        "train_neg_sample_args": None,
        "loss_type": "CE",
        "MAX_ITEM_LIST_LENGTH": length,
        "train_batch_size": batch,
        "hidden_size": 64,
        "inner_size": 256,
        "n_layers": 2,
        "n_heads": 1,
        "hidden_dropout_prob": 0.5,
        "attn_dropout_prob": 0.5,
        "use_gpu": False,
        "show_progress": False,
        "state": "ERROR",
    }


def main() -> None:
    """Time training steps and print one JSON line."""
    given = runner_options(__doc__).parse_args()
    clock = StepClock(given.warm_up, given.seconds)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_atomic(given.persons, folder)
        settings = _settings(folder, given.length, given.batch)
        config = Config(model="SASRec", dataset="persons", config_dict=settings)
        dataset = create_dataset(config)
        batches, _, _ = data_preparation(config, dataset)
        model = SASRec(config, batches.dataset)
        trainer = Trainer(config, model)
        size = [0]

        def loss_of(batch: Interaction) -> torch.Tensor:
            # The step before has ended when the loss of the next is asked for.
            if size[0]:
                clock.count(size[0])
            size[0] = len(batch)
            loss: torch.Tensor = model.calculate_loss(batch)
            return loss

        try:
            for epoch in range(1000):
                trainer._train_epoch(batches, epoch, loss_func=loss_of)
        except Enough:
            pass
    print(json.dumps(clock.report() | {"version": version("recbole")}))


if __name__ == "__main__":
    main()
