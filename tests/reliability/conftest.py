"""Processes that are killed at work, started once a module."""

from collections.abc import Iterator

import pytest

from tests.reliability.victims import Victims


@pytest.fixture(scope="module")
def victims() -> Iterator[Victims]:
    with Victims() as started:
        yield started
