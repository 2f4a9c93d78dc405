"""How `init` meets files of published layouts."""

from pathlib import Path

import pytest

from habitue.config import load_settings
from habitue.errors import FileRefused
from habitue.events.adapters.registry import ADAPTERS
from habitue.events.guess import guess_sources
from habitue.events.settings_file import write_settings
from habitue.events.sources import match_source
from tests.events.adapters import test_recbole, test_recsys2025, test_segment
from tests.events.adapters.exports import flat, write_lines
from tests.events.adapters.good_files import GOOD

names = pytest.mark.parametrize("name", list(ADAPTERS))


@names
def test_init_names_the_layout_and_by_what(name: str, tmp_path: Path) -> None:
    path = GOOD[name](tmp_path)

    report = guess_sources([path])

    assert [source.adapter for source in report.sources] == [name]
    told = {guess.field: guess for guess in report.guesses}
    assert told["adapter"].value == name
    assert told["adapter"].because.startswith(ADAPTERS[name].title)
    assert report.num_rows > 0
    assert report.start <= report.end


@names
def test_what_init_writes_reads_the_file(name: str, tmp_path: Path) -> None:
    path = GOOD[name](tmp_path)
    report = guess_sources([path])

    written = write_settings(tmp_path / "shop", report)

    settings = load_settings(tmp_path / "shop")
    assert settings.sources == report.sources
    assert f'adapter = "{name}"' in written.read_text(encoding="utf-8")
    assert match_source(path, settings.sources).adapter == name


def test_a_layout_that_is_named_is_not_looked_for(tmp_path: Path) -> None:
    path = GOOD["segment"](tmp_path)
    report = guess_sources([path], adapter="segment")
    assert report.sources[0].adapter == "segment"
    with pytest.raises(FileRefused, match="not laid out as PostHog") as caught:
        guess_sources([path], adapter="posthog")
    assert 'adapter = "segment"' in caught.value.fix


def test_files_of_two_layouts_and_of_none(tmp_path: Path) -> None:
    plain = tmp_path / "orders.csv"
    rows = [(f"u{n % 9}", f"2024-01-{1 + n % 28:02} 10:00:00", f"o{n}", f"A{n}") for n in range(60)]
    flat(plain, ("customer_id", "order_date", "order_id", "article_id"), *rows)
    files = [GOOD["ga4"](tmp_path), plain, *test_recsys2025.write_files(tmp_path)]

    report = guess_sources(files)

    assert [source.adapter for source in report.sources] == ["ga4", "recsys2025", ""]
    write_settings(tmp_path / "shop", report)
    sources = load_settings(tmp_path / "shop").sources
    assert [match_source(path, sources).name for path in files[:2]] == ["ga4", "orders"]
    assert match_source(files[-1], sources).table == "items"


def test_init_lists_words_that_nobody_knows(tmp_path: Path) -> None:
    odd = test_segment.track("Spun The Wheel", 20, {})
    path = write_lines(tmp_path / "calls.json", *test_segment.ALL, odd, odd)
    report = guess_sources([path])
    assert report.unknown_words == {str(path): {"Spun The Wheel": 2}}
    text = write_settings(tmp_path / "shop", report).read_text(encoding="utf-8")
    assert '# "Spun The Wheel" = "..."' in text
    assert "# ignored_events: page 1:" in text
    assert '# user_id = "userId"' in text


def test_init_leaves_out_the_arrival_of_an_import(tmp_path: Path) -> None:
    imported = [
        {**one, "receivedAt": "2024-05-01T00:00:00Z", "messageId": f"i-{n}"}
        for n, one in enumerate(test_segment.ALL[:4])
    ]
    path = write_lines(tmp_path / "calls.json", *imported)
    report = guess_sources([path])
    assert report.sources[0].columns == {"received_at": ""}
    write_settings(tmp_path / "shop", report)
    source = match_source(path, load_settings(tmp_path / "shop").sources)
    assert "received_at" not in source.columns
    assert source.columns["timestamp"] == "timestamp"


def test_init_takes_the_unit_that_the_times_have(tmp_path: Path) -> None:
    rows = [("u", f"i{n}", 1, 1404468006123 + n) for n in range(30)]
    path = flat(tmp_path / "a.inter", test_recbole.INTER, *rows, mark="\t")
    assert guess_sources([path]).sources[0].time_unit == "ms"


def test_words_are_asked_for_where_they_stand(tmp_path: Path) -> None:
    calls = write_lines(
        tmp_path / "calls.json", *test_segment.ALL, *[test_segment.track("Spun", 20, {})] * 2
    )
    views = tmp_path / "views.csv"
    lines = [f"u{n},2024-01-{n + 1:02},view,i{n}" for n in range(20)]
    views.write_text("user,time,event,item\n" + "\n".join(lines) + "\n")
    report = guess_sources([calls, views])
    text = write_settings(tmp_path / "shop", report).read_text(encoding="utf-8")
    assert text.count("which event type is this?") == 1
    assert text.index('Spun = "..."') < text.index('name = "views"')
