"""Where work runs, and how it tells of itself.

`Progress` is the one way long work reports; the command line draws it as a bar, tests and the
Python API may stay silent. Knows nothing about what the work is.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
_END: Final = object()
_TORCHRUN: Final = "TORCHELASTIC_RUN_ID"  # a variable that torchrun sets


def is_one_of_several() -> bool:
    """Whether torchrun started this process."""
    return _TORCHRUN in os.environ


def is_helper() -> bool:
    """Whether torchrun started this process to help another one train."""
    return is_one_of_several() and os.environ.get("RANK", "0") != "0"


def one_ahead(items: Iterable[Item]) -> Iterator[Item]:
    """Yield the items, the next one being made in a thread while the last is in use.

    An error of the making is raised where its item would have come. Two items are in memory.
    """
    maker = iter(items)
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, maker, _END)
        while (item := coming.result()) is not _END:
            coming = thread.submit(next, maker, _END)
            yield item  # type: ignore[misc]


def in_threads(
    function: Callable[[Item], Result], items: Iterable[Item], *, at_once: int = 2
) -> Iterator[Result]:
    """Yield what the function makes of each item, in the items' order, made in threads.

    An error is raised where its result would have come. One item more than `at_once` is in memory.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(at_once) as threads:
        for item in items:
            waiting.append(threads.submit(function, item))
            if len(waiting) > at_once:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def wait_politely() -> None:
    """Let threads of the numeric libraries sleep while they wait for each other, not spin.

    To be called before such a library is loaded. Spinning threads starve whoever else runs on
    the machine, and themselves: beside one other busy process a forward pass of one person took
    130 ms instead of 3. `OMP_WAIT_POLICY=active` in the environment wins.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


class Progress(Protocol):
    """Told by long work how far it is."""

    def start(self, label: str, total: int | None, unit: str) -> None:
        """Begin a stretch of work of `total` units (None: unknown), ending the one before."""

    def advance(self, amount: int = 1, note: str = "") -> None:
        """`amount` more units are done; `note` is a few words shown beside the bar."""

    def finish(self) -> None:
        """End the current stretch."""


class Silent:
    """A `Progress` that says nothing."""

    def start(self, label: str, total: int | None, unit: str) -> None:
        """Ignore it."""

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Ignore it."""

    def finish(self) -> None:
        """Ignore it."""
