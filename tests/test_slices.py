from dataclasses import replace

import numpy as np
import pytest

from habitue.profiles.person_groups import GROUPS
from habitue.schema import PLATFORMS
from habitue.sequences.sequences import Sequences
from habitue.slices import Groups, Slice
from tests.histories import day, make_sequences

CUT = day(100)
# Twenty long known with five events each, twenty new with two events each.
PAST = make_sequences([[(n, 0) for n in range(5)]] * 20 + [[(90, 0), (91, 0)]] * 20)


def slices_of(past: Sequences, values: list[float]) -> dict[str, Slice]:
    groups = Groups(CUT)
    half = len(past) // 2
    for part in (past.slice(0, half), past.slice(half, len(past))):
        groups.add(part)
    return {one.name: one for one in groups.slices(np.array(values))}


def test_who_is_new_and_who_is_rare_is_told_from_the_past() -> None:
    found = slices_of(PAST, [0.9] * 20 + [0.1] * 20)
    assert set(found) == {"new", "rare"}
    assert found["new"].inside.n == 20
    assert found["new"].inside.mean == pytest.approx(0.1)
    assert found["new"].others.mean == pytest.approx(0.9)
    assert found["rare"].inside == found["new"].inside


def test_the_tenth_with_the_most_events_is_heavy() -> None:
    past = make_sequences([[(day_of, 0) for day_of in range(1 + n)] for n in range(100)])
    heavy = slices_of(past, [float(n) for n in range(100)])["heavy"]
    assert heavy.inside.n == 10
    assert heavy.inside.mean == pytest.approx(np.mean(np.arange(90, 100)), abs=0.1)


def test_persons_belong_to_the_platform_of_most_of_their_events() -> None:
    web, app = PLATFORMS.index("web") + 1, PLATFORMS.index("app") + 1
    platform = np.array([web, app, app, web, 0] * 20 + [web, 0] * 20, dtype=np.int32)
    platform[:50] = [app, app, app, web, 0] * 10
    found = slices_of(replace(PAST, features={"platform": platform}), [0.5] * 40)
    assert found["platform: web"].inside.n == 30
    assert found["platform: app"].inside.n == 10


def test_a_group_is_worse_only_where_the_intervals_do_not_touch() -> None:
    clear = slices_of(PAST, [0.9, 0.7] * 10 + [0.1, 0.3] * 10)["new"]
    noisy = slices_of(PAST, [1.0, 0.0] * 10 + [0.9, 0.0] * 10)["new"]
    assert clear.is_worse
    assert not clear.is_better
    assert not noisy.is_worse
    assert slices_of(PAST, [0.1] * 20 + [0.9] * 20)["new"].is_better


@pytest.mark.parametrize(("old", "new"), [(30, 9), (9, 30)])
def test_a_group_of_a_few_is_left_out_and_so_are_all_but_a_few(old: int, new: int) -> None:
    past = make_sequences([[(n, 0) for n in range(5)]] * old + [[(91, 0)]] * new)
    assert "new" not in slices_of(past, [0.9] * old + [0.0] * new)


def test_every_group_has_a_name_of_the_contract() -> None:
    assert set(slices_of(PAST, [0.0] * 40)) <= set(GROUPS)
