"""Chinese for what a model version says of itself: its card's notes, its tasks, why it lacks one.

Keys are the English templates, word for word.
"""

from typing import Final

TASKS: Final[dict[str, str]] = {
    "what {target} comes next, of persons seen in the {active} before": "近{active}到访过的客户，接下来的{target}",
    "event type": "行为类型",
    "category": "品类",
    "value of {event} events within {horizon}, of persons seen in the {active} before": "近{active}到访过的客户，未来{horizon}的{event}金额",
    "spending within {horizon} below {share} of the {same} before, of persons who spent then": "此前{same}消费过的客户，未来{horizon}的消费低于其{share}",
    "no {event} within {horizon}, of persons with one in the {active} before": "近{active}有过{event}的客户，未来{horizon}不再{event}",
    "{event} within {horizon}, of persons seen in the {active} before": "近{active}到访过的客户，未来{horizon}会{event}",
    "event": "到访",
    "purchase": "购买",
    "view item": "浏览商品",
    "view item list": "浏览商品列表",
    "select item": "点选商品",
    "search": "搜索",
    "add to wishlist": "收藏",
    "add to cart": "加购",
    "remove from cart": "移出购物车",
    "view cart": "查看购物车",
    "begin checkout": "进入结算",
    "refund": "退款",
    "impression": "曝光",
    "click": "点击",
}
# Why a task has no answer, or nothing but an average.
OBSTACLES: Final[dict[str, str]] = {
    "only {n} persons to learn from; {n_needed} are needed": "可供学习的客户只有{n}人，至少需要{n_needed}人",
    "only {n} cases among {n_persons} persons; {n_needed} are needed": "{n_persons}人中只出现{n}例，至少需要{n_needed}例",
    "no item of this log has a category": "日志中的商品没有品类信息",
    "the log has no {event} events": "日志中没有{event}事件",
    "the log has no money: no purchase has a price or value": "日志中没有金额：所有购买都没有价格",
    "the log spans {span}; a horizon of {horizon} needs {needed}": "日志只覆盖{span}，预测未来{horizon}至少需要{needed}的数据",
    "the log up to the cut is shorter than the task's horizon needs": "截止时刻之前的日志太短，不足以支持这一预测周期",
    "nearly every next answer is '{answer}', so there is nothing to tell apart": "几乎所有人的下一步都是“{answer}”，无从区分",
    "the log ends less than {n} days after the cut; the outcome is not known yet": "截止时刻之后的日志不足{n}天，结果尚不可知",
    "all {n} outcomes are alike": "{n}个结果完全相同",
    "nobody did anything in the time after the cut": "截止时刻之后没有任何人有行为",
    "Nobody with events before {from_day} took anything until {until_day}, so there is nothing to judge recommendations by": "{from_day}之前有行为的客户，直到{until_day}都没有选取任何商品，无法评估推荐效果",
}
CHOICES: Final[dict[str, str]] = {
    "recency, frequency and money alone did at least as well, so only they ship": "仅用RFM（最近一次、频次、金额）效果不输其他，因此只采用它们",
    "the network's embedding added nothing beyond noise, so plain features ship": "行为模型的向量没有带来超出误差的提升，因此采用普通特征",
    "plain features and the network's embedding together do best": "普通特征与行为模型的向量结合效果最好",
    "{task}: on later windows features alone have a loss of {n_alone}, the head alone {n_joint}, both mixed {n_fused}, so {outcome}.": "{task}：在较晚的时间窗上，仅用特征的损失为{n_alone}，仅用预测头为{n_joint}，两者混合为{n_fused}，因此{outcome}。",
    "features alone answer: the head did not win by more than noise": "仅用特征：预测头没有带来超出误差的提升",
    "the head alone answers": "仅用预测头",
    "both answer together": "两者混合使用",
    "{task}: features alone answer, for {why}.": "{task}：仅用特征，因为{why}。",
    "no later window to judge a head by": "没有可用来评判预测头的较晚时间窗",
    "fewer than {n} amounts to learn a head from": "可供预测头学习的金额不足{n}笔",
    "a fall in spending has no first event for a head to wait for": "消费下降没有可供预测头等待的首次事件",
    "the head's first bin is a day": "预测头最短的时间段为一天",
    "the head reaches {n} days": "预测头最远只能预测{n}天",
    "everybody is told the base rate, for there are {why}": "对所有人都给出整体平均水平：{why}",
    "a mixture of {mixed}, chosen on {n} persons": "由{mixed}混合而成，权重在{n}人上选定",
}
# What answers and offers are made of.
PARTS: Final[dict[str, str]] = {
    "the network {n}%": "行为模型{n}%",
    "what is common {n}%": "大众偏好{n}%",
    "the person's own frequencies {n}%": "个人频次{n}%",
    "what they did lately {n}%": "近期行为{n}%",
    "the same again {n}%": "重复上一次{n}%",
    "network {n}%": "行为模型{n}%",
    "habit {n}%": "个人习惯{n}%",
    "again {n}%": "个人商品（学习所得）{n}%",
    "personal_frequency {n}%": "个人常购{n}%",
    "cooccurrence {n}%": "关联购买{n}%",
    "item_knn {n}%": "相邻商品{n}%",
    "ease {n}%": "EASE {n}%",
    "linear_transition {n}%": "线性转移{n}%",
    "popularity_7d {n}%": "本周热销{n}%",
}
CARD: Final[dict[str, str]] = {
    "Learnt from events up to {date}; chosen on the {n} days before that.": "学习了{date}之前的事件，并用其中最后{n}天做选择。",
    "Best epoch {n} of {n_all}, by the network's NDCG@10 on {n_persons} persons.": "共训练{n_all}轮，第{n}轮最好（依据{n_persons}人的NDCG@10）。",
    "Less than {share} of what people wanted they had wanted before, so the network does not look for repeats and begins with what is like the last item.": "客户想要的商品中，此前想要过的不到{share}，因此模型不找重复，而从与最近商品相似的开始。",
    "{share} of what people took they had taken before (NDCG@10 {n_with} with such items, {n_without} without): items taken before {outcome}.": "客户选取的商品中有{share}此前选取过（NDCG@10：含这些商品{n_with}，不含{n_without}），因此{outcome}。",
    "may be offered again": "允许再次推荐",
    "are not offered again": "不再重复推荐",
    "Nobody took anything in the validation window: nothing was chosen on it.": "验证期内没有人选取任何商品，因此没有据此做选择。",
    "Recommendations mix {parts}.": "推荐由以下部分混合：{parts}。",
    "Check of the log, {rule}: {message}.": "日志检查（{rule}）：{message}。",
    "{task}: not learnt, {reason}.": "{task}：未学习，{reason}。",
    "Found by trying: batches of {n}, a learning rate of {rate}.": "经试验选定：每批{n}，学习率{rate}。",
    "The network was trained by {n} processes.": "模型由{n}个进程共同训练。",
    "Went on from epoch {n} of a training broken off.": "从中断的训练的第{n}轮继续。",
    "{n} training steps with a loss that is no number.": "有{n}个训练步的损失不是有效数值。",
    "Training went back {n} times, more slowly each, after such steps.": "因此训练回退了{n}次，每次都放慢学习速度。",
    "Consent, where the log does not tell it, is assumed: {assumed}.": "日志未说明是否同意采集的，按以下设定处理：{assumed}。",
    "The log does not tell who agreed to being recorded, and nothing is assumed of it.": "日志没有说明哪些客户同意采集，也没有对此做任何设定。",
    "Not published: it learned until {until}, and version {version}, which answers, until {current}. It answers where --as-of names a moment in between; to let it always answer: {command}": "未发布：它学到{until}为止，而正在使用的版本{version}学到{current}。用 --as-of 指定两者之间的时刻时由它作答；要让它始终作答：{command}",
    "{task}: {what}; {choice}.": "{task}：{what}；{choice}。",
}
COMPARED: Final[dict[str, str]] = {
    "Architectures compared within {minutes} minutes by NDCG@10 on {n} persons: {told}. {reason}": "在{minutes}分钟内用{n}人的NDCG@10比较了各种模型结构：{told}。{reason}",
    "{name} was the only one.": "{name}是唯一的候选。",
    "{n} persons to ask are too few to tell one from another, so the cheapest is chosen: {name}, {costs}.": "可供评估的只有{n}人，分不出高下，因此选最省时的：{name}，{costs}。",
    "{best} ranks best (NDCG@10 {n_best}), but {name} is not clearly worse (difference {mean}, 95 % between {low} and {high}) and cheaper ({costs} instead of {n_costs}), so {same} is chosen.": "{best}排序最好（NDCG@10 {n_best}），但{name}并不明显更差（差异{mean}，95%区间{low}至{high}）且更省时（{costs}，而非{n_costs}秒），因此选择{same}。",
    "{best} ranks best (NDCG@10 {n_best}), and whatever is cheaper is clearly worse.": "{best}排序最好（NDCG@10 {n_best}），更省时的都明显更差。",
    "{best} ranks best (NDCG@10 {n_best}) and is the cheapest ({costs}).": "{best}排序最好（NDCG@10 {n_best}），也最省时（{costs}）。",
    "{seconds} s an epoch": "每轮{seconds}秒",
    "Nothing ranked better than the settings in force (NDCG@10 {n}).": "没有比当前设置更好的组合（NDCG@10 {n}）。",
    "The best settings rank at NDCG@10 {n_best}, those in force at {n_now}; too few persons could be asked to say whether that is chance.": "最佳设置的NDCG@10为{n_best}，当前设置为{n_now}；可供评估的人太少，无法判断是否只是偶然。",
    "The best settings rank at NDCG@10 {n_best}, those in force at {n_now}: clearly better (difference {mean}, 95 % between {low} and {high}).": "最佳设置的NDCG@10为{n_best}，当前设置为{n_now}：明显更好（差异{mean}，95%区间{low}至{high}）。",
    "The best settings rank at NDCG@10 {n_best}, those in force at {n_now}: not clearly better (difference {mean}, 95 % between {low} and {high}).": "最佳设置的NDCG@10为{n_best}，当前设置为{n_now}：没有明显更好（差异{mean}，95%区间{low}至{high}）。",
}
PROTOCOL: Final[dict[str, str]] = {
    "Global time split: everything is learned from events before {start}; wanted are the distinct items of {types} events from then until {end}. Everyone with such an event and with any event before is ranked, who was known as a bot by then left out, over all {n} items, items taken before {hidden}; no sampled negatives. recall is hits / wanted; wanted items unknown to the model count as missed; ties count against the recommender. Every baseline is ranked on the same persons under the same rules.": "按全局时间切分：只学习{start}之前的事件，目标是此后至{end}的{types}事件涉及的不同商品。对此前有行为、此间有此类事件的所有客户（剔除当时已知的机器行为）在全部{n}件商品上排序，此前选取过的商品{hidden}；不做负采样。召回率＝命中数÷目标数；模型不认识的目标商品按未命中计；并列按不利于推荐器计。所有基线在相同客户、相同规则下排序。",
    "hidden": "不参与排序",
    "allowed": "参与排序",
}
NOTES: Final[dict[str, str]] = {
    **TASKS,
    **OBSTACLES,
    **CHOICES,
    **PARTS,
    **CARD,
    **COMPARED,
    **PROTOCOL,
}
