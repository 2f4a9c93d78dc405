"""How an explanation looks in the terminal: sentences first, then the numbers behind them.

In: its JSON document. Out: text and tables on stdout. Knows nothing about how it comes about.
"""

from rich.console import Console

from habitue.cli.tables import Json, Object, cell, cells_table, entries_of, objects_of, words


def show_explanation(console: Console, document: Object) -> None:
    """Print why an answer is what it is, or what moves a task in the shop."""
    who, fallback = document.get("user_id"), document.get("fallback")
    about = document.get("task") or document.get("item_id")
    label = f"  [yellow]fallback: {words(cell(fallback))}[/]" if fallback else ""
    console.print(
        f"[bold]{cell(who) + ', ' if who else ''}{cell(about)}[/]{label}  "
        f"[dim]as of {cell(document.get('as_of'))}, model {cell(document.get('model_version'))}[/]"
    )
    for sentence in entries_of(document, "sentences"):
        console.print(cell(sentence))
    if "persons" in document:
        _drivers(console, document)
    else:
        _numbers(console, document)


def _drivers(console: Console, document: Object) -> None:
    rows = [
        (
            cell(words(str(one.get("name")))),
            cell(one.get("theme")),
            _effect(one.get("effect"), document),
            cell(one.get("direction")),
        )
        for one in objects_of(document, "features")
    ]
    if rows:
        console.print(cells_table(("feature", "about", "mean effect", "direction"), rows))
    elif document.get("reason"):
        console.print(
            f"This model knows nothing but the base rate: {cell(document.get('reason'))}."
        )


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
        (
            cell(words(str(one.get("name")))),
            cell(one.get("value")),
            _effect(one.get("effect"), document),
        )
        for one in objects_of(document, "features")
    ]
    if features:
        console.print(cells_table(("feature", "value", "effect"), features, numbers_from=1))


def _effect(value: Json, document: Object) -> str:
    if not isinstance(value, int | float):
        return "–"
    if document.get("unit") == "money":
        return f"{value:+,.2f}"
    return f"{value * 100:+.2f} points"
