"""The page itself: `ReportData` in, one self-contained HTML file out.

Styles, scripts and figures are inline, and a content security policy forbids everything else:
only the two scripts written here may run (by their hashes), and nothing may be loaded or sent.
Texts from the shop are escaped by Jinja and, inside JSON, by `script_json`.
"""

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from habitue.display import shorten
from habitue.files import write_bytes
from habitue.report import charts, findings, formats, scores
from habitue.report.blocks import marked
from habitue.report.data import ReportData
from habitue.report.view import View

FILE_NAME = "index.html"


def write_report(data: ReportData, folder: Path) -> Path:
    """Write `index.html` into `folder`, whole or not at all, and return its path."""
    path = folder / FILE_NAME
    write_bytes(path, render_page(data).encode("utf-8", "replace"))
    return path


def render_page(data: ReportData) -> str:
    """Return the page as HTML."""
    view = View(data)
    return (
        _environment()
        .get_template("index.html.j2")
        .render(
            data=data,
            stats=data.statistics,
            view=view,
            t=view.texts,
            money=view.money,
            formats=formats,
            findings=findings,
            scores=scores,
            style=Markup(_static("report.css")),
            scripts=[Markup(text) for text in _scripts()],
            script_hashes=[_hash(text) for text in _scripts()],
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("habitue.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shorten"] = shorten
    environment.filters["bdi"] = findings.isolated
    environment.filters["marked"] = marked
    environment.filters["script_json"] = script_json
    return environment


@cache
def _static(name: str) -> str:
    return (files("habitue.report") / "static" / name).read_text(encoding="utf-8")


def _scripts() -> list[str]:
    return [_static("echarts.min.js"), _static("report.js")]


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def script_json(document: charts.Json) -> Markup:
    """Return JSON that cannot end the script element it stands in.

    Whatever could close the element or the string (`</script>`, `<!--`, U+2028) is written as an
    escape; all else that is not ASCII too, so that the file's encoding cannot matter.
    """
    text = json.dumps(document, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for sign in "<>&'":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)
