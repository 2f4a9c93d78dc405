"""The counting and linear models that every benchmark runs, with the settings tried for each.

Comes in: a trial. Goes out: each family's best member, chosen on validation. Knows nothing about
how results are kept.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Final

from habitue.baselines.cooccurrence import CoOccurrenceSettings
from habitue.baselines.item_histories import ItemHistories
from habitue.baselines.next_item import (
    FittedNextItem,
    ItemKnn,
    ItemToItem,
    Markov,
    MostTaken,
    NextItemModel,
    TakenTogether,
)
from habitue.baselines.transitions import Ease, LinearTransitions
from habitue.benchmarks.protocols import Trial
from habitue.benchmarks.ranking import measures, ranks
from habitue.compute import Progress
from habitue.files import Json

_DECAYS = (0.6, 0.7, 0.8)
_MANY_ITEMS = 15_000


@dataclass(frozen=True)
class Family:
    """One kind of model: the settings to fit, and the decays to ask each fitted one with."""

    name: str
    members: tuple[NextItemModel, ...]
    query_decays: tuple[float, ...] = ()  # none: as each member says
    is_dear: bool = False  # of a large catalogue only the first member is tried

    def member(self, chosen: Mapping[str, Json]) -> "Member | None":
        """Return the member whose settings are these, or None."""
        decays = self.query_decays or (None,)
        known = (Member(model, decay) for model in self.members for decay in decays)
        return next((one for one in known if one.as_json() == chosen), None)

    def as_json(self) -> Json:
        """Return all that is tried."""
        decays: tuple[float | None, ...] = self.query_decays or (None,)
        return [Member(model, decay).as_json() for model in self.members for decay in decays]


@dataclass(frozen=True)
class Member:
    """One choice of settings of a family."""

    model: NextItemModel
    query_decay: float | None = None

    def fit(self, histories: ItemHistories, *, num_items: int) -> FittedNextItem:
        """Fit it as chosen."""
        return self.asked(self.model.fit(histories, num_items=num_items))

    def asked(self, fitted: FittedNextItem) -> FittedNextItem:
        """Return a fitted model of the same settings that looks back as chosen."""
        if self.query_decay is None or not isinstance(fitted, ItemToItem):
            return fitted
        return replace(fitted, query_decay=self.query_decay)

    def as_json(self) -> dict[str, Json]:
        """Return the settings."""
        told: dict[str, Json] = {**vars(self.model)}
        if isinstance(self.model, TakenTogether):
            told = {**told, "settings": asdict(self.model.settings)}
        if self.query_decay is not None:
            told["query_decay"] = self.query_decay
        return {key: value for key, value in told.items() if key != "name"}


FAMILIES: Final = (
    Family("popularity", (MostTaken(),)),
    Family("markov", (Markov(),)),
    Family(
        "cooccurrence",
        tuple(TakenTogether(settings=CoOccurrenceSettings(damping=one)) for one in (0.0, 0.3)),
        _DECAYS,
    ),
    Family("item_knn", (ItemKnn(),), (*_DECAYS, 1.0)),
    Family("ease", (Ease(penalty=50), Ease(penalty=150)), _DECAYS, is_dear=True),
    Family(
        "linear_transition",
        (LinearTransitions(decay=0.6, penalty=40), LinearTransitions(decay=0.7, penalty=20)),
        is_dear=True,
    ),
)


@dataclass(frozen=True)
class ChosenMember:
    """The best member of a family, fitted on the training part, and how it did on validation."""

    member: Member
    fitted: FittedNextItem
    validation: dict[str, float]


def members_tried(family: Family, num_items: int) -> tuple[NextItemModel, ...]:
    """Return the settings to fit: what takes minutes each, once where there are many items."""
    return family.members[:1] if family.is_dear and num_items > _MANY_ITEMS else family.members


def choose_member(family: Family, trial: Trial, progress: Progress) -> ChosenMember:
    """Fit each member on the training part and return the best on validation, the first if equal.

    In memory are the best one so far and the one at hand.
    """
    best: ChosenMember | None = None
    for tried in _tried(family, trial, progress):
        value = tried.validation[trial.chosen_by]
        if best is None or value > best.validation[trial.chosen_by]:
            best = tried
    assert best is not None  # no family is empty
    return best


def _tried(family: Family, trial: Trial, progress: Progress) -> Iterator[ChosenMember]:
    for model in members_tried(family, trial.num_items):
        fitted = model.fit(trial.training, num_items=trial.num_items)
        for decay in family.query_decays or (None,):
            member = Member(model, decay)
            asked = member.asked(fitted)
            found = ranks(asked, trial.validation, num_items=trial.num_items, progress=progress)
            yield ChosenMember(member, asked, measures(found, trial.metrics))
