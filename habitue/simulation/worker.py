"""One worker: takes pieces of work, makes blocks and writes files.

Run as `python -m habitue.simulation.worker FOLDER`, it reads one piece of work a line ("block 3")
and answers each with a line: that it is done, or why not. Knows nothing about other workers.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from habitue.simulation.block import Shop, make_block
from habitue.simulation.files import write_events, write_shop, write_table
from habitue.simulation.plan import Plan, read_plan
from habitue.simulation.render import Words
from habitue.simulation.spill import Spill

SPILL_FOLDER: Final = ".blocks"
DONE: Final = "done"


@dataclass(frozen=True)
class Worker:
    """Makes the pieces of a plan's shop in the folder where it is built."""

    plan: Plan
    folder: Path

    @cached_property
    def shop(self) -> Shop:
        """What all blocks share."""
        return Shop.of(self.plan)

    @cached_property
    def words(self) -> Words:
        """The texts of the events."""
        return Words.of(self.shop)

    @property
    def spill(self) -> Spill:
        """Where the blocks wait."""
        return Spill(self.folder / SPILL_FOLDER, self.plan)

    def do(self, work: str, number: int) -> None:
        """Do one piece of work, by its name and number."""
        pieces: dict[str, Callable[[int], None]] = {
            "block": lambda n: self.spill.write_block(n, make_block(self.shop, n)),
            "events": lambda n: write_events(self.spill, self.words, self.folder, n),
            "table": lambda n: write_table(self.spill, self.folder, n),
            "shop": lambda n: write_shop(self.spill, self.shop, self.folder),
        }
        pieces[work](number)


def main() -> None:
    """Work until there are no more lines."""
    folder = Path(sys.argv[1])
    worker = Worker(read_plan(folder / SPILL_FOLDER), folder)
    for line in sys.stdin:
        work, number = line.split()
        try:
            worker.do(work, int(number))
            answer = DONE
        except Exception as error:
            answer = " ".join(f"{type(error).__name__}: {error}".split())
        print(answer, flush=True)


if __name__ == "__main__":
    main()
