"""The ways in which a text can be read, and how many values of each column each of them can read."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from loyalty_core.loading.file_format import DateOrder
from loyalty_core.loading.source_file import SOURCE_ROWS, SourceRows

_SAMPLE_ROWS = 2_000
_COLUMNS_AT_ONCE = 10

_QUESTIONS = frozenset(("is", "has", "had", "was", "did", "can", "may", "accepts", "wants", "gets", "uses", "flag"))
_AMOUNTS = frozenset(
    (
        *("count", "number", "num", "nr", "qty", "quantity", "amount", "total", "sum", "size", "volume", "weight"),
        *("revenue", "turnover", "spend", "spent", "value", "price", "cost", "margin", "profit", "balance", "stock"),
        *("frequency", "recency", "monetary", "age", "tenure", "score", "rate", "ratio", "level", "rating", "rank"),
        *("avg", "average", "mean", "median", "ltv", "children", "people"),
        *("anzahl", "umsatz", "betrag", "menge", "antall"),
    )
)
_NOT_PLURAL = ("ss", "us", "is")


@dataclass(frozen=True)
class Reading:
    """One way to read a text. `sql` gives the value of the text `{}`, or NULL where it cannot be read so."""

    kind: str
    type: str
    sql: str
    needs_both: bool = False  # a flag that is only assumed when both its words occur
    date_order: DateOrder | None = None
    short_years: bool = False

    def of(self, text: str) -> str:
        return self.sql.replace("{}", text)


@dataclass(frozen=True)
class Measure:
    """How many values a column has, and how many of them each reading can read."""

    present: int
    readable: Mapping[Reading, int]


def _flag(yes: str, no: str, *, needs_both: bool = False) -> Reading:
    sql = f"CASE lower({{}}) WHEN '{yes}' THEN true WHEN '{no}' THEN false END"
    return Reading("a yes or no", "BOOLEAN", sql, needs_both)


ONE_OR_ZERO = _flag("1", "0", needs_both=True)
_FLAGS = (
    _flag("yes", "no"),
    _flag("true", "false"),
    _flag("y", "n", needs_both=True),
    _flag("t", "f", needs_both=True),
)


def flags(name: str) -> tuple[Reading, ...]:
    """How a yes or no may be written in the column `name`: 1 and 0 only where the name is not that of an amount."""
    return _FLAGS if _names_an_amount(name) else (*_FLAGS, ONE_OR_ZERO)


def _names_an_amount(name: str) -> bool:
    """`transaction_count`, `TotalCharges`, `orders`: a 0 or 1 in such a column is a number."""
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-zà-ÿ]+|[A-Z]+(?![a-z])", name)]
    if not words or words[0] in _QUESTIONS or words[-1] in _QUESTIONS:
        return False
    plural = words[-1].endswith("s") and not words[-1].endswith(_NOT_PLURAL)
    return plural or not _AMOUNTS.isdisjoint(words)


def sample_measures(
    connection: duckdb.DuckDBPyConnection, rows: SourceRows, readings: Mapping[str, Sequence[Reading]]
) -> dict[str, Measure]:
    """Measure each column by rows taken from all over the file: to leave out what it is certainly not."""
    step = max(rows.row_count // _SAMPLE_ROWS, 1)
    return _measures(connection, rows, readings, f"(FROM {SOURCE_ROWS} WHERE rowid % {step} = 0)", whole=False)


def measures(
    connection: duckdb.DuckDBPyConnection, rows: SourceRows, readings: Mapping[str, Sequence[Reading]]
) -> dict[str, Measure]:
    """Measure each column by all rows of the file."""
    return _measures(connection, rows, readings, SOURCE_ROWS, whole=True)


def count_each(
    connection: duckdb.DuckDBPyConnection, rows: SourceRows, counts: Mapping[str, Sequence[str]], source: str
) -> dict[str, list[int]]:
    """For each column, how often each SQL expression of its text `{}` gives a value."""
    found: dict[str, list[int]] = {}
    names = list(counts)
    for start in range(0, len(names), _COLUMNS_AT_ONCE):
        part = names[start : start + _COLUMNS_AT_ONCE]
        texts = ", ".join(f"{rows.value_of(name)} AS c{number}" for number, name in enumerate(part))
        counted = ", ".join(
            f"count({expression.replace('{}', f'c{number}')})"
            for number, name in enumerate(part)
            for expression in counts[name]
        )
        query = f"SELECT {counted} FROM (SELECT {texts} FROM {source})"  # noqa: S608 (quoted identifiers)
        answer = iter(connection.execute(query).fetchall()[0])
        found |= {name: [next(answer) for _ in counts[name]] for name in part}
    return found


def _measures(
    connection: duckdb.DuckDBPyConnection,
    rows: SourceRows,
    readings: Mapping[str, Sequence[Reading]],
    source: str,
    *,
    whole: bool,
) -> dict[str, Measure]:
    expressions = {name: list(_expressions(found)) for name, found in readings.items()}
    counts = count_each(connection, rows, expressions, source)
    return {name: _measure(found, counts[name], whole=whole) for name, found in readings.items()}


def _expressions(readings: Iterable[Reading]) -> Iterable[str]:
    yield "{}"
    for reading in readings:
        yield reading.sql
        if reading.needs_both:
            yield f"nullif({reading.sql}, false)"


def _measure(readings: Iterable[Reading], counts: Iterable[int], *, whole: bool) -> Measure:
    """Over the whole column, a flag that needs both its words and has only one of them reads no value."""
    found = iter(counts)
    present, readable = next(found), dict[Reading, int]()
    for reading in readings:
        count = next(found)
        one_sided = reading.needs_both and next(found) in (0, count)
        readable[reading] = 0 if whole and one_sided else count
    return Measure(present, readable)
