"""How the answers about a log and its rows look in the terminal: init, validate, ingest, doctor.

In: their JSON documents. Out: tables on stdout. Knows nothing about how they come about.
"""

from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from habitue.cli.tables import (
    WHERE,
    Object,
    cell,
    cells_table,
    entries_of,
    heading,
    object_of,
    objects_of,
    scalars,
    words,
)
from habitue.cli.texts import say
from habitue.display import shorten
from habitue.languages import told

RAW_SHOWN = 100  # characters of a row that was set aside
_COLOURS = {"PASS": "green", "WARN": "yellow", "FAIL": "red"}


def show_guesses(console: Console, document: Object) -> None:
    """Print what each column was taken for, and why."""
    file = ""
    for guess in objects_of(document, "guesses"):
        if guess.get("file") != file:
            file = str(guess.get("file"))
            console.print(f"\n[bold]{cell(file.rsplit('/', 1)[-1])}[/]")
        mark = "[yellow]?[/]" if guess.get("confirm") else "[green]✓[/]"
        line = f"{mark} {cell(guess.get('field'))} = [bold]{cell(guess.get('guess'))}[/]"
        console.print(Padding(line, (0, 0, 0, 2)))
        console.print(Padding(f"[dim]{cell(guess.get('because'))}[/]", (0, 0, 0, 6)))
    for one in objects_of(document, "left_out"):
        console.print(
            say(
                "\nLeft out: {file}: {because}",
                file=cell(one.get("file")),
                because=cell(one.get("because")),
            )
        )
    for question in entries_of(document, "questions"):
        console.print(f"\n[yellow]?[/] {cell(question)}")
    console.print(
        say(
            "\nWritten to [bold]{path}[/]; a line marked [yellow]?[/] deserves a look.",
            path=cell(document.get("settings")),
        )
    )
    if document.get("kept"):
        console.print(
            say("The settings before are kept in {path}.", path=cell(document.get("kept")))
        )
    console.print(
        say("[bold]Next:[/] {command}", command=cell(document.get("next"))), soft_wrap=True
    )


def show_findings(console: Console, document: Object) -> None:
    """Print what each rule found, with examples."""
    for finding in objects_of(document, "findings"):
        status = str(finding.get("status"))
        console.print(
            f"[{_COLOURS[status]}]{status}[/] [bold]{cell(finding.get('rule'))}[/]"
            f"  {cell(finding.get('message'))}"
        )
        for example in entries_of(finding, "examples"):
            console.print(Padding(f"[dim]{cell(example)}[/]", (0, 0, 0, 7)))
    status = str(document.get("status"))
    console.print(f"\n[{_COLOURS[status]}][bold]{status}[/]")


def show_checks(console: Console, document: Object) -> None:
    """Print each check with its fix."""
    scalars(console, {**object_of(document, "versions"), **object_of(document, "paths")})
    for check in objects_of(document, "checks"):
        status = str(check.get("status"))
        told = f"[{_COLOURS[status]}]{status}[/] [bold]{cell(check.get('name'))}[/]"
        console.print(f"{told}  {cell(check.get('message'))}", soft_wrap=True)
        if check.get("fix"):
            console.print(f"     {cell(check.get('fix'))}", soft_wrap=True)


def show_ingest(console: Console, document: Object) -> None:
    """Print what became of the rows of an ingest."""
    keys = (
        "received", "accepted", "repaired", "duplicates", "quarantined", "event_rows", "items",
        "seconds", "events_per_second",
    )  # fmt: skip
    scalars(console, {key: document.get(key) for key in keys})
    set_aside = object_of(document, "by_reason")
    if set_aside:
        console.print(_reasons_table(set_aside))
        console.print(_see(document))
    repairs = object_of(document, "repairs")
    if repairs:
        heading(console, "Repaired or remarked")
        scalars(console, repairs)
    for note in entries_of(document, "notes"):
        console.print(cell(note))


def show_retry(console: Console, document: Object) -> None:
    """Print what became of rows that were set aside."""
    keys = ("received", "accepted", "repaired", "duplicates", "quarantined", "event_rows", "items")
    scalars(console, {key: document.get(key) for key in keys})
    still = object_of(document, "by_reason")
    if still:
        heading(console, say("Still set aside: {rows} rows", rows=cell(document.get("rows"))))
        console.print(_reasons_table(still))
        console.print(_see(document, "See them: {command}"))
    else:
        console.print(say("Nothing is set aside any more."))
    for note in entries_of(document, "notes"):
        console.print(cell(note), soft_wrap=True)


def _see(document: Object, template: str = "See the rows: {command}") -> str:
    return say(template, command=f"habitue quarantine show{document.get(WHERE, '')}")


def _reasons_table(counts: Object) -> Table:
    from habitue.events.batch import REASONS
    from habitue.events.quarantine import reason_text

    rows = [
        (cell(count), cell(code) if code in REASONS else "", cell(reason_text(code)))
        for code, count in counts.items()
    ]
    return cells_table(("rows", "code", "set aside because"), rows)


def show_quarantine(console: Console, document: Object) -> None:
    """Print rows that are set aside, with their reasons."""
    counts = object_of(document, "by_reason")
    if not counts:
        console.print(
            say(
                "Nothing is set aside. Rows that cannot be used are kept here when files are "
                "stored: {command}",
                command=f"habitue ingest{document.get(WHERE, '')} FILE…",
            ),
            soft_wrap=True,
        )
        return
    console.print(_reasons_table(counts))
    rows = [
        (
            f"{cell(row.get('file'))}:{row.get('line') or '–'}",
            _because(row),
            _field_and_value(row),
            cell(shorten(str(row.get("raw")), RAW_SHOWN)),
        )
        for row in objects_of(document, "rows")
    ]
    columns = ("file and line", "because", "field and value", "the row")
    console.print(cells_table(columns, rows, lines=True))
    total = sum(count for count in counts.values() if isinstance(count, int))
    if total > len(rows):
        console.print(
            say(
                "{shown} of {total} rows are shown; more with --limit.",
                shown=f"{len(rows):,}",
                total=f"{total:,}",
            )
        )


def _because(row: Object) -> str:
    """Say why; a code of a rule of cleaning is English, and says enough in English alone."""
    from habitue.events.batch import REASONS
    from habitue.events.records import reader_reason

    code = str(row.get("code") or "")
    if code not in REASONS:
        return cell(reader_reason(code))
    return told({"en": code.replace("_", " "), "zh": f"{cell(REASONS[code])} {code}"})


def _field_and_value(row: Object) -> str:
    field, value = cell(row.get("field")), row.get("value")
    return words(field) if value is None else f"{field}={cell(value)}"
