"""How an explanation looks in the terminal: sentences first, then the numbers behind them.

In: its JSON document. Out: text and tables on stdout. Knows nothing about how it comes about.
"""

from rich.console import Console

from habitue.cli.tables import Json, Object, cell, cells_table, entries_of, objects_of, words
from habitue.cli.texts import retold_sentence, say


def show_explanation(console: Console, document: Object) -> None:
    """Print why an answer is what it is, or what moves a task in the shop."""
    who, fallback = document.get("user_id"), document.get("fallback")
    about = document.get("task") or document.get("item_id")
    what = say("fallback: {what}", what=words(cell(fallback)))
    label = f"  [yellow]{what}[/]" if fallback else ""
    told = say(
        "as of {as_of}, model {model}",
        as_of=cell(document.get("as_of")),
        model=cell(document.get("model_version")),
    )
    console.print(f"[bold]{cell(who) + ', ' if who else ''}{cell(about)}[/]{label}  [dim]{told}[/]")
    for sentence in entries_of(document, "sentences"):
        console.print(cell(sentence))
    if "persons" not in document:
        _numbers(console, document)
    elif not entries_of(document, "features") and document.get("reason"):
        reason = retold_sentence(cell(document.get("reason")))
        console.print(say("This model knows nothing but the base rate: {reason}.", reason=reason))


def _numbers(console: Console, document: Object) -> None:
    events = [
        (
            cell(one.get("text")),
            cell(len(entries_of(one, "event_ids"))),
            _effect(one.get("verified_effect"), document),
        )
        for one in objects_of(document, "events")
    ]
    if events:
        columns = ("taken out", "events", "moves the answer by")
        console.print(cells_table(columns, events, numbers_from=1))
    features = [
        (cell(one.get("text")), _effect(one.get("effect"), document))
        for one in objects_of(document, "features")
    ]
    if features:
        console.print(cells_table(("all in all", "moves the answer by"), features, numbers_from=1))


def _effect(value: Json, document: Object) -> str:
    if not isinstance(value, int | float):
        return "–"
    if document.get("unit") == "money":
        return f"{value:+,.2f}".replace("-", "−")
    return say("{count} points", count=f"{value * 100:+.2f}".replace("-", "−"))
