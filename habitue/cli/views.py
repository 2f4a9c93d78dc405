"""How each verb's answer looks in the terminal.

In: the JSON document of a verb. Out: tables on stdout. A verb without a view of its own is shown
key by key. Knows nothing about how the answers come about.
"""

from collections.abc import Callable, Mapping

from rich.console import Console
from rich.markup import escape

from habitue.cli.choice_views import show_comparison, show_tuning
from habitue.cli.customer_views import (
    show_alerts,
    show_audience,
    show_popular,
    show_profile,
    show_recommendations,
    show_similar,
)
from habitue.cli.explanation_views import show_explanation
from habitue.cli.log_views import (
    show_checks,
    show_findings,
    show_guesses,
    show_ingest,
    show_quarantine,
    show_retry,
)
from habitue.cli.model_views import show_model
from habitue.cli.score_views import show_benchmark, show_demo, show_evaluation, show_versions
from habitue.cli.tables import WHERE, Object, cell, heading, is_nested, rows_table, scalars
from habitue.display import inert

VIEWS: Mapping[str, Callable[[Console, Object], None]] = {
    "init": show_guesses,
    "validate": show_findings,
    "doctor": show_checks,
    "ingest": show_ingest,
    "quarantine show": show_quarantine,
    "quarantine retry": show_retry,
    "train": show_model,
    "models list": show_versions,
    "models show": show_model,
    "models publish": show_model,
    "models rollback": show_model,
    "similar": show_similar,
    "popular": show_popular,
    "evaluate": show_evaluation,
    "profile": show_profile,
    "recommend": show_recommendations,
    "explain": show_explanation,
    "audience": show_audience,
    "alerts churn": show_alerts,
    "demo": show_demo,
    "benchmark": show_benchmark,
    "compare": show_comparison,
    "tune": show_tuning,
}


def show(verb: str, document: Object, *, where: str = "") -> None:
    """Print a verb's answer; `where` is the option that names the shop in the next command."""
    # Names such as :bomb: are a shop's own words, and no pictures.
    console = Console(emoji=False)
    VIEWS.get(verb, show_any)(console, {**document, WHERE: escape(inert(where))})


def show_any(console: Console, document: Object) -> None:
    """Print scalars as a list, lists and nested objects as tables below."""
    document = {key: value for key, value in document.items() if key != WHERE}
    scalars(console, {k: v for k, v in document.items() if not is_nested(v)})
    for name, value in document.items():
        if isinstance(value, Mapping) and value:
            heading(console, name)
            scalars(console, value)
        elif isinstance(value, list | tuple) and value:
            rows = [row for row in value if isinstance(row, Mapping)]
            heading(console, name)
            if rows:
                console.print(rows_table(rows))
            else:
                for line in value:
                    console.print(f"  {cell(line)}")
