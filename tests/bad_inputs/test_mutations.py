"""Whatever becomes of a file by chance: the sum comes out, or the file is refused in a sentence.

20,000 lines of text and 12,000 rows of Parquet, the same in each run; in the usual loop a fifth.
"""

import random
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from habitue.config import CleaningSettings, Settings, SourceSettings
from habitue.errors import Refused
from habitue.events.ingest import ingest_files
from habitue.events.ingest_report import IngestReport
from habitue.events.store import EventStore
from tests.bad_inputs.cases import SOURCE, merged, settings_text
from tests.bad_inputs.mutations import (
    HOSTILE,
    KINDS,
    Mutation,
    csv_file,
    json_lines_file,
    mutated,
    parquet_file,
    with_hostile_cells,
)
from tests.bad_inputs.running import run_measured
from tests.bad_inputs.stored import is_untouched
from tests.examples import examples

NUM_LINES = 200
NUMBERS = st.integers(0, 10**6)
MUTATIONS = st.lists(st.tuples(st.sampled_from(sorted(KINDS)), NUMBERS, NUMBERS), min_size=1)
CELLS = st.lists(
    st.tuples(st.integers(1, NUM_LINES - 1), st.integers(0, 5), st.integers(0, len(HOSTILE) - 1)),
    min_size=1,
    max_size=30,
)
GOOD = {
    "csv": csv_file(NUM_LINES),
    "jsonl": json_lines_file(NUM_LINES),
    "checked": parquet_file(100, checksums=True),
    "unchecked": parquet_file(100, checksums=False),
}


def ingested(content: bytes, format: str, folder: Path, max_bad: float) -> IngestReport | Refused:
    """What becomes of the file: its report, or why it is refused."""
    path = folder / "export"
    path.write_bytes(content)
    source = SourceSettings.model_validate(merged(SOURCE, {"format": format}))
    rules = CleaningSettings(max_bad=max_bad)
    try:
        return ingest_files(
            EventStore(folder / "store"), [path], Settings(sources=[source], cleaning=rules)
        )
    except Refused as refusal:
        return refusal


def check(content: bytes, format: str, max_bad: float) -> None:
    with tempfile.TemporaryDirectory() as name:
        told = ingested(content, format, Path(name), max_bad)
        store = Path(name) / "store"
        if isinstance(told, Refused):
            assert is_untouched(store)
            assert told.message
            assert told.fix
            return
        assert told.received == told.accepted + told.duplicates + told.quarantined
        assert told.repaired <= told.accepted
        assert sum(told.by_reason.values()) == told.quarantined
        assert EventStore(store).num_events == told.event_rows == told.accepted
        again = ingested(content, format, Path(name), max_bad)
        assert isinstance(again, IngestReport)
        assert (again.accepted, again.received) == (0, told.received)
        assert again.quarantined == told.quarantined


@pytest.mark.slow
@settings(max_examples=examples(30), derandomize=True, deadline=None)
@given(MUTATIONS, st.sampled_from([0.05, 1.0]))
@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_sum_comes_out_for_any_text_or_it_is_refused(
    format: str, mutations: Sequence[Mutation], max_bad: float
) -> None:
    check(mutated(GOOD[format], mutations), format, max_bad)


@settings(max_examples=examples(60), derandomize=True, deadline=None)
@given(MUTATIONS)
@pytest.mark.parametrize("kind", ["checked", "unchecked"])
def test_sum_comes_out_for_any_parquet_or_it_is_refused(
    kind: str, mutations: Sequence[Mutation]
) -> None:
    check(mutated(GOOD[kind], mutations), "csv", 0.05)


@settings(max_examples=examples(20), derandomize=True, deadline=None)
@given(CELLS)
@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_bad_line_costs_itself_alone(format: str, cells: Sequence[tuple[int, int, int]]) -> None:
    content = with_hostile_cells(GOOD[format], cells)
    first = 1 if format == "csv" else 0
    touched = {f"u{line - first}" for line, _, _ in cells}
    with tempfile.TemporaryDirectory() as name:
        told = ingested(content, format, Path(name), max_bad=1.0)
        assert isinstance(told, IngestReport), told
        users = set(EventStore(Path(name) / "store").read_table("subjects")["outside_id"])
    assert {f"u{n}" for n in range(NUM_LINES)} - touched <= users


@pytest.mark.slow
@pytest.mark.parametrize("make", [csv_file, json_lines_file], ids=["csv", "jsonl"])
def test_bad_file_takes_less_than_twice_the_memory_of_a_good_one(
    make: Callable[[int], bytes], tmp_path: Path
) -> None:
    num_lines, chance = 20_000, random.Random(0)
    good = make(num_lines)
    cells = [
        (chance.randrange(1, num_lines), chance.randrange(6), chance.randrange(len(HOSTILE)))
        for _ in range(num_lines)
    ]
    format = "csv" if make is csv_file else "jsonl"
    given = {"source": {"format": format}, "cleaning": {"max_bad": 1.0}}
    peaks = []
    for name, content in (("good", good), ("bad", with_hostile_cells(good, cells))):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "habitue.toml").write_text(settings_text(given))
        (folder / "export").write_bytes(content)
        ran = run_measured("ingest", "-w", folder, folder / "export", "--json")
        assert ran.code == 0, ran.out
        peaks.append(ran.peak_mb)
    assert peaks[1] < 2 * peaks[0]
