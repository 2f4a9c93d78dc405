"""Currencies: their codes, and the signs they are written with.

Knows nothing about amounts.
"""

from typing import Final

# Active codes of ISO 4217, and those that shops' older logs still hold.
_CODES: Final = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP
BYN BZD CAD CDF CHF CLF CLP CNY COP CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP
GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS
KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK
MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD
SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH
UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG ZWL BYR DEM ESP FRF GRD
ITL LTL LVL MRO NLG ROL SKK STD TRL VEF XAU ZMK
"""
CURRENCIES: Final = frozenset(_CODES.split())
_SIGNS: Final[dict[str, str]] = {
    "€": "EUR", "£": "GBP", "元": "CNY", "¥": "CNY JPY", "￥": "CNY JPY", "円": "JPY", "₽": "RUB",
    "₹": "INR", "₩": "KRW", "₺": "TRY", "₴": "UAH", "₫": "VND", "₪": "ILS", "฿": "THB",
    "zł": "PLN", "kč": "CZK", "fr": "CHF", "kr": "SEK NOK DKK ISK",
    "$": "USD AUD CAD NZD HKD SGD TWD MXN ARS CLP COP", "us$": "USD", "r$": "BRL",
}  # fmt: skip


def currencies_of(sign: str) -> frozenset[str]:
    """Return the currencies that are written so; none for what is no sign and no code.

    >>> sorted(currencies_of("¥")), sorted(currencies_of("eur")), sorted(currencies_of("x"))
    (['CNY', 'JPY'], ['EUR'], [])
    """
    if sign.upper() in CURRENCIES:
        return frozenset({sign.upper()})
    return frozenset(_SIGNS.get(sign.lower(), "").split())
