"""Times that clocks and calendars make awkward, and what profiles say of them."""

from pathlib import Path

import pytest

from habitue.config import ProfileSettings, Settings, SourceSettings
from habitue.events.ingest import ingest_files
from habitue.events.ingest_report import IngestReport
from habitue.events.store import EventStore
from habitue.profiles.norms import fit_norms
from habitue.profiles.profile import Profile, build_profiles
from habitue.schema import DAY

COLUMNS: dict[str, str | list[str]] = {
    "user_id": "user", "event_type": "event", "timestamp": "at", "item_id": "item",
}  # fmt: skip


def profile_of(
    folder: Path, *times: str, zone: str = "Europe/Berlin"
) -> tuple[Profile, IngestReport]:
    """The profile of one person who viewed an item at each of these times, and the report."""
    path = folder / "log.csv"
    rows = [f"u1,view,{at},item {n}\n" for n, at in enumerate(times)]
    path.write_text("user,event,at,item\n" + "".join(rows))
    source = SourceSettings(name="log", columns=COLUMNS, time_zone=zone)
    store = EventStore(folder / "store")
    report = ingest_files(store, [path], Settings(sources=[source]))
    store.reload()
    as_of = store.end_at + DAY
    bucket = store.bucket_of(0)
    profiles = build_profiles(
        store.read_bucket(bucket, as_of=as_of),
        store.items(as_of=as_of),
        as_of=as_of,
        norms=fit_norms(store, as_of=as_of, settings=ProfileSettings()),
        settings=ProfileSettings(),
        user_ids=store.outside_ids,
        predictions={},
        model_version="0001",
    )
    return profiles[0], report


@pytest.mark.parametrize(
    ("at", "seen"),
    [
        ("2024-06-01T12:00:00Z", "2024-06-01T12:00:00Z"),
        ("2024-06-01T12:00:00+08:00", "2024-06-01T04:00:00Z"),
        ("2024-06-01T12:00:00", "2024-06-01T10:00:00Z"),  # in Berlin
        ("2024-06-01 12:00:00", "2024-06-01T10:00:00Z"),
        ("2024-06-01", "2024-05-31T22:00:00Z"),  # the day's beginning there
        ("2024-03-31 02:30:00", "2024-03-31T01:30:00Z"),  # skipped: forward to 03:30
        ("2024-10-27 02:30:00", "2024-10-27T00:30:00Z"),  # twice: the first
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z"),  # a leap second
    ],
)
def test_an_awkward_time_is_one_moment_of_the_profile(tmp_path: Path, at: str, seen: str) -> None:
    profile, report = profile_of(tmp_path, at)
    assert (report.accepted, report.quarantined) == (1, 0)
    assert profile.facts["first_seen"] == profile.facts["last_seen"] == seen
    assert profile.facts["events"] == 1


@pytest.mark.parametrize("at", ["2024-06-01T24:00:00Z", "2024-W22-6", "2024-06-01T12:00:61Z"])
def test_a_time_that_there_is_not_counts_nowhere(tmp_path: Path, at: str) -> None:
    profile, report = profile_of(tmp_path, "2024-06-01T12:00:00Z", at)
    assert report.by_reason == {"time_not_readable": 1}
    assert profile.facts["events"] == 1
    assert profile.facts["last_seen"] == "2024-06-01T12:00:00Z"


def test_the_hour_that_comes_twice_keeps_the_order_that_offsets_tell(tmp_path: Path) -> None:
    profile, report = profile_of(
        tmp_path, "2024-10-27T02:45:00+02:00", "2024-10-27T02:15:00+01:00", "2024-10-27 02:30:00"
    )
    assert report.accepted == 3
    assert profile.facts["first_seen"] == "2024-10-27T00:30:00Z"
    assert profile.facts["last_seen"] == "2024-10-27T01:15:00Z"


def test_a_visit_across_the_change_of_clocks_is_one_visit(tmp_path: Path) -> None:
    """01:50 and 03:10 in Berlin are twenty minutes apart on the night an hour is skipped."""
    profile, _ = profile_of(tmp_path, "2024-03-31 01:50:00", "2024-03-31 03:10:00")
    assert profile.facts["sessions"] == 1
    assert profile.facts["events"] == 2


def test_one_moment_written_in_three_zones_is_one_moment(tmp_path: Path) -> None:
    profile, _ = profile_of(
        tmp_path, "2024-06-01T12:00:00Z", "2024-06-01T20:00:00+08:00", "2024-06-01 14:00:00"
    )
    assert profile.facts["events"] == 3
    assert profile.facts["first_seen"] == profile.facts["last_seen"] == "2024-06-01T12:00:00Z"
