"""Times batch scoring (embed everyone, exact best 20 of all items) against its ceiling; JSON.

    python benchmarks/score_speed.py --rectools-python PATH [--items 100000]

The ceiling is the time that the products of users and items alone take, 2 · users · items · width
operations at the speed measured in the same turn for products of the same shapes; `of_ceiling` is
how near the whole comes to it. `ceiling_with_embedding` adds the products without which nobody can
be embedded, those of the blocks, at the speed of products of a layer's shape. Beauty, and simulated
catalogues of the sizes asked for.
"""

import statistics
import tempfile
from pathlib import Path
from typing import Any

from ceilings import product_gflops
from contenders import Contender, Interpreters, interpreters, machine, options, write
from plain_data import Items, read_published, simulate_persons, write_persons

WIDTH = 64
BLOCKS = 2
LENGTH = 50
ROWS = 512
CONTENDERS = (
    Contender("habitue", "habitue", ("--work", "score")),
    Contender("rectools", "rectools", ("--work", "score")),
)
_PRODUCT_BYTES = 256 << 20


def measure(name: str, persons: list[Items], pythons: Interpreters, repeats: int) -> dict[str, Any]:
    """Score one catalogue with all, in turns."""
    num_items = max(int(person.max()) for person in persons)
    runs: dict[str, list[dict[str, Any]]] = {}
    gflops, layer_gflops = [], []
    rows = max(8, min(ROWS, _PRODUCT_BYTES // (4 * num_items)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "persons.npz"
        write_persons(path, persons)
        for _ in range(repeats):
            gflops.append(product_gflops(rows, WIDTH, num_items))
            layer_gflops.append(product_gflops(768, WIDTH, 4 * WIDTH))
            for one in filter(pythons.has, CONTENDERS):
                runs.setdefault(one.name, []).append(pythons.run(one, path))
    ceiling = statistics.median(gflops) * 1e9 / (2 * WIDTH * num_items)
    embedded = statistics.median(layer_gflops) * 1e9 / embedding_operations(persons)
    ceilings = (ceiling, 1 / (1 / ceiling + 1 / embedded))
    return {
        "data": name,
        "persons": len(persons),
        "items": num_items,
        "product_gflops": round(statistics.median(gflops), 1),
        "layer_product_gflops": round(statistics.median(layer_gflops), 1),
        "ceiling_persons_per_second": round(ceiling),
        "ceiling_with_embedding_persons_per_second": round(ceilings[1]),
        **{who: _median(found, ceilings) for who, found in runs.items()},
    }


def embedding_operations(persons: list[Items]) -> float:
    """Return the operations of the products that embed a person, on average.

    A block has 12 products of width² for an event: four of attention, eight of its dense layers.
    Of the last block only two are wanted for every event, keys and values; the others for the
    last event alone. Attention itself over so few events is left out.
    """
    events = sum(min(len(person) - 1, LENGTH) for person in persons) / len(persons)
    products = (BLOCKS - 1) * 12 * events + 2 * events + 10
    return 2 * WIDTH**2 * products


def _median(runs: list[dict[str, Any]], ceilings: tuple[float, float]) -> dict[str, Any]:
    alone, with_embedding = ceilings
    speed = statistics.median(run["persons_per_second"] for run in runs)
    return {
        "persons_per_second": round(speed),
        "of_ceiling": round(speed / alone, 3),
        "of_ceiling_with_embedding": round(speed / with_embedding, 3),
        "peak_mb": max(run["peak_mb"] for run in runs),
        "version": runs[0]["version"],
    }


def main() -> None:
    """Score Beauty and the simulated catalogues."""
    asked = options(__doc__, "score_speed.json")
    asked.add_argument("--items", default="100000", help="sizes of simulated catalogues")
    asked.add_argument("--persons", type=int, default=20_000)
    given = asked.parse_args()
    pythons = interpreters(given)
    about = {"machine": machine(), "missing": pythons.missing}
    sets = [("Beauty", read_published("Beauty"))]
    for text in filter(None, given.items.split(",")):
        sets.append((f"simulated, {int(text):,}", simulate_persons(int(text), given.persons)))
    rows = [measure(name, persons, pythons, given.repeats) for name, persons in sets]
    write(given.out, about | {"catalogues": rows})


if __name__ == "__main__":
    main()
