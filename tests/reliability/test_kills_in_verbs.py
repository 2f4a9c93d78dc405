"""Every verb that writes is killed, at operations on files and at random moments."""

import random
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path

import pytest

from tests.reliability.counts import VERB_KILLS
from tests.reliability.verbs import VERBS, judged, left_over, make_place, state_of
from tests.reliability.victims import Order, Victims

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_place(tmp_path_factory.mktemp("template") / "place")


@dataclass(frozen=True)
class Kill:
    """When a victim is killed: at an operation, or after so many seconds."""

    at: int = 0
    after: float = 0.0
    is_torn: bool = False

    def of(self, order: Order) -> Order:
        return replace(order, kill_at=self.at, kill_after=self.after, is_torn=self.is_torn)


@dataclass
class Trial:
    """A verb done again and again, each time in a fresh place."""

    victims: Victims
    verb: str
    template: Path
    folder: Path
    unguarded: bool = False
    number: int = 0

    def __post_init__(self) -> None:
        self.old, place = state_of(self.template), self.fresh()
        whole = self.victims.run(self.order(place))
        assert whole.done, whole.error
        self.operations, self.seconds, self.new = whole.operations, whole.seconds, state_of(place)
        assert self.new != self.old

    def fresh(self) -> Path:
        self.number += 1
        place = self.folder / f"{self.number}" / "place"
        shutil.copytree(self.template, place)
        return place

    def order(self, place: Path) -> Order:
        return Order(self.verb, str(place), str(place), unguarded=self.unguarded)

    def anywhere(self) -> Iterator[Kill]:
        """Yield kills at operations and at random moments."""
        rng = random.Random(self.verb)
        while True:
            if rng.random() < 0.3:
                yield Kill(after=rng.uniform(0, self.seconds))
            else:
                yield Kill(rng.randint(1, self.operations + 2), is_torn=rng.random() < 0.5)

    def outcomes(self, kills: Iterator[Kill], num: int) -> Counter[str]:
        """Kill the verb until it comes to its end, then begin afresh; count what is found."""
        found = Counter[str]()
        while found.total() < num:
            place, judgement = self.fresh(), "old"
            while judgement == "old" and found.total() < num:
                end = self.victims.run(next(kills).of(self.order(place)))
                judgement = judged(place, self.old, self.new)
                found[judgement] += end.is_killed
                # What was told is there, and nothing that killed ones left.
                if not end.is_killed:
                    assert (end.error, judgement, left_over(place)) == ("", "new", [])
            shutil.rmtree(place)
        return found


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_that_is_killed_leaves_the_old_or_the_new_and_goes_through_afterwards(
    victims: Victims, template: Path, verb: str, tmp_path: Path
) -> None:
    trial = Trial(victims, verb, template, tmp_path)
    found = trial.outcomes(trial.anywhere(), VERB_KILLS.now)
    assert found["damaged"] == 0
    assert found["old"] > 0


# What Polars writes as CSV passes unseen; see the power cuts.
@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "predict"])
def test_a_verb_that_writes_in_place_does_damage(
    victims: Victims, template: Path, verb: str, tmp_path: Path
) -> None:
    """The control."""
    trial = Trial(victims, verb, template, tmp_path, unguarded=True)
    last = cycle(Kill(at, is_torn=True) for at in range(trial.operations, 0, -1))
    assert trial.outcomes(last, min(trial.operations, 6))["damaged"] > 0
