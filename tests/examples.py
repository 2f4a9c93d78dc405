"""How many examples a test draws or counts through: all, or a fifth in the usual loop.

`make test-fast` sets `QUICK_TESTS`.
"""

import os

IS_QUICK = bool(os.environ.get("QUICK_TESTS"))


def examples(number: int) -> int:
    """Return how many of a number of examples this run takes."""
    return max(number // 5, 4) if IS_QUICK else number
