"""The page as text: what stands on it, what is absent, and that nothing breaks out."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

import habitue.report
from habitue.report import render_page, write_report
from habitue.report.blocks import Block, Bullets, Heading, Table, Words
from habitue.report.data import PersonEvent, ReportData
from habitue.report.documents import Option
from habitue.report.page import script_json
from habitue.report.texts import ENGLISH
from tests.report.sample import Sample, sample

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028<!--"
SECTIONS = ("overview", "shop", "learned", "customers", "todo", "model-card", "about")


@pytest.fixture(scope="module")
def made() -> Sample:
    return sample()


@pytest.fixture(scope="module")
def page(made: Sample) -> str:
    return render_page(made.report)


def bare(report: ReportData) -> ReportData:
    """Only what needs no model: the figures of a shop that has not trained yet."""
    return ReportData(
        shop_name=report.shop_name,
        currency="",
        generated_at=report.generated_at,
        as_of=report.as_of,
        fingerprint=report.fingerprint,
        habitue_version=report.habitue_version,
        statistics=report.statistics,
    )


def body(page: str) -> str:
    """The page without styles and scripts."""
    return re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.DOTALL)


class Elements(HTMLParser):
    """Collects the tags of a page with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def elements(page: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Elements()
    parser.feed(page)
    return parser.found


def test_page_has_all_sections_and_links_to_them(page: str) -> None:
    ids = {attrs.get("id") for _, attrs in elements(page)}
    assert ids.issuperset(SECTIONS)
    links = [attrs["href"] for tag, attrs in elements(page) if tag == "a"]
    assert {f"#{name}" for name in SECTIONS[1:]} <= set(links)
    assert all(link is not None and link.startswith("#") for link in links)


def test_page_says_when_the_next_event_comes(page: str) -> None:
    told = page.replace("\u00a0", " ")
    assert "comes in about 4.2 days, likely between 0.9 and 21" in told
    assert re.search(r"64 ?% within 7 days", told)


def test_page_loads_nothing(page: str) -> None:
    assert not re.search(r"(?:src|srcset|action|data)=[\"']?http", body(page))
    assert "url(" not in page[page.index("<style>") : page.index("</style>")]
    assert "@import" not in page
    policy = next(attrs for tag, attrs in elements(page) if "content-security-policy" in str(
        attrs.get("http-equiv", "")).lower())  # fmt: skip
    assert "default-src 'none'" in str(policy["content"])
    assert "unsafe-inline" not in str(policy["content"]).split("script-src")[1]


def test_page_is_small_enough_to_send(page: str) -> None:
    assert len(page.encode()) < 2_500_000


def test_ids_on_the_page_are_unique(page: str) -> None:
    ids = [attrs["id"] for _, attrs in elements(page) if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_every_chart_has_its_option_a_label_and_a_table(page: str) -> None:
    payload = re.search(r'id="payload">(.*?)</script>', page, re.DOTALL)
    assert payload is not None
    options = json.loads(payload.group(1))["charts"]
    drawn = [attrs for _, attrs in elements(page) if "data-chart" in attrs]
    assert {attrs["data-chart"] for attrs in drawn} == set(options)
    assert all(attrs["aria-label"] for attrs in drawn)
    assert page.count('<figure class="chart">') == len(drawn) == len(options)
    assert len(options) == 11  # time, 2 x calibration, 3 x deciles, 2 x learning, 3 persons


def test_every_part_that_the_figures_support_is_there(page: str) -> None:
    for key in (
        "time.title", "funnel.title", "cohort.title", "rhythm.title", "categories.title",
        "items.title", "advice.title", "learning.title", "chosen.title", "chosen.records",
        "remarks.title", "segments.title", "stories.title", "alerts.title", "examples.title",
        "audiences.title", "about.commands",
    ):  # fmt: skip
        assert ENGLISH[key] in page, key
    assert (
        'class="absent"'
        not in page.replace(ENGLISH["story.tags.none"], "").split('id="customers"')[0]
    )


def test_the_model_card_stands_on_the_page_escaped(made: Sample) -> None:
    blocks: list[Block] = [
        Heading("How well"),
        Words(f"**Less well** for {HOSTILE}"),
        Bullets([f"`{HOSTILE}`"]),
        Table(["who", HOSTILE], [["all", HOSTILE]]),
    ]
    page = body(render_page(replace(made.report, card=blocks)))
    section = page[page.index('id="model-card"') : page.index('id="about"')]
    assert "<h3>How well</h3>" in section
    assert "<b>Less well</b> for &lt;/script&gt;" in section
    assert section.count("&lt;img src=x") == 5
    assert "<img" not in section


def test_without_an_evaluation_the_page_says_how_to_get_a_model_card(made: Sample) -> None:
    page = render_page(replace(made.report, card=[]))
    assert "to get its card" in page


def test_page_without_model_says_what_to_run(made: Sample) -> None:
    report = replace(bare(made.report), workspace=" -w /srv/fjord")
    text = body(render_page(report))
    for command in ("habitue evaluate", "habitue refresh", "habitue train"):
        assert f"<code>{command} -w /srv/fjord</code>" in text
    for key in ("advice.title", "learning.title", "stories.title", "examples.title"):
        assert f">{ENGLISH[key]}" not in text
    assert text.count("data-chart") == 1


def test_short_log_of_views_says_why_parts_are_missing(made: Sample) -> None:
    stats = replace(
        made.report.statistics,
        start_at=0,
        end_at=3 * 3_600_000_000,
        events_by_type={"view_item": 9},
        sales=None,
        recent=None,
        funnel=[],
        cohorts=None,
        rhythm=None,
        categories=None,
        items=None,
    )
    text = body(render_page(replace(bare(made.report), statistics=stats)))
    assert "this log spans 3 hours" in text
    assert "The log knows views only" in text
    assert ENGLISH["items.none"] in text
    assert 'class="card">' not in text.split('id="shop"')[1].split('id="learned"')[0].replace(
        f'class="card">\n    <h3>{ENGLISH["time.title"]}', ""
    )
    assert "£" not in text
    assert ENGLISH["strip.revenue"] not in text


def test_task_with_one_answer_for_all_is_told_and_not_scored(page: str) -> None:
    plain = page.replace("\u00a0", " ")
    assert f"“What they will do next”, because <bdi>{ENGLISH['task.trivial']}" in plain
    assert "Of 1,989 predictions, the first guess was right for 57.0 %" in plain


def test_log_of_dates_says_that_hours_are_unknown(made: Sample) -> None:
    stats = replace(made.report.statistics, rhythm=None, cohorts=None)
    text = body(render_page(replace(made.report, statistics=stats)))
    assert ENGLISH["rhythm.none.dates"] in text
    assert "Too few newcomers" in text


def hostile_report(report: ReportData) -> ReportData:
    """The report with a script in every text that a shop or its customers write."""
    stats = report.statistics
    assert stats.items is not None
    assert stats.categories is not None
    items = replace(
        stats.items, rows=[replace(r, name=HOSTILE, key=HOSTILE) for r in stats.items.rows]
    )
    categories = replace(
        stats.categories, rows=[replace(r, name=HOSTILE) for r in stats.categories.rows]
    )
    stories = [
        replace(
            story,
            profile=replace(
                story.profile,
                user_id=HOSTILE,
                segment=HOSTILE,
                facts={"favourite_weekday": HOSTILE},
                tags=[replace(tag, name=HOSTILE, kind=HOSTILE) for tag in story.profile.tags],
                predictions=[
                    replace(one, options=[Option(HOSTILE, 0.5, 0.1)], task=HOSTILE, reason=HOSTILE)
                    for one in story.profile.predictions
                ],
            ),
            events=[PersonEvent(e.timestamp, e.event_type, HOSTILE) for e in story.events],
            recommendations=[
                replace(one, name=HOSTILE, reason=HOSTILE) for one in story.recommendations
            ],
        )
        for story in report.stories
    ]
    assert report.evaluation is not None
    tasks = [replace(task, task=HOSTILE) for task in report.evaluation.tasks[:1]]
    return replace(
        report,
        shop_name=HOSTILE,
        currency=HOSTILE,
        fingerprint=HOSTILE,
        statistics=replace(stats, items=items, categories=categories),
        evaluation=replace(report.evaluation, tasks=tasks, skipped={HOSTILE: HOSTILE}),
        stories=stories,
        segments=[replace(one, name=HOSTILE, sentence=HOSTILE) for one in report.segments],
        alerts=[replace(one, user_id=HOSTILE, reasons=[HOSTILE]) for one in report.alerts],
        examples=[replace(one, user_id=HOSTILE, context=HOSTILE) for one in report.examples],
        audiences=[
            replace(one, title=HOSTILE, sentence=HOSTILE, command=HOSTILE)
            for one in report.audiences
        ],
        commands=[HOSTILE],
        unanswered={HOSTILE: HOSTILE},
        workspace=HOSTILE,
    )


def test_hostile_names_stay_text(made: Sample) -> None:
    page = render_page(hostile_report(made.report))
    plain = render_page(made.report)
    assert page.count("<script") == plain.count("<script") == 3
    assert "<img" not in body(page)
    assert HOSTILE not in page
    assert not any(name.startswith("on") for _, attrs in elements(page) for name in attrs)


def test_json_cannot_leave_its_script() -> None:
    text = str(script_json({"name": HOSTILE + "'&露营"}))
    assert not set("<>&'\u2028") & set(text)
    assert text.isascii()
    assert json.loads(text) == {"name": HOSTILE + "'&露营"}


def test_names_from_the_shop_are_set_apart_for_any_direction(made: Sample) -> None:
    name = "خيمة \u202e evil"
    page = render_page(replace(made.report, shop_name=name))
    assert f'<h1 id="h-overview"><bdi>{name}</bdi></h1>' in page


def test_report_is_written_whole_and_replaces_the_old_one(made: Sample, tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    path = write_report(bare(made.report), folder)
    assert path == folder / "index.html"
    write_report(made.report, folder)
    assert path.read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert [file.name for file in folder.iterdir()] == ["index.html"]


def test_half_a_character_does_not_stop_the_report(made: Sample, tmp_path: Path) -> None:
    path = write_report(replace(bare(made.report), shop_name="shop \ud83d"), tmp_path)
    assert "shop ?" in path.read_text(encoding="utf-8")


def test_same_data_make_the_same_page(made: Sample, page: str) -> None:
    assert render_page(made.report) == page


def test_every_text_asked_for_exists() -> None:
    folder = Path(habitue.report.__file__).parent
    sources = [
        path.read_text(encoding="utf-8")
        for path in (*folder.glob("*.py"), *folder.glob("templates/*.j2"))
        if path.name != "texts.py"
    ]
    asked = {
        key
        for source in sources
        for key in re.findall(r"(?<!document\.)\b(?:t|texts)\(\s*[\"']([a-z_.0-9]+)[\"']", source)
        if not key.endswith(".")
    }
    assert len(asked) > 80
    assert asked <= set(ENGLISH)


def test_vendored_library_keeps_its_licence() -> None:
    static = Path(habitue.report.__file__).parent / "static"
    assert "Apache License" in (static / "licenses/echarts-LICENSE.txt").read_text()
    assert "Apache ECharts" in (static / "licenses/echarts-NOTICE.txt").read_text()
    assert "Licensed to the Apache Software Foundation" in (static / "echarts.min.js").read_text()
