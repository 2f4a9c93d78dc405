"""All that the report shows, as plain records: the contract between the workspace and the page.

Parts that come from another stage's JSON document are in `documents`, figures of the shop in
`figures`. What is None or empty disappears from the page, with a sentence that says why.
"""

from dataclasses import dataclass, field
from typing import Literal

from habitue.report.blocks import Block
from habitue.report.documents import Advice, Alert, Evaluation, Profile
from habitue.report.figures import ShopStatistics
from habitue.schema import Task

Role = Literal["champion", "slipping", "newcomer"]


@dataclass(frozen=True)
class ModelSummary:
    """The model behind the figures."""

    version: str
    architecture: str = ""
    parameters: int = 0
    trained_until: int | None = None  # as_of of its training
    seconds: float = 0.0
    learning: list[dict[str, float]] = field(default_factory=list)  # one row an epoch
    best_epoch: int | None = None
    choices: list[str] = field(default_factory=list)  # what was chosen and why, one sentence each
    records: list[str] = field(default_factory=list)  # the same in the words of the training


@dataclass(frozen=True)
class SegmentSummary:
    """A segment: how many, worth how much, and what marks it in one sentence."""

    name: str
    persons: int
    revenue: float | None
    sentence: str


@dataclass(frozen=True)
class PersonEvent:
    """One event of a person, as drawn on the time line."""

    timestamp: int
    event_type: str
    text: str  # item name, query, …


@dataclass(frozen=True)
class PersonStory:
    """A person shown in full."""

    role: Role
    profile: Profile
    events: list[PersonEvent]
    recommendations: list[Advice]


@dataclass(frozen=True)
class AdviceExample:
    """A person and what to offer them."""

    user_id: str
    context: str  # what the person did lately, one sentence
    items: list[Advice]


@dataclass(frozen=True)
class AudienceSummary:
    """A group ready to be reached, with the command that exports it."""

    title: str
    sentence: str  # the rule in words
    persons: int
    command: str
    value: float | None = None  # of the last year, or as the sentence says


@dataclass(frozen=True)
class ReportData:
    """Everything on the page."""

    shop_name: str
    currency: str  # ISO 4217, empty where unknown
    generated_at: int
    as_of: int
    fingerprint: str
    habitue_version: str
    statistics: ShopStatistics
    model: ModelSummary | None = None
    evaluation: Evaluation | None = None
    card: list[Block] = field(default_factory=list)  # of the model, without its title
    tasks: list[Task] = field(default_factory=list)  # by which names are put into words
    unanswered: dict[str, str] = field(default_factory=dict)  # task -> why it is not predicted
    is_behind: bool = False  # whether events came in after the last refresh
    segments: list[SegmentSummary] = field(default_factory=list)
    groups: list[SegmentSummary] = field(default_factory=list)  # learnt: whose behaviour is alike
    no_groups: str = ""  # why there are none
    stories: list[PersonStory] = field(default_factory=list)
    churn_task: str = ""
    alerts: list[Alert] = field(default_factory=list)
    num_alerts: int | None = None  # of all persons; None: as many as are listed
    examples: list[AdviceExample] = field(default_factory=list)
    audiences: list[AudienceSummary] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    other_currencies: tuple[str, ...] = ()  # of purchases whose amounts are left out
    workspace: str = ""  # the option that names it in commands, with a blank before it
