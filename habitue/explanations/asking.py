"""What may be asked of `explain`, checked, and who answers it.

In: a customer or none, a task or an item. Out: an explanation, or what moves a task in the shop.
"""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from habitue.actions.recommend import Adviser
from habitue.answering import Version
from habitue.arguments import check_count, check_id
from habitue.config import Settings
from habitue.errors import Refused
from habitue.events.log import EventLog
from habitue.explanations.drivers import Drivers, explain_shop
from habitue.explanations.items import explain_item, explain_item_to_nobody
from habitue.explanations.questions import EVENTS_CITED, Manner, Person
from habitue.explanations.record import Explanation
from habitue.explanations.removals import History
from habitue.explanations.tasks import explain_nobody, explain_task
from habitue.explanations.texts import Words


@dataclass(frozen=True)
class Asked:
    """A customer's task or item; without a customer, a task."""

    user: str | None
    task: str | None
    item: str | None
    threshold: float | None
    limit: int

    @classmethod
    def of(
        cls,
        user: str | None,
        *,
        task: str | None,
        item: str | None,
        threshold: float | None,
        limit: int | None,
    ) -> "Asked":
        """Return the question.

        Raises:
            Refused: it asks for both or neither of a task and an item, or for nobody's item.
        """
        if (task is None) == (item is None):
            given = "neither" if task is None else "both"
            raise Refused(
                f"A task or an item is explained, and {given} was given.",
                fix="Pass a task (--task purchase_30d) or an item (--item ID).",
                code="usage",
            )
        if user is None and task is None:
            raise Refused(
                f"An item is explained for a customer, and none is named beside item '{item}'.",
                fix="Name the customer: habitue explain USER --item ID",
                code="usage",
            )
        if user is not None:
            check_id(user)
        if item is not None:
            check_id(item)
        if threshold is not None and item is not None:
            raise Refused(
                f"The threshold {threshold} is that of a task, and an item was asked about.",
                fix="Leave --threshold out: an item is among the first 10 offers, or it is not.",
                code="usage",
            )
        limit = check_count("limit", EVENTS_CITED if limit is None else limit)
        return cls(user, task, item, threshold, limit)


def explain(
    asked: Asked,
    version: Version,
    log: EventLog,
    *,
    as_of: int,
    settings: Settings,
    person: Callable[[str], pl.DataFrame | None],
    adviser: Callable[[], Adviser],
) -> Explanation | Drivers:
    """Answer the question; `person` returns somebody's events, None where nobody has seen them."""
    words = Words(settings.shop.language)
    if asked.task is not None:
        version.check_task(asked.task)
    if asked.user is None:
        assert asked.task is not None, "an item is explained for a customer"
        return explain_shop(version, log, asked.task, words, as_of=as_of)
    events = person(asked.user)
    if events is None:
        if asked.task is not None:
            return explain_nobody(version, asked.user, asked.task, words, as_of=as_of)
        assert asked.item is not None, "a task or an item is asked about"
        return explain_item_to_nobody(
            version, adviser(), asked.user, asked.item, words, as_of=as_of
        )
    cleaning = settings.cleaning
    history = History(events, cleaning.session_gap_minutes, cleaning.bot_events_per_day)
    somebody = Person.of(asked.user, history, log.items(as_of=as_of), as_of=as_of)
    manner = Manner(
        words,
        limit=asked.limit,
        threshold=asked.threshold,
        alert_lift=settings.alerts.min_lift,
        time_zone=version.norms.traits.time_zone,
    )
    if asked.task is not None:
        return explain_task(version, somebody, asked.task, manner)
    assert asked.item is not None, "a task or an item is asked about"
    return explain_item(version, adviser(), somebody, asked.item, manner)
