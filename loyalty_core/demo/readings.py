"""The ways in which a text can be read as a number, a date or a yes/no, as data: one row of a table each."""

from dataclasses import dataclass
from typing import Literal

DateOrder = Literal["day-first", "month-first"]

# Words that stand for "nothing here" in exports; infinities are of no more use than a blank.
NO_VALUE = ("", "na", "n/a", "#n/a", "nan", "null", "none", "-", "inf", "-inf")


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


def _numeric_date(order: DateOrder, separators: str, duckdb_type: str) -> Reading:
    """Dates such as 31/12/2024; as TIMESTAMP also with a time of day. Years have two digits or four."""
    clocks = [""] if duckdb_type == "DATE" else ["", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p"]
    clock = "" if duckdb_type == "DATE" else r"( \d{1,2}:\d{2}(:\d{2})?( [AaPp][Mm])?)?"
    day = "%d/%m" if order == "day-first" else "%m/%d"
    formats = [f"{day}/{year}{clock}" for year in ("%y", "%Y") for clock in clocks]
    slashed = r"regexp_replace({}, '^(\d+).(\d+).', '\1/\2/')"
    pattern = rf"\d{{1,2}}[{separators}]\d{{1,2}}[{separators}](\d{{4}}|\d{{2}}){clock}"
    return _date(pattern, duckdb_type, f"try_strptime({slashed}, {formats})", order)


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
    _numeric_date("day-first", "/.-", "DATE"),
    _numeric_date("month-first", "/-", "DATE"),
    _numeric_date("day-first", "/.-", "TIMESTAMP"),
    _numeric_date("month-first", "/-", "TIMESTAMP"),
)
# Only where a column is known to hold dates: elsewhere 20241231 is a number like any other.
COMPACT_DATE = _date(r"(19|20)\d{6}", "DATE", "try_strptime({}, '%Y%m%d')")


def numbers(*, decimal_comma: bool) -> tuple[Reading, ...]:
    """How numbers may be written; 12,50 and 1,250 look alike, so the file's delimiter has to say which is meant."""
    return (*_PLAIN_NUMBERS, _COMMA_DECIMALS if decimal_comma else _COMMA_THOUSANDS)


def dates(order: DateOrder | None) -> tuple[Reading, ...]:
    """How dates may be written; with `order`, 01/02/2024 is read in that order only."""
    return tuple(reading for reading in DATES if order is None or reading.date_order in (None, order))
