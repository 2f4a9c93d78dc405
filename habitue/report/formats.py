"""Numbers, money, times and spans as people read them.

`1,234`, `12.3 %`, `£1.2 M`, `2025-11-30`. A no-break space keeps number and unit together.
Knows nothing about what the numbers mean.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from habitue.languages import Language, language, told
from habitue.report.figures import PeriodUnit
from habitue.report.periods import local_datetime

NBSP = "\u00a0"
MINUS = "\u2212"
DASH = "\u2013"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
SYMBOLS = {
    "USD": "$", "GBP": "£", "EUR": "€", "CNY": "¥", "JPY": "¥", "INR": "₹", "KRW": "₩",
    "BRL": "R$", "CAD": "CA$", "AUD": "A$", "HKD": "HK$", "TWD": "NT$", "VND": "₫",
}  # fmt: skip


# From which amount on, what it is divided by, and the unit.
SIZES: Final[dict[Language, tuple[tuple[float, float, str], ...]]] = {
    "en": ((1e9, 1e9, f"{NBSP}bn"), (1e6, 1e6, f"{NBSP}M"), (1e4, 1e3, f"{NBSP}k")),
    "zh": ((1e8, 1e8, "亿"), (1e4, 1e4, "万")),
}
_SPAN_UNITS_ZH: Final[dict[str, str]] = {
    "year": "年",
    "month": "个月",
    "week": "周",
    "day": "天",
    "hour": "小时",
    "minute": "分钟",
}


def number(amount: float | None, decimals: int | None = None) -> str:
    """Return `1,234`; small amounts keep up to two decimals.

    >>> number(1234.4), number(0.25), number(None)
    ('1,234', '0.25', '–')
    """
    if amount is None:
        return DASH
    if decimals is None:
        is_whole = abs(amount) >= 100 or amount == int(amount)
        decimals = 0 if is_whole else 1 if abs(amount) >= 10 else 2
    text = f"{abs(amount):,.{decimals}f}"
    return f"{MINUS}{text}" if amount < 0 and float(text.replace(",", "")) else text


def compact(amount: float) -> str:
    """Return `1.23 M` for what is too long to read as a whole.

    >>> compact(1_234_567).replace(NBSP, " "), compact(9_876)
    ('1.23 M', '9,876')
    """
    for size, scale, unit in told(SIZES):
        if abs(amount) >= size:
            scaled = amount / scale
            decimals = 2 if abs(scaled) < 10 else 1 if abs(scaled) < 100 else 0
            return f"{number(scaled, decimals)}{unit}"
    return number(amount)


def percent(share: float | None, decimals: int | None = None) -> str:
    """Return `12.3 %`; tiny shares keep two decimals.

    >>> percent(0.1234).replace(NBSP, " "), percent(1).replace(NBSP, " ")
    ('12.3 %', '100 %')
    """
    if share is None:
        return DASH
    if decimals is None:
        decimals = 0 if share in (0, 1) else 2 if abs(share) < 0.01 else 1
    return f"{number(100 * share, decimals)}{_gap()}%"


def share_text(share: float) -> str:
    """Return `50 %` with as many decimals as the share has."""
    return f"{100 * share:g}{_gap()}%"


def percent_sign() -> str:
    """Return what follows a number of hundredths."""
    return f"{_gap()}%"


def axis_units() -> list[tuple[float, str]]:
    """Return sizes and their units for an axis, where thousands are short already."""
    if language() == "zh":
        return [(size, unit) for size, _, unit in SIZES["zh"]]
    return [(scale, unit) for _, scale, unit in SIZES["en"]]


def _gap() -> str:
    """Return what stands between a number and a sign; Chinese has nothing there."""
    return told({"en": NBSP, "zh": ""})


def chance(probability: float | None) -> str:
    """Return `12 %`; what is nearly certain is never called certain.

    >>> chance(0.124).replace(NBSP, " "), chance(0.999).replace(NBSP, " ")
    ('12 %', '> 99 %')
    """
    if probability is not None and 0.995 <= probability < 1:
        return f">{_gap()}99{_gap()}%"
    if probability is not None and 0 < probability < 0.005:
        return f"<{_gap()}1{_gap()}%"
    return percent(probability, 0)


def change(now: float, before: float) -> str:
    """Return `+12 %` of `now` against `before`; empty where nothing was before.

    >>> change(112, 100).replace(NBSP, " "), change(1, 0)
    ('+12 %', '')
    """
    if before <= 0:
        return ""
    share = now / before - 1
    if share >= 9.995:
        return f"×{_gap()}{number(now / before, 0)}"
    return f"{'+' if share > 0 else ''}{percent(share, 0)}"


@dataclass(frozen=True)
class Currency:
    """How amounts of one currency are written; without a code, as plain numbers."""

    prefix: str = ""
    suffix: str = ""

    @classmethod
    def of(cls, code: str) -> "Currency":
        """Return the way of writing an ISO 4217 code."""
        if code in SYMBOLS:
            return cls(prefix=SYMBOLS[code])
        return cls(suffix=f"{NBSP}{code}" if code else "")

    def money(self, amount: float | None) -> str:
        """Return `£12.34`, `£1,234`."""
        if amount is None:
            return DASH
        decimals = 0 if abs(amount) >= 1000 or amount == 0 else 2
        return self._dress(number(amount, decimals))

    def short(self, amount: float) -> str:
        """Return `£1.23 M`, `£664`, `£12.34`."""
        return self._dress(compact(amount)) if abs(amount) >= 100 else self.money(amount)

    def _dress(self, text: str) -> str:
        sign, digits = (MINUS, text[1:]) if text.startswith(MINUS) else ("", text)
        return f"{sign}{self.prefix}{digits}{self.suffix}"


def date(local_at: int | None) -> str:
    """Return `2025-11-30`."""
    if local_at is None:
        return DASH
    return f"{local_datetime(local_at):%Y-%m-%d}"


def date_time(local_at: int | None) -> str:
    """Return `2025-11-30 18:05`."""
    return DASH if local_at is None else f"{local_datetime(local_at):%Y-%m-%d %H:%M}"


def period(local_at: int, unit: PeriodUnit) -> str:
    """Return the name of the period from `local_at` on: `14:30`, `2024-01-03`, `Jan 2024` …"""
    moment = local_datetime(local_at)
    if language() == "zh":
        return _period_zh(moment, unit)
    month = MONTHS[moment.month - 1]
    if unit in ("10 minutes", "hour"):
        clock = f"{moment:%H:%M}"
        return f"{moment.day} {month} {clock}" if unit == "hour" else clock
    if unit in ("day", "week"):
        return date(local_at)
    if unit == "month":
        return f"{month} {moment.year}"
    if unit == "quarter":
        return f"Q{(moment.month - 1) // 3 + 1} {moment.year}"
    return str(moment.year)


def _period_zh(moment: datetime, unit: PeriodUnit) -> str:
    if unit == "10 minutes":
        return f"{moment:%H:%M}"
    if unit == "hour":
        return f"{moment.month}月{moment.day}日 {moment:%H:%M}"
    if unit in ("day", "week"):
        return f"{moment:%Y-%m-%d}"
    if unit == "month":
        return f"{moment.year}年{moment.month}月"
    if unit == "quarter":
        return f"{moment.year}年第{(moment.month - 1) // 3 + 1}季度"
    return f"{moment.year}年"


def span(days: float) -> str:
    """Return a length of time in its natural unit.

    >>> span(0.125), span(5), span(150), span(700)
    ('3 hours', '5 days', '5 months', '23 months')
    """
    for length, unit, from_days in (
        (365.25, "year", 1095), (30.44, "month", 70), (7, "week", 28), (1, "day", 2),
        (1 / 24, "hour", 1 / 12),
    ):  # fmt: skip
        if days >= from_days:
            return _counted(round(days / length), unit)
    return _counted(max(round(days * 1440), 1), "minute")


def _counted(count: int, unit: str) -> str:
    if language() == "zh":
        return f"{count:,}{_SPAN_UNITS_ZH[unit]}"
    return f"{count:,} {unit}{'' if count == 1 else 's'}"
