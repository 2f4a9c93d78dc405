"""Chinese for sentences that are written in English where they arise; see `retelling`."""

import re
from typing import Final

from habitue.languages.zh_checks import CHECKS
from habitue.languages.zh_doings import DOINGS
from habitue.languages.zh_errors import ERRORS
from habitue.languages.zh_files import FILES
from habitue.languages.zh_log import LOG
from habitue.languages.zh_notes import NOTES
from habitue.languages.zh_work import WORK

# A gap whose name begins with n holds a number.
COMMON: Final[dict[str, str]] = {
    "{n} days": "{n}天",
    "1 day": "1天",
    "{n} day": "{n}天",
    "{n} hours": "{n}小时",
    "1 hour": "1小时",
    "{n} hour": "{n}小时",
    "{n} minutes": "{n}分钟",
    "{n} minute": "{n}分钟",
    "{n} seconds": "{n}秒",
    "{n} weeks": "{n}周",
    "{n} months": "{n}个月",
    "{n} years": "{n}年",
    "none": "无",
}
_SAID: Final[dict[str, str]] = {**ERRORS, **FILES, **WORK, **LOG, **NOTES, **CHECKS, **DOINGS}
_COMMAND: Final = re.compile(r"habitue (?:models )?[a-z]+\b(?! -w| \{where)")
# The same with commands that name their shop.
_PLACED: Final[dict[str, str]] = {
    _COMMAND.sub(r"\g<0> -w {where}", english): _COMMAND.sub(r"\g<0> -w {where}", chinese)
    for english, chinese in _SAID.items()
    if len(_COMMAND.findall(english)) == len(_COMMAND.findall(chinese)) == 1
}
TEMPLATES: Final[dict[str, str]] = {**_SAID, **_PLACED}
