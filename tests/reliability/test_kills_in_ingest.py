"""An ingest is killed again and again, at operations on files and at random moments."""

import json
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest

from habitue.events import compaction
from habitue.events.manifest import part_files
from habitue.events.store import EventStore
from tests.reliability.counts import INGEST_KILLS
from tests.reliability.shop_files import (
    NUM_FILES,
    State,
    bytes_of,
    ingest,
    judged,
    state_of,
    write_files,
)
from tests.reliability.victims import End, Order, Victims

LONGEST = 0.25  # seconds after which a victim has certainly begun to write
OPERATIONS = 130  # a few more than any of the ingests takes
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> list[list[Path]]:
    folder = tmp_path_factory.mktemp("exports")
    return [write_files(folder, number) for number in range(NUM_FILES)]


@pytest.fixture(scope="module")
def expected(
    exports: list[list[Path]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[State], dict[str, bytes]]:
    """The states of a store that nobody killed, and its bytes at the end."""
    store = tmp_path_factory.mktemp("whole") / "store"
    states = [state_of(store)]
    with mock.patch.object(compaction, "MOST_PARTS", 2):
        for given in exports:
            ingest(store, given)
            states.append(state_of(store))
    return states, bytes_of(store)


def order(store: Path, given: list[Path]) -> Order:
    return Order("ingest", str(store), json.dumps([str(store), *map(str, given)]))


def kill(victims: Victims, store: Path, given: list[Path], rng: random.Random) -> End:
    by_time = rng.random() < 0.3
    return victims.run(
        replace(
            order(store, given),
            kill_at=0 if by_time else rng.randint(1, OPERATIONS),
            is_torn=rng.random() < 0.4,
            kill_after=rng.uniform(0.01, LONGEST) if by_time else 0.0,
        )
    )


def test_whatever_is_killed_the_store_is_the_old_or_the_new_and_ends_as_if_nobody_had(
    victims: Victims,
    exports: list[list[Path]],
    expected: tuple[list[State], dict[str, bytes]],
    tmp_path: Path,
) -> None:
    states, whole = expected
    rng = random.Random(0)
    outcomes: Counter[str] = Counter()
    finished = 0
    while outcomes["old"] + outcomes["new"] < INGEST_KILLS.now:
        store = tmp_path / f"store{finished}"
        for number, given in enumerate(exports):
            done = False
            while not done:
                end = kill(victims, store, given, rng)
                assert end.error == ""
                done = end.done
                found = judged(store, states[number], states[number + 1])
                # What was told is there; what was not is there as a whole or not at all.
                assert found in (("new",) if done else ("old", "new"))
                outcomes[found] += end.is_killed
        assert bytes_of(store) == whole
        # What was replaced goes with the next ingest, and nothing else is left.
        assert victims.run(order(store, exports[0])).done
        assert part_files(store) == {part.path for part in EventStore(store).manifest.parts}
        assert not list(store.rglob("*.tmp"))
        finished += 1
    assert finished >= 5
    assert outcomes["old"] > INGEST_KILLS.now / 2
    assert outcomes["new"] > 0


def test_without_writing_beside_kills_do_damage(
    victims: Victims,
    exports: list[list[Path]],
    expected: tuple[list[State], dict[str, bytes]],
    tmp_path: Path,
) -> None:
    """The control: files written in place are found torn."""
    states, _ = expected
    unguarded = replace(order(tmp_path / "store", exports[0]), unguarded=True)
    operations = victims.run(unguarded).operations
    damaged = 0
    for trial in range(operations - 6, operations + 1):
        store = tmp_path / f"store{trial}"
        doomed = replace(order(store, exports[0]), unguarded=True, is_torn=True, kill_at=trial)
        assert victims.run(doomed).is_killed
        damaged += judged(store, states[0], states[1]) == "damaged"
    assert damaged > 0
