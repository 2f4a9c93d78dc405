"""Records of every layout with anything in any place: none is lost, and nothing breaks."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.events.adapters import test_ga4, test_posthog, test_segment, test_sensors
from tests.events.adapters.exports import Record, Shop, sums_up, write_lines

RECORDS: Mapping[str, Sequence[Record]] = {
    "ga4": (test_ga4.PURCHASE, test_ga4.event("view_item", test_ga4.item("p1"))),
    "segment": test_segment.ALL,
    "posthog": (test_posthog.VIEW, test_posthog.IDENTIFY, test_posthog.ORDER),
    "sensors": (test_sensors.VIEW, test_sensors.SIGNUP, test_sensors.PAID),
}
ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["", " ", "\0", "null", "\u200b", "1e5", "[]", "{", "2024-13-45", "x" * 300]),
    st.lists(st.one_of(st.none(), st.integers(), st.text(max_size=3)), max_size=3),
    st.dictionaries(st.text(max_size=3), st.one_of(st.none(), st.text(max_size=3)), max_size=2),
)


def places(value: object) -> list[tuple[object, ...]]:
    """The keys that lead to each value within."""
    inner: list[tuple[object, object]] = []
    if isinstance(value, Mapping):
        inner = list(value.items())
    elif isinstance(value, list | tuple):
        inner = list(enumerate(value))
    return [(key, *rest) for key, one in inner for rest in [(), *places(one)]]


def replaced(value: object, place: Sequence[object], other: object) -> object:
    if not place:
        return other
    if isinstance(value, Mapping):
        return {k: replaced(v, place[1:], other) if k == place[0] else v for k, v in value.items()}
    assert isinstance(value, list | tuple)
    return [replaced(v, place[1:], other) if n == place[0] else v for n, v in enumerate(value)]


@pytest.mark.slow
@pytest.mark.parametrize("name", RECORDS)
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_value_anywhere_is_accepted_or_set_aside(
    name: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    good = RECORDS[name]
    odd = []
    for _ in range(60):
        record = data.draw(st.sampled_from(good))
        place = data.draw(st.sampled_from(places(record)))
        odd.append(json.dumps(replaced(record, place, data.draw(ANYTHING))))
    folder: Path = tmp_path_factory.mktemp(name)
    shop = Shop(folder, name, max_bad=1.0)
    path = write_lines(folder / "odd.json", *good, *odd)

    report = shop.ingest(path)

    assert sums_up(report)
    assert report.received == len(good) + len(odd)
    assert sum(report.by_reason.values()) == report.quarantined
    again = shop.ingest(path)
    assert (again.accepted, again.event_rows) == (0, 0)
