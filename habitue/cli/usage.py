"""Words for what the command line itself cannot read."""

import typer

from habitue.errors import Refused

USAGE_WORDS = {
    "Input should be a valid integer, unable to parse string as an integer": "expected an integer",
    "Input should be a valid number, unable to parse string as a number": "expected a number",
    "Input should be": "expected a number",
    "Value error, ": "",
    "No such command": "There is no verb",
}


def usage(message: str, verb: str) -> Refused:
    """Return the error of a verb that was called wrongly."""
    return Refused(message, fix=f"See: habitue {verb} --help", code="usage")


def wrong_usage(error: typer.TyperException) -> Refused:
    """Return the parser's error in our words."""
    context = getattr(error, "ctx", None)
    path = context.command_path.removeprefix("habitue").strip() if context else ""
    told = getattr(error, "format_message", error.__str__)() or "A verb is missing."
    for theirs, ours in USAGE_WORDS.items():
        told = told.replace(theirs, ours)
    return usage(told, path) if path else Refused(told, fix="See: habitue --help", code="usage")
