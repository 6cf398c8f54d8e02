"""What the columns of a file mean, found by DuckDB over every value: the type and SQL by which each is taken."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from loyalty_core.errors import DataError
from loyalty_core.loading.source_file import SOURCE_ROWS, SourceRows, quoted
from loyalty_core.loading.text_formats import COMPACT_DATE, FLAGS, NO_VALUE, DateOrder, Reading, dates, numbers

SAMPLE_ROWS = 2_000
COLUMNS_AT_ONCE = 10
NEARLY_ALL = 0.95  # of its values: a column below that is not even meant to be of a type
ENOUGH = 0.9  # of its values: below that, a column named as date or amount is the wrong one

WHOLE_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")
BIG_NUMBERS = ("UBIGINT", "HUGEINT", "UHUGEINT", "DECIMAL")
FLOATS = ("FLOAT", "DOUBLE")
TIMES = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")
WRITTEN_OUT = ("UUID", "TIME", "INTERVAL")


@dataclass(frozen=True)
class TypedColumn:
    """A column as it is taken over: its type and the SQL over `source_rows` that gives its values.

    The SQL is empty for a column that is left out; the note says why, or what became of some values.
    """

    name: str
    type: str
    sql: str
    note: str = ""


@dataclass(frozen=True)
class Measure:
    """How many values of a column are there, and how many of them each reading can read."""

    present: int
    readable: Mapping[Reading, int]


def typed_columns(
    connection: duckdb.DuckDBPyConnection, rows: SourceRows, names: Sequence[str], order: DateOrder | None
) -> list[TypedColumn]:
    """The given columns with the types that all their values have; a column of lists or bytes has none."""
    readings = (*FLAGS, *numbers(decimal_comma=rows.decimal_comma), *dates(order))
    texts = [name for name in names if is_text(rows.types[name])]
    sample = _measure(connection, dict.fromkeys(texts, readings), SAMPLE_ROWS)
    promising = {name: _promising(sample[name]) for name in texts}
    measures = _measure(connection, promising, None)
    typed = {name: _typed_text(name, measures[name], rows.row_count) for name in texts}
    return [typed.get(name) or _typed_as_stored(name, rows.types[name]) for name in names]


def date_column(
    connection: duckdb.DuckDBPyConnection, rows: SourceRows, name: str, order: DateOrder | None
) -> TypedColumn:
    """A column of dates as TIMESTAMP in UTC; values that cannot be read are NULL. DataError when most cannot."""
    stored = _typed_as_stored(name, rows.types[name])
    if stored.type in ("DATE", "TIMESTAMP"):
        return TypedColumn(name, "TIMESTAMP", f"{stored.sql}::TIMESTAMP")
    best, measure = _best(connection, rows, name, (*dates(order), COMPACT_DATE))
    if _is_ambiguous(measure, measure.readable[best]):
        raise DataError(
            f"The dates in {name} can be read day first or month first.",
            "No value shows which is meant.",
            "Say it with --date-order day-first or --date-order month-first.",
        )
    return TypedColumn(name, "TIMESTAMP", f"({best.of(text_of(name))})::TIMESTAMP")


def number_column(connection: duckdb.DuckDBPyConnection, rows: SourceRows, name: str) -> TypedColumn:
    """A column of amounts as DOUBLE; values that cannot be read are NULL. DataError when most cannot."""
    stored = _typed_as_stored(name, rows.types[name])
    if stored.type in ("BIGINT", "DOUBLE"):
        return TypedColumn(name, "DOUBLE", f"{stored.sql}::DOUBLE")
    readings = [way for way in numbers(decimal_comma=rows.decimal_comma) if way.type == "DOUBLE"]
    best, _ = _best(connection, rows, name, readings)
    return TypedColumn(name, "DOUBLE", best.of(text_of(name)))


def identifier(connection: duckdb.DuckDBPyConnection, rows: SourceRows, name: str) -> str:
    """SQL of an id column as text; ids that went through a spreadsheet as 12346.0 become 12346 again."""
    column, kind = quoted(name), _base(rows.types[name])
    if kind in FLOATS or kind == "DECIMAL":
        whole = f"TRY_CAST({column} AS HUGEINT)"
        return f"CASE WHEN {whole} = {column} THEN {whole}::VARCHAR ELSE {text_of(name)} END"
    text = text_of(name)
    (all_decimal,) = connection.execute(
        f"SELECT bool_and(regexp_full_match(id, '\\d+\\.0')) FROM (SELECT {text} AS id FROM {SOURCE_ROWS})"  # noqa: S608
    ).fetchall()[0]
    return f"regexp_replace({text}, '\\.0$', '')" if all_decimal else text


def text_of(name: str) -> str:
    """SQL of a column as text without outer white space; NULL where it says that there is no value."""
    trimmed = f"trim({quoted(name)}::VARCHAR)"
    # Not IN: DuckDB turns a long IN into a join, and a join for each of 300 columns takes minutes.
    return f"CASE WHEN NOT list_contains({list(NO_VALUE)}, lower({trimmed})) THEN {trimmed} END"


def is_text(duckdb_type: str) -> bool:
    return _base(duckdb_type) in ("VARCHAR", "ENUM")


def _base(duckdb_type: str) -> str:
    """`DECIMAL(18,2)` → `DECIMAL`; lists keep their brackets."""
    return duckdb_type if duckdb_type.endswith("]") else duckdb_type.split("(", maxsplit=1)[0]


def _typed_as_stored(name: str, duckdb_type: str) -> TypedColumn:
    column, kind = quoted(name), _base(duckdb_type)
    if kind in ("BOOLEAN", "DATE"):
        return TypedColumn(name, kind, column)
    if kind in WHOLE_NUMBERS:
        return TypedColumn(name, "BIGINT", f"{column}::BIGINT")
    if kind in BIG_NUMBERS:
        return TypedColumn(name, "DOUBLE", f"{column}::DOUBLE")
    if kind in FLOATS:
        return TypedColumn(name, "DOUBLE", f"CASE WHEN isfinite({column}) THEN {column}::DOUBLE END")
    if kind in TIMES:
        return TypedColumn(name, "TIMESTAMP", f"{column}::TIMESTAMP")
    if kind == "TIMESTAMP WITH TIME ZONE":
        return TypedColumn(name, "TIMESTAMP", f"timezone('UTC', {column})")
    if kind in WRITTEN_OUT:
        return TypedColumn(name, "VARCHAR", f"{column}::VARCHAR")
    return TypedColumn(name, "", "", f"Column {name} is left out: it holds {duckdb_type}, not single values.")


def _typed_text(name: str, measure: Measure, row_count: int) -> TypedColumn:
    complete = [reading for reading, count in measure.readable.items() if count == measure.present > 0]
    if not complete or _is_ambiguous(measure, measure.present):
        note = _why_text(name, measure, bool(complete))
        return TypedColumn(name, "VARCHAR", f"nullif(trim({quoted(name)}::VARCHAR), '')", note)
    blanks = row_count - measure.present
    note = f"Column {name}: {blanks:,} blank value{'s' * (blanks != 1)} became empty (NULL)." if blanks else ""
    return TypedColumn(name, complete[0].type, complete[0].of(text_of(name)), note)


def _why_text(name: str, measure: Measure, ambiguous: bool) -> str:
    if ambiguous:
        return f"Column {name} stays text: its dates can be read day first or month first (see --date-order)."
    if not any(measure.readable.values()):
        return ""
    nearest, count = max(measure.readable.items(), key=lambda item: item[1])
    odd = f"{measure.present - count:,} of its {measure.present:,} values"
    return f"Column {name} stays text: {odd} cannot be read as {nearest.kind}."


def _is_ambiguous(measure: Measure, count: int) -> bool:
    orders = {reading.date_order for reading, readable in measure.readable.items() if readable == count > 0}
    return {"day-first", "month-first"} <= orders


def _promising(sample: Measure) -> list[Reading]:
    least = sample.present * NEARLY_ALL
    return [reading for reading, count in sample.readable.items() if count >= least]


def _best(
    connection: duckdb.DuckDBPyConnection, rows: SourceRows, name: str, readings: Sequence[Reading]
) -> tuple[Reading, Measure]:
    sample = _measure(connection, {name: readings}, SAMPLE_ROWS)[name]
    likely = [reading for reading in readings if sample.readable[reading]] or readings
    measure = _measure(connection, {name: likely}, None)[name]
    best, count = max(measure.readable.items(), key=lambda item: item[1])
    if count < measure.present * ENOUGH or not count:
        raise DataError(
            f"Column {name} of {rows.file.name} does not hold {best.kind} in each row.",
            f"Only {count:,} of its {measure.present:,} values can be read as {best.kind}, all written one way.",
            "Name another column, or write its values one way (2024-12-31, 1234.50) and export again.",
        )
    return best, measure


def _measure(
    connection: duckdb.DuckDBPyConnection, readings: Mapping[str, Sequence[Reading]], limit: int | None
) -> dict[str, Measure]:
    """Count, for each column, its values and those that each of its readings can read."""
    measures: dict[str, Measure] = {}
    names = list(readings)
    for start in range(0, len(names), COLUMNS_AT_ONCE):
        part = names[start : start + COLUMNS_AT_ONCE]
        texts = ", ".join(f"{text_of(name)} AS c{number}" for number, name in enumerate(part))
        counts = ", ".join(
            count
            for number, name in enumerate(part)
            for count in _counts(f"c{number}", readings[name], whole_column=limit is None)
        )
        rows = SOURCE_ROWS if limit is None else f"(FROM {SOURCE_ROWS} LIMIT {limit})"
        query = f"SELECT {counts} FROM (SELECT {texts} FROM {rows})"  # noqa: S608 (quoted identifiers)
        found = iter(connection.execute(query).fetchall()[0])
        for name in part:
            present = next(found)
            measures[name] = Measure(present, {reading: next(found) for reading in readings[name]})
    return measures


def _counts(text: str, readings: Iterable[Reading], *, whole_column: bool) -> Iterable[str]:
    yield f"count({text})"
    for reading in readings:
        value = reading.of(text)
        both = f"bool_or({value}) AND NOT bool_and({value})"
        doubtful = whole_column and reading.needs_both
        yield f"CASE WHEN {both} THEN count({value}) ELSE 0 END" if doubtful else f"count({value})"
