"""Chinese for what an ingest notes, what checks of a log find, and the rest of `doctor`.

Keys are the English templates, word for word. A command is followed by no Chinese letter.
"""

from typing import Final

INGESTED: Final[dict[str, str]] = {
    "{file} holds no records.": "{file}中没有记录。",
    "{file} has columns that no field maps, left out: {names}.": "{file}中有未映射的列，已略过：{names}。",
    "{names} and {n} more": "{names}等，另有{n}个",
    "Parquet files without page checksums were read: a flipped bit in them may go unnoticed. Most writers can add them (write_page_checksum=True in PyArrow).": "读取了没有页校验和的 Parquet 文件：其中个别位出错可能无法发现。多数写入工具都能加上校验和（PyArrow 中为 write_page_checksum=True）。",
    "Money in several currencies ({names}); it is never converted. Sums are in one: in the one that [shop] currency names, else in that of most purchases; amounts without a currency are in the shop's own, where it is named, and else left out.": "金额有多种币种（{names}），不作换算。合计只用一种：[shop] currency 指定的币种，否则为多数购买所用的币种；没有币种的金额按店铺自己的币种计（已指定时），否则不计。",
    "{n} records carry an event id that was there before with other content; they are stored beside the first, under an id of their own (duplicate_of).": "{n}条记录的事件编号已存在而内容不同；它们与原记录并存，使用各自的编号（duplicate_of）。",
    "{n} times name no zone and were read as {zone}. If that is not theirs, set time_zone in their source.": "{n}个时间没有时区，按{zone}读取。如果不对，请在数据源中设置 time_zone。",
    "{n} times are none in {unit} but would be in {other} ({same}?). If all are, set time_unit = \"{code}\" in source '{source}'; a source has one unit.": '{n}个时间以{unit}为单位不成立，以{other}为单位则成立（{same}？）。如果全部如此，请在数据源“{source}”中设置 time_unit = "{code}"；一个数据源只有一种单位。',
    "{n} ids look like e-mail addresses or telephone numbers (looks_like_pii). They lie in the store's table of subjects alone; better is an id that says nothing.": "{n}个编号看起来是邮箱或电话号码（looks_like_pii）。它们只存放在 subjects 表中；最好改用不含信息的编号。",
    "Kept as they are, though they do not fit together: {kinds}.": "照原样保留，尽管彼此不符：{kinds}。",
    "purchases of what the person had not looked at before ({n}, {n_share} % of all)": "购买了此前没有浏览过的商品（{n}次，占{n_share}%）",
    "refunds of what the person had not bought ({n}, {n_share} % of all)": "退了没有买过的商品（{n}次，占{n_share}%）",
    "removals from a cart of what was not put into it ({n}, {n_share} % of all)": "从购物车移出没有加过的商品（{n}次，占{n_share}%）",
    '{sources}: nothing says who agreed to being recorded. Say in habitue.toml, under [consent], what is assumed: assumed = "..." (or map a column as consent).': '{sources}：没有说明哪些客户同意采集。请在 habitue.toml 的 [consent] 中写明依据：assumed = "..."（或把一列映射为 consent）。',
    "schema_drift: from line {n} of {file} on {renamed}; all rows from there were set aside.": "schema_drift：{file}从第{n}行起{renamed}；此后的行都已隔离。",
    "Cut the file there, and describe the second part as a source of its own.": "请从该处切开文件，并把后一部分作为单独的数据源描述。",
    "'{old}' is called '{new}'": "“{old}”改名为“{new}”",
    "{n} rows were not tried: too long, written by an earlier release, or must not be kept; ingest the file again to try them.": "{n}行没有重试：太长、由更早的版本写入，或不得保留；请重新导入文件。",
    "{n} rows were not tried: of a source that the settings no longer name; call it as it was called, or ingest the file again to try them.": "{n}行没有重试：所属的数据源已不在设置中；请恢复原来的名称，或重新导入文件。",
    "{n} rows were not tried: without a column that the source maps now, because it was not read then; ingest the file again to try them.": "{n}行没有重试：缺少数据源现在映射的列，当时没有读取；请重新导入文件。",
    "milliseconds": "毫秒",
    "microseconds": "微秒",
    "nanoseconds": "纳秒",
}
CHECKED: Final[dict[str, str]] = {
    "{n} events in the week from {date} on, {share} less than the {n_usual} of a usual week before": "从{date}起的一周有{n}个事件，比之前平常一周的{n_usual}个少{share}",
    "no event from {first} to {last}, {n} days": "{first}至{last}的{n}天没有事件",
    "the longest other pause is {n} days": "除此之外最长的空档是{n}天",
    "{field} is empty in {share} of {kind} events from {date} on, {before} in the weeks before": "从{date}起，{kind}事件中{share}的{field}为空，之前几周为{before}",
    "{share} of the events from {date} on are {kind}; none was before": "从{date}起，{share}的事件是{kind}，之前一个也没有",
    "one of {n} users has {share} of the events ({n_events})": "{n}个用户中有一个占全部事件的{share}（{n_events}个）",
    "habitue validate names it, and an id that many share belongs into cleaning.placeholder_ids": "habitue validate 会列出它，多人共用的编号请加入 cleaning.placeholder_ids",
    "one user, taken for a bot and left out, has {share} of all events": "一个被视为机器而剔除的用户占全部事件的{share}",
    "{share} of the events from {date} on repeat another in all but the id, {before} in the weeks before": "从{date}起，{share}的事件除编号外与另一事件完全相同，之前几周为{before}",
    "{share} of the times from {date} on are bare dates, {before} in the weeks before": "从{date}起，{share}的时间只有日期，之前几周为{before}",
    "the median price is about {n} from {date} on, {n_before} in the weeks before": "从{date}起价格中位数约为{n}，之前几周为{n_before}",
    "{n} of {n_all} events are {what} in the days from {date} on, where {n_expected} were to be expected": "从{date}起的几天里，{n_all}个事件中只有{n}个是{what}，按往常应有{n_expected}个",
    "purchases": "购买",
    "{share} of the events in the week from {date} on are of items never seen before, {before} in the week before": "从{date}起的一周，{share}的事件涉及从未出现过的商品，前一周为{before}",
    "the hours of the day moved by {hours} from {date} on, as if the times were of another zone": "从{date}起，一天中的时段移动了{hours}小时，像是换了时区",
    "events arrive {hours} hours later than before from {date} on, as if received_at were of another zone": "从{date}起，事件的到达时间变化了{hours}小时，像是 received_at 换了时区",
    "Mend the export, remove the store, and ingest again: {command} If this is how it was, train all the same: {other}": "请修正导出文件，删除已存储的数据并重新导入：{command} 如果情况属实，可以照常训练：{other}",
}
# A training that is refused names each finding's rule.
RULED: Final[dict[str, str]] = {
    f"{found} ({{rule}})": f"{told}（{{rule}}）"
    for found, told in CHECKED.items()
    if found[-1] != "}"
}
LOOKED: Final[dict[str, str]] = {
    "{name} {found} is installed; Habitue needs {wanted}.": "已安装{name} {found}；Habitue 需要{wanted}。",
    "{name} is not installed; Habitue needs {wanted}.": "未安装{name}；Habitue 需要{wanted}。",
    "Nothing reads {names}: no setting is called so.": "{names}没有作用：没有这样的设置。",
    "Correct the name, or: unset {names}": "请改正名称，或运行：unset {names}",
    "{n} files of {folder} are damaged or missing in all.": "{folder}中共有{n}个文件损坏或缺失。",
    "{n} files in {folder} belong to no finished ingest.": "{folder}中有{n}个文件不属于任何已完成的导入。",
    "The next one removes them: habitue ingest FILE…": "下次导入时会删除它们：habitue ingest FILE…",
    "The next run removes them: {command}": "下次运行时会删除它们：{command}",
    "Let one answer: {command}": "请指定一个版本：{command}",
    "{n} persons as of {moment}.": "{n}位客户，数据截至{moment}。",
    "Writing now: {who}.": "正在写入：{who}。",
    "Killed while writing: {who}; nothing half-done counts.": "写入时被中断：{who}；没有留下半成品。",
    "Run it again: {command}": "请重新运行：{command}",
    "process {n} on {host} since {moment}": "{host}上的进程{n}（始于{moment}）",
    "a process that has just begun": "一个刚启动的进程",
    "{n} unfinished folders lie in {folder}, such as {name}.": "{folder}中有{n}个未完成的文件夹，例如{name}。",
    "{n} unfinished files were left by processes that ended.": "有{n}个未完成的文件，由已结束的进程留下。",
    "{fix} Once another version answers, remove this one: {command}": "{fix} 改用其他版本之后，可删除此版本：{command}",
    "Name a folder that does not exist yet: habitue restore -w FOLDER FILE": "请指定尚不存在的文件夹：habitue restore -w FOLDER FILE",
    "Take one of: {names}.": "请从中选择：{names}。",
    "Name a file that `habitue backup` wrote.": "请指定由 habitue backup 生成的文件。",
    "Import events of more than one moment, or map the right timestamp column.": "请导入不止一个时刻的事件，或映射正确的时间列。",
    "Write it into {place}; it has no default.": "请写入{place}；它没有默认值。",
}
DOINGS: Final[dict[str, str]] = {**INGESTED, **CHECKED, **RULED, **LOOKED}
