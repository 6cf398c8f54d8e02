"""What the SQL of a rule differs in from one database to another.

The warehouse describes its databases and registers them here, so that rules know this interface and no database.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

# Long lists: one array parameter, one JSON text that the database takes apart, or a parameter for each member.
ListForm = Literal["array", "json", "values"]


class SqlDialect:
    """How a database writes rules; what is here is standard SQL.

    Every method takes operands that are SQL already and returns SQL.
    """

    # SQLAlchemy's name of the dialect; empty for standard SQL, which every unknown dialect is given.
    name = ""
    # Floating-point columns may hold NaN; so may decimal ones.
    stores_nan = True
    stores_decimal_nan = False
    # CAST('NaN' AS ...) is understood.
    casts_nan = False
    list_form: ListForm = "values"
    double = "DOUBLE PRECISION"

    def contains(self, text: str, part: str, *, written_out: bool) -> str:
        """Whether a text has another one in it, letter for letter; `written_out` for people and other databases."""
        del written_out
        return f"POSITION({part} IN {text}) > 0"

    def starts_with(self, text: str, part: str, *, written_out: bool) -> str:
        """Whether a text starts with another one."""
        del written_out
        return f"LEFT({text}, {self.length(part)}) = {part}"

    def ends_with(self, text: str, part: str, *, written_out: bool) -> str:
        """Whether a text ends with another one."""
        del written_out
        return f"RIGHT({text}, {self.length(part)}) = {part}"

    def length(self, text: str) -> str:
        """The length of a text in characters."""
        return f"CHAR_LENGTH({text})"

    def substring(self, text: str, start: str, length: str | None) -> str:
        """Part of a text, by characters, from `start` (the first is 1) on."""
        return f"SUBSTR({text}, {start})" if length is None else f"SUBSTR({text}, {start}, {length})"

    def moment(self, column: str) -> str:
        """A column of times as it compares with a time that is a parameter."""
        return column

    def double_literal(self, number: float) -> str:
        """A finite double, written out."""
        return repr(number)

    def by_code_point(self, text: str) -> str:
        """The text in an order that does not depend on the database's language."""
        return text

    def exact(self, text: str) -> str:
        """The text compared case-sensitively."""
        return text

    def same(self, left: str, right: str, standard: str) -> str:
        """Whether two values are equal or both NULL; `standard` is SQLAlchemy's IS NOT DISTINCT FROM."""
        del left, right
        return standard

    def as_double(self, number: str, cast: Callable[[], str]) -> str:
        """The number as a double; `cast` writes SQLAlchemy's CAST."""
        del number
        return cast()

    def truncated(self, number: str) -> str:
        """The number without its fraction."""
        return f"TRUNC({number})"

    def least(self, numbers: Sequence[str]) -> str:
        """The smallest of numbers none of which is NULL."""
        return f"LEAST({', '.join(numbers)})"

    def greatest(self, numbers: Sequence[str]) -> str:
        """The largest of numbers none of which is NULL."""
        return f"GREATEST({', '.join(numbers)})"


_STANDARD = SqlDialect()
_registered: dict[str, SqlDialect] = {}


def register_dialects(dialects: Iterable[SqlDialect]) -> None:
    """Make these databases known to rules."""
    _registered.update((dialect.name, dialect) for dialect in dialects)


def dialect_named(name: str) -> SqlDialect:
    """The database of that SQLAlchemy name, standard SQL for one that is unknown."""
    if not _registered:
        raise RuntimeError("No database is registered for rules: import loyalty_core.warehouse.dialects first.")
    return _registered.get(name, _STANDARD)
