"""All words of the page, in one table; another language is another table.

Names in braces are filled in; what fills them is escaped. Knows nothing about where a text
stands on the page.
"""

from collections.abc import Mapping
from typing import Final

from markupsafe import Markup

from habitue.report.formats import NBSP, number
from habitue.schema import Task

ENGLISH: Final[dict[str, str]] = {
    "title": "{shop}: what the customers do, and will do",
    "brand": "Habitue report",
    "skip": "Skip to the content",
    "nav.label": "Sections",
    "nav.overview": "Overview",
    "nav.shop": "The shop",
    "nav.learned": "What was learned",
    "nav.customers": "Customers",
    "nav.todo": "What to do",
    "nav.about": "About",
    "numbers": "Show the numbers",
    "copy": "Copy",
    "copied": "Copied",
    "no_script": "The charts need JavaScript; every figure also stands in a table.",
    # headline
    "lede": "In {span}, {persons} made {events}",
    "lede.sales": ", placed {orders} and spent {revenue}.",
    "lede.orders": " and placed {orders}.",
    "lede.end": ".",
    "lede.trend.revenue": "In the last {days}, revenue was {change} in the {days} before.",
    "lede.trend.orders": "In the last {days}, orders were {change} in the {days} before.",
    "lede.trend.events": "In the last {days}, activity was {change} in the {days} before.",
    "lede.higher": "{share} higher than",
    "lede.lower": "{share} lower than",
    "lede.same": "about the same as",
    "strip.persons": "People",
    "strip.events": "Events",
    "strip.items": "Items",
    "strip.orders": "Orders",
    "strip.revenue": "Revenue",
    "strip.revenue.note": "after {refunds} refunded",
    "strip.visits": "Visits",
    "strip.average": "Average order",
    "strip.repeat": "Buy again",
    "strip.repeat.note": "of {buyers} buyers, at least twice",
    "strip.new": "new in the last {days}",
    "strip.versus": "in the last {days}",
    "strip.span": "From {first} to {last}",
    "strip.gap": "Usual pause",
    "strip.gap.note": "between two orders",
    "bots": "Left out everywhere: {persons} that behave like machines, with {events}{money}.",
    "bots.money": " and {revenue} of purchases",
    "strays": "Left out everywhere: {events} dated long before all others.",
    # the shop
    "shop.title": "What the shop looks like",
    "time.title": "Activity over time",
    "time.caption": "Each bar covers {unit}. Each row has its own scale, so that rare but precious "
    "events stay visible beside the many views.",
    "time.partial.first": "The first bar is not complete and drawn lighter.",
    "time.partial.last": "The last bar is not complete and drawn lighter.",
    "time.partial.both": "The first and the last bar are not complete and drawn lighter.",
    "unit.10 minutes": "ten minutes",
    "unit.hour": "an hour",
    "unit.day": "a day",
    "unit.week": "a week",
    "unit.month": "a month",
    "unit.quarter": "a quarter",
    "time.persons": "Active people",
    "time.persons.title": "Active people, newcomers on top",
    "time.new": "of them new",
    "time.revenue": "Revenue",
    "time.period": "Period",
    "time.aria": "Bar charts, each bar covering {unit}, of active people, events of each type and "
    "revenue.",
    "funnel.title": "From a look to a purchase",
    "funnel.caption": "How many visits came at least this far. A visit that ends in a purchase "
    "counts as having passed the steps before, even where the log lacks them.",
    "funnel.finding": "Of 100 visits that look at something, {share} end in a purchase; of the "
    "people who look, {persons} ever buy.",
    "funnel.finding.cart": "Of 100 visits that look at something, {share} put an item into the "
    "cart.",
    "funnel.kept": "{share} of the step before",
    "funnel.none": "The log knows {types} only, so there is no way from a look to a purchase to "
    "follow.",
    "cohort.title": "Do people come back?",
    "cohort.caption": "Each row is the people first seen in that {unit}; each cell the share of "
    "them who were active again so many {unit}s later. The first row also holds those who had "
    "come before the log begins. Unfinished {unit}s are left out.",
    "cohort.finding": "One {unit} after the first visit {one} come back{later}.",
    "cohort.later": ", {later} after {number} {unit}s",
    "cohort.first": "First seen",
    "cohort.people": "People",
    "cohort.none": "To see who comes back takes at least three whole weeks of events; this log "
    "spans {span}.",
    "cohort.flat": "Too few newcomers after the first {unit}s to compare groups of newcomers.",
    "rhythm.title": "When they come",
    "rhythm.caption": "Events by weekday and hour ({zone}). The darker, the busier.",
    "rhythm.finding": "Busiest: {day}, {hour}:00 to {until}:00. {best} is the strongest day, "
    "{worst} the quietest.",
    "rhythm.none.short": "Weekdays and hours show a pattern after a few days; this log spans "
    "{span}.",
    "rhythm.none.dates": "The log knows days but no time of day, so there are no hours to show.",
    "rhythm.cell": "{day} {hour}:00 · {events}",
    "categories.title": "Categories that carry the shop",
    "items.title": "Items that carry the shop",
    "rank.finding": "The first {n} of {all} make {share} of {measure}.",
    "rank.growing": "Rising most in the last {days}: {name} ({change}).",
    "rank.falling": "Falling most: {name} ({change}).",
    "rank.by.revenue": "revenue",
    "rank.by.purchases": "purchases",
    "rank.by.persons": "interest",
    "rank.head.category": "Category",
    "rank.head.item": "Item",
    "rank.head.persons": "People",
    "rank.head.purchases": "Purchases",
    "rank.head.revenue": "Revenue",
    "rank.head.change": "Last {days}",
    "categories.none": "The log names fewer than two categories.",
    "items.none": "No item has been bought or looked at yet.",
    # what was learned
    "learned.title": "What was learned, and how well",
    "learned.intro": "Every figure here was measured on a future the model had not seen: it "
    "learned from the past only, then had to say what came next. Beside it stand simple methods "
    "that cost nothing; a model that cannot beat them is not worth having.",
    "learned.none": "No model has been evaluated yet. Run {command} to see how well it predicts.",
    "verdict.better": "Clearly better",
    "verdict.ahead": "Ahead",
    "verdict.even": "On a par",
    "verdict.behind": "Behind",
    "verdict.alone": "No comparison",
    "advice.title": "Recommendations",
    "advice.finding": "Offered 10 items, {ours} of {n} found at least one they went on to choose; "
    "the best simple method ({baseline}) reaches {theirs}.",
    "advice.finding.alone": "Offered 10 items, {ours} of {n} found at least one they went on to "
    "choose.",
    "advice.finding.other.alone": "{metric}: {ours}, measured on {n}.",
    "advice.finding.other": "{metric}: {ours}, against {theirs} of the best simple method "
    "({baseline}).",
    "advice.whisker": "Thin lines are 95 % intervals: chance alone moves a result that far.",
    "advice.table": "All measures",
    "advice.discovery": "Only items new to the person",
    "advice.discovery.note": "Share of {n} with a hit in 10 offers when what they had before does "
    "not count: harder, and worth more.",
    "task.finding": "{n} judged; it came true for {rate}.",
    "task.finding.n": "{n} judged.",
    "task.finding.next": "For {accuracy} of {n} the first guess was right; always guessing the "
    "most common answer is right for {rate}.",
    "task.trivial": "Everybody does the same in this log, so there is nothing to predict.",
    "task.finding.lift": "Of the tenth the model points at first, it came true for {top}: "
    "{lift} times as often.",
    "task.finding.value": "{n} judged; they spent {rate} on average.",
    "task.bars.auc": "Rightly ranked pairs",
    "task.bars.note.auc": "Take one person who did and one who did not: how often does the "
    "method rank them rightly? The bars begin at 50 %, the toss of a coin.",
    "task.bars.spearman": "Rank agreement",
    "task.bars.note.spearman": "How well the order of predicted amounts agrees with the order of "
    "the true ones: 0 is chance, 1 is perfect.",
    "task.bars.other": "{metric}",
    "task.calibration": "Can the percentages be trusted?",
    "task.calibration.note": "Points on the dashed line: of those told 30\u00a0%, 30\u00a0% did.",
    "task.calibration.aria": "Predicted against observed shares for {task}.",
    "task.predicted": "Predicted",
    "task.observed": "Observed",
    "task.people": "People",
    "task.deciles": "How well does it sort?",
    "task.deciles.note": "People in ten equal groups, the most promising first. The dashed line is "
    "the average of all.",
    "task.deciles.aria": "Observed result by tenth of people, most promising first, for {task}.",
    "task.group": "Group",
    "task.average": "average",
    "skipped.title": "What could not be predicted",
    "notes.title": "Honest remarks",
    "chosen.title": "What was chosen, and why",
    "learning.title": "How it learned",
    "learning.caption": "One point is one pass over the past. Training error should fall; the "
    "quality on held-back people should rise and then level off, which is where training stops.",
    "learning.epoch": "Pass",
    "learning.best": "Kept: pass {epoch}.",
    "learning.train": "{measure} in training",
    "learning.valid": "{measure} on held-back people",
    # customers
    "customers.title": "Who the customers are",
    "customers.none": "No profiles have been made yet. Run {command} to make them.",
    "segments.title": "Groups",
    "segments.people": "Share of people",
    "segments.revenue": "Share of revenue",
    "segments.finding": "The group that brings most is “{name}”: {people} of the people, "
    "{revenue} of the revenue.",
    "segments.finding.people": "The largest group is “{name}”, with {people} of the people.",
    "stories.title": "Three people in full",
    "stories.title.one": "One person in full",
    "stories.title.two": "Two people in full",
    "stories.intro": "Chosen because they are instructive, not because they are typical.",
    "role.champion": "A champion",
    "role.champion.note": "Comes often and is worth much: the kind of customer to keep.",
    "role.slipping": "Slipping away",
    "role.slipping.note": "Was a good customer and has become quiet: worth a friendly word now.",
    "role.newcomer": "A newcomer",
    "role.newcomer.note": "Few events so far: see what can be said already, and what not yet.",
    "story.facts": "Facts",
    "story.tags": "Interests, with the evidence",
    "story.tags.none": "No clear interest yet.",
    "story.predictions": "What comes next",
    "story.predictions.none": "No prediction for this person.",
    "story.predictions.note": "The bar is the prediction (of amounts: the place among all people), "
    "the upright tick the average of all people, the shaded band its 90 % interval.",
    "story.timeline": "What they did",
    "story.timeline.cut": "The latest {shown} of {all} events.",
    "story.timeline.aria": "Events of {user} over time, one row an event type.",
    "story.timeline.none": "No events to show.",
    "story.advice": "What to offer",
    "story.when": "When",
    "story.what": "What",
    "story.item": "About",
    "story.base": "average {rate}",
    "story.percentile": "higher than {share} of all",
    "story.interval": "between {low} and {high}",
    "story.uncalibrated": "a score, not a checked probability",
    "sufficiency.ok": "enough data",
    "sufficiency.limited": "little data: take with care",
    "sufficiency.not_enough_data": "not enough data yet",
    # what to do
    "todo.title": "What to do",
    "alerts.title": "Who is leaving",
    "alerts.finding": "{people} deserve attention now; together {value} are at risk. The list "
    "begins with the most valuable.",
    "alerts.finding.first": "{people} deserve attention now; the first {shown} alone put {value} "
    "at risk. The list begins with the most valuable.",
    "alerts.finding.people": "{people} deserve attention now.",
    "alerts.base": "For comparison, over all people: {rate} ({task}).",
    "alerts.user": "Customer",
    "alerts.probability": "Risk",
    "alerts.value": "Value at risk",
    "alerts.reasons": "Why",
    "alerts.more": "{count} more: {command}",
    "alerts.no_model": "Telling who is about to leave takes a model. Run {command}.",
    "alerts.none": "Nobody stands out as leaving: either all is well, or the log is too short to "
    "tell. Run {command} to look again.",
    "examples.title": "What to recommend",
    "examples.intro": "Examples of offers with the reason for each; {command} writes everyone's.",
    "audiences.title": "Groups ready to be reached",
    "audiences.intro": "Copy a command into a terminal to get the list as a file.",
    "audiences.value": "worth {value}",
    "audiences.none": "No groups have been prepared. {command} makes one from a rule.",
    # about
    "about.title": "About this report",
    "about.model": "Model version",
    "about.architecture": "Model",
    "about.architecture.text": "{architecture}, {parameters} parameters",
    "about.architecture.time": ", trained in {time}",
    "about.trained": "Learned from events before",
    "about.as_of": "As of",
    "about.fingerprint": "Fingerprint of the data",
    "about.version": "Made with",
    "about.generated": "Written",
    "about.commands": "Commands that made it",
    "about.privacy": "This page holds personal data of customers. Share it as you would share your "
    "customer list. It loads nothing from the network and sends nothing.",
    "about.licence": "Charts: Apache ECharts, Apache License 2.0.",
    # metrics: name, and what it says
    "metric.hit_rate@10": "Hit in 10 offers",
    "metric.hit_rate@10.note": "share of people for whom at least one of 10 offers was right",
    "metric.recall@10": "Found in 10 offers",
    "metric.recall@10.note": "share of what people went on to choose that was among 10 offers",
    "metric.ndcg@10": "Right and early",
    "metric.ndcg@10.note": "share of right offers, a hit in first place counting more than one in "
    "tenth (nDCG@10; 1 is perfect)",
    "metric.mrr@10": "Place of first hit",
    "metric.mrr@10.note": "1 for a hit in first place, ½ in second … 0 for none",
    "metric.hit_rate@3": "Right in 3 guesses",
    "metric.hit_rate@3.note": "share of people whose answer was among the first three",
    "metric.mrr": "Place of the answer",
    "metric.mrr.note": "1 where the first guess was right, ½ the second …",
    "metric.coverage@10": "Variety",
    "metric.coverage@10.note": "share of all items that are offered to anyone",
    "metric.auc": "Ranking (AUC)",
    "metric.auc.note": "how often one who did is ranked above one who did not; 50 % is chance",
    "metric.pr_auc": "Precision (PR-AUC)",
    "metric.pr_auc.note": "average share of right ones while going down the list",
    "metric.log_loss": "Log-loss",
    "metric.log_loss.note": "penalty for confident mistakes; lower is better",
    "metric.brier": "Brier score",
    "metric.brier.note": "mean squared error of the probability; lower is better",
    "metric.ece": "Calibration error",
    "metric.ece.note": "how far percentages are off on average; lower is better",
    "metric.lift@10%": "Lift, first tenth",
    "metric.lift@10%.note": "how many times the average rate holds among the first tenth",
    "metric.mae": "Mean error",
    "metric.mae.note": "how far the amount is off on average; lower is better",
    "metric.rmse": "Large errors (RMSE)",
    "metric.rmse.note": "like the mean error, but large errors weigh more; lower is better",
    "metric.spearman": "Rank agreement",
    "metric.spearman.note": "do the predicted and true orders agree; 1 is perfect, 0 chance",
    "metric.gini": "Sorting (Gini)",
    "metric.gini.note": "how well the list sorts big spenders to the top; 1 is perfect",
    "metric.top_decile_share": "Share in first tenth",
    "metric.top_decile_share.note": "part of all later spending that the first tenth makes",
    "metric.loss": "Error",
    "metric.accuracy": "Right first guess",
    "metric.accuracy.note": "share of people whose likeliest option came true",
    # contenders
    "who.habitue": "Habitue",
    "who.popularity": "Most common",
    "who.popularity_7d": "Best sellers of the week",
    "who.habit": "Own habits",
    "who.personal_frequency": "Own favourites",
    "who.last": "Same as last time",
    "who.cooccurrence": "Goes together",
    "who.personal": "Own favourites",
    "who.network": "Behaviour model alone",
    "who.blend": "Blend",
    "who.base_rate": "Everyone alike",
    "who.mean": "Everyone alike",
    "who.recency": "Days since last visit",
    "who.recent_spend": "Same as lately",
    "who.rfm": "Recency, frequency, money",
    "who.rfm_logistic": "RFM, logistic regression",
    "who.rfm_linear": "RFM, linear regression",
    "who.rfm_boosted": "RFM, boosted trees",
    # tasks
    "task.event": "{verb} within {days}",
    "task.no_event": "Does not {verb} within {days}",
    "task.fall": "Spends less than {share} of before in the next {days}",
    "task.sum": "Will spend in the next {days}",
    "task.next.event_type": "Next step",
    "task.next.category": "Next category",
    "verb.purchase": "buy",
    "verb.view_item": "look at an item",
    "verb.add_to_cart": "put an item into the cart",
    "verb.add_to_wishlist": "wish for an item",
    "verb.search": "search",
    "verb.click": "click",
    "verb.refund": "send something back",
    "verb.other": "do “{event}”",
    "task.event.verb": "Will {verb}",
    # event types
    "type.view_item": "Views",
    "type.view_item_list": "List views",
    "type.select_item": "Selections",
    "type.search": "Searches",
    "type.add_to_wishlist": "Wishes",
    "type.add_to_cart": "Into cart",
    "type.remove_from_cart": "Out of cart",
    "type.view_cart": "Cart views",
    "type.begin_checkout": "Checkouts",
    "type.purchase": "Purchases",
    "type.refund": "Refunds",
    "type.impression": "Ad views",
    "type.click": "Ad clicks",
    # facts
    "fact.first_seen": "First seen",
    "fact.last_seen": "Last seen",
    "fact.recency_days": "Quiet for",
    "fact.events": "Events",
    "fact.sessions": "Visits",
    "fact.active_days": "Active days",
    "fact.usual_gap_days": "Usually back after",
    "fact.orders": "Orders",
    "fact.order_gap_days": "Days between orders",
    "fact.revenue": "Spent",
    "fact.monetary": "Average order",
    "fact.spend_90d": "Spent in 90 days",
    "fact.refunds": "Sent back",
    "fact.distinct_items": "Different items",
    "fact.favourite_weekday": "Favourite day",
    "fact.favourite_hour": "Favourite hour",
    "days": "{days} days",
    "day": "1 day",
    "weekday.0": "Monday",
    "weekday.1": "Tuesday",
    "weekday.2": "Wednesday",
    "weekday.3": "Thursday",
    "weekday.4": "Friday",
    "weekday.5": "Saturday",
    "weekday.6": "Sunday",
}

_UNITS: Final[dict[str, tuple[str, str]]] = {
    "person": ("person", "people"),
    "event": ("event", "events"),
    "order": ("order", "orders"),
    "visit": ("visit", "visits"),
    "day": ("day", "days"),
}


class Texts:
    """The page's words in one language."""

    def __init__(self, table: Mapping[str, str] = ENGLISH) -> None:
        self._table = table

    def __call__(self, key: str, **values: str) -> Markup:
        """Return the text `key`, its gaps filled with escaped values."""
        return Markup(self._table[key]).format(**values)

    def has(self, key: str) -> bool:
        """Return whether there is a text of this key."""
        return key in self._table

    def named(self, family: str, name: str) -> str:
        """Return the text `family.name`, else the name with blanks for underscores."""
        found = self._table.get(f"{family}.{name}")
        return found if found is not None else name.replace("_", " ").capitalize()

    def count(self, amount: int, unit: str) -> str:
        """Return `1 person`, `2,345 people`."""
        return f"{number(amount)}{NBSP}{_UNITS[unit][amount != 1]}"

    def days(self, days: int) -> str:
        """Return a stretch of days; one as `24 hours`, for it need not begin at midnight."""
        return f"24{NBSP}hours" if days == 1 else self.count(days, "day")

    def task(self, name: str, tasks: Mapping[str, Task]) -> str:
        """Return what a task asks, in words; its name where nobody has defined it."""
        task = tasks.get(name)
        if task is None:
            return name.replace("_", " ").capitalize()
        if task.kind == "next":
            return self.named("task.next", task.target)
        days = (
            self("day") if task.horizon_days == 1 else self("days", days=f"{task.horizon_days:g}")
        )
        if task.kind == "sum":
            return self("task.sum", days=days)
        if task.fall_to is not None:
            return self("task.fall", days=days, share=f"{100 * task.fall_to:g}{NBSP}%")
        verb = self._table.get(f"verb.{task.event}") or self("verb.other", event=task.event)
        if task.kind == "no_event":
            return self("task.no_event", verb=verb, days=days)
        return self("task.event", verb=self("task.event.verb", verb=verb), days=days)
