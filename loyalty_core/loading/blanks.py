"""Texts that mean a missing value in exports, and the SQL that reads a column without them."""

from collections.abc import Iterable

# Lower case. Always blank, in a column of any kind.
_ALWAYS = (
    *("", "-", "--", "---", "–", "—", "?", "??", "\\n"),
    *("n/a", "n.a.", "n.a", "n. a.", "n/d", "n.d.", "k.a.", "k. a.", "s/d"),
    *("(null)", "<null>", "[null]", "{null}", "<na>", "<n/a>", "(blank)", "<blank>", "(none)", "<none>"),
    *("#n/a", "#n/a n/a", "#na", "#n/d", "#nv", "#value!", "#ref!", "#div/0!", "#name?", "#num!", "#null!"),
    *("0000-00-00", "0000-00-00 00:00:00", "00/00/0000", "00.00.0000"),
)
# These may be a name or a category as well (Namibia is NA, a rating is *): blank only beside numbers, dates, flags
# and ids.
_AMONG_VALUES = (
    *(".", "..", "*", "na", "nan", "-nan", "nat", "null", "none", "nil", "void", "undefined", "missing", "unknown"),
    *("not available", "not applicable", "nd", "no data", "1.#qnan", "-1.#ind", "1.#ind"),
    *("inf", "-inf", "+inf", "infinity", "-infinity"),  # no more useful than a blank
)
_SPACES = " \t\r\n\u00a0\u2007\u202f\ufeff"


def literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def trimmed(column: str) -> str:
    """SQL of a column (itself SQL) as text without outer white space, no-break spaces included."""
    return f"trim({column}::VARCHAR, {literal(_SPACES)})"


def value_of(column: str, further: Iterable[str] = ()) -> str:
    """SQL of a column of values as text: NULL where it is blank or marks a missing value."""
    return _unless(column, (*_ALWAYS, *_AMONG_VALUES, *further))


def words_of(column: str, further: Iterable[str] = ()) -> str:
    """SQL of a column of words as text: NULL where it is blank or holds a sign that is not a word."""
    return _unless(column, (*_ALWAYS, *further))


def doubtful(column: str, further: Iterable[str] = ()) -> str:
    """SQL of the words of a column that would be blank in a column of values; NULL elsewhere."""
    listed = ", ".join(literal(text) for text in _AMONG_VALUES if text not in {given.lower() for given in further})
    text = trimmed(column)
    return f"CASE WHEN list_contains([{listed}], lower({text})) THEN {text} END"


def _unless(column: str, texts: Iterable[str]) -> str:
    # Not IN: DuckDB turns a long IN into a join, and a join for each of 300 columns takes minutes.
    listed = ", ".join(literal(text.strip().lower()) for text in texts)
    text = trimmed(column)
    return f"CASE WHEN NOT list_contains([{listed}], lower({text})) THEN {text} END"
