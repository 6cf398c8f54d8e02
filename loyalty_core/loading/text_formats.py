"""The ways in which a text can be read as a number, a date or a yes/no, as data: one row of a table each."""

from dataclasses import dataclass
from typing import Literal

DateOrder = Literal["day-first", "month-first"]

# Words that stand for "nothing here" in exports; infinities are of no more use than a blank.
NO_VALUE = ("", "na", "n/a", "#n/a", "nan", "null", "none", "-", "inf", "-inf")

# How a churn label may be written.
YES_WORDS = ("yes", "y", "true", "t", "1", "1.0")
NO_WORDS = ("no", "n", "false", "f", "0", "0.0")


@dataclass(frozen=True)
class Reading:
    """One way to read a text. `sql` gives the value of the text `{}`, or NULL where it cannot be read so."""

    kind: str
    type: str
    sql: str
    needs_both: bool = False  # a flag that is believed only when both its words occur
    date_order: DateOrder | None = None

    def of(self, text: str) -> str:
        return self.sql.replace("{}", text)


def _flag(yes: str, no: str, *, needs_both: bool = False) -> Reading:
    sql = f"CASE lower({{}}) WHEN '{yes}' THEN true WHEN '{no}' THEN false END"
    return Reading("a yes or no", "BOOLEAN", sql, needs_both)


def _number(pattern: str, duckdb_type: str = "DOUBLE", value: str = "{}") -> Reading:
    sql = f"CASE WHEN regexp_full_match({{}}, '{pattern}') THEN TRY_CAST({value} AS {duckdb_type}) END"
    return Reading("a number", duckdb_type, sql)


def _date(pattern: str, duckdb_type: str, value: str, order: DateOrder | None = None) -> Reading:
    sql = f"CASE WHEN regexp_full_match({{}}, '{pattern}') THEN {value}::{duckdb_type} END"
    return Reading("a date", duckdb_type, sql, date_order=order)


def _numeric_dates(order: DateOrder, year: str) -> tuple[Reading, ...]:
    """Dates such as 31/12/2024: alone, with a time of day (or without, in some rows), with one in AM and PM.

    All rows of a column must have the same order, and years (`%Y` or `%y`) of as many digits.
    """
    day = f"%d/%m/{year}" if order == "day-first" else f"%m/%d/{year}"
    separator = "[/.-]" if order == "day-first" else "[/-]"  # with points, the day is first everywhere
    date = rf"\d{{1,2}}{separator}\d{{1,2}}{separator}\d{{{4 if year == '%Y' else 2}}}"
    slashed = "translate({}, '.-', '//')"
    # One format for all rows: trying several costs ten times as much.
    colons = f"length({slashed}) - length(replace({slashed}, ':', ''))"
    to_the_second = f"{slashed} || CASE {colons} WHEN 0 THEN ' 0:00:00' WHEN 1 THEN ':00' ELSE '' END"
    halves = [f"{day} %I:%M %p", f"{day} %I:%M:%S %p"]
    return (
        _date(date, "DATE", f"try_strptime({slashed}, '{day}')", order),
        _date(
            rf"{date}( \d{{1,2}}:\d{{2}}(:\d{{2}})?)?",
            "TIMESTAMP",
            f"try_strptime({to_the_second}, '{day} %H:%M:%S')",
            order,
        ),
        _date(
            rf"{date} \d{{1,2}}:\d{{2}}(:\d{{2}})? [AaPp][Mm]",
            "TIMESTAMP",
            f"try_strptime({slashed}, {halves})",
            order,
        ),
    )


FLAGS = (
    _flag("yes", "no"),
    _flag("true", "false"),
    _flag("y", "n", needs_both=True),
    _flag("t", "f", needs_both=True),
    _flag("1", "0", needs_both=True),
)

# A leading zero or plus sign, or more than 15 digits, mean a code (post code, telephone, card): it stays text.
_PLAIN_NUMBERS = (
    _number(r"-?(0|[1-9]\d{0,14})", "BIGINT"),
    _number(r"-?(0|[1-9]\d{0,14})?(\.\d+)?([eE][+-]?\d{1,2})?"),
)
# Thousands are set apart by points or (no-break) spaces where decimals follow a comma, and the other way round.
_COMMA_DECIMALS = _number(
    r"-?(\d{1,3}([. \x{00A0}]\d{3})+|0|[1-9]\d{0,14})(,\d+)?",
    value=r"replace(regexp_replace({}, '[. \x{00A0}]', '', 'g'), ',', '.')",
)
_COMMA_THOUSANDS = _number(r"-?(\d{1,3}(,\d{3})+|0|[1-9]\d{0,14})(\.\d+)?", value="replace({}, ',', '')")

DATES = (
    _date(r"\d{4}-\d{2}-\d{2}", "DATE", "TRY_CAST({} AS DATE)"),
    # A time with a zone becomes UTC; one without is kept as it stands (the session's zone is UTC).
    _date(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?", "TIMESTAMP", "timezone('UTC', TRY_CAST({} AS TIMESTAMPTZ))"),
    _date(r"\d{4}/\d{1,2}/\d{1,2}", "DATE", "try_strptime({}, '%Y/%m/%d')"),
    _date(
        r"\d{1,2}[ -][A-Za-z]{3,9}[ -]\d{4}", "DATE", "try_strptime(replace({}, '-', ' '), ['%d %b %Y', '%d %B %Y'])"
    ),
    *_numeric_dates("day-first", "%Y"),
    *_numeric_dates("month-first", "%Y"),
    *_numeric_dates("day-first", "%y"),
    *_numeric_dates("month-first", "%y"),
)
# Only where a column is known to hold dates: elsewhere 20241231 is a number like any other.
COMPACT_DATE = _date(r"(19|20)\d{6}", "DATE", "try_strptime({}, '%Y%m%d')")


def numbers(*, decimal_comma: bool) -> tuple[Reading, ...]:
    """How numbers may be written, the likeliest first: 1,250 is read by the first that reads all of its column.

    `decimal_comma` says which likeliest is meant: 1.25 or 1250.
    """
    commas = (_COMMA_DECIMALS, _COMMA_THOUSANDS) if decimal_comma else (_COMMA_THOUSANDS, _COMMA_DECIMALS)
    return (*_PLAIN_NUMBERS, *commas)


def dates(order: DateOrder | None) -> tuple[Reading, ...]:
    """How dates may be written; with `order`, 01/02/2024 is read in that order only."""
    return tuple(reading for reading in DATES if order is None or reading.date_order in (None, order))
