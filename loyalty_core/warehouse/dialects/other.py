"""Databases that are not tested here: what is known of how they write rules, for the SQL that people copy."""

from collections.abc import Callable

from loyalty_core.warehouse.dialects.base import Dialect


class MySQL(Dialect):
    """Ignores case by default, and could not cast to a double before 8.0.17."""

    name = "mysql"
    title = "MySQL"
    stores_nan = False
    _collation = "utf8mb4_0900_bin"

    def by_code_point(self, text: str) -> str:
        """By a binary collation."""
        return f"({text} COLLATE {self._collation})"

    def exact(self, text: str) -> str:
        """By a binary collation."""
        return f"{text} COLLATE {self._collation}"

    def same(self, left: str, right: str, standard: str) -> str:
        """<=>, written here since SQLAlchemy leaves parameters in it where values are to be written out."""
        del standard
        return f"{left} <=> {right}"

    def as_double(self, number: str, cast: Callable[[], str]) -> str:
        """By adding a double."""
        del cast
        return f"({number} + 0e0)"

    def truncated(self, number: str) -> str:
        """TRUNCATE."""
        return f"TRUNCATE({number}, 0)"


class MariaDB(MySQL):
    """MySQL with collations of its own."""

    name = "mariadb"
    title = "MariaDB"
    _collation = "utf8mb4_nopad_bin"


class SqlServer(Dialect):
    """Ignores case by default, and has no IS NOT DISTINCT FROM before 2022."""

    name = "mssql"
    title = "SQL Server"
    grammar = "tsql"
    stores_nan = False
    _collation = "Latin1_General_100_BIN2_UTF8"

    def contains(self, text: str, part: str, *, written_out: bool) -> str:
        """CHARINDEX."""
        del written_out
        return f"CHARINDEX({part}, {text}) > 0"

    def length(self, text: str) -> str:
        """LEN, with a character after the text, since it does not count blanks at the end."""
        return f"(LEN(CONCAT({text}, N'.')) - 1)"

    def substring(self, text: str, start: str, length: str | None) -> str:
        """SUBSTRING, which needs a length."""
        return f"SUBSTRING({text}, {start}, {'2147483647' if length is None else length})"

    def by_code_point(self, text: str) -> str:
        """By a binary collation."""
        return f"({text} COLLATE {self._collation})"

    def exact(self, text: str) -> str:
        """By a binary collation."""
        return f"{text} COLLATE {self._collation}"

    def same(self, left: str, right: str, standard: str) -> str:
        """By a CASE."""
        del standard
        return same_by_case(left, right)

    def truncated(self, number: str) -> str:
        """By sign and size."""
        return truncated_by_sign(number)


class Oracle(Dialect):
    """Standard SQL without NaN."""

    name = "oracle"
    title = "Oracle"
    stores_nan = False


class Snowflake(Dialect):
    """Standard SQL, but for TRUNC."""

    name = "snowflake"
    title = "Snowflake"
    grammar = "snowflake"
    is_offered = True

    def truncated(self, number: str) -> str:
        """By sign and size."""
        return truncated_by_sign(number)


class Databricks(Snowflake):
    """As Snowflake."""

    name = "databricks"
    title = "Databricks"
    grammar = "databricks"


class Spark(Dialect):
    """Reached by its Thrift server."""

    name = "hive"
    title = "Spark"


class BigQuery(Dialect):
    """STRPOS in place of POSITION."""

    name = "bigquery"
    title = "BigQuery"
    grammar = "bigquery"
    is_offered = True

    def contains(self, text: str, part: str, *, written_out: bool) -> str:
        """STRPOS."""
        del written_out
        return f"STRPOS({text}, {part}) > 0"


class Redshift(Dialect):
    """Without IS NOT DISTINCT FROM."""

    name = "redshift"
    title = "Redshift"
    grammar = "redshift"
    is_offered = True

    def same(self, left: str, right: str, standard: str) -> str:
        """By a CASE."""
        del standard
        return same_by_case(left, right)


def same_by_case(left: str, right: str) -> str:
    """Equal or both NULL, where IS NOT DISTINCT FROM is unknown."""
    both_null = f"{left} IS NULL AND {right} IS NULL"
    return f"CASE WHEN {left} = {right} THEN 1 WHEN {both_null} THEN 1 ELSE 0 END = 1"


def truncated_by_sign(number: str) -> str:
    """Without the fraction, where TRUNC is missing or does something else."""
    return f"(SIGN({number}) * FLOOR(ABS({number})))"
