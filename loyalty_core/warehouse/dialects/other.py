"""Databases that are not tested here: what is known of their SQL, for rules that people copy.

`functions` is taken from each database's reference.
"""

from collections.abc import Callable, Sequence

from loyalty_core.rules.sql.dialect import STANDARD_FUNCTIONS, NotWritable
from loyalty_core.warehouse.dialects.abilities import Abilities
from loyalty_core.warehouse.dialects.base import Dialect

# Their grammars are not among those that a test reads the rules with.
_BY_FUNCTIONS = Abilities(tested="only its SQL for rules, by a list of functions")


class MySQL(Dialect):
    """Ignores case by default, and could not cast to a double before 8.0.17."""

    name = "mysql"
    title = "MySQL"
    # LENGTH counts bytes.
    functions = STANDARD_FUNCTIONS - {"TRUNC"} | {"CONCAT", "INSTR", "MOD", "SUBSTR", "TRUNCATE"}
    stores_nan = False
    _collation = "utf8mb4_0900_bin"

    def by_code_point(self, text: str, *, written_out: bool) -> str:
        """By a binary collation."""
        del written_out
        return f"({text} COLLATE {self._collation})"

    def exact(self, text: str, *, written_out: bool) -> str:
        """By a binary collation."""
        del written_out
        return f"{text} COLLATE {self._collation}"

    def same(self, left: str, right: str, standard: str) -> str:
        """<=>, written here since SQLAlchemy leaves parameters in it where values are to be written out."""
        del standard
        return f"{left} <=> {right}"

    def as_double(self, number: str, cast: Callable[[], str]) -> str:
        """By adding a double."""
        del cast
        return f"({number} + 0e0)"


class MariaDB(MySQL):
    """MySQL with collations of its own."""

    name = "mariadb"
    title = "MariaDB"
    abilities = _BY_FUNCTIONS
    _collation = "utf8mb4_nopad_bin"


class SqlServer(Dialect):
    """Ignores case by default; IS NOT DISTINCT FROM, LEAST and GREATEST are there only since 2022."""

    name = "mssql"
    title = "SQL Server"
    grammar = "tsql"
    functions = frozenset(
        {"ABS", "CHARINDEX", "COALESCE", "CONCAT", "FLOOR", "LEFT", "LEN", "MAX", "MIN", "NULLIF", "RIGHT", "SIGN"}
        | {"SUBSTRING", "TRIM"}
    )
    stores_nan = False
    _collation = "Latin1_General_100_BIN2_UTF8"

    def length(self, text: str) -> str:
        """LEN, with a character after the text, since it does not count blanks at the end."""
        return f"(LEN(CONCAT({text}, N'.')) - 1)"

    def substring(self, text: str, start: str, length: str | None = None) -> str:
        """SUBSTRING, which needs a length."""
        return super().substring(text, start, "2147483647" if length is None else length)

    def by_code_point(self, text: str, *, written_out: bool) -> str:
        """By a binary collation."""
        del written_out
        return f"({text} COLLATE {self._collation})"

    def exact(self, text: str, *, written_out: bool) -> str:
        """By a binary collation."""
        del written_out
        return f"{text} COLLATE {self._collation}"

    def same(self, left: str, right: str, standard: str) -> str:
        """By a CASE."""
        del standard
        return same_by_case(left, right)

    def least(self, *numbers: str) -> str:
        """By the aggregate."""
        return self._extreme("MIN", numbers)

    def greatest(self, *numbers: str) -> str:
        """By the aggregate."""
        return self._extreme("MAX", numbers)

    def _extreme(self, aggregate: str, numbers: Sequence[str]) -> str:
        rows = ", ".join(f"({number})" for number in numbers)
        return f"(SELECT {aggregate}(v) FROM (VALUES {rows}) AS n(v))"  # noqa: S608 - SQL from SQL


class Oracle(Dialect):
    """Without NaN, LEFT, RIGHT, POSITION and IS NOT DISTINCT FROM."""

    name = "oracle"
    title = "Oracle"
    abilities = _BY_FUNCTIONS
    grammar = "oracle"
    functions = frozenset(
        {"ABS", "COALESCE", "DECODE", "FLOOR", "GREATEST", "INSTR", "LEAST", "LENGTH", "MOD", "NULLIF", "SIGN"}
        | {"SUBSTR", "TO_DATE", "TO_TIMESTAMP", "TRIM", "TRUNC"}
    )
    stores_nan = False

    def same(self, left: str, right: str, standard: str) -> str:
        """DECODE, written here since SQLAlchemy leaves parameters in it where values are to be written out."""
        del standard
        return f"DECODE({left}, {right}, 0, 1) = 0"


class Snowflake(Dialect):
    """Standard SQL; TRUNC cuts dates as well, and translators take it for that."""

    name = "snowflake"
    title = "Snowflake"
    grammar = "snowflake"
    is_offered = True
    functions = STANDARD_FUNCTIONS - {"CHAR_LENGTH", "TRUNC"} | {"CHARINDEX", "LENGTH", "MOD", "SUBSTR"}
    # How sqlglot writes those of DuckDB, which pass over NULL.
    functions |= {"GREATEST_IGNORE_NULLS", "LEAST_IGNORE_NULLS"}


class BigQuery(Dialect):
    """STRPOS in place of POSITION; MOD is for whole numbers only."""

    name = "bigquery"
    title = "BigQuery"
    grammar = "bigquery"
    is_offered = True
    functions = STANDARD_FUNCTIONS - {"POSITION"} | {"INSTR", "LENGTH", "STRPOS", "SUBSTR"}


class Redshift(Dialect):
    """Without IS NOT DISTINCT FROM, and without subqueries that read the row from two levels up."""

    name = "redshift"
    title = "Redshift"
    grammar = "redshift"
    is_offered = True
    functions = STANDARD_FUNCTIONS | {"CHARINDEX", "LEN", "LENGTH", "STRPOS", "SUBSTR"}

    def same(self, left: str, right: str, standard: str) -> str:
        """By a CASE."""
        del standard
        return same_by_case(left, right)

    def remainder(self, left: str, right: str) -> str:
        """Refused: MOD is for whole numbers and decimals."""
        del left, right
        raise NotWritable(
            "Redshift has no exact remainder (%) of numbers that are not whole.",
            "Its MOD takes whole numbers and decimals only.",
            "Calculate the remainder in the features view, or use % between columns of whole numbers.",
        )


def same_by_case(left: str, right: str) -> str:
    """Equal or both NULL, where IS NOT DISTINCT FROM is unknown."""
    both_null = f"{left} IS NULL AND {right} IS NULL"
    return f"CASE WHEN {left} = {right} THEN 1 WHEN {both_null} THEN 1 ELSE 0 END = 1"
