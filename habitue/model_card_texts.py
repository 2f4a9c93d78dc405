"""Every word of the model card, a table a language.

Knows nothing about models; `model_card` puts the figures in.
"""

from dataclasses import dataclass
from typing import Final

from habitue.languages import Language


@dataclass(frozen=True)
class CardTexts:
    """The words of a card in one language."""

    title: str
    what: str
    data_title: str
    data: tuple[str, ...]
    quality_title: str
    quality: str
    quality_columns: tuple[str, ...]
    reading: str
    skipped: str
    advice: str
    better: str
    even: str
    worse: str
    unknown: str
    in_short: dict[str, str]  # verdict -> sentence
    of_task: str
    slices_title: str
    advice_slices_title: str
    slices: str
    worse_for: str
    nobody_worse: str
    no_slices: str
    slice_columns: tuple[str, ...]
    less_well: str
    more_well: str
    alike: str
    cold: str
    comma: str
    task_slices_title: str
    task_slices: str
    task_slice_columns: tuple[str, ...]
    no_task_slices: str
    less_reliable: str
    nobody_less_reliable: str
    worse_order: str
    worse_amount: str
    too_high: str
    too_low: str
    with_level: str
    level_high: str
    level_low: str
    limits_title: str
    limits: tuple[str, ...]
    forbidden_title: str
    forbidden_lead: str
    forbidden: tuple[str, ...]


SLICE_NAMES: Final[dict[Language, dict[str, str]]] = {
    "en": {
        "new": "new (first seen in the last 30 days)",
        "rare": "rare (at most four events so far)",
        "heavy": "heavy (the tenth with the most events)",
        "platform: web": "mostly on the web",
        "platform: app": "mostly in the app",
        "platform: mini_program": "mostly in the mini program",
        "platform: store": "mostly in the store",
        "platform: other": "mostly elsewhere",
    },
    "zh": {
        "new": "新客户（近30天首次到访）",
        "rare": "低频（至今最多四次行为）",
        "heavy": "高频（行为最多的一成）",
        "platform: web": "主要使用网页",
        "platform: app": "主要使用App",
        "platform: mini_program": "主要使用小程序",
        "platform: store": "主要到门店",
        "platform: other": "主要来自其他渠道",
    },
}
METRICS: Final[dict[Language, dict[str, str]]] = {
    "en": {
        "ndcg@10": "NDCG@10: wanted items high in the list; 1 is perfect",
        "auc": "AUC: who will before who will not; 0.5 is chance, 1 is perfect",
        "mae": "mean error in the shop's money; 0 is perfect",
        "accuracy": "share of right answers; 1 is perfect",
    },
    "zh": {
        "ndcg@10": "NDCG@10：想要的商品是否排在前面，1为完美",
        "auc": "AUC：会发生的是否排在不会发生的前面，0.5等于瞎猜，1为完美",
        "mae": "平均误差（店铺货币），0为完美",
        "accuracy": "答对的比例，1为完美",
    },
}
TEXTS: Final[dict[Language, CardTexts]] = {
    "en": CardTexts(
        title="Model card: version {version}",
        what=(
            "This model reads what a person did in the shop, and says what the person may like, "
            "may do next and may be worth. It is a network of {parameters} numbers "
            "({architecture}), mixed with simple counting methods where these do better. It learnt "
            "from {events} events before {until}."
        ),
        data_title="What it knows",
        data=(
            "The shop's own log: who did what, when, with which item, on which platform.",
            "No names, addresses, age, sex, health, faith or origin. Purchases can betray such "
            "things all the same: whoever buys nappies has a baby.",
            "Nothing from the end of its training on, and nothing that was done elsewhere.",
        ),
        quality_title="How well it does",
        quality=(
            "Measured on the time from {since} to {until}, which it has never seen, beside simple "
            "methods on the same persons."
        ),
        quality_columns=(
            "what",
            "persons",
            "measure",
            "model",
            "best simple method",
            "the model is",
        ),
        reading=(
            "*clearly better* and *clearly worse* are said only where chance in who was there does "
            "not explain the difference (95 %)."
        ),
        skipped="Not measured:",
        advice="recommendations",
        better="clearly better",
        even="on a par",
        worse="clearly worse",
        unknown="not known",
        in_short={
            "better": (
                "{what}: clearly better than {best}, the best simple method "
                "({measure} {ours} to {theirs})."
            ),
            "even": (
                "{what}: on a par with {best}, the best simple method "
                "({measure} {ours} to {theirs})."
            ),
            "worse": (
                "{what}: clearly worse than {best}, the best simple method "
                "({measure} {ours} to {theirs})."
            ),
            "unknown": "{what}: {measure} {ours}; {best}, the best simple method, {theirs}.",
        },
        of_task="`{name}`: {said}",
        slices_title="For whom it works less well",
        advice_slices_title="Recommendations",
        slices=(
            "Group by group, by NDCG@10. The groups overlap. The interval is the "
            "bootstrap over persons (95 %); a group differs only where its interval and that of "
            "everybody else do not touch."
        ),
        worse_for="**Recommendations work clearly less well for:** {names}.",
        nobody_worse=(
            "Recommendations: no group measured here is served clearly less well than the others."
        ),
        no_slices=(
            "Not known: recommendations could not be measured here, or no group divides the "
            "persons."
        ),
        slice_columns=("group", "persons", "NDCG@10", "interval", "everybody else", "served"),
        less_well="less well",
        more_well="better",
        alike="alike",
        cold=(
            "{n} persons took something and had no event before: of these the model knows nothing, "
            "and offers what is popular. They are in no group."
        ),
        comma="; ",
        task_slices_title="Predictions",
        task_slices=(
            "*Told* is the mean prediction, *came* what happened. A probability is judged by AUC "
            "among the group's own people: who will before who will not. An amount is judged by "
            "the mean error for each unit of money that came in; less is better. A group differs "
            "only where its interval and that of everybody else do not touch, and is told too much "
            "or too little only where chance does not explain it (95 %)."
        ),
        task_slice_columns=(
            "prediction",
            "group",
            "persons",
            "AUC, or error",
            "everybody else",
            "told",
            "came",
            "told apart",
        ),
        no_task_slices=("Not known: no probability or amount was measured group by group."),
        less_reliable="**Less reliable are:**",
        nobody_less_reliable=(
            "For no group measured here are predictions clearly less reliable than for the others."
        ),
        worse_order="says clearly less well who will and who will not among: {names}.",
        worse_amount="misses clearly more of what is spent among: {names}.",
        too_high="is told too high for: {names}.",
        too_low="is told too low for: {names}.",
        with_level="{name}, told {told}, came {came}",
        level_high="level too high",
        level_low="level too low",
        limits_title="What it cannot do",
        limits=(
            "It sees what goes together, not what causes what. A high chance to buy does not say "
            "that an offer would change it.",
            "It speaks of groups: of a hundred people told 20 %, about twenty will. Of one person "
            "it does not know.",
            "Prices, seasons, campaigns and assortments that were not in the log are unknown to "
            "it. It ages; measure it again with newer events.",
            "It was measured on this shop and this stretch of time, with one training. Another "
            "shop or month may differ.",
            "Whether it serves men and women, young and old, or other groups that the log does not "
            "name equally well was not measured, for the log does not say who they are.",
        ),
        forbidden_title="What it must not be used for",
        forbidden_lead=(
            "It is made to order offers, to reach customers who agreed to it, and to plan. It must "
            "not be used:"
        ),
        forbidden=(
            "to decide on credit, insurance, employment, housing, education, health care or "
            "benefits, or anything else of legal or similar weight for a person;",
            "to set a price, a discount or terms for a single person by what they seem willing "
            "to pay;",
            "to guess health, pregnancy, faith, origin, politics, sexual orientation or age, or to "
            "find people by such guesses;",
            "to find and press those who buy against their interest: gambling, alcohol, debts;",
            "to call somebody a fraud, or to refuse or worsen service, without a human who looks "
            "at the case;",
            "on persons who did not agree or have objected, or on children.",
        ),
    ),
    "zh": CardTexts(
        title="模型卡：版本{version}",
        what=(
            "本模型根据客户在店铺里的行为，判断其可能喜欢什么、接下来可能做什么、可能带来多少价值。"
            "它是一个含{parameters}个参数的网络（{architecture}），在简单计数方法更好的地方与之混合。"
            "学习数据为{until}之前的{events}条行为。"
        ),
        data_title="它知道什么",
        data=(
            "店铺自己的日志：谁、何时、在哪个平台、对哪件商品做了什么。",
            "不含姓名、地址、年龄、性别、健康、信仰或出身。但购买行为仍可能透露这些：买尿布的人家里有婴儿。",
            "不含训练截止之后的任何内容，也不含客户在别处的行为。",
        ),
        quality_title="效果如何",
        quality="在{since}至{until}这段模型从未见过的时间上测量，并与同一批客户上的简单方法对比。",
        quality_columns=("内容", "人数", "指标", "模型", "最好的简单方法", "对比"),
        reading="只有当差异无法用“恰好是哪些客户”的偶然性解释时（95%），才说*明显更好*或*明显更差*。",
        skipped="未能测量：",
        advice="推荐",
        better="明显更好",
        even="持平",
        worse="明显更差",
        unknown="未知",
        in_short={
            "better": "{what}：明显好于最好的简单方法 {best}（{measure}：{ours} 对 {theirs}）。",
            "even": "{what}：与最好的简单方法 {best} 持平（{measure}：{ours} 对 {theirs}）。",
            "worse": "{what}：明显差于最好的简单方法 {best}（{measure}：{ours} 对 {theirs}）。",
            "unknown": "{what}：{measure}为{ours}；最好的简单方法 {best} 为{theirs}。",
        },
        of_task="`{name}`：{said}",
        slices_title="对谁效果较差",
        advice_slices_title="推荐",
        slices=(
            "按组列出，以NDCG@10衡量。各组之间有重叠。区间为对客户重抽样所得（95%）；"
            "只有当一组的区间与其余客户的区间不相交时，才视为有差别。"
        ),
        worse_for="**推荐效果明显较差的有：**{names}。",
        nobody_worse="推荐：这里测量的各组中，没有哪一组明显差于其余客户。",
        no_slices="未知：这里无法测量推荐，或没有能区分客户的组。",
        slice_columns=("组", "人数", "NDCG@10", "区间", "其余客户", "效果"),
        less_well="较差",
        more_well="较好",
        alike="相当",
        cold="另有{n}人有购买等行为、但此前没有任何记录：模型对他们一无所知，只推荐热门商品。他们不属于任何一组。",
        comma="；",
        task_slices_title="预测",
        task_slices=(
            "*预测*为平均预测值，*实际*为真实发生的情况。概率以组内的AUC衡量：会发生的是否排在不会发生的前面；"
            "金额以每一单位实际金额对应的平均误差衡量，越小越好。只有当一组的区间与其余客户的区间不相交时，"
            "才视为有差别；只有当偶然性无法解释时（95%），才说预测偏高或偏低。"
        ),
        task_slice_columns=(
            "预测任务",
            "组",
            "人数",
            "AUC或误差",
            "其余客户",
            "预测",
            "实际",
            "区分效果",
        ),
        no_task_slices="未知：没有按组测量任何概率或金额。",
        less_reliable="**较不可靠的有：**",
        nobody_less_reliable="这里测量的各组中，没有哪一组的预测明显比其余客户更不可靠。",
        worse_order="在以下客户中，明显更难分辨谁会、谁不会：{names}。",
        worse_amount="在以下客户中，金额的误差明显更大：{names}。",
        too_high="对以下客户预测偏高：{names}。",
        too_low="对以下客户预测偏低：{names}。",
        with_level="{name}，预测{told}、实际{came}",
        level_high="水平偏高",
        level_low="水平偏低",
        limits_title="它做不到什么",
        limits=(
            "它只看到哪些事情同时出现，看不到因果。购买概率高，并不说明优惠会改变它。",
            "它说的是群体：一百个被告知20%的人里，大约二十个会做。对某一个人，它并不知道。",
            "日志里没有的价格、季节、活动和商品，它都不了解。它会过时；请用新数据重新测量。",
            "它只在本店、这段时间、一次训练上测量过。换一家店或一个月，结果可能不同。",
            "它对男女老少等日志未记载的群体是否同样有效，没有测量过，因为日志没有说明他们是谁。",
        ),
        forbidden_title="不得用于什么",
        forbidden_lead="它用于给推荐排序、触达已经同意的客户和制定计划。不得用于：",
        forbidden=(
            "决定信贷、保险、雇用、住房、教育、医疗、福利，或其他对个人有法律或类似重大影响的事项；",
            "根据某个人看似愿意支付的金额，为其单独定价、定折扣或定条件；",
            "猜测健康、怀孕、信仰、出身、政治观点、性取向或年龄，或据此寻找人群；",
            "寻找并诱导违背自身利益而消费的人：赌博、酗酒、负债；",
            "未经人工查看就认定某人欺诈，或拒绝、降低服务；",
            "用于没有同意或已经反对的客户，或用于儿童。",
        ),
    ),
}
