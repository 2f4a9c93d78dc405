"""How one model version looks in the terminal: train, models show, publish, rollback.

In: their JSON documents. Out: tables on stdout. Knows nothing about how they come about.
"""

from rich.console import Console

from habitue.cli.tables import WHERE, Object, cell, entries_of, heading, object_of, scalars, words
from habitue.cli.texts import say

MODEL_CARD = "model_card"
NESTED = ("validation", MODEL_CARD, "notes")


def show_model(console: Console, document: Object) -> None:
    """Print what a version is, how well it does and for whom less well, and where its card lies."""
    scalars(console, {k: v for k, v in document.items() if k not in (*NESTED, WHERE)})
    if object_of(document, "validation"):
        heading(console, "validation")
        figures = object_of(document, "validation")
        scalars(console, {_measured(name): figure for name, figure in figures.items()})
    heading(console, MODEL_CARD)
    card = object_of(document, MODEL_CARD)
    if not card:
        command = f"habitue evaluate{document.get(WHERE, '')}"
        console.print("  " + say("Not written yet: {command}", command=command), soft_wrap=True)
    for line in entries_of(card, "summary"):
        console.print(f"  {cell(line)}")
    if card.get("path"):
        where = say("What it must not be used for, and the rest: {path}", path=cell(card["path"]))
        console.print(f"  {where}", soft_wrap=True)
    if entries_of(document, "notes"):
        heading(console, "notes")
    for line in entries_of(document, "notes"):
        console.print(f"  {cell(line)}")


def _measured(name: str) -> str:
    """Return `network NDCG@10` of `network_ndcg@10`: who was measured, and by what."""
    who, _, metric = name.rpartition("_")
    return f"{words(who)} {metric}" if who else metric
