"""What the templates ask for beyond plain figures: drawn charts, task names, local times.

In: `ReportData`. Out: texts and `Chart`s, collected for the page's script. Knows no HTML.
"""

from dataclasses import asdict

from markupsafe import Markup

from habitue.display import shorten
from habitue.languages import retold
from habitue.profiles.segment_texts import segment_label
from habitue.profiles.tag_texts import bare_name
from habitue.report import charts, findings, formats, scores
from habitue.report.data import PersonEvent, PersonStory, ReportData
from habitue.report.documents import (
    Advice,
    Document,
    Fact,
    Prediction,
    Profile,
    RecommendationScores,
    Scores,
    Tag,
    TaskScores,
)
from habitue.report.periods import to_local
from habitue.report.remarks import remarks
from habitue.report.texts import ENGLISH, Texts
from habitue.schema import EVENT_TYPES

# Shown of a person, in this order; a fact the profile lacks is left out.
FACTS = (
    "first_seen", "last_seen", "recency_days", "usual_gap_days", "events", "sessions",
    "active_days", "orders", "order_gap_days", "revenue", "monetary", "spend_90d", "refunds",
    "distinct_items", "favourite_weekday", "favourite_hour",
)  # fmt: skip
WEEKDAYS = tuple(ENGLISH[f"weekday.{day}"] for day in range(7))  # as facts have them
MONEY_FACTS = ("revenue", "monetary", "spend_90d", "refunds")
# The measure that stands for a task or for recommendations, the first one present.
HEADLINE_METRICS = ("hit_rate@10", "ndcg@10", "recall@10", "auc", "spearman", "accuracy")


class View:
    """One report, seen by the templates."""

    def __init__(self, data: ReportData) -> None:
        self._data = data
        self.texts = Texts()
        self.money = formats.Currency.of(data.currency)
        self._tasks = {task.name: task for task in data.tasks}
        self.charts: list[charts.Chart] = []

    @property
    def has_money(self) -> bool:
        """Whether the log has amounts."""
        sales = self._data.statistics.sales
        return sales is not None and sales.revenue is not None

    @property
    def payload(self) -> charts.Json:
        """All that the page's script needs: what to draw, and how money is written."""
        return {
            "charts": {chart.name: chart.option for chart in self.charts},
            "currency": asdict(self.money),
            "units": [[size, unit] for size, unit in formats.axis_units()],
            "percent": formats.percent_sign(),
        }

    def draw(self, chart: charts.Chart) -> charts.Chart:
        """Take a chart into the page; the template then places it."""
        self.charts.append(chart)
        return chart

    def local(self, at: int | None) -> int | None:
        """Return a UTC moment in local microseconds."""
        return None if at is None else to_local(at, self._data.statistics.time_zone)

    def date(self, at: int | None) -> str:
        """Return the local date of a UTC moment."""
        return formats.date(self.local(at))

    def date_time(self, at: int | None) -> str:
        """Return the local date and time of a UTC moment."""
        return formats.date_time(self.local(at))

    def moment(self, at: int) -> str:
        """Return the local date; in a log of hours, with the time of day."""
        return self.date(at) if self._data.statistics.span_days > 2 else self.date_time(at)

    def task(self, name: str) -> str:
        """Return what a task asks, in words."""
        return self.texts.task(name, self._tasks)

    def timeline(self) -> charts.Chart | None:
        """Return the chart of activity over time."""
        timeline = self._data.statistics.timeline
        if timeline is None:
            return None
        money = self.money if self.has_money else None
        return self.draw(charts.timeline_chart(timeline, self.texts, money=money))

    def warnings(self) -> list[Markup]:
        """Return what a reader must know before believing the page."""
        return remarks(self._data, self.texts, self.money)

    def command(self, line: str) -> str:
        """Return a command with the option that names this workspace."""
        return line + self._data.workspace

    def headline_metric(self, ours: Scores) -> str:
        """Return the measure that stands for these results."""
        known = [name for name in HEADLINE_METRICS if name in ours.metrics]
        return known[0] if known else next(iter(ours.metrics), "")

    def calibration(self, task: TaskScores) -> charts.Chart | None:
        """Return the reliability chart of a task of probabilities."""
        if len(task.reliability) < 2:
            return None
        name, title = f"calibration-{task.task}", self.task(task.task)
        return self.draw(charts.reliability_chart(name, task.reliability, self.texts, task=title))

    def is_amount(self, task: TaskScores) -> bool:
        """Return whether a task predicts amounts."""
        return "mae" in task.ours.metrics

    def deciles(self, task: TaskScores) -> charts.Chart | None:
        """Return the chart of results by tenth of people."""
        if len(task.deciles) < 2:
            return None
        persons = sum(decile.n for decile in task.deciles)
        total = sum(decile.observed * decile.n for decile in task.deciles)
        average = total / persons if persons else task.base_rate
        return self.draw(
            charts.decile_chart(
                f"deciles-{task.task}",
                task.deciles,
                self.texts,
                task=self.task(task.task),
                average=average,
                money=self.money if self.is_amount(task) else None,
            )
        )

    def learning(self) -> list[charts.Chart]:
        """Return the learning curves."""
        rows = self._data.model.learning if self._data.model else []
        return [self.draw(chart) for chart in charts.learning_charts(rows, self.texts)]

    def person(self, number: int, story: PersonStory) -> charts.Chart:
        """Return the chart of a person's events."""
        events = [
            PersonEvent(self.local(event.timestamp) or 0, event.event_type, event.text)
            for event in story.events
        ]
        stats = self._data.statistics
        return self.draw(
            charts.person_chart(
                f"person-{number}",
                events,
                self.texts,
                user=shorten(story.profile.user_id, 60),
                log_span=stats.end_at - stats.start_at,
            )
        )

    def facts(self, profile: Profile) -> list[tuple[str, str]]:
        """Return label and fact, in the order of `FACTS`."""
        return [
            (self.texts(f"fact.{name}"), self._fact(name, profile.facts[name]))
            for name in FACTS
            if name in profile.facts and not (name == "refunds" and not profile.facts[name])
        ]

    def _fact(self, name: str, fact: Fact) -> str:
        if name.endswith("_seen"):
            return self.date(Document({name: fact}).moment(name))
        if name == "favourite_weekday" and fact in WEEKDAYS:
            return self.texts(f"weekday.{WEEKDAYS.index(str(fact))}")
        if isinstance(fact, str | bool):
            return str(fact)
        if name in MONEY_FACTS:
            return self.money.money(fact)
        if name.endswith("_days") and name != "active_days":
            days = formats.number(fact, 0 if fact >= 10 else 1).removesuffix(".0")
            return self.texts("day") if days == "1" else self.texts("days", days=days)
        if name == "favourite_hour":
            return f"{int(fact)}:00"
        return formats.number(fact)

    def highest_return(self) -> float:
        """Return the highest share of a cohort that came back, at which shades end."""
        cohorts = self._data.statistics.cohorts
        shares = (
            [n / one.persons for one in cohorts.cohorts for n in one.active[1:]] if cohorts else []
        )
        return max(shares, default=0.0) or 1.0

    def category(self, path: str) -> Markup:
        """Return a category path with its last step set apart from the way to it."""
        return Markup(" › ").join(findings.isolated(step.strip()) for step in path.split("/"))

    def advice_finding(self, advice: RecommendationScores, metric: str) -> Markup:
        """Return how often the offers were right, beside the best simple method."""
        best = scores.best_baseline(advice.baselines, metric)
        ours = scores.written(metric, advice.ours.metrics.get(metric), self.money)
        key = "advice.finding" if metric == "hit_rate@10" else "advice.finding.other"
        return self.texts(
            key if best else f"{key}.alone",
            ours=ours,
            n=self.texts.count(advice.n, "person"),
            metric=self.texts.named("metric", metric),
            baseline=self.texts.named("who", best.name) if best else "",
            theirs=scores.written(metric, best.metrics[metric], self.money) if best else "",
        )

    def tasks(self) -> list[TaskScores]:
        """Return the judged tasks that have something to predict."""
        return [task for task in self._evaluated() if not task.is_trivial]

    def task_finding(self, task: TaskScores) -> Markup:
        """Return how many did it, and how many among those the model points at."""
        people = self.texts.count(task.n, "prediction")  # of a person at several moments
        if self.is_amount(task):
            mean = self._mean_of(task)
            return self.texts("task.finding.value", n=people, rate=self.money.money(mean))
        if task.base_rate is None:
            return self.texts("task.finding.n", n=people)
        accuracy = task.ours.metrics.get("accuracy")
        if accuracy is not None:
            return self.texts(
                "task.finding.next",
                n=people,
                accuracy=formats.percent(accuracy),
                rate=formats.percent(task.base_rate),
            )
        words = self.texts("task.finding", n=people, rate=formats.percent(task.base_rate))
        lift = task.ours.metrics.get("lift@10%")
        if lift is None:
            return words
        top = formats.percent(min(lift * task.base_rate, 1.0))
        more = self.texts("task.finding.lift", top=top, lift=formats.number(lift, 1))
        return words + self.texts("blank") + more

    @staticmethod
    def _mean_of(task: TaskScores) -> float | None:
        persons = sum(decile.n for decile in task.deciles)
        total = sum(decile.observed * decile.n for decile in task.deciles)
        return total / persons if persons else task.base_rate

    def answer(self, prediction: Prediction) -> str:
        """Return the prediction itself, in a word or number."""
        if prediction.options:
            return self.option(prediction.options[0].name)
        if prediction.probability is not None:
            return formats.chance(prediction.probability)
        return self.money.money(prediction.value)

    def option(self, name: str) -> str:
        """Return an event type or a category as people read it."""
        if name in EVENT_TYPES:
            return self.texts.named("type", name)
        return shorten(name.split("/")[-1], 60)

    def remarks(self, prediction: Prediction) -> list[str]:
        """Return what puts a prediction into proportion."""
        told: list[str] = []
        if prediction.options:
            return [
                *self._remarks_on_next(prediction),
                *self._remarks_on_when(prediction),
                *self._caution(prediction),
            ]
        if prediction.base_rate is not None:
            rate = prediction.base_rate
            written = formats.percent(rate) if prediction.value is None else self.money.money(rate)
            told.append(self.texts("story.base", rate=written))
        if prediction.percentile is not None:
            share = formats.percent(prediction.percentile / 100, 0)
            told.append(self.texts("story.percentile", share=share))
        if prediction.interval is not None:
            write = self.money.money if prediction.value is not None else formats.chance
            low, high = map(write, prediction.interval)
            if low != high:
                told.append(self.texts("story.interval", low=low, high=high))
        if prediction.probability is not None and not prediction.is_calibrated:
            told.append(self.texts("story.uncalibrated"))
        return [*told, *self._caution(prediction)]

    def _remarks_on_next(self, prediction: Prediction) -> list[str]:
        rate = prediction.options[0].base_rate
        return [] if rate is None else [self.texts("story.base.next", rate=formats.chance(rate))]

    def _remarks_on_when(self, prediction: Prediction) -> list[str]:
        when = prediction.when
        if when is None:
            return []
        if when.median is None:
            told = self.texts("story.when.beyond", days=_days(when.reach))
        elif when.high is None or when.low is None:
            told = self.texts("story.when.open", days=_days(when.median))
        else:
            told = self.texts(
                "story.when.within",
                days=_days(when.median),
                low=_days(when.low),
                high=_days(when.high),
            )
        if when.chance_7d is None:
            return [told]
        return [told, self.texts("story.when.week", share=formats.chance(when.chance_7d))]

    def _caution(self, prediction: Prediction) -> list[str]:
        if prediction.data_sufficiency in ("", "ok"):
            return []
        words = self.texts.named("sufficiency", prediction.data_sufficiency)
        colon = "：" if self.texts.language == "zh" else ": "
        return [f"{words}{colon}{prediction.reason}" if prediction.reason else words]

    def strength(self, tag: Tag, profile: Profile) -> float:
        """Return a tag's weight beside the strongest of its kind; kinds do not compare."""
        same = [one.weight or 0.0 for one in profile.tags if one.kind == tag.kind]
        return min(max((tag.weight or 0.0) / (max(same, default=0.0) or 1.0), 0.0), 1.0)

    def predictions(self, profile: Profile) -> list[Prediction]:
        """Return the person's predictions, without those where all people do the same, or which
        are about others.
        """
        trivial = [task.task for task in self._evaluated() if task.is_trivial]
        return [
            one
            for one in profile.predictions
            if one.is_asked
            and (one.when is not None or (one.task not in trivial and not one.is_foregone))
        ]

    def tag(self, tag: Tag) -> Markup:
        """Return a tag's name, and what kind of interest it is."""
        name = bare_name(tag.name, tag.kind)
        kind = findings.isolated(self.texts.named("kind", tag.kind).lower())
        if tag.kind == "category" and "/" in name:
            *way, name = (step.strip() for step in name.split("/"))
            way = [step for step in way if step != name]
            if way:
                kind = self.texts("kind.category.in", path=self.category("/".join(way)))
        return Markup('<b>{}</b> <span class="kind">{}</span>').format(
            findings.isolated(name), kind
        )

    @staticmethod
    def segment(name: str) -> str:
        """Return what a segment is called."""
        return segment_label(name)

    @staticmethod
    def retold(text: str) -> str:
        """Return an English sentence in the page's language."""
        return retold(text)

    def offered(self, item: Advice, items: list[Advice]) -> Markup:
        """Return an offer's name, with its id where another offer has the same name."""
        name = findings.isolated(item.name)
        if sum(other.name == item.name for other in items) < 2:
            return name
        number = self.texts("rank.id", id=findings.isolated(item.item_id, 40))
        return Markup('{} <span class="kind">{}</span>').format(name, number)

    def shown(self, story: PersonStory) -> int:
        """Return how many of a person's events are drawn."""
        return min(len(story.events), charts.MOST_EVENTS)

    def all_events(self, story: PersonStory) -> int:
        """Return how many events the person has in all."""
        counted = Document(story.profile.facts).number("events")
        return max(len(story.events), int(counted or 0))

    def is_cut(self, story: PersonStory) -> bool:
        """Return whether some events are not drawn."""
        return self.all_events(story) > self.shown(story)

    def num_alerts(self) -> int:
        """Return how many persons are about to leave."""
        given = self._data.num_alerts
        return len(self._data.alerts) if given is None else given

    def alerts_finding(self) -> Markup:
        """Return how many are leaving, what is at risk, and the usual rate."""
        people = self.texts.count(self.num_alerts(), "person")
        at_risk = sum(alert.value_at_risk or 0.0 for alert in self._data.alerts)
        shown = len(self._data.alerts)
        key = "alerts.finding.people"
        if at_risk > 0:
            key = "alerts.finding" if self.num_alerts() == shown else "alerts.finding.first"
        value = self.money.short(at_risk)
        words = self.texts(key, people=people, value=value, shown=str(shown))
        task = next((one for one in self._evaluated() if one.task == self._data.churn_task), None)
        if task is None or task.base_rate is None:
            return words
        rate = formats.percent(task.base_rate, 0)
        return (
            words
            + self.texts("blank")
            + self.texts("alerts.base", rate=rate, task=self.task(task.task))
        )

    def _evaluated(self) -> list[TaskScores]:
        return self._data.evaluation.tasks if self._data.evaluation else []


def _days(days: float) -> str:
    """Return days as people say them: a decimal only where they are few."""
    return formats.number(days, 0 if days >= 10 else 1)
