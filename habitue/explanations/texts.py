"""The words of explanations, one table a language, and how they say numbers and dates.

In: what happened, how often, on which day; tasks; effects. Out: sentences in the shop's language.
Another language is another table. Knows nothing about how effects are measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from habitue.display import shorten
from habitue.profiles.labels import ANY_EVENT
from habitue.schema import DAY, Task

NAME_LENGTH: Final = 80  # longer item names are cut

LANGUAGES: Final[dict[str, dict[str, str]]] = {
    "en": {
        # what happened, with an item and without one
        "view_item": "viewed '{item}'{times} on {date}",
        "view_item_list": "saw '{item}' in a list{times} on {date}",
        "select_item": "chose '{item}' from a list{times} on {date}",
        "search": "searched and found '{item}'{times} on {date}",
        "add_to_wishlist": "wished for '{item}'{times} on {date}",
        "add_to_cart": "put '{item}' in the cart{times} on {date}",
        "remove_from_cart": "took '{item}' out of the cart{times} on {date}",
        "view_cart": "looked at '{item}' in the cart{times} on {date}",
        "begin_checkout": "went to pay for '{item}'{times} on {date}",
        "purchase": "bought '{item}'{times} on {date}",
        "refund": "gave '{item}' back{times} on {date}",
        "impression": "was shown '{item}'{times} on {date}",
        "click": "clicked on '{item}'{times} on {date}",
        "view_item.bare": "viewed an item{times} on {date}",
        "view_item_list.bare": "viewed a list{times} on {date}",
        "select_item.bare": "chose from a list{times} on {date}",
        "search.bare": "searched{times} on {date}",
        "add_to_wishlist.bare": "added to the wish list{times} on {date}",
        "add_to_cart.bare": "added to the cart{times} on {date}",
        "remove_from_cart.bare": "emptied the cart{times} on {date}",
        "view_cart.bare": "looked at the cart{times} on {date}",
        "begin_checkout.bare": "went to pay{times} on {date}",
        "purchase.bare": "bought{times} on {date}",
        "refund.bare": "gave something back{times} on {date}",
        "impression.bare": "was shown an offer{times} on {date}",
        "click.bare": "clicked on an offer{times} on {date}",
        "times.1": "",
        "times.2": " twice",
        "times.3": " three times",
        "times": " {count} times",
        "date": "{day} {month} {year}",
        # what is predicted
        "task.event": "{event} within {horizon}",
        "task.absent": "{asked}, after {absence} of absence",
        "task.no_event": "no {event} within {horizon}",
        "task.rhythm": "no {event} within {times} times their usual pause, {horizon} at most",
        "task.fall": "spending within {horizon} below {share} of the {horizon} before",
        "task.sum": "expected money of {event} events within {horizon}",
        "task.sum.purchase": "expected spending within {horizon}",
        "task.next": "'{answer}' comes next",
        "task.next.any": "what comes next",
        "item": "'{item}' comes next",
        "event.view_item": "view",
        "event.view_item_list": "view of a list",
        "event.select_item": "choice from a list",
        "event.search": "search",
        "event.add_to_wishlist": "wish",
        "event.add_to_cart": "filling of the cart",
        "event.remove_from_cart": "removal from the cart",
        "event.view_cart": "look at the cart",
        "event.begin_checkout": "checkout",
        "event.purchase": "purchase",
        "event.refund": "refund",
        "event.impression": "impression",
        "event.click": "click",
        "event.any": "visit",
        "day": "1 day",
        "days": "{count} days",
        "hour": "1 hour",
        "hours": "{count} hours",
        "minute": "1 minute",
        "minutes": "{count} minutes",
        # effects
        "points": "{count} points",
        "less": "less than {size}",
        "over": "more than {size}",
        # sentences
        "answer": "{what}: {prediction}; on average {base}.",
        "unknown": "{what}: {prediction}. Nobody has seen this person, so this is what holds of "
        "everybody.",
        "nobody": "nobody has seen this person; this is what everybody takes",
        "for": "Raised by: {listed}.",
        "against": "Lowered by: {listed}.",
        "cited": "{text} ({effect})",
        "none": "No single event moves it.",
        "none.much": "No single event moves it much: {size} at most.",
        "none.less": "No single event moves it much: {size}.",
        "crumb": "One more moves it by {size}.",
        "crumbs": "{count} more move it by {size} at most.",
        "crumbs.less": "{count} more move it by {size} each.",
        "too_few": "{what}: {prediction}. There is too little to go by: {reason}.",
        "together.1": "Without it the answer would be {prediction}.",
        "together": "Without all {count} of these it would be {prediction}.",
        "together.none": "Without the {count} that move it most it would be {prediction}.",
        "whole_day": "Without all {count} events of {date} it would be {prediction}.",
        "features": "All in all: {listed}.",
        "features.none": "What moves it is the history as a whole: {listed}.",
        "change": "The smallest change found is to take out: {listed}. Then it would be "
        "{prediction}, on the other side of {bar}.",
        "no_change": "No removal of up to {count} entries was found that takes it past {bar}.",
        "bar.base_rate": "the average of {bar}",
        "bar.alert": "{bar}, where the alert begins",
        "bar.given": "the given {bar}",
        "change.item": "The smallest change found is to take out: {listed}. Then the item would "
        "{move} the first {count}.",
        "more": "and {count} more",
        "leave": "leave",
        "enter": "enter",
        "no_change.item": "No removal of up to {most} entries was found by which the item would "
        "{move} the first {count}.",
        "source": "Put forward by: {listed}. It ranks {rank} among what may be offered.",
        "source.hidden": "Put forward by: {listed}. It is not offered to this person: sold out, no "
        "product, or taken before.",
        "share": "{name} ({share})",
        "separator": "; ",
        "parts": "; ",
        "within": ", ",
        "global": "{what}: {base} on average. What moves it, measured on {persons} persons:",
        "global.next": "{what}: what moves it, measured on {persons} persons:",
        "global.theme": "{theme}: {effect} on average.",
        "global.rising": "{theme}: {effect} on average; '{feature}': the more, the higher.",
        "global.falling": "{theme}: {effect} on average; '{feature}': the more, the lower.",
        # what features are about
        "theme.recency": "the time since the last order or visit",
        "theme.activity": "how active the person is",
        "theme.orders": "the number of orders",
        "theme.spending": "the money spent",
        "theme.looking": "what was looked at",
        "theme.cart": "the cart",
        "theme.search": "searches",
        "theme.tenure": "how long the person is known",
        "theme.basket": "the size of orders",
        "theme.rhythm": "the rhythm of orders and visits",
        "theme.variety": "the breadth of interests",
        "theme.refunds": "refunds",
        "theme.campaigns": "which campaigns reach and move this person",
        "theme.conversion": "how much of what is seen is bought",
        "theme.prices": "prices and discounts",
        "theme.attention": "the time spent on pages",
        "theme.time of day": "the time of day",
        "theme.platform": "the platform",
        "theme.season": "the season",
        "theme.visits": "the pattern of recent visits",
        # parts of a mixture
        "part.network": "the network",
        "part.popularity": "what is common",
        "part.personal": "the person's own frequencies",
        "part.recent": "what they did lately",
        "part.last": "the same again",
        "part.personal_frequency": "what the person takes again and again",
        "part.again": "what the person will likely take again",
        "part.habit": "what people take again",
        "part.cooccurrence": "what goes together",
        "part.item_knn": "what the same people take",
        "part.ease": "what belongs together",
        "part.linear_transition": "what follows what",
        "part.popularity_7d": "what is popular",
    },
    "zh": {
        "view_item": "{date}浏览“{item}”{times}",
        "view_item_list": "{date}在列表中看到“{item}”{times}",
        "select_item": "{date}从列表中选择“{item}”{times}",
        "search": "{date}搜索并找到“{item}”{times}",
        "add_to_wishlist": "{date}收藏“{item}”{times}",
        "add_to_cart": "{date}将“{item}”加入购物车{times}",
        "remove_from_cart": "{date}将“{item}”移出购物车{times}",
        "view_cart": "{date}在购物车中查看“{item}”{times}",
        "begin_checkout": "{date}结算“{item}”{times}",
        "purchase": "{date}购买“{item}”{times}",
        "refund": "{date}退回“{item}”{times}",
        "impression": "{date}被展示“{item}”{times}",
        "click": "{date}点击“{item}”{times}",
        "view_item.bare": "{date}浏览商品{times}",
        "view_item_list.bare": "{date}浏览列表{times}",
        "select_item.bare": "{date}从列表中选择{times}",
        "search.bare": "{date}搜索{times}",
        "add_to_wishlist.bare": "{date}收藏商品{times}",
        "add_to_cart.bare": "{date}加入购物车{times}",
        "remove_from_cart.bare": "{date}清理购物车{times}",
        "view_cart.bare": "{date}查看购物车{times}",
        "begin_checkout.bare": "{date}进入结算{times}",
        "purchase.bare": "{date}下单{times}",
        "refund.bare": "{date}退货{times}",
        "impression.bare": "{date}看到推荐{times}",
        "click.bare": "{date}点击推荐{times}",
        "times.1": "",
        "times.2": "2次",
        "times.3": "3次",
        "times": "{count}次",
        "date": "{year}年{number}月{day}日",
        "task.event": "{horizon}内{event}",
        "task.absent": "离开{absence}后，{asked}",
        "task.no_event": "{horizon}内不再{event}",
        "task.rhythm": "在自身平时间隔的{times}倍时间内（最长{horizon}）不再{event}",
        "task.fall": "{horizon}内消费低于此前{horizon}的{share}",
        "task.sum": "{horizon}内{event}的预期金额",
        "task.sum.purchase": "{horizon}内的预期消费金额",
        "task.next": "接下来是“{answer}”",
        "task.next.any": "接下来会是什么",
        "item": "接下来是“{item}”",
        "event.view_item": "浏览商品",
        "event.view_item_list": "浏览列表",
        "event.select_item": "从列表中选择",
        "event.search": "搜索",
        "event.add_to_wishlist": "收藏",
        "event.add_to_cart": "加入购物车",
        "event.remove_from_cart": "移出购物车",
        "event.view_cart": "查看购物车",
        "event.begin_checkout": "结算",
        "event.purchase": "购买",
        "event.refund": "退货",
        "event.impression": "看到推荐",
        "event.click": "点击推荐",
        "event.any": "来访",
        "day": "1天",
        "days": "{count}天",
        "hour": "1小时",
        "hours": "{count}小时",
        "minute": "1分钟",
        "minutes": "{count}分钟",
        "points": "{count}个百分点",
        "less": "不到{size}",
        "over": "超过{size}",
        "answer": "{what}：{prediction}；平均为{base}。",
        "unknown": "{what}：{prediction}。没有人见过这位顾客，这里给出的是所有人的平均水平。",
        "nobody": "没有人见过这位顾客，这里给出的是所有人的选择",
        "for": "推高因素：{listed}。",
        "against": "拉低因素：{listed}。",
        "cited": "{text}（{effect}）",
        "none": "没有哪个单独的事件会改变结果。",
        "none.much": "没有哪个单独的事件影响明显：最多{size}。",
        "none.less": "没有哪个单独的事件影响明显：都{size}。",
        "crumb": "另有1项，影响{size}。",
        "crumbs": "另有{count}项，影响最多{size}。",
        "crumbs.less": "另有{count}项，影响都{size}。",
        "too_few": "{what}：{prediction}。依据不足：{reason}。",
        "together.1": "若去掉这一项，结果为{prediction}。",
        "together": "若去掉以上全部{count}项，结果为{prediction}。",
        "together.none": "若去掉影响最大的{count}项，结果为{prediction}。",
        "whole_day": "若去掉{date}的全部{count}个事件，结果为{prediction}。",
        "features": "综合来看：{listed}。",
        "features.none": "起作用的是整体情况：{listed}。",
        "change": "已找到的最小改变：若去掉{listed}，结果为{prediction}，越过{bar}。",
        "no_change": "即使去掉至多{count}项，结果仍未越过{bar}。",
        "bar.base_rate": "平均值{bar}",
        "bar.alert": "预警线{bar}",
        "bar.given": "给定的界限{bar}",
        "change.item": "已找到的最小改变：若去掉{listed}，该商品将{move}前{count}名。",
        "more": "及另外{count}项",
        "leave": "跌出",
        "enter": "进入",
        "no_change.item": "即使去掉至多{most}项，该商品仍不会{move}前{count}名。",
        "source": "推荐来源：{listed}。在可推荐商品中排第{rank}。",
        "source.hidden": "推荐来源：{listed}。不会推荐给这位顾客：已售罄、不是商品或已购买过。",
        "share": "{name}（{share}）",
        "separator": "；",
        "parts": "；",
        "within": "，",
        "global": "{what}：平均为{base}；依据{persons}位顾客。",
        "global.next": "{what}：依据{persons}位顾客。",
        "global.theme": "{theme}平均使结果变动{effect}。",
        "global.rising": "{theme}平均使结果变动{effect}：“{feature}”，数值越大，结果越高。",
        "global.falling": "{theme}平均使结果变动{effect}：“{feature}”，数值越大，结果越低。",
        "theme.recency": "距上次下单或来访的时间",
        "theme.activity": "活跃程度",
        "theme.orders": "订单数量",
        "theme.spending": "消费金额",
        "theme.looking": "浏览情况",
        "theme.cart": "购物车",
        "theme.search": "搜索",
        "theme.tenure": "成为顾客的时长",
        "theme.basket": "订单大小",
        "theme.rhythm": "下单和来访的节奏",
        "theme.variety": "兴趣的广度",
        "theme.refunds": "退货",
        "theme.campaigns": "触达与响应过的活动",
        "theme.conversion": "浏览转化为购买的比例",
        "theme.prices": "价格与折扣",
        "theme.attention": "页面停留时间",
        "theme.time of day": "一天中的时段",
        "theme.platform": "使用平台",
        "theme.season": "季节",
        "theme.visits": "近期来访的模式",
        "part.network": "神经网络",
        "part.popularity": "普遍情况",
        "part.personal": "本人的频率",
        "part.recent": "近期行为",
        "part.last": "与上次相同",
        "part.personal_frequency": "本人反复选择的商品",
        "part.again": "本人可能再次选择的商品",
        "part.habit": "人们会再次购买的商品",
        "part.cooccurrence": "经常一起出现的商品",
        "part.item_knn": "同一批顾客选择的商品",
        "part.ease": "相互搭配的商品",
        "part.linear_transition": "先后选择的商品",
        "part.popularity_7d": "近期热门",
    },
}
_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip


@dataclass(frozen=True)
class Words:
    """The words of one language."""

    language: str = "en"

    def __call__(self, text: str, /, **values: object) -> str:
        """Return a text of the table with its braces filled; values are taken as they are."""
        return LANGUAGES[self.language][text].format(**values)

    def deed(self, event_type: str, item: str | None, count: int, day: int) -> str:
        """Return what happened so many times on a day, counted from 1970.

        >>> Words().deed("view_item", "Tent X", 3, 20404)
        "viewed 'Tent X' three times on 12 Nov 2025"
        """
        often = self(f"times.{count}") if count <= 3 else self("times", count=f"{count:,}")
        name = event_type if item is not None else f"{event_type}.bare"
        shown = shorten(item or "", NAME_LENGTH)
        return self(name, item=shown, times=often, date=self.date(day))

    def date(self, day: int) -> str:
        """Return a day, counted from 1970, as people write it."""
        found = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)
        month = _MONTHS[found.month - 1]
        return self("date", day=found.day, month=month, number=found.month, year=found.year)

    def task(self, task: Task, answer: str | None = None) -> str:
        """Return what a task asks, with the answer of one of kind next.

        >>> Words("zh").task(Task("purchase_30d", "event"))
        '30天内购买'
        """
        if task.absent_days is not None:
            asked = self.task(replace(task, absent_days=None))
            return self("task.absent", asked=asked, absence=self._duration(task.absent_days))
        if task.kind == "next":
            return self("task.next.any") if answer is None else self("task.next", answer=answer)
        event = self("event.any" if task.event == ANY_EVENT else f"event.{task.event}")
        horizon = self._duration(task.horizon_days)
        if task.rhythm is not None:
            return self("task.rhythm", event=event, times=f"{task.rhythm:g}", horizon=horizon)
        if task.fall_to is not None:
            return self("task.fall", horizon=horizon, share=f"{task.fall_to:.0%}")
        if task.kind == "sum" and task.event == "purchase":
            return self("task.sum.purchase", horizon=horizon)
        return self(f"task.{task.kind}", event=event, horizon=horizon)

    def level(self, value: float, *, is_share: bool) -> str:
        """Return an answer: a probability in percent, or money."""
        if not is_share:
            return f"{value:,.2f}"
        if 0 < abs(value) < 0.00005:
            return self("less", size="0.01%")
        if 0.9995 <= value < 1:
            return self("over", size="99.9%")
        return f"{value:.1%}" if abs(value) >= 0.01 else f"{value:.2%}"

    def effect(self, value: float, *, is_share: bool, decimals: int = 1) -> str:
        """Return an effect with its sign: points of probability, or money.

        >>> Words().effect(-0.0421, is_share=True), Words().effect(12.3, is_share=False)
        ('−4.2 points', '+12.30')
        """
        size = self.size(value, is_share=is_share, decimals=decimals)
        if is_crumb(value, is_share=is_share, decimals=decimals):
            return size
        return ("−" if value < 0 else "+") + size

    def size(self, value: float, *, is_share: bool, decimals: int = 1) -> str:
        """Return the size of an effect, whatever its sign; of a crumb, what it is less than.

        >>> Words().size(0.0004, is_share=True)
        'less than 0.1 points'
        """
        if is_crumb(value, is_share=is_share, decimals=decimals):
            least = self("points", count=f"{10**-decimals:.{decimals}f}") if is_share else "0.01"
            return self("less", size=least)
        if not is_share:
            return f"{abs(value):,.2f}"
        count = f"{abs(value) * 100:.{decimals}f}"
        return self("points", count=count)

    def listed(self, entries: Sequence[str]) -> str:
        """Return several entries as one text."""
        return self("separator").join(entries)

    def within(self, text: str) -> str:
        """Return a sentence of several parts as one entry among others."""
        return text.replace(self("parts"), self("within"))

    def _duration(self, days: float) -> str:
        minutes = days * DAY / 60_000_000
        for unit, length in (("day", 1440.0), ("hour", 60.0), ("minute", 1.0)):
            if minutes >= length or unit == "minute":
                count = minutes / length
                return self(unit) if count == 1 else self(f"{unit}s", count=f"{count:.3g}")
        raise AssertionError("the last unit takes all")


def decimals_of(answer: float) -> int:
    """Return how many decimals the effects on a probability have: fewer where it is larger.

    One number an explanation, so that its effects are all told alike: tenths of a point, of rare
    things hundredths or thousandths.

    >>> decimals_of(0.146), decimals_of(0.004), decimals_of(0.0002)
    (1, 2, 3)
    """
    if answer >= 0.01:
        return 1
    return 2 if answer >= 0.001 else 3


def is_crumb(value: float, *, is_share: bool, decimals: int = 1) -> bool:
    """Whether an effect is nothing once it is rounded as it would be told."""
    return round(abs(value) * 100, decimals if is_share else 0) == 0


def sentence_case(text: str) -> str:
    """Return the text with its first letter in upper case."""
    return text[:1].upper() + text[1:]
