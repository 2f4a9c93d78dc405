import os
import subprocess
import sys
from collections.abc import Iterator
from threading import Event

import pytest

from habitue.compute import in_threads, one_ahead, wait_politely


def test_threads_sleep_while_they_wait_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    wait_politely()
    assert os.environ["OMP_WAIT_POLICY"] == "passive"
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    wait_politely()
    assert os.environ["OMP_WAIT_POLICY"] == "active"


def test_the_network_waits_politely_before_its_library_is_loaded() -> None:
    told = (
        "import os, sys; import habitue.model;"
        "print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules)"
    )
    clean = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    done = subprocess.run(
        [sys.executable, "-c", told], capture_output=True, text=True, check=True, env=clean
    )
    assert done.stdout.split() == ["passive", "False"]


def test_items_made_ahead_come_in_their_order_and_once_each() -> None:
    assert list(one_ahead(range(100))) == list(range(100))
    assert list(one_ahead([])) == []
    assert list(one_ahead([None, None])) == [None, None]


def test_an_error_ahead_is_raised_where_its_item_would_have_come() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise ValueError("the second")

    items = one_ahead(failing())
    assert next(items) == 1
    with pytest.raises(ValueError, match="the second"):
        next(items)


def test_results_of_threads_come_in_the_order_of_their_items() -> None:
    first_may_end = Event()

    def slow_first(item: int) -> int:
        if item == 0:
            first_may_end.wait(10)
        if item == 1:
            first_may_end.set()  # two are made at once, or the first would wait in vain
        return item * item

    assert list(in_threads(slow_first, range(50))) == [n * n for n in range(50)]
    assert list(in_threads(slow_first, [])) == []


def test_an_error_in_a_thread_is_raised_where_its_result_would_have_come() -> None:
    found = in_threads(lambda item: 1 // item, [1, 0, 1])
    assert next(found) == 1
    with pytest.raises(ZeroDivisionError):
        next(found)


def test_few_items_are_taken_before_their_results_are_wanted() -> None:
    items = iter(range(100))
    next(in_threads(str, items, at_once=2))
    assert next(items) == 3
