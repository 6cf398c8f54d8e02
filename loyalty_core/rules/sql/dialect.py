"""What the SQL of a rule differs in from one database to another.

The warehouse describes its databases and registers them here, so that rules know this interface and no database.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

import sqlalchemy as sa

from loyalty_core.errors import LoyaltyError

# Long lists: one array parameter, one JSON text that the database takes apart, or a parameter for each member.
ListForm = Literal["array", "json", "values"]

# The functions that rules use where a database says nothing else. LENGTH is listed only where it counts characters,
# and MOD only where it gives the remainder of doubles.
STANDARD_FUNCTIONS = frozenset(
    {"ABS", "CHAR_LENGTH", "COALESCE", "FLOOR", "GREATEST", "LEAST", "LEFT", "NULLIF"}
    | {"POSITION", "RIGHT", "SIGN", "SUBSTRING", "TRIM", "TRUNC"}
)
# 2^26 and 2^27 + 1: they cut a double into two halves whose products are exact (T. J. Dekker, 1971).
HALF = 67_108_864
SPLITTER = 134_217_729


class NotWritable(LoyaltyError):
    """The database has no exact way to write a part of the rule."""

    code = "not_writable"


class SqlDialect:
    """How a database writes rules; what is here is standard SQL, or what `functions` allows.

    Every method takes operands that are SQL already and returns SQL.
    """

    # SQLAlchemy's name of the dialect; empty for standard SQL, which every unknown dialect is given.
    name = ""
    # Those functions of the database that rules may use; where one is missing, another form is written.
    functions: frozenset[str] = STANDARD_FUNCTIONS
    # Floating-point columns may hold NaN; so may decimal ones.
    stores_nan = True
    stores_decimal_nan = False
    # CAST('NaN' AS ...) is understood; NaN equals itself, against the standard for floating-point numbers.
    casts_nan = False
    nan_equals_itself = True
    list_form: ListForm = "values"
    double = "DOUBLE PRECISION"

    def contains(self, text: str, part: str, *, written_out: bool) -> str:
        """Whether a text has another one in it, letter for letter; `written_out` for people and other databases."""
        del written_out
        position = self._first_known(
            {
                "STRPOS": f"STRPOS({text}, {part})",
                "POSITION": f"POSITION({part} IN {text})",
                "INSTR": f"INSTR({text}, {part})",
                "CHARINDEX": f"CHARINDEX({part}, {text})",
            }
        )
        return f"{position} > 0"

    def starts_with(self, text: str, part: str, *, written_out: bool) -> str:
        """Whether a text starts with another one."""
        del written_out
        length = self.length(part)
        start = f"LEFT({text}, {length})" if "LEFT" in self.functions else self.substring(text, "1", length)
        return f"{start} = {part}"

    def ends_with(self, text: str, part: str, *, written_out: bool) -> str:
        """Whether a text ends with another one."""
        del written_out
        length = self.length(part)
        end = f"RIGHT({text}, {length})" if "RIGHT" in self.functions else self.substring(text, f"-{length}")
        return f"{end} = {part}"

    def length(self, text: str) -> str:
        """The length of a text in characters."""
        return self._first_known({"CHAR_LENGTH": f"CHAR_LENGTH({text})", "LENGTH": f"LENGTH({text})"})

    def substring(self, text: str, start: str, length: str | None = None) -> str:
        """Part of a text, by characters, from `start` (the first is 1) on."""
        arguments = f"{text}, {start}" if length is None else f"{text}, {start}, {length}"
        return self._first_known({"SUBSTR": f"SUBSTR({arguments})", "SUBSTRING": f"SUBSTRING({arguments})"})

    def moment(self, column: str, kind: sa.types.TypeEngine[Any]) -> str:
        """A column of times of that type, as it compares with a parameter and with another such column."""
        del kind
        return column

    def double_literal(self, number: float) -> str:
        """A finite double, written out."""
        return repr(number)

    def by_code_point(self, text: str, *, written_out: bool) -> str:
        """The text in an order that does not depend on the database's language."""
        del written_out
        return text

    def exact(self, text: str, *, written_out: bool) -> str:
        """The text compared case-sensitively."""
        del written_out
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
        return self._first_known(
            {
                "TRUNC": f"TRUNC({number})",
                "TRUNCATE": f"TRUNCATE({number}, 0)",
                "FLOOR": f"(SIGN({number}) * FLOOR(ABS({number})))",
            }
        )

    def whole_remainder(self, left: str, right: str) -> str:
        """What is left of a division of whole numbers up to 10^15, neither 0 nor NULL on the right."""
        if "MOD" in self.functions:
            return f"MOD({left}, {right})"
        return f"({left} - {right} * {self.truncated(f'{left} / {right}')})"

    def remainder(self, left: str, right: str) -> str:
        """What is left of a division of doubles whose quotient is below 2^53, exactly as C's fmod has it."""
        return f"MOD({left}, {right})" if "MOD" in self.functions else self._remainder_in_halves(left, right)

    def least(self, *numbers: str) -> str:
        """The smallest of numbers none of which is NULL."""
        return f"LEAST({', '.join(numbers)})"

    def greatest(self, *numbers: str) -> str:
        """The largest of numbers none of which is NULL."""
        return f"GREATEST({', '.join(numbers)})"

    def in_steps(self, steps: Mapping[str, str], result: str) -> str:
        """A value calculated in steps: each is a name for some columns over those of the step before."""
        written = ""
        for name, columns in steps.items():
            source = f" FROM {written}" if written else ""
            written = f"(SELECT {columns}{source}) AS {name}"
        return f"(SELECT {result} FROM {written})"  # noqa: S608 - SQL from SQL

    def _first_known(self, forms: Mapping[str, str]) -> str:
        """The form of the first function that the database has."""
        for function, written in forms.items():
            if function in self.functions:
                return written
        raise NotWritable(
            f"{self.name} has none of the functions {', '.join(forms)}.", "", "List one of them in its dialect."
        )

    def _remainder_in_halves(self, left: str, right: str) -> str:
        """left − right × quotient, with the products of halves subtracted one by one: each step is exact.

        The quotient may have been rounded up to the next whole number; the remainder then has the wrong sign.
        """
        quotient = self.truncated("(o.a / o.b)")
        upper = f"{self.truncated(f'(h.q / {HALF})')} * {HALF}"
        return self.in_steps(
            {
                "o": f"{left} AS a, {right} AS b",
                "h": f"o.a, o.b, {quotient} AS q, o.b * {SPLITTER} - (o.b * {SPLITTER} - o.b) AS u",
                "s": f"h.a, h.b, h.u, h.b - h.u AS l, {upper} AS m, h.q - {upper} AS n",
                "t": "s.a, s.b, s.a - s.u * s.m - s.u * s.n - s.l * s.m - s.l * s.n AS r",
            },
            "CASE WHEN t.a < 0 AND t.r > 0 THEN t.r - ABS(t.b) "
            "WHEN t.a > 0 AND t.r < 0 THEN t.r + ABS(t.b) ELSE t.r END",
        )


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
