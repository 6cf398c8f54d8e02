"""Values as people read and write them: numbers in the viewer's locale, one currency, blanks named as such.

Month names are English like the rest of the screens; with the month as a word, a date reads the same everywhere.
"""

import re
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Literal

import streamlit as st
from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime
from babel.numbers import (
    format_compact_currency,
    format_compact_decimal,
    format_currency,
    format_decimal,
    format_percent,
)

from loyalty_core.settings import get_settings
from loyalty_core.warehouse import Column
from loyalty_core.warehouse.columns import unit_of

BLANK = "—"
# How date fields write a day; Streamlit takes numbers only, and of these orders no reader mistakes this one.
DAY_FIELD = "YYYY-MM-DD"
# How fields write a number that may have decimals: with those that were entered, and no others.
NUMBER_FIELD = "%g"
_ENGLISH = Locale("en")
# Larger numbers than babel's decimals can hold are written with an exponent.
_TOO_LARGE = 1e18
# Babel cannot write all the digits of larger ones.
_TOO_LONG = 1e27
# A longer text may be infinite as a float, and Python refuses to read thousands of digits.
_MAX_LENGTH = 300
# German, Italian and others have no short form of thousands; Babel then writes all digits, without marks between them.
_IN_FULL = re.compile(r"\d{4}")
# Below it the compact form is no shorter.
_SMALLEST_COMPACT = 1000


def count(number: int) -> str:
    """20,000."""
    return format_decimal(number, locale=_locale())


def change(difference: int) -> str:
    """+1,200 or −300."""
    return f"{'+' if difference >= 0 else '−'}{count(abs(difference))}"


def arrow(difference: float) -> Literal["up", "down"]:
    """The arrow beside a change: Streamlit would look for a hyphen, which is not how a minus is written."""
    return "down" if difference < 0 else "up"


def compact(number: float) -> str:
    """1.2M, for places where a full number does not fit."""
    if abs(number) >= _TOO_LARGE:
        return f"{number:.3g}"
    text = format_compact_decimal(number, locale=_locale(), fraction_digits=1)
    return count(round(number)) if _IN_FULL.search(text) else text


def money(amount: float | Decimal) -> str:
    """€1,234.56."""
    if abs(amount) >= _TOO_LARGE:
        return f"{currency_symbol()}{amount:.3g}"
    return _with_minus(format_currency(amount, get_settings().currency, locale=_locale()))


def compact_money(amount: float | Decimal) -> str:
    """€8.9M; in full where that is no longer."""
    if not _SMALLEST_COMPACT <= abs(amount) < _TOO_LARGE:
        return money(amount)
    text = format_compact_currency(amount, get_settings().currency, locale=_locale(), fraction_digits=1)
    return whole_money(amount) if _IN_FULL.search(text) else _with_minus(text)


def whole_money(amount: float | Decimal) -> str:
    """€1,235, where there is no room for cents."""
    if abs(amount) >= _TOO_LARGE:
        return money(amount)
    pattern = _locale().currency_formats["standard"].pattern.replace(".00", "")
    text = format_currency(
        round(amount), get_settings().currency, format=pattern, locale=_locale(), currency_digits=False
    )
    return _with_minus(text)


def _with_minus(text: str) -> str:
    """The sign that differences have, in place of a hyphen."""
    return text.replace("-", "−")


def percent(share: float, digits: int = 0) -> str:
    """12% from 0.12."""
    pattern = _locale().percent_formats[None].pattern.replace("#,##0", _pattern(digits))
    return format_percent(round(share, digits + 2), format=pattern, locale=_locale())


def rounded_share(share: float, digits: int = 1) -> float:
    """0.123 from 0.1234: what `percent` writes, for table columns, which would round halves differently."""
    return round(share, digits + 2)


def percent_format() -> str:
    """How a slider writes whole percentages, as a printf format: 12% as "%d%%"."""
    return percent(0).replace("%", "%%").replace("0", "%d")


def decimal(amount: float, digits: int) -> str:
    """0.81, rounded to this many decimals."""
    return format_decimal(round(amount, digits), format=_pattern(digits), locale=_locale())


def significant(amount: float, digits: int) -> str:
    """1,234 or 0.08123, with this many significant digits."""
    return format_decimal(float(f"{amount:.{digits}g}"), format="#,##0.######", locale=_locale())


def signed(amount: float, digits: int) -> str:
    """+0.81 or −0.81, rounded to this many decimals."""
    return f"{'−' if amount < 0 else '+'}{decimal(abs(amount), digits)}"


def number(amount: float | Decimal, digits: int = 0) -> str:
    """1,234.5, with all its digits and at least this many decimals: which `read_number` reads back."""
    if abs(amount) >= _TOO_LONG:
        return str(amount)
    return format_decimal(amount, format=_pattern(digits), locale=_locale(), decimal_quantization=False)


def number_pattern(*, whole: bool = False) -> str:
    """A regular expression, for Python and JavaScript, of the numbers of the viewer's locale.

    `whole` leaves out fractions and negative numbers.
    """
    locale = _locale()
    symbols = locale.number_symbols["latn"]
    last, others = locale.decimal_formats[None].grouping
    # French groups are divided by a narrow no-break space, which no keyboard has.
    group = r"[\s’']" if symbols["group"].isspace() or symbols["group"] in "’'" else re.escape(symbols["group"])
    mark = re.escape(symbols["decimal"])
    grouped = rf"[0-9]{{1,{others}}}({group}[0-9]{{{others}}})*{group}[0-9]{{{last}}}"
    if whole:
        return rf"^\s*({grouped}|[0-9]+)\s*$"
    return rf"^\s*[-−]?({grouped}|[0-9]+)({mark}[0-9]+)?\s*$"


def read_number(text: str) -> float | None:
    """The number that a text is in the viewer's locale, an int without decimals; None for any other text."""
    if len(text) > _MAX_LENGTH or not re.fullmatch(number_pattern(), text):
        return None
    mark = _locale().number_symbols["latn"]["decimal"]
    sign = -1 if text.strip()[0] in "-−" else 1
    whole, point, fraction = text.partition(mark)
    return sign * (float(f"{_digits(whole)}.{_digits(fraction)}") if point else int(_digits(whole)))


def month(first: date) -> str:
    """November 2026."""
    return format_date(first, "MMMM y", locale=_ENGLISH)


def short_month(first: date) -> str:
    """Nov 2026."""
    return format_date(first, "MMM y", locale=_ENGLISH)


def day(moment: date) -> str:
    """1 Nov 2026."""
    return format_date(moment, "d MMM y", locale=_ENGLISH)


def moment(when: datetime) -> str:
    """1 Nov 2026, 14:05, in the time zone of the settings."""
    try:
        local = when.astimezone(get_settings().zone) if when.tzinfo else when
    except OverflowError:  # the last hours of the year 9999, which mean "never" in many databases
        local = when
    return format_datetime(local, "d MMM y, HH:mm", locale=_ENGLISH)


def time_zone() -> str:
    """The time zone in which moments are shown."""
    return get_settings().time_zone


def currency_symbol() -> str:
    """€, for axis titles."""
    return format_currency(0, get_settings().currency, format="¤", locale=_locale()).strip()


def value(column: Column, raw: Any) -> str:
    """A feature's value with its unit, by its column."""
    match raw:
        case None | "":
            return BLANK
        case bool():
            return "Yes" if raw else "No"
        case datetime():
            return moment(raw)
        case date():
            return day(raw)
        case int() | float() | Decimal():
            return _number(column, raw)
        case str() if _is_code(column, raw):
            return raw.replace("_", " ").capitalize()
        case _:
            return str(raw)


def _is_code(column: Column, raw: str) -> bool:
    """Whether it is a category's value in the spelling of a database, as at_risk is."""
    return bool(column.top_values) and re.fullmatch(r"[a-z]+(_[a-z]+)*", raw) is not None


def _number(column: Column, raw: float | Decimal) -> str:
    match unit_of(column.name):
        case "id":
            return str(raw)
        case _ if isinstance(raw, float | Decimal) and abs(raw) >= _TOO_LARGE:
            return f"{raw:.3g}"
        case "money":
            return money(raw)
        case "days":
            return f"{format_decimal(raw, format='#,##0.##', locale=_locale())} day{'' if raw == 1 else 's'}"
        case "share" if _within_one(column):
            return percent(float(raw), 1)
        case _:
            return format_decimal(raw, format="#,##0.##", locale=_locale())


def _within_one(column: Column) -> bool:
    return column.maximum is not None and column.minimum >= 0 and column.maximum <= 1


def loose_value(name: str, raw: Any) -> str:
    """A value from a column that is not in the catalog, by the column's name alone."""
    return value(Column(name, "other", "", ""), raw)


def separators() -> str:
    """Decimal and thousands marks of the viewer's locale, as Plotly takes them."""
    symbols = _locale().number_symbols["latn"]
    return symbols["decimal"] + symbols["group"]


def _pattern(digits: int) -> str:
    return f"#,##0.{'0' * digits}"


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text)) or "0"


def _locale() -> Locale:
    """The locale of the viewer's browser."""
    return _known_locale(st.context.locale or "en")


@cache
def _known_locale(name: str) -> Locale:
    try:
        return Locale.parse(name, sep="-")
    except (ValueError, UnknownLocaleError):
        return _ENGLISH
