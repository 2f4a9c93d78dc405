"""How many cases each test of reliability runs: usually, and on demand (`make test-long`)."""

import os
from dataclasses import dataclass

from tests.examples import IS_QUICK

IS_LONG = bool(os.environ.get("HABITUE_LONG_TESTS"))


@dataclass(frozen=True)
class Count:
    """A number of cases."""

    usual: int
    long: int
    quick: int = 0  # in `make test-fast`; 0: as usual

    @property
    def now(self) -> int:
        """How many this run takes."""
        if IS_LONG:
            return self.long
        return self.quick if IS_QUICK and self.quick else self.usual


INGEST_KILLS = Count(200, 1000)
FIT_KILLS = Count(20, 100)
TRAIN_KILLS = Count(5, 40)
VERB_KILLS = Count(20, 200)  # of each verb
INGEST_FAULTS = Count(40, 1000)  # of each kind of error; at most all operations
VERB_FAULTS = Count(8, 1000)  # of each verb and kind of error; at most all operations
TRAIN_FAULTS = Count(3, 60)
FILLED_DISKS = Count(6, 40)  # of each verb
CUTS = Count(500, 2000)  # of an ingest, a checkpoint, a version
VERB_CUTS = Count(40, 500)  # of each verb
FLIPS = Count(300, 3000, quick=60)  # of each kind of file
SHOP_FLIPS = Count(1, 20)  # of each file of a shop
BACKUPS = Count(5, 25)
