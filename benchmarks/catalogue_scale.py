"""Trains and scores with catalogues of 10 thousand to a million simulated items; JSON.

    python benchmarks/catalogue_scale.py [--items 10000,100000,1000000]

For each size: training targets a second (sampled loss), persons scored a second (exact best 20 of
all items) and the most memory that each of the two processes held.
"""

import tempfile
from pathlib import Path
from typing import Any

from contenders import Contender, Interpreters, interpreters, machine, options, write
from plain_data import simulate_persons, write_persons


def measure(num_items: int, given: tuple[int, int, float], pythons: Interpreters) -> dict[str, Any]:
    """Return the figures of one size."""
    train_persons, score_persons, seconds = given
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "persons.npz"
        write_persons(path, simulate_persons(num_items, train_persons))
        training = ("--negatives", "512", "--warm-up", "2", "--seconds", str(seconds))
        trained = pythons.run(Contender("train", "habitue", training), path)
        write_persons(path, simulate_persons(num_items, score_persons))
        scored = pythons.run(Contender("score", "habitue", ("--work", "score")), path)
    return {
        "items": num_items,
        "item_table_mb": round(num_items * 64 * 4 / 2**20),
        "train": trained,
        "score": scored,
    }


def main() -> None:
    """Measure each size."""
    asked = options(__doc__, "catalogue_scale.json")
    asked.add_argument("--items", default="10000,100000,1000000")
    asked.add_argument("--persons", type=int, default=50_000, help="to train on")
    asked.add_argument("--score-persons", type=int, default=2_000)
    asked.add_argument("--seconds", type=float, default=6)
    given = asked.parse_args()
    pythons = interpreters(given)
    about = {"machine": machine()}
    sizes = (given.persons, given.score_persons, given.seconds)
    rows = [measure(int(text), sizes, pythons) for text in given.items.split(",")]
    write(given.out, about | {"catalogues": rows})


if __name__ == "__main__":
    main()
