import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from habitue.checksums import CHECKSUMS_FILE, building_sealed_folder
from habitue.errors import Failed, NotReady, Refused, UnknownName
from habitue.files import write_json
from habitue.schema import parse_time
from habitue.versions import (
    CARD_FILE,
    PARTS,
    POINTER_FILE,
    VERSION_FORMAT,
    Card,
    Versions,
    read_card,
    read_evaluation,
    write_card,
    write_evaluation,
)


def add(
    versions: Versions,
    until: str,
    card: Card | None = None,
    *,
    arrays: Mapping[str, dict[str, Any]] | None = None,
) -> str:
    with versions.building() as (name, folder):
        for part in PARTS:
            (folder / part).mkdir()
        for file, content in (arrays or {}).items():
            if file.endswith("npz"):
                np.savez(folder / file, **content)
            else:
                save_file(content, folder / file)
        write_card(folder, card or card_of(name, until))
    return name


def card_of(name: str, until: str) -> Card:
    return Card(
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
    )


def make_older(folder: Path) -> None:
    """Let a version look as one of the release before: without checksums."""
    card = json.loads((folder / CARD_FILE).read_text())
    (folder / CARD_FILE).write_text(json.dumps(card | {"format_version": VERSION_FORMAT - 1}))
    (folder / CHECKSUMS_FILE).unlink()


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
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["writer.lock"]


def test_two_trainings_at_once_are_refused_with_the_process_of_the_first(tmp_path: Path) -> None:
    versions = Versions(tmp_path / "models")
    expected = pytest.raises(Refused, match=f"models is being written by process {os.getpid()}")
    with versions.building(), expected as caught, versions.building():
        pass
    assert caught.value.code == "store_locked"


def test_what_a_killed_training_left_is_no_version_and_in_nobodys_way(tmp_path: Path) -> None:
    versions = Versions(tmp_path / "models")
    add(versions, "2025-01-01")
    (versions.folder / "0002" / "network").mkdir(parents=True)
    (versions.folder / "0002" / "network" / "half").write_text("half")
    (versions.folder / "0001-copy").mkdir()
    shutil.copy(versions.folder / "0001" / "card.json", versions.folder / "0001-copy")
    assert versions.names() == ["0001"]
    with pytest.raises(UnknownName, match="no model version '0002'"):
        versions.publish("0002")
    assert add(versions, "2025-02-01") == "0003"


def test_versions_beyond_four_digits_stay_in_order(tmp_path: Path) -> None:
    versions = Versions(tmp_path / "models")
    add(versions, "2025-01-01")
    (versions.folder / "0001").rename(versions.folder / "9999")
    assert add(versions, "2025-02-01") == "10000"
    assert versions.names() == ["9999", "10000"]


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


def test_rollback_to_a_version_that_is_gone_or_torn_is_refused(tmp_path: Path) -> None:
    versions = Versions(tmp_path / "models")
    first, second = add(versions, "2025-01-01"), add(versions, "2025-02-01")
    versions.publish(first)
    versions.publish(second)
    shutil.rmtree(versions.folder / first / "network")
    with pytest.raises(NotReady, match=r"0001 is not whole: network is missing.*publish VERSION"):
        versions.rollback()
    shutil.rmtree(versions.folder / first)
    with pytest.raises(NotReady, match=r"version 0001, which shall answer, is no longer in"):
        versions.rollback()
    assert versions.published == second


def test_a_published_version_that_is_gone_never_answers(tmp_path: Path) -> None:
    versions = Versions(tmp_path / "models")
    first, second = add(versions, "2025-01-01"), add(versions, "2025-02-01")
    versions.publish(second)
    shutil.rmtree(versions.folder / second)
    with pytest.raises(
        NotReady, match=rf"version 0002.*habitue models publish .*\(here: {first}\)"
    ):
        versions.answering()
    shutil.rmtree(versions.folder / first)
    with pytest.raises(NotReady, match="Train again: habitue train"):
        versions.answering()


def test_a_torn_version_is_not_published(tmp_path: Path) -> None:
    versions = Versions(tmp_path / "models")
    name = add(versions, "2025-01-01")
    shutil.rmtree(versions.folder / name / "tasks")
    with pytest.raises(NotReady, match=r"not whole: tasks is missing. Train again"):
        versions.publish(name)
    assert not (versions.folder / POINTER_FILE).exists()


def test_a_damaged_card_is_named(tmp_path: Path) -> None:
    versions = Versions(tmp_path / "models")
    name = add(versions, "2025-01-01")
    (versions.folder / name / "card.json").write_text('{"version": "00')
    with pytest.raises(NotReady, match=r"card of model version 0001 is damaged .*card.json"):
        versions.card(name)
    assert versions.readable_cards() == []


def test_a_training_replaces_a_published_version_that_cannot_be_read(tmp_path: Path) -> None:
    versions = Versions(tmp_path / "models")
    first, second = add(versions, "2025-02-01"), add(versions, "2025-01-01")
    versions.publish(first)
    assert versions.why_not_newest(second) == (
        "Not published: it learned until 2025-01-01T00:00:00Z, and version 0001, which answers, "
        "until 2025-02-01T00:00:00Z. It answers where --as-of names a moment in between; to let "
        "it always answer: habitue models publish 0002"
    )
    make_older(versions.path(first))
    assert versions.why_not_newest(second) == ""


def test_an_evaluation_is_kept_with_its_version(tmp_path: Path) -> None:
    assert read_evaluation(tmp_path) is None
    write_evaluation(tmp_path, {"until": "2025-01-01"})
    assert read_evaluation(tmp_path) == {"until": "2025-01-01"}


def test_a_version_of_another_release_is_refused_with_the_next_command(tmp_path: Path) -> None:
    versions = Versions(tmp_path / "models")
    name = add(versions, "2025-01-01")
    make_older(versions.path(name))
    with pytest.raises(NotReady, match=r"made by another release .*Train again: habitue train"):
        versions.card(name)


def test_a_version_of_a_later_format_asks_for_an_upgrade(tmp_path: Path) -> None:
    versions = Versions(tmp_path / "models")
    card = replace(card_of("0001", "2025-01-01"), format_version=VERSION_FORMAT + 1)
    name = add(versions, "2025-01-01", card)
    expected = rf"has format {VERSION_FORMAT + 1}; .* up to {VERSION_FORMAT}\. Upgrade Habitue"
    with pytest.raises(NotReady, match=expected) as told:
        versions.publish(name)
    assert told.value.code == "newer_format"
    assert versions.published is None


def test_a_card_with_what_this_release_does_not_know_is_of_another_release(tmp_path: Path) -> None:
    with building_sealed_folder(tmp_path / "0001") as folder:
        card = asdict(card_of("0001", "2025-01-01")) | {"aura": "blue", "habitue_version": "9.1"}
        write_json(folder / CARD_FILE, card)
    with pytest.raises(NotReady, match=r"another release of Habitue \(9\.1\)") as told:
        read_card(tmp_path / "0001")
    assert told.value.code == "version_format"


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("file", ["network/weights.safetensors", "recommender/counts.npz"])
def test_a_version_with_a_number_that_is_not_finite_is_never_published(
    tmp_path: Path, number: float, file: str
) -> None:
    versions = Versions(tmp_path / "models")
    weights = np.ones((3, 2), dtype=np.float32)
    arrays = {"bias": weights, "count": np.arange(3)}
    versions.publish(add(versions, "2025-01-01", arrays={file: arrays}))
    weights[2, 1] = number
    name = add(versions, "2025-02-01", arrays={file: arrays})
    with pytest.raises(Failed, match=rf"'bias' in .*{file} is not finite.*\(here: 0001\)") as told:
        versions.publish(name)
    assert told.value.code == "not_finite"
    assert versions.published == "0001"


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
