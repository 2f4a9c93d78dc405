"""All words of the page, in one table a language.

Names in braces are filled in; what fills them is escaped. Knows nothing about where a text
stands on the page.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from markupsafe import Markup

from habitue.languages import Language, language
from habitue.report.formats import NBSP, number, share_text, span
from habitue.report.texts_zh import CHINESE
from habitue.schema import Task

ENGLISH: Final[dict[str, str]] = {
    "title": "{shop}: what the customers do, and will do",
    "brand": "Habitue report",
    "skip": "Skip to the content",
    "nav.label": "Sections",
    "nav.overview": "Overview",
    "nav.shop": "The shop",
    "nav.learned": "Learned",
    "nav.customers": "Customers",
    "nav.todo": "To do",
    "nav.model-card": "Card",
    "nav.about": "About",
    "numbers": "Show the numbers",
    "copy": "Copy",
    "copied": "Copied",
    "list": ", ",
    "blank": " ",
    "no_script": "The charts need JavaScript; every figure also stands in a table.",
    # headline
    "lede.sales": "In {span}, {persons} placed {orders} and spent {revenue}.",
    "lede.orders": "In {span}, {persons} placed {orders}.",
    "lede.visits": "In {span}, {persons} came {times} and left {events}.",
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
    # what to know before reading
    "remarks.title": "What to know before you read on",
    "bots": "Left out everywhere: {persons} that behave like machines, with {events}{money}.",
    "bots.money": " and {revenue} of purchases",
    "remark.currencies": "Amounts are told in {currency} alone, and never converted: purchases in "
    "{others} count as purchases without an amount.",
    "remark.strays": "Left out everywhere: {events} dated long before or long after all others; "
    "a clock was wrong.",
    "remark.short": "The log spans only {span}: habits of slow customers and seasons cannot be "
    "seen in it yet.",
    "remark.year": "The log spans {span}, less than a year: a rise before a holiday cannot be told "
    "from growth.",
    "remark.no_purchases": "The log holds no purchases. What people are worth is unknown, and "
    "groups go by how often they come.",
    "remark.no_money": "The purchases have no price, so nothing is said about money.",
    "remark.utc": "Days and hours are those of UTC. If your shop keeps another time, set time_zone "
    "under [profiles] in habitue.toml.",
    "remark.behind": "Events came in after the customers were last looked at; they are not in this "
    "report. Run habitue refresh, then habitue report.",
    "remark.unanswered": "Not predicted: “{task}”, because {why}.",
    "remark.unchecked": "Not checked against what happened: “{task}”, because {why}.",
    # the shop
    "shop.title": "What the shop looks like",
    "time.title": "Activity over time",
    "time.caption": "Each bar covers {unit}. Each row has its own scale, so that what is rare "
    "stays visible beside what is frequent.",
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
    "funnel.none": "The log knows {types} only, so the way from a look to a purchase cannot be "
    "followed.",
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
    "rank.least": "(Looked at are those with {purchases} purchases or more, and {share} of what "
    "all shown here had before.)",
    "rank.by.revenue": "revenue",
    "rank.by.purchases": "purchases",
    "rank.by.persons": "interest",
    "rank.head.category": "Category",
    "rank.head.item": "Item",
    "rank.head.persons": "People",
    "rank.head.purchases": "Purchases",
    "rank.head.revenue": "Revenue",
    "rank.head.change": "{days}-day change",
    "rank.id": "no. {id}",
    "categories.none": "The items have no categories, or all the same one: interests are told by "
    "brand and item alone.",
    "items.none": "No item has been bought or looked at yet.",
    # what was learned
    "learned.title": "What was learned, and how well",
    "learned.intro": "Every figure here was measured on a future the model had not seen: it "
    "learned from the past only, then had to say what came next. Beside it stand simple methods "
    "that cost nothing; a model that cannot beat them is not worth having. (RFM is the classic of "
    "them: how recently, how often and for how much money somebody bought.)",
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
    "advice.protocol": "How it was measured",
    "advice.discovery": "Only items new to the person",
    "advice.discovery.note": "Share of {n} with a hit in 10 offers when what they had before does "
    "not count: harder, and worth more.",
    "task.finding": "{n} checked: {rate} came true.",
    "task.finding.n": "{n} checked.",
    "task.finding.next": "Of {n}, the first guess was right for {accuracy}; always guessing the "
    "most common answer is right for {rate}.",
    "task.trivial": "everybody does the same in this log",
    "task.finding.lift": "Among the tenth the model was surest of, {top} came true: {lift} times "
    "as many.",
    "task.finding.value": "{n} checked: people spent {rate} on average.",
    "task.bars.auc": "Rightly ranked pairs",
    "task.bars.note.auc": "Take one person who did and one who did not: how often does the "
    "method rank them rightly? The bars begin at 50 %, the toss of a coin.",
    "task.bars.spearman": "Rank agreement",
    "task.bars.note.spearman": "How well the order of predicted amounts agrees with the order of "
    "the true ones: 0 is chance, 1 is perfect.",
    "task.bars.accuracy": "Right first guess",
    "task.bars.note.accuracy": "How often the likeliest answer was what came.",
    "task.calibration": "Can the percentages be trusted?",
    "task.calibration.note": "Points on the dashed line: of those told 30\u00a0%, 30\u00a0% did. "
    "Each point is a tenth of the predictions; its whisker is what chance allows of so many "
    "(95\u00a0%). Where it misses the line, the level is off.",
    "task.likely": "Chance allows (95\u00a0%)",
    "task.calibration.aria": "Predicted against observed shares for {task}.",
    "task.predicted": "Predicted",
    "task.observed": "Observed",
    "task.people": "Predictions",
    "task.deciles": "How well does it sort?",
    "task.deciles.note": "People in ten equal groups, the most promising first. The dashed line is "
    "the average of all.",
    "task.deciles.aria": "Observed result by tenth of people, most promising first, for {task}.",
    "task.group": "Group",
    "task.average": "average",
    "chosen.title": "What was chosen, and why",
    "chosen.records": "In the words of the data team",
    "chosen.until": "The model knows what happened before {date}, and nothing later.",
    "chosen.repeats.allow": "{share} of what people took they had taken before, so offers may hold "
    "what they know.",
    "chosen.repeats.filter": "Only {share} of what people took they had taken before, so offers "
    "hold new items alone.",
    "chosen.mix": "Offers come from {parts}.",
    "chosen.part": "{name} ({share})",
    "chosen.and": " and ",
    "chosen.form.rfm": "For {tasks}: how recently, how often and for how much somebody bought told "
    "as much as everything else together.",
    "chosen.form.features": "For {tasks}: about a hundred facts about each person told most; what "
    "the behaviour model sees beyond them made no difference that chance would not.",
    "chosen.form.features+embedding": "For {tasks}: facts about each person and what the behaviour "
    "model sees in their visits told most, together.",
    "learning.title": "How it learned",
    "learning.caption": "One point is one pass over the past. The error in training should fall; "
    "the two measures on people held back should rise and then level off, which is where training "
    "stops.",
    "learning.epoch": "Pass",
    "learning.best": "Kept: pass {epoch}.",
    "learning.train": "{measure} in training",
    "learning.valid": "{measure}, held back",
    # customers
    "customers.title": "Who the customers are",
    "customers.none": "No profiles have been made yet. Run {command} to make them.",
    "segments.title": "Groups",
    "groups.title": "Alike in what they do",
    "groups.intro": "The network puts together people whose histories are alike, whatever their "
    "rhythm or worth; each group is named by what sets it apart from everyone.",
    "groups.none": "People are not grouped by what is alike: {reason}.",
    "groups.name": "Group",
    "groups.each": "Per person",
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
    "role.newcomer.note": "Came only lately: see what can be said already, and what not yet.",
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
    "story.base.next": "{rate} for people in general",
    "story.when.within": "comes in about {days} days, likely between {low} and {high}",
    "story.when.open": "comes in about {days} days, or much later",
    "story.when.beyond": "likelier later than within {days} days",
    "story.when.week": "{share} within 7 days",
    "story.percentile": "higher than for {share} of people",
    "story.interval": "likely between {low} and {high}",
    "story.uncalibrated": "a rough score: too few cases to check it",
    "sufficiency.ok": "enough data",
    "sufficiency.limited": "take with care",
    "sufficiency.not_enough_data": "not enough data yet",
    "kind.category": "category",
    "kind.category.in": "category in {path}",
    "kind.brand": "brand",
    "kind.item": "item",
    "kind.loyalty": "buys hardly any other brand",
    "kind.price": "prices",
    "kind.discount": "discounts",
    "kind.time": "time of visits",
    "kind.platform": "way of coming",
    "kind.customer": "customer",
    # what to do
    "todo.title": "What to do",
    "alerts.title": "Who is leaving",
    "alerts.finding": "{people} deserve attention now; together {value} are at risk. The list "
    "begins with the most valuable.",
    "alerts.finding.first": "{people} deserve attention now; the first {shown} alone put {value} "
    "at risk. The list begins with the most valuable.",
    "alerts.finding.people": "{people} deserve attention now.",
    "alerts.base": "Risk is the chance of this: “{task}”. Over all people it is {rate}.",
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
    "audiences.intro": "Each command writes the group's customer numbers into a file; hand it to "
    "whoever runs Habitue for you.",
    "audiences.value": "spent {value} so far",
    "audience.best-customers": "Best customers",
    "audience.best-customers.rule": "Everyone in the group “champion”.",
    "audience.win-back": "To win back",
    "audience.win-back.rule": "Everyone in the groups “slipping away” and “needs attention”: a "
    "reminder may bring them back.",
    "audience.second-order": "One order so far",
    "audience.second-order.rule": "Bought once; the second order makes a customer.",
    "audience.valuable-at-risk": "Valuable and at risk",
    "audience.valuable-at-risk.rule": "“{task}” is more than {share} likely, and they spent more "
    "than {money} so far, the middle of all customers.",
    "audiences.none": "No groups have been prepared. {command} makes one from a rule.",
    # about
    "card.title": "Model card",
    "card.none": "No model has been evaluated yet. Run {command} to get its card: how well it "
    "does, for whom less well, and what it must not be used for.",
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
    "who.again": "Own items, learnt",
    "who.habit": "Own habits",
    "who.personal_frequency": "Own favourites",
    "who.last": "Same as last time",
    "who.recent": "Own recent habits",
    "who.cooccurrence": "Goes together",
    "who.item_knn": "Item neighbours",
    "who.ease": "EASE",
    "who.linear_transition": "Linear transitions",
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
    "who.bg_nbd": "BG/NBD",
    "who.bg_nbd_gamma_gamma": "BG/NBD and Gamma-Gamma",
    # parts of the offers
    "mix.again": "what was learnt of each person's own items",
    "mix.habit": "each person's own habits",
    "mix.personal_frequency": "each person's own favourites",
    "mix.network": "the behaviour model",
    "mix.cooccurrence": "what goes together",
    "mix.item_knn": "items with the same customers",
    "mix.ease": "what belongs together (EASE)",
    "mix.linear_transition": "what follows what",
    "mix.popularity_7d": "the best sellers of the week",
    # tasks
    "task.event": "{verb} within {days}",
    "task.absent": "{asked}, of those not seen for {days}",
    "task.no_event": "Will not {verb} within {days}",
    "task.rhythm": "Will not {verb} within {times} times their own usual pause",
    "task.fall": "Will spend less than half as much in the next {days}",
    "task.fall.to": "Will spend less than {share} of what they spent before in the next {days}",
    "task.sum": "Spending in the next {days}",
    "task.next.event_type": "What they will do next",
    "task.next.category": "The category they will turn to next",
    "task.next.brand": "The brand they will turn to next",
    "verb.purchase": "buy",
    "verb.view_item": "look at an item",
    "verb.add_to_cart": "put an item into the cart",
    "verb.add_to_wishlist": "wish for an item",
    "verb.search": "search",
    "verb.click": "click",
    "verb.refund": "send something back",
    "verb.any": "come",
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

HALF: Final = 0.5

TABLES: Final[dict[Language, Mapping[str, str]]] = {"en": ENGLISH, "zh": CHINESE}
UNITS_ZH: Final[dict[str, str]] = {
    "person": "人",
    "event": "次行为",
    "order": "单",
    "visit": "次到访",
    "time": "次",
    "prediction": "个预测",
    "day": "天",
}
PERIODS_ZH: Final[dict[str, str]] = {
    "week": "周",
    "month": "个月",
    "quarter": "个季度",
    "year": "年",
}
UNITS: Final[dict[str, tuple[str, str]]] = {
    "person": ("person", "people"),
    "event": ("event", "events"),
    "order": ("order", "orders"),
    "visit": ("visit", "visits"),
    "time": ("time", "times"),
    "prediction": ("prediction", "predictions"),
    "day": ("day", "days"),
}


class Texts:
    """The page's words in the language that is spoken when it is made."""

    def __init__(self) -> None:
        self.language = language()
        self._table = TABLES[self.language]

    @property
    def html_language(self) -> str:
        """The tag of the language in HTML."""
        return "zh-CN" if self.language == "zh" else self.language

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
        if self.language == "zh":
            return f"{number(amount)}{UNITS_ZH[unit]}"
        return f"{number(amount)}{NBSP}{UNITS[unit][amount != 1]}"

    def period(self, unit: str) -> str:
        """Return `week`, `month`, as a sentence counts them."""
        return PERIODS_ZH[unit] if self.language == "zh" else unit

    def days(self, days: int) -> str:
        """Return a stretch of days; one as `24 hours`, for it need not begin at midnight."""
        if days == 1:
            return "24小时" if self.language == "zh" else f"24{NBSP}hours"
        return self.count(days, "day")

    def task(self, name: str, tasks: Mapping[str, Task]) -> str:
        """Return what a task asks, in words; its name where nobody has defined it."""
        task = tasks.get(name)
        if task is None:
            return name.replace("_", " ").capitalize()
        if task.absent_days is not None:
            asked = self.task(name, {name: replace(task, absent_days=None)})
            return self("task.absent", asked=asked, days=self._horizon(task.absent_days))
        if task.kind == "next":
            return self.named("task.next", task.target)
        days = self._horizon(task.horizon_days)
        if task.kind == "sum":
            return self("task.sum", days=days)
        if task.fall_to == HALF:
            return self("task.fall", days=days)
        if task.fall_to is not None:
            return self("task.fall.to", days=days, share=share_text(task.fall_to))
        verb = self._table.get(f"verb.{task.event}") or self("verb.other", event=task.event)
        if task.rhythm is not None:
            return self("task.rhythm", verb=verb, times=f"{task.rhythm:g}")
        if task.kind == "no_event":
            return self("task.no_event", verb=verb, days=days)
        return self("task.event", verb=self("task.event.verb", verb=verb), days=days)

    def _horizon(self, days: float) -> str:
        if days < 1:
            return span(days)
        return self("day") if days == 1 else self("days", days=f"{days:g}")
