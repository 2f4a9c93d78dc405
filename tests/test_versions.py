from pathlib import Path

import pytest

from habitue.errors import NotReady, UnknownName
from habitue.schema import parse_time
from habitue.versions import Card, Versions, write_card


def add(versions: Versions, until: str) -> str:
    with versions.building() as (name, folder):
        write_card(
            folder,
            Card(
                version=name,
                created_at="2025-01-01T00:00:00Z",
                architecture="gru",
                size="tiny",
                seed=0,
                parameters=1,
                epochs=1,
                events=1,
                seconds=1.0,
                events_per_second=1.0,
                trained_until=parse_time(until),
                data_fingerprint="f",
                habitue_version="0",
            ),
        )
    return name


def test_versions_are_numbered_and_listed(tmp_path: Path) -> None:
    versions = Versions(tmp_path / "models")
    assert versions.names() == []
    assert [add(versions, "2025-01-01"), add(versions, "2025-02-01")] == ["0001", "0002"]
    assert versions.names() == ["0001", "0002"]


def test_a_version_that_fails_while_building_leaves_nothing(tmp_path: Path) -> None:
    versions = Versions(tmp_path / "models")
    with pytest.raises(RuntimeError, match="torn"), versions.building() as (_, folder):
        (folder / "card.json").write_text("{}")
        raise RuntimeError("torn")
    assert versions.names() == []
    assert list((tmp_path / "models").iterdir()) == []


def test_rollback_returns_to_the_version_before(tmp_path: Path) -> None:
    versions = Versions(tmp_path / "models")
    first, second = add(versions, "2025-01-01"), add(versions, "2025-02-01")
    versions.publish(first)
    versions.publish(second)
    assert versions.published == second
    assert versions.rollback() == first
    assert versions.published == first
    with pytest.raises(NotReady, match="No version was published before '0001'"):
        versions.rollback()


def test_a_version_of_another_release_is_refused_with_the_next_command(tmp_path: Path) -> None:
    versions = Versions(tmp_path / "models")
    name = add(versions, "2025-01-01")
    card = versions.path(name) / "card.json"
    card.write_text(card.read_text().replace('"format_version": 1', '"format_version": 0'))
    with pytest.raises(NotReady, match=r"made by another release .*Train again: habitue train"):
        versions.card(name)


def test_an_unknown_version_is_named_with_the_known_ones(tmp_path: Path) -> None:
    versions = Versions(tmp_path / "models")
    add(versions, "2025-01-01")
    with pytest.raises(UnknownName, match=r"no model version '0009'.*Versions here: 0001"):
        versions.publish("0009")


def test_a_moment_is_answered_only_by_a_version_that_knows_nothing_later(tmp_path: Path) -> None:
    versions = Versions(tmp_path / "models")
    with pytest.raises(NotReady, match="There is no model yet"):
        versions.answering()
    early, late = add(versions, "2025-01-01"), add(versions, "2025-02-01")
    versions.publish(late)
    assert versions.answering() == late
    assert versions.answering(parse_time("2025-02-01")) == late
    assert versions.answering(parse_time("2025-01-15")) == early
    with pytest.raises(NotReady, match="would know the future"):
        versions.answering(parse_time("2024-12-31"))
