"""A verb's answer on stdout: one JSON document, or the verb's tables. Knows no verb."""

import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import typer

if TYPE_CHECKING:
    from habitue.files import Json


class AnswerLost(Exception):
    """The verb is done, but nobody can read its answer."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Answer(Protocol):
    """What every verb returns."""

    def as_json(self) -> "Mapping[str, Json]":
        """Return the JSON document of the contract."""


def print_answer(result: Answer, as_json: bool, verb: str = "", *, where: str = "") -> None:
    """Print the answer; `where` is the option that names the shop in the next command.

    Raises:
        AnswerLost: stdout takes no more.
    """
    document = result.as_json()
    try:
        if as_json:
            typer.echo(json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2))
        else:
            from habitue.cli import views

            views.show(verb, document, where=where)
        sys.stdout.flush()
    except OSError as error:
        raise AnswerLost(error) from error
