"""What names or endangers a person within a text: found, and blotted out.

In: texts. Out: which may hold such a thing (a whole column at a time, cheaply), and a text with
each e-mail address, telephone number, card number, bank account number and password replaced by
`[redacted]`. Card numbers are told by their check digit (Luhn, ISO/IEC 7812), bank accounts by
theirs (IBAN, ISO 13616), telephone numbers by a leading plus. Knows nothing about fields.
"""

import json
import re
from collections.abc import Iterator
from typing import Final

import polars as pl
import pyarrow as pa

REDACTED: Final = "[redacted]"

# Every repetition has an upper bound: a text of a hundred kilobytes must not take its square.
_EMAIL: Final = re.compile(
    r"[\w.+%-]{1,64}(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63}){0,6}\."
    r"(?!(?:png|jpe?g|gif|webp|svg|css|js|html?)\b)[^\W\d_]{2,24}\b",
    re.IGNORECASE,
)
_PHONE: Final = re.compile(r"(?<![\w+])(?:\+|%2B)[1-9](?:[ ()./-]{0,2}[0-9]){7,14}(?![0-9])")
_CARD: Final = re.compile(r"(?<![\w.])[2-6](?:[ -]?[0-9]){13,18}(?![\w])")
# Beginnings and lengths that card numbers have; others with a fitting check digit are chance.
_ISSUED: Final = re.compile(
    r"4\d{15}|5[1-5]\d{14}|2(?:2[2-9]|[3-6]\d|7[01])\d{13}|2720\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[68]\d)\d{11}|35\d{14}|6(?:011|5\d\d|4[4-9]\d)\d{12}|62\d{14,17}"
)
_IBAN: Final = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}", re.IGNORECASE)
_IBAN_LENGTHS: Final = dict(
    re.findall(
        r"([A-Z]{2})(\d\d)",
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 "
        "EE20 EG29 ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 "
        "IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 "
        "NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SD18 SE24 SI19 SK24 SM27 ST25 SV28 "
        "TL23 TN24 TR26 UA29 VA22 VG24 XK20",
    )
)
_SECRET_KEYS: Final = (
    r"[\w-]{0,24}?(?:password|passwd|passwort|kennwort|passphrase|pwd|secret|access_?token"
    r"|auth_?token|api_?key|cvv2?|cvc2?|密码)"
)
_PHONE_KEYS: Final = r"[\w-]{0,24}?(?:phone|mobile|telephone|tel|msisdn|手机号?|电话)"
_IN_JSON: Final = r'("{keys}"\s*:\s*)("(?:[^"\\]|\\.)*"|[^\s",}}\]\[{{]+)'
_IN_QUERY: Final = r"((?<![\w-]){keys}=)([^&#\s\"'<>;,\\]+)"
_BARE: Final = re.compile(r"(?<=[:\[,])(\s*)\[redacted\](?=\s*[,}\]])")
_NOTHING: Final = ('""', "null", "true", "false")

_OFTEN: Final = 4  # a column whose texts come so often each is looked at text by text
_MIN_BYTES: Final = 6  # of an address such as a@b.co
_DIGITS: Final = bytes.maketrans(b"123456789", b"0" * 9)
_BETWEEN_DIGITS: Final = b" -.()/"
_WORDS: Final = (
    "passw", "kennwort", "passphrase", "pwd", "secret", "token", "apikey", "api_key", "cvv", "cvc",
    "phone", "mobile", "tel=", 'tel"', "msisdn", "密码", "手机", "电话", "%40", "%2b",
)  # fmt: skip
_NAMED: Final = r"[@＠]|\+[0-9][0-9 ()./-]{6}"
_TYPED: Final = (
    _NAMED + r"|(?:^|[^0-9A-Za-z.])[2-6][0-9]{3}[ -]?[0-9]{4,6}[ -]?[0-9]{4,5}[ -]?[0-9]"
    r"|(?:^|[^A-Za-z0-9])[A-Za-z]{2}[0-9]{2} ?[A-Za-z0-9]{4} ?[A-Za-z0-9]{4}"
    r"|(?i:passw|kennwort|passphrase|pwd|secret|token|api_?key|cvv|cvc|phone|mobile|tel[=\"]|msisdn"
    r"|密码|手机|电话|%40|%2b)"
)
_PERSON: Final = (
    r"^[^\s@]+@[^\s@]+\.[^\s@.]{2,}$|^\+[1-9](?:[ ()./-]*[0-9]){7,14}$|^1[3-9][0-9]{9}$"
    r"|^\(?[0-9]{3}\)?[ .-][0-9]{3}[ .-][0-9]{4}$"
)


def may_hold_personal(texts: pl.Series, *, typed: bool) -> bool:
    """Whether a column of texts is worth a closer look.

    Of names (not `typed`) only addresses and telephone numbers are asked for.
    """
    longest = texts.str.len_bytes().max()
    if not isinstance(longest, int) or longest < _MIN_BYTES:
        return False
    num_texts = texts.to_frame("text").select(pl.col("text").approx_n_unique()).item()
    if num_texts * _OFTEN < len(texts):
        texts = texts.unique()
    content = _bytes_of(texts)
    if b"@" in content:
        return True
    has_plus = b"+" in content
    if not typed and not has_plus:
        return False
    digits = content.translate(_DIGITS, _BETWEEN_DIGITS)
    if has_plus and b"+0000000" in digits:
        return True
    if not typed:
        return False
    is_long = b"0" * 10 in digits
    return is_long or bool(texts.str.contains_any(list(_WORDS), ascii_case_insensitive=True).any())


def worth_reading(texts: pl.Series, *, typed: bool) -> pl.Series:
    """Return which texts may hold something, so that each of them has to be read."""
    return texts.str.contains(_TYPED if typed else _NAMED).fill_null(False)


def looks_like_person(ids: pl.Series) -> pl.Series:
    """Return which ids are e-mail addresses or telephone numbers by their look.

    >>> looks_like_person(pl.Series(["a@b.de", "+49 30 1234567", "13812345678", "u7", "42"])).sum()
    3
    """
    return ids.str.contains(_PERSON).fill_null(False)


def redacted(text: str, *, typed: bool = True) -> tuple[str, frozenset[str]]:
    """Return the text without what is personal or secret, and the kinds of what there was.

    Kinds: email, phone and, in texts that persons `typed`, card, iban, password.

    >>> redacted('{"card": 4111111111111111}')
    ('{"card": "[redacted]"}', frozenset({'card'}))
    """
    blot = _Blot(text)
    if typed:
        blot.values_of(_SECRET_KEYS, "password", min_digits=0)
        blot.values_of(_PHONE_KEYS, "phone", min_digits=7)
        blot.spans("iban", _ibans(blot.text))
        blot.spans("card", _cards(blot.text))
    blot.spans("email", (found.span() for found in _EMAIL.finditer(blot.text)))
    blot.spans("phone", (found.span() for found in _PHONE.finditer(blot.text)))
    return blot.text, frozenset(blot.kinds)


class _Blot:
    """A text on its way, and what was blotted out of it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.kinds: set[str] = set()
        self._is_json = _is_json(text)

    def spans(self, kind: str, spans: Iterator[tuple[int, int]]) -> None:
        """Blot out parts of the text."""
        pieces, at = [], 0
        for start, end in spans:
            pieces += [self.text[at:start], REDACTED]
            at = end
        if not pieces:
            return
        text = "".join(pieces) + self.text[at:]
        if self._is_json and not _is_json(text):
            text = _BARE.sub(rf'\1"{REDACTED}"', text)  # it was a number
        self.text = text
        self.kinds.add(kind)

    def values_of(self, keys: str, kind: str, *, min_digits: int) -> None:
        """Blot out the values that stand with these keys, in JSON or in a URL's query."""
        for pattern, shown in ((_IN_JSON, f'"{REDACTED}"'), (_IN_QUERY, REDACTED)):
            self._replace(
                re.compile(pattern.format(keys=keys), re.IGNORECASE), shown, kind, min_digits
            )

    def _replace(self, pattern: re.Pattern[str], shown: str, kind: str, min_digits: int) -> None:
        def replaced(found: re.Match[str]) -> str:
            key, value = found.groups()
            num_digits = sum(letter.isdigit() for letter in value)
            if value in _NOTHING or REDACTED in value or num_digits < min_digits:
                return found[0]
            self.kinds.add(kind)
            return f"{key}{shown}"

        self.text = pattern.sub(replaced, self.text)


def _cards(text: str) -> Iterator[tuple[int, int]]:
    for found in _CARD.finditer(text):
        digits = re.sub("[ -]", "", found[0])
        if _ISSUED.fullmatch(digits) and _luhn(digits) == 0:
            yield found.span()


def _luhn(digits: str) -> int:
    """Return the check sum of a card number; 0 where the check digit fits."""
    odd, even = digits[-1::-2], digits[-2::-2]
    return (sum(map(int, odd)) + sum(sum(divmod(2 * int(one), 10)) for one in even)) % 10


def _ibans(text: str) -> Iterator[tuple[int, int]]:
    for found in _IBAN.finditer(text):
        length = int(_IBAN_LENGTHS.get(found[0][:2].upper(), 0))
        ends = [at for at, letter in enumerate(found[0], start=1) if letter != " "][:length]
        if length and len(ends) == length:
            account = found[0][: ends[-1]].replace(" ", "")
            number = "".join(str(int(letter, 36)) for letter in account[4:] + account[:4])
            if int(number) % 97 == 1:
                yield found.start(), found.start() + ends[-1]


def _is_json(text: str) -> bool:
    if text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _bytes_of(texts: pl.Series) -> bytes:
    """Return the bytes of all texts, one after the other."""
    content = texts.to_arrow().cast(pa.large_string()).buffers()[2]
    return b"" if content is None else content.to_pybytes()
