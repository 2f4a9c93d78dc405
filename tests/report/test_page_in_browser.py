"""The page in a real browser: silent, offline, inert, and fitting every width."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from habitue.report import write_report
from tests.report.sample import sample
from tests.report.test_page import HOSTILE, bare, hostile_report

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
Scheme = Literal["light", "dark"]
CHROMIUM = Path("/usr/bin/chromium")
FIRST_BAR = (
    "document.querySelector('[data-chart=timeline] path[fill]:not([fill=none])')"
    ".getAttribute('fill')"
)
VARIABLE = "name => getComputedStyle(document.documentElement).getPropertyValue(name).trim()"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    with playwright.sync_playwright() as tool:
        opened = tool.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three reports: with everything, with nothing but figures, and with hostile names."""
    root = tmp_path_factory.mktemp("reports")
    report = sample(60, 200).report
    long = replace(hostile_report(report), shop_name="Weatherproof" * 60, currency="GBP")
    write_report(report, root / "full")
    write_report(bare(report), root / "bare")
    write_report(hostile_report(report), root / "hostile")
    write_report(long, root / "long")
    return root


class Visit:
    """An opened page, what it asked the network for, and what it complained about."""

    def __init__(
        self, browser: "Browser", path: Path, *, width: int = 1280, scheme: Scheme = "light"
    ) -> None:
        self.page = browser.new_page(
            viewport={"width": width, "height": 844}, color_scheme=scheme, reduced_motion="reduce"
        )
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.dialogs: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", self._dismiss)
        self.page.goto((path / "index.html").as_uri())

    def _dismiss(self, dialog: "Dialog") -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def colour_of_first_bar(self) -> str:
        return str(self.page.evaluate(FIRST_BAR))

    def wait_for_redraw(self, old_colour: str) -> None:
        for _ in range(100):  # the page's policy forbids Playwright's own way of waiting
            if self.colour_of_first_bar() != old_colour:
                return
            self.page.wait_for_timeout(20)
        raise AssertionError(f"still {old_colour}")


@pytest.mark.parametrize("name", ["full", "bare", "hostile"])
def test_page_asks_for_nothing_and_complains_of_nothing(
    browser: "Browser", folder: Path, name: str
) -> None:
    visit = Visit(browser, folder / name)
    assert visit.requests == [(folder / name / "index.html").as_uri()]
    assert visit.complaints == []
    visit.page.close()


def test_every_chart_is_drawn(browser: "Browser", folder: Path) -> None:
    visit = Visit(browser, folder / "full")
    drawn = visit.page.evaluate(
        "[...document.querySelectorAll('[data-chart]')].map("
        "e => e.querySelectorAll('svg path').length)"
    )
    assert len(drawn) == 11
    assert min(drawn) > 3
    visit.page.close()


def test_hostile_names_do_nothing_even_in_tooltips(browser: "Browser", folder: Path) -> None:
    visit = Visit(browser, folder / "hostile")
    chart = visit.page.locator("[data-chart=person-1]")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box is not None
    shown = ""
    for step in range(0, int(box["width"]), 6):
        visit.page.mouse.move(box["x"] + step, box["y"] + 8 + 17)
        shown = visit.page.evaluate(
            "document.querySelector('[data-chart=person-1] .tip')?.textContent ?? ''"
        )
        if shown:
            break
    assert HOSTILE[:40] in shown
    assert visit.dialogs == []
    assert visit.complaints == []
    assert visit.page.locator("img").count() == 0
    visit.page.close()


def test_policy_stops_a_script_that_got_in(browser: "Browser", tmp_path: Path) -> None:
    path = write_report(bare(sample(60, 200).report), tmp_path)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("<main", "<script>alert(3)</script><main"), encoding="utf-8")
    visit = Visit(browser, tmp_path)
    assert visit.dialogs == []
    assert any("Content Security Policy" in complaint for complaint in visit.complaints)
    visit.page.close()


@pytest.mark.parametrize("width", [360, 820, 1600])
@pytest.mark.parametrize("name", ["full", "long"])
def test_page_never_scrolls_sideways(
    browser: "Browser", folder: Path, name: str, width: int
) -> None:
    visit = Visit(browser, folder / name, width=width)
    assert visit.page.evaluate("document.documentElement.scrollWidth") == width
    visit.page.close()


def test_charts_follow_the_colour_scheme(browser: "Browser", folder: Path) -> None:
    visit = Visit(browser, folder / "full")
    light = visit.colour_of_first_bar()
    visit.page.emulate_media(color_scheme="dark")
    visit.wait_for_redraw(light)
    dark = visit.colour_of_first_bar()
    visit.page.emulate_media(color_scheme="light")
    visit.wait_for_redraw(dark)
    assert visit.colour_of_first_bar() == light
    visit.page.close()


def test_paper_is_light_and_holds_every_chart(
    browser: "Browser", folder: Path, tmp_path: Path
) -> None:
    visit = Visit(browser, folder / "full", scheme="dark")
    dark = visit.colour_of_first_bar()
    visit.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert visit.colour_of_first_bar() != dark
    visit.page.emulate_media(media="print")
    overflowing = visit.page.evaluate(
        "[...document.querySelectorAll('.canvas')].filter(e => {"
        "const s = e.querySelector('svg').getBoundingClientRect(), b = e.getBoundingClientRect();"
        "return s.width > b.width + 1 || s.height > b.height + 1 || s.height < 60;"
        "}).length"
    )
    assert overflowing == 0
    visit.page.emulate_media(media="screen")
    visit.page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert visit.colour_of_first_bar() == dark
    assert visit.page.pdf(format="A4").startswith(b"%PDF")
    visit.page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(browser: "Browser", folder: Path, scheme: Scheme) -> None:
    """Every pair of text and ground colours used reaches 4.5 to 1 (WCAG AA)."""
    visit = Visit(browser, folder / "full", scheme=scheme)
    names = {
        name: visit.page.evaluate(VARIABLE, f"--{name}")
        for name in (
            "ground", "panel", "track", "ink", "soft", "muted", "accent", "accent-soft",
            "good", "good-soft", "fair", "fair-soft", "bad", "bad-soft",
        )
    }  # fmt: skip
    pairs = [(text, "panel") for text in ("ink", "soft", "muted", "accent", "good", "bad")]
    pairs += [(text, "ground") for text in ("ink", "soft", "muted", "accent")]
    pairs += [("good", "good-soft"), ("fair", "fair-soft"), ("bad", "bad-soft")]
    pairs += [("ink", "accent-soft"), ("soft", "track")]
    low = {
        pair: round(ratio, 2)
        for pair in pairs
        if (ratio := _contrast(names[pair[0]], names[pair[1]])) < 4.5
    }
    assert low == {}
    visit.page.close()


def test_keyboard_reaches_content_and_tables(browser: "Browser", folder: Path) -> None:
    visit = Visit(browser, folder / "full")
    visit.page.keyboard.press("Tab")
    assert visit.page.evaluate("document.activeElement.className") == "skip"
    summary = visit.page.locator("details.numbers summary").first
    summary.focus()
    visit.page.keyboard.press("Enter")
    assert visit.page.locator("details.numbers[open]").count() == 1
    visit.page.close()


def _contrast(one: str, other: str) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    assert re.fullmatch("#[0-9a-f]{6}", colour)
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
