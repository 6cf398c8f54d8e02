"""The ways in which a text can be read as a date or a time, as data: one row of a table each."""

import re

from loyalty_core.loading.file_format import DateOrder
from loyalty_core.loading.readings import Reading

# The first letters of month names that differ from the English ones, in common languages.
_FOREIGN_MONTHS = {
    "jan": "ene|gen",
    "feb": "fev|fév",
    "mar": "mär|mrz",
    "apr": "avr|abr",
    "may": "mai|maj|mag|mei",
    "jun": "juin|giu",
    "jul": "juil|lug",
    "aug": "aoû|aou|ago",
    "sep": "set",
    "oct": "okt|ott|out",
    "dec": "dez|dic|déc|des",
}
_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-zà-ÿ]{0,7}\.?"
_AHEAD = frozenset(("valid", "until", "expiry", "end", "ends", "due", "renew", "renewal", "next", "to", "till"))
_CLOCK = r"(?:[ ,t]+(\d{1,2})[:.](\d{2})(?:[:.](\d{2})(?:[.,]\d+)?)?(?: ?([ap])\.?m\.?)?)?"
_CLOCK_FORMATS = (":: ", "%H:%M: ", "%H:%M:%S ", "%I:%M: %p", "%I:%M:%S %p")


def dates(order: DateOrder | None, *, past: bool = False) -> tuple[Reading, ...]:
    """How dates may be written; with `order`, 01/02/2024 is read in that order only.

    With `past`, a year of two digits is never in the future: 55 is 1955. Else 69 to 99 are of the last century.
    """
    short = (*_numeric("day-first", 2, past), *_numeric("month-first", 2, past), *_named(2, past))
    every = (*_YEAR_FIRST, *_named(4, past=False), *_numeric("day-first", 4), *_numeric("month-first", 4), *short)
    return tuple(reading for reading in every if order is None or reading.date_order in (None, order))


def may_be_ahead(name: str) -> bool:
    """Whether the name of a column suggests a future day, such as `valid_until`."""
    words = re.findall(r"[A-Z]?[a-z]+", name)
    return any(word.lower() in _AHEAD or word.lower().startswith("expir") for word in words)


def _date(
    pattern: str, duckdb_type: str, value: str, order: DateOrder | None = None, *, short: bool = False
) -> Reading:
    sql = f"CASE WHEN regexp_full_match({{}}, '{pattern}') THEN {value}::{duckdb_type} END"
    return Reading("a date", duckdb_type, sql, date_order=order, short_years=short)


_DASHED = r"regexp_replace({}, '^(\d{4})[/.](\d{1,2})[/.]', '\1-\2-')"
_YEAR_FIRST = (
    _date(r"\d{4}-\d{1,2}-\d{1,2}", "DATE", "TRY_CAST({} AS DATE)"),
    # A time with a zone becomes UTC; one without is not changed (the session's zone is UTC).
    _date(
        r"\d{4}-\d{1,2}-\d{1,2}([T ]\d{1,2}:\d{2}.*)?",
        "TIMESTAMP",
        "timezone('UTC', TRY_CAST({} AS TIMESTAMPTZ))",
    ),
    _date(r"\d{4}[/.]\d{1,2}[/.]\d{1,2}", "DATE", f"TRY_CAST({_DASHED} AS DATE)"),
    _date(
        r"\d{4}[/.]\d{1,2}[/.]\d{1,2}([T ]\d{1,2}:\d{2}.*)?",
        "TIMESTAMP",
        f"timezone('UTC', TRY_CAST({_DASHED} AS TIMESTAMPTZ))",
    ),
)
# Only where a column is known to hold dates: elsewhere 20241231 is a number like any other.
COMPACT_DATE = _date(r"(19|20)\d{6}", "DATE", "try_strptime({}, '%Y%m%d')")


def _in_the_past(moment: str, digits: int, past: bool) -> str:
    if digits == 4 or not past:
        return moment
    return f"({moment} - to_years(100 * ({moment} > now()::TIMESTAMP)::INT))"


def _numeric(order: DateOrder, digits: int, past: bool = False) -> tuple[Reading, ...]:
    """Dates such as 31/12/2024: alone, with a time of day (or without, in some rows), with one in AM and PM.

    All rows of a column must have the same order, and years of as many digits.
    """
    year = "%Y" if digits == 4 else "%y"
    day = f"%d/%m/{year}" if order == "day-first" else f"%m/%d/{year}"
    separator = "[/.-]" if order == "day-first" else "[/-]"  # with points, the day is first everywhere
    date = rf"\d{{1,2}}{separator}\d{{1,2}}{separator}\d{{{digits}}}"
    slashed = "translate({}, '.-', '//')"
    # One format for all rows: trying several costs ten times as much.
    colons = f"length({slashed}) - length(replace({slashed}, ':', ''))"
    to_the_second = f"{slashed} || CASE {colons} WHEN 0 THEN ' 0:00:00' WHEN 1 THEN ':00' ELSE '' END"
    halves = [f"{day} %I:%M %p", f"{day} %I:%M:%S %p"]
    values = (
        (date, "DATE", f"try_strptime({slashed}, '{day}')"),
        (rf"{date}( \d{{1,2}}:\d{{2}}(:\d{{2}})?)?", "TIMESTAMP", f"try_strptime({to_the_second}, '{day} %H:%M:%S')"),
        (rf"{date} \d{{1,2}}:\d{{2}}(:\d{{2}})? [AaPp][Mm]", "TIMESTAMP", f"try_strptime({slashed}, {halves})"),
    )
    return tuple(
        _date(pattern, kind, _in_the_past(value, digits, past), order, short=digits == 2)
        for pattern, kind, value in values
    )


def _named(digits: int, past: bool) -> tuple[Reading, ...]:
    """Dates with the month's name: 5 Jan 2024, January 5, 2024, 11-FEB-24 09.30.15 AM, Mon, 5 Jan 2024 10:30."""
    weekday, day, year = r"(?:[a-zà-ÿ]{2,10}\.?,? )?", r"(\d{1,2})(?:st|nd|rd|th|\.)?", rf"(\d{{{digits}}})"
    text = "lower({})"
    for english, foreign in _FOREIGN_MONTHS.items():
        text = f"regexp_replace({text}, '{foreign}', '{english}')"
    day_first = rf"^{weekday}{day}(?:[- ./]| de | of ){{1,2}}{_MONTH}(?:[-, ./]| de ){{1,2}}{year}{_CLOCK}$"
    month_first = rf"^{weekday}{_MONTH}[- ]{day},?[- ]{year}{_CLOCK}$"
    text = rf"regexp_replace({text}, '{day_first}', '\1 \2 \3 \4:\5:\6 \7')"
    text = rf"regexp_replace({text}, '{month_first}', '\2 \1 \3 \4:\5:\6 \7')"
    # The half of the day becomes AM or PM; without one, the text ends in a space.
    text = f"regexp_replace({text}, '([ap])$', '\\1m')"
    date = f"%d %b {'%Y' if digits == 4 else '%y'} "
    every = [date + clock for clock in _CLOCK_FORMATS]
    has_a_name = r"regexp_matches(lower({}), '(^|\d\D{1,4})[a-zà-ÿ]{3}')"
    return tuple(
        Reading(
            "a date",
            kind,
            f"CASE WHEN {has_a_name} THEN {_in_the_past(value, digits, past)}::{kind} END",
            short_years=digits == 2,
        )
        for kind, value in (
            ("DATE", f"try_strptime({text}, '{every[0]}')"),
            ("TIMESTAMP", f"try_strptime({text}, {every})"),
        )
    )
