"""No promise is printed that no test shows."""

import ast
from pathlib import Path

import pytest

from tests.reliability.promises import PAGE, PROMISES, Promise, page

TESTS = Path(__file__).parent.parent


def test_the_page_prints_the_promises_of_today() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m tests.reliability.promises"


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.tests[0].split("::")[1])
def test_every_test_that_a_promise_names_exists(promise: Promise) -> None:
    for name in (*promise.tests, *promise.controls):
        file, function = name.split("::")
        tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
        assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert bool(promise.controls) == bool(promise.guard)
