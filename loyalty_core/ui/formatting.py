"""Values as people read them: one locale, one currency, blanks named as such."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

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
from loyalty_core.warehouse.columns.labels import unit_of

BLANK = "—"
_LOCALE = "en"
# From here on digits say nothing, and babel's decimals have no room for them.
_TOO_LARGE = 1e18
# Below it babel's compact form has all the digits there are.
_SMALLEST_COMPACT = 1000


def count(number: int) -> str:
    """20,000."""
    return format_decimal(number, locale=_LOCALE)


def compact(number: float) -> str:
    """1.2M, for places where a full number does not fit."""
    if abs(number) >= _TOO_LARGE:
        return f"{number:.3g}"
    return format_compact_decimal(number, locale=_LOCALE, fraction_digits=1)


def money(amount: float | Decimal) -> str:
    """€1,234.56."""
    if abs(amount) >= _TOO_LARGE:
        return f"{currency_symbol()}{amount:.3g}"
    return format_currency(amount, get_settings().currency, locale=_LOCALE)


def compact_money(amount: float | Decimal) -> str:
    """€8.9M; in full where that is no longer."""
    if not _SMALLEST_COMPACT <= abs(amount) < _TOO_LARGE:
        return money(amount)
    return format_compact_currency(amount, get_settings().currency, locale=_LOCALE, fraction_digits=1)


def whole_money(amount: float | Decimal) -> str:
    """€1,235, where there is no room for cents."""
    if abs(amount) >= _TOO_LARGE:
        return money(amount)
    return format_currency(
        round(amount), get_settings().currency, format="¤#,##0", locale=_LOCALE, currency_digits=False
    )


def percent(share: float, digits: int = 0) -> str:
    """12 % from 0.12."""
    return format_percent(round(share, digits + 2), format=f"#,##0.{'0' * digits}%", locale=_LOCALE)


def day(moment: date) -> str:
    """1 Nov 2026."""
    return format_date(moment, "d MMM y", locale=_LOCALE)


def moment(when: datetime) -> str:
    """1 Nov 2026, 14:05, in the time zone of the settings."""
    local = when.astimezone(get_settings().zone) if when.tzinfo else when
    return format_datetime(local, "d MMM y, HH:mm", locale=_LOCALE)


def time_zone() -> str:
    """The time zone in which moments are shown."""
    return get_settings().time_zone


def currency_symbol() -> str:
    """€, for axis titles."""
    return format_currency(0, get_settings().currency, format="¤", locale=_LOCALE).strip()


def value(column: Column, raw: Any) -> str:
    """A feature's value with its unit, by the column it stands in."""
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
        case _:
            return str(raw)


def _number(column: Column, raw: float | Decimal) -> str:
    match unit_of(column.name):
        case "id":
            return str(raw)
        case _ if isinstance(raw, float | Decimal) and abs(raw) >= _TOO_LARGE:
            return f"{raw:.3g}"
        case "money":
            return money(raw)
        case "days":
            return f"{format_decimal(raw, format='#,##0.##', locale=_LOCALE)} day{'' if raw == 1 else 's'}"
        case "share" if _within_one(column):
            return percent(float(raw), 1)
        case _:
            return format_decimal(raw, format="#,##0.##", locale=_LOCALE)


def _within_one(column: Column) -> bool:
    return column.maximum is not None and column.minimum >= 0 and column.maximum <= 1


def loose_value(name: str, raw: Any) -> str:
    """A value from a column that is not in the catalog, by the column's name alone."""
    return value(Column(name, "other", "", ""), raw)
